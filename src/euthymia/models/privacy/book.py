"""The ledger of epsilon: one sealed file of a clinic, changed under a lock.

A data set is known by the people in it, not by its name: whatever holds one of them shares the
account, under whichever name or digest it is released next. People are held as keyed digests, which
stay when a person is erased: what was spent on them stays spent.
"""

import fcntl
import hmac
import math
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from euthymia.ground.errors import IntegrityError, MissingError, SchemaError
from euthymia.models.privacy.accountant import epsilon_of, mu2_of
from euthymia.models.privacy.contract import BudgetError, Charge, Guarantee, cost
from euthymia.security.envelope import context, seal, unseal
from euthymia.security.key_files import replace_private

DEFAULT: Final = Guarantee(3.0, 1e-5)
"""The budget of a data set for which none was set: the largest epsilon at which the worst case of
membership inference stays within 5.5 % true positives at 1 % false ones."""
_PLACE: Final = context("privacy budget", 1)
_DIGEST_BYTES: Final = 16
T = TypeVar("T")


class Run(msgspec.Struct):
    """One run that spent from a data set: what was set aside, and what it paid once it was done.

    `paid` is None while it runs, and for ever where it stopped half way: then all of it is spent.
    """

    id: str
    at: str
    by: str
    what: str
    epsilon: float
    delta: float
    set_aside: float
    people: int
    paid: float | None = None
    items: dict[str, float] = {}
    model: str = ""
    because: str = ""
    """Why it ran without noise; empty for one that paid. It costs nothing and keeps no claim."""

    @property
    def spent(self) -> float:
        """The mu2 that counts."""
        return self.set_aside if self.paid is None else self.paid


class DataSet(msgspec.Struct):
    """People whose data were released together at some time, and what was spent on them.

    `before` are the data sets that became one in this one: nobody was in two of them, so their
    spending does not add up, and the dearest counts.
    """

    id: str
    names: list[str]
    epsilon: float
    delta: float
    people: bytes = b""
    before: list[str] = []
    runs: list[Run] = []
    became: str = ""

    @property
    def budget(self) -> float:
        """The mu2 that may be spent in all."""
        return mu2_of(self.epsilon, self.delta)

    def holds(self, digests: Collection[bytes]) -> bool:
        """Tell whether any of these people is in it."""
        held_ = range(0, len(self.people), _DIGEST_BYTES)
        return any(self.people[i : i + _DIGEST_BYTES] in digests for i in held_)

    def take_in(self, digests: Iterable[bytes]) -> None:
        """Remember more people; the order says nothing of when."""
        known = range(0, len(self.people), _DIGEST_BYTES)
        every = {self.people[i : i + _DIGEST_BYTES] for i in known} | set(digests)
        self.people = b"".join(sorted(every))


class Book(msgspec.Struct):
    """All of it. `wanted`: budgets set by name, before or after there is a data set."""

    generation: int = 0
    sets: dict[str, DataSet] = {}
    wanted: dict[str, tuple[float, float]] = {}

    def spent(self, held_: DataSet) -> float:
        """Return the mu2 spent on the person who was spent on most."""
        before = max((self.spent(self.sets[name]) for name in held_.before), default=0.0)
        return (before + math.fsum(run.spent for run in held_.runs)) * (1 + 1e-15)

    def open_sets(self) -> list[DataSet]:
        """Return the data sets that have not become part of another, oldest first."""
        return [held_ for held_ in self.sets.values() if not held_.became]

    def find(self, name: str) -> DataSet:
        """Return a data set by its id or one of its names."""
        found = [s for s in self.open_sets() if name == s.id or name in s.names]
        if len(found) != 1:
            several = "several data sets have" if found else "no data set has"
            raise MissingError(f"{several} that name: `euthymia privacy` lists them by id")
        return found[0]

    def runs(self, held_: DataSet) -> list[tuple[str, Run]]:
        """Return (data set, run) of a data set and of all that became it, oldest first."""
        every = [(held_.id, run) for run in held_.runs]
        for name in held_.before:
            every += self.runs(self.sets[name])
        return sorted(every, key=lambda pair: pair[1].at)


def digests(key: bytes, kind: str, values: Iterable[bytes]) -> set[bytes]:
    """Return keyed digests of people's names, or of their rows, for `reserve`."""
    place = context("privacy member", kind)
    return {hmac.digest(key, place + value, "sha256")[:_DIGEST_BYTES] for value in values}


class BudgetFile:
    """The book on disk; safe for several processes.

    Parameters
    ----------
    path : Path
        Made on the first change; a hidden lock file lies beside it.
    key : bytes
        Seals it.
    told : callable
        Returns the largest generation that the clinic's ledger knows of.
    tell : callable
        Writes a new generation to that ledger, before anything is spent.
    """

    def __init__(
        self,
        path: Path,
        key: bytes,
        *,
        told: Callable[[], int],
        tell: Callable[[int, Mapping[str, str | int | float | bool]], None],
    ) -> None:
        self.path = path
        self._key = key
        self._told = told
        self._tell = tell

    def now(self) -> Book:
        """Return the book.

        Raises
        ------
        IntegrityError
            The file was changed, or somebody put an older one in its place.
        """
        told = self._told()  # before the file is read: it may only be ahead
        book = self._load()
        if book.generation < told:
            raise IntegrityError(
                "the ledger of epsilon is older than the clinic's ledger tells: somebody put back "
                "an earlier copy or removed it; restore the newest"
            )
        return book

    def change(
        self,
        how: Callable[[Book], T],
        detail: Callable[[T], Mapping[str, str | int | float | bool]],
    ) -> T:
        """Apply a change, one at a time over all processes, and tell it before returning."""
        with self._alone():
            book = self.now()
            result = how(book)
            book.generation += 1
            plain = msgspec.msgpack.encode(book)
            replace_private(self.path, seal(self._key, plain, context=_PLACE))
            self._tell(book.generation, detail(result))
        return result

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = self.path.with_name(f".{self.path.name}.lock")
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _load(self) -> Book:
        try:
            sealed = self.path.read_bytes()
        except FileNotFoundError:
            return Book()
        try:
            plain = unseal(self._key, sealed, context=_PLACE)
            return msgspec.msgpack.decode(plain, type=Book)
        except (IntegrityError, msgspec.DecodeError):
            raise IntegrityError(
                "the ledger of epsilon does not open: it was changed, or belongs to another "
                "clinic; restore it from a backup"
            ) from None


def set_budget(book: Book, name: str, budget: Guarantee) -> DataSet | None:
    """Set the budget of a data set, or of one to come under this name."""
    mu2_of(budget.epsilon, budget.delta)
    book.wanted[name] = (budget.epsilon, budget.delta)
    try:
        found = book.find(name)
    except MissingError:
        return None
    found.epsilon, found.delta = budget.epsilon, budget.delta
    return found


def _data_set(book: Book, name: str, members: Collection[bytes]) -> DataSet:
    """Return the one data set that all of these people belong to from now on."""
    mine = [held_ for held_ in book.open_sets() if held_.holds(members)]
    if len(mine) == 1:
        found = mine[0]
    else:
        epsilon, delta = book.wanted.get(name, (DEFAULT.epsilon, DEFAULT.delta))
        found = DataSet(f"d-{secrets.token_hex(5)}", [], epsilon, delta)
        for older in mine:  # the smallest budget holds for all
            older.became = found.id
            found.before.append(older.id)
            found.names += [known for known in older.names if known not in found.names]
            found.take_in([older.people[i : i + 16] for i in range(0, len(older.people), 16)])
            if older.budget < found.budget:
                found.epsilon, found.delta = older.epsilon, older.delta
        book.sets[found.id] = found
    found.take_in(members)
    if name not in found.names:
        found.names.append(name)
    return found


def reserve(book: Book, name: str, members: Collection[bytes], run: Run) -> tuple[DataSet, Run]:
    """Set the whole cost of a run aside.

    Raises
    ------
    BudgetError
        The data set's budget does not hold it.
    SchemaError
        Delta is too large for so few people.
    """
    if run.delta * run.people > 0.1:
        raise SchemaError(
            f"delta {run.delta:g} is too large for this many people: at most a tenth of one person "
            "may be given up by it; choose delta below 0.1 / people"
        )
    run.set_aside = mu2_of(run.epsilon, run.delta)
    found = _data_set(book, name, members)
    spent = book.spent(found)
    if spent + run.set_aside > found.budget * (1 + 1e-12):
        left = max(0.0, found.budget - spent)
        raise BudgetError(
            f"the privacy budget of data set {found.id} is epsilon {found.epsilon:g} at delta "
            f"{found.delta:g}; epsilon {epsilon_of(spent, found.delta):.3g} of it is spent, and "
            f"epsilon {run.epsilon:g} more would exceed it. At most epsilon "
            f"{math.floor(1000 * epsilon_of(left, run.delta)) / 1000:g} (delta {run.delta:g}) is "
            "left; nothing was computed"
        )
    found.runs.append(run)
    return found, run


def guards(book: Book, name: str, members: Collection[bytes]) -> list[DataSet] | None:
    """Return the data sets that hold one of these people; None where no budget guards them.

    A budget guards people once it was set for their data set's name, or anything was paid from it.
    """
    mine = [held_ for held_ in book.open_sets() if held_.holds(members)]
    paid = any(not run.because for held_ in mine for _, run in book.runs(held_))
    named = name in book.wanted or any(n in book.wanted for held_ in mine for n in held_.names)
    return mine if paid or named else None


def run_without_noise(book: Book, name: str, members: Collection[bytes], run: Run) -> list[DataSet]:
    """Write down a run without noise on people whom a budget guards, with the reason for it.

    Raises
    ------
    BudgetError
        A budget guards them, and no reason is given.
    """
    mine = guards(book, name, members)
    if mine is None:
        return []
    if not run.because:
        ids = ", ".join(held_.id for held_ in mine) or name
        raise BudgetError(
            f"a privacy budget guards people in these data (data set {ids}), and a run without"
            " noise costs more than any budget holds. Train with --private --epsilon E, or say with"
            " --because why its figures may be seen inside the clinic: that is written down;"
            " nothing was computed"
        )
    run.set_aside, run.paid = 0.0, 0.0
    found = mine or [_data_set(book, name, members)]
    for held_ in found:
        held_.runs.append(run)
    return found


def settle(
    book: Book, data_set: str, run: str, charges: Iterable[Charge], model: str
) -> tuple[DataSet, Run]:
    """Write down what a finished run paid; what it did not use is no longer set aside.

    Raises
    ------
    IntegrityError
        It claims to have paid more than was set aside, or was settled before.
    """
    made = list(charges)
    found = next(
        (r for _, r in book.runs(_now_in(book, data_set)) if r.id == run and r.paid is None), None
    )
    if found is None or cost(made) > found.set_aside * (1 + 1e-9):
        raise IntegrityError("this run cannot be settled: train again")
    found.paid = min(cost(made), found.set_aside)
    items: dict[str, list[Charge]] = {}
    for charge in made:
        items.setdefault(charge.kind, []).append(charge)
    found.items = {kind: cost(charges_) for kind, charges_ in items.items()}
    found.model = model
    return _now_in(book, data_set), found


def _now_in(book: Book, data_set: str) -> DataSet:
    found = book.sets[data_set]
    while found.became:
        found = book.sets[found.became]
    return found
