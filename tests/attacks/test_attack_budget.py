"""Spending more epsilon than there is: by racing, by another name, by an older file, by erasing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import euthymia
from euthymia.app.clinic import Clinic
from euthymia.app.people import erase_subject
from euthymia.app.privacy import (
    admit_without_noise,
    change_budget,
    history,
    people_of,
    problems,
    rows_of,
    set_aside,
    settled,
    show,
)
from euthymia.ground.errors import EuthymiaError, IntegrityError, SchemaError
from euthymia.models.privacy.accountant import mu2_of
from euthymia.models.privacy.contract import BudgetError, Charge, Guarantee
from small_clinic import MINE, OTHERS, subject_of

ONE = Guarantee(1.0, 1e-5)
RACERS = 3


def spend(clinic: Clinic, who=("a", "b", "c"), name="relapse-30d", claim=ONE, people=300):
    return set_aside(clinic, name, people_of(clinic, who), people=people, claim=claim)


RACER = """
import sys, time
from pathlib import Path
from euthymia.app.clinic import Clinic
from euthymia.app.privacy import people_of, set_aside
from euthymia.models.privacy.contract import BudgetError, Guarantee
home, gate = Path(sys.argv[1]), Path(sys.argv[2])
clinic = Clinic.open(home)
print("ready", flush=True)
while not gate.exists():
    time.sleep(0.002)
try:
    who = people_of(clinic, "abc")
    set_aside(clinic, "relapse-30d", who, people=300, claim=Guarantee(1.0, 1e-5))
    print("spent", flush=True)
except BudgetError:
    print("refused", flush=True)
clinic.close()
"""


def test_processes_that_race_do_not_overspend(clinic: Clinic, tmp_path: Path) -> None:
    change_budget(clinic, "relapse-30d", Guarantee(1.2, 1e-5), "")  # one run at epsilon 1, not 2
    gate = tmp_path / "gate"
    command = [sys.executable, "-c", RACER, str(clinic.home.path), str(gate)]
    code = {**os.environ, "PYTHONPATH": str(Path(euthymia.__file__).parents[1])}
    with ExitStack() as ends:
        racers = [
            ends.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=code)
            )
            for _ in range(RACERS)
        ]
        for racer in racers:
            ends.callback(racer.kill)
        assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * RACERS
        gate.touch()
        found = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    assert sorted(found) == ["refused"] * (RACERS - 1) + ["spent"]
    [held] = show(clinic)
    assert held["runs"] == 1
    assert held["spent"] <= 1.2
    assert not clinic.ledger.verify()


@pytest.mark.parametrize("name", ["another-task", "relapse-30d-copy"])
def test_another_name_is_the_same_data_set(clinic: Clinic, name: str) -> None:
    change_budget(clinic, "relapse-30d", Guarantee(1.2, 1e-5), "")
    spend(clinic)
    with pytest.raises(BudgetError, match="budget of data set"):
        spend(clinic, name=name)
    with pytest.raises(BudgetError):  # one person is enough
        spend(clinic, who=("c", "x", "y"), name=name)
    spend(clinic, who=("x", "y"), name=name)  # other people have a budget of their own


def test_the_same_rows_under_other_names_of_people_are_the_same_people(clinic: Clinic) -> None:
    change_budget(clinic, "trial", Guarantee(1.2, 1e-5), "")
    rows = rows_of(clinic, [b"1;2;3", b"4;5;6"])
    set_aside(clinic, "trial", people_of(clinic, "ab") | rows, people=300, claim=ONE)
    with pytest.raises(BudgetError):
        set_aside(clinic, "new", people_of(clinic, "xy") | rows, people=300, claim=ONE)


def test_data_sets_that_turn_out_to_overlap_share_what_the_dearest_spent(clinic: Clinic) -> None:
    for name, epsilon in (("one", 2.0), ("two", 1.4)):
        change_budget(clinic, name, Guarantee(epsilon, 1e-5), "")
    spend(clinic, who=("a", "b"), name="one")
    spend(clinic, who=("x",), name="two", claim=Guarantee(0.5, 1e-5))
    assert len(show(clinic)) == 2
    with pytest.raises(BudgetError):  # the smaller budget holds, and the larger spending
        spend(clinic, who=("a", "x"), name="both")
    spend(clinic, who=("a", "x"), name="both", claim=Guarantee(0.8, 1e-5))
    [held] = show(clinic)
    assert held["epsilon"] == 1.4
    assert held["runs"] == 3
    expected = mu2_of(1.0, 1e-5) + mu2_of(0.8, 1e-5)  # nobody was in both, so not 0.5 too
    left = mu2_of(1.4, 1e-5) - expected
    assert held["left"] == pytest.approx(float(_epsilon(left)), abs=1e-3)


def _epsilon(mu2: float) -> float:
    from euthymia.models.privacy.accountant import epsilon_of

    return epsilon_of(mu2, 1e-5)


@pytest.fixture
def older(clinic: Clinic, tmp_path: Path) -> Iterator[Path]:
    spend(clinic, claim=Guarantee(0.5, 1e-5))
    kept = tmp_path / "older"
    shutil.copy(clinic.home.budget, kept)
    spend(clinic)
    return kept


def test_an_older_file_is_noticed(clinic: Clinic, older: Path) -> None:
    shutil.copy(older, clinic.home.budget)
    for look in (show, spend, lambda c: history(c, None)):
        with pytest.raises(IntegrityError, match="older than the clinic's ledger"):
            look(clinic)
    assert problems(clinic.home, clinic.keyring, clinic.ledger)


def test_a_file_that_is_gone_or_changed_is_noticed(clinic: Clinic, older: Path) -> None:
    whole = clinic.home.budget.read_bytes()
    clinic.home.budget.unlink()
    with pytest.raises(IntegrityError, match="older"):
        spend(clinic)
    for place in (0, 20, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1
        clinic.home.budget.write_bytes(changed)
        with pytest.raises(IntegrityError, match="does not open"):
            show(clinic)
    clinic.home.budget.write_bytes(whole)
    assert show(clinic)
    assert not problems(clinic.home, clinic.keyring, clinic.ledger)


def test_an_older_file_with_new_spending_on_top_is_noticed_too(
    clinic: Clinic, older: Path, tmp_path: Path
) -> None:
    """A copy of the home spends on its own; its file, of the same generation, is brought back."""
    spend(clinic, claim=Guarantee(0.1, 1e-5))
    newest = clinic.home.budget.read_bytes()
    shutil.copy(older, clinic.home.budget)
    with pytest.raises(IntegrityError):
        spend(clinic, claim=Guarantee(0.1, 1e-5))
    clinic.home.budget.write_bytes(newest)
    assert show(clinic)[0]["runs"] == 3


def test_erasing_a_person_gives_no_budget_back(clinic: Clinic) -> None:
    change_budget(clinic, "relapse-30d", Guarantee(1.2, 1e-5), "")
    who = [str(subject_of(clinic, name)) for name in (MINE, OTHERS)]
    spend(clinic, who=who)
    before = show(clinic)
    erase_subject(clinic, MINE)
    assert show(clinic) == before
    with pytest.raises(BudgetError):
        spend(clinic, who=[who[0]])


def test_a_run_that_stopped_half_way_stays_paid_and_one_that_ended_pays_what_it_used(
    clinic: Clinic,
) -> None:
    held = spend(clinic)
    assert show(clinic)[0]["spent"] == pytest.approx(1.0, abs=1e-4)
    assert show(clinic)[0]["unfinished"] == 1
    half = mu2_of(1.0, 1e-5) / 2
    kept = settled(clinic, held, [Charge("fit", "gradients", half)], "relapse-30d@1")
    assert kept.epsilon == pytest.approx(_epsilon(half), rel=1e-6)
    [line] = history(clinic, None)
    assert (line["model"], line["state"]) == ("relapse-30d@1", "finished")
    assert line["items"] == {"fit": pytest.approx(_epsilon(half), abs=1e-4)}
    with pytest.raises(IntegrityError):  # not twice
        settled(clinic, held, [Charge("fit", "gradients", half / 9)], "relapse-30d@1")


def test_nobody_settles_for_more_than_was_set_aside(clinic: Clinic) -> None:
    held = spend(clinic)
    with pytest.raises(IntegrityError):
        settled(clinic, held, [Charge("fit", "too much", mu2_of(1.1, 1e-5))], "relapse-30d@1")


def test_a_budget_is_raised_only_with_a_reason_which_the_ledger_keeps(clinic: Clinic) -> None:
    spend(clinic)
    with pytest.raises(EuthymiaError, match="--because"):
        change_budget(clinic, "relapse-30d", Guarantee(5.0, 1e-5), " ")
    change_budget(clinic, "relapse-30d", Guarantee(5.0, 1e-5), "the ethics board agreed")
    told = [line.detail for line in clinic.ledger.entries() if "budget_generation" in line.detail]
    assert told[-1]["because"] == "the ethics board agreed"
    assert [detail["budget_generation"] for detail in told] == [1, 2]
    change_budget(clinic, "relapse-30d", Guarantee(0.5, 1e-5), "")
    with pytest.raises(BudgetError):
        spend(clinic, claim=Guarantee(0.01, 1e-5))


@pytest.mark.parametrize("claim", [Guarantee(0.0, 1e-5), Guarantee(1.0, 0.5), Guarantee(1, 1e-12)])
def test_a_budget_nobody_can_keep_is_refused(clinic: Clinic, claim: Guarantee) -> None:
    with pytest.raises(SchemaError):
        change_budget(clinic, "relapse-30d", claim, "")


def test_delta_may_not_give_anybody_up(clinic: Clinic) -> None:
    with pytest.raises(SchemaError, match="delta"):
        spend(clinic, claim=Guarantee(1.0, 1e-3), people=300)


def test_the_file_holds_nobody_readable(clinic: Clinic) -> None:
    spend(clinic, who=("very-readable-person",))
    assert b"very-readable" not in clinic.home.budget.read_bytes()
    book_names = [run["what"] for run in history(clinic, None)]
    assert book_names == ["relapse-30d"]


def test_a_run_without_noise_on_guarded_people_needs_a_reason(clinic: Clinic) -> None:
    """Not under another task's name, and not on one of them among many others."""

    def ask(who: str, because: str = "", name: str = "another") -> None:
        admit_without_noise(clinic, name, people_of(clinic, who), people=3, because=because)

    ask("abc")  # no account yet: nothing to guard
    assert show(clinic) == []
    spend(clinic, "abc")
    ask("xyz")
    for who, because in (("cxyz", ""), ("a", " ")):
        with pytest.raises(BudgetError, match="guards people"):
            ask(who, because)
    ask("cxyz", "the board asked")
    [held] = show(clinic)
    assert (held["runs"], held["without_noise"]) == (1, 1)
    assert history(clinic, None)[-1]["because"] == "the board asked"
    change_budget(clinic, "sleep-7d", ONE, "")  # set for people who are to come
    with pytest.raises(BudgetError, match="guards people"):
        ask("pq", name="sleep-7d")
