"""The crisis page: one self-contained file, without a script and without anything behind it.

Served at `/crisis` without signing in, and written by `euthymia crisis-page` for a clinic to put on
any web server, a phone or paper: it must be there when this one is not.
"""

import base64
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from euthymia.app.web.speech import words_of

if TYPE_CHECKING:
    from euthymia.app.web.pages import Site

KEPT: Final = "public, max-age=86400, stale-if-error=31536000"
CRISIS_PATH: Final = "/crisis"


def _file(folder: str, name: str) -> str:
    return (files("euthymia.app.web") / folder / name).read_text(encoding="utf-8")


def crisis_page(clinic: str, lines: Sequence[tuple[str, str]], *, simulated: bool = False) -> str:
    """Return the page as one HTML file, in every language of the pages."""
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = made.from_string(_file("templates", "crisis.html"))
    tongues = [(code, words_of(code).say) for code in ("en", "es")]
    style = _file("static", "crisis.css")
    return template.render(
        clinic=clinic, lines=lines, tongues=tongues, style=style, simulated=simulated
    )


def style_policy() -> str:
    """Return a policy that lets the page's own style in, by its digest, and nothing else."""
    digest = sha256(_file("static", "crisis.css").encode()).digest()
    named = base64.b64encode(digest).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{named}'; frame-ancestors 'none'; "
        "base-uri 'none'; object-src 'none'"
    )


class Crisis:
    """The handler."""

    def __init__(self, site: "Site") -> None:
        self.site = site

    def routes(self) -> list[Route]:
        """Return the address."""
        return [Route(CRISIS_PATH, self.crisis, methods=["GET"])]

    async def crisis(self, request: Request) -> Response:  # noqa: ARG002
        """Show whom to call: to anybody, signed in or not."""
        backend = self.site.backend
        text = crisis_page(backend.clinic_name, backend.crisis_lines, simulated=backend.simulated)
        headers = {"cache-control": KEPT, "content-security-policy": style_policy()}
        return HTMLResponse(text, headers=headers)
