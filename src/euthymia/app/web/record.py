"""The pages of one record: time line, measures and notes, plan, safety, consent and who looked."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from euthymia.app.entries import checked_text, filled_in
from euthymia.app.web.contract import Visitor
from euthymia.app.web.desk import Desk, Opened, newest, unsigned
from euthymia.app.web.forms import FIRST, Again, sent
from euthymia.app.web.strips import Happening, strip_of
from euthymia.ground.audit import Purpose
from euthymia.ground.codes import NOTE, PLAN, SAFETY_PLAN
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.instruments.catalogue import instruments
from euthymia.instruments.contract import Instrument
from euthymia.security.policy import Action

if TYPE_CHECKING:
    from euthymia.app.web.pages import Site

TABS: Final = (
    ("", "Overview"),
    ("/timeline", "Time line"),
    ("/measures", "Measures and notes"),
    ("/options", "Treatment options"),
    ("/plan", "Plan"),
    ("/safety", "Safety"),
    ("/consent", "Consent and access"),
)
SAFETY_STEPS: Final = (
    ("signs", "Warning signs: what tells me that a crisis may be coming"),
    ("own", "What I can do on my own"),
    ("places", "People and places that take my mind off it"),
    ("ask", "People I can ask for help"),
    ("professionals", "Professionals and services I can call"),
    ("means", "How my surroundings are made safe"),
)
"""Stanley and Brown 2012, doi:10.1016/j.cbpra.2011.01.001: the six steps of a safety plan."""
OWN_PAGE: Final = "by the patient, on their own page"
PURPOSE_WORDS: Final = {
    Purpose.CARE: "Treatment here",
    Purpose.MONITORING: "Phone and watch data, to notice a change early",
    Purpose.RESEARCH: "Research",
    Purpose.TRAINING: "Teaching the models of this clinic",
}


def answered(
    instrument: Instrument, found: Sequence[tuple[str, dict[str, float]]]
) -> list[dict[str, Any]]:
    """Return how a questionnaire was answered, the newest first: total, severity, each answer."""
    rows = []
    for day, values in found:
        total = values.get(instrument.total_code)
        band = next(
            (b.name for b in instrument.bands if total is not None and b.low <= total <= b.high), ""
        )
        answers = [values.get(item.code) for item in instrument.items]
        rows.append({"day": day, "total": total, "band": band, "answers": answers})
    return rows


def _step(form: dict[str, str]) -> str:
    """Return which step of the safety plan a form is about."""
    name = form.get("step", "")
    if name not in dict(SAFETY_STEPS):
        raise SchemaError("there is no such step of the safety plan")
    return name


class Record:
    """The handlers."""

    def __init__(self, site: "Site", desk: Desk) -> None:
        self.site, self.desk = site, desk
        self.episodes: Callable[[SubjectId], tuple[Happening, ...]] = lambda _subject: ()

    def routes(self) -> list[Route]:
        """Return the addresses."""
        base = "/patients/{pid}"
        return [
            Route(f"{base}/timeline", self.timeline, methods=["GET"]),
            Route(f"{base}/measures", self.measures, methods=["GET"]),
            Route(f"{base}/measures", self.add_answers, methods=["POST"]),
            Route(f"{base}/notes", self.add_note, methods=["POST"]),
            Route(f"{base}/plan", self.plan, methods=["GET"]),
            Route(f"{base}/plan", self.add_plan, methods=["POST"]),
            Route(f"{base}/safety", self.safety, methods=["GET"]),
            Route(f"{base}/safety", self.add_safety, methods=["POST"]),
            Route(f"{base}/consent", self.consent, methods=["GET"]),
            Route(f"{base}/consent", self.change_consent, methods=["POST"]),
        ]

    async def opened(self, request: Request, page: str) -> tuple[Visitor, Opened] | Response:
        """Return who asks and the record, or where to sign in."""
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        found = await run_in_threadpool(self.desk.open, visitor, request.path_params["pid"], page)
        return visitor, found

    async def form(self, request: Request) -> tuple[Visitor, dict[str, str]] | Response:
        """Return who sent a form of ours and what is in it; see `sent`."""
        return await sent(self.site, request)

    def shown(
        self,
        template: str,
        visitor: Visitor,
        opened: Opened,
        here: str,
        again: Again = FIRST,
        status: int = 200,
        **more: object,
    ) -> Response:
        """Show one page of a record, with its forms where the visitor may write."""
        return self.site.page(
            template,
            422 if again.refused else status,
            visitor=visitor,
            opened=opened,
            tab=here,
            tabs=TABS,
            refused=again.refused,
            typed=again.typed,
            may_write=self.desk.may_write(visitor, opened),
            **more,
        )

    def back(self, request: Request, page: str) -> Response:
        """Go to the page that shows what was written."""
        return RedirectResponse(f"/patients/{request.path_params['pid']}{page}?kept=1", 303)

    # -- time line -----------------------------------------------------------------------------
    async def timeline(self, request: Request) -> Response:
        """Show all that happened, over one axis and as a table."""
        found = await self.opened(request, "time line")
        if isinstance(found, Response):
            return found
        visitor, opened = found
        episodes = await run_in_threadpool(self.episodes, opened.subject)
        strip = strip_of(opened.view, episodes)
        return self.shown("timeline.html", visitor, opened, "/timeline", strip=strip)

    # -- measures and notes ----------------------------------------------------------------------
    async def measures(self, request: Request, again: Again = FIRST) -> Response:
        """Show every questionnaire with its answers, the notes, and forms for new ones."""
        found = await self.opened(request, "measures and notes")
        if isinstance(found, Response):
            return found
        visitor, opened = found
        known = instruments()
        chosen = known.get(again.typed.get("instrument") or request.query_params.get("fill", ""))
        tables = await run_in_threadpool(self._answered, opened)
        return self.shown(
            "measures.html",
            visitor,
            opened,
            "/measures",
            again,
            tables=[(one, rows) for one, rows in tables if rows],
            without=[one for one, rows in tables if not rows],
            known=list(known.values()),
            chosen=chosen,
            notes=self.desk.texts(opened, NOTE),
            kept=request.query_params.get("kept") == "1",
        )

    def _answered(self, opened: Opened) -> list[tuple[Instrument, list[dict[str, Any]]]]:
        found = []
        for one in instruments().values():
            codes = [*(item.code for item in one.items), one.total_code]
            found.append((one, answered(one, self.desk.answers(opened, codes))))
        return found

    async def add_answers(self, request: Request) -> Response:
        """Keep a questionnaire that somebody of the care team filled in with the patient."""
        found = await self.form(request)
        if isinstance(found, Response):
            return found
        visitor, form = found
        pid = request.path_params["pid"]
        subject = await run_in_threadpool(self.desk.require, visitor, pid, Action.WRITE_RECORD)
        try:
            facts, what = filled_in(instruments(), form).facts, "write questionnaire"
            once = form.get("once", "")
            await run_in_threadpool(self.desk.keep, visitor, subject, facts, what, once)
        except SchemaError as error:
            return await self.measures(request, Again(str(error), form))
        return self.back(request, "/measures")

    async def add_note(self, request: Request) -> Response:
        """Keep a note, signed with the name of who is signed in."""
        return await self._text(request, NOTE, "text", "write note", "/measures")

    # -- plan and safety -------------------------------------------------------------------------
    async def plan(self, request: Request, again: Again = FIRST) -> Response:
        """Show what is agreed, what is suggested and what is prescribed."""
        found = await self.opened(request, "plan")
        if isinstance(found, Response):
            return found
        visitor, opened = found
        plans = self.desk.texts(opened, PLAN)
        return self.shown(
            "plan.html",
            visitor,
            opened,
            "/plan",
            again,
            plans=plans,
            text=again.typed.get("text", unsigned(plans[0][2]) if plans else ""),
            kept=request.query_params.get("kept") == "1",
        )

    async def add_plan(self, request: Request) -> Response:
        """Keep a new version of the plan; the earlier ones stay."""
        return await self._text(request, PLAN, "text", "write plan", "/plan")

    async def safety(self, request: Request, again: Again = FIRST) -> Response:
        """Show answers that speak of self-harm, the safety plan and whom to call."""
        found = await self.opened(request, "safety")
        if isinstance(found, Response):
            return found
        visitor, opened = found
        held = newest(self.desk.texts(opened, SAFETY_PLAN))
        steps = []
        for name, title in SAFETY_STEPS:
            step, mine = held.get(SAFETY_PLAN + name), again.typed.get("step") == name
            text = again.typed.get("text", "") if mine else unsigned(step[1]) if step else ""
            steps.append((name, title, step, text, mine))
        return self.shown(
            "safety.html",
            visitor,
            opened,
            "/safety",
            again,
            asked=await run_in_threadpool(self._asked, opened),
            steps=steps,
            lines=self.site.backend.crisis_lines,
            kept=request.query_params.get("kept") == "1",
        )

    def _asked(self, opened: Opened) -> list[tuple[str, str, float, str, bool]]:
        """Return answers about self-harm: day, questionnaire, points, words, whether grave."""
        found = []
        for one in instruments().values():
            for urgent in one.urgent:
                item = one.items[urgent.item]
                for day, values in self.desk.answers(opened, [item.code]):
                    points = values[item.code]
                    words = next((c.text for c in item.choices if c.value == points), "?")
                    found.append((day, one.title, points, words, points >= urgent.at_least))
        return sorted(found, key=lambda row: row[0], reverse=True)

    async def add_safety(self, request: Request) -> Response:
        """Keep one step of the safety plan."""
        return await self._text(request, SAFETY_PLAN, "text", "write safety plan", "/safety")

    async def _text(
        self, request: Request, code: str, field: str, what: str, page: str
    ) -> Response:
        found = await self.form(request)
        if isinstance(found, Response):
            return found
        visitor, form = found
        pid = request.path_params["pid"]
        await run_in_threadpool(self.desk.require, visitor, pid, Action.WRITE_RECORD)
        try:
            if code == SAFETY_PLAN:
                code += _step(form)
            text = checked_text(form.get(field, ""))
            await run_in_threadpool(self.desk.keep_text, visitor, pid, code, text, what)
        except SchemaError as error:
            page_again = {"/measures": self.measures, "/plan": self.plan, "/safety": self.safety}[
                page
            ]
            return await page_again(request, Again(str(error), form))
        return self.back(request, page)

    # -- consent and access ----------------------------------------------------------------------
    async def consent(
        self, request: Request, again: Again = FIRST, effects: Sequence[str] = ()
    ) -> Response:
        """Show where each switch stands, every decision, who looked, and which models learnt."""
        found = await self.opened(request, "consent and access")
        if isinstance(found, Response):
            return found
        visitor, opened = found
        return self.shown(
            "consent.html",
            visitor,
            opened,
            "/consent",
            again,
            switches=self.desk.switches(opened.subject),
            purposes=PURPOSE_WORDS,
            history=list(reversed(self.desk.clinic.store.grants(opened.subject))),
            lines=await run_in_threadpool(self.desk.who_looked, opened.subject),
            models=self.desk.models_of(opened.subject),
            effects=effects,
        )

    async def change_consent(self, request: Request) -> Response:
        """Record a decision as the patient told it, with the reason."""
        found = await self.form(request)
        if isinstance(found, Response):
            return found
        visitor, form = found
        pid = request.path_params["pid"]
        subject = await run_in_threadpool(self.desk.require, visitor, pid, Action.CHANGE_CONSENT)
        try:
            because = checked_text(form.get("because", ""))[:200]
            permit = form.get("permit") == "1"
            purpose = form.get("purpose", "")
            effects = await run_in_threadpool(
                lambda: self.desk.decide(visitor, subject, purpose, permit=permit, because=because)
            )
        except SchemaError as error:
            return await self.consent(request, Again(str(error), form))
        return await self.consent(request, effects=effects or ["it holds from now on"])
