"""Asks a clinic's account before a call from Python looks at people without noise.

The account is the clinic's, which is above this room: it is handed in (`ground/account.py`). Where
this machine has no clinic with a budget, it admits everything.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, Final

import numpy as np

from euthymia.ground.account import account

_FRAMES: Final = ("frame", "source", "against")
"""What the arguments of people's data are called."""


def guarded(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a call that asks the account first, and takes a reason `because` for guarded people.

    Parameters
    ----------
    name : str
        What stands in the account.
    call : callable
        With its data in an argument named `frame`, `source` or `against` (a table), or `person`
        (each row's person, beside arrays).
    """
    plain = signature(call)

    @wraps(call)
    def asked(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as the call has them
        because = named.get("because", "")
        if "because" not in plain.parameters:
            named.pop("because", None)
        held = plain.bind(*given, **named).arguments
        for data in (held[key] for key in _FRAMES if held.get(key) is not None):
            account().admit_call(data, name=name, person=_person(held), because=because)
        if not any(key in held for key in _FRAMES) and held.get("person") is not None:
            table = {"person": np.asarray(held["person"]).astype(np.str_)}
            account().admit_call(table, name=name, person="person", because=because)
        return call(*given, **named)

    asked.__signature__ = _with_reason(plain)  # type: ignore[attr-defined]
    return asked


def paid_by_clinic(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a private run that refuses people who have an account: only the clinic can pay it."""
    plain = signature(call)

    @wraps(call)
    def asked(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as the call has them
        people: Iterable[str] = plain.bind(*given, **named).arguments["frame"].person.tolist()
        account().refuse_guarded(sorted(set(people)))
        return call(*given, **named)

    return asked


def _person(held: dict[str, Any]) -> str:
    """Return the column that names people, as the call or its task says."""
    if isinstance(held.get("person"), str):
        return str(held["person"])
    if "task" not in held:
        return ""
    from euthymia.models.on_tables import table_task

    return table_task(held["task"]).person or ""


def _with_reason(plain: Signature) -> Signature:
    if "because" in plain.parameters:
        return plain
    reason = Parameter("because", Parameter.KEYWORD_ONLY, default="", annotation=str)
    return plain.replace(parameters=[*plain.parameters.values(), reason])
