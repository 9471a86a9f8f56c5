"""Sleep as a wearable (or a sleep laboratory) scored it: stages, awakenings, naps."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature
from euthymia.features.sleep_schema import (
    LATENCY,
    NAP_FEATURES,
    NIGHTS,
    SCHEMA_VERSION,
    SHARED,
    Naps,
    Nights,
    Wakes,
    needed_days,
    night_edges,
    values,
    with_limits,
)
from euthymia.features.windows import wall_clock
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels.sleep_stages import FIELDS, nights

Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = NIGHTS + 1
WOKEN_A_NIGHT: Final = 3000  # two days of half minutes, each other one awake, and more
_STAGES: Final = {
    "light_sleep_min": "light_min",
    "deep_sleep_min": "deep_min",
    "rem_sleep_min": "rem_min",
    "rem_latency_min": "rem_latency_min",
}


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe the main sleep that ends on each local day, and the regularity up to it."""
    stream = streams.get("sleep_stages")
    if stream is None or days.size == 0 or stream["time"].size == 0:
        blank = np.full(days.size, np.nan)
        return Days({f.name: blank for f in FAMILY.features}, np.zeros(days.size))
    time = np.ascontiguousarray(stream["time"], np.int64)
    end = time + np.rint(stream["duration"].astype(np.float64) * 1e6).astype(np.int64)
    stage = np.ascontiguousarray(stream["stage"], np.int64)
    needed = needed_days(days)
    edges = night_edges(timeline, needed)
    bounds = np.zeros((needed.size, 4), np.int64)
    out = np.full((needed.size, len(FIELDS)), np.nan)
    naps = np.zeros((2 * time.size + 1, 4), np.int64)
    local_day = wall_clock(timeline, time) // DAY_US
    woken = np.empty((needed.size * WOKEN_A_NIGHT, 3), np.int64)
    many, breaks = nights(time, end, stage, local_day, needed, *edges, bounds, out, naps, woken)
    in_bed, onset, offset, up = bounds.T
    held = naps[:many]
    found = Nights(
        needed,
        in_bed,
        onset,
        offset,
        up,
        out[:, FIELDS["asleep_min"]],
        out[:, FIELDS["awakenings"]],
        Naps(held[:, 0], held[:, 1], held[:, 2], held[:, 3].astype(np.float64)),
        Wakes(*np.ascontiguousarray(woken[:breaks].T)),
    )
    said = values(found, timeline, days)
    place = np.searchsorted(needed, days)
    said |= {name: out[place, FIELDS[column]] for name, column in _STAGES.items()}
    asleep = out[place, FIELDS["asleep_min"]]
    for name in ("light", "deep", "rem"):
        said[f"{name}_sleep_pct"] = np.minimum(100 * said[f"{name}_sleep_min"] / asleep, 100.0)
    coverage = np.nan_to_num(out[place, FIELDS["told"]])
    return Days({f.name: said[f.name] for f in FAMILY.features}, coverage)


_BERRY = "Iber et al. 2007 (AASM manual); Berry et al. 2017, doi:10.5664/jcsm.6576"
_DEVICES = (
    "consumer wearables take quiet waking for sleep and agree with polysomnography on stages only "
    "moderately (de Zambotti et al. 2019, doi:10.1249/MSS.0000000000001947)"
)


def _stage(name: str, title: str, what: str) -> tuple[Feature, Feature]:
    text = f"{what} in the main sleep. NaN where no stage was told."
    return (
        Feature(
            f"{name}_sleep_min", title, "min", "Minutes of " + text, _BERRY, 0, 1440, 0, None,
            _DEVICES,
        ),
        Feature(
            f"{name}_sleep_pct",
            f"Share of {title.lower()}",
            "%",
            f"100 times the minutes of {what} over the time asleep. NaN where no stage was told.",
            _BERRY,
            0,
            100,
            0,
            None,
            _DEVICES,
        ),
    )  # fmt: skip


FAMILY = Family(
    name="sleep_wearable",
    version=f"2.{SCHEMA_VERSION}",
    title="Sleep by wearable",
    streams=("sleep_stages",),
    lookback_days=LOOKBACK_DAYS,
    compute=compute,
    coverage="share of the time in bed of the main sleep for which a stage was told",
    features=(
        *with_limits(
            (*SHARED, LATENCY, *NAP_FEATURES),
            {
                "": _DEVICES,
                "awakenings": "restless counts as awake; " + _DEVICES,
                "sleep_latency_min": "0 where the device tells of no time in bed before sleep",
                "naps": "sleeps of ten minutes or more, an hour or more apart; NaN without a main "
                "sleep",
            },
        ),
        *_stage("light", "Light sleep", "light sleep (N1, N2)"),
        *_stage("deep", "Deep sleep", "deep sleep (N3)"),
        *_stage("rem", "REM sleep", "REM sleep"),
        Feature(
            "rem_latency_min",
            "Time to the first REM sleep",
            "min",
            "Minutes from the onset of the main sleep to its first REM sleep. NaN without any.",
            _BERRY,
            0,
            1440,
            0,
            None,
            _DEVICES,
        ),
    ),
)
