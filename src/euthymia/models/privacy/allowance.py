"""A bounded part of a data set's budget, lent to one run."""

from collections.abc import Sequence

from euthymia.models.privacy.accountant import epsilon_of, mu2_of
from euthymia.models.privacy.contract import KINDS, BudgetError, Charge, Guarantee, cost


class Allowance:
    """Keeps the account of one run: what was set aside for it, and what it has paid.

    The whole of it was taken off the data set's budget before the run began, so a run that stops
    half way, or pays less, gets nothing back.
    """

    def __init__(self, epsilon: float, delta: float) -> None:
        self.claim = Guarantee(epsilon, delta)
        self._mu2 = mu2_of(epsilon, delta)
        self._charges: list[Charge] = []

    @property
    def mu2(self) -> float:
        """The cost that was set aside."""
        return self._mu2

    @property
    def left(self) -> float:
        """The mu2 that can still be spent."""
        return max(0.0, self._mu2 - cost(self._charges))

    def left_for(self, part: str) -> float:
        """Return the mu2 that one part of the people can still be asked for."""
        return max(0.0, self._mu2 - cost(c for c in self._charges if c.part in {"", part}))

    @property
    def charges(self) -> Sequence[Charge]:
        """What was paid, in order."""
        return tuple(self._charges)

    @property
    def spent(self) -> Guarantee:
        """What the releases so far keep together, at the claim's delta."""
        epsilon = min(self.claim.epsilon, epsilon_of(cost(self._charges), self.claim.delta))
        return Guarantee(epsilon, self.claim.delta)

    def spend(self, charge: Charge) -> None:
        """Pay for one release."""
        if charge.kind not in KINDS:
            raise ValueError(f"a charge is for one of {', '.join(KINDS)}")
        if not 0 < charge.mu2 < float("inf"):
            raise ValueError("a release costs something: mu2 must be above 0 and finite")
        if cost([*self._charges, charge]) > self._mu2 * (1 + 1e-12):
            raise BudgetError(
                f"the run's epsilon {self.claim.epsilon:g} is spent: the {charge.kind} that was"
                " next would exceed it; nothing was released for it"
            )
        self._charges.append(charge)
