"""People and frames made up for the tests of models: what is planted in them is known."""

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from euthymia.features.rows import compute_family
from euthymia.ground import codes
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import FEATURE_KEYS, OBSERVATIONS
from euthymia.models.contract import SubjectData
from euthymia.models.frame import CohortFrame
from euthymia.models.tasks import tasks

RELAPSE = "relapse-30d"
ACTIGRAPHY = "actigraphy-depression"
DAY0 = 20_003  # 2024-10-07, a Monday: index dates fall on Mondays


def frame(people=60, rows=8, signal=1.2, seed=0, *, sites=3, clumped=0.6, task=ACTIGRAPHY):
    """Return a frame whose label depends on every seventh feature through a person's trait."""
    rng = np.random.default_rng(seed)
    specs = tasks()[task].features
    n, who = people * rows, np.repeat(np.arange(people), rows)
    trait = rng.normal(size=people)[who] + 0.5 * rng.normal(size=n)
    x = rng.normal(size=(n, len(specs))) + clumped * rng.normal(size=(people, len(specs)))[who]
    x[:, ::7] += signal * trait[:, None]
    risk = 1 / (1 + np.exp(-(1.5 * signal * trait - 1.2)))
    y = (rng.uniform(size=n) < risk).astype(float)
    x = _possible(x, specs)
    x[rng.uniform(size=x.shape) < 0.05] = np.nan
    gone = rng.uniform(size=n) < 0.15
    x[np.ix_(gone, np.arange(len(specs) // 2, len(specs)))] = np.nan
    site = np.array([f"site {i % sites}" for i in who])
    return CohortFrame(
        task=task,
        names=tuple(spec.name for spec in specs),
        x=x,
        y=y,
        person=np.array([f"p-{i:016d}" for i in who]),
        site=site,
        at=np.arange(n) * 7 * DAY_US,
        coverage=np.ones(n),
        data_age_hours=np.zeros(n),
        groups={"sex": np.array(["female", "male"])[who % 2]},
        metadata={"site": site, "weekday": np.array([str(i % 7) for i in rng.integers(0, 7, n)])},
        flow=(("people offered", people, people), ("in the analysis", n, people)),
        seen_until=n * 7 * DAY_US,
    )


def _possible(x, specs):
    """Return the same order of values, moved into the range that each feature can have."""
    moved = x.copy()
    for i, spec in enumerate(specs):
        if spec.low is not None and spec.high is not None:
            moved[:, i] = spec.low + (spec.high - spec.low) / (1 + np.exp(-x[:, i]))
        elif spec.low is not None:
            moved[:, i] = spec.low + np.exp(x[:, i])
    return moved


def observations(rows):
    """Return an OBSERVATIONS table of (time us or None, code, number, text)."""
    columns = {
        "subject_id": ["p-aaaaaaaaaaaaaaaa"] * len(rows),
        "time": [row[0] for row in rows],
        "code": [row[1] for row in rows],
        "numeric_value": [row[2] for row in rows],
        "text_value": [row[3] for row in rows],
        "unit": [None] * len(rows),
        "purpose": ["care"] * len(rows),
        "source": ["test"] * len(rows),
        "sensitivity": [None] * len(rows),
    }
    return pa.table(
        {
            name: pa.array(columns[name], OBSERVATIONS.field(name).type)
            for name in OBSERVATIONS.names
        }
    )


def features(family, days, values, coverage):
    """Return a FEATURES table of consecutive or any local days."""
    keys = {
        "subject_id": ["p-aaaaaaaaaaaaaaaa"] * len(days),
        "date": pa.array(np.asarray(days, np.int32)).cast(pa.date32()),
        "family": [family.name] * len(days),
        "version": [family.version] * len(days),
        "input_digest": [""] * len(days),
        "coverage": pa.array(np.asarray(coverage, float)),
    }
    named = {f.name: pa.array(values[:, i]) for i, f in enumerate(family.features)}
    return pa.table({name: keys[name] for name in FEATURE_KEYS.names} | named)


def _chart(rng, days):
    """Return diagnoses, prescriptions and answers on thoughts of death at any time of a record."""
    when = lambda: int((DAY0 + rng.uniform(-30, days)) * DAY_US)  # noqa: E731 - a shorthand
    drugs = ("36437", "sertraline"), ("15996", "mirtazapine"), ("6448", "lithium")
    known = ("21897009", "Generalized anxiety disorder"), ("82313006", "Suicide attempt")
    found = [(when(), f"RxNorm/{c}", None, w) for c, w in drugs for _ in range(rng.integers(0, 3))]
    found += [(when(), f"SNOMED/{c}", None, w) for c, w in known if rng.random() < 0.5]
    found += [
        (when(), codes.PHQ9_ITEMS[8], float(rng.integers(0, 3)), None)
        for _ in range(rng.integers(0, 8))
    ]
    return found


def person(seed, *, days=150, number=0, attributes=None, timeline=None, task=None):
    """Return a made-up person: PHQ-9 every fortnight or so, features on most days."""
    rng = np.random.default_rng([seed, number])
    rows, at = [], DAY0 * DAY_US
    level = rng.uniform(2, 9)
    while at < (DAY0 + days) * DAY_US:
        level = float(np.clip(level + rng.normal(0, 2.5), 0, 27))
        rows.append((int(at), codes.PHQ9_TOTAL, float(round(level)), None))
        rows.append((int(at), "ActCode/AMB", None, None))
        at += rng.integers(5, 20) * DAY_US
    rows += _chart(np.random.default_rng([seed, number, 1]), days)
    tables = {}
    for family in (task or tasks()[RELAPSE]).families.values():
        on = np.sort(rng.choice(np.arange(DAY0, DAY0 + days), int(days * 0.8), replace=False))
        low = [0.0 if f.low is None else f.low for f in family.features]
        values = np.array(low) + rng.uniform(0, 1, (on.size, len(family.features)))
        values[rng.uniform(size=values.shape) < 0.1] = np.nan
        tables[family.name] = features(family, on, values, rng.uniform(0.3, 1, on.size))
    return SubjectData(
        subject=SubjectId(f"p-{number:016d}"),
        observations=observations(rows),
        features=tables,
        attributes={"birth_year": "1980", "sex": "female", "site": f"site {number % 3}"}
        | (attributes or {}),
        seen_until=(DAY0 + days) * DAY_US,
        timeline=timeline,
    )


def depresjon(folder: Path):
    """Yield the people of Depresjon as the store would give them, wall clock taken for UTC."""
    family = tasks()[ACTIGRAPHY].families["rest_activity"]
    lines = (folder / "scores.csv").read_text().splitlines()
    scores = {row["number"]: row for row in csv.DictReader(lines)}
    for number, path in enumerate(sorted(folder.glob("*/*.csv.gz"))):
        score = scores[path.name.removesuffix(".csv.gz")]
        yield _recorded(family, number, path, score)


def _recorded(family, number, path, score):
    with gzip.open(path, "rt") as file:
        rows = list(csv.reader(file))[1:]
    start = [datetime.fromisoformat(row[0]).replace(tzinfo=UTC) for row in rows]
    time = np.array([int(s.timestamp()) for s in start], np.int64) * 1_000_000
    order = np.argsort(time, kind="stable")
    columns = {
        "time": time[order],
        "counts": np.array([float(row[2]) for row in rows], np.float32)[order],
        "epoch": np.full(len(rows), 60, np.float32),
    }
    day, counted = np.unique(time // DAY_US, return_counts=True)
    table = compute_family(
        family,
        {"activity_counts": columns},
        Timeline(),
        day,
        subject=SubjectId(f"p-{number:016d}"),
        digests={"activity_counts": {int(d): "" for d in day}},
    )
    own = codes.OWN + "depresjon."
    facts = [(None, own + "number", None, "in the study")]
    facts.append((None, own + "gender", None, {"1": "female", "2": "male"}[score["gender"]]))
    facts.append((None, own + "age", None, score["age"]))
    if score["afftype"] != "NA":
        facts.append((None, own + "afftype", float(score["afftype"]), None))
        facts.append((None, codes.MADRS_TOTAL, float(score["madrs1"]), "before"))
    return SubjectData(
        subject=SubjectId(f"p-{number:016d}"),
        observations=observations(facts),
        features={family.name: table},
        attributes={},
        seen_until=int(day.max() + 400) * DAY_US,
        timeline=Timeline(),
        segments={
            "activity_counts": {int(d): (int(n), "") for d, n in zip(day, counted, strict=True)}
        },
    )
