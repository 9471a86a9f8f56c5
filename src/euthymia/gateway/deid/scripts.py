"""Names in other scripts: what is not in Latin letters, in a note that is, names somebody."""

# ruff: noqa: RUF001 - ranges of letters and the signs between them

import re
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span

_OTHER: Final = (
    "\u0370-\u03ff\u0400-\u052f\u0531-\u058f\u0591-\u05f4\u0610-\u06ff\u0710-\u07ff\u0840-\u08ff"
    "\u0900-\u0fff\u1000-\u1cff\u1f00-\u1fff\u2d00-\u2dff\u2e80-\u2fdf\u3005-\u3007\u3041-\u31ff"
    "\u3400-\u9fff\ua000-\ua6ff\ua840-\uabff\uac00-\ud7ff\uf900-\ufaff\ufb13-\ufdff\ufe70-\ufefc"
    "\U00010000-\U0001efff\U00020000-\U0003ffff"
)
"""Letters and the marks over and under them of all scripts that are not Latin."""
_DENSE: Final = re.compile(
    "[\u2e80-\u2fdf\u3041-\u31ff\u3400-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Scripts of which one sign is a name."""
_JOINT: Final = "[ \u00a0·・.'’\u200c\u200d-]"
_RUN: Final = re.compile(f"[{_OTHER}]+(?:{_JOINT}{{1,2}}[{_OTHER}]+)*")
_UNITS: Final = frozenset("μµΩωαβγδεκλπσΔΣφχψθτρ")
"""Greek letters that stand for a unit, a sign of statistics or a subtype when they stand alone."""
_EXPECTED: Final = re.compile(f"[{_OTHER}]")


def script_spans(text: str) -> list[Span]:
    """Return every stretch of another script as somebody's name; single Greek letters stay."""
    if text.isascii() or _EXPECTED.search(text) is None:
        return []
    out: list[Span] = []
    for match in _RUN.finditer(text):
        start, end = match.span()
        letters = [c for c in match.group() if c.isalpha()]
        if not letters:
            continue
        single = len(letters) == 1 and _DENSE.match(letters[0]) is None
        if single and (letters[0] in _UNITS or not match.group().strip().isalpha()):
            continue
        if all(c in _UNITS for c in letters) and len(letters) < 3:
            continue
        out.append(Span(start, end, Kind.PERSON, 0.9, "rule:script"))
    return out
