"""Fitbit's Web API: RMSSD and oxygen saturation of a night's minutes, electrocardiograms.

A night's averages (breathing rate, daily RMSSD, skin temperature as a distance from the person's
own baseline) are no measurements at a time: they are counted and named.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import numpy as np

from euthymia.ground.clock import SECOND_US, to_micros
from euthymia.sources.contract import Opened
from euthymia.sources.fitbit_tables import RMSSD
from euthymia.sources.gather import Gather
from euthymia.sources.json_tree import Node, ShapeError, node, nodes, number, text
from euthymia.sources.wall_clock import to_instants

Take = Callable[[Node, Gather, Opened], None]

_WALL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII)
_HRV, _ECG, _MINUTES = "hrv", "ecgReadings", "minutes"
_NIGHTS: Final = {
    "br": "a breathing rate averaged over a sleep or its stages: not kept",
    "tempSkin": "a temperature told as a distance from the person's own baseline: not kept",
    "tempCore": "a temperature that the person wrote down: not kept",
}
NAMES: Final = frozenset({_HRV, _ECG, *_NIGHTS})
"""Lists of days or recordings at the top of an answer."""
_MARKS: Final = (
    (b'"hrv"', b'"value"'),
    (b'"minutes"', b'"minute"'),
    (b'"ecgReadings"', b'"waveformSamples"'),
    (b'"br"', b'"breathingRate"'),
    (b'"tempSkin"', b'"nightlyRelative"'),
)
_AVERAGE: Final = "an average of a night: its minutes are what is kept"


def is_vitals(head: bytes) -> bool:
    """Tell whether a file is such an answer."""
    dated = b'"dateTime"' in head or b'"startTime"' in head
    return dated and any(all(mark in head for mark in marks) for marks in _MARKS)


def vitals_of(answer: Node) -> list[tuple[Take, Node]]:
    """Return what is to be taken of an answer, and how."""
    parts: list[tuple[Take, Node]] = [(_rmssd, day) for day in nodes(answer, _HRV)]
    parts += [(_recording, one) for one in nodes(answer, _ECG)]
    parts += [(_left(what), day) for name, what in _NIGHTS.items() for day in nodes(answer, name)]
    if "dateTime" in answer and (_MINUTES in answer or node(answer, "value")):
        parts.append((_oxygen, answer))
    return parts


def _left(what: str) -> Take:
    return lambda _day, gather, _opened: gather.leave(what)


def _wall(entry: Node, name: str) -> int:
    at = text(entry, name) or ""
    try:
        if _WALL.fullmatch(at):
            return to_micros(datetime.fromisoformat(at).replace(tzinfo=UTC))
    except ValueError:
        pass
    raise ShapeError(f"{name} is not a local date and time (YYYY-MM-DDThh:mm:ss)")


def _at(minutes: list[Node], gather: Gather, opened: Opened) -> list[int]:
    wall = np.array([_wall(minute, "minute") for minute in minutes], np.int64)
    found: list[int] = to_instants(
        wall, opened.context.zone_for(gather.subject), follows=True
    ).tolist()
    return found


def _rmssd(day: Node, gather: Gather, opened: Opened) -> None:
    """Keep RMSSD [ms] of each five minutes."""
    minutes = nodes(day, _MINUTES)
    if not minutes:
        gather.leave(_AVERAGE)
        return
    values = [number(node(minute, "value") or {}, "rmssd") for minute in minutes]
    for at, value in zip(_at(minutes, gather, opened), values, strict=True):
        if value is None or value <= 0:
            raise ShapeError("rmssd is not a number above 0")
        gather.fact(RMSSD, at, value, "ms")


def _oxygen(day: Node, gather: Gather, opened: Opened) -> None:
    """Keep the oxygen saturation [%] of each minute in which there is one."""
    minutes = nodes(day, _MINUTES)
    if not minutes:
        gather.leave(_AVERAGE)
        return
    values = [number(minute, "value") for minute in minutes]
    if any(value is None or not 0 < value <= 100 for value in values):
        raise ShapeError("value is not an oxygen saturation in %")
    at = np.array(_at(minutes, gather, opened), np.int64)
    gather.stretch("oxygen_saturation", at, value=np.array(values, np.float64))


def _recording(one: Node, gather: Gather, opened: Opened) -> None:
    """Keep an electrocardiogram [mV]: samples over the scaling factor."""
    samples = one.get("waveformSamples")
    try:
        rate = float(one.get("samplingFrequencyHz") or 0)
        scale = float(one.get("scalingFactor") or 0)
        waves = np.array(samples if isinstance(samples, list) else [], np.float64)
    except (TypeError, ValueError):
        raise ShapeError("an electrocardiogram has a sample, rate or factor that is none") from None
    if not 50 <= rate <= 2000 or not scale > 0 or waves.ndim != 1 or not waves.size:
        raise ShapeError("an electrocardiogram has no samples, or no rate or scaling factor")
    wall = np.array([_wall(one, "startTime")], np.int64)
    start = to_instants(wall, opened.context.zone_for(gather.subject), follows=True)[0]
    at = start + np.rint(np.arange(waves.size) * (SECOND_US / rate)).astype(np.int64)
    gather.stretch("electrocardiogram", at, value=waves / scale)
