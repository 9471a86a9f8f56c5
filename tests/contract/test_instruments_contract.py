"""What every questionnaire owes, found by discovery."""

import re
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.ground.errors import SchemaError
from euthymia.instruments.catalogue import instruments
from euthymia.instruments.fhir import answers, questionnaire, response
from euthymia.instruments.score import band, change, score

ALL = list(instruments().values())
each = pytest.mark.parametrize("instrument", ALL, ids=[i.name for i in ALL])
FEW = settings(max_examples=40, deadline=None)
AT = datetime(2024, 5, 1, 9, 30, tzinfo=UTC)


def filled(instrument, data, *, gaps=True):
    values = [
        st.sampled_from([c.value for c in item.choices] + ([None] if gaps else []))
        for item in instrument.items
    ]
    return data.draw(st.tuples(*values))


@each
def test_it_says_where_it_comes_from(instrument):
    for paper in (instrument.paper, instrument.bands_paper, instrument.missing.paper):
        assert re.search(r"doi:10\.\d{4,}/\S+", paper)
    assert instrument.terms
    assert instrument.missing.rule
    assert instrument.answered_by in {"patient", "clinician"}
    for item in instrument.items:
        assert re.match(r"[A-Za-z0-9]+/\S+$", item.code)
        assert item.text


@each
def test_the_ends_of_the_range(instrument):
    lowest = score(instrument, [item.low for item in instrument.items])
    highest = score(instrument, [item.high for item in instrument.items])
    assert (lowest.total, lowest.band) == (instrument.low, instrument.bands[0])
    assert (highest.total, highest.band) == (instrument.high, instrument.bands[-1])
    assert lowest.urgent == ()
    assert highest.urgent == instrument.urgent


@each
def test_every_total_has_one_band_and_every_edge_changes_it(instrument):
    names = [band(instrument, total).name for total in range(instrument.low, instrument.high + 1)]
    changes = sum(a != b for a, b in pairwise(names))
    assert changes == len(instrument.bands) - 1
    for found in instrument.bands:
        assert band(instrument, found.low) == band(instrument, found.high) == found
    for total in (instrument.low - 1, instrument.high + 1):
        with pytest.raises(SchemaError, match="lies between"):
            band(instrument, total)


@each
@given(data=st.data())
@FEW
def test_scores_with_and_without_gaps(instrument, data):
    given_ = filled(instrument, data)
    known = [a for a in given_ if a is not None]
    missing = len(given_) - len(known)
    found = score(instrument, given_)
    assert (found.answered, found.missing) == (len(known), missing)
    assert set(found.urgent) == {
        u for u in instrument.urgent if given_[u.item] is not None and given_[u.item] >= u.at_least
    }
    assert set(found.not_asked) == {u for u in instrument.urgent if given_[u.item] is None}
    if missing > instrument.missing.allowed:
        assert found.total is None
        assert found.band is None
        assert str(missing) in found.no_total_because
    else:
        exact = sum(known) * len(given_) / len(known)
        assert abs(found.total - exact) <= 0.5
        assert found.prorated == (missing > 0)
        assert instrument.low <= found.total <= instrument.high


@each
def test_one_gap_more_than_allowed_has_no_total(instrument):
    allowed = instrument.missing.allowed
    low = [item.low for item in instrument.items]
    gaps = [None] * allowed + low[allowed:]
    assert score(instrument, gaps).total == instrument.low
    assert score(instrument, [None, *gaps[1:-1], None]).total is None
    assert score(instrument, [None] * len(low)).total is None


@each
@pytest.mark.parametrize("bad", [-1, 99, 1.0, True, "1"])
def test_an_answer_that_does_not_exist_is_refused_without_repeating_it(instrument, bad):
    given_ = [item.low for item in instrument.items]
    given_[0] = bad
    with pytest.raises(SchemaError, match="item 1 takes the whole numbers") as caught:
        score(instrument, given_)
    assert "99" not in str(caught.value)
    with pytest.raises(SchemaError, match="answers were given"):
        score(instrument, given_[1:])


@each
@given(data=st.data())
@FEW
def test_fhir_round_trip(instrument, data):
    given_ = filled(instrument, data)
    made = response(instrument, given_, subject="Patient/p-aaaaaaaaaaaaaaaa", authored=AT)
    assert answers(instrument, made) == given_
    assert len(made["item"]) == sum(a is not None for a in given_)
    assert made["status"] == ("completed" if None not in given_ else "in-progress")


@each
def test_the_questionnaire_and_its_response_fit_each_other(instrument):
    form = questionnaire(instrument)
    assert form["resourceType"] == "Questionnaire"
    assert form["url"] == instrument.url
    highest = [item.high for item in instrument.items]
    made = response(instrument, highest, subject="Patient/x", authored=AT)
    assert [i["linkId"] for i in form["item"]] == [i["linkId"] for i in made["item"]]
    for asked, answered in zip(form["item"], made["item"], strict=True):
        assert answered["answer"][0] == asked["answerOption"][-1]


@each
def test_answers_in_other_shapes(instrument):
    """Plain integers, groups, links without a slash, and items of other questions."""
    items = [
        {"linkId": item.code.split("/")[1], "answer": [{"valueInteger": item.high}]}
        for item in instrument.items
    ]
    other = {"linkId": "/0000-0", "answer": [{"valueString": "free text"}]}
    made = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": instrument.url + "|2.0",
        "item": [{"linkId": "group", "item": [*items, other]}],
    }
    assert answers(instrument, made) == tuple(item.high for item in instrument.items)


@each
def test_responses_that_are_refused(instrument):
    one = {"linkId": "/" + instrument.items[0].code.split("/")[1]}
    base = {"resourceType": "QuestionnaireResponse", "questionnaire": instrument.url}
    twice = [{**one, "answer": [{"valueInteger": 0}]}] * 2
    wrong = [
        ({"resourceType": "Patient"}, "not a QuestionnaireResponse"),
        (base | {"questionnaire": "http://example.org/other"}, "another questionnaire"),
        (base | {"item": twice}, "answered twice"),
        (base | {"item": [{**one, "answer": [{"valueInteger": 77}]}]}, "none of the item's"),
        (base | {"item": [{**one, "answer": [{"valueString": "often"}]}]}, "none of the item's"),
    ]
    for resource, reason in wrong:
        with pytest.raises(SchemaError, match=reason):
            answers(instrument, resource)
    with pytest.raises(SchemaError, match="time zone"):
        response(
            instrument,
            [None] * len(instrument.items),
            subject="Patient/x",
            authored=AT.replace(tzinfo=None),
        )


@each
def test_change_is_better_worse_or_neither(instrument):
    same = change(instrument, instrument.high, instrument.high)
    assert same.points == 0
    best = change(instrument, instrument.high, instrument.low)
    assert best.points == instrument.low - instrument.high
    if instrument.response_share is not None:
        assert best.response is True
        assert same.response is False
    if instrument.reliable_change is not None:
        limit = instrument.reliable_change.points
        assert change(instrument, limit, 0).reliably_better is True
        assert change(instrument, limit - 1, 0).reliably_better is False
        assert change(instrument, 0, limit).reliably_worse is True
        assert change(instrument, 0, limit - 1).reliably_worse is False
    else:
        assert best.reliably_better is None
    assert change(instrument, None, instrument.low).points is None
    assert change(instrument, instrument.low, instrument.low).response is None
    with pytest.raises(SchemaError):
        change(instrument, instrument.high + 1, 0)
