"""Values that look like those of another unit: seconds for milliseconds, m/s2 for g, a share for %.

Each such unit gives numbers that a schema's range allows and features come out of, wrong and in
silence. A person's median outside what it can be in life is told; nothing is changed or refused.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FEWEST: Final = 20
"""Values from which on a median says something."""
_MOST: Final = 50_000
"""Values that are looked at, spread over all: a fortnight of acceleration has thirty million."""


@dataclass(frozen=True, slots=True)
class Likely:
    """Where the median of `of(columns)` lies in people who live, and what else it may be."""

    column: str
    low: float
    high: float
    other: str
    of: Callable[[Mapping[str, Array], str], Array] = lambda columns, name: columns[name]


def _length(columns: Mapping[str, Array], _: str) -> Array:
    return np.sqrt(columns["x"] ** 2 + columns["y"] ** 2 + columns["z"] ** 2)


def _deviation(columns: Mapping[str, Array], name: str) -> Array:
    return np.abs(columns[name] - np.nanmedian(columns[name]))


LIKELY: Final[Mapping[str, Likely]] = {
    "accelerometer": Likely("x, y, z", 0.3, 3, "m/s2 or mg: give g", _length),
    "beat_intervals": Likely("interval", 200, 3000, "s: give ms"),
    "heart_rate": Likely("rate", 20, 250, "Hz or ms between beats: give beats a minute"),
    "respiration_rate": Likely("rate", 3, 80, "Hz: give breaths a minute"),
    "oxygen_saturation": Likely("value", 40, 100, "a share: give %"),
    "skin_temperature": Likely("value", 5, 46, "degrees Fahrenheit or kelvin: give Celsius"),
    "electrodermal_activity": Likely("level", -1, 110, "nS or kOhm: give uS"),
    "battery": Likely("level", 1.5, 100, "a share: give %"),
    "calls": Likely("duration", 0, 7200, "ms: give s"),
    "app_use": Likely("duration", 0, 7200, "ms: give s"),
    "conversation": Likely("duration", 0, 14400, "ms: give s"),
    "sleep_stages": Likely("duration", 20, 43200, "minutes or ms: give s"),
    "typing": Likely("hold", 5, 3000, "s: give ms"),
    "electrocardiogram": Likely("value", 0, 20, "uV: give mV", _deviation),
    "electroencephalogram": Likely("value", 0.05, 2000, "V or mV: give uV", _deviation),
}  # fmt: skip


def doubts(people: Mapping[str, Mapping[str, pa.Table]]) -> Iterator[str]:
    """Yield one sentence a stream whose values look like those of another unit.

    Parameters
    ----------
    people : mapping of str to mapping of str to pa.Table
        The samples of each person by stream.
    """
    for stream, likely in LIKELY.items():
        medians = [_median(likely, own[stream]) for own in people.values() if stream in own]
        known = [m for m in medians if m is not None]
        for odd, word in (
            (sum(m < likely.low for m in known), f"below {likely.low:g}"),
            (sum(m > likely.high for m in known), f"above {likely.high:g}"),
        ):
            if odd:
                who = f"{odd} of {len(medians)} {'person' if len(medians) == 1 else 'people'}"
                yield (
                    f"{stream}.{likely.column}: the median of {who} is {word}: perhaps in "
                    f"{likely.other}"
                )


def _median(likely: Likely, table: pa.Table) -> float | None:
    names = likely.column.split(", ")
    step = 1 + table.num_rows // _MOST
    table = table.select(names).take(pa.array(np.arange(0, table.num_rows, step)))
    columns = {n: table[n].to_numpy(zero_copy_only=False).astype(np.float64) for n in names}
    if min(int(np.isfinite(values).sum()) for values in columns.values()) < _FEWEST:
        return None
    return float(np.nanmedian(likely.of(columns, likely.column)))
