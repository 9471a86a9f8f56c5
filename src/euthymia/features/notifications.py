"""Notifications: how many came, from how many apps, and how many in the small hours."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import SIGNS, hours, labels, logged, phone_seen_us, take, times
from euthymia.features.taken import coverage as share_of
from euthymia.ground.clock import Timeline

LOOKBACK_DAYS: Final = 28  # a log that had an entry lately is kept: a quiet day is then a zero
NIGHT_TO_H: Final = 5


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Count the notifications in each row's stretches of time."""
    time = times(streams, "notifications")
    if time.size == 0 or windows.day.size == 0:
        blank = np.full(windows.day.size, np.nan)
        return Days({f.name: blank for f in FAMILY.features}, np.zeros(windows.day.size))
    app = labels(streams["notifications"], "app")
    taken = take(time, windows)
    known = logged(time, windows, timeline, LOOKBACK_DAYS)
    values = {
        "notifications": taken.count(),
        "notifying_apps": taken.distinct(app),
        "notifications_top_app_pct": 100 * taken.top_share(app),
        "night_notifications": taken.where(hours(timeline, time) < NIGHT_TO_H).count(),
    }
    coverage = share_of(windows, phone_seen_us(streams, ("notifications",), windows))
    return Days(
        {name: np.where(known, value, np.nan) for name, value in values.items()},
        np.where(known, coverage, 0.0),
    )


_NIIMPY = "Ikaheimonen et al. 2023 (niimpy), doi:10.1016/j.softx.2023.101472"
_MEHROTRA = "Mehrotra et al. 2016, doi:10.1145/2858036.2858566"
_LOG = "0 on a day without any only while the log had an entry in the 28 days before"

FAMILY = Family(
    name="notifications",
    version="1",
    title="Notifications",
    streams=("notifications", *SIGNS),
    needs=("notifications",),
    lookback_days=LOOKBACK_DAYS,
    measure=measure,
    coverage="share of the window in which notifications, screen or battery reported at least "
    "every 4 hours",
    features=(
        Feature(
            "notifications",
            "Notifications",
            "{notifications}",
            "Notifications that came in the window.",
            _NIIMPY,
            0,
            None,
            limits=_LOG,
        ),
        Feature(
            "notifying_apps",
            "Apps that sent notifications",
            "{apps}",
            "Different apps that sent a notification in the window.",
            _NIIMPY,
            0,
            None,
            limits=_LOG,
        ),
        Feature(
            "notifications_top_app_pct",
            "Share of the app that sent most",
            "%",
            "100 times the share of the notifications that the most frequent app sent. NaN without "
            "any.",
            _MEHROTRA,
            0,
            100,
            limits="of few notifications it is high by chance",
        ),
        Feature(
            "night_notifications",
            "Notifications in the small hours",
            "{notifications}",
            "Notifications that came from 00:00 to 05:00 local time.",
            _MEHROTRA,
            0,
            None,
            limits=_LOG,
        ),
    ),
)
