"""What the watch says of one person now, in words: for the worklist and the pages."""

from typing import Final, Protocol

import numpy as np
import pyarrow as pa

from euthymia.care.band import is_clock
from euthymia.care.monitor.contract import FAMILY, Note, ScoreStream, from_table
from euthymia.care.monitor.stream import episodes_of
from euthymia.care.monitor.watched import spec
from euthymia.care.words import count_words
from euthymia.ground.audit import Entry
from euthymia.ground.clock import Micros, Timeline
from euthymia.ground.ids import SubjectId

STALE_DAYS: Final = 7  # scores older than a week say nothing of today
TELLING: Final = 0.5  # SD of a smoothed feature: less is not worth naming
FEW_SEEN: Final = 0.5  # of the share of values before: under it, silence is part of the change


class Derived(Protocol):
    """What reads derived rows: the store."""

    def features(self, subject: SubjectId, family: str, audit: Entry) -> pa.Table | None:
        """Return a family's rows; None if there are none."""


def stored_note(
    store: Derived, subject: SubjectId, audit: Entry, zones: Timeline, now: Micros
) -> Note | None:
    """Return the open episode of a person, as it was scored last."""
    table = store.features(subject, FAMILY, audit)
    if table is None or not table.num_rows:
        return None
    today = int(zones.local_day(np.array([now], np.int64))[0])
    return note_of(from_table(table).until(today - 1), today)


def note_of(stream: ScoreStream, today: int) -> Note | None:
    """Return the open episode of a stream; None where there is none or the scores are old."""
    episodes = episodes_of(stream)
    if not episodes or episodes[-1].closed is not None:
        return None
    if today - int(stream.day[-1]) > STALE_DAYS:
        return None
    open_one = episodes[-1]
    inside = stream.day >= open_one.opened
    return Note(
        opened=open_one.opened,
        kind=open_one.kind,
        changes=_changes(stream, inside),
        times_line=open_one.peak,
        days_seen=int((stream.coverage[inside] > 0).sum()),
        days=int(inside.sum()),
        log_e=float(stream.log_e[-1]),
    )


def _changes(
    stream: ScoreStream, inside: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[str, ...]:
    """Say what is farthest from the person's usual, the farthest first."""
    worse = {name: spec(*name.split(".", 1)).worse for name in stream.z}
    at = int(stream.day.size) - 1
    found = []
    for driver in stream.drivers(at, worse):
        toward = driver.z * driver.worse if driver.worse else abs(driver.z)
        if toward >= TELLING:
            feature = spec(*driver.feature.split(".", 1))
            clock = feature.period is not None or is_clock(feature)
            side = ("lower", "higher", "earlier", "later")[(driver.z > 0) + 2 * clock]
            title = feature.title.replace(", ", " ")  # it stands in a list
            found.append(f"{title[0].lower()}{title[1:]} {side}")
    before = stream.coverage[~inside][-56:]
    if before.size and stream.coverage[inside].mean() < FEW_SEEN * before.mean():
        found.append("much less data than usual")
    return tuple(dict.fromkeys(found))  # two devices may tell the same of the same sleep


def change_words(note: Note) -> str:
    """Say what changed against the person's own usual."""
    what = ", ".join(note.changes) or "many small changes together"
    seen = f"{note.days_seen} of {count_words(note.days, 'day')} seen"
    return f"{what} ({seen})"
