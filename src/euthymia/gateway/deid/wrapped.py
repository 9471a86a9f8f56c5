"""Lines that were cut at a width: a name cut in two by such a line end is one name."""

import itertools
import re
from typing import Final

_WORD: Final = re.compile(r"\S+")
_WIDEST: Final = 100
_NARROWEST: Final = 40


def unwrapped(text: str) -> str:
    """Return the text with a blank for each line end that only the width of the page put there.

    Every character keeps its place. A line end is the page's where the next line's first word would
    not have fitted on the line, in a text whose longest line is 40 to 100 characters wide.
    """
    lines = text.split("\n")
    width = max(map(len, lines))
    if len(lines) < 2 or not _NARROWEST <= width <= _WIDEST:
        return text
    out = [lines[0]]
    for before, line in itertools.pairwise(lines):
        first = _WORD.match(line)
        full = len(before) >= _NARROWEST and first is not None
        cut = full and first is not None and len(before) + 1 + first.end() > width
        out.append((" " if cut else "\n") + line)
    return "".join(out)
