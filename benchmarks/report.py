"""Claims as a table, and where their time goes: `run.py hrv | python benchmarks/report.py`.

Reads the JSON lines that `run.py` prints, and writes Markdown: a row a claim, then what each part
of those takes that tell their parts.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

HEAD = ("claim", "ours", "beside", "ratio", "goal", "met", "peak MB (theirs)", "first call")
PARTS = {"ms_by_family": "ms", "us_by_measure": "us"}
SHARE = 0.01  # parts below it are summed up


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else "" if value is None else str(value)


def _cells(claim: dict[str, Any]) -> tuple[str, ...]:
    peer = f"{_number(claim['peer'])} {claim['peer_name'] or ''}".strip()
    peak = _number(claim.get("peak_mb"))
    theirs = _number(claim.get("peer_peak_mb"))
    met = {True: "yes", False: "no", None: ""}[claim["met"]]
    first = claim.get("first_call_s")
    return (
        str(claim["name"]),
        f"{_number(claim['ours'])} {claim['unit']}",
        peer,
        _number(claim["ratio"]),
        _number(claim["goal"]),
        met,
        f"{peak} ({theirs})" if theirs else peak,
        "" if first is None else f"{first} s",
    )


def _parts(claim: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each split of a claim's time: the largest parts first, the small as one."""
    for key, unit in PARTS.items():
        told = claim.get(key)
        if not told:
            continue
        whole = sum(told.values())
        shown = {name: each for name, each in told.items() if each >= SHARE * whole}
        rest = round(whole - sum(shown.values()), 1)
        named = [f"{name} {each:,}" for name, each in sorted(shown.items(), key=lambda p: -p[1])]
        yield f"* {claim['name']} [{unit}]: {', '.join([*named, f'the rest {rest:,}'])}"


def report(lines: Iterable[str]) -> str:
    """Return the Markdown of JSON lines; of claims of one name and peer the last one counts."""
    claims = {(c["name"], c["peer_name"]): c for c in map(json.loads, filter(str.strip, lines))}
    rows = [HEAD, tuple("---" for _ in HEAD), *map(_cells, claims.values())]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([table, "", *(line for claim in claims.values() for line in _parts(claim))])


if __name__ == "__main__":
    print(report(sys.stdin))
