"""Whose an export of a phone, a watch or a ring is: the files do not say, the folder does."""

import re
from pathlib import PurePath
from typing import Final

from euthymia.sources.contract import Opened

_NO_NAME: Final = frozenset(
    {
        "apple_health_export",
        "export",
        "electrocardiograms",
        "workout-routes",
        "takeout",
        "archive",
        "data",
        "health",
        "fitbit",
        "myfitbitdata",
        "user-site-export",
        "google",
        "health_connect",
        "google_fit",
        "fit",
        "garmin",
        "oura",
        "location_history",
        "timeline",
        "di_connect",
        "fit_uploaded_files",
        "app_data",
        "edf",
        "xdf",
    }
)
_ANYBODYS: Final = frozenset({"data", "export", "archive", "health", "edf", "xdf"})
"""Those of them that people call a folder of several exports as well."""
_NO_NAME_LIKE: Final = re.compile(
    r"""takeout-\d.* | di-connect-.* | uploadedfiles.* | .*_googledata
    | (global|health)[ _]export[ _]data | physical[ _]activity | heart[ _]rate.* | sleep([ _]score)?
    | oxygen[ _]saturation.* | temperature | stress([ _].*)? | personal[ _&]+account | app[ _]data
    | location[ _]history.* | semantic[ _]location[ _]history | (google[ _])?health[ _]connect.*
    | google[ _]fit | fit([ _]data)? | all[ _](data|sessions) | daily[ _]activity[ _]metrics
    | apple[ _]health[ _]export | export[ _-]?\d* | \.\. | \. """,
    re.VERBOSE,
)
"""Folders that a maker puts into its own export: they say what is inside, never whose it is."""
_YEAR: Final = re.compile(r"(19|20)\d\d")
"""A year, where Google keeps one's ways in it (`2023/2023_MAY.json`); else the name of somebody."""
_TAKEOUT: Final = re.compile(r"takeout(-\d.*)?")
_ROOT: Final = re.compile(
    r"""takeout(-\d.*)? | google[ _]health | .*_googledata | global[ _]export[ _]data
    | apple[ _]health[ _]export""",
    re.VERBOSE,
)
"""Folders below which a maker names every folder, by kinds that it changes from year to year."""

PEOPLE: Final = re.compile(
    r"(subject|participant|patient|person|proband|respondent|client)([ _-]?(id|code|nr|no|number))?"
    r"|pid|subj[ _-]?id|seqn",
    re.IGNORECASE,
)
"""Names of a column that says whose each row is."""

_USUAL: Final = frozenset(
    (
        *("export", "exportar", "exporter", "exportieren", "esporta", "health_connect_export"),
        *("records", "timeline", "location-history", "location_history", "health connect"),
    )
)
"""What makers call a file that is all of somebody's export."""
_COPY: Final = re.compile(r"[\s_.-]*(\(?\d[\d\s_.:()t-]*|copy|kopie|copia|copie)\Z")
SEVERAL: Final = (
    "exports that do not say whose they are lie in one folder under different names: put each "
    "person's into a folder of their own, or, if all are one person's, call them alike (export, "
    "export 2)"
)
_PART: Final = re.compile(r"(-\d+)?-\d{3}(\.zip)?$")
"""What tells the parts of one large export apart."""


def person_of(opened: Opened) -> str:
    """Return whose a file is: as ingestion was told, else the nearest folder with an own name.

    Of `anna/apple_health_export/export.xml` (or the same inside `anna.zip`) that is `anna`. All of
    one export is one person's: where no folder above it has a name, that of the export itself.
    """
    if opened.context.subject:
        return opened.context.subject
    folders = opened.path.parent.parts
    root = _root([name.lower() for name in folders])
    for folder in reversed(folders[:root]):
        name = folder.lower()
        if _YEAR.fullmatch(name) and opened.path.name.startswith(f"{name}_"):
            continue
        if not _says_nobody(name) and name.strip("/\\"):
            return folder
    return opened.path.stem if root is None else _PART.sub("", folders[root])


def _says_nobody(name: str) -> bool:
    return name in _NO_NAME or _NO_NAME_LIKE.fullmatch(name) is not None


def in_an_export(path: PurePath) -> bool:
    """Tell whether a file lies in a folder that a maker puts into its own export."""
    names = [name.lower() for name in path.parent.parts]
    near = names[-1] if names else ""
    return _root(names) is not None or (_says_nobody(near) and near not in _ANYBODYS)


def alike(path: PurePath) -> str:
    """Return what copies of one person's export are called alike: `export (1).xml`, "export"."""
    stem = path.stem.lower()
    while (shorter := _COPY.sub("", stem)) not in {"", stem}:
        stem = shorter
    return "" if stem in _USUAL else stem


def _root(names: list[str]) -> int | None:
    """Return where an export begins: in `takeout/anna/Takeout/Fit` that is the second Takeout."""
    places = [k for k, name in enumerate(names) if _ROOT.fullmatch(name)]
    root = next((k for k in reversed(places) if _TAKEOUT.fullmatch(names[k])), None)
    if root is None:
        return places[0] if places else None
    while root - 1 in places:  # what an archive is called, and the folder in it
        root -= 1
    return root
