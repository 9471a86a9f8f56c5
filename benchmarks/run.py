"""Run the claims: `python benchmarks/run.py [NAME]` prints one JSON line a claim.

A claim is measured by a module of this folder with a function `run()` that yields dicts with the
keys `name, ours, peer, peer_name, unit, ratio, goal`: ours and a named peer on the same input, in
one run. `met` says whether the ratio, as measured, reaches the goal (null: no goal was set). The
ratio is then printed with three figures, cut and not rounded: 0.9996 never reads as 1. Other keys
say what else matters.
"""

import importlib
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KEYS = ("name", "ours", "peer", "peer_name", "unit", "ratio", "goal")


def modules(only: str | None) -> Iterator[str]:
    """Yield the names of the files that measure a claim."""
    for path in sorted(HERE.glob("*.py")):
        if "\ndef run(" in path.read_text(encoding="utf-8") and only in {None, path.stem}:
            yield path.stem


def judged(claim: dict[str, Any]) -> dict[str, Any]:
    """Return a claim as it is printed: `met` by the ratio as measured, then the ratio cut short."""
    goal, ratio = claim["goal"], claim["ratio"]
    met = None if goal is None else bool(ratio >= goal)
    said = claim | {"ratio": None if ratio is None else cut(ratio)}
    return {key: said[key] for key in KEYS} | {"met": met} | said


def cut(ratio: float, figures: int = 3) -> float:
    """Return the largest number of so many figures that is not above a positive ratio."""
    places = figures - 1 - math.floor(math.log10(ratio))
    held = round(ratio, places)
    return held if held <= ratio else round(held - 10.0**-places, places)


def main(arguments: list[str]) -> int:
    only = arguments[0] if arguments else None
    sys.path.insert(0, str(HERE))
    sys.path.insert(0, str(HERE.parent / "src"))
    names = list(modules(only))
    if not names:
        known = ", ".join(modules(None))
        print(f"no benchmark is called {only!r}; there are: {known}", file=sys.stderr)
        return 2
    for name in names:
        for claim in importlib.import_module(name).run():
            print(json.dumps(judged(claim)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
