"""What the clinical record tells the engine of alerts, and that the worse of a day is not lost."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.care.alerts.contract import Signal
from euthymia.care.alerts.signals import OPEN_STAY_DAYS, is_told, record_signals
from euthymia.ground.clock import DAY_US, Timeline, to_micros
from euthymia.ground.codes import (
    ADMISSION,
    CSSRS_BEHAVIOUR,
    CSSRS_IDEATION,
    CSSRS_RECENT,
    PHQ9_ITEMS,
)

NOON = to_micros(datetime(2026, 6, 1, 12, tzinfo=UTC))
HOUR = 3_600_000_000


def told(*rows: tuple[str, int, float | None]) -> list[Signal]:
    codes, times, values = zip(*rows, strict=True)
    table = pa.table({
        "code": list(codes), "time": pa.array(times, pa.timestamp("us", "UTC")),
        "numeric_value": pa.array(values, pa.float64()),
        "text_value": pa.array([None] * len(rows), pa.string()),
    })  # fmt: skip
    return record_signals("p-1", table, Timeline(), NOON + 400 * DAY_US)


def test_a_worse_answer_later_on_the_same_day_is_news() -> None:
    for mild, grave in (
        ((PHQ9_ITEMS[8], NOON, 1.0), (PHQ9_ITEMS[8], NOON + 5 * HOUR, 3.0)),
        ((CSSRS_IDEATION[0], NOON, 1.0), (CSSRS_IDEATION[4], NOON + 5 * HOUR, 1.0)),
    ):
        (morning,) = told(mild)
        first, evening = told(mild, grave)
        assert (morning.kind, evening.kind) == ("answer", "answer")
        assert evening.level > morning.level
        assert first == morning
        assert evening.id != morning.id, "the engine takes an id once"
        assert told(mild, mild) == [morning], "the same again is the same"


ITEM9, IDEAS = PHQ9_ITEMS[8], CSSRS_IDEATION
MINUTE = 60_000_000
asked = st.tuples(
    st.sampled_from([ITEM9, IDEAS[0], IDEAS[3], CSSRS_BEHAVIOUR, CSSRS_RECENT]),
    st.integers(0, 50).map(lambda n: NOON + n * 37 * MINUTE),
    st.sampled_from([0.0, 1.0, 2.0]),
)


def ids(rows: Sequence[tuple[str, int, float | None]]) -> set[str]:
    return {s.id for s in told(*rows)} if rows else set()


@settings(max_examples=40, deadline=None)
@given(st.lists(asked, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_what_is_delivered_again_or_in_another_order_says_the_same(rows, chance: random.Random):
    again = [*rows, *chance.sample(rows, len(rows) // 2)]
    chance.shuffle(again)
    assert told(*again) == told(*rows)


@settings(max_examples=40, deadline=None)
@given(st.lists(asked, max_size=8), st.integers(0, 7), st.sampled_from([ITEM9, *IDEAS]))
def test_whatever_was_said_that_day_what_is_said_then_is_news(rows, hours: int, code: str):
    late = (code, NOON + hours * HOUR + 7 * MINUTE + 1, 1.0)
    held = [row for row in rows if abs(row[1] - late[1]) > 31 * MINUTE]
    before, after = ids(held), ids([*held, late])
    assert len(after - before) == 1
    assert before <= after, "and nothing that was told is told again"


def test_a_screener_whose_questions_come_one_by_one_is_one() -> None:
    slow = [(code, NOON + n * MINUTE, float(n < 2)) for n, code in enumerate(IDEAS)]
    (one,) = told(*slow, (CSSRS_BEHAVIOUR, NOON + 6 * MINUTE, 0.0))
    assert (one.level, one.at) == (2.0, NOON)
    twice = [*slow, *((code, at + 10 * MINUTE, value) for code, at, value in slow)]
    assert [s.at for s in told(*twice)] == [NOON, NOON + 10 * MINUTE], (
        "it is asked again: said again"
    )
    long_ago = told((CSSRS_BEHAVIOUR, NOON, 1.0), (CSSRS_RECENT, NOON + HOUR, 0.0))
    assert long_ago == [], "an act that is long ago, said within the day"


def test_a_clock_that_is_ahead_keeps_no_answer_from_being_told() -> None:
    (one,) = told((ITEM9, NOON + 500 * DAY_US, 1.0))
    assert one.kind == "answer"


def test_what_an_earlier_version_told_of_a_day_as_one_is_not_told_anew() -> None:
    day = NOON // DAY_US
    first, second = told((ITEM9, NOON, 3.0), (ITEM9, NOON + 2 * HOUR, 1.0))
    known = {f"i-{day:07d}-3": NOON + HOUR}
    assert is_told(first, known)
    assert not is_told(second, known), "said after the day's was told: nobody has heard it"
    assert not is_told(first, {f"i-{day:07d}-2": NOON + HOUR}), "it is worse than what was told"
    assert not is_told(first, {f"i-{day - 1:07d}-3": NOON + HOUR})
    (screener,) = told((IDEAS[0], NOON, 1.0))
    assert not is_told(screener, known)
    assert is_told(screener, {screener.id: NOON})


def test_a_stay_without_an_end_does_not_mute_a_person_for_ever() -> None:
    known = told((ADMISSION, NOON, 9.0))
    assert [(s.kind, s.at) for s in known] == [
        ("admitted", NOON),
        ("discharged", NOON + 9 * DAY_US),
    ]
    unknown = told((ADMISSION, NOON, None))
    assert [s.kind for s in unknown] == ["admitted", "discharged"]
    assert unknown[1].at == NOON + OPEN_STAY_DAYS * DAY_US
    assert unknown[1].id != known[1].id, "the true end, once known, is still taken in"
