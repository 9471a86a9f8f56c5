"""What the page about one person says: gaps, bands, scores, events, in words and in local days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.care.band import personal_band
from euthymia.care.contract import Urgency
from euthymia.care.coverage_map import coverage_map
from euthymia.care.gaps import device_gaps
from euthymia.care.summary import Seen, devices_seen, phq9_scores, summarise
from euthymia.care.timeline import Trend, groups_of, most_telling, patient_view
from euthymia.care.worklist import findings, item
from euthymia.features.contract import Days, Family, Feature
from euthymia.ground.clock import DAY_US, Timeline, day_number, to_micros
from euthymia.ground.codes import MADRS_TOTAL, NOTE, PHQ9_ITEMS, PHQ9_TOTAL
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import OBSERVATIONS

quick = settings(max_examples=50, deadline=None)
NOW_AT = datetime(2026, 6, 12, 9, tzinfo=UTC)
NOW = to_micros(NOW_AT)
WHO = SubjectId("p-aaaaaaaaaaaaaaaa")


def records(*rows: tuple[datetime | None, str, float | None, str | None]) -> pa.Table:
    columns = [[WHO] * len(rows), *map(list, zip(*rows, strict=True))] if rows else [[]] * 5
    data = dict(
        zip(("subject_id", "time", "code", "numeric_value", "text_value"), columns, strict=True)
    )
    data |= {name: [name] * len(rows) for name in ("unit", "purpose", "source")}
    data["sensitivity"] = [None] * len(rows)
    return pa.table(data, schema=OBSERVATIONS)


def phq9(at: datetime, total: int, item9: int = 0) -> list[tuple[datetime, str, float, None]]:
    answers = [0] * 8 + [item9]
    for index in range(total - item9):
        answers[index % 8] += 1
    rows = [(at, code, float(n), None) for code, n in zip(PHQ9_ITEMS, answers, strict=True)]
    return [*rows, (at, PHQ9_TOTAL, float(total), None)]


def on(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def segments(stream: str, first: date, last: date, without: set[date] = frozenset()):
    days = range(day_number(first), day_number(last) + 1)
    return {stream: {d: (10, "x") for d in days if d not in {day_number(w) for w in without}}}


def summary(table: pa.Table, found=None, **more):
    return summarise(WHO, observations=table, segments=found or {}, zones=Timeline(), **more)


def test_the_first_trends_are_worse_ones_and_one_of_each_family() -> None:
    def trend(family: str, name: str, outside: int, worse: int, known: int = 14) -> Trend:
        feature = Feature(name, name, "1", "d", "doi:10.1/x")
        return Trend(family, feature, (), (), (), None, "", "", outside, known, worse)

    found = [
        trend("a", "a1", 14, 0),
        trend("b", "b1", 9, 9),
        trend("b", "b2", 8, 8),
        trend("c", "c1", 0, 0),
        trend("a", "a2", 3, 3),
        trend("d", "d1", 0, 0, known=0),
    ]
    names = [t.feature.name for t in most_telling(found, 5)]
    assert names == ["b1", "a2", "c1", "d1", "b2"]
    flat = replace(trend("e", "e1", 14, 14), values=(0.0, None, 0.0))
    assert flat not in most_telling([flat, *found], 7)
    hours = replace(flat, values=(*[24.0] * 12, 25.0))  # the night on which a clock is put back
    assert hours not in most_telling([hours, *found], 7)
    scores = replace(flat, values=(9.0, 9.0, 14.0))
    assert scores in most_telling([scores, *found], 7)
    groups = groups_of(found)
    assert [(g.title, len(g.trends), g.often) for g in groups] == [
        ("a", 2, 1),
        ("b", 2, 2),
        ("c", 1, 0),
        ("d", 1, 0),
    ]


def test_phq9_answers_and_total_of_one_day_are_one_questionnaire() -> None:
    rows = phq9(on(6, 1), 12, 1)
    late_total = (on(6, 1, 15), PHQ9_TOTAL, 12.0, None)
    (score,) = phq9_scores(records(*rows[:-1], late_total), Timeline())
    assert (score.total, score.item9, score.at) == (12.0, 1, to_micros(on(6, 1, 15)))


def test_a_missing_total_is_the_sum_only_when_all_nine_answers_are_there() -> None:
    whole, part = phq9(on(6, 1), 12)[:-1], phq9(on(6, 8), 12)[:-2]
    assert [s.total for s in phq9_scores(records(*whole, *part), Timeline())] == [12.0, None]


def test_conflicting_answers_of_one_day_count_as_the_worse() -> None:
    rows = [*phq9(on(6, 1), 4), *phq9(on(6, 1, 11), 9, 2)]
    (score,) = phq9_scores(records(*rows), Timeline())
    assert (score.total, score.item9) == (9.0, 2)


def test_dates_are_the_persons_own() -> None:
    table = records(*phq9(on(6, 2, 2), 12, 1))
    away = Timeline(((0, "America/New_York"),))
    row = item(summarise(WHO, observations=table, segments={}, zones=away), NOW)
    assert "on 1 June" in row.why


def test_self_harm_asks_for_a_person_today_and_says_since_when() -> None:
    row = item(summary(records(*phq9(on(5, 20), 9, 2), *phq9(on(6, 3), 8, 1))), NOW)
    assert row.urgency is Urgency.NOW
    assert row.why == (
        'PHQ-9 item 9 (better off dead, self-harm): "several days" on 3 June, '
        "and at each since 20 May"
    )
    assert row.since == to_micros(on(5, 20))
    assert row.next_step.startswith("Speak with them today")


def test_self_harm_that_nobody_asked_about_again_stays_on_the_list() -> None:
    (first, *_) = findings(summary(records(*phq9(on(4, 1), 9, 2))), NOW)
    assert (first.rule, first.urgency) == ("self-harm", Urgency.SOON)
    assert "not asked again for 71 days" in first.why


def test_a_total_without_answers_does_not_calm_an_earlier_item_9() -> None:
    table = records(*phq9(on(6, 1), 9, 1), (on(6, 8), PHQ9_TOTAL, 3.0, None))
    assert item(summary(table), NOW).urgency is Urgency.NOW


def test_a_reliable_rise_and_a_crossing_are_told_apart_from_noise() -> None:
    def rules(before: int, after: int) -> set[str]:
        return {
            f.rule
            for f in findings(
                summary(records(*phq9(on(5, 20), before), *phq9(on(6, 8), after))), NOW
            )
        }

    assert "worse" in rules(2, 7)
    assert "worse" in rules(9, 10)
    assert "worse" not in rules(10, 14)
    assert "worse" not in rules(2, 6)


def test_silence_is_said_with_dates_and_what_there_was_before() -> None:
    found = segments("screen", date(2026, 5, 1), date(2026, 6, 3), {date(2026, 5, 20)})
    row = item(summary(records(), found), NOW)
    assert row.urgency is Urgency.LOOK
    assert row.why == "No phone data since 3 June (9 days); before, 27 of 28 days"
    assert row.data_seen == "Phone 18 of 28 days, last on 3 June"


def test_silence_of_months_is_a_gap_and_not_news() -> None:
    found = segments("screen", date(2025, 5, 1), date(2025, 6, 3))
    assert item(summary(records(), found), NOW).urgency is Urgency.NONE


def test_a_missed_questionnaire_is_on_the_list_from_the_29th_day() -> None:
    def rules(days: int) -> set[str]:
        table = records(*phq9(NOW_AT - timedelta(days=days, minutes=1), 6))
        return {finding.rule for finding in findings(summary(table), NOW)}

    assert rules(28) == set()
    assert rules(29) == {"overdue"}


def test_gaps_are_told_in_words() -> None:
    found = devices_seen(
        segments("screen", date(2026, 4, 20), date(2026, 6, 3))
        | segments(
            "heart_rate",
            date(2026, 4, 20),
            date(2026, 6, 11),
            {date(2026, 5, d) for d in range(4, 10)},
        )
    )
    today = NOW // DAY_US
    worn = range(day_number(date(2026, 5, 28)), day_number(date(2026, 6, 1)) + 1)
    (phone,) = device_gaps("phone", found["phone"], today)
    assert (phone.words, phone.open_end) == ("No phone data since 3 June (9 days)", True)
    watch = device_gaps("watch", found["watch"], today, worn)
    assert [gap.words for gap in watch] == [
        "Watch not worn 28 May to 1 June (5 days)",
        "No watch data 4 to 9 May (6 days)",
    ]


@quick
@given(st.sets(st.integers(0, 60), min_size=1), st.integers(0, 80))
def test_gaps_and_data_share_no_day_and_cover_all_between(have: set[int], today: int) -> None:
    seen = Seen(tuple(sorted(have)))
    gaps = device_gaps("phone", seen, today)
    missing = {day for gap in gaps for day in range(gap.first, gap.last + 1)}
    assert not missing & have
    alone = set(range(min(have), today)) - have - missing
    assert not any({day, day + 1} <= alone for day in alone)
    assert sum(gap.days for gap in gaps) == len(missing)


@quick
@given(st.lists(st.floats(-100, 100), min_size=84, max_size=120), st.floats(-1e6, 1e6))
def test_the_last_four_weeks_do_not_move_the_band(values: list[float], wild: float) -> None:
    days = np.arange(len(values))
    series = np.array(values)
    later = series.copy()
    later[-28:] = wild
    assert personal_band(days, series) == personal_band(days, later)


@quick
@given(st.integers(0, 40), st.integers(0, 27))
def test_a_band_needs_fourteen_days(known: int, held: int) -> None:
    days = np.arange(84)
    values = np.full(84, np.nan)
    values[:known] = 5.0
    values[56 : 56 + held] = 5.0
    assert (personal_band(days, values) is None) == (known < 14)


FEATURE = Feature("l5_h", "Least active 5 hours", "h", "start of L5", "doi:10.1/x", worse=1)
FAMILY = Family(
    "rest",
    "1",
    "Rest and activity",
    ("activity_counts",),
    1,
    (FEATURE,),
    lambda *_: Days({}, np.zeros(0)),
)


def feature_rows(values: list[float], last: date, coverage: float = 0.9) -> pa.Table:
    days = [last - timedelta(days=n) for n in range(len(values))][::-1]
    return pa.table(
        {"date": pa.array(days, pa.date32()), "coverage": [coverage] * len(values), "l5_h": values}
    )


def view(table: pa.Table, values: list[float], found=None, coverage: float = 0.9):
    return patient_view(
        summary(table, found),
        observations=table,
        families={"rest": FAMILY},
        features={"rest": feature_rows(values, date(2026, 6, 12), coverage)},
        now=NOW,
    )


def test_a_trend_says_where_the_last_value_lies_and_which_days_made_the_band() -> None:
    (trend,) = view(records(), [2.0 + (n % 3) / 10 for n in range(93)] + [4.0] * 7).trends
    assert trend.words == "4 h on 12 June, above their own band; 7 of the last 14 values outside."
    assert trend.basis == ("Own band from 56 days of 21 March to 15 May.")
    assert (trend.outside, trend.known) == (7, 14)


def test_too_few_days_make_no_band_and_say_so() -> None:
    (trend,) = view(records(), [2.0] * 20).trends
    assert trend.band is None
    assert trend.words == "2 h on 12 June."
    assert "14 days" in trend.basis


def test_days_with_hardly_any_coverage_are_days_not_worn() -> None:
    found = segments("activity_counts", date(2026, 6, 1), date(2026, 6, 12))
    shown = view(records(), [2.0] * 12, found, coverage=0.02)
    assert [gap.words for gap in shown.gaps] == ["Watch not worn 1 to 12 June (12 days)"]


@pytest.mark.parametrize(
    ("consents", "why"),
    [
        (lambda day: day >= 3, ["consent", "consent", "consent", "unknown"]),
        (lambda day: False, ["consent", "", "unknown", "unknown"]),  # given today, for all of it
        (lambda day: day == 1, ["consent", "", "consent", "consent"]),
    ],
)
def test_no_consent_is_why_a_day_is_empty_only_where_it_kept_recordings_out(consents, why) -> None:
    first = int(np.datetime64("2026-06-09", "D").astype(int))
    values = [0.0, 0.0 if why[1] else 5.0, 0.0, 0.0, 5.0]
    rows = feature_rows([1.0] * 5, date(2026, 6, 13)).append_column(
        "screen_data_h", pa.array(values)
    )
    [found] = coverage_map(
        {"data_quality": rows},
        first,
        first + 4,
        not_worn=set(),
        consented=lambda day: consents(day - first),
        phone=frozenset({"screen"}),
        held={},
    )
    assert [cell.why for cell in found.cells][:4] == why


def test_raw_signals_are_in_the_map_of_data_on_the_days_they_are_stored() -> None:
    day = int(np.datetime64("2026-06-10", "D").astype(int))
    table = records()
    rows = feature_rows([1.0] * 5, date(2026, 6, 12)).append_column(
        "screen_data_h", pa.array([9.0, 9.0, 9.0, 0.0, 9.0])
    )
    shown = patient_view(
        summary(table),
        observations=table,
        families={},
        features={"data_quality": rows},
        now=NOW,
        held={
            "blood_volume_pulse": [day, day + 1],
            "screen": [day, day + 1],
            "event_marks": [day],
        },
    )
    first, second = shown.coverage
    assert (first.stream, second.stream) == ("screen", "blood_volume_pulse")
    cells = {cell.day: (cell.level, cell.why) for cell in second.cells}
    assert [cells[day + n] for n in (-1, 0, 1)] == [("none", "unknown"), ("held", ""), ("held", "")]
    assert second.words.startswith("2 of ")
    assert {cell.day: cell.level for cell in first.cells}[day + 1] == "none"


def test_scores_events_and_medication_come_from_the_record() -> None:
    table = records(
        (None, "SNOMED/248153007", None, "a fact without a time"),
        (on(3, 1), "ActCode/IMP", 6.0, None),
        (on(3, 2), "RxNorm/312938", None, "sertraline 50 MG"),
        (on(5, 2), "RxNorm/312938", None, "sertraline 50 MG"),
        (on(4, 2), "SNOMED/370143000", None, "Major depressive disorder"),
        (on(5, 2), "SNOMED/370143000", None, "Major depressive disorder"),
        (on(5, 3), NOTE, None, "A note."),
        (on(5, 4), "LOINC/8867-4", 70.0, None),
        (on(5, 5), MADRS_TOTAL, 21.0, None),
        *phq9(on(5, 6), 17),
        (on(7, 1), "RxNorm/1", None, "of the future"),
    )
    shown = view(table, [1.0])
    assert [(e.kind, e.text) for e in shown.events] == [
        ("Note", "A note."),
        ("Recorded", "Major depressive disorder"),
        ("Admission", "In-patient stay, 6 days"),
    ]
    assert [(e.times, e.day - e.first) for e in shown.events] == [(1, 0), (2, 30), (1, 0)]
    (drug,) = shown.medications
    assert (drug.name, drug.records, drug.last - drug.first) == ("sertraline 50 MG", 2, 61)
    assert [(s.name, s.severity(s.points[-1].total)) for s in shown.scores] == [
        ("PHQ-9", "moderately severe"),
        ("MADRS", "moderate"),
    ]
    assert shown.other_records == 1


def test_an_empty_record_is_a_view_too() -> None:
    shown = patient_view(
        summary(records()), observations=records(), families={}, features={}, now=NOW
    )
    assert (shown.scores, shown.trends, shown.gaps, shown.medications) == ((), (), (), ())
    assert shown.estimate.startswith("No estimate")


def test_times_of_day_are_told_by_the_clock_and_midnight_is_no_jump() -> None:
    onset = replace(FEATURE, low=0, high=24)
    family = replace(FAMILY, features=(onset,))
    values = [23.8 if n % 2 else 0.2 for n in range(93)] + [3.0] * 7
    shown = patient_view(
        summary(records()),
        observations=records(),
        families={"rest": family},
        features={"rest": feature_rows(values, date(2026, 6, 12))},
        now=NOW,
    )
    (trend,) = shown.trends
    assert trend.words == "03:00 on 12 June, above their own band; 7 of the last 14 values outside."
    assert trend.band is not None
    assert -1 < trend.band.low < trend.band.high < 1
