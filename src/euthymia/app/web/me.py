"""The patient's own page: what is shared with whom, switches, a check-in, what was concluded."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from euthymia.app.entries import filled_in
from euthymia.app.web.contract import Visitor
from euthymia.app.web.desk import Desk
from euthymia.app.web.forms import FIRST, Again, sent
from euthymia.app.web.record import OWN_PAGE, PURPOSE_WORDS
from euthymia.care.words import count_words
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.instruments.catalogue import instruments
from euthymia.instruments.contract import Instrument
from euthymia.security.policy import Action

if TYPE_CHECKING:
    from euthymia.app.web.pages import Site


def for_patients() -> dict[str, Instrument]:
    """Return the questionnaires that patients answer themselves."""
    return {n: one for n, one in instruments().items() if one.answered_by == "patient"}


def plainly(effect: str) -> str:
    """Return what a decision brings about as its person reads it: no commands, no names of code."""
    head, _, rest = effect.partition(": ")
    kinds = count_words(rest.partition(";")[0].count(",") + 1, "kind")
    if head == "refused from now on":
        return f"refused from now on: all data that rest on this permission, {kinds} of them"
    if head == "kept, and read by nobody but the person":
        return f"kept, and read by nobody but you: what came before, {kinds} of data"
    if effect.startswith("features that rested on them are removed"):
        return "what was computed from them is removed"
    return effect


class Me:
    """The handlers."""

    def __init__(self, site: "Site", desk: Desk) -> None:
        self.site, self.desk = site, desk

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/me", self.me, methods=["GET"]),
            Route("/me/consent", self.change_consent, methods=["POST"]),
            Route("/me/check-in", self.check_in, methods=["GET"]),
            Route("/me/check-in", self.keep_check_in, methods=["POST"]),
        ]

    async def me(self, request: Request) -> Response:
        """Show a patient everything about themselves."""
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        return await run_in_threadpool(self._shown, visitor)

    def _shown(self, visitor: Visitor, refused: str = "", effects: Sequence[str] = ()) -> Response:
        opened = self.desk.open_own(visitor, "own page")
        return self.site.page(
            "me.html",
            422 if refused else 200,
            visitor=visitor,
            opened=opened,
            switches=self.desk.switches(opened.subject),
            purposes=PURPOSE_WORDS,
            lines=self.desk.who_looked(opened.subject),
            models=self.desk.models_of(opened.subject),
            emergencies=self.desk.emergencies_of(opened.subject),
            refused=refused,
            effects=effects,
        )

    async def change_consent(self, request: Request) -> Response:
        """Turn a switch: it holds from the next view on."""
        found = await sent(self.site, request)
        if isinstance(found, Response):
            return found
        visitor, form = found
        subject = await run_in_threadpool(self.desk.own, visitor, Action.CHANGE_CONSENT)
        permit, purpose = form.get("permit") == "1", form.get("purpose", "")
        because = OWN_PAGE
        try:
            effects = await run_in_threadpool(
                lambda: self.desk.decide(visitor, subject, purpose, permit=permit, because=because)
            )
        except SchemaError as error:
            return await run_in_threadpool(self._shown, visitor, str(error))
        done = [plainly(line) for line in effects] or ["it holds from now on"]
        return await run_in_threadpool(self._shown, visitor, "", done)

    async def check_in(self, request: Request, again: Again = FIRST) -> Response:
        """Show a questionnaire, or which there are."""
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        await run_in_threadpool(self.desk.own, visitor, Action.WRITE_RECORD)
        known = for_patients()
        name = again.typed.get("instrument") or request.query_params.get("fill", "phq9")
        if name not in known:  # neither from a link nor from a form of ours
            raise MissingError("there is no such questionnaire")
        return self.site.page(
            "checkin.html",
            422 if again.refused else 200,
            visitor=visitor,
            chosen=known[name],
            known=list(known.values()),
            refused=again.refused,
            typed=again.typed,
        )

    async def keep_check_in(self, request: Request) -> Response:
        """Keep the answers, say what becomes of them, and whom to call where they are grave."""
        found = await sent(self.site, request)
        if isinstance(found, Response):
            return found
        visitor, form = found
        subject = await run_in_threadpool(self.desk.own, visitor, Action.WRITE_RECORD)
        try:
            filled = filled_in(for_patients(), form)
            keep = self.desk.keep
            entry = await run_in_threadpool(
                keep, visitor, subject, filled.facts, "check in", form.get("once", "")
            )
        except SchemaError as error:
            return await self.check_in(request, Again(str(error), form))
        return self.site.page(
            "checked.html",
            visitor=visitor,
            scored=filled.scored,
            instrument=filled.instrument,
            entry=entry,
            crisis=self.site.backend.crisis_lines,
        )
