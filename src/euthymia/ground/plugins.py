"""Find the plug-ins of a room: modules with one constant, and third parties' entry points."""

import importlib
import pkgutil
from importlib.metadata import entry_points


def discover(package: str, constant: str) -> dict[str, object]:
    """Return `{module name: the constant}` for each module of `package` that defines it.

    Parameters
    ----------
    package : str
        A room, such as ``"euthymia.sources"``. Installed distributions add to it with an entry
        point group of the same name.
    constant : str
        Such as ``"SOURCE"``.
    """
    room = importlib.import_module(package)
    found: dict[str, object] = {}
    for info in pkgutil.iter_modules(room.__path__):
        module = importlib.import_module(f"{package}.{info.name}")
        if constant in vars(module):
            found[info.name] = vars(module)[constant]
    for point in entry_points(group=package):
        found[point.name] = point.load()
    return dict(sorted(found.items()))
