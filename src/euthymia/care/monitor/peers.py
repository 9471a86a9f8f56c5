"""Detectors that others use, on the watch's own personal baselines: the rows beside it.

They are given what took most of the work: distances from a rolling, lagged, shrunk baseline with
weekday and season taken out, and lines set the same way for the same budget. Of a day they see the
features (three of seven, EWMA) or their mean in the expected direction (BOCPD, ADWIN).
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.care.monitor import norms as norming
from euthymia.care.monitor.contract import Lines
from euthymia.care.monitor.evaluate import Detector
from euthymia.care.monitor.norms import Norms
from euthymia.care.monitor.panel import Features, Panel
from euthymia.care.monitor.score import distances
from euthymia.kernels.watch_peers import HAZARD, RECENT, adwin, bocpd, ewma_each, outlier_days

Floats = NDArray[np.float64]

DELTAS: Final = 10.0 ** -np.arange(0.0, 8.0, 0.5)  # ADWIN's confidence, from hasty to sure
SHORTEST: Final = 5  # values in either part of ADWIN's window: river's default
EWMA_RATE: Final = 0.2
PEER_RELEASE: Final = 0.9  # the best of 0.5, 0.7 and 0.9 for all four

OneScore = Callable[[Floats, Features], Floats]


def _outliers(z: Floats, _: Features) -> Floats:
    out = np.zeros(len(z))
    outlier_days(z, 3, 7, out)
    return out


def _ewma(z: Floats, features: Features) -> Floats:
    out = np.zeros(len(z))
    ewma_each(z, features.worse.astype(np.float64), EWMA_RATE, out)
    return out


def _mean(z: Floats, features: Features) -> Floats:
    """Return the mean of the day's known features in their expected direction."""
    signed = z * np.where(features.worse == 0, np.nan, features.worse)
    known = np.isfinite(signed)
    n = known.sum(axis=1)
    total = np.where(known, signed, 0).sum(axis=1)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def _bocpd(z: Floats, features: Features) -> Floats:
    out = np.zeros(len(z))
    bocpd(_mean(z, features), HAZARD, RECENT, out)
    return out


def _adwin(z: Floats, features: Features) -> Floats:
    """Return how sure ADWIN is: the smallest delta (as -log10, plus 1) at which it alarms."""
    x, out = _mean(z, features), np.zeros(len(z))
    marks = np.zeros(len(z), np.bool_)
    for place, delta in enumerate(DELTAS):
        adwin(x, delta, SHORTEST, marks)
        out[marks] = 1 + place / 2
    return out


def _peer(name: str, score: OneScore) -> Detector:
    def scores(usual: Norms, judge: Panel) -> list[tuple[Floats, Floats]]:
        found = [score(distances(days, usual).z, judge.features) for days in judge.people]
        return [(s, np.zeros(s.size)) for s in found]

    return Detector(name, norming.fit, scores, Lines(1.0, 1.0, release=PEER_RELEASE))


PEERS: Final = (
    _peer("3 of 7 outlier days", _outliers),
    _peer("EWMA per feature", _ewma),
    _peer("BOCPD", _bocpd),
    _peer("ADWIN", _adwin),
)
