"""What a data source is: one file in this room with one constant, `SOURCE`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Final

from euthymia.ground.ids import SourceId
from euthymia.ground.records import Item
from euthymia.sources.blob import Blob

Hasher = Callable[[str], str]
"""Turns a phone number or an app's name into a keyed hash. Raw ones never leave a reader."""

ZoneOf = Callable[[SourceId], str | None]
"""Returns the IANA time zone on record for a person, if there is one."""

IDENTITIES_FIRST: Final = 0
"""`Source.order` of formats that bring identities, consents and time zones."""


def _no_zone(_who: SourceId) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Context:
    """What a reader may need to know that is not in the file.

    `subject` overrides whose data it is, for files that do not say. `zone` is taken for wall-clock
    times when `zone_of` does not know the person. `recurring` are names of files, in small letters
    and without their ending, that several folders have.
    """

    hasher: Hasher
    subject: str | None = None
    zone: str = "UTC"
    zone_of: ZoneOf = _no_zone
    recurring: frozenset[str] = frozenset()

    def zone_for(self, who: SourceId) -> str:
        """Return the zone in which wall-clock times of this person are read."""
        return self.zone_of(who) or self.zone


@dataclass(frozen=True, slots=True)
class Part:
    """One physical file. `path` has the folders (an archive counts as one) and no `.gz`."""

    path: PurePath
    blob: Blob


@dataclass(frozen=True, slots=True)
class Opened:
    """One logical file: most are one part; hourly files of one person and stream are many."""

    name: str
    parts: tuple[Part, ...]
    context: Context

    @property
    def path(self) -> PurePath:
        """The path of the first part."""
        return self.parts[0].path

    @property
    def blob(self) -> Blob:
        """The content of the first part."""
        return self.parts[0].blob


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table by its name, and the names that each column it must have may go by."""

    name: str
    columns: tuple[tuple[str, ...], ...]

    def missing(self, header: Sequence[str]) -> list[str]:
        """Return the columns that a header lacks, by their first name."""
        return [names[0] for names in self.columns if not set(names) & set(header)]


@dataclass(frozen=True, slots=True)
class Source:
    """A data source.

    Attributes
    ----------
    name : str
        Also the name in `urn:euthymia:source:<name>`, the identifier system of its people.
    formats : tuple of str
        What its files look like, for messages and documents ("<id>/EDA.csv").
    recognise : callable
        (path, first bytes unpacked) -> how sure, 0 (not mine) to 1. Looks at the content, or at
        the content and the file's name; never at a folder's name alone.
    read : callable
        Yields items such that every row of the file is named by exactly one row number.
    example : callable
        Writes a small valid example into a folder, for the contract tests.
    group : callable, optional
        path -> a key that files of one logical file share, or None.
    headers : tuple of tuple of str
        The columns of each CSV layout: to say what a file with nearly those columns lacks.
    table_of : callable, optional
        path -> which table the name of the file or its folder says it is, if it says so.
    whole : callable, optional
        (path, first bytes) -> whether the file is all of somebody's export, and says not whose.
        Several of them in one folder, each under a name of its own, are several people's.
    by_path : bool
        Its files may say whose they are by their names alone, or their folders': where folders
        beside each other hold the same names, these tell nobody apart, and are refused.
    month_first : bool
        Its tables write 12/31/2024, and it reads that itself, without a dialect's help.
    """

    name: str
    title: str
    formats: tuple[str, ...]
    recognise: Callable[[PurePath, bytes], float]
    read: Callable[[Opened], Iterator[Item]]
    example: Callable[[Path], None]
    group: Callable[[PurePath], str | None] | None = None
    headers: tuple[tuple[str, ...], ...] = ()
    table_of: Callable[[PurePath], NamedTable | None] | None = None
    whole: Callable[[PurePath, bytes], bool] | None = None
    order: int = field(default=IDENTITIES_FIRST + 1)
    by_path: bool = False
    month_first: bool = False
