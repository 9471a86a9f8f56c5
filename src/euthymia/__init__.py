"""Euthymia: precision mental health care on a clinic's own machines."""

import os as _os

from euthymia.ground import account as _account

_os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""ONNX Runtime, loaded from now on, keeps no number of the machine and tells its maker nothing."""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Give `euthymia.features` to who imports `euthymia` alone."""
    if name != "features":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return import_module("euthymia.features")


def _account_of_the_clinic() -> _account.Account:
    from euthymia.app import privacy

    return privacy


_account.hand_in(_account_of_the_clinic)
