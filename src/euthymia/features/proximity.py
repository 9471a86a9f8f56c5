"""Devices nearby, by Bluetooth and Wi-Fi, of any stretch of time: own ones and other people's."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import HOUR_US, Taken, ends_us, labels, seen_us, take, times
from euthymia.features.taken import coverage as share_of
from euthymia.features.windows import wall_clock
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels.social import own_devices

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LOOKBACK_DAYS: Final = 28
MIN_HISTORY_DAYS: Final = 3
BLUETOOTH, WIFI = 1, 2
SILENT_US: Final = HOUR_US  # phones scan every few minutes
ALONE_US: Final = 60_000_000


class _History:
    """On which local days each device was seen, and how often."""

    def __init__(self, day: Ints, device: Ints) -> None:
        self.devices = int(device.max(initial=-1)) + 1
        base = max(self.devices, 1)
        low = int(day.min(initial=0))
        pair, n = np.unique((day - low) * base + device, return_counts=True)
        self.day, self.device, self.n = pair // base + low, pair % base, n.astype(np.float64)

    def own(self, first: int, last: int) -> Mask | None:
        """Return which devices are the person's own, by days first to last; None: too few days."""
        a, b = np.searchsorted(self.day, [first, last + 1])
        if np.unique(self.day[a:b]).size < MIN_HISTORY_DAYS:
            return None
        known, place = np.unique(self.device[a:b], return_inverse=True)
        # by how often they were seen, not by their number: that depends on what else is held
        days = np.bincount(place).astype(np.float64)
        own = np.zeros(self.devices, bool)
        own[known] = own_devices(days, np.bincount(place, self.n[a:b]).astype(np.float64))
        return own


def _sightings(prefix: str, taken: Taken, device: Ints) -> dict[str, Array]:
    seen = taken.count()
    different = taken.distinct(device)
    return {f"{prefix}_sightings": seen, f"{prefix}_devices": different}


def _own(
    taken: Taken, device: Ints, day: Ints, windows: Windows, timeline: Timeline
) -> dict[str, Array]:
    """Part the Bluetooth sightings of each row into the person's own devices and others'."""
    rows = windows.day.size
    names = ("own_sightings_pct", "others_devices", "others_sightings", "others_per_device")
    values = {f"bluetooth_{n}": np.full(rows, np.nan) for n in names}
    history = _History(day, device)
    end = ends_us(windows)[1]
    last_day = timeline.local_day(np.maximum(end - 1, 0))
    edges = np.searchsorted(taken.row, np.arange(rows + 1))
    for row in np.flatnonzero(np.diff(edges)).tolist():
        first = int(windows.day[row]) - LOOKBACK_DAYS + 1
        own = history.own(first, int(last_day[row]) - 1)
        if own is None:
            continue
        met = device[taken.index[edges[row] : edges[row + 1]]]
        others = met[~own[met]]
        different = np.unique(others).size
        values["bluetooth_own_sightings_pct"][row] = 100 * (1 - others.size / met.size)
        values["bluetooth_others_devices"][row] = different
        values["bluetooth_others_sightings"][row] = others.size
        if different:
            values["bluetooth_others_per_device"][row] = others.size / different
    return values


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the devices nearby in each row's stretches."""
    rows = windows.day.size
    values = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
    time = times(streams, "proximity")
    if time.size == 0:
        return Days(values, np.zeros(rows))
    stream = streams["proximity"]
    kind, device = np.asarray(stream["kind"], np.int64), labels(stream, "device")
    every = take(time, windows)
    day = wall_clock(timeline, time) // DAY_US
    with np.errstate(invalid="ignore", divide="ignore"):
        for code, prefix in ((BLUETOOTH, "bluetooth"), (WIFI, "wifi")):
            mine = (kind == code) & (device >= 0)
            some = every.where(mine)
            # no sighting at all: not switched on, or nobody there; that cannot be told apart
            values[f"{prefix}_top_device_pct"] = 100 * some.top_share(device)
            values[f"{prefix}_evenness"] = some.evenness(device)
            for name, value in _sightings(prefix, some, device).items():
                values[name] = np.where(some.count() > 0, value, np.nan)
            if code == BLUETOOTH and mine.any():
                at = np.flatnonzero(mine)
                place = np.cumsum(mine) - 1
                own = Taken(rows, some.row, place[some.index], some.stretch)
                values |= _own(own, device[at], day[at], windows, timeline)
    return Days(values, share_of(windows, seen_us(windows, time, SILENT_US, ALONE_US)))


_DORYAB = "Doryab et al. 2018, doi:10.48550/arXiv.1812.10394"
_RAPIDS = "Vega et al. 2021 (RAPIDS), doi:10.3389/fdgth.2021.769823"
_EAGLE = "Eagle et al. 2010, doi:10.1126/science.1186605"
_RANDOM = (
    "Phones change their Bluetooth address every quarter of an hour, so one of them counts as many "
    "devices; newer systems show apps few devices or none. A device is not a person."
)
_OWN = (
    " Own are the devices that score high, in the local days before the window's last, back to 27 "
    "before its date, on days seen plus sightings a day (z-scores, parted in two by least squares)."
    " NaN with fewer than 3 such days."
)
_NONE = " NaN without a sighting."


def _feature(
    name: str, title: str, unit: str, definition: str, high: float | None, paper: str, worse: int
) -> Feature:
    return Feature(name, title, unit, definition, paper, 0, high, worse, None, _RANDOM)


def _of(prefix: str, words: str) -> tuple[Feature, ...]:
    return (
        _feature(f"{prefix}_sightings", f"Sightings, {words}", "{sightings}",
                 f"Number of {words} sightings in the window." + _NONE, None, _RAPIDS, 0),
        _feature(f"{prefix}_devices", f"Devices, {words}", "{devices}",
                 f"Different devices seen by {words}." + _NONE, None, _RAPIDS, -1),
        _feature(f"{prefix}_top_device_pct", f"Share of the most seen device, {words}", "%",
                 f"Share of {words} sightings that are of the window's most seen device." + _NONE,
                 100, _RAPIDS, 0),
        _feature(f"{prefix}_evenness", f"Diversity of devices, {words}", "1",
                 f"Shannon entropy of the shares of devices in {words} sightings over ln n of n "
                 "devices; NaN with fewer than two.", 1, _EAGLE, 0),
    )  # fmt: skip


FAMILY = Family(
    name="proximity",
    version="1",
    title="Devices nearby",
    streams=("proximity",),
    lookback_days=LOOKBACK_DAYS,
    measure=measure,
    coverage="share of the window in which sightings are at most an hour apart; one alone counts "
    "for a minute",
    features=(
        *_of("bluetooth", "Bluetooth"),
        _feature(
            "bluetooth_own_sightings_pct",
            "Share of sightings of own devices",
            "%",
            "Share of Bluetooth sightings that are of the person's own devices." + _OWN,
            100,
            _DORYAB,
            0,
        ),
        _feature(
            "bluetooth_others_devices",
            "Devices of others",
            "{devices}",
            "Different Bluetooth devices seen that are not the person's own." + _OWN,
            None,
            _DORYAB,
            -1,
        ),
        _feature(
            "bluetooth_others_sightings",
            "Sightings of devices of others",
            "{sightings}",
            "Bluetooth sightings of devices that are not the person's own." + _OWN,
            None,
            _DORYAB,
            -1,
        ),
        _feature(
            "bluetooth_others_per_device",
            "Sightings for each device of others",
            "{sightings}",
            "Bluetooth sightings of devices of others over their number; NaN without one." + _OWN,
            None,
            _DORYAB,
            0,
        ),
        *_of("wifi", "Wi-Fi"),
    ),
)
