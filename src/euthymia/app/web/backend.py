"""The clinic behind the pages: the one place that turns a pseudonym back into a name.

A view of the worklist leaves one ledger entry for each person shown ("view on worklist") and one
for the page ("view worklist", with the count), so that a person's own export can say who saw them
and when. All of them are on disk before the page is sent.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from euthymia.app.accounts.accounts import Accounts
from euthymia.app.accounts.book import Emergency
from euthymia.app.accounts.emergencies import Emergencies
from euthymia.app.alerts.desk import Alerts
from euthymia.app.alerts.rights import may_act
from euthymia.app.clinic import shell_actor
from euthymia.app.oidc import Oidc
from euthymia.app.once import Once
from euthymia.app.web.contract import (
    VIEWS,
    Filter,
    ModelNote,
    PatientPage,
    Row,
    Visitor,
    WorklistPage,
)
from euthymia.app.web.notes import note_of
from euthymia.app.web.protected import open_to
from euthymia.app.web.reader import (
    MINUTE_US,
    NO_ESTIMATE_ROLE,
    NO_MONITORING,
    Looked,
    Reader,
    may_see_estimates,
)
from euthymia.app.web.session import Sessions
from euthymia.care.alerts.card import standing_words
from euthymia.care.alerts.contract import Alert
from euthymia.care.alerts.lifecycle import OVER
from euthymia.care.alerts.morning import held_back, in_order, morning, with_alerts
from euthymia.care.contract import Urgency, WorklistItem
from euthymia.care.timeline import patient_view
from euthymia.care.worklist import Case, caseload, feed_notices
from euthymia.features.catalogue import families
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.errors import AccessError, EuthymiaError, MissingError
from euthymia.ground.ids import SubjectId, is_subject_id
from euthymia.security.policy import Action
from euthymia.security.token import Claims

if TYPE_CHECKING:
    from starlette.routing import Route

    from euthymia.app.clinic import Clinic
    from euthymia.app.web.pages import Site

URGENT: Final = frozenset(urgency.value for urgency in Urgency)


_Morning = tuple[list[Case], tuple[str, int], tuple[list[Case], tuple[str, ...]]]
"""Rows, the store's state and the minute; and the list for the morning that came of them."""


class ClinicBackend:
    """The pages' backend on an open clinic. Any thread may call."""

    def __init__(self, clinic: "Clinic", sessions: Sessions) -> None:
        self.clinic = clinic
        self.sessions = sessions
        self.reader = Reader(clinic)
        self._mornings: dict[bool, _Morning] = {}
        self._moved = 0

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

    @cached_property
    def alerts(self) -> Alerts:
        """The clinic's alerts: one engine for all pages."""
        return Alerts(self.clinic)

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
    def zone(self) -> tzinfo:
        """See `Backend`."""
        return ZoneInfo(self.clinic.config.clinic.time_zone)

    @property
    def crisis_lines(self) -> tuple[tuple[str, str], ...]:
        """See `Backend`."""
        return self.clinic.config.clinic.crisis_lines()

    def more(self, site: "Site") -> "list[Route]":
        """See `Backend`."""
        from euthymia.app.web.alerts import AlertPages
        from euthymia.app.web.desk import Desk
        from euthymia.app.web.me import Me
        from euthymia.app.web.options import OptionsPage
        from euthymia.app.web.quality import QualityPage
        from euthymia.app.web.record import Record

        desk = Desk(self)
        record = Record(site, desk)
        alerts = AlertPages(site, record, desk)
        record.episodes = alerts.episodes
        pages = (
            record,
            OptionsPage(record, desk),
            Me(site, desk),
            alerts,
            QualityPage(record, self.clinic, self.alerts),
        )
        return [route for page in pages for route in page.routes()]

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
        self.require(visitor, Action.VIEW_EMERGENCIES)
        shown = self.emergencies.all()
        self.write(_actor(visitor), "view emergencies", detail={"shown": len(shown)})
        return shown

    # -- sessions ------------------------------------------------------------------------------
    def sign_in(self, code: str) -> tuple[str, Claims]:
        """See `Backend`."""
        token, claims = self.sessions.sign_in(code)
        self.write(Actor(claims.user, claims.role), "sign in")
        return token, claims

    def visitor(self, session: str) -> Visitor:
        """See `Backend`."""
        return self.sessions.visitor(session)

    def sign_out(self, visitor: Visitor) -> None:
        """See `Backend`."""
        self.sessions.end(visitor)
        self.write(_actor(visitor), "sign out")

    def state(self) -> int:
        """See `Backend`."""
        return self.clinic.store.version()

    def news(self) -> str:
        """See `Backend`."""
        with suppress(EuthymiaError, OSError):  # whoever asks for the list is told of it
            self._moved = self.alerts.moved()
        return f"{self.state()}.{self._moved}"

    # -- pages -----------------------------------------------------------------------------------
    def worklist(self, visitor: Visitor, wanted: Filter) -> WorklistPage:
        """See `Backend`."""
        actor = _actor(visitor)
        self.require(visitor, Action.VIEW_WORKLIST)
        reader, now = self.reader, self.reader.now()
        people = reader.look_at_all(reader.mine(visitor.user, actor), actor)
        may = may_see_estimates(self.clinic.policies, visitor)
        summaries = [looked.summary for looked in people.values()]
        cases = reader.cases(people.values(), may_ask=may)
        cases, told = self._morning(visitor, cases, people, now)
        fitting = [
            case
            for case in cases
            if wanted.in_view(case.item)
            and wanted.keeps(
                people[case.item.subject].who,
                _whose(case.item, people[case.item.subject]),
                visitor.user,
            )
        ]
        fitting.sort(key=lambda case: wanted.place(people[case.item.subject].who, case.item))
        part = wanted.part_of(len(fitting))
        rows = [self._row(people[case.item.subject], case, visitor) for case in part.of(fitting)]
        model = reader.model()
        return WorklistPage(
            rows=tuple(rows),
            part=part,
            counts=_counts(cases),
            notices=(*told, *feed_notices(summaries, now)),
            at=now,
            model=note_of(model) if model else None,
            ledger_entry=self.write_worklist(actor, [r.who.subject for r in rows], wanted.view),
        )

    def _morning(
        self, visitor: Visitor, cases: list[Case], people: Mapping[SubjectId, Looked], now: Micros
    ) -> tuple[list[Case], tuple[str, ...]]:
        """Return the rows with the alerts that stand, and what is told of the clinic itself."""
        may = may_see_estimates(self.clinic.policies, visitor)
        if not may_act(self.clinic, visitor.role, second_factor=visitor.second_factor):
            return cases, ()
        state = (self.news(), now // MINUTE_US)
        held = self._mornings.get(may)
        if held is not None and held[0] is cases and held[1] == state:
            return held[2]
        found = self._merged(cases, people, now, may=may)
        self._mornings[may] = (cases, state, found)
        return found

    def _merged(
        self, cases: list[Case], people: Mapping[SubjectId, Looked], now: Micros, *, may: bool
    ) -> tuple[list[Case], tuple[str, ...]]:
        seen = self.alerts.overview()
        if seen is None:
            return cases, ()
        alerts, told = seen
        who = {subject: looked.seen_by(may_ask=may) for subject, looked in people.items()}
        held = held_back(alerts, people.keys())
        return morning(cases, who, alerts, now), (*told, held) if held else told

    def _row(self, looked: Looked, case: Case, visitor: Visitor) -> Row:
        item = case.item
        if item.alert and item.owner:  # an alert is one person's; without one it is the team's
            mine, name = item.owner == visitor.user, self.reader.name_of(item.owner)
            looked, item = replace(looked, owners=(name,)), replace(item, owner=name)
        else:
            mine = visitor.user in looked.team
        more = max(0, len(case.findings) - 1)
        return Row(who=looked.who, item=item, owners=looked.owners, more=more, mine=mine)

    def patient(self, visitor: Visitor, pid: str) -> PatientPage:
        """See `Backend`."""
        actor = _actor(visitor)
        self.require(visitor, Action.VIEW_PATIENT)
        subject, emergency = self.in_care(visitor, pid)
        looked = self.reader.look(subject, actor)
        now, may = self.reader.now(), may_see_estimates(self.clinic.policies, visitor)
        feed = self.reader.feed(self.reader.mine(visitor.user, actor))
        observations, held_back = open_to(
            self.clinic.policies,
            visitor.role,
            looked.observations,
            related=emergency is None,
            second_factor=visitor.second_factor,
        )
        view = patient_view(
            looked.seen_by(may_ask=may),
            observations=observations,
            families=families(),
            features=looked.features,
            now=now,
            feed=feed,
            consented=looked.consented,
            held=looked.record.data.segments,
            noted=looked.record.noted,
        )
        alerts = () if emergency else self._about(visitor, subject)
        view = with_alerts(view, alerts, now, feed)
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
            ledger_entry=self.write(
                actor, "view patient", subject, {"emergency": emergency.id} if emergency else None
            ),
            withheld=tuple(withheld),
            emergency=emergency,
            alerts=_standing(alerts),
        )

    def _about(self, visitor: Visitor, subject: SubjectId) -> tuple[Alert, ...]:
        """Return every alert there ever was about a person, to a role that may see them."""
        if not may_act(self.clinic, visitor.role, second_factor=visitor.second_factor):
            return ()
        return self.alerts_about(subject)

    def alerts_about(self, subject: SubjectId) -> tuple[Alert, ...]:
        """Return every alert there ever was about a person."""
        return tuple(a for a in self.alerts.every() if a.subject == subject)

    def models(self, visitor: Visitor) -> tuple[ModelNote, ...]:
        """See `Backend`."""
        self.require(visitor, Action.VIEW_MODELS)
        return tuple(note_of(model) for model in self.reader.shelf.all())

    # -- rules and ledger ------------------------------------------------------------------------
    def require(self, visitor: Visitor, action: Action) -> None:
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

    def in_care(self, visitor: Visitor, pid: str) -> tuple[SubjectId, Emergency | None]:
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
        self.write(_actor(visitor), "view patient", known, {"outcome": "refused"})
        raise MissingError("no patient in your care has this pseudonym")

    def write(
        self,
        actor: Actor,
        action: str,
        subject: SubjectId | None = None,
        detail: Mapping[str, str | int | float | bool] | None = None,
    ) -> str:
        """Write an entry, durably; return its id."""
        entry = Entry(actor, action, Purpose.CARE, subject, detail or {})
        return self.clinic.ledger.submit(entry).result()

    def write_worklist(self, actor: Actor, shown: list[SubjectId], view: str) -> str:
        """Write an entry for each person shown and one for the page; return the page's id."""
        return write_worklist(self.clinic, actor, shown, view)


def _whose(item: WorklistItem, looked: Looked) -> tuple[str, ...]:
    """Return whose a row is: of whom the alert is that stands, else the care team's."""
    return (item.owner,) if item.alert and item.owner else tuple(looked.team)


def _counts(cases: list[Case]) -> dict[str, int]:
    """Return how many rows each view has, before text and owner."""
    urgent = Counter(case.item.urgency for case in cases)
    whole = {"open": len(cases) - urgent[Urgency.NONE], "everyone": len(cases)}
    return {view: whole.get(view, urgent[Urgency(view)] if view in URGENT else 0) for view in VIEWS}


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
    now = reader.now()
    cases = caseload([looked.summary for looked in people.values()], now)
    seen = Alerts(clinic).overview()
    if seen is not None:
        cases = morning(cases, {who: one.summary for who, one in people.items()}, seen[0], now)
    items = [case.item for case in cases if case.findings]
    write_worklist(clinic, actor, [item.subject for item in items], "open")
    return items


def _actor(visitor: Visitor) -> Actor:
    return Actor(visitor.user, visitor.role)


def _standing(alerts: Iterable[Alert]) -> tuple[tuple[str, str], ...]:
    """Return where each alert that is not over is, and its words, the most urgent first."""
    mine = sorted((a for a in alerts if a.state not in OVER), key=in_order)
    return tuple((f"/patients/{a.subject}/episodes/{a.id}", standing_words(a)) for a in mine)
