"""Which days are scored, what is kept of a day once judged, and where lines are set."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from euthymia.care.monitor.contract import ARRAYS, Lines, ScoreStream
from euthymia.care.monitor.lines import FROM_DAY, Judged, false_alarms, watched
from euthymia.care.monitor.note import _changes
from euthymia.care.monitor.records import outages, stay_days, well_days
from euthymia.care.monitor.stream import merged
from euthymia.care.monitor.watched import days_of, features_named
from euthymia.ground.clock import Timeline, to_micros
from euthymia.ground.codes import ADMISSION
from euthymia.ground.schemas import FEATURE_KEYS

FIRST = 20_600
LINES = Lines(1.0, 1.0, digest="f" * 64)
STEPS = features_named(["steps.steps"])


def steps(days: range) -> pa.Table:
    count = len(days)
    keys = {
        "subject_id": ["p-abcdefghijklmnop"] * count,
        "date": pa.array(days, pa.int32()).cast(pa.date32()),
        "family": ["steps"] * count,
        "version": ["1"] * count,
        "input_digest": ["0" * 64] * count,
        "coverage": [1.0] * count,
    }
    schema = pa.schema([*FEATURE_KEYS, pa.field("steps", pa.float64())])
    return pa.table({**keys, "steps": np.arange(float(count))}, schema=schema)


def test_days_in_hospital_are_not_scored_and_their_silence_says_nothing() -> None:
    at = to_micros(datetime(2026, 6, 1, tzinfo=UTC))
    stay = pa.table({
        "code": [ADMISSION], "time": pa.array([at], pa.timestamp("us", "UTC")),
        "numeric_value": [3.0],
    })  # fmt: skip
    stays = stay_days(stay, Timeline())
    first = at // 86_400_000_000
    assert stays == frozenset(range(first, first + 4))
    tables = {"steps": steps(range(first - 5, first + 10))}
    days = days_of(STEPS, tables, Timeline(), first + 9, stays)
    assert days is not None
    days = days.forgiven(frozenset({first + 7}))
    assert days.day[days.away].tolist() == sorted(stays)
    assert days.day[days.excused].tolist() == [*sorted(stays), first + 7]


def stream(first: int, count: int, digits: str) -> ScoreStream:
    some = {name: np.ones(count) * name.endswith("_line") for name in ARRAYS}
    digest = tuple(digits[i] * 32 + "f" * 32 for i in range(count))
    day = np.arange(first, first + count)
    return ScoreStream("p-abcdefghijklmnop", day=day, z={}, digest=digest, **some)


def test_what_a_model_said_on_a_day_stays_when_older_data_arrives() -> None:
    before = stream(FIRST + 2, 3, "abc")
    before = replace(before, probability=np.array([np.nan, 0.4, np.nan]))
    fresh = stream(FIRST, 6, "xyabcd")
    fresh = replace(fresh, probability=np.array([np.nan] * 5 + [0.2]))
    both, since = merged(before, fresh, LINES)
    assert since == 0
    assert both.probability.tolist()[3] == 0.4
    assert both.probability.tolist()[5] == 0.2
    assert np.isnan(both.probability[[0, 1, 2, 4]]).all()


def test_days_scored_under_a_clock_that_ran_ahead_are_not_shown() -> None:
    made = stream(FIRST, 6, "abcdef")
    assert made.until(FIRST + 5) is made
    cut = made.until(FIRST + 3)
    assert (cut.day.tolist()[-1], len(cut.digest), cut.composite.size) == (FIRST + 3, 4, 4)
    assert made.until(FIRST - 1).day.size == 0


def test_an_episode_of_the_first_days_hides_no_alarm_from_the_count() -> None:
    score = np.zeros(60)
    score[FROM_DAY - 5 :] = 2.0  # over the line from before the person is watched
    everything = np.ones(60, np.bool_)
    well = everything & (np.arange(60) >= FROM_DAY)
    assert false_alarms([Judged(score, np.zeros(60), well)], LINES)[0] == 0
    assert false_alarms([watched(score, np.zeros(60), everything)], LINES) == (1, 60 - FROM_DAY)


def test_a_day_on_which_nobody_was_seen_is_the_clinics_own_fault() -> None:
    people = []
    for _ in range(6):
        tables = {"steps": steps(range(FIRST, FIRST + 20))}
        days = days_of(STEPS, tables, Timeline(), FIRST + 19)
        assert days is not None
        days.values[12] = np.nan
        people.append(days)
    assert outages(people) == frozenset({FIRST + 12})
    people[0].values[12] = 1.0
    assert outages(people[:5]) == frozenset()
    assert outages(people[1:5]) == frozenset()  # of four, all may be silent by chance
    well = well_days(people[0], pa.table({
        "code": pa.array([], pa.string()), "time": pa.array([], pa.timestamp("us", "UTC")),
        "numeric_value": pa.array([], pa.float64()),
    }), Timeline())  # fmt: skip
    assert well.all()


def test_a_time_of_day_is_earlier_or_later_and_never_lower() -> None:
    some = stream(FIRST, 3, "abc")
    z = {"sleep_phone.sleep_onset_h": -3.0, "sleep_phone.sleep_duration_h": -2.0}
    some = replace(some, z={name: np.array([0.0, 0.0, value]) for name, value in z.items()})
    told = _changes(some, np.array([False, True, True]))
    assert {"fell asleep earlier", "time asleep lower"} <= set(told)
