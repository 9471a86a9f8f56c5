"""Any history of appends by two handles, then power loss: what was promised is there, in order."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.ledger_head import SLOT_BYTES
from ledgers import entry, stepping_clock

STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["durable", "lazy", "submit", "sync", "reopen"])),
    max_size=12,
)


@pytest.fixture(scope="module")
def keyring():
    with tempfile.TemporaryDirectory() as home:
        yield Keyring.create(Path(home) / "keys")


class Disk:
    """Remembers what is safe: the log's length at each sync, and each head that was written."""

    def __init__(self, folder):
        self.folder = folder
        self.synced = 0
        self.heads = []

    def sync(self, handle):
        file = os.fstat(handle).st_ino
        if file == (self.folder / "ledger.log").stat().st_ino:
            self.synced = max(self.synced, os.fstat(handle).st_size)
        elif file == (self.folder / "ledger.head").stat().st_ino:
            self.heads = [(self.folder / "ledger.head").read_bytes()]

    def look(self):
        head = (self.folder / "ledger.head").read_bytes()
        if head not in self.heads:
            self.heads.append(head)


def run(steps, handles, disk, reopen):
    """Do the steps; return (all ids in order, how many of them must survive power loss)."""
    ids, safe = [], 0
    for n, (who, what) in enumerate(steps):
        if what == "durable":
            ids.append(handles[who].append(entry(n)))
        elif what == "lazy":
            ids.append(handles[who].append(entry(n), durable=False))
        elif what == "submit":
            ids.append(handles[who].submit(entry(n)).result(10))
        elif what == "sync":
            handles[who].sync()
        else:
            handles[who].close()
            handles[who] = reopen()
        disk.look()
        if what in ("durable", "submit", "sync"):
            safe = len(ids)
    return ids, safe


def worked(ledger):
    return [line.id for line in ledger.entries() if line.purpose != "ledger"]


@settings(max_examples=40, deadline=None)
@given(STEPS, st.data())
def test_power_loss(keyring, steps, data):
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        folder = Path(place) / "ledger"

        def reopen():
            return Ledger.open(folder, keyring, clock=stepping_clock())

        disk = Disk(folder)
        handles = [reopen(), reopen()]
        disk.synced = (folder / "ledger.log").stat().st_size
        disk.look()
        patch.setattr("os.fdatasync", disk.sync)
        ids, safe = run(steps, handles, disk, reopen)
        assert worked(handles[0]) == ids
        assert handles[1].verify() == []

        # each slot of the head on disk is an older one or the newest; of the log, what was synced
        # and any part of the rest
        one, two = (data.draw(st.sampled_from(disk.heads)) for _ in range(2))
        log = (folder / "ledger.log").read_bytes()
        size = data.draw(st.integers(disk.synced, len(log)))
        (folder / "ledger.head").write_bytes(one[:SLOT_BYTES] + two[SLOT_BYTES:])
        (folder / "ledger.log").write_bytes(log[:size])

        after = reopen()
        kept = worked(after)
        assert kept == ids[: len(kept)]
        assert len(kept) >= safe
        last = after.append(entry(99))
        assert worked(after) == [*kept, last]
        after.close()
        again = reopen()
        assert again.verify() == []
        assert worked(again) == [*kept, last]
        for handle in (again, *handles):
            handle._files.close()
