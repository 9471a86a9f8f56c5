"""The ledger of epsilon of one clinic: what each data set may still give away, and what it gave.

The account itself is `models/privacy/book.py`. Here it is tied to the home and to the ledger, which
knows the generation of every change: an older copy of the file is noticed.
"""

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.home import Home, default_home
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import EuthymiaError, IntegrityError, SchemaError
from euthymia.models.privacy.accountant import epsilon_of
from euthymia.models.privacy.allowance import Allowance
from euthymia.models.privacy.book import (
    Book,
    BudgetFile,
    DataSet,
    Run,
    digests,
    guards,
    reserve,
    run_without_noise,
    set_budget,
    settle,
)
from euthymia.models.privacy.contract import BudgetError, Charge, Guarantee
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger

if TYPE_CHECKING:
    from euthymia.models.tables import Frame

GENERATION: Final = "budget_generation"
KEY: Final = "privacy budget"
Words = Mapping[str, str | int | float | bool]


def budget_file(clinic: Clinic) -> BudgetFile:
    """Return the ledger of epsilon of a clinic."""

    def tell(generation: int, detail: Words) -> None:
        held: Words = {**detail, GENERATION: generation}
        clinic.ledger.append(
            Entry(shell_actor(), "change privacy budget", Purpose.TRAINING, detail=held)
        )

    return _file(clinic.home, clinic.keyring, clinic.ledger, tell)


def _file(home: Home, keyring: Keyring, ledger: Ledger, tell: Any = None) -> BudgetFile:  # noqa: ANN401
    def told() -> int:
        lines = (int(line.detail.get(GENERATION, 0)) for line in ledger.entries())
        return max(lines, default=0)

    return BudgetFile(home.budget, keyring.derive(KEY), told=told, tell=tell)


def problems(home: Home, keyring: Keyring, ledger: Ledger) -> list[str]:
    """Return what is wrong with the file, by itself and by the ledger's word ([]: nothing)."""
    try:
        _file(home, keyring, ledger).now()
    except IntegrityError as error:
        return [str(error)]
    return []


# -- spending --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """What was set aside for one run of one data set."""

    data_set: str
    run: str
    claim: Guarantee


def people_of(clinic: Clinic, names: Iterable[str], kind: str = "subject") -> set[bytes]:
    """Return the digests under which the account knows people, by pseudonym or identifier."""
    return digests(clinic.keyring.derive(KEY), kind, (name.encode() for name in names))


def rows_of(clinic: Clinic, rows: Iterable[bytes]) -> set[bytes]:
    """Return the digests of what is said of people: the same rows under other names."""
    return digests(clinic.keyring.derive(KEY), "rows", rows)


def set_aside(
    clinic: Clinic, name: str, members: Collection[bytes], *, people: int, claim: Guarantee
) -> Held:
    """Take a run's whole cost off its data set's budget, before the run looks at anybody.

    Raises
    ------
    BudgetError
        The budget does not hold it.
    """
    run = Run(
        id=f"run-{secrets.token_hex(5)}",
        at=clinic.clock().isoformat(timespec="microseconds"),
        by=shell_actor().user,
        what=name,
        epsilon=claim.epsilon,
        delta=claim.delta,
        set_aside=0.0,
        people=people,
    )

    def detail(made: tuple[DataSet, Run]) -> Words:
        return {
            "data_set": made[0].id,
            "run": run.id,
            "epsilon": claim.epsilon,
            "delta": claim.delta,
            "did": "set aside",
        }

    found, _ = budget_file(clinic).change(lambda book: reserve(book, name, members, run), detail)
    return Held(found.id, run.id, claim)


def settled(clinic: Clinic, held: Held, charges: Iterable[Charge], model: str) -> Guarantee:
    """Write down what a finished run paid, and for which model; return what it keeps."""
    made = list(charges)

    def detail(done: tuple[DataSet, Run]) -> Words:
        return {
            "data_set": held.data_set,
            "run": held.run,
            "epsilon": round(epsilon_of(done[1].spent, held.claim.delta), 6),
            "delta": held.claim.delta,
            "model": model,
            "did": "settle",
        }

    _, run = budget_file(clinic).change(
        lambda book: settle(book, held.data_set, held.run, made, model), detail
    )
    epsilon = min(held.claim.epsilon, epsilon_of(run.spent, held.claim.delta))
    return Guarantee(epsilon, held.claim.delta)


def with_cost(error: EuthymiaError, paid: Guarantee) -> EuthymiaError:
    """Return a refusal that says what was paid before it came: nobody would look for that."""
    if paid.epsilon <= 0:
        return error
    words = f"what was counted has cost epsilon {paid.epsilon:.3g} all the same: `euthymia privacy`"
    return type(error)(f"{error}; {words}")


@contextmanager
def stopped_settled(clinic: Clinic, held: Held, account: Allowance) -> Iterator[None]:
    """Settle a run that does not get through: what was paid stays paid, and no more."""
    try:
        yield
    except EuthymiaError as error:
        raise with_cost(error, settled(clinic, held, account.charges, "")) from error
    except BaseException:
        settled(clinic, held, account.charges, "")
        raise


def admit_without_noise(
    clinic: Clinic, name: str, members: Collection[bytes], *, people: int, because: str
) -> None:
    """Let a run without noise look at people, unless a budget guards them and no reason is given.

    Where one guards them and a reason is given the run is written into the account.

    Parameters
    ----------
    name : str
        The task, or the command.

    Raises
    ------
    BudgetError
        A budget guards one of them, and there is no reason.
    """
    if not clinic.home.budget.exists():
        return
    file = budget_file(clinic)
    if guards(file.now(), name, members) is None:
        return
    run = Run(
        id=f"run-{secrets.token_hex(5)}",
        at=clinic.clock().isoformat(timespec="microseconds"),
        by=shell_actor().user,
        what=name,
        epsilon=0.0,
        delta=0.0,
        set_aside=0.0,
        people=people,
        because=because.strip(),
    )

    def detail(found: list[DataSet]) -> Words:
        sets = ", ".join(held.id for held in found)
        return {"data_set": sets, "run": run.id, "did": "run without noise", "because": because}

    file.change(lambda book: run_without_noise(book, name, members, run), detail)


def admit_table(home: Path, data: Path, *, name: str, person: str = "", because: str = "") -> None:
    """Ask the account of a clinic, if there is one, for a run without noise on a table.

    Parameters
    ----------
    person : str
        The column of people; columns that name people are found by their names as well.

    Raises
    ------
    BudgetError
        See `admit_without_noise`.
    """
    if not Home(home).budget.exists() or not data.is_file():
        return
    with Clinic.opened(home) as clinic:
        members = table_members(clinic, data, person)
        admit_without_noise(clinic, name, members, people=0, because=because)


def admit_call(data: "Path | str | Frame", *, name: str, person: str, because: str) -> None:
    """Ask the account of this machine's clinic, if it has one, for a call from Python.

    Raises
    ------
    BudgetError
        See `admit_without_noise`; `because` is then an argument of the call.
    """
    home = default_home()
    if not Home(home).budget.exists():
        return
    if isinstance(data, str | Path) and not Path(data).is_file():
        return  # the call itself says so
    with Clinic.opened(home) as clinic:
        members = table_members(clinic, data, person)
        admit_without_noise(clinic, name, members, people=0, because=because)


def refuse_guarded(people: Collection[str]) -> None:
    """Refuse a private run that no account of this machine's clinic would know of.

    Raises
    ------
    BudgetError
        A budget guards one of the people.
    """
    home = default_home()
    if not Home(home).budget.exists():
        return
    with Clinic.opened(home) as clinic:
        book = budget_file(clinic).now()
        known = people_of(clinic, people, "table") | people_of(clinic, people)
        if guards(book, "", known) is not None:
            raise BudgetError(
                "a privacy budget guards people in these data, and this call would not draw from"
                " it: train with `euthymia train TASK --private --epsilon E`, which pays first;"
                " nothing was computed"
            )


def table_members(clinic: Clinic, data: "Path | str | Frame", person: str = "") -> set[bytes]:
    """Return the digests of a table's people, by the columns that name them and by whole rows."""
    from euthymia.models import tables
    from euthymia.models.matching.trial_people import PERSON_NAMES

    names = tables.read_frame(data).column_names
    table = tables.read_frame(data, as_text=names)
    naming = [n for n in names if n == person or n.lower() in PERSON_NAMES]
    members = {
        d for n in naming for d in people_of(clinic, _known(tables.texts(table, n)), "table")
    }
    columns = [tables.texts(table, n) for n in sorted(names)]
    rows = ("\x1f".join(row).encode() for row in zip(*columns, strict=True))
    return members | digests(clinic.keyring.derive(KEY), "line", rows)


def _known(words: Iterable[str]) -> set[str]:
    return {str(w) for w in words} - {""}


# -- what the command tells ------------------------------------------------------------------------


def _set_told(book: Book, held: DataSet) -> dict[str, Any]:
    spent = book.spent(held)
    left = max(0.0, held.budget - spent)
    runs = book.runs(held)
    return {
        "data_set": held.id,
        "names": held.names,
        "epsilon": held.epsilon,
        "delta": held.delta,
        "spent": _rounded(min(held.epsilon, epsilon_of(spent, held.delta))),
        "left": _rounded(epsilon_of(left, held.delta)),
        "runs": sum(not run.because for _, run in runs),
        "without_noise": sum(bool(run.because) for _, run in runs),
        "unfinished": sum(run.paid is None for _, run in runs),
    }


def _paid(run: Run) -> float:
    return _rounded(min(run.epsilon, epsilon_of(run.spent, run.delta)))


def _state(run: Run) -> str:
    if run.because:
        return "without noise"
    return "finished" if run.paid is not None else "set aside"


def _rounded(epsilon: float) -> float:
    return round(epsilon, 4)


def show(clinic: Clinic) -> list[dict[str, Any]]:
    """Return every data set: its budget, what is spent, and what is left, as epsilon at its delta.

    Epsilons do not add up (two runs at epsilon 1 cost less than epsilon 2): `left` is the epsilon
    that one more run could have at the data set's delta.
    """
    book = budget_file(clinic).now()
    return [_set_told(book, held) for held in book.open_sets()]


def history(clinic: Clinic, name: str | None) -> list[dict[str, Any]]:
    """Return every run, oldest first: who, when, for what, what it cost, item by item."""
    book = budget_file(clinic).now()
    sets = [book.find(name)] if name is not None else book.open_sets()
    return [
        {
            "data_set": held.id,
            "run": run.id,
            "at": run.at,
            "by": run.by,
            "what": run.what,
            "model": run.model,
            "people": run.people,
            "epsilon": None if run.because else _paid(run),
            "delta": run.delta,
            "state": _state(run),
            "because": run.because,
            "items": {
                kind: _rounded(epsilon_of(mu2, run.delta)) for kind, mu2 in run.items.items()
            },
        }
        for held in sets
        for _, run in book.runs(held)
    ]


def change_budget(clinic: Clinic, name: str, budget: Guarantee, because: str) -> dict[str, Any]:
    """Set the budget of a data set (its id, its name, or the name of one to come).

    Raises
    ------
    SchemaError
        Nobody can keep such a budget.
    EuthymiaError
        It is raised, and no reason is given.
    """
    file = budget_file(clinic)

    def how(book: Book) -> dict[str, Any]:
        before = _budget_before(book, name)
        try:
            found = set_budget(book, name, budget)
        except ValueError as error:
            raise SchemaError(str(error)) from error
        raised = before is not None and budget.epsilon > before
        if raised and not because.strip():
            raise EuthymiaError("a budget is not raised without a reason: give --because")
        told = {"data_set": name, "names": [name], "spent": 0.0}
        told |= {"runs": 0, "without_noise": 0, "unfinished": 0}
        if found is not None:
            return _set_told(book, found)
        return {**told, "epsilon": budget.epsilon, "delta": budget.delta, "left": budget.epsilon}

    def detail(_: dict[str, Any]) -> Words:
        words: Words = {"epsilon": budget.epsilon, "delta": budget.delta, "because": because}
        return {"data_set": name, "did": "set budget", **words}

    return file.change(how, detail)


def _budget_before(book: Book, name: str) -> float | None:
    try:
        return book.find(name).epsilon
    except EuthymiaError:
        return book.wanted.get(name, (None, None))[0]


def released(clinic: Clinic) -> Iterator[dict[str, Any]]:
    """Yield each model that was trained under a budget, and what it cost."""
    for line in history(clinic, None):
        if line["model"]:
            yield {key: line[key] for key in ("model", "epsilon", "delta", "people", "at", "items")}
