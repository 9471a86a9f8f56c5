"""Whatever is done to the ledger's bytes, `verify` says so, and nothing acknowledged is lost."""

import io
import os
import random
import shutil
import struct
from itertools import combinations

import pytest

from euthymia.ground.errors import EuthymiaError, IntegrityError, LedgerError
from euthymia.security import ledger_format
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.ledger_chain import Chain, Tip
from euthymia.security.ledger_head import HEAD_BYTES, SLOT_BYTES
from euthymia.security.ledger_keys import MacKeys, newest_key, unpack_key
from euthymia.security.ledger_verify import Audit, AuditKeys, audit
from euthymia.security.merkle import Tree
from ledgers import SUBJECT, entry, stepping_clock


@pytest.fixture(scope="module")
def keyring(tmp_path_factory):
    return Keyring.create(tmp_path_factory.mktemp("home") / "keys")


@pytest.fixture(scope="module")
def keys(keyring, pristine):
    """All keys: that of the first epoch, too."""
    secret = keyring.derive("ledger-mac")
    first = unpack_key((pristine / "ledger.first").read_bytes(), secret)
    return AuditKeys(keyring.verifier("ledger"), secret, MacKeys(secret, 0, first.key))


@pytest.fixture(scope="module")
def pristine(tmp_path_factory, keyring):
    """A ledger of 7 entries: the beginning, 5 of work, a checkpoint."""
    folder = tmp_path_factory.mktemp("pristine") / "ledger"
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    for n in range(5):
        ledger.append(entry(n))
    ledger.close()
    return folder


@pytest.fixture
def folder(pristine, tmp_path):
    return shutil.copytree(pristine, tmp_path / "ledger")


@pytest.fixture(scope="module")
def log(pristine):
    return (pristine / "ledger.log").read_bytes()


@pytest.fixture(scope="module")
def head(pristine):
    return (pristine / "ledger.head").read_bytes()


@pytest.fixture
def check(log, head, keys):
    def check(bad_log=None, bad_head=None):
        used = log if bad_log is None else bad_log
        raw = head if bad_head is None else bad_head
        return audit(io.BytesIO(used), len(used), raw, keys).problems

    assert check() == []
    return check


def flipped(raw, bit):
    bad = bytearray(raw)
    bad[bit // 8] ^= 1 << bit % 8
    return bytes(bad)


def frames(log):
    out, offset = [], 0
    while offset < len(log):
        (length,) = struct.unpack_from(">I", log, offset)
        out.append(log[offset : offset + 36 + length])
        offset += 36 + length
    return out


def test_a_flipped_bit_in_every_byte(check, log, head):
    draw = random.Random(7)
    for byte in range(len(log)):
        assert check(bad_log=flipped(log, 8 * byte + draw.randrange(8)))
    for byte in range(len(head)):
        assert check(bad_head=flipped(head, 8 * byte + draw.randrange(8)))


@pytest.mark.slow
def test_every_other_value_of_every_byte(check, log):
    for place in range(len(log)):
        for value in range(256):
            if value != log[place]:
                bad = log[:place] + bytes([value]) + log[place + 1 :]
                assert check(bad_log=bad), (place, value)


@pytest.mark.slow
def test_every_flipped_bit(check, log, head):
    for bit in range(8 * len(log)):
        assert check(bad_log=flipped(log, bit)), bit
    for bit in range(8 * len(head)):
        assert check(bad_head=flipped(head, bit)), bit


def test_flipped_bits_through_the_front_door(folder, keyring, log, head):
    """The same with files: opened fresh, verified twice (looking repairs nothing)."""
    draw = random.Random(11)
    for name, good in (("ledger.log", log), ("ledger.head", head)):
        for bit in draw.sample(range(8 * len(good)), 60):
            (folder / name).write_bytes(flipped(good, bit))
            ledger = Ledger.open(folder, keyring, clock=stepping_clock())
            assert ledger.verify(), (name, bit)
            assert ledger.verify(), (name, bit)
            ledger.close()
            assert (folder / name).read_bytes() == flipped(good, bit)
        (folder / name).write_bytes(good)
    assert Ledger.open(folder, keyring, clock=stepping_clock()).verify() == []


def test_the_problem_names_its_place(check, log):
    parts = frames(log)
    for number, part in enumerate(parts):
        offset = sum(map(len, parts[:number]))
        bad = log[: offset + 25] + bytes([log[offset + 25] ^ 1]) + log[offset + 26 :]
        problems = check(bad_log=bad)
        assert f"entry {number} at offset {offset}" in problems[0]
        assert len(problems) == 1
        assert len(part) > 60


def test_removed_repeated_and_swapped_entries(check, log):
    parts = frames(log)
    assert len(parts) == 7
    for n in range(len(parts)):
        assert check(bad_log=b"".join(parts[:n] + parts[n + 1 :])), ("removed", n)
        assert check(bad_log=b"".join(parts[: n + 1] + parts[n:])), ("repeated", n)
    for one, two in combinations(range(len(parts)), 2):
        mixed = list(parts)
        mixed[one], mixed[two] = mixed[two], mixed[one]
        assert check(bad_log=b"".join(mixed)), ("swapped", one, two)
        copied = list(parts)
        copied[two] = parts[one]
        assert check(bad_log=b"".join(copied)), ("copied", one, two)
    assert check(bad_log=b"")


def test_a_removed_entry_is_one_problem_and_the_lost_end(check, log):
    parts = frames(log)
    problems = check(bad_log=b"".join(parts[:3] + parts[4:]))
    assert "entry 3" in problems[0]
    assert "entries were removed" in problems[-1]
    assert len(problems) <= 3


def test_cut_or_lengthened_at_every_byte(check, log, head):
    for size in range(len(log)):
        assert check(bad_log=log[:size]), size
        assert check(bad_log=log[size:] if size else log + b"\0"), size
    for size in range(len(head)):
        assert check(bad_head=head[:size]), size
    for extra in (b"\0", b"\xff" * 40, log[-200:], head):
        assert check(bad_log=log + extra)
        assert check(bad_head=head + extra)


def test_cut_files_refuse_new_entries(folder, keyring, log):
    for size in range(0, len(log), 13):
        (folder / "ledger.log").write_bytes(log[:size])
        ledger = Ledger.open(folder, keyring, clock=stepping_clock())
        assert ledger.verify()
        with pytest.raises(IntegrityError, match="verify"):
            ledger.append(entry())
        with pytest.raises(IntegrityError):
            ledger.submit(entry()).result(10)
        with pytest.raises(IntegrityError):
            list(ledger.entries())
        with pytest.raises(IntegrityError):
            ledger.head()
        ledger.close()
        assert (folder / "ledger.log").read_bytes() == log[:size]


def test_reading_stops_at_the_first_changed_entry(folder, keyring, log):
    parts = frames(log)
    offset = sum(map(len, parts[:4])) + 30
    (folder / "ledger.log").write_bytes(flipped(log, 8 * offset))
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    read = []
    with pytest.raises(IntegrityError, match="entry 4"):
        read.extend(line.seq for line in ledger.entries())
    lines = ledger.entries()
    assert [next(lines).seq for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(IntegrityError, match="entry 4"):
        ledger.about(SUBJECT)  # who asks what is said of them is not told less than there was


@pytest.mark.parametrize("name", ["ledger.log", "ledger.head"])
def test_a_missing_file(folder, keyring, name):
    (folder / name).unlink()
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    assert ledger.verify() == [f"{name} is missing: restore it from a backup"]
    with pytest.raises(IntegrityError, match="missing"):
        ledger.append(entry())
    ledger.close()
    assert not (folder / name).exists()


def test_a_file_taken_away_from_under_us(folder, keyring):
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    (folder / "ledger.log").rename(folder / "moved")
    assert ledger.append(entry())  # renamed: the same file, found again by whoever moved it back
    (folder / "moved").unlink()
    with pytest.raises(IntegrityError, match="missing"):
        ledger.append(entry())
    assert ledger.verify()


@pytest.mark.parametrize("slot", [0, 1])
def test_a_damaged_half_of_the_head_loses_nothing(folder, keyring, head, slot):
    """A torn head write: the other half and the chain hold; the repair is in the ledger."""
    start = slot * SLOT_BYTES
    (folder / "ledger.head").write_bytes(
        head[:start] + bytes(SLOT_BYTES) + head[start + SLOT_BYTES :]
    )
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    assert ledger.head()[0] == 6
    (problem,) = ledger.verify()
    assert f"slot {'AB'[slot]}" in problem
    name = ledger.append(entry(9))
    lines = list(ledger.entries())
    assert [line.action for line in lines[-2:]] == ["repair ledger", "view patient"]
    assert lines[-1].id == name
    assert f"slot {'AB'[slot]}" in str(lines[-2].detail["found"])
    ledger.append(entry(10))
    assert ledger.verify() == [problem]  # this process still says what it found
    ledger.close()
    assert Ledger.open(folder, keyring, clock=stepping_clock()).verify() == []


def test_two_damaged_halves_lose_nothing(folder, keyring, head, log):
    """A power cut can tear both: what was acknowledged is in the log, and is found there."""
    (folder / "ledger.head").write_bytes(bytes(HEAD_BYTES))
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    assert len(ledger.verify()) >= 2
    assert ledger.head()[0] == 6
    ledger.append(entry())
    ledger.close()
    again = Ledger.open(folder, keyring, clock=stepping_clock())
    assert again.verify() == []
    told = [line.detail["found"] for line in again.entries() if line.action == "repair ledger"]
    assert len(told) == 1
    assert "slot A" in told[0]


def test_two_damaged_halves_and_a_log_cut_behind_its_keys_are_damage(folder, keyring, log):
    (folder / "ledger.head").write_bytes(bytes(HEAD_BYTES))
    (folder / "ledger.log").write_bytes(b"".join(frames(log)[:-1]))
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    assert ledger.verify()
    with pytest.raises(IntegrityError, match="set back"):
        ledger.append(entry())


def test_a_slot_copied_over_the_other_is_noticed(check, head):
    first, second = head[:SLOT_BYTES], head[SLOT_BYTES:]
    for bad in (first + first, second + second, second + first):
        assert check(bad_head=bad)


def test_a_head_set_back_alone_is_noticed_or_harmless(folder, keyring, head):
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    name = ledger.append(entry(7))
    (folder / "ledger.head").write_bytes(head)
    assert ledger.append(entry(8))
    assert any("set back" in problem for problem in ledger.verify())
    ledger.close()
    again = Ledger.open(folder, keyring, clock=stepping_clock())
    assert again.verify() == []
    lines = list(again.entries())
    assert name in [line.id for line in lines]
    assert "set back" in next(str(x.detail["found"]) for x in lines if x.action == "repair ledger")


def test_a_log_set_back_with_the_head_left_is_noticed(folder, keyring, log):
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    ledger.append(entry(7))
    ledger.close()
    (folder / "ledger.log").write_bytes(log)
    assert any(
        "entries were removed" in p
        for p in Ledger.open(folder, keyring, clock=stepping_clock()).verify()
    )


def test_a_log_of_another_ledger_is_noticed(folder, keyring, tmp_path):
    other = Ledger.open(tmp_path / "other", keyring, clock=stepping_clock())
    for n in range(9):
        other.append(entry(n))
    other.close()
    shutil.copy(tmp_path / "other" / "ledger.log", folder / "ledger.log")
    assert any(
        "another ledger" in p for p in Ledger.open(folder, keyring, clock=stepping_clock()).verify()
    )


def rebuilt(log, macs, signer, change=lambda payload: payload):
    """The same log written anew by somebody with other keys."""
    parts = frames(log)
    ledger_id = bytes.fromhex(ledger_format.decode_payload(parts[0][20:-48]).detail["ledger"])
    begin = Tip(ledger_format.start_of_chain(ledger_id), None, Tree())
    forged = Chain(begin, keys=macs, signer=signer, ledger_id=ledger_id)
    for part in parts:
        payload, at = part[20:-48], int.from_bytes(part[12:20], "big")
        said = ledger_format.decode_payload(payload)
        if said.action == "checkpoint":
            forged.add_checkpoint(at)
        elif said.purpose == "ledger":
            forged.add_own(said.action, said.detail, at)
        else:
            forged.add(change(payload), at)
    return forged.blob()


def test_an_insider_with_the_signing_key_but_no_mac_key(keyring, check, log):
    """The chain alone can be computed by anybody; the MAC cannot."""
    forged = rebuilt(log, MacKeys(bytes(32), 0, bytes(32)), keyring.signer("ledger"))
    assert any("not written with this clinic's keys" in p for p in check(bad_log=forged))


def test_an_insider_with_the_mac_key_but_no_signing_key(keys, keyring, check, log):
    """Every entry re-chained in its old length, one of them altered: the head does not sign it."""
    forged = rebuilt(
        log, keys.macs.fresh(), keyring.signer("model"), lambda p: p.replace(b"ada", b"eve")
    )
    assert len(forged) == len(log)
    problems = check(bad_log=forged)
    assert any("checkpoint's signature" in problem for problem in problems)
    assert any("not the one that the head signs" in problem for problem in problems)


def test_a_later_thief_of_all_keys_cannot_forge_an_earlier_entry(folder, keyring, keys, log):
    """He holds the master key, the signing key and the key file, after the first key went away."""
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    away = ledger.take_first_key()
    ledger.destroy_first_key()
    ledger.append(entry(8))
    ledger.close()
    secret = keyring.derive("ledger-mac")
    stolen = newest_key((folder / "ledger.keys").read_bytes(), secret)[0]
    assert stolen.epoch == 2  # a checkpoint at each close
    for name in sorted(p.name for p in folder.iterdir()):  # nowhere lies an older one
        raw = (folder / name).read_bytes()
        slots = [raw[i : i + 512] for i in range(0, len(raw), 512)]
        found = [k for k in (unpack_key(s, secret) for s in slots if len(s) == 512) if k]
        assert all(kept.epoch >= 2 for kept in found)
    real, head = (folder / "ledger.log").read_bytes(), (folder / "ledger.head").read_bytes()
    thief = MacKeys(secret, 0, stolen.key)  # the best that he can do for epoch 0
    forged = rebuilt(real, thief, keyring.signer("ledger"), lambda p: p.replace(b"ada", b"eve"))
    clinic = AuditKeys(keys.verifier, secret, MacKeys(secret, 2, stolen.key))
    owner = AuditKeys(keys.verifier, secret, MacKeys(secret, 0, unpack_key(away, secret).key))
    assert audit(io.BytesIO(real), len(real), head, owner) == Audit([], 9, 0)
    assert audit(io.BytesIO(real), len(real), head, clinic) == Audit([], 9, 8)
    found = audit(io.BytesIO(forged), len(forged), head, owner).problems
    assert sum("not written with this clinic's keys" in p for p in found) >= 6


def test_a_checkpoint_that_signs_something_else(folder, keyring):
    """Even with all keys in hand, a checkpoint copied from elsewhere does not fit."""
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    stolen = dict(next(line for line in ledger.entries() if line.action == "checkpoint").detail)
    with ledger._mutex, ledger._files.locked():
        chain = ledger._begin_group(ledger._ready(), 0)
        chain.add_own("checkpoint", stolen | {"epoch": 2}, 0)
        ledger._files.write_log(chain.blob(), ledger._tip.position.size)
    assert any("checkpoint's signature" in problem for problem in ledger.verify())


TORN = [b"\0", b"\0\0\0", b"\0\0\0\x50" + b"x" * 20, b"\xff" * 50, b"\0" * 4096]


@pytest.mark.parametrize("torn", TORN)
def test_an_unfinished_write_is_cut_off_by_the_next_append(folder, keyring, log, torn):
    (folder / "ledger.log").write_bytes(log + torn)
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    assert ledger.head()[0] == 6
    assert len(ledger.verify()) == 1
    assert (folder / "ledger.log").read_bytes() == log + torn
    ledger.append(entry())
    lines = list(ledger.entries())
    assert [line.action for line in lines[-2:]] == ["repair ledger", "view patient"]
    assert lines[-2].detail["cut_bytes"] == len(torn)
    ledger.close()
    again = Ledger.open(folder, keyring, clock=stepping_clock())
    assert again.verify() == []
    assert again.head()[0] == 9


def test_whole_entries_beyond_the_head_are_taken_up(folder, keyring, head):
    """Power loss: the log is on disk, the head is an older one, the last write is half there."""
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    ids = [ledger.append(entry(n), durable=False) for n in range(5)]
    whole = (folder / "ledger.log").read_bytes()
    last = ledger.append(entry(5), durable=False)
    full = (folder / "ledger.log").read_bytes()
    for size in range(len(whole), len(full)):
        (folder / "ledger.log").write_bytes(full[:size])
        (folder / "ledger.head").write_bytes(head)
        again = Ledger.open(folder, keyring, clock=stepping_clock())
        assert [line.id for line in again.entries()][7:] == ids
        assert len(again.verify()) == (size > len(whole))
    (folder / "ledger.log").write_bytes(full)
    again = Ledger.open(folder, keyring, clock=stepping_clock())
    assert [line.id for line in again.entries()][7:] == [*ids, last]
    assert again.verify() == []


def test_a_creation_that_was_cut_off(tmp_path, keyring):
    made = tmp_path / "made"
    Ledger.open(made, keyring, clock=stepping_clock()).close()
    log, head, keys, first = (
        (made / f"ledger.{name}").read_bytes() for name in ("log", "head", "keys", "first")
    )
    whole = {"ledger.keys": keys, "ledger.first": first}
    stages = [
        {},
        {"ledger.keys": keys[:100]},
        {"ledger.keys": keys, "ledger.first": b""},
        {**whole, "ledger.log.new": log[:50]},
        {**whole, "ledger.log.new": log, "ledger.head.new": head[:600]},
        {**whole, "ledger.log.new": log, "ledger.head.new": head},
        {**whole, "ledger.log": log, "ledger.head.new": head},
    ]
    for number, files in enumerate(stages):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        ledger = Ledger.open(folder, keyring, clock=stepping_clock())
        ledger.append(entry())
        assert ledger.verify() == []
        ledger.close()
        assert sorted(p.name for p in folder.iterdir()) == [
            "ledger.first",
            "ledger.head",
            "ledger.keys",
            "ledger.lock",
            "ledger.log",
            "ledger.turn",
        ]


def test_a_full_disk_records_nothing_and_recovers(folder, keyring, monkeypatch):
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    before = (folder / "ledger.log").read_bytes()
    real = os.pwrite

    def half_then_full(handle, data, offset):
        if len(data) > 100:
            return real(handle, bytes(data)[:60], offset)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", half_then_full)
        with pytest.raises(LedgerError, match="No space left"):
            ledger.append(entry())
        with pytest.raises(LedgerError, match="No space left"):
            ledger.submit(entry()).result(10)
    assert (folder / "ledger.log").read_bytes() == before
    assert ledger.append(entry())
    assert ledger.verify() == []
    ledger.close()


def test_a_failed_sync_stops_the_ledger(folder, keyring, monkeypatch):
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())

    def fail(handle):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("os.fdatasync", fail)
        with pytest.raises(EuthymiaError, match="disk failed"):
            ledger.append(entry())
    with pytest.raises(EuthymiaError, match="disk failed"):  # it does not pretend that all is well
        ledger.append(entry())
    ledger.close()
    assert Ledger.open(folder, keyring, clock=stepping_clock()).append(entry())
