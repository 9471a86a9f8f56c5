"""Reads people for the pages, and keeps what it read while nothing of that person changes.

The one place that turns a pseudonym back into a name for the care team.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from euthymia.app.clinic import shell_actor
from euthymia.app.shelf import Model, Shelf
from euthymia.app.summaries import Dated, Summaries
from euthymia.app.web.contract import Visitor, Who
from euthymia.care.pauses import NOTED_DAYS, Noted
from euthymia.care.summary import SubjectSummary, devices_seen
from euthymia.care.timeline import SHOWN_DAYS
from euthymia.care.worklist import Case, caseload, feed_days
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import DAY_US, SECOND_US, Micros, to_micros
from euthymia.ground.errors import MissingError
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.models.contract import SubjectData
from euthymia.security.consent import consent_covers
from euthymia.security.policy import Action, Policies
from euthymia.store.consent import unlabelled

if TYPE_CHECKING:
    from euthymia.app.clinic import Clinic

MINUTE_US: Final = 60 * SECOND_US
RECORDED: Final = "recording_state"
NO_MONITORING: Final = (
    "There is no consent to monitoring in force: phone and watch data, what was computed from "
    "them, and estimates that rest on them are not shown."
)
NO_ESTIMATE_ROLE: Final = "Estimates of models are not part of your role."


class Record:
    """A person's record, read when somebody looks at it: of most rows of a worklist nobody does.

    Everybody who does reads it once, in their own name: that is what the ledger tells.
    """

    def __init__(
        self,
        read: Callable[[Actor], SubjectData],
        noted: Callable[[SubjectData, Actor], Noted],
        actor: Actor,
    ) -> None:
        self._read, self._noted, self._actor = read, noted, actor
        self._of: dict[Actor, Record] = {actor: self}

    def of(self, actor: Actor) -> "Record":
        """Return the record as somebody reads it."""
        return self._of.setdefault(actor, Record(self._read, self._noted, actor))

    @cached_property
    def data(self) -> SubjectData:
        """Return the record."""
        return self._read(self._actor)

    @cached_property
    def noted(self) -> Noted:
        """Return why there may be no data."""
        return self._noted(self.data, self._actor)


@dataclass(frozen=True, slots=True)
class Looked:
    """One person as read at one state of the store: nothing of it is shown without an entry.

    `at` is when, and `until` is how long it may be shown though nothing changes.
    """

    who: Who
    team: frozenset[str]
    owners: tuple[str, ...]
    summary: SubjectSummary
    record: Record
    monitored: bool
    at: Micros
    until: Micros
    grants: tuple[GrantRecord, ...] = ()
    identifier: SourceId | None = None  # by which new records of theirs enter

    @property
    def observations(self) -> pa.Table:
        """The observations on record, those with a protected label too."""
        return self.record.data.observations

    @property
    def features(self) -> Mapping[str, pa.Table]:
        """Derived rows by family, each read when it is looked at."""
        return self.record.data.features

    def holds(self, now: Micros) -> bool:
        """Tell whether what was read may still be shown."""
        return self.at <= now < self.until

    def consented(self, day: int) -> bool:
        """Tell whether a consent to monitoring was in force at noon of a local day."""
        noon = self.summary.zones.start_of_day(day) + DAY_US // 2
        return consent_covers(self.grants, Purpose.MONITORING, noon)

    def seen_by(self, *, may_ask: bool) -> SubjectSummary:
        """Return the summary; the estimate is only for roles that may ask a model."""
        if may_ask:
            return self.summary
        return replace(self.summary, prediction=None, threshold=None)


def may_see_estimates(policies: Policies, visitor: Visitor) -> bool:
    """Tell whether somebody may see a model's estimates about the patients in their care."""
    ruling = policies.decide(
        role=visitor.role,
        action=Action.ANALYZE,
        purpose=Purpose.CARE,
        related=True,
        second_factor=visitor.second_factor,
    )
    return ruling.rule not in {"role", "purpose", "relationship", "second factor"}


@dataclass(slots=True)
class _Held:
    """A person at hand: as read at which state of their record, and when that was seen to stand."""

    looked: Looked
    stamp: str
    version: tuple[int, str]


@dataclass(frozen=True, slots=True)
class _Cases:
    """A caseload, and of which people at which minute it was worked out."""

    people: tuple[Looked, ...]
    minute: int
    cases: list[Case]


def _same(one: tuple[Looked, ...], other: tuple[Looked, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


class Reader:
    """Reads people for the care team and keeps them while nothing changes."""

    def __init__(self, clinic: "Clinic") -> None:
        self.clinic = clinic
        self.shelf = Shelf(clinic.registry, clinic.home.models)
        self.summaries = Summaries(clinic, self.shelf)
        self._lock = Lock()
        self._people: dict[SubjectId, _Held] = {}
        self._cases: dict[bool, _Cases] = {}

    def now(self) -> Micros:
        """Return the clinic's time."""
        return to_micros(self.clinic.clock())

    def model(self) -> Model | None:
        """Return the released model that the worklist shows."""
        return self.summaries.model()

    def everybody(self, actor: Actor) -> tuple[SubjectId, ...]:
        """Return all people on record; nothing of somebody erased stays here."""
        listed = self.clinic.store.subjects(Entry(actor, "list subjects", Purpose.CARE))
        with self._lock:
            for gone in self._people.keys() - set(listed):
                del self._people[gone]
        return listed

    def mine(self, user: str, actor: Actor) -> list[SubjectId]:
        """Return the people in a care relationship with the user."""
        return [who for who in self.everybody(actor) if self.clinic.on_care_team(user, who)]

    def look(self, subject: SubjectId, actor: Actor) -> Looked:
        """Return one person, read anew if anything of theirs, or the model, has changed since."""
        looked = self._look([subject], actor)[subject]
        return replace(looked, record=looked.record.of(actor))

    def look_at_all(self, subjects: Iterable[SubjectId], actor: Actor) -> dict[SubjectId, Looked]:
        """Return many people; whoever is erased meanwhile is left out."""
        return self._look(subjects, actor, lenient=True)

    def _look(
        self, subjects: Iterable[SubjectId], actor: Actor, *, lenient: bool = False
    ) -> dict[SubjectId, Looked]:
        """Return people: those at hand, then those with a summary that holds, then the others."""
        passed = suppress(MissingError) if lenient else nullcontext()
        found: dict[SubjectId, Looked | None] = {}
        stamps: dict[SubjectId, str] = {}  # before anything is read
        audit = Entry(actor, "read for care", Purpose.CARE)
        with self._lock:  # of now is what whoever had it before has just read
            version, now = self._version(), self.now()
            for subject in subjects:
                with passed:
                    found[subject] = self._at_hand(subject, version, now)
                    if found[subject] is None:
                        stamps[subject] = self.clinic.store.stamp(subject)
            kept = self.summaries.kept(stamps, audit)
            for subject, stamp in stamps.items():
                with passed:
                    looked = self._read(subject, actor, kept.get(subject))
                    self._people[subject] = _Held(looked, stamp, version)
                    found[subject] = looked
        return {subject: looked for subject, looked in found.items() if looked is not None}

    def _version(self) -> tuple[int, str]:
        """Return the state of the store and the model, which all that is at hand rests on."""
        model = self.model()
        return self.clinic.store.version(), model.digest if model else ""

    def _at_hand(self, subject: SubjectId, version: tuple[int, str], now: Micros) -> Looked | None:
        """Return what was read of a person and may still be shown."""
        held = self._people.pop(subject, None)  # put back if it holds
        if held is None or not held.looked.holds(now) or held.version[1] != version[1]:
            return None
        if held.version != version:
            if self.clinic.store.stamp(subject) != held.stamp:
                return None
            held.version = version
        self._people[subject] = held
        return held.looked

    def cases(self, people: Iterable[Looked], *, may_ask: bool) -> list[Case]:
        """Return the caseload of these people now; within a minute and unchanged, the same."""
        seen, now = tuple(people), self.now()
        minute, held = now // MINUTE_US, self._cases.get(may_ask)
        if held is None or held.minute != minute or not _same(held.people, seen):
            found = caseload([looked.seen_by(may_ask=may_ask) for looked in seen], now)
            held = self._cases[may_ask] = _Cases(seen, minute, found)
        return held.cases

    def feed(self, subjects: Iterable[SubjectId]) -> Mapping[str, int]:
        """Return the newest day of each device over many people, without reading a value.

        Whoever is at hand is not asked for again.
        """
        found = []
        with self._lock:
            version, now = self._version(), self.now()
            for subject in subjects:
                with suppress(MissingError):
                    held = self._at_hand(subject, version, now)
                    if held is not None:
                        found.append(held.summary)
                        continue
                    segments = self.clinic.store.segments(subject)
                    found.append(SubjectSummary(subject, seen=devices_seen(segments)))
        return feed_days(found)

    def name_of(self, user: str) -> str:
        """Return the name of a member of a care team, where the directory has one."""
        return self._names.get(user, user)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Return the practitioners' names by the identifiers that care teams hold."""
        audit = Entry(shell_actor(), "list directory", Purpose.CARE)
        found = [e for e in self.clinic.store.directory(audit) if e.name]
        names = {e.identifier.value: e.name for e in found}
        return names | {f"{e.identifier.system}|{e.identifier.value}": e.name for e in found}

    def _read(self, subject: SubjectId, actor: Actor, kept: Dated | None) -> Looked:
        """Read a person; of one whose summary is kept, no more than who they are."""
        store, audit = self.clinic.store, Entry(actor, "read for care", Purpose.CARE, subject)
        record = Record(
            lambda by: self.summaries.record(subject, replace(audit, actor=by)),
            lambda data, by: self._noted(data, replace(audit, actor=by)),
            actor,
        )
        dated = kept or self.summaries.make(record.data, audit)
        person, team, grants = (
            store.person(subject, audit),
            store.care_team(subject),
            store.grants(subject),
        )
        owners = tuple(sorted(self._names.get(user, user) for user in team))
        who = Who(
            subject,
            person.name or "Name not on record",
            person.birth_date,
            person.sex,
            person.site,
            person.language,
            simulated=person.synthetic,
        )
        return Looked(
            who=who,
            team=team,
            owners=owners,
            summary=replace(dated.summary, owners=owners),
            record=record,
            monitored=consent_covers(grants, Purpose.MONITORING, self.now()),
            at=dated.at,
            until=dated.until,
            grants=grants,
            identifier=person.identifiers[0] if person.identifiers else None,
        )

    def _noted(self, data: SubjectData, audit: Entry) -> Noted:
        """Read the states of recording of the days that a page shows, and a fortnight before."""
        store, now, monitored = (
            self.clinic.store,
            data.seen_until,
            self.clinic.monitored(data.subject),
        )
        withdrawn = store.segments(data.subject).keys() - monitored if monitored else ()
        states = None
        if data.segments.get(RECORDED):
            newest = max(max(days) for days in data.segments.values() if days)
            start = (min(newest, now // DAY_US) - SHOWN_DAYS - NOTED_DAYS) * DAY_US
            states = store.samples(data.subject, RECORDED, start, now, audit)
        return Noted(states, frozenset(withdrawn))

    def record_of(self, looked: Looked, actor: Actor) -> SubjectData:
        """Return a person's record as a model is given it: without what is labelled."""
        audit = Entry(actor, "read for care", Purpose.CARE, looked.who.subject)
        data = self.summaries.record(looked.who.subject, audit)
        return replace(data, observations=unlabelled(data.observations))
