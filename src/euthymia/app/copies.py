"""Where a clinic's backups lie, so that an erasure can be told to them.

A backup cannot be changed, but the newest list of erased people can be laid beside it, and
`restore` takes it from there. The list of places rests sealed in the home.
"""

from pathlib import Path
from typing import Final

import msgspec

from euthymia.app import tombstones
from euthymia.app.home import Home
from euthymia.ground.errors import IntegrityError
from euthymia.security.envelope import context, seal, unseal
from euthymia.security.key_files import replace_private
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger

LIST: Final = "tombstones"
MANIFEST: Final = "manifest"
_PLACE: Final = context("places of backups", 1)


def places(home: Home, keyring: Keyring) -> list[str]:
    """Return where backups were written, oldest first; IntegrityError if the list was changed."""
    if not home.copies.exists():
        return []
    try:
        raw = unseal(keyring.derive("places of backups"), home.copies.read_bytes(), context=_PLACE)
        return msgspec.json.decode(raw, type=list[str])
    except (IntegrityError, msgspec.DecodeError):
        raise IntegrityError("copies: the list of backups is not as it was written") from None


def remember(home: Home, keyring: Keyring, place: Path) -> None:
    """Add a place, before a backup is there; others where none is any more are dropped."""
    new = str(place.resolve())
    known = [old for old in places(home, keyring) if old != new]
    there = [old for old in known if (Path(old) / MANIFEST).exists()]
    encoded = msgspec.json.encode([*there, new])
    replace_private(home.copies, seal(keyring.derive("places of backups"), encoded, context=_PLACE))


def tell(home: Home, keyring: Keyring, ledger: Ledger, blinds: tuple[str, ...]) -> list[str]:
    """Lay the list of erased people beside each backup; return the places it did not get to."""
    missed = []
    for place in places(home, keyring):
        try:
            if not (Path(place) / MANIFEST).exists():
                raise FileNotFoundError
            tombstones.write(Path(place) / LIST, keyring, ledger, blinds)
        except OSError:
            missed.append(place)
    return missed


def problems(home: Home, keyring: Keyring) -> list[str]:
    """Return what is wrong with the list of backups, in words."""
    try:
        places(home, keyring)
    except IntegrityError as error:
        return [str(error)]
    return []
