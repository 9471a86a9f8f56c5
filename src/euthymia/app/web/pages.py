"""The pages of one clinic, as a Starlette application: sign in, worklist, patient, models."""

import logging
import secrets
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from euthymia.app.web import charts
from euthymia.app.web.contract import ORDERS, OWNERS, VIEWS, Backend, Filter, Visitor
from euthymia.app.web.crisis import Crisis
from euthymia.app.web.door import Door
from euthymia.app.web.glass import Glass
from euthymia.app.web.guard import (
    RENEWED,
    SafeHeaders,
    clear_session,
    code_of,
    cookie_name,
    put_cookie,
    read_form,
    require_csrf,
    require_same_origin,
    set_session,
)
from euthymia.app.web.live import Live, by_itself
from euthymia.app.web.record import TABS
from euthymia.app.web.rendering import render, static_files
from euthymia.app.web.speech import COOKIE, Spoken, chosen, here
from euthymia.app.web.sso import Sso
from euthymia.care.timeline import Trend, groups_of, most_telling
from euthymia.ground.errors import (
    AccessError,
    BusyError,
    ConsentError,
    EuthymiaError,
    IntegrityError,
    LedgerError,
    MissingError,
)
from euthymia.security.policy import Action

TRENDS_FIRST: Final = 6  # as many as a screen holds; the others are one click away
_STATUS: Final[tuple[tuple[type[EuthymiaError], int], ...]] = (
    (AccessError, 403),
    (MissingError, 404),
    (ConsentError, 403),
    (BusyError, 503),
    (IntegrityError, 503),
    (LedgerError, 503),
)
log = logging.getLogger("euthymia.web")

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_ERRORS: Final = {
    400: ("This request cannot be read", "Go back and try again."),
    403: (
        "This is not open to you",
        "Your role does not include this page, or the form was not sent from this site.",
    ),
    404: (
        "There is nothing here for you",
        (
            "The address is wrong, or belongs to a patient who is not in your care. Should you be "
            "in this patient's care team? Then ask your administrator."
        ),
    ),
    405: ("This address does not take that", "Go back and use the buttons of the page."),
    500: (
        "Something failed on our side",
        "Nothing was changed. Try again; if it stays, give your administrator the reference below.",
    ),
    503: (
        "The clinic's records cannot be reached",
        "Nothing is shown without a durable entry in the ledger. Try again in a minute.",
    ),
}


@dataclass(frozen=True, slots=True)
class Way:
    """A page of the main menu."""

    address: str
    name: str
    title: str
    action: Action
    only: str = ""  # the one role whose page it is


_WAYS: Final = (
    Way("/me", "me", "My page", Action.WRITE_RECORD, "patient"),
    Way("/", "worklist", "Worklist", Action.VIEW_WORKLIST),
    Way("/alerts", "alerts", "Alerts", Action.VIEW_WORKLIST),
    Way("/emergencies", "emergencies", "Emergencies", Action.VIEW_EMERGENCIES),
    Way("/models", "models", "Models", Action.VIEW_MODELS),
    Way("/quality", "quality", "Quality", Action.VIEW_QUALITY),
    Way("/alert-policy", "alert-policy", "Alert policy", Action.VIEW_QUALITY),
)


class Site:
    """The handlers. One backend; no state of its own."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    # -- shared ------------------------------------------------------------------------------
    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """Render a page with what every page shows."""
        values.setdefault("visitor", None)
        visitor = values["visitor"]
        shared: dict[str, object] = {
            "clinic": self.backend.clinic_name,
            "simulated": self.backend.simulated,
            "zone": self.backend.zone,
            "ways": (),
            "unseen": 0,
            "back": here(),
        }
        if isinstance(visitor, Visitor):
            shared["ways"] = self.ways_of(visitor)
            if self.backend.may(visitor.role, Action.VIEW_EMERGENCIES):
                shared["unseen"] = self.backend.emergencies.unseen()
        text = render(template, shared | values)
        return HTMLResponse(text, status)

    def ways_of(self, visitor: Visitor) -> tuple[Way, ...]:
        """Return the pages of the main menu that the visitor may see, the first one first."""
        return tuple(
            way
            for way in _WAYS
            if way.only in {"", visitor.role} and self.backend.may(visitor.role, way.action)
        )

    async def visitor(self, request: Request) -> Visitor | None:
        """Return who is signed in."""
        token = request.cookies.get(cookie_name(request))
        if not token:
            return None
        try:
            visitor = await run_in_threadpool(self.backend.visitor, token)
        except AccessError:
            return None
        if visitor.renewed and not by_itself(request):
            request.scope[RENEWED] = visitor.renewed
        return visitor

    def to_sign_in(self, request: Request) -> Response:
        """Send somebody who is not signed in to the page that says how."""
        if request.headers.get("hx-request"):
            return Response(status_code=204, headers={"hx-redirect": "/signin"})
        return RedirectResponse("/signin", 303)

    # -- signing in and out --------------------------------------------------------------------
    async def sign_in(self, request: Request) -> Response:
        """Show the ways to sign in, or take the code of a link that works once."""
        if request.method == "POST":
            return await self.redeem(request)
        leave = ""
        if request.query_params.get("out") == "1" and self.backend.oidc is not None:
            back = Sso(Door(self)).here(request, "/signin")
            with suppress(EuthymiaError):  # unreachable: then there is no link
                found = await run_in_threadpool(self.backend.oidc.sign_out_address, back)
                leave = found or ""
        return self.sign_in_page(request, leave=leave)

    def sign_in_page(
        self,
        request: Request,
        status: int = 200,
        *,
        refused: str = "",
        leave: str = "",
    ) -> Response:
        """Show the ways to sign in."""
        minutes = int(self.backend.sessions.idle.total_seconds() // 60)
        keys = Door(self).passkeys(request)
        return self.page(
            "signin.html",
            status,
            refused=refused,
            idle=minutes,
            enrolled=request.query_params.get("enrolled") == "1",
            leave=leave,
            provider=self.backend.oidc.name if self.backend.oidc else "",
            passkey=keys and keys.request(),
        )

    async def redeem(self, request: Request) -> Response:
        """Use up the code and open a session of one shift."""
        require_same_origin(request)
        form = await read_form(request)
        try:
            token, _ = await run_in_threadpool(self.backend.sign_in, code_of(form))
        except AccessError as error:
            return self.sign_in_page(request, 403, refused=f"the link does not hold: {error}")
        response = RedirectResponse("/", 303)
        set_session(request, response, token)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session here and on the server."""
        require_same_origin(request)
        visitor = await self.visitor(request)
        if visitor is not None:
            require_csrf(await read_form(request), visitor.csrf)
            await run_in_threadpool(self.backend.sign_out, visitor)
        response = RedirectResponse("/signin?out=1", 303)
        clear_session(request, response)
        return response

    async def choose_language(self, request: Request) -> Response:
        """Keep the language chosen, and go back."""
        require_same_origin(request)
        spoken, back = chosen(await read_form(request))
        response = RedirectResponse(back, 303)
        put_cookie(request, response, COOKIE, spoken, 31_536_000, "lax")
        return response

    # -- pages -----------------------------------------------------------------------------------
    async def worklist(self, request: Request) -> Response:
        """Show who should be looked at; a filter's request gets the list alone."""
        visitor = await self.visitor(request)
        if visitor is None:
            return self.to_sign_in(request)
        ways = self.ways_of(visitor)
        if ways and ways[0].address != "/":
            return RedirectResponse(ways[0].address, 303)
        wanted = Filter.read(dict(request.query_params))
        shown = await run_in_threadpool(self.backend.worklist, visitor, wanted)
        part = request.headers.get("hx-request") == "true"
        return self.page(
            "_list.html" if part else "worklist.html",
            visitor=visitor,
            shown=shown,
            wanted=wanted,
            views=VIEWS,
            owners=OWNERS,
            orders=ORDERS,
            view_link=lambda view: _link(wanted, view),
            page_link=lambda page: _link(wanted, wanted.view, page),
        )

    async def patient(self, request: Request) -> Response:
        """Show one person."""
        visitor = await self.visitor(request)
        if visitor is None:
            return self.to_sign_in(request)
        pid = request.path_params["pid"]
        shown = await run_in_threadpool(self.backend.patient, visitor, pid)
        view = shown.view
        groups = groups_of(view.trends)
        asked = request.query_params.get("group", "")
        chosen = next((group for group in groups if group.title == asked), None)

        def draw(
            trends: Sequence[Trend],
        ) -> list[tuple[Trend, charts.Chart, tuple[charts.Week, ...]]]:
            return [(t, charts.trend_chart(t, view), charts.weeks(t, view.today)) for t in trends]

        return self.page(
            "patient.html",
            tabs=TABS,
            visitor=visitor,
            shown=shown,
            view=view,
            scores=[(series, charts.score_chart(series, view)) for series in view.scores],
            trends=draw(most_telling(view.trends, TRENDS_FIRST)),
            groups=groups,
            chosen=chosen,
            chosen_trends=draw(chosen.trends if chosen else ()),
            describe=charts.describe,
        )

    async def models(self, request: Request) -> Response:
        """Show what is released, with its figures and what is not proven."""
        visitor = await self.visitor(request)
        if visitor is None:
            return self.to_sign_in(request)
        notes = await run_in_threadpool(self.backend.models, visitor)
        return self.page("models.html", visitor=visitor, notes=notes)

    async def static(self, request: Request) -> Response:
        """Serve our own files; an address with the file's digest may be kept for ever."""
        path = request.path_params["path"]
        found = static_files().get(path)
        if found is None:
            raise HTTPException(404)
        raw, digest = found
        kind = _TYPES.get(path.rpartition(".")[2], "application/octet-stream")
        keep = request.query_params.get("v") == digest
        cache = "public, max-age=31536000, immutable" if keep else "no-cache"
        return Response(raw, media_type=kind, headers={"cache-control": cache})

    # -- refusals and failures -----------------------------------------------------------------
    def refusal(self, status: int, reference: str = "", visitor: Visitor | None = None) -> Response:
        """Show a page that says what to do, and nothing of anybody."""
        title, advice = _ERRORS.get(status, _ERRORS[400])
        glass = visitor is not None and self.backend.may(visitor.role, Action.BREAK_GLASS)
        told = {
            "title": title,
            "advice": advice,
            "reference": reference,
            "back": "/",  # the page that is not there says nothing of what was asked for
            "may_break_glass": glass and status == 404,
        }
        return self.page("error.html", status, visitor=visitor, **told)

    async def on_http(self, request: Request, error: Exception) -> Response:
        """Tell an unknown address or method."""
        assert isinstance(error, HTTPException)
        return self.refusal(error.status_code, visitor=await self.visitor(request))

    async def on_refusal(self, request: Request, error: Exception) -> Response:
        """Tell a refusal. An unknown patient and one who is somebody else's are the same."""
        status = next(code for kind, code in _STATUS if isinstance(error, kind))
        known = None if status == 503 else await self.visitor(request)
        return self.refusal(status, visitor=known)

    def failed(self, error: Exception) -> Response:
        """Tell that we failed. The log has where, under the same reference, and no value."""
        reference = secrets.token_hex(4)
        frames = [f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
        log.error("page %s: %s at %s", reference, type(error).__name__, " > ".join(frames[-8:]))
        return self.refusal(500, reference)


class LastResort:
    """The top of the pages: whatever went wrong below becomes a page that leaks nothing."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self.app, self.site = app, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on; answer in its stead if it fails before it began to answer."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001 - the very top of the pages
            page = self.site.failed(error)
            if not started:
                await page(scope, receive, send)


def _link(wanted: Filter, view: str, page: int = 1) -> str:
    """Return the address of another view or page with the same text and owner."""
    asked = {"view": view, "q": wanted.text, "owner": wanted.owner, "page": str(page)}
    asked["order"] = wanted.order
    defaults = {"view": "open", "q": "", "owner": "all", "page": "1", "order": "urgency"}
    query = urlencode({key: value for key, value in asked.items() if value != defaults[key]})
    return f"/?{query}" if query else "/"


def build_site(backend: Backend) -> Starlette:
    """Return the pages of a clinic, to be mounted at the root of its server."""
    site = Site(backend)
    handlers: dict[Any, Any] = {kind: site.on_refusal for kind, _ in _STATUS}
    return Starlette(
        routes=[
            Route("/", site.worklist, methods=["GET"]),
            Route("/signin", site.sign_in, methods=["GET", "POST"]),
            Route("/language", site.choose_language, methods=["POST"]),
            Route("/signout", site.sign_out, methods=["POST"]),
            Route("/patients/{pid}", site.patient, methods=["GET"]),
            Route("/models", site.models, methods=["GET"]),
            *Door(site).routes(),
            *Glass(site).routes(),
            *Live(site).routes(),
            *Crisis(site).routes(),
            *backend.more(site),
            Route("/static/{path:path}", site.static, methods=["GET"]),
        ],
        middleware=[Middleware(SafeHeaders), Middleware(Spoken), Middleware(LastResort, site=site)],
        exception_handlers=handlers | {HTTPException: site.on_http},
    )
