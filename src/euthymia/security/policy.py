"""Who may do what, for which purpose, to whom. One table; deny by default; a pure function."""

from typing import Final

ROLES: Final = frozenset({"clinician", "coordinator", "scientist", "it", "patient"})
