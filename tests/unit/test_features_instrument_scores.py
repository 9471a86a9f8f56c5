"""Questionnaires and ratings: cases whose answer one can see."""

import numpy as np
import pyarrow as pa
import pytest

import euthymia as eu
from euthymia.features.catalogue import families
from euthymia.features.instrument_scores import CARRY_DAYS, FAMILY, short
from euthymia.features.observed import observed
from euthymia.features.rows import compute_family, of_family
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.ground.codes import (
    CSSRS_BEHAVIOUR,
    CSSRS_IDEATION,
    MADRS_TOTAL,
    PHQ9_ITEMS,
    PHQ9_TOTAL,
)
from euthymia.ground.schemas import OBSERVATIONS
from euthymia.instruments.catalogue import instruments
from feature_cases import DAY0, WHO

OSLO = Timeline(((0, "Europe/Oslo"),))


def rows_of(facts, days, timeline=OSLO):
    """Compute the rows of some dates from (day + share of it, code, value)."""
    facts = sorted(facts)
    stream = {
        "time": np.array([round((DAY0 + day) * DAY_US) for day, _, _ in facts], np.int64),
        "code": np.array([code for _, code, _ in facts], object),
        "value": np.array([value for _, _, value in facts], np.float64),
    }
    wanted = np.array([DAY0 + day for day in days], np.int64)
    table = compute_family(
        FAMILY, {"observations": stream}, timeline, wanted, subject=WHO, digests={}
    )
    return table.to_pylist()


def test_the_course_of_a_questionnaire():
    facts = [(0.5, PHQ9_TOTAL, 10), (7.5, PHQ9_TOTAL, 12), (14.5, PHQ9_TOTAL, 14)]
    facts += [(21.5, PHQ9_TOTAL, 8)]
    early, last, later = rows_of(facts, [14, 21, 30])
    assert (early["phq9_total"], early["phq9_change"], early["phq9_from_usual"]) == (14, 2, 3)
    assert early["phq9_from_usual_sd"] is None  # of two scores there is no spread to speak of
    assert early["phq9_slope_per_week"] == pytest.approx(2)
    assert early["phq9_sd"] == pytest.approx(2)
    assert early["phq9_rmssd"] == pytest.approx(2)
    assert (last["phq9_total"], last["phq9_change"], last["phq9_from_usual"]) == (8, -6, -4)
    assert last["phq9_from_usual_sd"] == pytest.approx(-2)
    assert last["phq9_slope_per_week"] == pytest.approx(-0.4)
    assert last["phq9_rmssd"] == pytest.approx(np.sqrt((4 + 4 + 36) / 3))
    assert (last["phq9_since_d"], later["phq9_since_d"]) == (0, 9)
    assert later["coverage"] == pytest.approx(1 - 9 / 91)
    for name in ("total", "change", "slope_per_week", "sd"):
        assert later[f"phq9_{name}"] == last[f"phq9_{name}"]  # carried until there is another


def test_nothing_is_said_before_it_was_answered_nor_long_after():
    facts = [(5.97, PHQ9_TOTAL, 10), (40, PHQ9_TOTAL, 20)]  # 23:17 UTC: the next day in Oslo
    rows = rows_of(facts[:1], [5, 6, 6 + CARRY_DAYS, 7 + CARRY_DAYS])
    assert [row["phq9_total"] for row in rows] == [None, 10, 10, None]
    assert [row["coverage"] > 0 for row in rows] == [False, True, True, False]
    assert rows_of(facts, [5, 6])[1]["phq9_total"] == 10
    other = rows_of([(0, MADRS_TOTAL, 30), (360, PHQ9_TOTAL, 5)], [365, 366])
    assert [row["madrs_total"] for row in other] == [30, None]  # older than a year
    assert [row["madrs_since_d"] for row in other] == [365, None]


def test_a_recorded_total_comes_before_the_sum_and_gaps_follow_the_instruments_rule():
    items = [(1.5, code, 1) for code in PHQ9_ITEMS]
    assert rows_of(items, [1])[0]["phq9_total"] == 9
    assert rows_of(items[:7], [1])[0]["phq9_total"] == 9  # two take the mean of the others
    assert rows_of(items[:6], [1])[0]["phq9_total"] is None
    assert rows_of([*items, (1.2, PHQ9_TOTAL, 11)], [1])[0]["phq9_total"] == 11
    assert rows_of([*items, (1.2, PHQ9_TOTAL, 99)], [1])[0]["phq9_total"] == 9


def test_item_9_keeps_the_worse_answer_of_a_date():
    nine = PHQ9_ITEMS[8]
    rows = rows_of([(0.4, nine, 0), (3.3, nine, 2), (3.6, nine, 0), (9.5, nine, 0)], [0, 3, 12])
    assert [row["phq9_item9"] for row in rows] == [0, 2, 0]
    assert [row["phq9_item9_change"] for row in rows] == [None, 2, -2]
    assert [row["phq9_item9_raised_since_d"] for row in rows] == [None, 0, 9]


def test_the_suicide_severity_screener():
    asked = [(0.5, code, 0) for code in CSSRS_IDEATION]
    later = [
        (30.5, CSSRS_IDEATION[0], 1),
        (30.5, CSSRS_IDEATION[2], 1),
        (60.5, CSSRS_IDEATION[0], 1),
    ]
    rows = rows_of([*asked, *later, (60.5, CSSRS_BEHAVIOUR, 1)], [1, 31, 61])
    assert [row["cssrs_ideation"] for row in rows] == [0, 3, 1]
    assert [row["cssrs_ideation_change"] for row in rows] == [None, 3, -2]
    assert [row["cssrs_ideation_highest"] for row in rows] == [0, 3, 3]
    assert [row["cssrs_behaviour"] for row in rows] == [None, None, 1]
    assert [row["cssrs_since_d"] for row in rows] == [1, 1, 1]


def test_every_installed_instrument_has_the_same_columns():
    names = {feature.name for feature in FAMILY.features}
    for instrument in instruments().values():
        assert {f"{short(instrument)}_total", f"{short(instrument)}_since_d"} <= names
        assert {instrument.total_code, *(item.code for item in instrument.items)} <= {*FAMILY.codes}


def observations(rows):
    plain = dict.fromkeys(OBSERVATIONS.names) | {
        "subject_id": "a",
        "time": 0,
        "purpose": "care",
        "source": "x",
    }
    return pa.Table.from_pylist([plain | row for row in rows], OBSERVATIONS)


def test_what_counts_as_observed():
    table = observations(
        [
            {"code": PHQ9_TOTAL, "numeric_value": 7.0},
            {"code": PHQ9_TOTAL, "numeric_value": 7.0, "source": "another"},
            {"code": PHQ9_TOTAL, "numeric_value": 8.0, "time": None},
            {"code": PHQ9_TOTAL, "numeric_value": 9.0, "sensitivity": "hiv"},
            {"code": CSSRS_BEHAVIOUR, "text_value": " Yes, last year"},
            {"code": CSSRS_IDEATION[0], "text_value": "no"},
            {"code": CSSRS_IDEATION[1], "text_value": "nobody knows"},
            {"code": "LOINC/1-1", "numeric_value": 1.0},
        ]
    )
    found = observed(table, FAMILY.codes).to_pylist()
    assert {(row["code"], row["value"]) for row in found} == {
        (PHQ9_TOTAL, 7.0),
        (CSSRS_BEHAVIOUR, 1.0),
        (CSSRS_IDEATION[0], 0.0),
    }
    assert len(found) == 3
    assert observed(table).num_rows == 4
    assert observed(table.slice(0, 0)).num_rows == 0


def test_a_family_is_handed_its_own_codes_alone():
    stream = {
        "time": np.arange(2),
        "code": np.array([PHQ9_TOTAL, "x"], object),
        "value": np.ones(2),
    }
    own = of_family(FAMILY, {"observations": stream, "screen": stream})
    assert own["observations"]["code"].tolist() == [PHQ9_TOTAL]
    assert of_family(families()["light"], {"observations": stream}) == {}


def test_a_frame_of_answers_and_rows_as_far_as_the_table_reaches():
    day = DAY_US // 10**6
    answers = pa.table(
        {"time": [DAY0 * day, (DAY0 + 3) * day], "code": [PHQ9_TOTAL] * 2, "value": [5.0, 9.0]}
    )
    screen = pa.table(
        {"time": [(DAY0 + 5) * day, (DAY0 + 5) * day + 60], "state": pa.array([1, 0], pa.int8())}
    )
    frames = {"observations": answers, "screen": screen}
    table = eu.features.compute(frames, ["instrument_scores", "screen_use"])
    assert table["instrument_scores_phq9_total"].to_pylist() == [5, 5, 5, 9, 9, 9]
    alone = eu.features.compute({"observations": answers}, ["instrument_scores"])
    assert alone["instrument_scores_phq9_total"].to_pylist() == [5, 5, 5, 9]
