"""Run the claims: `python benchmarks/run.py [NAME]` prints one JSON line a claim.

A claim is measured by a module of this folder with a function `run()` that yields dicts with the
keys `name, ours, peer, peer_name, unit, ratio, goal`: ours and a named peer on the same input, in
one run. `met` says whether the ratio reaches the goal (null: no goal was set); other keys say what
else matters.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEYS = ("name", "ours", "peer", "peer_name", "unit", "ratio", "goal")


def modules(only: str | None) -> Iterator[str]:
    """Yield the names of the files that measure a claim."""
    for path in sorted(HERE.glob("*.py")):
        if "\ndef run(" in path.read_text(encoding="utf-8") and only in {None, path.stem}:
            yield path.stem


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
            goal, ratio = claim["goal"], claim["ratio"]
            met = None if goal is None else ratio >= goal
            print(json.dumps({key: claim[key] for key in KEYS} | {"met": met} | claim), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
