"""Alerts on the pages: the desk, one episode with what can be done, the policy with its replay."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from euthymia.app.alerts.policy_file import accept, own_text, policy_in_force
from euthymia.app.alerts.replay import Asked, replay
from euthymia.app.alerts.rights import require_change, require_quality, takers
from euthymia.app.alerts.wanted import Wanted, last_act
from euthymia.app.web.contract import Visitor
from euthymia.app.web.desk import Desk
from euthymia.app.web.forms import FIRST, Again
from euthymia.app.web.quality import name_of
from euthymia.app.web.quality import told as in_words
from euthymia.app.web.record import Record
from euthymia.app.web.strips import Happening
from euthymia.care.alerts.card import headline
from euthymia.care.alerts.contract import CLINIC, Alert, Trace
from euthymia.care.alerts.lifecycle import BY_PEOPLE, HELD, MOVED, REASONS, Move
from euthymia.care.alerts.policy import parse, shipped_text
from euthymia.care.worklist import item
from euthymia.ground.clock import DAY_US, Micros, to_micros
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.security.policy import Action

if TYPE_CHECKING:
    from euthymia.app.web.pages import Site

SNOOZE_DAYS: Final = (1, 2, 3, 7, 14)
SILENCE_DAYS: Final = (7, 14, 28)
REPLAY_DAYS: Final = 90
MOVE_WORDS: Final = {
    Move.VIEW: "View",
    Move.ACKNOWLEDGE: "Acknowledge: I have it",
    Move.SNOOZE: "Snooze: show it again later",
    Move.SILENCE: "Silence: do not show it for a while",
    Move.REASSIGN: "Hand it to somebody",
    Move.RESOLVE: "Resolve: say what came of it",
}
TIER_WORDS: Final = {"now": "Today", "worklist": "This week", "digest": "Weekly summary"}
_REPLAYED: Final = {
    "episodes": "of so many episodes",
    "events": "worsenings on record",
    "caught": "caught, in time",
    "caught_share": "caught, share",
    "per_100_patient_days": "alerts per 100 patient days",
}
_IN_PERCENT: Final = frozenset({"caught_share", "caught_by_chance", "ppv"})
_NOT_FIGURES: Final = frozenset({"policy", "sha256"})
STATE_WORDS: Final = {
    "held": "Held back",
    "open": "Open",
    "acknowledged": "Acknowledged",
    "snoozed": "Snoozed",
    "silenced": "Silenced",
    "resolved": "Resolved",
    "cleared": "Cleared by itself",
}
WIDTH, HEIGHT = 1000, 100


def picture(trace: Trace) -> dict[str, str]:
    """Return a trace as two paths: the person's own band, and the line of their days."""
    known = [v for row in (trace.values, trace.low, trace.high) for v in row if v is not None]
    if not known or not trace.days:
        return {"band": "", "line": "", "dots": ""}
    low, high = min(known), max(known)
    pad = 0.08 * (high - low) or 1.0
    first, span = trace.days[0], max(1, trace.days[-1] - trace.days[0])

    def at(day: int, value: float) -> str:
        x = WIDTH * (day - first) / span
        y = HEIGHT * (1 - (value - low + pad) / (high - low + 2 * pad))
        return f"{x:.1f} {y:.1f}"

    both = [
        (d, lo, hi)
        for d, lo, hi in zip(trace.days, trace.low, trace.high, strict=True)
        if lo is not None and hi is not None
    ]
    upper = [at(d, hi) for d, _, hi in both]
    lower = [at(d, lo) for d, lo, _ in reversed(both)]
    seen = [(d, v) for d, v in zip(trace.days, trace.values, strict=True) if v is not None]
    line, before = [], None
    for day, value in seen:
        line.append(("L" if before is not None and day - before <= 2 else "M") + at(day, value))
        before = day
    dots = "".join(f"M{at(day, value)}h0" for day, value in seen)
    band = f"M{'L'.join([*upper, *lower])}Z" if both else ""
    return {"band": band, "line": "".join(line), "dots": dots}


def happening(alert: Alert, now: Micros) -> Happening:
    """Return an alert as a row of the time line; what is not over lasts until today."""
    end = now if alert.over_at is None else alert.over_at
    last = max(alert.day, int(end // DAY_US))
    said = "; ".join(alert.words) or headline(alert)
    said = f"{said} ({STATE_WORDS[alert.state.value]})"
    address = f"/patients/{alert.subject}/episodes/{alert.id}"
    return Happening(alert.day, last, "Episode", said, address)


class AlertPages:
    """The handlers."""

    def __init__(self, site: "Site", record: Record, desk: Desk) -> None:
        self.site, self.record, self.desk = site, record, desk
        self.clinic = desk.clinic
        self.alerts = desk.backend.alerts

    def routes(self) -> list[Route]:
        """Return the addresses."""
        one = "/patients/{pid}/episodes/{alert}"
        return [
            Route("/alerts", self.list, methods=["GET"]),
            Route(one, self.episode, methods=["GET"]),
            Route(one, self.act, methods=["POST"]),
            Route("/alert-policy", self.policy, methods=["GET"]),
            Route("/alert-policy", self.change_policy, methods=["POST"]),
        ]

    def episodes(self, subject: SubjectId) -> tuple[Happening, ...]:
        """Return a person's episodes for their time line."""
        now = to_micros(self.clinic.clock())
        return tuple(happening(a, now) for a in self.alerts.every() if a.subject == subject)

    # -- the desk --------------------------------------------------------------------------------
    async def list(self, request: Request) -> Response:
        """Show what stands, the week's summary, and what is held back and why."""
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        return await run_in_threadpool(self._list, visitor)

    def _list(self, visitor: Visitor) -> Response:
        backend = self.site.backend
        self.desk.backend.require(visitor, Action.VIEW_WORKLIST)
        found = self.alerts.desk(visitor.user, visitor.role, second_factor=visitor.second_factor)
        lines = [*found.lines, *found.digest, *found.held]
        people = {SubjectId(line.alert.subject) for line in lines if line.alert.subject != CLINIC}
        looked = self.desk.backend.reader.look_at_all(sorted(people), visitor.actor)
        entry = self.desk.backend.write_worklist(visitor.actor, sorted(people), "alerts")
        return self.site.page(
            "alerts.html",
            visitor=visitor,
            found=found,
            who={str(subject): one.who for subject, one in looked.items()},
            seen={str(s): item(one.summary, found.at).data_seen for s, one in looked.items()},
            tiers=TIER_WORDS,
            states=STATE_WORDS,
            held=HELD,
            name_of=self.desk.backend.reader.name_of,
            entry=entry,
            may_policy=backend.may(visitor.role, Action.VIEW_QUALITY),
        )

    # -- one episode -----------------------------------------------------------------------------
    async def episode(self, request: Request, again: Again = FIRST) -> Response:
        """Show all that an alert carries, and what can be done with it."""
        found = await self.record.opened(request, "episode")
        if isinstance(found, Response):
            return found
        visitor, opened = found
        ident = request.path_params["alert"]
        try:
            card = await run_in_threadpool(
                lambda: self.alerts.card(
                    visitor.user,
                    visitor.role,
                    opened.subject,
                    ident,
                    second_factor=visitor.second_factor,
                )
            )
        except MissingError:  # what it rested on was withdrawn, corrected or erased since
            return self.record.shown("noepisode.html", visitor, opened, "/timeline", status=404)
        return self.record.shown(
            "episode.html",
            visitor,
            opened,
            "/timeline",
            again,
            card=card,
            moves=[(m, MOVE_WORDS[m]) for m in card.actions if m is not Move.VIEW],
            team=[u for u in takers(self.clinic, opened.subject) if u != visitor.user],
            days={"snooze": SNOOZE_DAYS, "silence": SILENCE_DAYS},
            states=STATE_WORDS,
            tiers=TIER_WORDS,
            picture=picture,
            name_of=self.desk.backend.reader.name_of,
            seen=last_act(card.alert),
            why=lambda step: {**HELD, **REASONS.get(step.move, {})}.get(step.reason, step.reason),
            moved=MOVED,
            held_for=HELD.get(card.alert.held, card.alert.held),
            kept=request.query_params.get("kept") == "1",
        )

    async def act(self, request: Request) -> Response:
        """Do what the visitor wants with an alert, with their reason."""
        sent = await self.record.form(request)
        if isinstance(sent, Response):
            return sent
        visitor, form = sent
        pid, ident = request.path_params["pid"], request.path_params["alert"]
        subject = await run_in_threadpool(self.desk.require, visitor, pid, Action.ACT_ON_ALERT)
        try:
            wanted = self._wanted(subject, ident, form)
            factor = visitor.second_factor
            await run_in_threadpool(
                lambda: self.alerts.act(visitor.user, visitor.role, wanted, second_factor=factor)
            )
        except SchemaError as error:
            return await self.episode(request, Again(str(error), form))
        except MissingError:
            return await self.episode(request)
        return RedirectResponse(f"/patients/{pid}/episodes/{ident}?kept=1", 303)

    def _wanted(self, subject: SubjectId, ident: str, form: dict[str, str]) -> Wanted:
        move = next((m for m in BY_PEOPLE if m.value == form.get("move")), None)
        if move is None:
            raise SchemaError("there is no such thing to do")
        days = form.get("days", "")
        until = None
        if days.isdigit() and 0 < int(days) <= max(SILENCE_DAYS):
            until = to_micros(self.clinic.clock() + timedelta(days=int(days)))
        return Wanted(
            subject=subject,
            alert=ident,
            move=move,
            reason=form.get("reason", ""),
            words=form.get("words", "").strip(),
            until=until,
            to=form.get("to", ""),
            felt=form.get("felt", ""),
            id=form.get("once", "")[:40],
            seen=int(seen) if (seen := form.get("seen", "")[:20]).isdecimal() else None,
        )

    # -- the policy ------------------------------------------------------------------------------
    async def policy(self, request: Request) -> Response:
        """Show the policy in force, and an editor with a dry run."""
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        return await run_in_threadpool(self._policy, visitor, None, {})

    def _policy(self, visitor: Visitor, text: str | None, told: dict[str, Any]) -> Response:
        require_quality(self.clinic, visitor.role, second_factor=visitor.second_factor)
        own = own_text(self.clinic.home, self.clinic.keyring)
        self.desk.backend.write(visitor.actor, "view alert policy")
        return self.site.page(
            "alertpolicy.html",
            422 if told.get("refused") else 200,
            visitor=visitor,
            text=text or own or shipped_text(),
            own=bool(own),
            may=self.site.backend.may(visitor.role, Action.CHANGE_ALERT_POLICY),
            days=REPLAY_DAYS,
            told=told,
        )

    async def change_policy(self, request: Request) -> Response:
        """Check, replay, or take a policy into force."""
        sent = await self.record.form(request)
        if isinstance(sent, Response):
            return sent
        return await run_in_threadpool(self._change, *sent)

    def _change(self, visitor: Visitor, form: dict[str, str]) -> Response:
        require_quality(self.clinic, visitor.role, second_factor=visitor.second_factor)
        text = form.get("text", "").replace("\r\n", "\n")
        told: dict[str, Any] = {}
        try:
            policy = parse(text, "the policy in the editor")
            told["checked"] = policy.label
            live = policy_in_force(self.clinic)
            told["alike"] = policy.label == live.label and policy.digest != live.digest
            if form.get("do") == "replay":
                last = self.clinic.clock().date()
                asked = Asked(text, last - timedelta(days=REPLAY_DAYS), last, "the editor")
                found = replay(self.clinic, asked)
                told["replay"] = found | {"rows": replayed_rows(found)}
            elif form.get("do") == "accept":
                require_change(self.clinic, visitor.role, second_factor=visitor.second_factor)
                told["accepted"] = accept(
                    self.clinic,
                    text,
                    visitor.actor,
                    visitor.role,
                    second_factor=visitor.second_factor,
                )
        except (SchemaError, MissingError) as error:
            told["refused"] = str(error)
        return self._policy(visitor, text, told)


def replayed_rows(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the figures of both policies by name; empty where one is not known."""
    live, other = found["live"], found["replayed"]
    rows: list[tuple[str, str, str]] = []
    for key, own in live.items():
        name = _REPLAYED.get(key) or name_of(key)
        if isinstance(own, Mapping):
            inner = sorted({*own, *other[key]}) if key == "held_back" else own
            rows += [
                (f"{name}: {name_of(k)}", in_words(own.get(k, 0)), in_words(other[key].get(k, 0)))
                for k in inner
            ]
        elif key not in _NOT_FIGURES:
            percent = key in _IN_PERCENT
            rows.append(
                (name, in_words(own, percent=percent), in_words(other[key], percent=percent))
            )
    return rows
