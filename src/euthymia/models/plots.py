"""Plots as SVG text: no font, script or file from outside, and words for those who cannot see."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.calibration import CalibrationBin
from euthymia.evaluation.estimate import Estimate
from euthymia.evaluation.net_benefit import DecisionPoint

Floats = NDArray[np.float64]

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 44
BLUE, ORANGE, GREY = "#0b5cad", "#b3530a", "#5c6570"  # told apart by all kinds of colour vision


@dataclass
class Axes:
    """A plot with two linear axes. Draw in data coordinates, then `svg`."""

    title: str
    described: str
    x_label: str
    y_label: str
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    width: int = 420
    height: int = 380
    parts: list[str] = field(default_factory=list)

    def x(self, value: float) -> float:
        """Return the place of a value across."""
        low, high = self.x_range
        return _LEFT + (value - low) / (high - low) * (self.width - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Return the place of a value upwards; beyond the range it rests on the frame."""
        low, high = self.y_range
        inside = min(max(value, low), high)
        return (
            self.height - _BOTTOM - (inside - low) / (high - low) * (self.height - _TOP - _BOTTOM)
        )

    def line(
        self,
        xs: Sequence[float] | Floats,
        ys: Sequence[float] | Floats,
        colour: str,
        dash: str = "",
    ) -> None:
        """Draw a line through points."""
        points = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(xs, ys, strict=True))
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'
        )

    def band(self, xs: Floats, low: Floats, high: Floats, colour: str) -> None:
        """Shade what lies between two lines."""
        there = [f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(xs, high, strict=True)]
        back = [f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(xs, low, strict=True)]
        points = " ".join([*there, *reversed(back)])
        self.parts.append(f'<polygon points="{points}" fill="{colour}" fill-opacity="0.15"/>')

    def point(self, x: float, y: float, low: float, high: float, colour: str) -> None:
        """Draw a point with its interval upwards."""
        at = f"{self.x(x):.1f}"
        self.parts.append(
            f'<line x1="{at}" x2="{at}" y1="{self.y(low):.1f}" y2="{self.y(high):.1f}"'
            f' stroke="{colour}" stroke-width="1.5"/>'
            f'<circle cx="{at}" cy="{self.y(y):.1f}" r="4" fill="{colour}"/>'
        )

    def bars(self, centres: Floats, heights: Floats, tallest: float) -> None:
        """Draw a small histogram along the lower edge, `tallest` pixels high."""
        step = float(centres[1] - centres[0])
        base = self.height - _BOTTOM
        for centre, share in zip(centres, heights / max(float(heights.max()), 1e-9), strict=True):
            left, right = self.x(centre - step / 2), self.x(centre + step / 2)
            self.parts.append(
                f'<rect x="{left:.1f}" y="{base - share * tallest:.1f}" width="{right - left:.1f}"'
                f' height="{share * tallest:.1f}" fill="{GREY}" fill-opacity="0.3"/>'
            )

    def note(self, x: float, y: float, text: str, colour: str) -> None:
        """Write a word next to a line."""
        self.parts.append(
            f'<text x="{self.x(x):.1f}" y="{self.y(y):.1f}" style="fill:{colour}">'
            f"{escape(text)}</text>"
        )

    def svg(self) -> str:
        """Return the plot as an SVG element."""
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img"'
            f' aria-label="{escape(self.title, quote=True)}"><title>{escape(self.title)}</title>'
            f"<desc>{escape(self.described)}</desc>{self._frame()}{''.join(self.parts)}</svg>"
        )

    def _frame(self) -> str:
        right, bottom = self.width - _RIGHT, self.height - _BOTTOM
        found = [
            (
                f'<rect x="{_LEFT}" y="{_TOP}" width="{right - _LEFT}" height="{bottom - _TOP}"'
                ' fill="none" stroke="#9aa2ab"/>'
            )
        ]
        found += [
            f'<text x="{self.x(v):.1f}" y="{bottom + 16}" text-anchor="middle">{v:g}</text>'
            for v in _ticks(*self.x_range)
        ]
        for value in _ticks(*self.y_range):
            at = self.y(value)
            found.append(
                f'<line x1="{_LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e3e6ea"/>'
                f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>'
            )
        middle = (_LEFT + right) / 2
        height = (_TOP + bottom) / 2
        found.append(
            f'<text x="{middle}" y="{self.height - 6}" text-anchor="middle">'
            f'{escape(self.x_label)}</text><text x="14" y="{height}" text-anchor="middle"'
            f' transform="rotate(-90 14 {height})">{escape(self.y_label)}</text>'
        )
        return "".join(found)


def _ticks(low: float, high: float) -> list[float]:
    """Return four to seven round values within a range."""
    rough = (high - low) / 5
    power = 10 ** np.floor(np.log10(rough))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(s - rough))
    first = np.ceil(low / step - 1e-9) * step
    return [round(float(v), 10) + 0.0 for v in np.arange(first, high + step * 1e-6, step)]


def roc_plot(
    rates: Floats, curve: Floats, drawn: Floats, auc: Estimate, threshold: tuple[float, float]
) -> str:
    """Return the ROC curve with a pointwise 95 % band and the point of the decision threshold."""
    axes = Axes(
        "ROC curve",
        f"Area {auc.estimate:.2f}, interval {auc.low:.2f} to {auc.high:.2f}.",
        "false positive rate",
        "sensitivity",
    )
    axes.line([0, 1], [0, 1], GREY, "4 4")
    low, high = np.nanpercentile(drawn, (2.5, 97.5), axis=0)
    axes.band(rates, low, high, BLUE)
    axes.line(rates, curve, BLUE)
    axes.point(threshold[0], threshold[1], threshold[1], threshold[1], ORANGE)
    axes.note(0.42, 0.06, "dot: the decision threshold", ORANGE)
    return axes.svg()


def calibration_plot(
    bins: Sequence[CalibrationBin], grid: Floats, smooth: Floats, p: Floats
) -> str:
    """Return observed against predicted risk: bins with intervals, a spline, a histogram."""
    top = min(1.0, max(0.2, 1.15 * max([b.high for b in bins if b.high == b.high], default=1.0)))
    wide = min(1.0, max(top, float(np.quantile(p, 0.995))))
    axes = Axes(
        "Calibration",
        "Observed against predicted risk; points on the diagonal are perfect.",
        "predicted risk",
        "observed risk",
        (0.0, wide),
        (0.0, wide),
    )
    edges = np.linspace(0, wide, 31)
    axes.bars((edges[1:] + edges[:-1]) / 2, np.histogram(p, edges)[0].astype(np.float64), 40)
    axes.line([0, wide], [0, wide], GREY, "4 4")
    inside = grid <= wide
    axes.line(grid[inside], smooth[inside], BLUE)
    for b in bins:
        if b.predicted <= wide:
            axes.point(b.predicted, b.observed, b.low, b.high, ORANGE)
    return axes.svg()


def decision_plot(points: Sequence[DecisionPoint], threshold: float) -> str:
    """Return net benefit along the decision threshold, beside treating everybody and nobody."""
    top = 1.15 * max(0.01, *(max(p.high, p.everybody) for p in points))
    at = np.array([p.threshold for p in points])
    axes = Axes(
        "Decision curve",
        "Net benefit of acting on the model, on everybody and on nobody.",
        "decision threshold",
        "net benefit",
        (0.0, float(at.max())),
        (-0.3 * top, top),
    )
    axes.band(at, np.array([p.low for p in points]), np.array([p.high for p in points]), BLUE)
    axes.line(at, [0.0] * at.size, GREY, "4 4")
    axes.line(at, [p.everybody for p in points], ORANGE)
    axes.line(at, [p.model for p in points], BLUE)
    axes.line([threshold, threshold], [-0.3 * top, top], GREY, "2 3")
    axes.note(0.62 * float(at.max()), 0.93 * top, "model", BLUE)
    axes.note(0.62 * float(at.max()), 0.86 * top, "everybody", ORANGE)
    axes.note(0.62 * float(at.max()), 0.79 * top, "nobody (dashed)", GREY)
    return axes.svg()


def forest_plot(title: str, rows: Sequence[tuple[str, Estimate, str]]) -> str:
    """Return AUCs with intervals one under the other: (name, AUC, colour); chance is dashed."""
    width, line, left = 640, 26, 230
    height = line * len(rows) + 50
    known = [e.low for _, e, _ in rows if e.low == e.low]
    start = max(0.0, min(0.4, float(np.floor(10 * min(known, default=0.4))) / 10))

    def x(value: float) -> float:
        return left + (min(max(value, start), 1.0) - start) / (1 - start) * (width - left - 70)

    parts = [
        (
            f'<line x1="{x(0.5):.1f}" x2="{x(0.5):.1f}" y1="8" y2="{height - 36}" stroke="{GREY}"'
            ' stroke-dasharray="4 4"/>'
        )
    ]
    for i, (name, e, colour) in enumerate(rows):
        y = 22 + i * line
        parts.append(
            f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(name)}</text>'
            f'<circle cx="{x(e.estimate):.1f}" cy="{y}" r="4.5" fill="{colour}"/>'
            f'<text x="{width - 62}" y="{y + 4}">{e.estimate:.2f}</text>'
        )
        if e.low == e.low:
            parts.append(
                f'<line x1="{x(e.low):.1f}" x2="{x(e.high):.1f}" y1="{y}" y2="{y}"'
                f' stroke="{colour}" stroke-width="2"/>'
            )
    parts += [
        f'<text x="{x(v):.1f}" y="{height - 18}" text-anchor="middle">{v:g}</text>'
        for v in _ticks(start, 1.0)
    ]
    parts.append(f'<text x="{x(0.5):.1f}" y="{height - 3}" text-anchor="middle">chance</text>')
    return (
        f'<svg class="wide" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{escape(title, quote=True)}"><title>{escape(title)}</title>'
        f"<desc>AUC with 95 % intervals; the table says the same.</desc>{''.join(parts)}</svg>"
    )
