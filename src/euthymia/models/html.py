"""Figures and tables of reports as HTML. Everything is escaped."""

from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from euthymia.evaluation.estimate import Estimate

DASH: Final = "\N{EN DASH}"  # not defined, or not shown


def number(value: float | None, digits: int = 2) -> str:
    """Return a figure as text; a dash where it is not defined."""
    return DASH if value is None or not np.isfinite(value) else f"{value:.{digits}f}"


def span(value: Estimate | None, digits: int = 2) -> str:
    """Return an estimate with its interval as text."""
    if value is None:
        return DASH
    low, high = number(value.low, digits), number(value.high, digits)
    return f"{number(value.estimate, digits)} ({low} to {high})"


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], numeric: int = 1, words: int = 0
) -> str:
    """Return a table; columns from `numeric` on are numbers, but for the last `words`."""

    def cell(tag: str, place: int, text: str) -> str:
        kind = ' class="n"' if numeric <= place < len(head) - words else ""
        scope = ' scope="col"' if tag == "th" else ""
        return f"<{tag}{kind}{scope}>{escape(text)}</{tag}>"

    header = "".join(cell("th", i, text) for i, text in enumerate(head))
    body = "".join(
        f"<tr>{''.join(cell('td', i, text) for i, text in enumerate(row))}</tr>" for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="table">'
        f"<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>"
    )
