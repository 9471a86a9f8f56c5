"""A clinic whose people have months of daily features, drawn at random; the rest is real."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from euthymia.app.clinic import Clinic
from euthymia.app.config import ClinicConfig, Config
from euthymia.care.monitor.watched import WATCHED
from euthymia.features.catalogue import families
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import Grant, Person
from euthymia.ground.schemas import FEATURE_KEYS
from small_clinic import MRN, TEST, subject_of

PEOPLE, DAYS = 20, 120  # so many that each fold, drawn by pseudonym, leaves enough of them
NOW = datetime(2026, 6, 12, 9, tzinfo=UTC)
FAMILIES = ("mobility", "steps")
ILL = "MRN-00"  # away from their usual in the last three weeks
GONE = "MRN-01"  # silent for the last ten days
REFUSED = "MRN-19"  # never consented to monitoring


def rows(who: SubjectId, family: str, last: date, days: int, rng: np.random.Generator, ill: bool):
    wanted = [name for of, name in WATCHED if of == family]
    made = {name: rng.normal(100, 10, days) for name in wanted}
    if ill:
        for name in wanted:
            worse = next(f for f in families()[family].features if f.name == name).worse
            made[name][-21:] += 15 * worse
    gone = rng.random(days) < 0.25
    dates = [last - timedelta(days=days - 1 - i) for i in range(days)]
    kept = [i for i in range(days) if not gone[i]]
    columns: dict[str, object] = {
        "subject_id": [who] * len(kept),
        "date": [dates[i] for i in kept],
        "family": [family] * len(kept),
        "version": [families()[family].version] * len(kept),
        "input_digest": ["0" * 64] * len(kept),
        "coverage": [0.9] * len(kept),
    }
    for feature in families()[family].features:
        values = made.get(feature.name)
        columns[feature.name] = [np.nan if values is None else values[i] for i in kept]
    own = [(f.name, pa.float64()) for f in families()[family].features]
    return pa.table(columns, schema=pa.schema([*FEATURE_KEYS, *own]))


def put_days(clinic: Clinic, name: str, last: date, days: int, seed: int, *, ill: bool) -> None:
    who, rng = subject_of(clinic, name), np.random.default_rng(seed)
    for family in FAMILIES:
        entry = Entry(TEST, "compute features", Purpose.MONITORING, who)
        clinic.store.put_features(who, family, rows(who, family, last, days, rng, ill), entry)


def make(home: Path, clock: Callable[[], datetime] = lambda: NOW) -> Clinic:
    """Make the clinic; the caller closes it."""
    clinic = Clinic.create(home, Config(clinic=ClinicConfig(name="Test", simulated=True)), clock)
    names = [f"MRN-{i:02d}" for i in range(PEOPLE)]
    since = clock() - timedelta(days=400)
    items: list[object] = []
    for number, name in enumerate(names, 1):
        who = SourceId(MRN, name)
        items.append(Person(number, (who,), f"Person {name}", date(1980, 1, 1), site="A"))
        if name != REFUSED:
            items.append(Grant(500 + number, who, (Purpose.MONITORING,), permit=True, at=since))
    batch = clinic.gateway().admit(items, source="test", file_name="test", file_digest="0" * 64)
    clinic.store.append(batch, Entry(TEST, "append", Purpose.CARE))
    yesterday = clock().date() - timedelta(days=1)
    with clinic.store.grouped():
        for number, name in enumerate(names):
            if name != REFUSED:
                last = yesterday - timedelta(days=10 if name == GONE else 0)
                put_days(clinic, name, last, DAYS, number, ill=name == ILL)
    return clinic
