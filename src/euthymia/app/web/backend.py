"""The clinic behind the pages: the one place that turns a pseudonym back into a name.

A view of the worklist leaves one ledger entry for each person shown ("view on worklist") and one
for the page ("view worklist", with the count), so that a person's own export can say who saw them
and when. All of them are on disk before the page is sent.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from euthymia.app.accounts.accounts import Accounts
from euthymia.app.accounts.book import Emergency
from euthymia.app.accounts.emergencies import Emergencies
from euthymia.app.clinic import shell_actor
from euthymia.app.oidc import Oidc
from euthymia.app.once import Once
from euthymia.app.passed import with_passed
from euthymia.app.problems import RefusalError
from euthymia.app.shelf import Model, Shelf
from euthymia.app.web.contract import (
    VIEWS,
    Filter,
    ModelNote,
    PatientPage,
    Row,
    Visitor,
    Who,
    WorklistPage,
)
from euthymia.app.web.notes import note_of
from euthymia.app.web.on_demand import OnDemand
from euthymia.app.web.protected import open_to
from euthymia.app.web.session import Sessions
from euthymia.care.contract import WorklistItem
from euthymia.care.summary import SubjectSummary, devices_seen, summarise
from euthymia.care.timeline import patient_view
from euthymia.care.worklist import Case, caseload, feed_days, feed_notices, worklist
from euthymia.features.catalogue import families
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import DAY_US, SECOND_US, Micros, to_micros
from euthymia.ground.errors import AccessError, MissingError
from euthymia.ground.ids import SubjectId, is_subject_id
from euthymia.models.contract import Prediction, SubjectData
from euthymia.security.consent import consent_covers
from euthymia.security.policy import Action, Policies
from euthymia.security.token import Claims
from euthymia.store.consent import unlabelled

if TYPE_CHECKING:
    from euthymia.app.clinic import Clinic

WORKLIST_MODEL: Final = "relapse-30d"  # the model whose question is who needs a call soon
KEPT_US: Final = 900 * SECOND_US  # what is seen is daily: a quarter hour is not late
NO_MONITORING: Final = (
    "There is no consent to monitoring in force: phone and watch data, what was computed from "
    "them, and estimates that rest on them are not shown."
)
NO_ESTIMATE_ROLE: Final = "Estimates of models are not part of your role."


@dataclass(frozen=True, slots=True)
class Looked:
    """One person as read at one state of the store: nothing of it is shown without an entry."""

    who: Who
    team: frozenset[str]
    owners: tuple[str, ...]
    summary: SubjectSummary
    observations: pa.Table
    features: Mapping[str, pa.Table]
    monitored: bool
    at: Micros
    grants: tuple[GrantRecord, ...] = ()
    until: Micros | None = None  # the next instant at which a consent begins or ends

    def holds(self, now: Micros) -> bool:
        """Tell whether what was read may still be shown: not too old, under the same consents."""
        return now - self.at <= KEPT_US and (self.until is None or now < self.until)

    def consented(self, day: int) -> bool:
        """Tell whether a consent to monitoring was in force at noon of a local day."""
        noon = self.summary.zones.start_of_day(day) + DAY_US // 2
        return consent_covers(self.grants, Purpose.MONITORING, noon)

    def seen_by(self, *, may_ask: bool) -> SubjectSummary:
        """Return the summary; the estimate is only for roles that may ask a model."""
        if may_ask:
            return self.summary
        return replace(self.summary, prediction=None, threshold=None)


def may_ask(policies: Policies, role: str) -> bool:
    """Tell whether a role may see a model's estimate about a patient in its care."""
    ruling = policies.decide(role=role, action=Action.ANALYZE, purpose=Purpose.CARE, related=True)
    return ruling.rule not in {"role", "purpose", "relationship"}


@dataclass
class _Kept:
    """What was read at one version of the store and of the released models."""

    version: tuple[int, str]
    people: dict[SubjectId, Looked] = field(default_factory=dict)


def _next_edge(grants: Iterable[GrantRecord], now: Micros) -> Micros | None:
    """Return the next instant at which a consent decision comes into force or runs out."""
    edges = [edge for g in grants for edge in (g.since, g.until) if edge is not None and edge > now]
    return min(edges, default=None)


class Reader:
    """Reads people for the care team and keeps them while nothing changes."""

    def __init__(self, clinic: "Clinic") -> None:
        self.clinic = clinic
        self.shelf = Shelf(clinic.registry, clinic.home.models)
        self._lock = Lock()
        self._kept = _Kept((-1, ""))

    def now(self) -> Micros:
        """Return the clinic's time."""
        return to_micros(self.clinic.clock())

    def model(self) -> Model | None:
        """Return the released model that the worklist shows."""
        return self.shelf.get(WORKLIST_MODEL)

    def mine(self, user: str, actor: Actor) -> list[SubjectId]:
        """Return the people in a care relationship with the user."""
        audit = Entry(actor, "list subjects", Purpose.CARE)
        listed = self.clinic.store.subjects(audit)
        return [who for who in listed if self.clinic.on_care_team(user, who)]

    def look(self, subject: SubjectId, actor: Actor) -> Looked:
        """Return one person, read anew if anything was stored or released since."""
        model = self.model()
        version = (self.clinic.store.version(), model.digest if model else "")
        with self._lock:
            if self._kept.version != version:
                self._kept = _Kept(version)
            kept = self._kept
            found = kept.people.get(subject)
            if found is None or not found.holds(self.now()):
                found = kept.people[subject] = self._read(subject, actor, model)
        return found

    def look_at_all(self, subjects: Iterable[SubjectId], actor: Actor) -> dict[SubjectId, Looked]:
        """Return many people; whoever is erased meanwhile is left out."""
        found = {}
        for subject in subjects:
            with suppress(MissingError):
                found[subject] = self.look(subject, actor)
        return found

    def feed(self, subjects: Iterable[SubjectId]) -> Mapping[str, int]:
        """Return the newest day of each device over many people, without reading a value."""
        found = []
        for subject in subjects:
            with suppress(MissingError):
                segments = self.clinic.store.segments(subject)
                found.append(SubjectSummary(subject, seen=devices_seen(segments)))
        return feed_days(found)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Return the practitioners' names by the identifiers that care teams hold."""
        audit = Entry(shell_actor(), "list directory", Purpose.CARE)
        found = [e for e in self.clinic.store.directory(audit) if e.name]
        names = {e.identifier.value: e.name for e in found}
        return names | {f"{e.identifier.system}|{e.identifier.value}": e.name for e in found}

    def _read(self, subject: SubjectId, actor: Actor, model: Model | None) -> Looked:
        store, now = self.clinic.store, self.now()
        audit = Entry(actor, "read for care", Purpose.CARE, subject)
        grants = store.grants(subject)
        monitored = consent_covers(grants, Purpose.MONITORING, now)
        data = self._data(subject, audit, monitored=monitored, now=now)
        observations = data.observations
        data = replace(data, observations=unlabelled(observations))
        team = store.care_team(subject)
        owners = tuple(sorted(self._names.get(user, user) for user in team))
        summary = summarise(
            subject,
            observations=data.observations,
            segments=with_passed(
                data.segments, data.features, self.clinic.config.gateway.feature_only
            ),
            zones=data.timeline or store.timeline(subject),
            owners=owners,
            prediction=self._estimate(model, data, now),
            predicted_at=now,
            threshold=model.threshold if model else None,
            died=data.attributes.get("deceased_on"),
        )
        person = store.person(subject, audit)
        who = Who(
            subject,
            person.name or "Name not on record",
            person.birth_date,
            person.sex,
            person.site,
            person.language,
        )
        return Looked(
            who,
            team,
            owners,
            summary,
            observations,
            data.features,
            monitored,
            now,
            grants,
            _next_edge(grants, now),
        )

    def _data(
        self, subject: SubjectId, audit: Entry, *, monitored: bool, now: Micros
    ) -> SubjectData:
        """Return a person's record; without consent to monitoring, the clinical part alone."""
        store = self.clinic.store
        names = tuple(families()) if monitored else ()
        return SubjectData(
            subject=subject,
            observations=store.observations(subject, audit),
            features=OnDemand(names, lambda name: store.features(subject, name, audit)),
            attributes=store.attributes(subject, audit),
            seen_until=now,
            timeline=store.timeline(subject),
            segments=self.clinic.monitored_segments(subject) if monitored else {},
        )

    def _estimate(self, model: Model | None, data: SubjectData, now: Micros) -> Prediction | None:
        """Ask the model, where consent covers all that it rests on and the person is in scope."""
        if model is None:
            return None
        grants = self.clinic.store.grants(data.subject)
        lacking = [need for need in model.purposes if not consent_covers(grants, need, now)]
        if lacking:
            return model.silent(f"no consent in force to {', '.join(lacking)}")
        try:
            vector, coverage, age = model.describe(data, now)
        except RefusalError as refusal:
            return model.silent(str(refusal))
        outside = model.outside(data, now)
        if outside:
            return model.silent(outside)
        return model.predict(vector, coverage, age)


class ClinicBackend:
    """The pages' backend on an open clinic. Any thread may call."""

    def __init__(self, clinic: "Clinic", sessions: Sessions) -> None:
        self.clinic = clinic
        self.sessions = sessions
        self.reader = Reader(clinic)

    @classmethod
    def of(cls, clinic: "Clinic") -> "ClinicBackend":
        """Return the backend of an open clinic."""
        clinic.home.redeemed.mkdir(mode=0o700, exist_ok=True)
        sessions = Sessions(
            tokens=clinic.tokens,
            once=Once(clinic.home.redeemed),
            key=clinic.keyring.derive("session"),
            clock=clinic.clock,
            idle=timedelta(minutes=clinic.config.accounts.idle_minutes),
            length=timedelta(hours=clinic.config.accounts.session_hours),
        )
        return cls(clinic, sessions)

    @property
    def clinic_name(self) -> str:
        """See `Backend`."""
        return self.clinic.config.clinic.name

    @property
    def simulated(self) -> bool:
        """See `Backend`."""
        return self.clinic.config.clinic.simulated

    def may(self, role: str, action: Action) -> bool:
        """See `Backend`."""
        return self.clinic.policies.may_ever(role, action)

    @property
    def accounts(self) -> Accounts:
        """See `Backend`."""
        return self.clinic.accounts

    @property
    def public_url(self) -> str | None:
        """See `Backend`."""
        return self.clinic.config.serve.public_url

    @cached_property
    def oidc(self) -> Oidc | None:
        """See `Backend`."""
        config, held = self.clinic.config.oidc, self.sessions
        return Oidc(config, held.tokens, held.once, held.key, held.clock) if config.issuer else None

    @property
    def emergencies(self) -> Emergencies:
        """See `Backend`."""
        minutes = self.clinic.config.accounts.emergency_minutes
        return Emergencies(self.clinic.accounts, self.clinic.policies, minutes)

    def break_glass(self, visitor: Visitor, patient: str, reason: str, code: str) -> Emergency:
        """See `Backend`."""
        subject = self.clinic.store.resolve(patient) if patient else None
        return self.emergencies.begin(visitor.actor, subject, reason, code)

    def list_emergencies(self, visitor: Visitor) -> list[Emergency]:
        """See `Backend`."""
        self._require(visitor, Action.VIEW_EMERGENCIES)
        shown = self.emergencies.all()
        self._write(_actor(visitor), "view emergencies", detail={"shown": len(shown)})
        return shown

    # -- sessions ------------------------------------------------------------------------------
    def sign_in(self, code: str) -> tuple[str, Claims]:
        """See `Backend`."""
        token, claims = self.sessions.sign_in(code)
        self._write(Actor(claims.user, claims.role), "sign in")
        return token, claims

    def visitor(self, session: str) -> Visitor:
        """See `Backend`."""
        return self.sessions.visitor(session)

    def sign_out(self, visitor: Visitor) -> None:
        """See `Backend`."""
        self.sessions.end(visitor)
        self._write(_actor(visitor), "sign out")

    # -- pages -----------------------------------------------------------------------------------
    def worklist(self, visitor: Visitor, wanted: Filter) -> WorklistPage:
        """See `Backend`."""
        actor = _actor(visitor)
        self._require(visitor, Action.VIEW_WORKLIST)
        reader, now = self.reader, self.reader.now()
        people = reader.look_at_all(reader.mine(visitor.user, actor), actor)
        may = may_ask(self.clinic.policies, visitor.role)
        summaries = [looked.seen_by(may_ask=may) for looked in people.values()]
        cases = caseload(summaries, now)
        fitting = [
            case
            for case in cases
            if wanted.in_view(case.item)
            and wanted.keeps(
                people[case.item.subject].who, tuple(people[case.item.subject].team), visitor.user
            )
        ]
        part = wanted.part_of(len(fitting))
        rows = [self._row(people[case.item.subject], case, visitor) for case in part.of(fitting)]
        model = reader.model()
        return WorklistPage(
            rows=tuple(rows),
            part=part,
            counts={v: sum(Filter(view=v).in_view(case.item) for case in cases) for v in VIEWS},
            notices=feed_notices(summaries, now),
            at=now,
            model=note_of(model) if model else None,
            ledger_entry=self._write_worklist(actor, [r.who.subject for r in rows], wanted.view),
        )

    @staticmethod
    def _row(looked: Looked, case: Case, visitor: Visitor) -> Row:
        return Row(
            who=looked.who,
            item=case.item,
            owners=looked.owners,
            more=max(0, len(case.findings) - 1),
            mine=visitor.user in looked.team,
        )

    def patient(self, visitor: Visitor, pid: str) -> PatientPage:
        """See `Backend`."""
        actor = _actor(visitor)
        self._require(visitor, Action.VIEW_PATIENT)
        subject, emergency = self._in_care(visitor, pid)
        looked = self.reader.look(subject, actor)
        now, may = self.reader.now(), may_ask(self.clinic.policies, visitor.role)
        feed = self.reader.feed(self.reader.mine(visitor.user, actor))
        observations, held_back = open_to(
            self.clinic.policies, visitor.role, looked.observations, related=emergency is None
        )
        view = patient_view(
            looked.seen_by(may_ask=may),
            observations=observations,
            families=families(),
            features=looked.features,
            now=now,
            feed=feed,
            consented=looked.consented,
        )
        withheld = held_back if looked.monitored else [*held_back, NO_MONITORING]
        if not may:
            withheld.append(NO_ESTIMATE_ROLE)
        model = self.reader.model()
        return PatientPage(
            who=looked.who,
            view=view,
            owners=looked.owners,
            at=now,
            model=note_of(model) if model else None,
            ledger_entry=self._write(
                actor, "view patient", subject, {"emergency": emergency.id} if emergency else None
            ),
            withheld=tuple(withheld),
            emergency=emergency,
        )

    def models(self, visitor: Visitor) -> tuple[ModelNote, ...]:
        """See `Backend`."""
        self._require(visitor, Action.VIEW_MODELS)
        return tuple(note_of(model) for model in self.reader.shelf.all())

    # -- rules and ledger ------------------------------------------------------------------------
    def _require(self, visitor: Visitor, action: Action) -> None:
        """Refuse whoever may not do this for anybody."""
        ruling = self.clinic.policies.decide(
            role=visitor.role,
            action=action,
            purpose=Purpose.CARE,
            related=True,
            second_factor=visitor.second_factor,
        )
        if not ruling.allowed:
            raise AccessError(ruling.detail)

    def _in_care(self, visitor: Visitor, pid: str) -> tuple[SubjectId, Emergency | None]:
        """Return the subject; refuse a stranger's and an unknown one alike, and write that down."""
        known = self.clinic.store.resolve(pid) if is_subject_id(pid) else None
        if known is not None:
            related = self.clinic.on_care_team(visitor.user, known)
            broken = None if related else self.emergencies.current(visitor.user, known)
            ruling = self.clinic.policies.decide(
                role=visitor.role,
                action=Action.VIEW_PATIENT,
                purpose=Purpose.CARE,
                related=related,
                emergency=broken is not None,
                reason=broken is not None,  # it took a reason and a second factor to break it
                second_factor=visitor.second_factor or broken is not None,
            )
            if ruling.allowed:
                return known, broken
        self._write(_actor(visitor), "view patient", known, {"outcome": "refused"})
        raise MissingError("no patient in your care has this pseudonym")

    def _write(
        self,
        actor: Actor,
        action: str,
        subject: SubjectId | None = None,
        detail: Mapping[str, str | int | float | bool] | None = None,
    ) -> str:
        entry = Entry(actor, action, Purpose.CARE, subject, detail or {})
        return self.clinic.ledger.submit(entry).result()

    def _write_worklist(self, actor: Actor, shown: list[SubjectId], view: str) -> str:
        """Write an entry for each person shown and one for the page; return the page's id."""
        return write_worklist(self.clinic, actor, shown, view)


def write_worklist(clinic: "Clinic", actor: Actor, shown: list[SubjectId], view: str) -> str:
    """Write who was shown on a worklist, durably; return the page's own entry id."""
    submit = clinic.ledger.submit
    waiting: list[Future[str]] = [
        submit(Entry(actor, "view on worklist", Purpose.CARE, subject)) for subject in shown
    ]
    detail: dict[str, str | int | float | bool] = {"people": len(shown), "view": view}
    waiting.append(submit(Entry(actor, "view worklist", Purpose.CARE, None, detail)))
    return [future.result() for future in waiting][-1]


def worklist_items(clinic: "Clinic", user: str) -> list[WorklistItem]:
    """Return a user's worklist by pseudonym, for the command line; written to the ledger."""
    reader, actor = Reader(clinic), shell_actor()
    people = reader.look_at_all(reader.mine(user, actor), actor)
    summaries = [looked.summary for looked in people.values()]
    items = worklist(summaries, reader.now())
    write_worklist(clinic, actor, [item.subject for item in items], "open")
    return items


def _actor(visitor: Visitor) -> Actor:
    return Actor(visitor.user, visitor.role)
