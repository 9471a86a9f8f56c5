"""Signing in through the hospital's own provider: there, and back."""

from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from euthymia.app.oidc import SIGN_IN_WITHIN, Oidc
from euthymia.app.web.guard import bound, drop_cookie, put_cookie, set_session
from euthymia.ground.errors import AccessError, BusyError, MissingError

if TYPE_CHECKING:
    from euthymia.app.web.door import Door

CALLBACK = "/signin/oidc/callback"
_COOKIE: Final = "euthymia-sso"


class Sso:
    """The handlers of the provider's way in."""

    def __init__(self, door: "Door") -> None:
        self.door = door
        self.backend = door.site.backend

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/signin/oidc", self.begin, methods=["GET"]),
            Route(CALLBACK, self.back, methods=["GET"]),
        ]

    def _provider(self) -> Oidc:
        if self.backend.oidc is None:
            raise MissingError("no provider is configured")
        return self.backend.oidc

    def here(self, request: Request, path: str) -> str:
        """Return an address of ours as the browser sees it."""
        public = self.backend.public_url
        if public:
            return public.rstrip("/") + path
        return f"{request.url.scheme}://{request.headers.get('host', '')}{path}"

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider, with a ticket in a cookie."""
        here = self.here(request, CALLBACK)
        ticket, address = await run_in_threadpool(self._provider().begin, here)
        response = RedirectResponse(address, 303)
        seconds = int(SIGN_IN_WITHIN.total_seconds())
        # "lax": the provider sends the browser back from its own site
        put_cookie(request, response, _COOKIE, ticket, seconds, "lax")
        return response

    async def back(self, request: Request) -> Response:
        """Take the provider's answer and open a session."""
        site, provider = self.door.site, self._provider()
        ticket = request.cookies.get(bound(request, _COOKIE), "")
        answer, here = dict(request.query_params), self.here(request, CALLBACK)
        began = self.backend.accounts.second
        try:
            who = await run_in_threadpool(provider.finish, ticket, answer, here)
            token, _ = await run_in_threadpool(
                self.door.sessions.open, who.user, who.role, who.proofs, began
            )
        except (AccessError, BusyError) as error:
            return site.sign_in_page(request, 403, refused=str(error))
        detail = {"outcome": "signed in", "kind": "provider"}
        actor = (await run_in_threadpool(self.door.sessions.visitor, token)).actor
        await run_in_threadpool(self.backend.accounts.tell, actor, "sign in", detail)
        # a page of ours between: the browser comes from another site, and the session's cookie is
        # not sent along on such a way
        response = site.page("arrived.html")
        set_session(request, response, token)
        drop_cookie(request, response, _COOKIE, "lax")
        return response
