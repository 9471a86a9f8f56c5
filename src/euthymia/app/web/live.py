"""News for an open worklist, by server-sent events: that something changed, and never what.

Something changed where something was stored, and where the hour alone did it: an alert went on to
the next person, a snooze ended, nothing was scored for too long.

A browser that hears it asks for the list again as the visitor, so the same rules and the same
entries in the ledger hold. A page that asks by itself does not keep its session alive.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from euthymia.ground.errors import AccessError
from euthymia.security.policy import Action

if TYPE_CHECKING:
    from euthymia.app.web.pages import Site

LOOK_S: Final = 1.0  # how often the store is asked whether anything was committed
QUIET_S: Final = 5.0  # at least so long between two pieces of news: an import commits often
LENGTH_S: Final = 60.0  # then the browser asks again, and is asked who it is
RETRY_MS: Final = 3000
BY_ITSELF: Final = "x-by-itself"


def by_itself(request: Request) -> bool:
    """Tell whether the page asked and nobody clicked: that does not prolong a session."""
    return request.headers.get(BY_ITSELF) == "1" or request.url.path == "/worklist/changes"


class Live:
    """The stream of changes."""

    def __init__(self, site: "Site") -> None:
        self.site = site
        self.backend = site.backend
        self._held: tuple[float, str] | None = None

    def routes(self) -> list[Route]:
        """Return the address."""
        return [Route("/worklist/changes", self.changes, methods=["GET"])]

    async def changes(self, request: Request) -> Response:
        """Stream events; without asking for a stream, only the present state."""
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        if not self.backend.may(visitor.role, Action.VIEW_WORKLIST):
            raise AccessError("this role has no worklist")
        follow = "text/event-stream" in request.headers.get("accept", "")
        return StreamingResponse(
            self._events(request, follow=follow), media_type="text/event-stream"
        )

    async def _events(self, request: Request, *, follow: bool) -> AsyncIterator[str]:
        state = await self._news()
        yield f"retry: {RETRY_MS}\nevent: state\ndata: {state}\n\n"
        loop = asyncio.get_running_loop()
        begun = told = loop.time()
        while follow and loop.time() - begun < LENGTH_S:
            await asyncio.sleep(LOOK_S)
            if await request.is_disconnected():
                return
            now = await self._news()
            if now != state and loop.time() - told >= QUIET_S:
                if await self.site.visitor(request) is None:
                    return  # signed out, or disabled, since: nothing more is told
                state, told = now, loop.time()
                yield f"event: changed\ndata: {state}\n\n"

    async def _news(self) -> str:
        """Return the state of the lists: looked at once for all who listen."""
        now = asyncio.get_running_loop().time()
        if self._held is None or now - self._held[0] >= LOOK_S / 2:
            self._held = now, await run_in_threadpool(self.backend.news)
        return self._held[1]
