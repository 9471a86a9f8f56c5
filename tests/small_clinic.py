"""A real clinic of a few people, with a released model, made in a second: for API tests and benches.

Everything is the product's own (keys, ledger, gateway, store, registry); only the training rows
are random numbers, because what the model says is not what is tested here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from euthymia.app.clinic import Clinic
from euthymia.app.config import ClinicConfig, Config
from euthymia.evaluation.estimate import Estimate
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.codes import PHQ9_TOTAL
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import Grant, Observations, Person
from euthymia.ground.schemas import OBSERVATIONS, ROW
from euthymia.models.frame import CohortFrame
from euthymia.models.ridge import Sample, fit
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
    low = np.array([f.low if f.low is not None else -10.0 for f in task.features])
    high = np.array([f.high if f.high is not None else 10.0 for f in task.features])
    x = np.clip(rng.normal(size=(n, k)), np.maximum(low, -3), np.minimum(high, 3))
    x[rng.random((n, k)) < 0.1] = np.nan
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
    fitted = fit(Sample(x, y, person), [("all", np.arange(k))], seed=seed, heads=100)
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
