"""A small clinic for the pages' tests: made-up people, real rules, real tokens, a real ledger."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

import numpy as np
import pyarrow as pa

from euthymia.app.accounts.accounts import Accounts
from euthymia.app.accounts.book import Emergency
from euthymia.app.accounts.emergencies import Emergencies
from euthymia.app.oidc import Oidc
from euthymia.app.once import Once
from euthymia.app.web.contract import (
    Figure,
    Filter,
    ModelNote,
    PatientPage,
    Row,
    Visitor,
    Who,
    WorklistPage,
)
from euthymia.app.web.session import Sessions
from euthymia.care.contract import Urgency
from euthymia.care.summary import SubjectSummary, summarise
from euthymia.care.timeline import patient_view
from euthymia.care.worklist import caseload, feed_notices, findings
from euthymia.features.contract import Days, Family, Feature
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Timeline, day_number, to_micros
from euthymia.ground.codes import NOTE, PHQ9_ITEMS, PHQ9_TOTAL
from euthymia.ground.errors import AccessError, MissingError
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import OBSERVATIONS
from euthymia.models.contract import Prediction, Reason
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.passwords import Stretch
from euthymia.security.policy import SHIPPED, Action
from euthymia.security.token import Claims, Kind, Tokens

NOW = datetime(2026, 6, 12, 9, 0, tzinfo=UTC)
LAST_DAY = date(2026, 6, 11)
LENGTH = 150
NAMES = (
    "Amara Okafor", "Björn Lindqvist", "Chen Wei", "Dolores Marín", "Émile Rousseau",
    "Fatima al-Zahra", "Grzegorz Nowak", "Hana Novotná", "Isabel Ferreira", "Jomo Kariuki",
    "Kirsten Vogel", "Liam O'Connor", "Mei Tanaka", "Nikos Papadakis", "Olga Petrova",
    "Priya Raman", "Quentin Dubois", "Rosa Jiménez", "Sven Halvorsen", "Tamar Cohen",
)  # fmt: skip
FEATURES = (
    ("l5_onset_h", "Least active 5 hours begin", "h", 2.1, 0.5),
    ("amplitude", "Relative amplitude of rest and activity", "1", 0.86, 0.04),
    ("sleep_h", "Sleep window by the screen", "h", 7.2, 0.7),
    ("unlocks", "Unlocks of the phone", "{count}", 61.0, 11.0),
    ("rmssd_ms", "RMSSD at night", "ms", 38.0, 5.0),
    ("steps_regular", "Sleep regularity index", "1", 71.0, 6.0),
    ("m10", "Most active 10 hours", "{counts}/min", 412.0, 60.0),
    ("screen_h", "Screen on", "h", 3.4, 0.8),
)
FAMILY = Family(
    "daily",
    "1",
    "Rest and activity",
    ("activity_counts", "screen"),
    1,
    tuple(
        Feature(n, t, u, f"{t}, from one local day.", "doi:10.1016/0022-3999(87)90050-4")
        for n, t, u, *_ in FEATURES
    ),
    lambda *_: Days({}, np.zeros(0)),
)
NOTE_OF_MODEL = ModelNote(
    name="relapse-30d",
    version="1",
    digest="3f9a" * 16,
    title="Chance of a relapse within 30 days, from the last weeks of questionnaires and devices.",
    horizon_days=30,
    threshold=0.35,
    simulated=True,
    trained_on="Trained on 90 simulated people of 3 sites; split by person.",
    figures=(
        Figure("auroc", 0.74, 0.66, 0.81, 0.5),
        Figure("brier", 0.13, 0.11, 0.15, 0.17),
        Figure("calibration_slope", 0.92, 0.7, 1.14, None),
    ),
    unproven=(
        "Never tried on real patients: every figure is from simulated people.",
        "Nobody has shown that acting on this estimate helps anybody.",
    ),
    audits=("Start month alone: AUC 0.51 (0.44 to 0.58).",),
)


@dataclass
class Made:
    """One made-up patient."""

    who: Who
    summary: SubjectSummary
    observations: pa.Table
    features: dict[str, pa.Table]
    owners: tuple[str, ...]


def _observations(rows: Iterable[tuple]) -> pa.Table:
    rows = sorted(rows, key=lambda row: row[0])
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    names = ("time", "code", "numeric_value", "text_value")
    data = {name: list(column) for name, column in zip(names, columns, strict=True)}
    data |= {n: ["x"] * len(rows) for n in ("subject_id", "unit", "purpose", "source")}
    data["sensitivity"] = [None] * len(rows)
    return pa.table(data, schema=OBSERVATIONS)


def _phq9(at: datetime, total: int, item9: int) -> list[tuple]:
    answers = [0] * 8 + [item9]
    for index in range(total - item9):
        answers[index % 8] += 1
    rows = [(at, c, float(a), None) for c, a in zip(PHQ9_ITEMS, answers, strict=True)]
    return [*rows, (at, PHQ9_TOTAL, float(total), None)]


def _features(rng: np.random.Generator, last: date, drift: float) -> pa.Table:
    days = [last - timedelta(days=n) for n in range(LENGTH)][::-1]
    push = np.concatenate([np.zeros(LENGTH - 21), np.linspace(0, drift, 21)])
    columns = {}
    for name, _, _, middle, spread in FEATURES:
        values = middle + spread * (rng.normal(size=LENGTH) + push)
        values[rng.random(LENGTH) < 0.06] = np.nan
        values[60:66] = np.nan
        columns[name] = np.clip(values, 0, 1) if name == "amplitude" else values
    return pa.table(
        {"date": pa.array(days, pa.date32()), "coverage": np.full(LENGTH, 0.86), **columns}
    )


def _prediction(kind: str, rng: np.random.Generator) -> Prediction | None:
    if kind == "abstains":
        return Prediction(
            "relapse-30d", "1", "3f9a" * 16, 30, None, None,
            "phone and watch cover 0.31 of the last 14 days, under 0.60", (), 0.31, 60.0,
        )  # fmt: skip
    p = {"high": 0.42, "self-harm": 0.55}.get(kind, float(rng.uniform(0.03, 0.3)))
    reasons = (
        Reason("sleep_h", "Sleep window by the screen", 9.4, "h", "raises", 0.61),
        Reason("unlocks", "Unlocks of the phone", 31.0, "{count}", "raises", 0.33),
        Reason("phq9", "PHQ-9 total", 8.0, "1", "lowers", -0.21),
    )
    return Prediction("relapse-30d", "1", "3f9a" * 16, 30, p, (p * 0.7, min(0.98, p * 1.4)), None,
                      reasons, 0.86, 9.0)  # fmt: skip


KINDS = (
    "self-harm", "high", "worse", "calm", "silent", "overdue", "abstains", "high", "worse",
    "silent", "calm", "overdue", "self-harm", "silent", "worse", "calm", "overdue", "high",
    "silent", "calm",
)  # fmt: skip


def make_patient(number: int, name: str, kind: str) -> Made:
    """Return one made-up patient whose record shows what `kind` says."""
    rng = np.random.default_rng(number)
    subject = SubjectId("p-" + "abcdefghijklmnopqrst"[number] * 16)
    end = NOW - timedelta(days=3 + number % 9)
    rows = []
    totals = [int(t) for t in rng.integers(3, 9, 6)]
    totals[-1] = {"self-harm": 16, "worse": totals[-2] + 6}.get(kind, totals[-2])
    gap = 33 if kind == "overdue" else 0
    for n, total in enumerate(totals):
        at = end - timedelta(days=21 * (5 - n) + gap)
        rows += _phq9(at, total, 1 + number % 2 if kind == "self-harm" and n == 5 else 0)
    rows += [
        (end - timedelta(days=100), "RxNorm/312938", None, "sertraline 50 mg oral tablet"),
        (end - timedelta(days=40), "RxNorm/312938", None, "sertraline 50 mg oral tablet"),
        (end - timedelta(days=120), "SNOMED/370143000", None, "Major depressive disorder"),
        (end - timedelta(days=70), "ActCode/IMP", 6.0, "In-patient stay"),
        (end - timedelta(days=20), NOTE, None, "Seen today. Sleep is worse <b>since</b> May."),
        (end - timedelta(days=20), "LOINC/8867-4", 71.0, None),
    ]
    last = LAST_DAY - timedelta(days=8 + number % 5) if kind == "silent" else LAST_DAY
    days = range(day_number(last) - LENGTH, day_number(last) + 1)
    hole = range(day_number(last) - 60, day_number(last) - 54)
    segments = {
        "screen": {d: (9, "x") for d in days if d not in hole},
        "activity_counts": {d: (9, "x") for d in days if d % 17},
    }
    prediction = _prediction(kind, rng)
    drift = 4.0 if kind in {"self-harm", "high", "worse"} else 0.0
    owners = (("dr-lee",), ("dr-lee", "nurse-amin"), ())[number % 3]
    observations = _observations(rows)
    summary = summarise(
        subject, observations=observations, segments=segments, zones=Timeline(), owners=owners,
        prediction=prediction, predicted_at=to_micros(NOW - timedelta(hours=2)), threshold=0.35,
    )  # fmt: skip
    who = Who(subject, name, date(1960 + number * 2, 3, 4), ("female", "male")[number % 2], "North")
    return Made(who, summary, observations, {"daily": _features(rng, last, drift)}, owners)


@dataclass
class TestClinic:
    """The pages' backend over made-up people. `dr-lee` cares for all of them, nobody else does."""

    __test__ = False
    sessions: Sessions
    ledger: Ledger
    people: dict[SubjectId, Made] = field(default_factory=dict)
    clinic_name: str = "North Street Clinic"
    simulated: bool = True
    zone: tzinfo = UTC
    model: ModelNote | None = NOTE_OF_MODEL
    breaks: Exception | None = None
    public_url: str | None = None
    oidc: Oidc | None = None
    accounts: Accounts | None = None
    changes: int = 0

    @classmethod
    def make(cls, folder: Path, people: int = 20) -> "TestClinic":
        keyring = Keyring.create(folder / "keys")
        (folder / "redeemed").mkdir()
        tokens = Tokens(keyring, issuer="euthymia", audience="euthymia-api")
        sessions = Sessions(
            tokens, Once(folder / "redeemed"), keyring.derive("session"), lambda: NOW
        )
        ledger = Ledger.open(folder / "ledger", keyring, clock=lambda: NOW)
        made = [make_patient(n, NAMES[n], KINDS[n]) for n in range(people)]
        accounts = Accounts(
            folder / "accounts.sealed", keyring, ledger, lambda: NOW, Stretch(1024, 1)
        )
        return cls(sessions, ledger, {one.who.subject: one for one in made}, accounts=accounts)

    def code(self, user: str = "dr-lee", role: str = "clinician") -> str:
        """Return a fresh one-time sign-in code."""
        lifetime = timedelta(minutes=10)
        return self.sessions.tokens.issue(user, role, now=NOW, lifetime=lifetime, kind=Kind.SIGNIN)

    @property
    def emergencies(self) -> Emergencies:
        assert self.accounts is not None
        return Emergencies(self.accounts, SHIPPED, 60)

    def break_glass(self, visitor: Visitor, patient: str, reason: str, code: str) -> Emergency:
        subject = SubjectId(patient) if patient in self.people else None
        return self.emergencies.begin(visitor.actor, subject, reason, code)

    def list_emergencies(self, visitor: Visitor) -> list[Emergency]:
        return self.emergencies.all()

    def may(self, role: str, action: Action) -> bool:
        return SHIPPED.may_ever(role, action)

    def require(self, visitor: Visitor, action: Action) -> None:
        if not self.may(visitor.role, action):
            raise AccessError("this role may not do this")

    def sign_in(self, code: str) -> tuple[str, Claims]:
        return self.sessions.sign_in(code)

    def visitor(self, session: str) -> Visitor:
        return self.sessions.visitor(session)

    crisis_lines: tuple[tuple[str, str], ...] = (("+44 20 0000", "the clinic, day and night"),)

    def more(self, site: object) -> list:
        return []

    def state(self) -> int:
        return self.changes

    def news(self) -> str:
        return str(self.changes)

    def sign_out(self, visitor: Visitor) -> None:
        self.sessions.end(visitor)

    def _mine(self, visitor: Visitor) -> list[Made]:
        if visitor.role not in {"clinician", "coordinator"}:
            raise AccessError("this role has no worklist")
        return list(self.people.values()) if visitor.user == "dr-lee" else []

    def _write(self, visitor: Visitor, action: str, subject: SubjectId | None) -> str:
        actor = Actor(visitor.user, visitor.role)
        return self.ledger.append(Entry(actor, action, Purpose.CARE, subject))

    def worklist(self, visitor: Visitor, wanted: Filter) -> WorklistPage:
        if self.breaks:
            raise self.breaks
        mine = {one.who.subject: one for one in self._mine(visitor)}
        summaries = [one.summary for one in mine.values()]
        items = [case.item for case in caseload(summaries, to_micros(NOW))]
        counts = {view: sum(Filter(view=view).in_view(item) for item in items)
                  for view in ("open", "now", "soon", "look", "everyone")}  # fmt: skip
        rows = tuple(
            Row(
                mine[item.subject].who,
                item,
                mine[item.subject].owners,
                max(0, len(findings(mine[item.subject].summary, to_micros(NOW))) - 1),
                visitor.user in mine[item.subject].owners,
            )
            for item in items
            if wanted.in_view(item)
            and wanted.keeps(mine[item.subject].who, mine[item.subject].owners, visitor.user)
        )
        rows = tuple(sorted(rows, key=lambda row: wanted.place(row.who, row.item)))
        part = wanted.part_of(len(rows))
        rows = part.of(rows)
        for row in rows:
            self._write(visitor, "view on worklist", row.who.subject)
        entry = self._write(visitor, "view worklist", None)
        notices = feed_notices(summaries, to_micros(NOW))
        return WorklistPage(rows, counts, notices, to_micros(NOW), self.model, entry, part)

    def patient(self, visitor: Visitor, pid: str) -> PatientPage:
        if self.breaks:
            raise self.breaks
        found = {str(one.who.subject): one for one in self._mine(visitor)}.get(pid)
        if found is None:
            raise MissingError("no such patient")
        entry = self._write(visitor, "view patient", found.who.subject)
        view = patient_view(
            found.summary, observations=found.observations, families={"daily": FAMILY},
            features=found.features, now=to_micros(NOW),
        )  # fmt: skip
        return PatientPage(found.who, view, found.owners, to_micros(NOW), self.model, entry)

    def models(self, visitor: Visitor) -> tuple[ModelNote, ...]:
        return (self.model,) if self.model else ()


def urgencies(clinic: TestClinic) -> list[Urgency]:
    """Return the urgency of every row, in order."""
    cases = caseload([one.summary for one in clinic.people.values()], to_micros(NOW))
    return [case.item.urgency for case in cases]
