"""The ledger in fair weather: what goes in comes out, in order, once, chained and signed."""

import base64
import os
import threading
import time
from concurrent.futures import Future

import numpy as np
import pytest

from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import SECOND_US, to_micros
from euthymia.ground.errors import BusyError, EuthymiaError, IntegrityError, SchemaError
from euthymia.security import ledger_format
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from ledgers import START, SUBJECT, entry, stepping_clock


@pytest.fixture(scope="module")
def keyring(tmp_path_factory):
    return Keyring.create(tmp_path_factory.mktemp("home") / "keys")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "ledger"


@pytest.fixture
def ledger(folder, keyring):
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    yield ledger
    ledger.close()


def own(lines):
    return [line for line in lines if line.purpose != "ledger"]


def test_what_goes_in_comes_out(folder, keyring, ledger):
    detail = {"count": 3, "share": 0.25, "code": "LOINC/44261-6", "late": True}
    first = ledger.append(
        Entry(Actor("ada", "clinician"), "view patient", Purpose.CARE, SUBJECT, detail)
    )
    second = ledger.append(Entry(Actor("job", "system"), "compute features", Purpose.MONITORING))
    begin, one, two = ledger.entries()
    assert (begin.seq, begin.action, begin.purpose, begin.role) == (
        0,
        "begin ledger",
        "ledger",
        "system",
    )
    assert (one.seq, one.actor, one.role, one.action) == (1, "ada", "clinician", "view patient")
    assert (one.purpose, one.subject, one.detail, one.id) == ("care", SUBJECT, detail, first)
    assert one.at == to_micros(START) + SECOND_US
    assert (two.seq, two.subject, two.detail, two.id) == (2, None, {}, second)
    assert first.startswith("L-1-")
    assert len(first) == len("L-1-") + 8
    assert ledger.head()[0] == 2
    assert ledger.head()[1].startswith(second.split("-")[2])
    assert ledger.verify() == []
    assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}
    assert sorted(p.name for p in folder.iterdir()) == [
        "ledger.first",
        "ledger.head",
        "ledger.keys",
        "ledger.lock",
        "ledger.log",
        "ledger.turn",
    ]


def test_closing_leaves_a_checkpoint_and_opening_goes_on(folder, keyring, ledger):
    ids = [ledger.append(entry(1)), ledger.append(entry(2), durable=False)]
    ledger.close()
    ledger.close()
    again = Ledger.open(folder, keyring, clock=stepping_clock())
    ids.append(again.append(entry(3)))
    lines = list(again.entries())
    assert [line.id for line in own(lines)] == ids
    assert [line.action for line in lines if line.purpose == "ledger"] == [
        "begin ledger",
        "checkpoint",
    ]
    assert [line.seq for line in lines] == list(range(5))
    assert again.verify() == []
    again.close()
    third = Ledger.open(folder, keyring, clock=stepping_clock())
    before = third.head()
    third.close()  # nothing was appended: nothing is written
    assert Ledger.open(folder, keyring, clock=stepping_clock()).head() == before
    with pytest.raises(EuthymiaError, match="closed"):
        ledger.append(entry())
    with pytest.raises(EuthymiaError, match="closed"):
        ledger.submit(entry())


def test_an_explicit_checkpoint_is_not_repeated_on_close(folder, keyring, ledger):
    ledger.append(entry())
    ledger.checkpoint()
    head = ledger.head()
    ledger.close()
    assert Ledger.open(folder, keyring, clock=stepping_clock()).head() == head


def test_periodic_checkpoints(ledger, monkeypatch):
    monkeypatch.setattr(ledger_format, "CHECKPOINT_EVERY", 5)
    for n in range(3):
        ledger.append(entry(n))
    futures = [ledger.submit(entry(n)) for n in range(10)]
    assert all(f.result(10) for f in futures)
    actions = [line.action for line in ledger.entries()]
    assert [seq for seq, action in enumerate(actions) if action == "checkpoint"] == [5, 10, 15]
    assert ledger.verify() == []


def test_a_thousand_entries_hold_a_checkpoint(ledger):
    for n in range(1100):
        ledger.append(entry(n), durable=False)
    ledger.sync()
    assert [line.seq for line in ledger.entries() if line.action == "checkpoint"] == [1000]
    assert ledger.verify() == []


def test_all_ways_of_handing_in(ledger):
    written = ledger.write([ledger.encode(entry(n)) for n in range(100)])
    future = ledger.submit(entry())
    assert isinstance(future, Future)
    last = future.result(10)
    ids = [line.id for line in own(ledger.entries())]
    assert ids == [*(one.id for one in written), last]
    assert all(one.receipt() for one in written)


def test_an_impatient_writer_is_told_soon_that_others_hold_the_ledger(folder, keyring, ledger):
    ledger.append(entry())
    other = Ledger.open(folder, keyring, clock=stepping_clock())
    group = [ledger.encode(entry(1))]
    with other.held(), pytest.raises(BusyError):
        ledger.write(group, patient=False)
    with ledger.held(), pytest.raises(BusyError):
        ledger.write(group, patient=False)  # held by this very process: no waiting for ever
    assert [one.id for one in ledger.write(group, patient=False)] == [list(other.entries())[-1].id]
    other.close()


def test_many_threads(ledger):
    ids = []

    def work(n):
        for _ in range(10):
            ids.extend((ledger.append(entry(n)), ledger.submit(entry(n)).result(10)))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = own(ledger.entries())
    assert sorted(line.id for line in lines) == sorted(ids)
    assert len(set(ids)) == 120
    assert ledger.verify() == []


def test_two_handles_take_turns(folder, keyring, ledger):
    other = Ledger.open(folder, keyring, clock=stepping_clock())
    ids = []
    for n in range(10):
        ids += [ledger.append(entry(n)), other.append(entry(n), durable=n % 3 == 0)]
    ledger.sync()
    other.sync()
    assert [line.id for line in own(ledger.entries())] == ids
    assert ledger.head() == other.head()
    assert ledger.verify() == other.verify() == []
    other.close()
    assert ledger.verify() == []


def test_closing_writes_what_is_pending(folder, keyring):
    ledger = Ledger.open(folder, keyring, clock=stepping_clock())
    futures = [ledger.submit(entry(n)) for n in range(500)]
    ledger.close()
    ids = [future.result(0) for future in futures]
    again = Ledger.open(folder, keyring, clock=stepping_clock())
    assert [line.id for line in own(again.entries())] == ids


def test_a_cancelled_future_does_not_stop_the_group(ledger):
    futures = [ledger.submit(entry(n)) for n in range(50)]
    cancelled = [future.cancel() for future in futures[::2]]
    assert all(future.result(10) for future in futures[1::2])
    assert ledger.submit(entry()).result(10)
    assert len(own(ledger.entries())) == 51
    assert len(cancelled) == 25


@pytest.mark.parametrize(
    "value", [None, 1j, [1], {"a": 1}, b"raw", np.int64(3), 2**70, "\udcff", START, object()]
)
def test_only_plain_details(ledger, value):
    before = ledger.head()
    with pytest.raises(SchemaError):
        ledger.append(entry(x=value))
    with pytest.raises(SchemaError):
        ledger.submit(entry(x=value))
    assert ledger.head() == before


def test_nobody_can_write_in_the_ledgers_name(ledger):
    spoof = Entry(Actor("ledger", "system"), "checkpoint", Purpose.CARE)
    assert ledger.append(spoof)  # an odd user name, but plainly not the ledger's own entry
    assert ledger.append(Entry(Actor("a", "b"), "begin ledger", Purpose.CARE))
    with pytest.raises(SchemaError):
        ledger.append(Entry(Actor("ledger", "system"), "checkpoint", "ledger"))
    assert [line.purpose for line in ledger.entries()] == ["ledger", "care", "care"]
    assert ledger.verify() == []


def test_whatever_goes_wrong_nobody_is_left_waiting(folder, keyring, monkeypatch):
    times = iter([START])

    def clock():
        return next(times)  # StopIteration: something that nobody foresaw

    heard = []
    monkeypatch.setattr(threading, "excepthook", lambda args: heard.append(args.exc_type))
    ledger = Ledger.open(folder, keyring, clock=clock)
    for _ in range(2):
        with pytest.raises(EuthymiaError, match="could not be written"):
            ledger.submit(entry()).result(10)
    ledger.close()
    deadline = time.monotonic() + 10
    while len(heard) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert heard == [StopIteration] * 2


def test_an_entry_has_a_limit(ledger):
    with pytest.raises(SchemaError, match="too long"):
        ledger.append(entry(x="x" * 70_000))
    assert ledger.append(entry(x="x" * 60_000))
    assert ledger.verify() == []


def test_other_keys_do_not_open_it(folder, ledger, tmp_path):
    ledger.append(entry())
    stranger = Ledger.open(folder, Keyring.create(tmp_path / "other"), clock=stepping_clock())
    assert stranger.verify()
    with pytest.raises(IntegrityError):
        stranger.append(entry())
    assert ledger.verify() == []


def test_the_outside_can_check_the_chain_with_the_public_key_alone(folder, keyring, ledger):
    """What docs/adr/0002 promises an auditor without our secrets, done by hand."""
    import hashlib

    def leaf(data):
        return hashlib.sha256(b"\0" + data).digest()

    def root(leaves):
        if len(leaves) == 1:
            return leaves[0]
        split = 1
        while split * 2 < len(leaves):
            split *= 2
        return hashlib.sha256(b"\1" + root(leaves[:split]) + root(leaves[split:])).digest()

    ids = [ledger.append(entry(n)) for n in range(6)]
    log = (folder / "ledger.log").read_bytes()
    note = ledger.signed_checkpoint().decode()
    text, _, signature = note.partition("\n\n")
    origin, size, top = text.split("\n")
    dash, name, signed = signature.split()
    assert (dash, name) == ("\N{EM DASH}", origin)
    keyring.verifier("ledger").verify(base64.b64decode(signed)[4:], (text + "\n").encode())
    digest = hashlib.sha256(
        b"euthymia ledger 1\0" + bytes.fromhex(origin.removeprefix("euthymia/ledger/"))
    ).digest()
    offset, names, leaves = 0, [], []
    while offset < len(log):
        length = int.from_bytes(log[offset : offset + 4], "big")
        body = log[offset + 4 : offset + 4 + length]
        digest = hashlib.sha256(digest + body).digest()
        assert digest == log[offset + 4 + length : offset + 36 + length]
        names.append(f"L-{int.from_bytes(body[:8], 'big')}-{digest.hex()[:8]}")
        leaves.append(leaf(body))
        offset += 36 + length
    assert names[1:] == ids
    assert (int(size), base64.b64decode(top)) == (7, root(leaves))


def test_what_waits_shares_a_write_and_a_sync(ledger, monkeypatch):
    """The figure is in docs/adr/0002; here only that entries really share writes and syncs."""
    syncs = []
    real = os.fdatasync
    monkeypatch.setattr("os.fdatasync", lambda handle: (syncs.append(handle), real(handle)))
    with ledger.held():
        waiting = [ledger.submit(entry()) for _ in range(5000)]
    assert all(one.result(30) for one in waiting)
    assert 1 <= len(syncs) < 1000
