"""What the audit of a plain table finds in real studies, unasked."""

import csv
import gzip

import numpy as np
import pytest

from euthymia.models import audit
from real import DATA, needs_data


def _days():
    """Return a row a day of the actigraphy study: the three numbers that papers on it use."""
    rows = {name: [] for name in ("number", "date", "mean", "sd", "zeros", "condition")}
    for path in sorted((DATA / "depresjon").glob("*/*.csv.gz")):
        who, days = path.name.split(".")[0], {}
        with gzip.open(path, "rt") as file:
            for line in csv.DictReader(file):
                days.setdefault(line["date"], []).append(float(line["activity"]))
        for day, counts in days.items():
            if len(counts) >= 720:
                values = np.array(counts)
                made = (who, day, values.mean(), values.std(), np.mean(values == 0))
                for name, value in zip(
                    rows, (*made, int(who.startswith("condition"))), strict=True
                ):
                    rows[name].append(value)
    # the study's own names say who is ill; the audit says so too, and these do not
    rows["number"] = [f"P{hash_of:04d}" for hash_of in _numbers(rows["number"])]
    return rows


def _numbers(names):
    order = {n: i for i, n in enumerate(sorted(set(names), key=lambda n: n[::-1]))}
    return [order[n] for n in names]


@needs_data
@pytest.mark.slow
def test_the_actigraphy_study_is_season_length_and_who_it_is():
    found = audit(_days(), outcome="condition", person="number")
    alone = {a.row.variable: a.row for a in found.confounds if a.row.auc}
    assert alone["start (date): month"].auc.estimate == pytest.approx(0.92, abs=0.03)
    assert alone["rows per person"].auc.estimate == pytest.approx(0.75, abs=0.06)
    said = {f.words.split(" alone")[0] for f in found.findings if f.kind == "confound"}
    assert any("month" in s for s in said)
    assert any("rows per person" in s for s in said)
    assert 0.02 < found.inflation.inflation.estimate < 0.3
    assert found.inflation.inflation.low > 0


@needs_data
@pytest.mark.slow
def test_a_change_score_is_told_to_be_made_from_its_columns():
    found = audit(
        DATA / "trials" / "antidepressant_duloxetine.csv",
        outcome="CHANGE",
        person="PATIENT",
        treatment="THERAPY",
    )
    assert {f.columns for f in found.findings if f.kind == "derived"} == {("HAMDTL17", "BASVAL")}
    assert found.sites is not None
    assert found.sites.sites == 17
