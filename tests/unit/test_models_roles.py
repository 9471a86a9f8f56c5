"""The roles over the models: the state machine alone, with keys made here."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from euthymia.ground.errors import IntegrityError
from euthymia.models.roles import (
    ROLES,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    Registered,
    Root,
    Seen,
    Signed,
    Snapshot,
    Targets,
    Timestamp,
    TrustedSet,
    key_id,
    make_root,
    named,
    sign,
)

NOW, LATER = 1_000, 2_000
NOTHING = Seen()


class Shop:
    """A clinic's keys, and one state of its models after the other."""

    def __init__(self) -> None:
        self.keys = {role: (Ed25519PrivateKey.generate(),) for role in ROLES}
        self.keys[ROOT] = (*self.keys[ROOT], Ed25519PrivateKey.generate())
        public = {role: tuple(k.public_key() for k in keys) for role, keys in self.keys.items()}
        self.anchors = {key_id(k): k.public_bytes_raw().hex() for k in public[ROOT]}
        self.root = sign(make_root(public), *self.keys[ROOT])

    def state(self, number: int, expires: int = LATER) -> dict[str, bytes]:
        model = Registered("m", number, "t", "candidate", "d" * 64, "", "", False, 9)
        targets = sign(Targets(number, (model,)), *self.keys[TARGETS])
        body = Snapshot(number, named(1, self.root), named(number, targets))
        snapshot = sign(body, *self.keys[SNAPSHOT])
        stamp = Timestamp(number, expires, named(number, snapshot))
        return {
            ROOT: self.root,
            TIMESTAMP: sign(stamp, *self.keys[TIMESTAMP]),
            SNAPSHOT: snapshot,
            TARGETS: targets,
        }

    def trust(self, files: dict[str, bytes], seen: Seen = NOTHING, now: int = NOW) -> TrustedSet:
        found = TrustedSet(files[ROOT], self.anchors, seen, now)
        found.update_timestamp(files[TIMESTAMP])
        found.update_snapshot(files[SNAPSHOT])
        found.update_targets(files[TARGETS])
        return found


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop()


def test_what_is_signed_is_believed(shop):
    found = shop.trust(shop.state(3))
    assert found.targets is not None
    assert found.targets.models[0].version == 3
    assert found.seen() == Seen(1, 3, 3, 3)


@pytest.mark.parametrize("role", ROLES)
def test_every_changed_byte_and_every_cut_is_refused(shop, role):
    files = shop.state(2)
    whole = files[role]
    for place in range(len(whole)):
        bad = bytearray(whole)
        bad[place] ^= 0x20 if chr(whole[place]).isalpha() else 1
        with pytest.raises(IntegrityError):
            shop.trust({**files, role: bytes(bad)})
    for bad in (b"", whole[:-1], whole + b" ", whole[: len(whole) // 2]):
        with pytest.raises(IntegrityError):
            shop.trust({**files, role: bad})


def test_no_roll_back(shop):
    seen = shop.trust(shop.state(3)).seen()
    assert shop.trust(shop.state(3), seen).seen() == seen
    with pytest.raises(IntegrityError, match="timestamp was put back to an older state"):
        shop.trust(shop.state(2), seen)
    for role, kept in ((SNAPSHOT, Seen(1, 3, 3, 0)), (TARGETS, Seen(1, 3, 0, 0))):
        with pytest.raises(IntegrityError, match=f"{role} was put back"):
            shop.trust(shop.state(2), kept)
    with pytest.raises(IntegrityError, match="root was put back"):
        shop.trust(shop.state(3), Seen(root=2))


@pytest.mark.parametrize("role", [SNAPSHOT, TARGETS])
def test_no_mix_and_match(shop, role):
    old, new = shop.state(2), shop.state(3)
    with pytest.raises(IntegrityError, match=f"{role} is not the one that belongs"):
        shop.trust({**new, role: old[role]})
    with pytest.raises(IntegrityError, match=f"{role} is not the one that belongs"):
        shop.trust({**old, role: new[role]})


def test_no_freeze(shop):
    files = shop.state(3)
    shop.trust(files, now=LATER - 1)
    with pytest.raises(IntegrityError, match="ran out"):
        shop.trust(files, now=LATER)


def test_another_clinics_files_are_refused(shop):
    theirs = Shop().state(2)
    with pytest.raises(IntegrityError, match="another clinic's"):
        shop.trust(theirs)
    for role in (TIMESTAMP, SNAPSHOT, TARGETS):
        with pytest.raises(IntegrityError):
            shop.trust({**shop.state(2), role: theirs[role]})


def test_one_role_cannot_sign_for_another(shop):
    files = shop.state(2)
    body = msgspec.json.decode(files[TIMESTAMP], type=Signed).signed
    stamp = msgspec.json.decode(body, type=Timestamp)
    for role in (TARGETS, SNAPSHOT, ROOT):
        with pytest.raises(IntegrityError, match="not the role's"):
            shop.trust({**files, TIMESTAMP: sign(stamp, shop.keys[role][0])})
    targets = sign(Targets(2), *shop.keys[TIMESTAMP])  # the right key for the wrong words
    with pytest.raises(IntegrityError, match="another role's"):
        shop.trust({**files, TIMESTAMP: targets})


def test_a_root_needs_both_of_its_keys(shop):
    files = shop.state(2)
    root = msgspec.json.decode(files[ROOT], type=Signed)
    one = dict([next(iter(root.signatures.items()))])
    half = msgspec.json.encode(Signed(one, root.signed), order="sorted")
    with pytest.raises(IntegrityError, match="1 of 2 signatures"):
        shop.trust({**files, ROOT: half})
    # one of the two cannot make the other needless
    thief = Ed25519PrivateKey.generate()
    public = {role: (thief.public_key(),) for role in ROLES}
    with pytest.raises(IntegrityError, match="not the role's"):
        shop.trust({**files, ROOT: sign(make_root(public), shop.keys[ROOT][0], thief)})
    with pytest.raises(IntegrityError, match="other keys than this clinic's"):
        shop.trust({**files, ROOT: sign(make_root(public), *shop.keys[ROOT])})


def test_the_order_of_trust_cannot_be_left(shop):
    files = shop.state(2)
    found = TrustedSet(files[ROOT], shop.anchors, Seen(), NOW)
    for step in (found.update_snapshot, found.update_targets):
        with pytest.raises(RuntimeError):
            step(files[SNAPSHOT])


def test_who_signs_every_day_cannot_mix_what_was_signed_before(shop):
    """The keys of timestamp, snapshot and targets lie on the serving machine; here they are taken.

    Whatever is put together with them has to agree in every version, and with the root.
    """

    def put_together(stamped: int, snapshot: Snapshot, targets: Targets) -> dict[str, bytes]:
        models = sign(targets, *shop.keys[TARGETS])
        body = msgspec.structs.replace(snapshot, targets=named(snapshot.targets.version, models))
        middle = sign(body, *shop.keys[SNAPSHOT])
        stamp = Timestamp(9, LATER, named(stamped, middle))
        return {
            ROOT: shop.root,
            TIMESTAMP: sign(stamp, *shop.keys[TIMESTAMP]),
            SNAPSHOT: middle,
            TARGETS: models,
        }

    root, other = named(1, shop.root), named(1, Shop().root)
    assert shop.trust(put_together(5, Snapshot(5, root, named(4, b"")), Targets(4)))
    for told in (
        put_together(6, Snapshot(5, root, named(4, b"")), Targets(4)),
        put_together(5, Snapshot(5, other, named(4, b"")), Targets(4)),
        put_together(5, Snapshot(5, named(2, shop.root), named(4, b"")), Targets(4)),
    ):
        with pytest.raises(IntegrityError, match="snapshot does not belong"):
            shop.trust(told)
    with pytest.raises(IntegrityError, match="targets does not belong"):
        shop.trust(put_together(5, Snapshot(5, root, named(4, b"")), Targets(3)))


def test_a_root_cannot_ask_for_fewer_signatures_or_leave_a_role_out(shop):
    files = shop.state(2)
    body = msgspec.json.decode(msgspec.json.decode(shop.root, type=Signed).signed, type=Root)
    fewer = body.roles | {ROOT: msgspec.structs.replace(body.roles[ROOT], threshold=1)}
    without = {role: who for role, who in body.roles.items() if role != TARGETS}
    for roles in (fewer, without):
        root = sign(msgspec.structs.replace(body, roles=roles), *shop.keys[ROOT])
        with pytest.raises(IntegrityError, match="other keys than this clinic's"):
            TrustedSet(root, shop.anchors, NOTHING, NOW)
    assert TrustedSet(files[ROOT], shop.anchors, NOTHING, NOW)


def test_the_same_words_in_other_bytes_are_refused(shop):
    """Else one signed state had many digests, and a list of known ones could be walked around."""
    files = shop.state(2)
    held = msgspec.json.decode(files[TIMESTAMP], type=Signed)
    name, signature = next(iter(held.signatures.items()))
    said = bytes(held.signed).decode()
    for other in (
        f'{{"signed":{said},"signatures":{{"{name}":"{signature}"}}}}',
        f'{{"signatures": {{"{name}":"{signature}"}},"signed":{said}}}',
        f'{{"signatures":{{"{name}":"{signature.upper()}"}},"signed":{said}}}',
        f'{{"signatures":{{"{name}":"{signature}"}},"signed":{said},"more":1}}',
    ):
        with pytest.raises(IntegrityError, match="not as it was signed: it was changed"):
            shop.trust({**files, TIMESTAMP: other.encode()})
    same = f'{{"signatures":{{"{name}":"{signature}"}},"signed":{said}}}'
    assert shop.trust({**files, TIMESTAMP: same.encode()})
