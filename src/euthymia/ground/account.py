"""Where rooms below find the clinic's account of privacy, which is kept above them.

The package itself hands the account in (`euthymia/__init__.py`), so that nothing here or below
names what is above. It is only looked for when a call from Python looks at people without noise.
"""

from collections.abc import Callable, Collection
from typing import Protocol

from euthymia.ground.errors import EuthymiaError


class Account(Protocol):
    """What a clinic's account of privacy is asked; `app/privacy.py` answers."""

    def admit_call(self, data: object, *, name: str, person: str, because: str) -> None:
        """Refuse (BudgetError) a look without noise, for no reason, at people a budget guards."""

    def refuse_guarded(self, people: Collection[str]) -> None:
        """Refuse (BudgetError) a private run on such people that no account would know of."""


_KEEPERS: list[Callable[[], Account]] = []


def hand_in(keeper: Callable[[], Account]) -> None:
    """Say who keeps the account, in the place of whoever was said before."""
    _KEEPERS[:] = [keeper]


def account() -> Account:
    """Return the account.

    Raises
    ------
    EuthymiaError
        Nobody handed one in: whether people are guarded cannot be told, so nothing is computed.
    """
    if not _KEEPERS:
        raise EuthymiaError("no account of privacy was handed in: `import euthymia` does that")
    return _KEEPERS[0]()
