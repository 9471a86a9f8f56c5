"""A real clinic of a few people, with a released model, made in a second: for API tests and bench.

Everything is the product's own (keys, ledger, gateway, store, registry); only the training rows
are random numbers, because what the model says is not what is tested here.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from euthymia.app.clinic import Clinic
from euthymia.app.config import ClinicConfig, Config
from euthymia.evaluation.estimate import Estimate
from euthymia.features.catalogue import families
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.codes import PHQ9_TOTAL
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import Grant, Observations, Person
from euthymia.ground.schemas import FEATURE_KEYS, OBSERVATIONS, ROW
from euthymia.models.estimators.contract import Sample
from euthymia.models.estimators.logistic import fit
from euthymia.models.frame import CohortFrame
from euthymia.models.tasks import tasks
from euthymia.models.train import Trained

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MRN = "urn:euthymia:mrn"
TASK = "relapse-30d"
DOCTOR, OTHER_DOCTOR = "dr-lind", "dr-berg"
MINE, OTHERS, NO_CONSENT = "MRN-1", "MRN-2", "MRN-3"
TEST = Actor("test", "shell")


@dataclass
class Hands:
    """A clock that a test can turn."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def turn(self, by: timedelta) -> None:
        self.now += by


def facts(count: int, now: datetime) -> Observations:
    """Return four PHQ-9 totals a person, a week apart."""
    rows = [(f"MRN-{i}", week) for i in range(1, count + 1) for week in range(4)]
    columns = {
        "subject_id": [who for who, _ in rows],
        "time": [now - timedelta(days=3 + 7 * week) for _, week in rows],
        "code": [PHQ9_TOTAL] * len(rows),
        "numeric_value": [float(5 + week) for _, week in rows],
        "text_value": [None] * len(rows),
        "unit": ["{score}"] * len(rows),
        "purpose": [Purpose.CARE.value] * len(rows),
        "source": ["test"] * len(rows),
        "sensitivity": [None] * len(rows),
        "row": list(range(1000, 1000 + len(rows))),
    }
    schema = pa.schema([*OBSERVATIONS, ROW])
    return Observations(MRN, pa.table(columns, schema=schema))


def fill(clinic: Clinic, people: int, now: datetime = NOW) -> None:
    """Enrol `people`: all the doctor's but MRN-2, all with consent to monitoring but MRN-3."""
    items: list[object] = []
    for i in range(1, people + 1):
        who, user = SourceId(MRN, f"MRN-{i}"), OTHER_DOCTOR if i == 2 else DOCTOR
        items.append(
            Person(i, (who,), f"Person {i}", date(1980, 1, 1), site="A", care_team=(user,))
        )
        if i != 3:
            since = now - timedelta(days=60)
            items.append(Grant(500 + i, who, (Purpose.MONITORING,), permit=True, at=since))
    items.append(facts(people, now))
    batch = clinic.gateway().admit(items, source="test", file_name="test", file_digest="0" * 64)  # type: ignore[arg-type]
    clinic.store.append(batch, Entry(TEST, "append", Purpose.CARE))


def trained(seed: int = 1) -> Trained:
    """Return the real task's model, fitted on random numbers."""
    task, rng = tasks()[TASK], np.random.default_rng(seed)
    n, k = 240, len(task.features)
    low = np.array([-1e3 if f.low is None else f.low for f in task.features])
    high = np.array([1e3 if f.high is None else f.high for f in task.features])
    x = rng.uniform(low, high, (n, k))
    x[rng.random((n, k)) < 0.1] = np.nan
    x[0], x[1] = low, high  # all that can be true was seen
    y = (rng.random(n) < 0.3).astype(float)
    person = np.array([f"p-{'a' * 15}{'abcdefgh'[i % 8]}" for i in range(n)])
    text = np.full(n, "A")
    frame = CohortFrame(
        task=task.name,
        names=tuple(f.name for f in task.features),
        x=x,
        y=y,
        person=person,
        site=text,
        at=np.full(n, to_micros(NOW)),
        coverage=np.ones(n),
        data_age_hours=np.zeros(n),
        groups={},
        metadata={},
        flow=(),
        seen_until=to_micros(NOW),
    )
    with threadpool_limits(limits=1):
        fitted = fit(Sample(x, y, person), [("all", np.arange(k))], seed=seed, heads=20)
    return Trained(
        task=task,
        fitted=fitted,
        metrics={"auc": Estimate(0.5, 0.4, 0.6, 0.5)},
        audits={"confounds": {"verdict": "not confounded", "why": "random numbers"}},
        report_html="",
        synthetic=True,
        seed=seed,
        trained_at=to_micros(NOW),
        people=tuple(sorted(set(person.tolist()))),
        frame=frame,
    )


def make_clinic(
    home: Path, *, people: int = 4, clock: Callable[[], datetime] = lambda: NOW
) -> Clinic:
    """Make a clinic in `home` with a few people and one released model; the caller closes it."""
    config = Config(clinic=ClinicConfig(name="Test clinic", simulated=True))
    clinic = Clinic.create(home, config, clock)
    fill(clinic, people, clock())
    clinic.registry.add(trained())
    clinic.registry.release(TASK)
    return clinic


def subject_of(clinic: Clinic, identifier: str) -> SubjectId:
    """Return a pseudonym."""
    found = clinic.store.resolve(identifier)
    assert found is not None
    return found


def decide_consent(clinic: Clinic, identifier: str, *, permit: bool) -> None:
    """Record a decision about monitoring, as `euthymia consent` does."""
    who = subject_of(clinic, identifier)
    grant = GrantRecord(Purpose.MONITORING, permit, to_micros(clinic.clock()), None, "test")
    clinic.store.put_grant(who, grant, Entry(TEST, "set consent", Purpose.CARE, who))


@cache
def _template() -> Path:
    """Make one clinic a process; tests work on copies."""
    folder = Path(tempfile.mkdtemp(prefix="euthymia-clinic-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_clinic(folder / "home").close()
    return folder / "home"


@contextmanager
def copied_clinic(folder: Path, clock: Callable[[], datetime] = lambda: NOW) -> Iterator[Clinic]:
    """Open a copy of the small clinic for the length of a `with` block."""
    home = folder / "home"
    shutil.copytree(_template(), home)
    with Clinic.opened(home, clock) as clinic:
        yield clinic


def give_features(clinic: Clinic, identifier: str, days: int = 35) -> None:
    """Store derived rows of every family for the days before now."""
    who, today = subject_of(clinic, identifier), clinic.clock().date()
    for name, family in families().items():
        columns: dict[str, object] = {
            "subject_id": [who] * days,
            "date": [today - timedelta(days=days - i) for i in range(days)],
            "family": [name] * days,
            "version": [family.version] * days,
            "input_digest": ["0" * 64] * days,
            "coverage": [0.9] * days,
        }
        schema = pa.schema([*FEATURE_KEYS, *((f.name, pa.float64()) for f in family.features)])
        for feature in family.features:
            low = 0.0 if feature.low is None else feature.low
            high = low + 1 if feature.high is None else feature.high
            columns[feature.name] = [
                low + (high - low) * (0.4 + 0.01 * (i % 7)) for i in range(days)
            ]
        table = pa.table(columns, schema=schema)
        entry = Entry(TEST, "compute features", Purpose.MONITORING, who)
        clinic.store.put_features(who, name, table, entry)
