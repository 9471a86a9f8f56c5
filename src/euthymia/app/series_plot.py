"""One watched series as a picture: how far from usual, and each column against its own usual."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

WIDE: Final = 960
LEFT: Final = 190  # room for names
TALL: Final = 90  # of a panel
BETWEEN: Final = 14
TOP: Final = 34
MOST_TIMES: Final = 12.0  # lines: what is higher is drawn at the edge
STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#222}.s{fill:#555}.e{fill:#f6d9c4}.b{fill:#dfe6ee}"
    ".l{fill:none;stroke:#1f4e79;stroke-width:1.4}.t{stroke:#a33;stroke-dasharray:4 3}"
    ".x{stroke:#999}"
)


def write_plot(
    out: Path, found: dict[str, Any], means: Mapping[str, Sequence[float | None]]
) -> None:
    """Write an SVG of what `watch_file` found; `means` are the columns' daily means."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(_drawn(found, means), encoding="utf-8")


def _drawn(found: dict[str, Any], means: Mapping[str, Sequence[float | None]]) -> str:
    days, base = found["days"], found["baseline"]["days"]
    level = [None] * base + [min(s["times_line"], MOST_TIMES) for s in found["scores"]]
    panels = [("times its line", level, 0.0, max(1.5, *(v or 0 for v in level)))]
    for name, values in means.items():
        seen = [v for v in values if v is not None]
        panels.append((name, list(values), min(seen), max(seen)))
    tall = TOP + len(panels) * (TALL + BETWEEN) + 30
    title = f"Watched by its own first {base} days; shaded: alarms"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {tall}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect width="{WIDE}" height="{tall}" fill="#fff"/><text x="8" y="20">{title}</text>',
    ]
    bottom = tall - 24
    for episode in found["spans"]:
        left, right = _x(episode[0], days), _x(episode[1] + 1, days)
        parts.append(
            f'<rect class="e" x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" '
            f'height="{bottom - TOP}"/>'
        )
    for place, (name, values, low, high) in enumerate(panels):
        parts += _panel(name, values, low, high, TOP + place * (TALL + BETWEEN), base)
    first, last = found["first"], found["last"]
    parts.append(f'<text class="s" x="{LEFT}" y="{tall - 6}">{first}</text>')
    parts.append(f'<text class="s" x="{WIDE - 8}" y="{tall - 6}" text-anchor="end">{last}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _x(day: float, days: int) -> float:
    return LEFT + (WIDE - LEFT - 8) * day / max(days, 1)


def _panel(
    name: str, values: Sequence[float | None], low: float, high: float, top: float, base: int
) -> list[str]:
    """Return one panel: the name, the range, the usual of the first days, the line of days."""
    span = (high - low) or 1.0

    def y(value: float) -> float:
        return top + TALL * (1 - (value - low) / span)

    shown = name if len(name) <= 22 else f"{name[:21]}…"
    parts = [
        f'<line class="x" x1="{LEFT}" x2="{WIDE - 8}" y1="{top + TALL}" y2="{top + TALL}"/>',
        f'<text x="8" y="{top + 22}">{escape(shown)}</text>',
        f'<text class="s" x="8" y="{top + 40}">{low:.3g} to {high:.3g}</text>',
    ]
    seen = [v for v in values[:base] if v is not None]
    if len(seen) > 1:
        middle = sum(seen) / len(seen)
        spread = (sum((v - middle) ** 2 for v in seen) / (len(seen) - 1)) ** 0.5
        floor, roof = max(low, middle - spread), min(high, middle + spread)
        parts.append(
            f'<rect class="b" x="{LEFT}" y="{y(roof):.1f}" width="{WIDE - LEFT - 8}" '
            f'height="{y(floor) - y(roof):.1f}" fill-opacity="0.6"/>'
        )
    elif not seen:
        parts.append(
            f'<line class="t" x1="{LEFT}" x2="{WIDE - 8}" y1="{y(1):.1f}" y2="{y(1):.1f}"/>'
        )
    path, joined = [], False
    for day, value in enumerate(values):
        if value is not None:
            path.append(f"{'L' if joined else 'M'}{_x(day + 0.5, len(values)):.1f} {y(value):.1f}")
        joined = value is not None
    return [*parts, f'<path class="l" d="{"".join(path)}"/>']
