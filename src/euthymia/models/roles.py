"""Who may say what about the models: four signed roles, after The Update Framework (TUF).

* root: which keys sign for which role, and how many of them must (two for root itself);
* targets: every bundle's name, version, length and digest, its state, and the history;
* snapshot: the version, length and digest of root and targets that belong together;
* timestamp: the same of the newest snapshot; signed anew at every change.

`TrustedSet` is a state machine without files and without a clock: it is fed the bytes of one role
after the other and refuses what is not signed, older than what was seen before, run out, or not
what the role above it named. Samuel et al. 2010, doi:10.1145/1866307.1866315;
https://theupdateframework.github.io/specification/v1.0.33/.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from euthymia.ground.clock import Micros, from_micros
from euthymia.ground.errors import IntegrityError

ROOT: Final = "root"
TARGETS: Final = "targets"
SNAPSHOT: Final = "snapshot"
TIMESTAMP: Final = "timestamp"
ROLES: Final = (ROOT, TARGETS, SNAPSHOT, TIMESTAMP)
ROOT_THRESHOLD: Final = 2
MAX_BYTES: Final = 16 << 20
NEVER: Final = 0
"""As a moment to run out at: written where there is no clock."""


class Named(msgspec.Struct, frozen=True):
    """What one role says of another's file."""

    version: int
    length: int
    sha256: str


class Signers(msgspec.Struct, frozen=True):
    """Which keys sign for a role, and how many must."""

    keys: tuple[str, ...]
    threshold: int


class Root(msgspec.Struct, frozen=True, tag=ROOT):
    """The keys (hex, by their digest) and who signs for what."""

    version: int
    keys: dict[str, str]
    roles: dict[str, Signers]


class Registered(msgspec.Struct, frozen=True):
    """One version of one model. `state`: candidate, shadow, released or superseded."""

    name: str
    version: int
    task: str
    state: str
    digest: str
    trained_at: str
    evidence: str
    synthetic: bool
    length: int = 0  # of the bundle's file


class Event(msgspec.Struct, frozen=True):
    """One change of the registry, in order of `counter`."""

    counter: int
    action: str
    name: str
    version: int
    because: str = ""


class Targets(msgspec.Struct, frozen=True, tag=TARGETS):
    """The models. `version` counts the changes."""

    version: int = 0
    models: tuple[Registered, ...] = ()
    history: tuple[Event, ...] = ()


class Snapshot(msgspec.Struct, frozen=True, tag=SNAPSHOT):
    """Which root and which targets belong together."""

    version: int
    root: Named
    targets: Named


class Timestamp(msgspec.Struct, frozen=True, tag=TIMESTAMP):
    """Which snapshot is the newest, until when that may be believed."""

    version: int
    expires: Micros
    snapshot: Named


class Signed(msgspec.Struct, frozen=True):
    """A file: what is said, byte for byte, and the signatures (hex, by key) over it."""

    signatures: dict[str, str]
    signed: msgspec.Raw


class Seen(msgspec.Struct, frozen=True):
    """The largest versions seen so far; below them nothing is believed."""

    root: int = 0
    targets: int = 0
    snapshot: int = 0
    timestamp: int = 0


Body = TypeVar("Body", Root, Targets, Snapshot, Timestamp)


def key_id(key: Ed25519PublicKey) -> str:
    """Return the name of a key: SHA-256 of its 32 bytes, hex."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def named(version: int, content: bytes) -> Named:
    """Return how one role names another's file."""
    return Named(version, len(content), hashlib.sha256(content).hexdigest())


def sign(body: Root | Targets | Snapshot | Timestamp, *keys: Ed25519PrivateKey) -> bytes:
    """Return the file of a role."""
    said = msgspec.json.encode(body, order="sorted")
    signatures = {key_id(key.public_key()): key.sign(said).hex() for key in keys}
    return msgspec.json.encode(Signed(signatures, msgspec.Raw(said)), order="sorted")


def make_root(keys: Mapping[str, tuple[Ed25519PublicKey, ...]]) -> Root:
    """Return the first root: {role: its keys}; all of a role's keys must sign."""
    public = {key_id(k): k.public_bytes_raw().hex() for role in ROLES for k in keys[role]}
    signers = {
        role: Signers(tuple(sorted(key_id(k) for k in keys[role])), len(keys[role]))
        for role in ROLES
    }
    return Root(1, dict(sorted(public.items())), signers)


def _refuse(role: str, why: str) -> IntegrityError:
    return IntegrityError(f"the registry's {role} {why}")


def _checked(role: str, content: bytes, signers: Signers, keys: Mapping[str, str]) -> bytes:
    """Return what a file says, after its form and every signature were checked."""
    if len(content) > MAX_BYTES:
        raise _refuse(role, "is larger than it can be")
    try:
        held = msgspec.json.decode(content, type=Signed)
        canonical = msgspec.json.encode(held, order="sorted")
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _refuse(role, "is not as it was signed: it was changed, or cut") from None
    shouted = any(text != text.lower() for text in held.signatures.values())
    if canonical != content or shouted:  # upper case would say the same in other bytes
        raise _refuse(role, "is not as it was signed: it was changed")
    said = bytes(held.signed)
    for name, signature in held.signatures.items():
        if name not in signers.keys:
            raise _refuse(role, "is signed by a key that is not the role's: another clinic's?")
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(keys[name]))
            key.verify(bytes.fromhex(signature), said)
        except (InvalidSignature, ValueError, KeyError):
            raise _refuse(role, "is not as it was signed: it was changed") from None
    if len(held.signatures) < signers.threshold:
        raise _refuse(role, f"has {len(held.signatures)} of {signers.threshold} signatures")
    return said


class TrustedSet:
    """What is believed so far. Feed it root, timestamp, snapshot and targets, in this order.

    Parameters
    ----------
    root : bytes
        The root's file.
    anchors : mapping
        {key id: public key, hex} of those who must all have signed it: known beforehand.
    seen : Seen
        The largest versions ever seen.
    now : Micros, optional
        None: nothing runs out.

    Raises
    ------
    IntegrityError
        At each step, in words: what is wrong with which role. After that the set is of no use.
    """

    def __init__(
        self, root: bytes, anchors: Mapping[str, str], seen: Seen, now: Micros | None
    ) -> None:
        all_of_them = Signers(tuple(sorted(anchors)), max(ROOT_THRESHOLD, len(anchors)))
        self.root = self._body(ROOT, _checked(ROOT, root, all_of_them, anchors), Root)
        if self.root.roles.get(ROOT) != all_of_them or set(self.root.roles) != set(ROLES):
            raise _refuse(ROOT, "names other keys than this clinic's")
        self._root_file = named(self.root.version, root)
        self._not_older(ROOT, self.root.version, seen.root)
        self._seen = seen
        self._now = now
        self.timestamp: Timestamp | None = None
        self.snapshot: Snapshot | None = None
        self.targets: Targets | None = None

    @staticmethod
    def _body(role: str, said: bytes, kind: type[Body]) -> Body:
        try:
            return msgspec.json.decode(said, type=kind)
        except msgspec.DecodeError:
            raise _refuse(role, "is another role's, or of another format") from None

    @staticmethod
    def _not_older(role: str, version: int, seen: int) -> None:
        if version < seen:
            raise _refuse(
                role, f"was put back to an older state: version {version}, and {seen} was seen"
            )

    def signed(self, role: str, content: bytes) -> bytes:
        """Return what a file says, if it is signed for its role; nothing else is checked."""
        return _checked(role, content, self.root.roles[role], self.root.keys)

    def _as_named(self, role: str, content: bytes, name: Named) -> bytes:
        if named(name.version, content) != name:
            raise _refuse(role, "is not the one that belongs to the others: they were mixed")
        return self.signed(role, content)

    def update_timestamp(self, content: bytes) -> Timestamp:
        """Take the timestamp; the first after the root."""
        found = self._body(TIMESTAMP, self.signed(TIMESTAMP, content), Timestamp)
        self._not_older(TIMESTAMP, found.version, self._seen.timestamp)
        self._not_older(SNAPSHOT, found.snapshot.version, self._seen.snapshot)
        self.timestamp = found
        return found

    def update_snapshot(self, content: bytes) -> Snapshot:
        """Take the snapshot that the timestamp names."""
        if self.timestamp is None:
            raise RuntimeError("the timestamp comes before the snapshot")
        name = self.timestamp.snapshot
        found = self._body(SNAPSHOT, self._as_named(SNAPSHOT, content, name), Snapshot)
        if found.version != name.version or found.root != self._root_file:
            raise _refuse(SNAPSHOT, "does not belong to the others: they were mixed")
        self._not_older(TARGETS, found.targets.version, self._seen.targets)
        self.snapshot = found
        return found

    def update_targets(self, content: bytes) -> Targets:
        """Take the targets that the snapshot names; the last."""
        if self.snapshot is None or self.timestamp is None:
            raise RuntimeError("the snapshot comes before the targets")
        name = self.snapshot.targets
        found = self._body(TARGETS, self._as_named(TARGETS, content, name), Targets)
        if found.version != name.version:
            raise _refuse(TARGETS, "does not belong to the others: they were mixed")
        self._not_run_out(self.timestamp.expires)
        self.targets = found
        return found

    def _not_run_out(self, expires: Micros) -> None:
        if self._now is not None and expires != NEVER and expires <= self._now:
            day = from_micros(expires).date().isoformat()
            raise _refuse(
                TIMESTAMP,
                f"ran out on {day}, so that nobody can hold back newer models: `euthymia models` "
                "compares it with the ledger and signs it anew",
            )

    def seen(self) -> Seen:
        """Return the versions to remember; of a complete set."""
        assert self.timestamp is not None
        assert self.snapshot is not None
        assert self.targets is not None
        return Seen(
            self.root.version,
            self.targets.version,
            self.snapshot.version,
            self.timestamp.version,
        )
