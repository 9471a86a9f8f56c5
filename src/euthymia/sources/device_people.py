"""Whose an export of a phone, a watch or a ring is: the files do not say, the folder does."""

import re
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
        if name not in _NO_NAME and not _NO_NAME_LIKE.fullmatch(name) and name.strip("/\\"):
            return folder
    return opened.path.stem if root is None else _PART.sub("", folders[root])


def _root(names: list[str]) -> int | None:
    """Return where an export begins: in `takeout/anna/Takeout/Fit` that is the second Takeout."""
    places = [k for k, name in enumerate(names) if _ROOT.fullmatch(name)]
    root = next((k for k in reversed(places) if _TAKEOUT.fullmatch(names[k])), None)
    if root is None:
        return places[0] if places else None
    while root - 1 in places:  # what an archive is called, and the folder in it
        root -= 1
    return root
