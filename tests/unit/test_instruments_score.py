"""The published numbers of the three questionnaires, and what the catalogue refuses."""

import dataclasses

import pytest

from euthymia.ground.codes import MADRS_TOTAL, PHQ9_ITEMS, PHQ9_TOTAL
from euthymia.ground.errors import SchemaError
from euthymia.instruments import gad7, madrs, phq9
from euthymia.instruments.catalogue import check_instrument, instruments
from euthymia.instruments.contract import Band
from euthymia.instruments.fhir import answers
from euthymia.instruments.score import change, score

PHQ9 = phq9.INSTRUMENT


@pytest.mark.parametrize(
    ("total", "name"),
    [
        (0, "minimal"),
        (4, "minimal"),
        (5, "mild"),
        (9, "mild"),
        (10, "moderate"),
        (14, "moderate"),
        (15, "moderately severe"),
        (19, "moderately severe"),
        (20, "severe"),
        (27, "severe"),
    ],
)
def test_phq9_bands(total, name):
    filled = [3] * (total // 3) + [total % 3] * (total < 27)
    assert score(PHQ9, filled + [0] * (9 - len(filled))).band.name == name


def test_phq9_codes_are_those_of_the_ground():
    assert tuple(item.code for item in PHQ9.items) == PHQ9_ITEMS
    assert PHQ9.total_code == PHQ9_TOTAL
    assert madrs.INSTRUMENT.total_code == MADRS_TOTAL


def test_one_point_on_the_ninth_item_is_urgent_whatever_the_total():
    found = score(PHQ9, [0] * 8 + [1])
    assert found.total == 1
    assert found.band.name == "minimal"
    assert len(found.urgent) == 1
    no_total = score(PHQ9, [None] * 8 + [1])
    assert no_total.total is None
    assert len(no_total.urgent) == 1


def test_an_unanswered_ninth_item_is_said_not_taken_for_no():
    found = score(PHQ9, [0] * 8 + [None])
    assert found.urgent == ()
    assert len(found.not_asked) == 1
    assert found.total == 0
    assert found.prorated


def test_two_gaps_are_prorated_half_up():
    assert score(PHQ9, [None, None, 1, 1, 1, 1, 1, 1, 1]).total == 9
    assert score(PHQ9, [None, 1, 1, 1, 1, 0, 0, 0, 0]).total == 5  # 4.5
    assert score(PHQ9, [None, None, None, 1, 1, 1, 1, 1, 1]).total is None


def test_a_clinicians_rating_is_complete_or_nothing():
    assert score(madrs.INSTRUMENT, [2] * 9 + [None]).total is None
    assert len(score(madrs.INSTRUMENT, [0] * 9 + [2]).urgent) == 1
    assert score(madrs.INSTRUMENT, [0] * 9 + [1]).urgent == ()


def test_gad7_bands():
    names = [b.name for b in gad7.INSTRUMENT.bands]
    assert names == ["minimal", "mild", "moderate", "severe"]
    assert gad7.INSTRUMENT.high == 21


def test_response_and_remission_are_different_things():
    found = change(PHQ9, 20, 10)
    assert (found.points, found.response, found.remission) == (-10, True, False)
    found = change(PHQ9, 8, 4)
    assert (found.response, found.remission, found.reliably_better) == (True, True, False)
    found = change(PHQ9, 19, 10)
    assert found.response is False


def test_answers_by_code_alone_are_read():
    item = {
        "linkId": "/44250-9",
        "answer": [{"valueCoding": {"system": "http://loinc.org", "code": "LA6570-1"}}],
    }
    made = {"resourceType": "QuestionnaireResponse", "item": [item]}
    assert answers(PHQ9, made)[0] == 2


def test_the_catalogue_finds_them():
    assert set(instruments()) >= {"phq9", "gad7", "madrs"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bands": PHQ9.bands[:-1]}, "cover every total"),
        ({"bands": (Band(0, 5, "a"), *PHQ9.bands[1:])}, "cover every total"),
        ({"items": (PHQ9.items[0], *PHQ9.items[:-1])}, "a code twice"),
        ({"missing": dataclasses.replace(PHQ9.missing, allowed=9)}, "at least one answer"),
        ({"urgent": (dataclasses.replace(PHQ9.urgent[0], item=9),)}, "does not have"),
    ],
)
def test_an_instrument_that_contradicts_itself_is_refused(changes, reason):
    with pytest.raises(SchemaError, match=reason):
        check_instrument(dataclasses.replace(PHQ9, **changes))
