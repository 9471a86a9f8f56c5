"""Estimators and their cards: tasks, training, release as signed, encrypted ONNX bundles.

>>> from euthymia.models import certify  # each command's twin, for any frame

On a machine with a clinic they ask its account of privacy first, as the commands do: people whom a
budget guards are looked at without noise only for a reason (`models/privacy/gate.py`).
"""

from importlib import import_module
from typing import Final

_TWINS: Final = {
    "audit": "euthymia.models.audits",
    "rank": "euthymia.models.matching.rank",
    "subtypes": "euthymia.models.matching.subtypes",
    "certify": "euthymia.models.matching.certify",
    "regime": "euthymia.models.updating.regime",
    "train_outcome": "euthymia.models.on_tables",
    "train_table": "euthymia.models.on_tables",
    "update": "euthymia.models.updating.weeks",
    "train_private": "euthymia.models.privacy.training",
}
"""What a data scientist calls from Python, and where it is; nothing heavy is imported before."""
_PUBLISHED: Final = frozenset({"rank"})
"""Looks at nobody's data: published trials."""

__all__ = [
    "audit",
    "certify",
    "rank",
    "regime",
    "subtypes",
    "train_outcome",
    "train_private",
    "train_table",
    "update",
]


def __getattr__(name: str) -> object:
    if name in _TWINS:
        found = getattr(import_module(_TWINS[name]), name)
        if name in _PUBLISHED:
            return found
        from euthymia.models.privacy.gate import guarded, paid_by_clinic

        return paid_by_clinic(found) if name == "train_private" else guarded(name, found)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_TWINS])
