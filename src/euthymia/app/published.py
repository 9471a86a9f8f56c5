"""Where a clinic's published evidence lies: for `euthymia rank` and for the page of options."""

import hashlib
import hmac
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from euthymia.app.config import Config, load
from euthymia.app.home import Home
from euthymia.ground.errors import IntegrityError, MissingError
from euthymia.security.key_files import replace_private
from euthymia.security.keys import Keyring

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
    if not folder.is_dir() or not _files(folder):
        raise _nothing_at(folder)
    return folder


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder; hidden ones (a desktop's, a copy's) are no evidence."""
    return sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))


def stamp_of(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when any file of a folder does: names, sizes, times of change."""
    return tuple((f.name, (s := f.stat()).st_size, s.st_ctime_ns) for f in _files(folder))


@lru_cache(maxsize=4)
def _digest(folder: Path, _stamp: tuple[tuple[str, int, int], ...]) -> str:
    running = hashlib.sha256()
    for path in _files(folder):
        whole = hashlib.sha256(path.read_bytes()).hexdigest()
        running.update(f"{whole} {path.name}\n".encode())
    return running.hexdigest()


def _place(home: Home, config: Config) -> Path | None:
    try:
        return evidence_folder(home.path, config.clinic.evidence)
    except MissingError:
        return None


def digest_there(home: Home, config: Config) -> str:
    """Return a digest over the names and bytes of the clinic's evidence; "" where there is none."""
    folder = _place(home, config)
    return _digest(folder, stamp_of(folder)) if folder else ""


def _seal_of(keyring: Keyring, digest: str) -> bytes:
    text = b"evidence\0" + digest.encode()
    return hmac.new(keyring.derive("config"), text, "sha256").hexdigest().encode() + b"\n"


def accept(home: Home, config: Config, keyring: Keyring) -> str:
    """Seal the evidence as it is now; return its digest, "" where there is none."""
    digest = digest_there(home, config)
    if digest:
        replace_private(home.evidence_seal, _seal_of(keyring, digest))
    else:
        home.evidence_seal.unlink(missing_ok=True)
    return digest


def require_accepted(home: Home, config: Config, keyring: Keyring) -> None:
    """Refuse evidence that is not what was accepted: treatments are ranked by it.

    Raises
    ------
    IntegrityError
        A file was changed, added or taken away since, or nothing was ever accepted.
    """
    sealed = home.evidence_seal.read_bytes() if home.evidence_seal.is_file() else b""
    digest = digest_there(home, config)
    if digest and not sealed:
        raise IntegrityError(
            "nobody has accepted the published evidence yet, so no page ranks by it: read it, then "
            "accept it with `euthymia init`"
        )
    if (digest or sealed) and not hmac.compare_digest(sealed, _seal_of(keyring, digest)):
        raise IntegrityError(
            "the folder of published evidence is not as it was accepted; if the change is yours, "
            "accept it with `euthymia init`"
        )


def problems(home: Home, config: Config, keyring: Keyring) -> list[str]:
    """Return what is wrong with the evidence, in words."""
    try:
        require_accepted(home, config, keyring)
    except IntegrityError as error:
        return [f"evidence: {error}"]
    return []


def not_accepted(home: Home, config: Config, keyring: Keyring) -> str:
    """Return what is to be said of the clinic's evidence where nobody has accepted it yet, or "".

    Raises
    ------
    IntegrityError
        It was accepted, and is not as it was then.
    """
    if digest_there(home, config) and not home.evidence_seal.is_file():
        return "nobody of this clinic has accepted this evidence: read it, then run `euthymia init`"
    require_accepted(home, config, keyring)
    return ""


def is_own(given: Sequence[Path], home: Home) -> bool:
    """Tell whether `evidence_at` looks into the folder of a clinic that is there."""
    return not given and not os.environ.get(VARIABLE) and home.exists()


def evidence_at(given: Sequence[Path], home: Path) -> list[Path]:
    """Return where `euthymia rank` looks: where it was told to, else the usual places.

    Those are the folder of `EUTHYMIA_EVIDENCE`, and that of the clinic; where there is no clinic,
    `evidence` in the working directory or beside it.

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
        if settings.is_file():
            raise  # what nobody of the clinic has put there is not ranked in its name
    for place in (Path(FOLDER), Path("../shared/data/evidence")):
        if place.is_dir():
            return [place]
    raise _nothing_at(home / FOLDER)
