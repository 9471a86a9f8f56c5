"""Who computes a subject: another process, or this one where it would only wait."""

from collections import deque
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from euthymia.app import feature_job
from euthymia.app.clinic import Clinic
from euthymia.app.export import export_subject
from euthymia.app.feature_job import Task, _Helper, _Waiting
from euthymia.app.passing import Passing
from euthymia.features.recordings import from_frames
from euthymia.features.rows import Plan, compute_family, known_rows
from euthymia.features.segments import segment
from euthymia.features.table import chosen, features_of
from euthymia.gateway.contract import Admitted, GrantRecord
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import DAY_US, Timeline, to_micros
from euthymia.ground.ids import SubjectId
from euthymia.ground.made_from import from_dropped
from euthymia.ground.records import Samples
from euthymia.store.contract import Receipt
from feature_cases import worn_at_night
from fixes import NOW, make
from stores import ALL, MRN


def _task(name: str) -> Task:
    return Task(SubjectId(name), Timeline(((0, "UTC"),)), (), {})


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whom this process computed."""
    found: list[str] = []

    def compute(task: Task) -> list[Any]:
        found.append(task.who)
        return [(task.who, "here")]

    monkeypatch.setattr(feature_job, "compute_task", compute)
    return found


def _running(rows: object = None) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    if rows is not None:
        future.set_result(rows)
    return future


def test_what_is_done_elsewhere_is_taken_and_nothing_is_computed_twice(here: list[str]) -> None:
    waiting = deque([_Waiting(_task("a"), _running(["there"])), _Waiting(_task("b"), Future())])
    first, rows = _Helper.first(waiting)
    assert (first.task.who, rows, here) == ("a", ["there"], [])
    assert [one.task.who for one in waiting] == ["b"]


def test_while_the_first_is_computed_elsewhere_the_last_is_computed_here(here: list[str]) -> None:
    first, idle = _running(), Future[Any]()
    busy = _running()
    waiting = deque(
        [_Waiting(_task(n), f) for n, f in zip("abc", (first, busy, idle), strict=True)]
    )
    real, asked = first.done, []

    def done_once_something_was_computed() -> bool:
        asked.append(1)
        if here and not real():
            first.set_result(["there"])
        return real()

    first.done = done_once_something_was_computed  # type: ignore[method-assign]
    done, rows = _Helper.first(waiting)
    assert (done.task.who, rows) == ("a", ["there"])
    assert here == ["c"]
    assert [(one.task.who, one.rows) for one in waiting] == [("b", None), ("c", [("c", "here")])]
    busy.set_result(["there too"])
    second, rows = _Helper.first(waiting)
    assert (second.task, rows) == (_task("b"), ["there too"])
    assert _Helper.first(waiting)[1] == [("c", "here")]
    assert here == ["c"]  # not again


def test_a_process_that_died_costs_nothing_but_time(here: list[str]) -> None:
    lost: Future[Any] = Future()
    lost.set_exception(BrokenProcessPool())
    assert _Helper.first(deque([_Waiting(_task("a"), lost)]))[1] == [("a", "here")]


def test_little_work_starts_no_process(here: list[str]) -> None:
    with ExitStack() as processes:
        helper = _Helper(processes)
        helper.expect(feature_job.WORTH_A_HELPER - 1)
        waiting = deque([helper.start(_task("a"))])
        assert helper._pool is None
        assert helper.first(waiting)[1] == [("a", "here")]


NIGHTS = 9
KEPT = "sleep_acceleration_night"


def _wrist() -> pa.Table:
    """One sample a second of a wrist in the nights that end before 2 March 2026, in UTC."""
    felt = worn_at_night(
        Timeline(), int(to_micros(NOW) // DAY_US) - NIGHTS, NIGHTS, np.random.default_rng(1)
    )
    felt = {**felt, "time": pa.array(felt["time"]).cast(pa.timestamp("us", "UTC"))}
    return pa.table({name: pa.array(column) for name, column in felt.items()})


def _given(clinic: Clinic, wrist: pa.Table, file: str) -> Admitted:
    rows = {"subject_id": ["A1"] * wrist.num_rows, "row": range(1, wrist.num_rows + 1)}
    given = pa.table({name: pa.array(column) for name, column in rows.items()})
    for name in wrist.column_names:
        given = given.append_column(name, wrist[name])
    return clinic.gateway().admit(
        [Samples(MRN, "accelerometer", given)],
        source="t",
        file_name=file,
        file_digest=file,
        batch_consent=ALL,
    )


def _take_in(clinic: Clinic, wrist: pa.Table, file: str) -> list[tuple[Admitted, Receipt]]:
    batch = _given(clinic, wrist, file)
    audit = Entry(feature_job.JOB, "read", Purpose.MONITORING)
    passing = Passing(clinic)
    if batch.passing:
        return [*passing.add(batch, audit), *passing.settle()]
    return [(batch, clinic.store.append(batch, audit))]


@pytest.mark.parametrize("feature_only", [False, True])
def test_nights_are_kept_and_days_that_come_later_look_back_on_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, feature_only: bool
) -> None:
    """Two runs are one: of the first run's samples none is read again, where they are kept."""
    wrist = _wrist()
    (family,) = chosen(["sleep_acceleration"])
    whole = features_of(from_frames({"accelerometer": wrist}), [family], [segment("day")])
    clinic = make(tmp_path, *["accelerometer"] * feature_only)
    cut = int(to_micros(NOW) // DAY_US - 1) * DAY_US + DAY_US // 2  # in an hour not worn
    early = pc.less(wrist["time"].cast(pa.int64()), cut)
    spans: list[tuple[int, int]] = []
    real = feature_job._samples

    def watched(*args: Any) -> Any:
        spans.extend(args[3])
        return real(*args)

    monkeypatch.setattr(feature_job, "_samples", watched)
    for file, part in (("early", wrist.filter(early)), ("late", wrist.filter(pc.invert(early)))):
        spans.clear()
        _take_in(clinic, part, file)
        told = feature_job.compute_features(clinic, lambda _done, _all: None)
        assert KEPT not in told["families"]
    assert max((high - low for low, high in spans), default=0) <= 4 * DAY_US
    assert bool(spans) is not feature_only
    audit = Entry(feature_job.JOB, "read", Purpose.MONITORING)
    held = clinic.store.features(clinic.resolve("A1"), family.name, audit)
    assert held is not None
    if feature_only:  # else the samples themselves are nearly all of it
        own = export_subject(clinic, "A1", tmp_path / "own")["files"]
        assert {f"features/{name}.csv" for name in (KEPT, family.name)} <= set(own)
    rows = {row["date"]: row for row in known_rows(held).to_pylist()}
    assert len(rows) == whole.num_rows
    last = whole.to_pylist()[-1]
    for feature in family.features:
        assert rows[last["date"]][feature.name] == last[f"{family.name}_{feature.name}"] is not None
    clinic.close()


def test_a_long_recording_is_read_piece_by_piece_and_gives_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrist, audit = _wrist(), Entry(feature_job.JOB, "read", Purpose.MONITORING)
    read: list[int] = []
    real = feature_job._read

    def watched(*args: Any) -> Task:
        task = real(*args)
        read.append(sum(len(columns["time"]) for columns in task.streams.values()))
        return task

    monkeypatch.setattr(feature_job, "_read", watched)
    found: list[dict[str, Any]] = []
    for number, most in enumerate((10**9, wrist.num_rows // 4)):
        monkeypatch.setattr(feature_job, "MOST_SAMPLES", most)
        read.clear()
        clinic = make(tmp_path / str(number))
        _take_in(clinic, wrist, "all")
        told = feature_job.compute_features(clinic, lambda _done, _all: None)
        who = clinic.resolve("A1")
        rows = {n: clinic.store.features(who, n, audit) for n in (*told["families"], KEPT)}
        found.append(
            {
                n: t.drop_columns(["subject_id", "input_digest"])
                for n, t in rows.items()
                if t is not None
            }
        )
        assert told["computed"] == sum(t.num_rows for n, t in found[-1].items() if n != KEPT)
        again = feature_job.compute_features(clinic, lambda _done, _all: None)
        assert again["computed"] == 0
        clinic.close()
    assert len(read) > 3
    assert max(read) < wrist.num_rows * 0.7  # what a piece's first date looks back on besides
    assert KEPT in found[0]
    assert found[0].keys() == found[1].keys()
    for name, rows in found[0].items():
        assert rows.equals(found[1][name]), name


def test_a_night_whose_samples_were_not_kept_is_looked_back_on_as_it_was_seen_whole() -> None:
    """What is stored of it covers less of it: the store keeps the old row, and so does the job."""
    (family,) = chosen(["sleep_acceleration"])
    assert family.base is not None
    day = np.array([19_800], np.int64)
    whole = worn_at_night(Timeline(), 19_799, 2, np.random.default_rng(1))
    half = {name: column[whole["time"] < 19_800 * DAY_US] for name, column in whole.items()}
    given = (Timeline(), day)
    kept = compute_family(
        family.base,
        {"accelerometer": whole},
        *given,
        subject=SubjectId("a"),
        digests={},
        inputs=[from_dropped("before", "samples")],
    )
    due = tuple((name, Plan(day, ("now",), ())) for name in (KEPT, family.name))
    task = Task(SubjectId("a"), Timeline(), due, {"accelerometer": half}, {KEPT: kept})
    rows = dict(feature_job.compute_task(task))
    assert rows[KEPT]["coverage"][0].as_py() < kept["coverage"][0].as_py()
    told = rows[family.name].to_pylist()[0]
    assert told["coverage"] == kept["coverage"][0].as_py()
    assert told["sleep_duration_h"] == kept["asleep_min"][0].as_py() / 60


def test_a_night_that_is_taken_back_is_not_looked_back_on(tmp_path: Path) -> None:
    wrist, audit = _wrist(), Entry(feature_job.JOB, "read", Purpose.MONITORING)
    noon = pc.divide(pc.add(wrist["time"].cast(pa.int64()), DAY_US // 2), DAY_US)
    night = pc.equal(noon, int(to_micros(NOW) // DAY_US) - NIGHTS + 4)
    taken_back, stays = wrist.filter(night), wrist.filter(pc.invert(night))
    assert taken_back.num_rows
    found: list[dict[str, list[dict[str, Any]]]] = []
    for number, given in enumerate((wrist, stays)):
        clinic = make(tmp_path / str(number))
        _take_in(clinic, given, "all")
        feature_job.compute_features(clinic, lambda _done, _all: None)
        who = clinic.resolve("A1")
        if given is wrist:
            removed = clinic.store.remove(who, _given(clinic, taken_back, "back"), audit)
            assert removed.samples == taken_back.num_rows
            feature_job.recompute(clinic, [who])
        rows = {n: clinic.store.features(who, n, audit) for n in ("sleep_acceleration", KEPT)}
        found.append(
            {
                name: known_rows(table).drop_columns(["subject_id", "input_digest"]).to_pylist()
                for name, table in rows.items()
                if table is not None
            }
        )
        clinic.close()
    assert len(found[1][KEPT]) >= NIGHTS - 2
    assert found[0] == found[1]


def test_who_withdraws_between_two_pieces_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrist, audit = _wrist(), Entry(feature_job.JOB, "read", Purpose.MONITORING)
    clinic = make(tmp_path)
    _take_in(clinic, wrist, "all")
    who, now = clinic.resolve("A1"), to_micros(NOW)
    real, pieces = feature_job.compute_task, []

    def withdrawn_meanwhile(task: Task) -> Any:
        pieces.append(task.who)
        if len(pieces) == 2:
            no = GrantRecord(Purpose.MONITORING, permit=False, since=now, until=None, because="")
            clinic.store.put_grant(who, no, audit)
        return real(task)

    monkeypatch.setattr(feature_job, "MOST_SAMPLES", wrist.num_rows // 4)
    monkeypatch.setattr(feature_job, "compute_task", withdrawn_meanwhile)
    told = feature_job.compute_features(clinic, lambda _done, _all: None)
    assert (told["without_consent"], len(pieces)) == (1, 2)
    clinic.close()
