"""Files whose names cannot tell whose they are, since folders beside each other hold the same ones.

Of `P01/watch/EDA.csv` and `P02/watch/EDA.csv`, or of `P01/activity.csv` and `P02/activity.csv`, the
folder `watch` and the file `activity` are no names of people: read as such, two people were one.
Folders of uploads (`2024-05-01`, `week 2`), of visits (`baseline`), of where a device is worn and
of sensors do hold the same people again.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Final

from euthymia.ground.errors import SourceError
from euthymia.ground.records import Item, Observations, Samples

_AGAIN: Final = re.compile(
    r"""(19|20)\d\d [-_.]? (0[1-9]|1[0-2]) ([-_.]? [0-3]\d)? .* | (ses|run|t)[ _-]?\d+
    | (.*[^a-z])? (
        uploads?|exports?|batch|downloads?|dump|backup|copy|takeout|sync|raw|processed
        |part|week|month|wave|visit|day|night|session|trial|phase|round
        |baseline|follow[ _-]?up|screening|intake|admission|discharge|pre|post|before|after
        |wrist|waist|hip|ankle|chest|arm|left|right
        |acti(graph|graphy|watch)|activity|acc|accel\w*|motion|steps|sleep|heart|hr|ecg|eeg|eda|psg
        |light|watch|gps|gyro|magnetometer|proximity|reachability|bluetooth|wifi|power\w*|calls|texts
        |survey\w*|audio\w*
    ) ([^a-z].*)?""",
    re.VERBOSE | re.IGNORECASE,
)
"""Folders of uploads, visits, places of the body, and sensors."""
_WHOSE: Final = (
    "whose it is cannot be told: it would be known by the name of its file or folder, and folders "
    "beside each other hold one of that name; name each by its person, or read the folder of each "
    "person by itself and say whose it is (--subject)"
)

_Place = tuple[tuple[str, ...], tuple[str, ...]]
"""Folders, and (after one that is left open) those below it down to a name."""
NEAR: Final = 3  # a name at most so many folders below those that are compared


class Beside:
    """Which names are held, in the same place, by several folders that lie beside each other."""

    def __init__(self, paths: Iterable[PurePath]) -> None:
        every = [_names(path) for path in paths]
        self._above = min((_alike(every[0], names) for names in every), default=0)
        self._holders: dict[_Place, set[str]] = {}
        for names in every:
            for _, place, holder in self._places(names):
                self._holders.setdefault(place, set()).add(holder)

    def shared(self, path: PurePath) -> frozenset[str]:
        """Return the names of a path (its folders' and its own) that tell nobody apart."""
        return frozenset(
            name
            for name, place, _ in self._places(_names(path))
            if self._of_people(self._holders.get(place, set()))
        )

    def _places(self, names: tuple[str, ...]) -> Iterator[tuple[str, _Place, str]]:
        """Yield each name, the folders it lies in, and one of them that others may lie beside."""
        for i in range(self._above + 1, len(names)):
            for j in range(max(self._above, i - NEAR), i):
                yield names[i], (names[:j], names[j + 1 : i + 1]), names[j]

    @staticmethod
    def _of_people(holders: set[str]) -> bool:
        return len(holders) > 1 and not all(_AGAIN.fullmatch(name) for name in holders)


def _names(path: PurePath) -> tuple[str, ...]:
    return (*path.parent.parts, path.stem)


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Return how many folders two files share, from the top."""
    pairs = zip(one[:-1], other[:-1], strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)) - 1)


def checked(items: Iterator[Item], shared: frozenset[str]) -> Iterator[Item]:
    """Yield items of one file.

    Raises
    ------
    SourceError
        The first that says whose it is has one of the names in `shared`.
    """
    told = False
    for item in items:
        if not told and isinstance(item, Samples | Observations) and item.table.num_rows:
            told = True
            if item.table.column("subject_id")[0].as_py() in shared:
                raise SourceError(_WHOSE)
        yield item
