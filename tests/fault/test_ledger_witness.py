"""Witnesses: whatever is set back before the last witnessed checkpoint is seen, always."""

import base64
import random
import shutil

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from euthymia.app.config import LedgerConfig
from euthymia.app.witnesses import answer, ask, public_key, vouched
from euthymia.ground.errors import IntegrityError, SchemaError
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.ledger_proofs import witness_request
from euthymia.security.notes import read_key, read_note, seen_by
from euthymia.security.witness import ConflictError, State, WitnessKey
from ledger_simulator import FOLDER, FakeDisk
from ledger_simulator import entry as simulated
from ledger_simulator import opened as simulated_ledger
from ledgers import entry, stepping_clock

NOW_S = 1_780_000_000


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "keys"
    Keyring.create(folder)
    return folder


@pytest.fixture(scope="module")
def keyring(keys):
    return Keyring.open(keys)


@pytest.fixture
def ward(tmp_path):
    return WitnessKey.create(tmp_path / "ward.key", "ward.example/w1")


@pytest.fixture
def state(tmp_path):
    return State(tmp_path / "ward.seen")


def opened(tmp_path, keyring):
    return Ledger.open(tmp_path / "ledger", keyring, clock=stepping_clock())


def test_a_witness_signs_what_grows(tmp_path, keyring, ward, state):
    ledger, seen = opened(tmp_path, keyring), 0
    for n in range(12):
        for _ in range(n % 4 + 1):
            ledger.append(entry(n))
        note = state.cosign(witness_request(ledger, seen), ledger.verifier, ward, NOW_S + n)
        read = read_note(note)
        assert seen_by(read, read_key(ward.public.words())) == NOW_S + n
        seen = read.checkpoint.size
        assert ledger.audit([read.checkpoint]).problems == []


def test_it_signs_nothing_that_does_not_continue_what_it_saw(tmp_path, keyring, ward, state):
    ledger = opened(tmp_path, keyring)
    ledger.append(entry(1))
    shutil.copytree(tmp_path / "ledger", tmp_path / "old")
    ledger.append(entry(2))
    saw = read_note(state.cosign(witness_request(ledger, 0), ledger.verifier, ward, NOW_S))
    size = saw.checkpoint.size
    back = Ledger.open(tmp_path / "old", keyring, clock=stepping_clock())
    with pytest.raises(IntegrityError, match="set back"):
        witness_request(back, size)  # the honest program refuses to ask
    with pytest.raises(ConflictError):  # shorter, and said to be the first
        state.cosign(witness_request(back, 0), ledger.verifier, ward, NOW_S)
    for n in range(3):
        back.append(entry(n, by="somebody with every key"))
    with pytest.raises(IntegrityError, match="does not continue"):
        state.cosign(witness_request(back, size), ledger.verifier, ward, NOW_S)
    stranger = Keyring.create(tmp_path / "stranger").verifier("ledger")
    with pytest.raises(IntegrityError, match="not signed by the ledger"):
        state.cosign(witness_request(ledger, size), stranger, ward, NOW_S)
    assert state.cosign(witness_request(ledger, size), ledger.verifier, ward, NOW_S)


@pytest.mark.parametrize(
    "span",
    [
        pytest.param(range(40), id="few"),
        pytest.param(range(40, 1_000), id="many", marks=pytest.mark.slow),
    ],
)
def test_every_roll_back_before_the_witnessed_checkpoint_is_found(keyring, span):
    """Everything is put back, keys and all, and perhaps written on: longer, shorter, as long."""
    for seed in span:
        draw = random.Random(seed)
        disk = FakeDisk(draw)
        ledger = simulated_ledger(disk, keyring, draw)
        copies = [disk.copy()]
        for n in range(draw.randint(2, 9)):
            ledger.append(simulated(n))
            if draw.random() < 0.3:
                ledger.checkpoint()
            copies.append(disk.copy())
        seen = read_note(ledger.signed_checkpoint()).checkpoint
        after = draw.randint(0, 3)
        for n in range(after):
            ledger.append(simulated(100 + n))
        assert ledger.audit([seen]).problems == []
        older = disk.put_back(draw.choice(copies[:-1]))
        back = simulated_ledger(older, keyring, draw)
        assert back.verify() == []  # from inside there is nothing to be seen
        for n in range(draw.randint(0, 12)):
            back.append(simulated(200 + n))
        if draw.random() < 0.5:
            back.close()
            back = simulated_ledger(older, keyring, draw)
        assert any("witness" in p for p in back.audit([seen]).problems), f"seed {seed}"
    assert str(FOLDER)


def test_over_a_folder(tmp_path, keys, keyring, ward):
    shared, ledger = tmp_path / "shared", opened(tmp_path, keyring)
    settings = LedgerConfig((ward.public.words(),), str(shared))
    assert vouched(ledger, settings)[1]  # nothing is signed yet: said
    for n in range(3):
        ledger.append(entry(n))
        assert len(ask(ledger, settings, shared)["files"]) == 1
        told = answer(shared, tmp_path / "ward.key", keys / "ledger.pub")
        assert len(told["signed"]) == 1
        assert told["refused"] == []
        seen, missing = vouched(ledger, settings)
        assert missing == []
        assert ledger.audit(seen).problems == []
    (note,) = shared.glob("*.note")
    kept = tmp_path / "kept"
    kept.write_bytes(note.read_bytes())
    note.unlink()
    assert "nothing yet" in vouched(ledger, settings)[1][0]
    ask(ledger, settings, shared)  # the folder was emptied: the witness says where it stands
    assert answer(shared, tmp_path / "ward.key", keys / "ledger.pub")["refused"]
    ask(ledger, settings, shared)
    assert answer(shared, tmp_path / "ward.key", keys / "ledger.pub")["signed"]
    assert vouched(ledger, settings, [kept])[1] == []
    assert len(vouched(ledger, settings, [kept])[0]) == 2
    raw = kept.read_bytes()
    for place in range(0, len(raw), 7):  # a note that was changed is not believed
        kept.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        try:
            found = vouched(ledger, LedgerConfig(), [kept])[0]
        except IntegrityError:
            continue
        assert found[0] == read_note(raw).checkpoint  # the flip was in the other signature


def test_another_key_of_the_same_name_does_not_vouch(tmp_path, keys, keyring, ward):
    shared, ledger = tmp_path / "shared", opened(tmp_path, keyring)
    (tmp_path / "false").mkdir()
    WitnessKey.create(tmp_path / "false" / "w.key", ward.name)
    settings = LedgerConfig((ward.public.words(),), str(shared))
    ask(ledger, settings, shared)
    assert answer(shared, tmp_path / "false" / "w.key", keys / "ledger.pub")["signed"]
    assert "not signed with its key" in vouched(ledger, settings)[1][0]


@pytest.mark.parametrize(
    "words", ["", "w", "w+00+AA", "a b+00000000+AAAA", "w+00000000+" + "A" * 44]
)
def test_a_key_that_is_none_is_refused(words):
    with pytest.raises(SchemaError):
        read_key(words)


def test_a_file_that_is_no_witness_key_is_refused(tmp_path):
    WitnessKey.create(tmp_path / "good.key", "ward.example/w1")
    head, name, seed = (tmp_path / "good.key").read_text().rstrip("\n").split("\n")
    short = base64.b64encode(base64.b64decode(seed)[:31]).decode()
    for lines in (
        (head, name, short),
        ("another head", name, seed),
        (head, name),
        (head, name, "?"),
    ):
        (tmp_path / "bad.key").write_text("\n".join(lines) + "\n")
        with pytest.raises(SchemaError, match="not a witness's key file"):
            WitnessKey.read(tmp_path / "bad.key")
    assert WitnessKey.read(tmp_path / "good.key").name == name
    with pytest.raises(SchemaError, match="keep the key"):
        WitnessKey.create(tmp_path / "good.key", "ward.example/w2")


def test_what_is_no_request_is_refused(tmp_path, keyring, ward, state):
    ledger = opened(tmp_path, keyring)
    ledger.append(entry(1))
    good = witness_request(ledger, 0)
    head, _, note = good.partition(b"\n\n")
    many = b"\n".join([head, *[base64.b64encode(b"x" * 32)] * 100])
    for bad in (
        head + b"\n" + note,
        b"new 0\n\n" + note,
        b"old -1\n\n" + note,
        b"old 01\n\n" + note,
        head + b"\n?\n\n" + note,
        many + b"\n\n" + note,
        head,
        b"",
    ):
        with pytest.raises(IntegrityError):
            state.cosign(bad, ledger.verifier, ward, NOW_S)
    assert state.cosign(good, ledger.verifier, ward, NOW_S)


def test_a_file_that_is_no_public_key_of_a_ledger_is_refused(tmp_path, keys):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = other.public_bytes(serialization.Encoding.PEM, form)
    for words in (pem, b"", (keys / "ledger.pub").read_bytes()[:-30]):
        (tmp_path / "other.pub").write_bytes(words)
        with pytest.raises(SchemaError, match="not such a public key: it is keys"):
            public_key(tmp_path / "other.pub")
    assert public_key(keys / "ledger.pub")
