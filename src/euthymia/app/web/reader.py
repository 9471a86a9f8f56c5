"""Reads people for the pages, and keeps what it read while nothing of that person changes.

The one place that turns a pseudonym back into a name for the care team.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from euthymia.app.clinic import shell_actor
from euthymia.app.estimates import WORKLIST_MODEL, estimate
from euthymia.app.on_demand import OnDemand
from euthymia.app.passed import with_passed
from euthymia.app.shelf import Model, Shelf
from euthymia.app.web.contract import Who
from euthymia.care.monitor.note import stored_note
from euthymia.care.summary import SubjectSummary, devices_seen, summarise
from euthymia.care.worklist import Case, caseload, feed_days
from euthymia.features.catalogue import families
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

KEPT_US: Final = 4 * 3600 * SECOND_US  # what is not stored anew is daily: the age of an estimate
MINUTE_US: Final = 60 * SECOND_US
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
    identifier: SourceId | None = None  # by which new records of theirs enter
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
    """What was read of people, each with the state of their record that it was read at."""

    version: tuple[int, str] = (-1, "")
    people: dict[SubjectId, tuple[str, Looked]] = field(default_factory=dict)
    seen_at: dict[SubjectId, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Cases:
    """A caseload, and of which people at which minute it was worked out."""

    people: tuple[Looked, ...]
    minute: int
    cases: list[Case]


def _next_edge(grants: Iterable[GrantRecord], now: Micros) -> Micros | None:
    """Return the next instant at which a consent decision comes into force or runs out."""
    edges = [edge for g in grants for edge in (g.since, g.until) if edge is not None and edge > now]
    return min(edges, default=None)


def _same(one: tuple[Looked, ...], other: tuple[Looked, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


class Reader:
    """Reads people for the care team and keeps them while nothing changes."""

    def __init__(self, clinic: "Clinic") -> None:
        self.clinic = clinic
        self.shelf = Shelf(clinic.registry, clinic.home.models)
        self._lock = Lock()
        self._kept = _Kept()
        self._cases: dict[bool, _Cases] = {}

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
        """Return one person, read anew if anything of theirs, or the model, has changed since."""
        return self._look(subject, actor, self._version())

    def _version(self) -> tuple[int, str]:
        model = self.model()
        return self.clinic.store.version(), model.digest if model else ""

    def _look(self, subject: SubjectId, actor: Actor, version: tuple[int, str]) -> Looked:
        with self._lock:
            if self._kept.version[1] != version[1]:
                self._kept = _Kept(version)
            kept = self._kept
            held = kept.people.get(subject)
            if held and held[1].holds(self.now()) and kept.seen_at.get(subject) == version:
                return held[1]
            try:
                stamp = self.clinic.store.stamp(subject)
            except MissingError:
                kept.people.pop(subject, None)
                raise
            if held is None or held[0] != stamp or not held[1].holds(self.now()):
                held = stamp, self._read(subject, actor, self.model())
                kept.people[subject] = held
            kept.seen_at[subject] = version
            return held[1]

    def look_at_all(self, subjects: Iterable[SubjectId], actor: Actor) -> dict[SubjectId, Looked]:
        """Return many people; whoever is erased meanwhile is left out."""
        found = {}
        version = self._version()
        for subject in subjects:
            with suppress(MissingError):
                found[subject] = self._look(subject, actor, version)
        return found

    def cases(self, people: Iterable[Looked], *, may_ask: bool) -> list[Case]:
        """Return the caseload of these people now; within a minute and unchanged, the same."""
        seen, now = tuple(people), self.now()
        minute, held = now // MINUTE_US, self._cases.get(may_ask)
        if held is None or held.minute != minute or not _same(held.people, seen):
            found = caseload([looked.seen_by(may_ask=may_ask) for looked in seen], now)
            held = self._cases[may_ask] = _Cases(seen, minute, found)
        return held.cases

    def feed(self, subjects: Iterable[SubjectId]) -> Mapping[str, int]:
        """Return the newest day of each device over many people, without reading a value."""
        found = []
        for subject in subjects:
            with suppress(MissingError):
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

    def _read(self, subject: SubjectId, actor: Actor, model: Model | None) -> Looked:
        store, now = self.clinic.store, self.now()
        audit = Entry(actor, "read for care", Purpose.CARE, subject)
        grants = store.grants(subject)
        monitored = consent_covers(grants, Purpose.MONITORING, now)
        data = self._data(subject, audit, monitored=monitored, now=now)
        observations = data.observations
        data = replace(data, observations=unlabelled(observations))
        team, zones = store.care_team(subject), store.timeline(subject)
        watched = monitored and self.clinic.home.watch.exists()
        owners = tuple(sorted(self._names.get(user, user) for user in team))
        summary = summarise(
            subject,
            observations=data.observations,
            segments=with_passed(
                data.segments, data.features, self.clinic.config.gateway.feature_only
            ),
            zones=zones,
            owners=owners,
            prediction=estimate(model, data, grants, now),
            predicted_at=now,
            threshold=model.threshold if model else None,
            died=data.attributes.get("deceased_on"),
            changed=stored_note(store, subject, audit, zones, now) if watched else None,
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
            person.identifiers[0] if person.identifiers else None,
            _next_edge(grants, now),
        )

    def record_of(self, looked: Looked, actor: Actor) -> SubjectData:
        """Return a person's record as a model is given it: without what is labelled."""
        audit = Entry(actor, "read for care", Purpose.CARE, looked.who.subject)
        data = self._data(looked.who.subject, audit, monitored=looked.monitored, now=self.now())
        return replace(data, observations=unlabelled(data.observations))

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
