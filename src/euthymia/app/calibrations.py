"""The norms and lines of the watch, sealed in the home."""

from typing import Final

from euthymia.app.home import Home
from euthymia.care.monitor.calibration import Calibration, decode
from euthymia.ground.errors import IntegrityError
from euthymia.security.envelope import context, seal, unseal
from euthymia.security.key_files import replace_private
from euthymia.security.keys import Keyring

LABEL: Final = "watch calibration"
_PLACE: Final = context(LABEL, 1)


def write(home: Home, keyring: Keyring, made: Calibration) -> None:
    """Keep a calibration in place of the one before."""
    replace_private(home.watch, seal(keyring.derive(LABEL), made.encode(), context=_PLACE))


def read(home: Home, keyring: Keyring) -> Calibration | None:
    """Return the calibration of this clinic; None before the first run of the watch.

    Raises
    ------
    IntegrityError
        It is not as it was written.
    """
    if not home.watch.exists():
        return None
    try:
        return decode(unseal(keyring.derive(LABEL), home.watch.read_bytes(), context=_PLACE))
    except IntegrityError:
        raise IntegrityError(
            "watch.sealed is not as it was written: remove it, and `euthymia watch` sets norms and "
            "lines anew"
        ) from None


def problems(home: Home, keyring: Keyring) -> list[str]:
    """Return what is wrong with the calibration, in words."""
    try:
        read(home, keyring)
    except IntegrityError as error:
        return [str(error)]
    return []
