"""Lines that were cut at a width: a name cut in two by such a line end is one name."""

import re
from itertools import pairwise
from typing import Final

_WORD: Final = re.compile(r"\S+")
_WIDEST: Final = 100
_NARROWEST: Final = 40
_NARROW: Final = 24


def unwrapped(text: str) -> str:
    """Return the text with a blank for each line end that only the width of the page put there.

    Every character keeps its place. A line end is the page's where the next line's first word would
    not have fitted on the line, in a text whose longest line is 40 to 100 characters wide and that
    has two such line ends at least; in a narrower one most line ends must be such.
    """
    lines = text.split("\n")
    width = max(map(len, lines))
    if len(lines) < 2 or not _NARROW <= width <= _WIDEST:
        return text
    least = min(width // 2, _NARROWEST)
    cuts = [_cut(before, line, width, least) for before, line in pairwise(lines)]
    if sum(cuts) < 2 or (width < _NARROWEST and sum(cuts) < max(3, 0.6 * len(cuts))):
        return text
    return lines[0] + "".join(
        (" " if cut else "\n") + line for cut, line in zip(cuts, lines[1:], strict=True)
    )


def _cut(before: str, line: str, width: int, least: int) -> bool:
    """Tell whether the first word of `line` would not have fitted on the line before."""
    first = _WORD.match(line)
    return first is not None and len(before) >= least and len(before) + 1 + first.end() > width
