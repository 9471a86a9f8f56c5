"""A form that was sent: who sent it, what is in it, and that nothing typed is lost."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response

from euthymia.app.entries import filled_in
from euthymia.app.web.contract import Visitor
from euthymia.app.web.guard import LONG_FORM, read_form, require_csrf, require_same_origin
from euthymia.ground.errors import AccessError, SchemaError
from euthymia.instruments.catalogue import instruments

if TYPE_CHECKING:
    from euthymia.app.web.pages import Site

_ANSWER: Final = re.compile(r"a[0-9]{1,3}")
FIELDS: Final = 40  # the longest questionnaire, with room
TYPED: Final = {
    "text": "What was written",
    "words": "In your own words",
    "because": "What the patient said, and how",
    "why": "Reason",
    "avoid": "To avoid",
    "prefer": "Preferred",
    "ruled_out": "Ruled out by the clinician",
}
"""Fields that somebody types into, with their names; the others are chosen or go along unseen."""


@dataclass(frozen=True, slots=True)
class Again:
    """A form that is shown again: why it was refused, and what was typed into it."""

    refused: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)


FIRST: Final = Again()


async def sent(site: "Site", request: Request) -> tuple[Visitor, dict[str, str]] | Response:
    """Return who sent a form of ours and what is in it.

    Where the session is over, or the form is an earlier session's, nothing is done; a page of this
    very browser gives back what was typed, to be copied.
    """
    require_same_origin(request)
    visitor = await site.visitor(request)
    form = await read_form(request, most=LONG_FORM, fields=FIELDS)
    own = request.url.path.startswith("/me")
    if visitor is None:
        return _given_back(site, form, 401, own=own)
    try:
        require_csrf(form, visitor.csrf)
    except AccessError:
        return _given_back(site, form, 403, visitor, own=own)
    return visitor, form


def _given_back(
    site: "Site",
    form: Mapping[str, str],
    status: int,
    visitor: Visitor | None = None,
    *,
    own: bool,
) -> Response:
    """Return a page that says that nothing was done, with what was typed.

    A patient whose own answers did not arrive (`own`) is told whom to call where they are grave:
    nobody else has seen them.
    """
    lines = [(name, form[key]) for key, name in TYPED.items() if form.get(key, "").strip()]
    given = sorted((_number(key), value) for key, value in form.items() if _number(key) and value)
    answers = ", ".join(f"{number}: {value}" for number, value in given)
    return site.page(
        "unsent.html",
        status,
        visitor=visitor,
        lines=lines,
        answers=answers,
        grave=own and _grave(form),
        crisis=site.backend.crisis_lines,
    )


def _grave(form: Mapping[str, str]) -> bool:
    """Tell whether the answers of a form would have been told to the care team at once."""
    with suppress(SchemaError):
        return bool(filled_in(instruments(), dict(form)).scored.urgent)
    return False


def _number(key: str) -> int:
    """Return which answer a field is ("a3" is 3); 0 for any other field."""
    return int(key[1:]) if _ANSWER.fullmatch(key) else 0
