"""Whatever is done to the ledger's bytes, `verify` says so, and nothing acknowledged is lost."""

import io
import random
import shutil
import struct
from itertools import combinations

import pytest

from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.security import ledger_format
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.ledger_format import HEAD_BYTES, SLOT_BYTES
from euthymia.security.ledger_verify import AuditKeys, audit
from ledgers import entry, stepping_clock


@pytest.fixture(scope="module")
def keyring(tmp_path_factory):
    return Keyring.create(tmp_path_factory.mktemp("home") / "keys")


@pytest.fixture(scope="module")
def keys(keyring):
    return AuditKeys(keyring.derive("ledger-mac"), keyring.verifier("ledger"))


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
        return audit(io.BytesIO(used), len(used), head if bad_head is None else bad_head, keys)

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


def test_two_damaged_halves_are_damage(folder, keyring, head):
    (folder / "ledger.head").write_bytes(bytes(HEAD_BYTES))
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    assert len(ledger.verify()) >= 2
    with pytest.raises(IntegrityError):
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


def test_an_insider_with_the_signing_key_but_no_mac_key(folder, keyring, keys, check, log):
    """The chain alone can be computed by anybody; the MAC cannot."""
    parts = frames(log)
    start = ledger_format.start_of_chain(
        bytes.fromhex(ledger_format.decode_payload(parts[0][20:-48]).detail["ledger"])
    )
    forged = ledger_format.Chain(
        start, mac_key=bytes(32), signer=keyring.signer("ledger"), ledger_id=bytes(16)
    )
    for n, part in enumerate(parts):
        forged.add(part[20:-48], n)
    problems = check(bad_log=forged.blob())
    assert any("not written with this clinic's keys" in problem for problem in problems)


def test_an_insider_with_the_mac_key_but_no_signing_key(keys, keyring, check, log):
    """Every entry re-chained in its old length, one of them altered: the head does not sign it."""
    parts = frames(log)
    ledger_id = bytes.fromhex(ledger_format.decode_payload(parts[0][20:-48]).detail["ledger"])
    start = ledger_format.start_of_chain(ledger_id)
    signer = keyring.signer("model")
    chain = ledger_format.Chain(start, mac_key=keys.mac, signer=signer, ledger_id=ledger_id)
    for part in parts[:-1]:
        chain.add(part[20:-48].replace(b"ada", b"eve"), int.from_bytes(part[12:20], "big"))
    chain.add_checkpoint(int.from_bytes(parts[-1][12:20], "big"))
    assert len(chain.blob()) == len(log)
    problems = check(bad_log=chain.blob())
    assert any("checkpoint's signature" in problem for problem in problems)
    assert any("not the one that the head signs" in problem for problem in problems)


def test_a_checkpoint_that_signs_something_else(folder, keyring, keys):
    """Even with all keys in hand, a checkpoint copied from elsewhere does not fit."""
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    stolen = next(line for line in ledger.entries() if line.action == "checkpoint").detail
    forged = ledger_format.system_payload("checkpoint", dict(stolen))
    with ledger._mutex, ledger._files.locked():
        chain = ledger._chain(ledger._ready())
        chain.add(forged, 0)
        ledger._files.write_log(chain.blob(), ledger._position.size)
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
    log, head = (made / "ledger.log").read_bytes(), (made / "ledger.head").read_bytes()
    stages = [
        {},
        {"ledger.log.new": log[:50]},
        {"ledger.log.new": log, "ledger.head.new": head[:600]},
        {"ledger.log.new": log, "ledger.head.new": head},
        {"ledger.log": log, "ledger.head.new": head},
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
            "ledger.head",
            "ledger.lock",
            "ledger.log",
        ]


def test_a_full_disk_records_nothing_and_recovers(folder, keyring, monkeypatch):
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    before = (folder / "ledger.log").read_bytes()
    real = ledger_files_pwrite()

    def half_then_full(handle, data, offset):
        if len(data) > 100:
            return real(handle, bytes(data)[:60], offset)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("euthymia.security.ledger_files.os.pwrite", half_then_full)
        with pytest.raises(EuthymiaError, match="No space left"):
            ledger.append(entry())
        with pytest.raises(EuthymiaError, match="No space left"):
            ledger.submit(entry()).result(10)
    assert (folder / "ledger.log").read_bytes() == before
    assert ledger.append(entry())
    assert ledger.verify() == []
    ledger.close()


def ledger_files_pwrite():
    from euthymia.security import ledger_files

    return ledger_files.os.pwrite


def test_a_failed_sync_stops_the_ledger(folder, keyring, monkeypatch):
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())

    def fail(handle):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("euthymia.security.ledger_files.os.fdatasync", fail)
        with pytest.raises(EuthymiaError, match="disk failed"):
            ledger.append(entry())
    with pytest.raises(EuthymiaError, match="disk failed"):  # it does not pretend that all is well
        ledger.append(entry())
    ledger.close()
    assert Ledger.open(folder, keyring, clock=stepping_clock()).append(entry())
