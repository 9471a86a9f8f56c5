"""Breaking the glass, and the supervisor's page of who did."""

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from euthymia.app.web.contract import Visitor
from euthymia.app.web.forms import sent
from euthymia.ground.errors import AccessError, MissingError
from euthymia.security.policy import Action

if TYPE_CHECKING:
    from euthymia.app.web.pages import Site


class Glass:
    """The handlers of emergencies."""

    def __init__(self, site: "Site") -> None:
        self.site = site
        self.backend = site.backend

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/emergency", self.emergency, methods=["GET", "POST"]),
            Route("/emergency/end", self.end, methods=["POST"]),
            Route("/emergencies", self.emergencies, methods=["GET"]),
            Route("/emergencies/seen", self.seen, methods=["POST"]),
        ]

    def _require(self, visitor: Visitor, action: Action) -> None:
        if not self.backend.may(visitor.role, action):
            raise AccessError("this role may not do this")

    def _asked(
        self, visitor: Visitor, patient: str, refused: str = "", reason: str = ""
    ) -> Response:
        self._require(visitor, Action.BREAK_GLASS)
        account = self.backend.accounts.file.now().accounts.get(visitor.user)
        return self.site.page(
            "emergency.html",
            422 if refused else 200,
            visitor=visitor,
            patient=patient,
            reason=reason,
            refused=refused,
            minutes=self.backend.emergencies.minutes,
            provable=account is not None and bool(account.totp),
        )

    async def emergency(self, request: Request) -> Response:
        """Ask for patient, reason and second factor; open the patient if they hold."""
        if request.method == "GET":
            who = await self.site.visitor(request)
            if who is None:
                return self.site.to_sign_in(request)
            return self._asked(who, request.query_params.get("patient", "")[:80])
        found = await sent(self.site, request)
        if isinstance(found, Response):
            return found
        visitor, form = found
        patient = form.get("patient", "").strip()[:200]
        try:
            opened = await run_in_threadpool(
                self.backend.break_glass,
                visitor,
                patient,
                form.get("why", ""),
                form.get("otp", ""),
            )
        except (AccessError, MissingError) as error:
            return self._asked(visitor, patient, str(error), form.get("why", "")[:500])
        return RedirectResponse(f"/patients/{opened.subject}", 303)

    async def end(self, request: Request) -> Response:
        """End an emergency of one's own."""
        found = await sent(self.site, request)
        if isinstance(found, Response):
            return found
        visitor, form = found
        end = self.backend.emergencies.end
        await run_in_threadpool(end, visitor.actor, form.get("number", ""))
        return RedirectResponse("/", 303)

    async def emergencies(self, request: Request) -> Response:
        """Show the supervisor who broke the glass, and why."""
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        shown = await run_in_threadpool(self.backend.list_emergencies, visitor)
        now = self.backend.accounts.second
        return self.site.page("emergencies.html", visitor=visitor, shown=shown, now=now)

    async def seen(self, request: Request) -> Response:
        """Note that the supervisor has read one."""
        found = await sent(self.site, request)
        if isinstance(found, Response):
            return found
        visitor, form = found
        self.backend.require(visitor, Action.VIEW_EMERGENCIES)
        see = self.backend.emergencies.see
        await run_in_threadpool(see, visitor.actor, form.get("number", ""))
        return RedirectResponse("/emergencies", 303)
