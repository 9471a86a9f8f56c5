"""A clinic with enough people to train, made in seconds; some of them never consented to it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from euthymia.app.clinic import Clinic
from euthymia.app.config import ClinicConfig, Config, TrainingConfig
from euthymia.features.catalogue import families
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.codes import PHQ9_TOTAL
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Grant, Observations, Person
from euthymia.ground.schemas import FEATURE_KEYS, OBSERVATIONS, ROW
from small_clinic import MRN, NOW, TEST, subject_of

PEOPLE = 40
CANARIES = ("MRN-CANARY-1", "MRN-CANARY-2")
MADE_UP = "MRN-007"  # the only one of whom a source says so
CANARY_SITE = "Kanarienvogelstrasse"
CANARY_VALUE = 0.4242424242421337
WEEKS = 20


def _facts(names: list[str], now: datetime) -> Observations:
    rng = np.random.default_rng(3)
    rows = []
    for number, who in enumerate(names):
        ill = number % 2 == 0
        for week in range(WEEKS):
            total = 14 if ill and week % 8 == 1 else 3 + int(rng.integers(0, 5))
            rows.append((who, now - timedelta(days=2 + 7 * week), float(total)))
    columns = {
        "subject_id": [row[0] for row in rows],
        "time": [row[1] for row in rows],
        "code": [PHQ9_TOTAL] * len(rows),
        "numeric_value": [row[2] for row in rows],
        "text_value": [None] * len(rows),
        "unit": ["{score}"] * len(rows),
        "purpose": [Purpose.CARE.value] * len(rows),
        "source": ["test"] * len(rows),
        "sensitivity": [None] * len(rows),
        "row": list(range(10_000, 10_000 + len(rows))),
    }
    return Observations(MRN, pa.table(columns, schema=pa.schema([*OBSERVATIONS, ROW])))


def _features(clinic: Clinic, identifier: str, rng: np.random.Generator, value: float | None):
    who, today, days = subject_of(clinic, identifier), clinic.clock().date(), 7 * WEEKS
    family = families()["screen_use"]
    columns: dict[str, object] = {
        "subject_id": [who] * days,
        "date": [today - timedelta(days=days - i) for i in range(days)],
        "family": [family.name] * days,
        "version": [family.version] * days,
        "input_digest": ["0" * 64] * days,
        "coverage": [0.9] * days,
    }
    for feature in family.features:
        low = 0.0 if feature.low is None else feature.low
        drawn = low + (1 if feature.high is None else feature.high - low) * rng.random(days)
        columns[feature.name] = drawn.tolist() if value is None else [value] * days
    schema = pa.schema([*FEATURE_KEYS, *((f.name, pa.float64()) for f in family.features)])
    entry = Entry(TEST, "compute features", Purpose.MONITORING, who)
    clinic.store.put_features(who, family.name, pa.table(columns, schema=schema), entry)


def make(
    home: Path,
    training: TrainingConfig | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
) -> Clinic:
    """Make the clinic; the caller closes it."""
    config = Config(
        clinic=ClinicConfig(name="Test clinic"),
        training=training or TrainingConfig(),
    )
    clinic = Clinic.create(home, config, clock)
    names = [f"MRN-{i:03d}" for i in range(PEOPLE)]
    since = clock() - timedelta(days=400)
    items: list[object] = []
    for number, name in enumerate([*names, *CANARIES], 1):
        who, canary = SourceId(MRN, name), name in CANARIES
        site = CANARY_SITE if canary else "AB"[number % 2]
        made_up = name == MADE_UP
        person = Person(number, (who,), f"Person {name}", date(1980, 1, 1), site=site)
        items.append(replace(person, synthetic=made_up))
        purposes = (Purpose.MONITORING,) if canary else (Purpose.MONITORING, Purpose.TRAINING)
        items.append(Grant(500 + number, who, purposes, permit=True, at=since))
    items.append(_facts([*names, *CANARIES], clock()))
    batch = clinic.gateway().admit(items, source="test", file_name="test", file_digest="0" * 64)
    clinic.store.append(batch, Entry(TEST, "append", Purpose.CARE))
    rng = np.random.default_rng(5)
    for name in names:
        _features(clinic, name, rng, None)
    for name in CANARIES:
        _features(clinic, name, rng, CANARY_VALUE)
    return clinic
