"""What the clinical record tells the engine of alerts, and that the worse of a day is not lost."""

from datetime import UTC, datetime

import pyarrow as pa

from euthymia.care.alerts.contract import Signal
from euthymia.care.alerts.signals import OPEN_STAY_DAYS, record_signals
from euthymia.ground.clock import DAY_US, Timeline, to_micros
from euthymia.ground.codes import ADMISSION, CSSRS_IDEATION, PHQ9_ITEMS

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
        (evening,) = told(mild, grave)
        assert (morning.kind, evening.kind) == ("answer", "answer")
        assert evening.level > morning.level
        assert evening.id != morning.id, "the engine takes an id once"
        assert told(mild) == [morning], "the same again is the same"


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
