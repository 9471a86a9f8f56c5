"""How much of any stretch of time was recorded, stream by stream."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import HOUR_US, MINUTE_US, times
from euthymia.ground.clock import Timeline
from euthymia.ground.schemas import STREAMS
from euthymia.kernels.presence import any_between

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

CELL_US: Final = 10 * MINUTE_US
PER_HOUR: Final = HOUR_US // CELL_US
PHONE: Final = (
    "location",
    "accelerometer",
    "screen",
    "app_use",
    "notifications",
    "battery",
    "calls",
    "messages",
    "typing",
    "light",
    "proximity",
    "audio_level",
    "conversation",
    "activity_class",
    "momentary_answers",
)
WEARABLE: Final = (
    "activity_counts",
    "steps",
    "heart_rate",
    "beat_intervals",
    "electrodermal_activity",
    "skin_temperature",
    "oxygen_saturation",
    "respiration_rate",
    "sleep_stages",
)


class _Cells:
    """Each stretch of the windows in cells of ten minutes, counted from its beginning."""

    def __init__(self, windows: Windows) -> None:
        length = windows.end_us - windows.start_us
        n = -(-length // CELL_US)
        self.stretch = np.repeat(np.arange(n.size), n)
        self.place = np.arange(self.stretch.size) - np.repeat(np.cumsum(n) - n, n)
        self.start = windows.start_us[self.stretch] + self.place * CELL_US
        self.end = np.minimum(self.start + CELL_US, windows.end_us[self.stretch])
        self.row = windows.row[self.stretch]
        self.rows = windows.day.size

    def held(self, time: Ints) -> Mask:
        """Tell which cells hold a sample."""
        found = np.zeros(self.start.size, np.bool_)
        if time.size:
            any_between(time, self.start, self.end, found)
        return found

    def hours(self, held: Mask) -> Array:
        """Return how many hours of each row, counted from its stretches' beginnings, hold one."""
        hour = self.place // PER_HOUR
        fresh = np.append(True, (hour[1:] != hour[:-1]) | (self.stretch[1:] != self.stretch[:-1]))
        first = np.flatnonzero(fresh[: hour.size])
        if first.size == 0:
            return np.zeros(self.rows)
        some = np.logical_or.reduceat(held, first)
        return np.bincount(self.row[first[some]], minlength=self.rows).astype(np.float64)

    def share(self, held: Mask) -> Array:
        """Return the share of each row's cells that hold a sample."""
        n = np.bincount(self.row, minlength=self.rows)
        return np.bincount(self.row[held], minlength=self.rows) / np.maximum(n, 1)

    def longest_gap_h(self, held: Mask) -> Array:
        """Return the longest run of cells of one stretch without a sample, of each row."""
        longest = np.zeros(self.rows)
        edge = np.append(True, (held[1:] != held[:-1]) | (self.stretch[1:] != self.stretch[:-1]))
        first = np.flatnonzero(edge[: held.size])
        last = np.append(first[1:], held.size)[: first.size] - 1
        gap = ~held[first]
        length = (self.end[last] - self.start[first]) / HOUR_US
        np.maximum.at(longest, self.row[first[gap]], length[gap])
        return longest


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Say for each row's stretches in which hours there is data of which stream."""
    del timeline
    cells = _Cells(windows)
    values: dict[str, Array] = {}
    best = np.zeros(windows.day.size)
    anything = {"phone": np.zeros(cells.row.size, bool), "wearable": np.zeros(cells.row.size, bool)}
    for kind, names in (("phone", PHONE), ("wearable", WEARABLE)):
        for name in names:
            held = cells.held(times(streams, name))
            anything[kind] |= held
            values[f"{name}_data_h"] = cells.hours(held)
            best = np.maximum(best, cells.share(held))
    for kind, held in anything.items():
        values[f"{kind}_data_h"] = cells.hours(held)
        values[f"{kind}_longest_gap_h"] = cells.longest_gap_h(held)
    return Days(values, best)


_TOROUS = "Torous et al. 2018, doi:10.3389/fpsyt.2018.00520"
_RAPIDS = "Vega et al. 2021 (RAPIDS data yield), doi:10.3389/fdgth.2021.769823"
_SILENT = (
    "A log of events (calls, messages, key presses) is silent also while nothing happens: few "
    "hours are then no fault of the recording."
)
_WHOLE = "Hours of the window, counted from the beginning of its stretches, with at least one"


def _data(name: str, title: str) -> Feature:
    return Feature(
        f"{name}_data_h",
        f"Hours with data: {title.lower()}",
        "h",
        f"{_WHOLE} sample of the stream; 0 where there is none at all.",
        _RAPIDS,
        0,
        None,
        -1,
        limits=_SILENT,
    )


def _together(kind: str, title: str) -> tuple[Feature, ...]:
    return (
        Feature(
            f"{kind}_data_h",
            f"Hours with data of the {title}",
            "h",
            f"{_WHOLE} sample of any of the {title}'s streams.",
            _RAPIDS,
            0,
            None,
            -1,
            limits=_SILENT,
        ),
        Feature(
            f"{kind}_longest_gap_h",
            f"Longest gap of the {title}",
            "h",
            f"Longest time in one stretch of the window without a sample of any of the {title}'s "
            "streams, in steps of 10 minutes; the whole of it where there is none.",
            _TOROUS,
            0,
            None,
            1,
            limits=_SILENT,
        ),
    )


FAMILY = Family(
    name="data_quality",
    version="1",
    title="Data by stream",
    streams=(*PHONE, *WEARABLE),
    lookback_days=1,
    measure=measure,
    coverage="share of the window's 10-minute cells with a sample of the stream that has most",
    features=(
        *_together("phone", "phone"),
        *_together("wearable", "wearable"),
        *(_data(name, STREAMS[name].title) for name in (*PHONE, *WEARABLE)),
    ),
)
