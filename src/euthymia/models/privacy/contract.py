"""What everything that releases a number about a protected data set must ask first.

The unit is the person: the claim holds for the output with and without all rows of any one person.
A cost is `mu2`, the squared parameter of Gaussian differential privacy (Dong, Roth & Su 2022,
doi:10.1111/rssb.12454): (L2 sensitivity / noise standard deviation) squared. Costs of one data set
add up, whoever asks and in whatever order; zero-concentrated DP's rho is mu2 / 2.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from euthymia.ground.errors import EuthymiaError

KINDS: Final = (
    "bounds",
    "fit",
    "tuning",
    "calibration",
    "threshold",
    "evaluation",
    "group audit",
    "statistic",
)
"""What a charge can be for."""


class BudgetError(EuthymiaError):
    """The privacy budget does not allow this release; nothing was computed and nothing paid."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One release that is about to be made.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    what : str
        In words, without a value of anybody: "relapse-30d: 40 gradient steps".
    mu2 : float
        (L2 sensitivity to one person / noise standard deviation) squared, over the whole release.
    part : str
        The part of the people that it looks at, where they were dealt into parts by a rule that
        looks at each person alone; "" for all. Nobody is in two parts, so parts do not add up.
    """

    kind: str
    what: str
    mu2: float
    part: str = ""


def cost(charges: Iterable[Charge]) -> float:
    """Return the mu2 of charges together, rounded up: those of the dearest part count."""
    parts: defaultdict[str, list[float]] = defaultdict(list)
    for charge in charges:
        parts[charge.part].append(charge.mu2)
    everybody = parts.pop("", [])
    dearest = max((math.fsum(costs) for costs in parts.values()), default=0.0)
    return (math.fsum(everybody) + dearest) * (1 + 1e-15)


@dataclass(frozen=True, slots=True)
class Guarantee:
    """The claim: (epsilon, delta)-differential privacy for adding or removing one person."""

    epsilon: float
    delta: float
    unit: str = "person"


class Budget(Protocol):
    """Whoever keeps the account of one data set. Pay before the data are looked at."""

    def spend(self, charge: Charge) -> None:
        """Pay for one release; what is paid is never given back.

        Raises
        ------
        BudgetError
            The budget does not hold that much any more.
        """

    @property
    def left(self) -> float:
        """The mu2 that can still be spent."""

    @property
    def charges(self) -> Sequence[Charge]:
        """What was paid through this object, in order."""
