"""Where a clinic's published evidence lies: for `euthymia rank` and for the page of options."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from euthymia.app.config import load
from euthymia.ground.errors import MissingError

FOLDER: Final = "evidence"
VARIABLE: Final = "EUTHYMIA_EVIDENCE"
_NONE: Final = (
    "there is no evidence yet, and Euthymia brings none: put tables of published trials into {0},"
    " or give --evidence FILE or DIR.\n"
    "These are public, and are read as they are once they lie there under the name in front:\n{1}\n"
    "Or a table of your own, an arm a row: study, treatment, outcome (response ...), events, n."
    " `euthymia rank --template FILE` writes an example to fill in;"
    " docs/treatment-matching.md has the other layouts"
)
_PUBLIC: Final = {
    "linde2015.csv": ("linde2015", "write.csv(netmeta::Linde2015, FILE, row.names = FALSE)"),
    "ssri_dose.csv": ("ssri_dose", "write.csv(MBNMAdose::ssri, FILE, row.names = FALSE)"),
    "lopez2019.csv": ("lopez2019", "write.csv(metadat::dat.lopez2019, FILE, row.names = FALSE)"),
}
"""Of published networks: a file's name, whose it is, and the line of R that writes it. They are not
shipped: the packages that hold them have licences of their own."""


def _nothing_at(folder: Path) -> MissingError:
    """Return what is missing, and every step that there is to it."""
    from euthymia.models.matching.evidence import CITED

    lines = [f"  {name}: {CITED[key]}; in R: {how}" for name, (key, how) in _PUBLIC.items()]
    return MissingError(_NONE.format(folder, "\n".join(lines)))


def evidence_folder(home: Path, setting: str | None) -> Path:
    """Return the clinic's folder: the setting clinic.evidence, else `evidence` in the home.

    Raises
    ------
    MissingError
        It is not there, or holds nothing.
    """
    folder = Path(setting) if setting else home / FOLDER
    if setting and not folder.is_dir():
        raise MissingError(f"the setting clinic.evidence names {folder}, and there is no folder")
    if not folder.is_dir() or not any(p.is_file() for p in folder.iterdir()):
        raise _nothing_at(folder)
    return folder


def evidence_at(given: Sequence[Path], home: Path) -> list[Path]:
    """Return where `euthymia rank` looks: where it was told to, else the usual places.

    Those are the folder of `EUTHYMIA_EVIDENCE`, that of the clinic, and `evidence` in the working
    directory or beside it.

    Raises
    ------
    MissingError
        There is nothing at any of them.
    """
    if given:
        return list(given)
    named = os.environ.get(VARIABLE)
    if named:
        return [Path(named)]
    settings = home / "euthymia.toml"
    setting = load(settings)[0].clinic.evidence if settings.is_file() else None
    try:
        return [evidence_folder(home, setting)]
    except MissingError:
        if setting:
            raise
    for place in (Path(FOLDER), Path("../shared/data/evidence")):
        if place.is_dir():
            return [place]
    raise _nothing_at(home / FOLDER)
