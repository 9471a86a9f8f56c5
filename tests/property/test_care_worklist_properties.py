"""The worklist's rules hold for any history, not only for those we thought of."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from euthymia.care.contract import Urgency
from euthymia.care.summary import Phq9, Seen, SubjectSummary
from euthymia.care.words import date_words, number_words, percent_words, span_words
from euthymia.care.worklist import caseload, estimate_words, feed_days, findings, item
from euthymia.ground.clock import DAY_US, to_micros
from euthymia.ground.ids import SubjectId
from euthymia.models.contract import Prediction

quick = settings(max_examples=50, deadline=None)
NOW = to_micros(datetime(2026, 6, 12, 9, tzinfo=UTC))
TODAY = NOW // DAY_US


@st.composite
def questionnaires(draw: st.DrawFn) -> tuple[Phq9, ...]:
    ages = sorted(draw(st.sets(st.integers(0, 500), max_size=6)), reverse=True)
    answers = st.tuples(*[st.one_of(st.none(), st.integers(0, 3)) for _ in range(9)])
    total = st.one_of(st.none(), st.integers(0, 27).map(float))
    return tuple(Phq9(NOW - age * DAY_US, draw(total), draw(answers)) for age in ages)


def prediction(probability: float | None, because: str | None = None) -> Prediction:
    interval = None if probability is None else (max(0.0, probability - 0.1), probability)
    return Prediction(
        "relapse-30d", "1", "d" * 64, 30, probability, interval, because, (), 0.9, 5.0
    )


predictions = st.one_of(
    st.none(),
    st.floats(0, 1).map(prediction),
    st.just(prediction(None, "coverage 0.31 < 0.60")),
)
seen = st.dictionaries(
    st.sampled_from(["phone", "watch"]),
    st.sets(st.integers(TODAY - 200, TODAY), min_size=1, max_size=40).map(
        lambda days: Seen(tuple(sorted(days)))
    ),
)


@st.composite
def people(draw: st.DrawFn, number: int = 0) -> SubjectSummary:
    return SubjectSummary(
        subject=SubjectId(f"p-{number:016d}"),
        phq9=draw(questionnaires()),
        prediction=draw(predictions),
        predicted_at=NOW,
        threshold=draw(st.one_of(st.none(), st.floats(0.05, 0.95))),
        seen=draw(seen),
        owners=draw(st.sampled_from([(), ("dr-a",), ("dr-a", "dr-b")])),
    )


@quick
@given(people())
def test_no_state_of_the_data_hides_a_recent_answer_of_self_harm(who: SubjectSummary) -> None:
    asked = [score for score in who.phq9 if score.item9 is not None]
    recent = asked and (NOW - asked[-1].at) // DAY_US <= 30 and (asked[-1].item9 or 0) >= 1
    assert (item(who, NOW).urgency is Urgency.NOW) == bool(recent)


@quick
@given(people(), st.integers(0, 3))
def test_a_higher_answer_to_item_9_never_lowers_urgency(who: SubjectSummary, answer: int) -> None:
    rank = {Urgency.NOW: 0, Urgency.SOON: 1, Urgency.LOOK: 2, Urgency.NONE: 3}
    quiet = Phq9(NOW, 4.0, (*(0,) * 8, 0))
    loud = replace(quiet, answers=(*(0,) * 8, answer))
    before = item(replace(who, phq9=(*who.phq9, quiet)), NOW).urgency
    after = item(replace(who, phq9=(*who.phq9, loud)), NOW).urgency
    assert rank[after] <= rank[before]


@quick
@given(people())
def test_an_abstaining_model_puts_nobody_on_the_list(who: SubjectSummary) -> None:
    silent = replace(who, prediction=prediction(None, "coverage 0.31 < 0.60"))
    assert all(finding.rule != "estimate" for finding in findings(silent, NOW))
    row = item(silent, NOW)
    assert row.probability is None
    assert any("coverage 0.31 < 0.60" in line for line in row.evidence)


@quick
@given(people(), st.floats(0, 1))
def test_the_review_line_is_the_only_thing_that_makes_an_estimate_a_finding(
    who: SubjectSummary, probability: float
) -> None:
    judged = replace(who, prediction=prediction(probability), threshold=0.35)
    rules = {finding.rule for finding in findings(judged, NOW)}
    assert ("estimate" in rules) == (probability >= 0.35)


@quick
@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_rounding_does_not_hide_on_which_side_of_the_line_an_estimate_lies(
    probability: float, line: float
) -> None:
    made = structs.replace(prediction(probability), interval=None)
    said = estimate_words(SubjectSummary(SubjectId(f"p-{0:016d}"), prediction=made, threshold=line))
    share, _, at = said.partition("estimated at ")[2].partition(" the review line of ")
    assert share.endswith((", over", ", under"))
    if abs(probability - line) > 1e-7:
        assert share.rpartition(", ")[0] != at


@pytest.mark.parametrize(
    ("probability", "line", "words"),
    [
        (0.2046, 0.2, "at 20.5% (10% to 30%), over the review line of 20%"),
        (0.19996, 0.2, "at 19.996% (10% to 30%), under the review line of 20%"),
        (0.2, 0.2, "at 20% (10% to 30%), over the review line of 20%"),
        (0.31, 0.2, "at 31% (10% to 30%), over the review line of 20%"),
    ],
)
def test_an_estimate_beside_the_line_is_told_as_precisely_as_that_needs(
    probability: float, line: float, words: str
) -> None:
    made = structs.replace(prediction(probability), interval=(0.1, 0.3))
    who = SubjectSummary(SubjectId(f"p-{0:016d}"), prediction=made, threshold=line)
    assert words in estimate_words(who)


@quick
@given(people(), st.floats(0.35, 1))
def test_what_a_models_audit_says_against_it_stands_beside_its_estimate(
    who: SubjectSummary, probability: float
) -> None:
    judged = replace(who, prediction=prediction(probability), threshold=0.35)
    doubted = replace(judged, doubt="no better than chance")
    (said,) = (f.why for f in findings(doubted, NOW) if f.rule == "estimate")
    assert said == f"{estimate_words(judged)}; the model's own audit: no better than chance"


@quick
@given(
    st.lists(st.integers(0, 0), max_size=6).flatmap(
        lambda slots: st.tuples(*[people(number) for number in range(len(slots))])
    )
)
def test_order_is_total_by_urgency_and_independent_of_the_order_given(
    group: tuple[SubjectSummary, ...],
) -> None:
    cases = caseload(group, NOW)
    rows = [case.item for case in cases]
    rank = [list(Urgency).index(row.urgency) for row in rows]
    assert rank == sorted(rank)
    assert cases == caseload(tuple(reversed(group)), NOW)
    assert {row.subject for row in rows} == {who.subject for who in group}
    assert all(bool(case.findings) is (case.item.urgency is not Urgency.NONE) for case in cases)


@quick
@given(people())
def test_every_row_says_what_it_saw_and_suggests_without_ordering(who: SubjectSummary) -> None:
    row = item(who, NOW)
    assert row.why
    assert row.data_seen
    assert row.next_step
    words = " ".join((row.why, row.next_step, *row.evidence)).lower()
    assert not any(bad in words for bad in ("must", "decided", "diagnos", "the system", "ai "))
    assert (row.owner is None) == (not who.owners)


@quick
@given(people())
def test_what_lies_in_the_future_is_not_seen(who: SubjectSummary) -> None:
    later = Phq9(NOW + DAY_US, 27.0, (3,) * 9)
    assert findings(replace(who, phq9=(*who.phq9, later)), NOW) == findings(who, NOW)


@quick
@given(st.integers(1, 300), st.integers(0, 20))
def test_a_stopped_import_silences_nobody(stopped: int, own: int) -> None:
    group = [
        SubjectSummary(SubjectId(f"p-{n}"), seen={"phone": Seen((TODAY - stopped - extra,))})
        for n, extra in enumerate((0, 0, own))
    ]
    feed = feed_days(group)
    silent = [bool(findings(who, NOW, feed)) for who in group]
    assert silent == [False, False, own >= 5]


@quick
@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(0, 900), st.dates())
def test_a_span_in_words_names_both_ends(first: date, days: int, today: date) -> None:
    last = date.fromordinal(first.toordinal() + days)
    words = span_words(first, last, today)
    assert words.endswith(date_words(last, today))
    assert str(first.day) in words
    assert (" to " in words) == (days > 0)


@quick
@given(st.floats(0, 1))
def test_a_chance_is_never_a_certainty(share: float) -> None:
    assert percent_words(share) not in {"0%", "100%"}


@quick
@given(st.floats(-1e6, 1e6))
def test_numbers_are_short_and_near(value: float) -> None:
    words = number_words(value)
    assert "e" not in words
    assert words != "-0"
    assert float(words.replace(",", "")) == pytest.approx(value, rel=0.006, abs=0.006)
