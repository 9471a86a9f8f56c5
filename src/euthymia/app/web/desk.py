"""One person's record for its pages: opened by the rules, told to the ledger, written by a name."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from euthymia.app.accounts.book import Emergency
from euthymia.app.audit_events import came_about
from euthymia.app.consents import Asked, change_consent
from euthymia.app.entries import BY_PATIENT, BY_TEAM, Fact, checked_text, write_entry
from euthymia.app.web.contract import Visitor, Who
from euthymia.app.web.protected import open_to
from euthymia.app.web.reader import NO_MONITORING, Looked, may_see_estimates
from euthymia.care.alerts.morning import with_alerts
from euthymia.care.timeline import PatientView, patient_view
from euthymia.features.catalogue import families
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Micros, from_micros
from euthymia.ground.errors import AccessError, EuthymiaError, MissingError, SchemaError
from euthymia.ground.ids import SubjectId, is_subject_id
from euthymia.security.consent import in_force
from euthymia.security.policy import Action
from euthymia.store.journal import COMMITTED

if TYPE_CHECKING:
    from euthymia.app.web.backend import ClinicBackend

QUIET: Final = frozenset({"read for care", COMMITTED})
"""What goes before or after an entry by itself: that one has its line in the list of who looked."""
SEEN_MOST: Final = 200  # lines of who looked that a page shows; the export has all of them


@dataclass(frozen=True, slots=True)
class Opened:
    """One person, opened for one page: the entry that says so is on disk."""

    subject: SubjectId
    looked: Looked
    at: Micros
    ledger_entry: str
    view: PatientView
    observations: pa.Table
    withheld: tuple[str, ...] = ()
    emergency: Emergency | None = None

    @property
    def who(self) -> Who:
        """Who it is."""
        return self.looked.who


@dataclass(frozen=True, slots=True)
class Access:
    """One line of who looked: a day, a user in a role, what they did, how often.

    `refused`: what they asked for and did not get; the record was not opened for it.
    """

    on: str
    user: str
    role: str
    action: str
    refused: bool
    times: int


@dataclass(frozen=True, slots=True)
class Switch:
    """One purpose, whether it is allowed now, since when and on whose word."""

    purpose: Purpose
    on: bool
    decided: GrantRecord | None
    basis: bool = False  # it needs no consent: the clinic treats on its own legal basis


class Desk:
    """Opens, reads and writes one record at a time."""

    def __init__(self, backend: "ClinicBackend") -> None:
        self.backend = backend
        self.clinic = backend.clinic

    # -- opening -------------------------------------------------------------------------------
    def open(self, visitor: Visitor, pid: str, page: str) -> Opened:
        """Open somebody in the visitor's care for one page. MissingError as for the page itself."""
        subject, emergency = self.backend.in_care(visitor, pid)
        return self._opened(visitor, subject, page, emergency)

    def open_own(self, visitor: Visitor, page: str) -> Opened:
        """Open a patient's own record, with what its alerts say. AccessError for others.

        Who of the team was told because nobody had taken an alert is no conclusion about them.
        """
        opened = self._opened(visitor, self.own(visitor, Action.VIEW_PATIENT), page, None)
        found = self.backend.alerts_about(opened.subject)
        alerts = [replace(alert, escalations=0) for alert in found]
        return replace(opened, view=with_alerts(opened.view, alerts, opened.at))

    def own(self, visitor: Visitor, action: Action) -> SubjectId:
        """Return whose record is the visitor's own, for something that patients may do."""
        subject = self.own_subject(visitor)
        ruling = self.clinic.policies.decide(
            role=visitor.role,
            action=action,
            purpose=Purpose.CARE,
            own=subject is not None,
            second_factor=visitor.second_factor,
        )
        if subject is None or not ruling.allowed:
            raise AccessError(ruling.detail)
        return subject

    def own_subject(self, visitor: Visitor) -> SubjectId | None:
        """Return whose record is a patient's own: by their account, or a link made for them."""
        if visitor.role != "patient":
            return None
        account = self.backend.accounts.file.now().accounts.get(visitor.user)
        named = account.subject if account else visitor.user
        return self.clinic.store.resolve(named) if is_subject_id(named) else None

    def _opened(
        self, visitor: Visitor, subject: SubjectId, page: str, emergency: Emergency | None
    ) -> Opened:
        reader = self.backend.reader
        looked = reader.look(subject, visitor.actor)
        own = visitor.role == "patient"
        observations, held = (
            (looked.observations, list[str]())
            if own
            else open_to(
                self.clinic.policies,
                visitor.role,
                looked.observations,
                related=emergency is None,
                second_factor=visitor.second_factor,
            )
        )
        may = own or may_see_estimates(self.clinic.policies, visitor)
        view = patient_view(
            looked.seen_by(may_ask=may),
            observations=observations,
            families=families(),
            features=looked.features,
            now=reader.now(),
            consented=looked.consented,
            held=looked.record.data.segments,
            noted=looked.record.noted,
        )
        detail: dict[str, str | int | float | bool] = {"page": page}
        if emergency:
            detail["emergency"] = emergency.id
        entry = self.backend.write(visitor.actor, "view patient", subject, detail)
        withheld = held if looked.monitored else [*held, NO_MONITORING]
        return Opened(
            subject, looked, reader.now(), entry, view, observations, tuple(withheld), emergency
        )

    # -- reading -------------------------------------------------------------------------------
    def texts(self, opened: Opened, prefix: str) -> list[tuple[Micros, str, str]]:
        """Return (when, code, text) of the records of a kind, newest first."""
        table = opened.observations
        rows = zip(
            table["time"].cast("int64").to_pylist(),
            table["code"].to_pylist(),
            table["text_value"].to_pylist(),
            strict=True,
        )
        found = [(at, code, text) for at, code, text in rows if text and code.startswith(prefix)]
        return sorted(((at or 0, code, text) for at, code, text in found), reverse=True)

    def answers(self, opened: Opened, codes: Sequence[str]) -> list[tuple[str, dict[str, float]]]:
        """Return the answers to a questionnaire by local day (ISO) and code, the newest first.

        A code that comes again later on a day begins another questionnaire; of two values of one
        instant the higher counts.
        """
        table = opened.observations
        found: list[tuple[str, dict[str, float]]] = []
        since: dict[str, Micros] = {}
        wanted = set(codes)
        rows = zip(
            table["time"].cast("int64").to_pylist(),
            table["code"].to_pylist(),
            table["numeric_value"].to_pylist(),
            strict=True,
        )
        mine = [row for row in rows if row[0] is not None and row[2] is not None]
        for at, code, number in sorted(row for row in mine if row[1] in wanted):
            if at > opened.at:
                break
            day = opened.looked.summary.local_date(at).isoformat()
            if not found or found[-1][0] != day or since.get(code, at) != at:
                found.append((day, {}))
                since = {}
            held = found[-1][1]
            held[code], since[code] = max(number, held.get(code, number)), at
        return found[::-1]

    def switches(self, subject: SubjectId) -> tuple[Switch, ...]:
        """Return where every purpose stands now."""
        now, grants = self.backend.reader.now(), self.clinic.store.grants(subject)
        told = []
        for purpose in Purpose:
            held = [g for g in in_force(grants, now) if g.purpose is purpose]
            last = max(held, key=lambda g: (g.told or g.since, not g.permit), default=None)
            basis = purpose is Purpose.CARE and self.clinic.config.clinic.clinical_basis
            told.append(Switch(purpose, basis or bool(last and last.permit), last, basis))
        return tuple(told)

    def who_looked(self, subject: SubjectId) -> tuple[Access, ...]:
        """Return who saw or changed anything of a person, by day, newest first."""
        counted: dict[tuple[str, str, str, str, bool], int] = {}
        for line in self.clinic.ledger.about(subject):
            if line.action not in QUIET:
                on = from_micros(line.at).date().isoformat()
                key = (on, line.actor, line.role, line.action, not came_about(line))
                counted[key] = counted.get(key, 0) + 1
        lines = [Access(*key, times) for key, times in counted.items()]
        return tuple(reversed(lines[-SEEN_MOST:]))

    def models_of(self, subject: SubjectId) -> tuple[str, ...]:
        """Return the models that were trained with this person's data."""
        return tuple(self.clinic.registry.trained_with(subject))

    def emergencies_of(self, subject: SubjectId) -> tuple[Emergency, ...]:
        """Return who opened a person's record in an emergency, and why, newest first."""
        return tuple(e for e in self.backend.emergencies.newest() if e.subject == subject)

    # -- writing -------------------------------------------------------------------------------
    def may_write(self, visitor: Visitor, opened: Opened) -> bool:
        """Tell whether forms are of any use to the visitor: an emergency opens a record to read."""
        return opened.emergency is None and self.backend.may(visitor.role, Action.WRITE_RECORD)

    def require(self, visitor: Visitor, pid: str, action: Action) -> SubjectId:
        """Return the subject if the visitor, of the care team, may do this to them.

        A stranger's is not found, like one that does not exist; a role that may do it to nobody is
        told so before anybody is looked up. Patients write on their own page alone (see `own`).
        """
        self.backend.require(visitor, action)
        subject = self.clinic.store.resolve(pid) if is_subject_id(pid) else None
        if subject is not None:
            ruling = self.clinic.policies.decide(
                role=visitor.role,
                action=action,
                purpose=Purpose.CARE,
                related=self.clinic.on_care_team(visitor.user, subject),
                second_factor=visitor.second_factor,
            )
            if ruling.allowed:
                return subject
        self.backend.write(visitor.actor, str(action), subject, {"outcome": "refused"})
        raise MissingError("no patient in your care has this pseudonym")

    def keep(
        self, visitor: Visitor, subject: SubjectId, facts: Sequence[Fact], what: str, once: str = ""
    ) -> str:
        """Write facts into a record under the visitor's own name; return the ledger entry.

        `once` names the form: sent again, nothing is written and "" is returned.
        """
        looked = self.backend.reader.look(subject, visitor.actor)
        source = BY_PATIENT if visitor.role == "patient" else BY_TEAM
        entry = write_entry(
            self.clinic,
            visitor.actor,
            subject,
            looked.identifier,
            facts,
            action=what,
            source=source,
            once=once,
        )
        if any(fact.number is not None for fact in facts):
            with suppress(EuthymiaError, OSError):  # it is kept: the next run of alerts takes it in
                self.backend.alerts.heed([subject])
        return entry

    def keep_text(self, visitor: Visitor, pid: str, code: str, text: str, what: str) -> str:
        """Write a text into a record in the visitor's care, signed with their name."""
        subject = self.require(visitor, pid, Action.WRITE_RECORD)
        signed = f"{checked_text(text)}\n({visitor.user})"
        return self.keep(visitor, subject, [Fact(code, text=signed)], what)

    def decide(
        self, visitor: Visitor, subject: SubjectId, purpose: str, *, permit: bool, because: str
    ) -> list[str]:
        """Record a consent decision; return what it stops and what it cannot undo."""
        switch = next((one for one in self.switches(subject) if one.purpose == purpose), None)
        if switch is None:
            raise SchemaError("a decision is about one of the switches")
        if switch.basis:
            raise SchemaError("treatment rests on the treatment itself here: it has no switch")
        asked = Asked(
            grant=purpose if permit else None,
            withdraw=None if permit else purpose,
            because=because,
        )
        told = change_consent(self.clinic, subject, asked, visitor.actor)
        return [str(line) for line in told["effects"]]


def unsigned(text: str) -> str:
    """Return a text as it was typed: without the name that `keep_text` put below it."""
    return re.sub(r"\n\([^()\n]{1,64}\)\Z", "", text)


def newest(found: Sequence[tuple[Micros, str, str]]) -> Mapping[str, tuple[Micros, str]]:
    """Return the newest text of each code."""
    latest: dict[str, tuple[Micros, str]] = {}
    for at, code, text in found:
        latest.setdefault(code, (at, text))
    return latest
