"""kill -9 during an ingest, two programs at once, a full disk: nothing is lost or doubled."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import timedelta
from pathlib import Path

import apsw
import numpy as np
import pyarrow as pa
import pytest

from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Purpose
from euthymia.ground.errors import BusyError, ConsentError, EuthymiaError
from euthymia.security.keys import Keyring
from euthymia.store import engine
from euthymia.store.journal import COMMITTED, Journal
from euthymia.store.sqlite import SqliteStore
from stores import ALL, DAY, MONITOR, NOW, NOW_US, House, audit, facts, samples, the, times

START = NOW_US - 100 * DAY
FILES, ROWS = 12, 400

WORKER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from stores import ALL, DAY, House, samples, times
    house = House.build(Path(sys.argv[1]))
    start, files, rows, grouped = (int(word) for word in sys.argv[2:6])
    print("ready", flush=True)
    def ingest(i):
        at = times(start + i * DAY, rows)
        house.ingest([samples("activity_counts", at, epoch=60.0)], consent=ALL, digest=str(i))
        print(i, flush=True)
    if grouped:
        for first in range(0, files, 4):
            with house.store.grouped():
                for i in range(first, first + 4):
                    ingest(i)
    else:
        for i in range(files):
            ingest(i)
    house.close()
    """
)


def start_worker(folder: Path, grouped: bool) -> subprocess.Popen[str]:
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "src")]
    words = [str(START), str(FILES), str(ROWS), str(int(grouped))]
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def told(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


@pytest.mark.parametrize(("grouped", "after"), [(False, 2), (False, 7), (True, 5)])
def test_kill_and_ingest_again(tmp_path: Path, grouped: bool, after: int) -> None:
    House.build(tmp_path).close()
    worker = start_worker(tmp_path, grouped)
    assert told(worker) == "ready"
    while told(worker) != str(after):
        pass
    time.sleep(0.002 * after)  # somewhere within the next file
    worker.kill()
    assert worker.wait() == -signal.SIGKILL
    assert worker.stdout is not None
    reported = after + 1 + len(worker.stdout.read().split())
    worker.stdout.close()

    house = House.build(tmp_path)
    assert house.store.verify() == []
    assert house.ledger.verify() == []
    stored = house.store.samples(the(house), "activity_counts", 0, NOW_US, MONITOR).num_rows
    assert stored % ROWS == 0
    # what a group reports is not kept before its end: only the next group's first word says so
    assert stored // ROWS >= ((reported - 1) // 4 * 4 if grouped else reported)
    total = 0
    for i in range(FILES):
        at = times(START + i * DAY, ROWS)
        receipt = house.ingest([samples("activity_counts", at, epoch=60.0)], consent=ALL)
        total += receipt.stored
    assert total == FILES * ROWS - stored
    table = house.store.samples(the(house), "activity_counts", 0, NOW_US, MONITOR)
    assert table.num_rows == FILES * ROWS
    assert len(np.unique(table.column("time").cast(pa.int64()))) == FILES * ROWS
    assert house.store.verify() == []
    house.close()


@pytest.mark.parametrize("step", ["before_commit", "after_commit"])
def test_a_crash_around_the_commit_is_no_loss(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leave as a crash would: announced and not committed; committed and not confirmed."""
    house = House.build(tmp_path)
    house.ingest([samples("screen", times(START, 5))], consent=ALL)

    def crash(_journal: Journal) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, step, crash)
    with pytest.raises(KeyboardInterrupt):
        house.ingest([samples("screen", times(START + DAY, 5))], consent=ALL)
    monkeypatch.undo()
    house.close()
    house = House.build(tmp_path)
    assert house.store.verify() == []
    kept = house.store.samples(the(house), "screen", 0, NOW_US, MONITOR).num_rows
    assert kept == (5 if step == "before_commit" else 10)
    again = house.ingest([samples("screen", times(START + DAY, 5))], consent=ALL)
    assert again.stored == 10 - kept
    assert house.store.verify() == []
    house.close()


def test_the_announcement_is_on_disk_before_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House.build(tmp_path)
    order = []
    sync, execute = house.ledger.sync, house.store._db.execute
    monkeypatch.setattr(house.ledger, "sync", lambda: (order.append("sync"), sync())[1])
    house.store._db.trace_v2(
        apsw.SQLITE_TRACE_STMT,
        lambda event: order.append(event["sql"]) if event["sql"] == "COMMIT" else None,
    )
    assert execute is not None
    house.ingest([samples("screen", times(START, 5))], consent=ALL)
    assert order == ["sync", "COMMIT"]
    actions = [line.action for line in house.ledger.entries() if "change" in line.detail]
    assert actions == ["append", COMMITTED]
    house.close()


# -- two programs ----------------------------------------------------------------------------------


def second(house: House) -> SqliteStore:
    return SqliteStore(house.folder / "clinic.db", house.keyring, house.ledger, house.clock)


def test_another_program_sees_writes_erasures_and_withdrawals(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    other = second(house)
    before = other.version()
    house.ingest([samples("screen", times(START, 5))], consent=ALL)
    subject = the(house)
    assert other.version() != before
    assert other.samples(subject, "screen", 0, NOW_US, MONITOR).num_rows == 5
    house.now = NOW + timedelta(minutes=1)
    no = GrantRecord(Purpose.MONITORING, False, NOW_US + 1, None, "")
    house.store.put_grant(subject, no, audit())
    with pytest.raises(ConsentError):
        other.samples(subject, "screen", 0, NOW_US, MONITOR)
    other.put_care_team(subject, ["b"], audit())
    assert house.store.care_team(subject) == {"b"}
    house.store.erase(subject, audit())
    assert other.grants(subject) == ()
    assert other.resolve("A1") is None
    assert other.verify() == []
    other.close()
    house.close()


def test_the_key_of_somebody_erased_elsewhere_is_forgotten_at_the_next_look(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    other = second(house)
    house.ingest([samples("screen", times(START, 5))], consent=ALL)
    subject = the(house)
    assert other.detail_key(subject) is not None
    house.store.erase(subject, audit())
    other.version()  # as the server does before each call is judged
    assert other.detail_key(subject) is None
    other.close()
    house.close()


def test_a_file_admitted_before_an_erasure_is_refused_after_it(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    house.ingest([facts([{"row": 1, "code": "a"}])])
    late = house.admit([facts([{"row": 1, "code": "b"}])])
    house.store.erase(the(house), audit())
    with pytest.raises(ConsentError, match="erased"):
        house.store.append(late, audit())
    assert house.store.subjects(audit()) == ()
    assert house.store.verify() == []
    house.close()


def test_writers_wait_and_then_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House.build(tmp_path)
    monkeypatch.setattr(engine, "BUSY_MS", 50)
    other = second(house)
    with house.store.grouped():
        batch = house.admit([samples("screen", times(START, 5))], consent=ALL)
        with pytest.raises(BusyError, match="try again"):
            other.append(batch, audit())
    other.close()
    house.close()


def test_threads_take_turns(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    house.ingest([samples("screen", times(START, 50))], consent=ALL)
    subject, failures = the(house), []

    def read() -> None:
        try:
            for _ in range(30):
                rows = house.store.samples(subject, "screen", 0, NOW_US, MONITOR).num_rows
                assert rows % 50 == 0
                assert house.store.grants(subject)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for i in range(1, 6):
        house.ingest([samples("screen", times(START + i * DAY, 50))])
    for reader in readers:
        reader.join()
    assert failures == []
    house.close()


def test_a_ledger_that_cannot_be_written_stops_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House.build(tmp_path)
    house.ingest([samples("screen", times(START, 5))], consent=ALL)

    def full() -> None:
        raise EuthymiaError("the disk is full")

    monkeypatch.setattr(house.ledger, "sync", full)
    with pytest.raises(EuthymiaError, match="full"):
        house.ingest([samples("screen", times(START + DAY, 5))], consent=ALL)
    monkeypatch.undo()
    assert house.store.samples(the(house), "screen", 0, NOW_US, MONITOR).num_rows == 5
    assert house.ingest([samples("screen", times(START + DAY, 5))], consent=ALL).stored == 5
    assert house.store.verify() == []
    house.close()


def test_a_limit_on_the_size_of_files_is_no_damage(tmp_path: Path) -> None:
    """The log that SQLite writes beside the file cannot grow: nothing says to restore a backup."""
    House.build(tmp_path).close()
    limited = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        from euthymia.store import engine
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
        with engine.translated():
            engine.connect(Path(sys.argv[1]), bytes.fromhex(sys.argv[2])).begin_writing()
        """
    )
    page_key = Keyring.open(tmp_path / "keys").derive("page")
    words = [str(next(tmp_path.rglob("*.db"))), page_key.hex()]
    child = subprocess.run(
        [sys.executable, "-c", limited, *words], capture_output=True, text=True, check=False
    )
    assert child.returncode == 1
    assert "cannot be written: check" in child.stderr
    assert "ulimit -f" in child.stderr
    assert "restore" not in child.stderr


def test_a_database_without_room_is_our_error_and_stays_whole(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    house.ingest([samples("screen", times(START, 5))], consent=ALL)
    db = house.store._db
    db.pragma("max_page_count", db.pragma("page_count") + 2)
    big = [{"row": i, "code": "n", "text_value": os.urandom(3000).hex()} for i in range(1, 40)]
    with pytest.raises(EuthymiaError, match="space"):
        house.ingest([facts(big)])
    db.pragma("max_page_count", 10**9)
    assert house.ingest([facts(big)]).stored == 39
    assert house.store.verify() == []
    house.close()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    house.store._db.pragma("user_version", 99)
    house.store.close()
    with pytest.raises(EuthymiaError, match="newer version"):
        second(house)
    house.ledger.close()


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    House.build(tmp_path).close()
    assert (tmp_path / "clinic.db").stat().st_mode & 0o077 == 0
