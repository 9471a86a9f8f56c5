"""The alerts of an open clinic: what a person sees, opens and does. The pages call `Alerts`.

The engine is fed from what is kept with each person, once; what others do meanwhile is fed as it
comes. Everything shown, held back, overridden or done leaves its entry in the ledger. Nothing is
sent to a patient and nothing is written to a record but what a named person did.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import RLock
from typing import Any, Final

import pyarrow as pa

from euthymia.app.alerts.feed import Feed
from euthymia.app.alerts.inputs import (
    JOB,
    JOURNAL,
    Inputs,
    audit_of,
    kept_days,
    line_of,
    read_lines,
    take_in,
    take_record,
    taken_back,
)
from euthymia.app.alerts.notices import altered_notice, clock_notice, gone_notices
from euthymia.app.alerts.policy_file import (
    AT_ONCE_US,
    Book,
    newly_gone,
    note_gone,
    policy_in_force,
    read_book,
    reckoned,
    settle,
    stamp,
    write_book,
)
from euthymia.app.alerts.replay import TOLD, grouped
from euthymia.app.alerts.rights import SHELL, require_act, require_taker
from euthymia.app.alerts.wanted import Wanted, check, check_news
from euthymia.app.calibrations import read as read_calibration
from euthymia.app.clinic import Clinic
from euthymia.app.in_force import ALERTS_BEGUN
from euthymia.app.summaries import Summaries
from euthymia.app.watch import stream_for
from euthymia.care.alerts import lifecycle
from euthymia.care.alerts.card import TAKEN_BACK, Known, card, line
from euthymia.care.alerts.contract import (
    CLINIC,
    RANK,
    Act,
    Alert,
    Card,
    Desk,
    Line,
    Rule,
    Step,
    Tier,
)
from euthymia.care.alerts.engine import Engine, digest_of
from euthymia.care.alerts.lifecycle import Move, State
from euthymia.care.summary import SubjectSummary, summarise
from euthymia.features.catalogue import families
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Micros, from_micros, to_micros
from euthymia.ground.errors import AccessError, BusyError, MissingError, SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.security.key_files import held
from euthymia.store.consent import unlabelled
from euthymia.store.lines import Line as Kept

_TOLD_MOVES: Final = {
    Move.SHOW: "show alert",
    Move.WAKE: "show alert",
    Move.HOLD: "hold alert back",
    Move.ESCALATE: "escalate alert",
    Move.CLEAR: "clear alert",
}


class Alerts:
    """The alerts of one clinic. Any thread may call; calls take turns."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic
        self._lock = RLock()
        self._feed = Feed(clinic)

    # -- the engine ------------------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Iterator[Book]:
        """Hold the book, alone among all processes; it is written at the end."""
        with self._lock, held(self.clinic.home.path):
            book = read_book(self.clinic)
            settle(self.clinic, book)
            note_gone(self.clinic, book)
            yield book
            if self._feed.told_until is not None:  # what was told is told: nothing comes before it
                book.stamp = max(book.stamp, self._feed.told_until)
            write_book(self.clinic, book)

    def _notices(self, book: Book, now: Micros, alerts: Sequence[Alert]) -> tuple[Alert, ...]:
        """Return what is told of the clinic itself: its data, clock and engine, who is gone."""
        policy = policy_in_force(self.clinic)
        return (
            *altered_notice(book),
            *clock_notice(self.clinic, now),
            *(a for a in alerts if a.subject == CLINIC and a.shown),
            *gone_notices(self.clinic, alerts, policy, now),
        )

    def _now(self, book: Book) -> Micros:
        return reckoned(book, to_micros(self.clinic.clock()))

    def _engine(self, book: Book) -> Engine:
        return self._feed.engine(book, self._now(book))

    # -- reading ---------------------------------------------------------------------------------

    def every(self) -> tuple[Alert, ...]:
        """Return every alert there ever was, as it stands now."""
        with self._lock:
            book = read_book(self.clinic)
            return () if book.start is None else self._engine(book).alerts()

    def moved(self) -> int:
        """Return how often anything happened to any alert until now: 0 before a start."""
        with self._lock:
            book = read_book(self.clinic)
            return 0 if book.start is None else self._engine(book).moved

    def standing(self) -> tuple[Micros, tuple[Alert, ...], Inputs] | None:
        """Return the instant that alerts are told for, all of them, and what they came of.

        None before a start.
        """
        with self._lock:
            book = read_book(self.clinic)
            if book.start is None:
                return None
            engine = self._engine(book)
            return engine.now, engine.alerts(), self._feed.inputs(book, engine.now)

    def overview(self) -> tuple[tuple[Alert, ...], tuple[str, ...]] | None:
        """Return every alert, and what is to be told of the clinic itself; None before a start."""
        with self._lock:
            book = read_book(self.clinic)
            if book.start is None:
                return None
            now, alerts = self._now(book), self._engine(book).alerts()
        return alerts, tuple(word for a in self._notices(book, now, alerts) for word in a.words)

    def desk(
        self,
        user: str,
        role: str = SHELL,
        seen: Callable[[SubjectId], str] | None = None,
        *,
        second_factor: bool = False,
    ) -> Desk:
        """Return the alerts of the people a user may act on, in the order of the policy.

        `seen` says on what data (a page that has read everybody passes its own).
        """
        with self._lock:
            book = read_book(self.clinic)
            now, policy = self._now(book), policy_in_force(self.clinic)
            if book.start is None:
                return Desk(now, started=False, policy=policy.label, digest_of_policy=policy.digest)
            alerts = self._engine(book).alerts()
        lines: dict[str, list[Line]] = {"shown": [], "digest": [], "held": []}
        allowed: dict[str, bool] = {}
        counts: dict[str, int] = {}
        for alert in sorted(alerts, key=_order):
            if alert.subject == CLINIC or alert.state in lifecycle.OVER:
                continue
            if alert.subject not in allowed:
                who = SubjectId(alert.subject)
                allowed[who] = self._allowed(user, role, who, second_factor=second_factor)
            if not allowed[alert.subject]:
                continue
            counts[alert.state.value] = counts.get(alert.state.value, 0) + 1
            where = "digest" if alert.tier is Tier.DIGEST else "shown" if alert.shown else "held"
            words = seen(SubjectId(alert.subject)) if seen is not None else ""
            lines[where].append(line(alert, words, now))
        return Desk(
            at=now,
            lines=tuple(lines["shown"]),
            digest=tuple(lines["digest"]),
            held=tuple(lines["held"]),
            notices=self._notices(book, now, alerts),
            counts=counts,
            policy=policy.label,
            digest_of_policy=policy.digest,
        )

    def _allowed(self, user: str, role: str, who: SubjectId, *, second_factor: bool) -> bool:
        with suppress(AccessError):
            require_act(self.clinic, user, role, who, second_factor=second_factor)
            return True
        return False

    def alert(self, subject: str, ident: str) -> Alert:
        """Return one alert; MissingError where there is none."""
        found = [a for a in self.every() if a.subject == subject and a.id == ident]
        if not found:
            raise MissingError("there is no such alert: `euthymia alerts` lists those that stand")
        return found[0]

    def card(
        self, user: str, role: str, subject: str, ident: str, *, second_factor: bool = False
    ) -> Card:
        """Return all that an alert carries. Opening it is told to the ledger.

        The first time that a named person opens it is a step of its history.
        """
        who = self.clinic.resolve(subject)
        require_act(self.clinic, user, role, who, second_factor=second_factor)
        alert = self.alert(who, ident)
        first = alert.viewed_at is None and Move.VIEW in lifecycle.open_to(alert.state)
        if first and role != SHELL:
            opened = Wanted(who, ident, Move.VIEW, "opened")
            alert = self.act(user, role, opened, second_factor=second_factor)
        else:
            entry = Entry(Actor(user, role), "view alert", Purpose.CARE, who, _told(alert))
            self.clinic.ledger.append(entry)
        scores = [s.scores for s in kept_days(self.clinic, who) if s.scores is not None]
        found = card(alert, self.known(who), policy_in_force(self.clinic), scores)
        if Rule.ANSWER in alert.rules and taken_back(self.clinic, who, alert.day):
            return replace(found, why=(*found.why, TAKEN_BACK))
        return found

    def known(self, who: SubjectId) -> Known:
        """Return what is known of a person for the words of a card."""
        clinic, audit = self.clinic, audit_of("read for care", who)
        store = clinic.store
        stream = stream_for(clinic, who, audit_of("read scores", who, Purpose.MONITORING))
        tables: dict[str, pa.Table] = {}
        if stream is not None:
            for name in sorted({feature.partition(".")[0] for feature in stream.z}):
                table = store.features(who, name, audit) if name in families() else None
                if table is not None:
                    tables[name] = table
        calibration = read_calibration(clinic.home, clinic.keyring)
        return Known(
            summary=self._summary(who, audit),
            now=to_micros(clinic.clock()),
            stream=stream,
            tables=tables,
            promised_days=calibration.promised if calibration else None,
            found_days=calibration.days_to_an_alarm if calibration and calibration.alarms else None,
            simulated=clinic.simulated([who]),
        )

    def _summary(self, who: SubjectId, audit: Entry) -> SubjectSummary:
        store = self.clinic.store
        return summarise(
            who,
            observations=unlabelled(store.observations(who, audit)),
            segments=self.clinic.monitored_segments(who),
            zones=store.timeline(who),
            owners=tuple(sorted(store.care_team(who))),
        )

    # -- acting ----------------------------------------------------------------------------------

    def act(self, user: str, role: str, wanted: Wanted, *, second_factor: bool = False) -> Alert:
        """Do what a person wants with an alert; return the alert as it stands then.

        Raises
        ------
        AccessError
            They may not act on alerts about this person.
        SchemaError
            It cannot be done with this alert now, or the reason, the time or the name is missing.
        MissingError
            There is no such alert.
        """
        who = self.clinic.resolve(wanted.subject)
        require_act(self.clinic, user, role, who, second_factor=second_factor)
        with self._alone() as book:
            if book.start is None:
                raise MissingError("no alert was ever raised here: run `euthymia alerts run`")
            now = self._now(book)
            before = self._one(book, who, wanted.alert)
            if wanted.id and self._delivered(who, wanted):
                return before  # the same click, delivered twice
            ahead = now - to_micros(self.clinic.clock())
            if (
                wanted.until is not None and ahead > AT_ONCE_US
            ):  # named by a clock that was put back
                wanted = replace(wanted, until=wanted.until + ahead)
            check_news(wanted, before, user)
            check(wanted, before, now)
            if wanted.move is Move.REASSIGN:
                require_taker(self.clinic, user, who, wanted.to)
            act = Act(
                id=wanted.id or secrets.token_hex(8),
                alert=wanted.alert,
                subject=who,
                at=stamp(self.clinic, book),
                by=user,
                **{n: getattr(wanted, n) for n in _PASSED},
            )
            entry = Entry(
                Actor(user, role),
                f"{wanted.move.value} alert",
                Purpose.CARE,
                who,
                _told(before) | {"reason": wanted.reason, "act": act.id},
            )
            self.clinic.store.put_lines(who, JOURNAL, [line_of(act)], entry)
            return self._one(book, who, wanted.alert)

    def _delivered(self, who: SubjectId, wanted: Wanted) -> bool:
        """Tell whether this very act is on record; SchemaError where its id is another act's."""
        lines = self.clinic.store.lines(who, JOURNAL, audit_of("read alerts", who))
        _, found = read_lines(line for line in lines if line.id == f"act/{wanted.id}")
        if found and (found[0].alert, found[0].move) != (wanted.alert, wanted.move):
            raise SchemaError("something else was done under this id: open the page anew")
        return bool(found)

    def _one(self, book: Book, who: SubjectId, ident: str) -> Alert:
        for alert in self._engine(book).alerts():
            if alert.subject == who and alert.id == ident:
                return alert
        raise MissingError("there is no such alert: `euthymia alerts` lists those that stand")

    # -- the job ---------------------------------------------------------------------------------

    def run(self) -> dict[str, Any]:
        """Take in what is new, and tell the ledger what was shown, held back and escalated.

        The first run starts the clinic's alerts: what was before it is history.
        """
        differs = self._differs()
        with self._alone() as book:
            at = stamp(self.clinic, book)
            if differs is not None:
                self._note_altered(book, differs, at)
            first = book.start is None
            newest = -1
            for who in self._feed.subjects():
                with suppress(MissingError):  # erased meanwhile
                    newest = max(newest, take_in(self.clinic, who, book, at))
            if first:
                book.start = at
                self.clinic.ledger.append(Entry(JOB, ALERTS_BEGUN, Purpose.CARE))
            if first or newest > max((day for _, day in book.scored), default=-1):
                book.scored.append((at, newest))  # the first: so that a watch that never runs tells
            alerts = self._engine(book).alerts()
            counts = self._tell(alerts, book.start or at)
            self.clinic.ledger.sync()
        Summaries.of(self.clinic).keep(JOB)
        due = [*clock_notice(self.clinic, at), *(a for a in alerts if a.shown)]
        standing = [*altered_notice(book), *due]
        return {
            "at": from_micros(at).isoformat(timespec="seconds"),
            "first": first,
            "open": len(standing),
            "held": sum(a.state is State.HELD for a in alerts),
            "by_tier": {t.value: sum(a.tier is t for a in standing) for t in Tier},
            **counts,
            "pipeline": any(a.subject == CLINIC for a in due),
            "altered": differs or [],
            "simulated": self.clinic.simulated(SubjectId(a.subject) for a in alerts),
        }

    def _differs(self) -> list[str] | None:
        """Return how the stored rows are not as told; None: nobody can say, others hold them."""
        try:
            return self.clinic.store.compared()
        except BusyError:
            return None

    def _note_altered(self, book: Book, differs: Sequence[str], at: Micros) -> None:
        """Keep since when the stored rows are not those of the ledger, and tell it so."""
        if differs and book.altered is None:
            detail: dict[str, str | int | float | bool] = {"problems": len(differs)}
            self.clinic.ledger.append(Entry(JOB, "find altered store", Purpose.CARE, None, detail))
        book.altered = (book.altered or at) if differs else None

    def heed(self, people: Iterable[SubjectId]) -> None:
        """Take in at once what was just written about people: no answer waits for the next run.

        A clinic without alerts stays without; the ledger is told of what is shown by the next run.
        """
        people = tuple(people)
        if not people or read_book(self.clinic).start is None:
            return
        with self._alone() as book:
            at = stamp(self.clinic, book)
            for who in people:
                with suppress(MissingError):  # erased since
                    take_record(self.clinic, who, book, at)

    def tick(self) -> None:
        """Let time go on where the clock was put back, note who is gone; else do nothing."""
        book = read_book(self.clinic)
        if book.start is None:
            return
        behind = book.stamp - to_micros(self.clinic.clock()) > AT_ONCE_US
        if behind or newly_gone(self.clinic, book) is not None:
            with self._alone() as mine:
                stamp(self.clinic, mine)

    def _tell(self, alerts: Sequence[Alert], start: Micros) -> dict[str, int]:
        """Write to the ledger, and to each person's journal the digest, what was not told yet."""
        at = start if self._feed.told_until is None else self._feed.told_until
        counts = {"shown": 0, "held_back": 0, "escalated": 0, "cleared": 0}
        for subject, own in grouped(alerts).items():
            if subject == CLINIC:
                continue
            who, audit = SubjectId(subject), audit_of("read alerts", SubjectId(subject))
            lines = self.clinic.store.lines(who, JOURNAL, audit)
            told = [entry for entry in lines if entry.id.startswith(TOLD)]
            since, digest = (told[-1].at, told[-1].text) if told else (start - 1, "")
            fresh = digest_of(own)
            if fresh == digest:
                continue
            for alert in own:
                self._tell_steps(alert, [s for s in alert.history if s.at > since], counts)
            entry = audit_of("tell alerts", who)
            self.clinic.store.put_lines(who, JOURNAL, [Kept(at, f"{TOLD}{at}", fresh)], entry)
        return counts

    def _tell_steps(self, alert: Alert, steps: Sequence[Step], counts: dict[str, int]) -> None:
        names = {
            Move.SHOW: "shown", Move.WAKE: "shown", Move.HOLD: "held_back",
            Move.ESCALATE: "escalated", Move.CLEAR: "cleared",
        }  # fmt: skip
        for step in steps:
            if step.by or step.move not in _TOLD_MOVES:
                continue
            counts[names[step.move]] += 1
            detail = _told(alert) | {"reason": step.reason, "to": step.to}
            action, who = _TOLD_MOVES[step.move], SubjectId(alert.subject)
            self.clinic.ledger.append(replace(audit_of(action, who), detail=detail), durable=False)
        if alert.state is State.HELD and alert.held and alert.held != "next round":
            counts["held_back"] += 1
            detail = _told(alert) | {"reason": alert.held}
            entry = replace(audit_of("hold alert back", SubjectId(alert.subject)), detail=detail)
            self.clinic.ledger.append(entry, durable=False)


_PASSED: Final = ("move", "reason", "words", "until", "to", "step", "felt")


def _told(alert: Alert) -> dict[str, str | int | float | bool]:
    """Return what the ledger is told of an alert: which one, of what, how urgent."""
    rules = ",".join(rule.value for rule in alert.rules)
    return {"alert": alert.id, "tier": alert.tier.value, "rules": rules}


def _order(alert: Alert) -> tuple[Any, ...]:
    return (
        alert.state is State.ACKNOWLEDGED,
        RANK[alert.tier],
        -alert.level,
        alert.raised_at,
        alert.subject,
        alert.id,
    )
