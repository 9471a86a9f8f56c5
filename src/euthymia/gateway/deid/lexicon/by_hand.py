"""The word lists written by hand (`by_hand.toml`, `well_known.toml`)."""

import tomllib
from functools import cache
from importlib import resources


@cache
def _lists() -> dict[str, str]:
    folder = resources.files(__package__)
    out: dict[str, str] = {}
    for name in ("by_hand.toml", "well_known.toml"):
        out |= tomllib.loads(folder.joinpath(name).read_text("utf-8"))
    return out


def words(name: str) -> frozenset[str]:
    """Return the words of one list; those of a list with `|` may hold blanks."""
    text = _lists()[name]
    parts = text.replace("\n", " ").split("|") if "|" in text else text.split()
    return frozenset(p.strip() for p in parts) - {""}
