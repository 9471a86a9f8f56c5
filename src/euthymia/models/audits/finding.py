"""What an audit finds: what it is, how grave, in which columns, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Weight = Literal["stop", "warn", "note"]
"""stop: no figure from this table is evidence until it is mended; warn: look; note: know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. `lines` are lines of the file (the header is line 1), where rows matter."""

    kind: str
    weight: Weight
    columns: tuple[str, ...]
    words: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[tuple[int, int], ...] = ()


def verdict(found: Sequence[Finding]) -> str:
    """Say what findings on the columns come to."""
    weights = {f.weight for f in found}
    if "stop" in weights:
        return "not evidence until mended"
    return "look at what was found" if "warn" in weights else "nothing found in the columns"
