"""How much and how intensely a person moves: activity counts and raw acceleration, any segment."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.ground.clock import Timeline
from euthymia.kernels import intensity_windows as kernel
from euthymia.kernels.non_wear import ZERO_RUN_MINUTES

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

COUNT_CUTS: Final = (100.0, 2020.0, 5999.0, 1952.0)
"""Counts a minute of an ActiGraph's vertical axis at the waist: Matthews et al. 2008 (sedentary),
Troiano et al. 2008 (moderate, vigorous), Freedson et al. 1998 (moderate)."""

MG_CUTS: Final = (44.8, 100.6, 428.8, 91.0)
"""mg. ENMO of an ActiGraph at the wrist: Hildebrand et al. 2017 (sedentary), 2014 (moderate,
vigorous). MAD at the hip: Vaha-Ypya et al. 2015 (moderate)."""

_OF_COUNTS: Final = (
    "counts_wear_min",
    "counts_wear_choi_min",
    "counts_wear_troiano_min",
    "counts_per_min",
    "counts_sedentary_min",
    "counts_light_min",
    "counts_mvpa_min",
    "counts_vigorous_min",
    "counts_mvpa_freedson_min",
    "mvpa_bouts",
    "mvpa_bouts_min",
    "inactive_bouts",
    "inactive_bout_mean_min",
    "inactive_bout_longest_min",
    "inactive_bouts_of_30_min",
    "inactive_bout_gini",
    "inactive_bout_exponent",
    "inactive_breaks_per_h",
)
_OF_ACCELERATION: Final = (
    "acceleration_min",
    "enmo_mg",
    "mad_mg",
    "enmo_sedentary_min",
    "enmo_light_min",
    "enmo_mvpa_min",
    "enmo_vigorous_min",
    "mad_mvpa_min",
    "intensity_gradient",
    "intensity_intercept",
    "intensity_r_squared",
)


def stretches(time_us: Ints, windows: Windows) -> tuple[Ints, Ints, Ints, Ints, Ints, int]:
    """Return each stretch's row, start, end and samples [first, until), and the number of rows."""
    first = np.searchsorted(time_us, windows.start_us).astype(np.int64)
    until = np.searchsorted(time_us, windows.end_us).astype(np.int64)
    return windows.row, windows.start_us, windows.end_us, first, until, int(windows.day.size)


def measure(streams: Mapping[str, Columns], _timeline: Timeline, windows: Windows) -> Days:
    """Describe activity in each window from whichever of the two streams it has."""
    rows = windows.day.size
    counts = np.full((rows, len(_OF_COUNTS)), np.nan)
    acceleration = np.full((rows, len(_OF_ACCELERATION)), np.nan)
    stream = streams.get("activity_counts")
    if stream is not None and stream["time"].size:
        time = np.ascontiguousarray(stream["time"], np.int64)
        level = np.ascontiguousarray(stream["counts"], np.float32)
        epoch = np.ascontiguousarray(stream["epoch"], np.float32)
        where = stretches(time, windows)
        cuts = np.array(COUNT_CUTS)
        counts = kernel.counts_of_windows(time, level, epoch, *where, ZERO_RUN_MINUTES, cuts)
    stream = streams.get("accelerometer")
    if stream is not None and stream["time"].size:
        time = np.ascontiguousarray(stream["time"], np.int64)
        x, y, z = (np.ascontiguousarray(stream[axis], np.float32) for axis in "xyz")
        where = stretches(time, windows)
        acceleration = kernel.acceleration_of_windows(time, x, y, z, *where, np.array(MG_CUTS))
    values = {name: counts[:, i] for i, name in enumerate(_OF_COUNTS)}
    values |= {name: acceleration[:, i] for i, name in enumerate(_OF_ACCELERATION)}
    minutes = np.maximum(windows.lengths_us() / 60e6, 1e-9)
    worn = np.fmax(counts[:, 0], acceleration[:, 0])
    coverage = np.minimum(np.nan_to_num(worn, nan=0.0) / minutes, 1.0)
    return Days(values, coverage)


_MATTHEWS = "Matthews et al. 2008, doi:10.1093/aje/kwm390"
_TROIANO = "Troiano et al. 2008, doi:10.1249/mss.0b013e31815a51b3"
_FREEDSON = "Freedson et al. 1998, doi:10.1097/00005768-199805000-00021"
_CHOI = "Choi et al. 2011, doi:10.1249/MSS.0b013e3181ed61a3"
_CHASTIN = "Chastin and Granat 2010, doi:10.1016/j.gaitpost.2009.09.002"
_HILDEBRAND = "Hildebrand et al. 2014, doi:10.1249/MSS.0000000000000289"
_SITTING = "Hildebrand et al. 2017, doi:10.1111/sms.12795"
_MAD = "Vaha-Ypya et al. 2015, doi:10.1111/cpf.12127"
_ENMO = "van Hees et al. 2013, doi:10.1371/journal.pone.0061691"
_GRADIENT = "Rowlands et al. 2018, doi:10.1249/MSS.0000000000001561"
_WAIST = (
    "The cut point is that of an ActiGraph's vertical axis at the waist. Counts of another device "
    "or place are another unit: compare a person with themselves on one device."
)
_WRIST = (
    "The cut point is that of an ActiGraph GT3X+ on the wrist. Acceleration is taken as recorded: "
    "a sensor that is off by 10 mg at rest shifts it. A phone is often not carried."
)
_RAW = "Acceleration is taken as recorded: a sensor that is off by 10 mg at rest shifts it."
_SHORT = (
    "Non-wear is told within the window alone: what a longer stretch leaves at its edge counts as "
    "worn, and a shorter window than its rule tells none."
)
_WORN = " in worn time (no 180 minutes of zero counts in a row)."
_EPOCH = " 5-second epochs."


def _minutes(
    name: str, title: str, definition: str, paper: str, worse: int, limits: str
) -> Feature:
    return Feature(name, title, "min", definition, paper, 0, None, worse, None, limits)


_WEAR = (
    _minutes(
        "counts_wear_min",
        "Time worn, by counts",
        "Recorded minutes that are not among 180 or more minutes of zero counts in a row.",
        _CHOI,
        0,
        _SHORT,
    ),
    _minutes(
        "counts_wear_choi_min",
        "Time worn, by Choi's rule",
        "Recorded minutes that are not among 90 or more minutes of zero counts in a row; one or "
        "two minutes of movement with 30 still ones before and after do not end these.",
        _CHOI,
        0,
        _SHORT + " Made for the waist: at the wrist quiet sleep looks like non-wear.",
    ),
    _minutes(
        "counts_wear_troiano_min",
        "Time worn, by Troiano's rule",
        "Recorded minutes that are not among 60 or more minutes of zero counts in a row; one or "
        "two minutes of up to 100 counts do not end these.",
        _TROIANO,
        0,
        _SHORT + " Made for the waist: at the wrist quiet sleep looks like non-wear.",
    ),
)

_COUNTS = (
    Feature(
        "counts_per_min",
        "Mean activity",
        "{counts}/min",
        "Mean counts a minute" + _WORN,
        _TROIANO,
        0,
        None,
        -1,
        limits="Counts are the device's own unit: compare a person with themselves on one device.",
    ),
    _minutes(
        "counts_sedentary_min",
        "Sedentary time, by counts",
        "Minutes below 100 counts" + _WORN + " Sleep is among them.",
        _MATTHEWS,
        1,
        _WAIST,
    ),
    _minutes(
        "counts_light_min",
        "Light activity, by counts",
        "Minutes of 100 to 2019 counts" + _WORN,
        _TROIANO,
        -1,
        _WAIST,
    ),
    _minutes(
        "counts_mvpa_min",
        "Moderate and vigorous activity, by counts",
        "Minutes of 2020 counts or more" + _WORN,
        _TROIANO,
        -1,
        _WAIST,
    ),
    _minutes(
        "counts_vigorous_min",
        "Vigorous activity, by counts",
        "Minutes of 5999 counts or more" + _WORN,
        _TROIANO,
        -1,
        _WAIST,
    ),
    _minutes(
        "counts_mvpa_freedson_min",
        "Moderate and vigorous activity, by Freedson's cut point",
        "Minutes of 1952 counts or more" + _WORN,
        _FREEDSON,
        -1,
        _WAIST,
    ),
)

_BOUTS = (
    Feature(
        "mvpa_bouts",
        "Bouts of moderate or vigorous activity",
        "{bouts}",
        "Bouts that begin with 8 of 10 minutes of 2020 counts or more and go on until three "
        "minutes in a row are below.",
        _TROIANO,
        0,
        None,
        -1,
        limits=_WAIST,
    ),
    _minutes(
        "mvpa_bouts_min",
        "Time in bouts of moderate or vigorous activity",
        "Minutes in the bouts counted by mvpa_bouts.",
        _TROIANO,
        -1,
        _WAIST,
    ),
    Feature(
        "inactive_bouts",
        "Inactive bouts",
        "{bouts}",
        "Runs of minutes below 100 counts" + _WORN + " Unknown time ends one.",
        _CHASTIN,
        0,
        None,
        0,
        limits=_WAIST,
    ),
    _minutes(
        "inactive_bout_mean_min",
        "Mean inactive bout",
        "Mean length of the inactive bouts; NaN without one.",
        _CHASTIN,
        1,
        _WAIST,
    ),
    _minutes(
        "inactive_bout_longest_min",
        "Longest inactive bout",
        "Length of the longest inactive bout; NaN without one.",
        _CHASTIN,
        1,
        _WAIST,
    ),
    _minutes(
        "inactive_bouts_of_30_min",
        "Time in long inactive bouts",
        "Minutes in inactive bouts of 30 minutes or more; NaN without any inactive bout.",
        _CHASTIN,
        1,
        _WAIST,
    ),
    Feature(
        "inactive_bout_gini",
        "Unevenness of inactive bouts",
        "1",
        "Gini index of the lengths of inactive bouts: 0 all the same, near 1 most time in a few "
        "long ones; NaN without one.",
        _CHASTIN,
        0,
        1,
        1,
        limits=_WAIST,
    ),
    Feature(
        "inactive_bout_exponent",
        "Exponent of inactive bouts",
        "1",
        "Exponent of the power law of the lengths of inactive bouts, by maximum likelihood for "
        "whole minutes (Clauset et al. 2009, doi:10.1137/070710111): smaller with more long ones.",
        _CHASTIN,
        1,
        None,
        -1,
        limits=_WAIST,
    ),
    Feature(
        "inactive_breaks_per_h",
        "Breaks of inactivity",
        "/h",
        "Inactive bouts an hour of inactive time.",
        _CHASTIN,
        0,
        60,
        -1,
        limits=_WAIST,
    ),
)

_ACCELERATION = (
    _minutes(
        "acceleration_min",
        "Time with acceleration",
        "Minutes of 5-second epochs with 10 samples or more over at least half of them.",
        _ENMO,
        0,
        "Recorded, not worn: a device on the table counts, and one that is not worn is told by "
        "counts_wear_min alone, where there are counts.",
    ),
    Feature(
        "enmo_mg",
        "Mean acceleration (ENMO)",
        "m[g]",
        "Mean over 5-second epochs of the amount by which acceleration exceeds 1 g, at least 0.",
        _ENMO,
        0,
        None,
        -1,
        limits=_RAW,
    ),
    Feature(
        "mad_mg",
        "Mean amplitude deviation",
        "m[g]",
        "Mean over 5-second epochs of the mean distance of acceleration from its mean.",
        _MAD,
        0,
        None,
        -1,
        limits=_RAW,
    ),
    _minutes(
        "enmo_sedentary_min",
        "Sedentary time, by ENMO",
        "Minutes below 44.8 mg," + _EPOCH + " Sleep is among them.",
        _SITTING,
        1,
        _WRIST,
    ),
    _minutes(
        "enmo_light_min",
        "Light activity, by ENMO",
        "Minutes from 44.8 mg to below 100.6 mg," + _EPOCH,
        _HILDEBRAND,
        -1,
        _WRIST,
    ),
    _minutes(
        "enmo_mvpa_min",
        "Moderate and vigorous activity, by ENMO",
        "Minutes of 100.6 mg or more," + _EPOCH,
        _HILDEBRAND,
        -1,
        _WRIST,
    ),
    _minutes(
        "enmo_vigorous_min",
        "Vigorous activity, by ENMO",
        "Minutes of 428.8 mg or more," + _EPOCH,
        _HILDEBRAND,
        -1,
        _WRIST,
    ),
    _minutes(
        "mad_mvpa_min",
        "Moderate and vigorous activity, by MAD",
        "Minutes of 91 mg or more," + _EPOCH,
        _MAD,
        -1,
        "The cut point is that of the hip.",
    ),
    Feature(
        "intensity_gradient",
        "Intensity gradient",
        "1",
        "Slope of log minutes on log acceleration over bins of 25 mg up to 4 g with any 5-second "
        "epoch: nearer 0 more time at high intensity. NaN with fewer than three such bins.",
        _GRADIENT,
        None,
        None,
        -1,
        limits=_RAW,
    ),
    Feature(
        "intensity_intercept",
        "Intercept of the intensity gradient",
        "1",
        "Log minutes at 1 mg on the line of the intensity gradient.",
        _GRADIENT,
        None,
        None,
        0,
        limits=_RAW,
    ),
    Feature(
        "intensity_r_squared",
        "Fit of the intensity gradient",
        "1",
        "Share of the variance of log minutes that the line of the intensity gradient explains.",
        _GRADIENT,
        0,
        1,
        0,
        limits="It says that a line fits, not that much was recorded.",
    ),
)

FAMILY = Family(
    name="activity",
    version="1",
    title="Amount and intensity of activity",
    streams=("activity_counts", "accelerometer"),
    lookback_days=1,
    measure=measure,
    coverage="share of the window in which counts were worn or acceleration recorded, the larger",
    features=_WEAR + _COUNTS + _BOUTS + _ACCELERATION,
)
