"""How a model learns: one file an estimator, one constant `MODEL`."""

from functools import cache
from typing import Final

from euthymia.ground.errors import MissingError, SchemaError
from euthymia.ground.plugins import discover
from euthymia.models.estimators.contract import Model

DEFAULT: Final = "logistic"


@cache
def estimators() -> dict[str, Model]:
    """Return every estimator by its name.

    Raises
    ------
    SchemaError
        A `MODEL` is not a `Model`, or two have the same name.
    """
    found: dict[str, Model] = {}
    for module, model in discover("euthymia.models.estimators", "MODEL").items():
        if not isinstance(model, Model):
            raise SchemaError(f"{module}.MODEL is not a Model; see models/estimators/contract.py")
        if model.name in found:
            raise SchemaError(f"two estimators are called {model.name}; rename one")
        found[model.name] = model
    return found


def estimator(name: str) -> Model:
    """Return an estimator by name.

    Raises
    ------
    MissingError
        There is none of that name.
    """
    found = estimators().get(name)
    if found is None:
        raise MissingError(f"no such estimator; there are {', '.join(estimators())}")
    return found
