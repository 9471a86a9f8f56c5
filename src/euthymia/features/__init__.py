"""Feature families: which stream, which window, which kernel, which unit. One file a family.

From Python, without a clinic::

    import euthymia as eu
    frame = eu.features.compute("study/beiwe", families=["mobility"], tz="Europe/Oslo")
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from euthymia.features.recordings import Recordings, from_frames, read
    from euthymia.features.table import compute

__all__ = ["Recordings", "compute", "from_frames", "read"]
_PLACES = dict.fromkeys(("Recordings", "from_frames", "read"), "recordings") | {"compute": "table"}


def __getattr__(name: str) -> object:
    """Import what is asked for, when it is asked for: a command that needs none starts quickly."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
