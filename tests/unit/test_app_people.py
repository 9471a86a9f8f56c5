"""The care team from the command line: who is named must be somebody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from euthymia.app.clinic import Clinic
from euthymia.app.people import change_care_team
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import MissingError
from small_clinic import copied_clinic

TEAM = ["x|dr-1", "x|dr-2", "y|dr-2", "dr-3"]


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with copied_clinic(tmp_path) as clinic:
        yield clinic


def someone(clinic: Clinic) -> str:
    entry = Entry(Actor("tester", "shell"), "list subjects", Purpose.CARE)
    who = clinic.store.subjects(entry)[0]
    change_care_team(clinic, who, TEAM, sorted(clinic.store.care_team(who)))
    assert change_care_team(clinic, who, [], []) == sorted(TEAM)
    return who


@pytest.mark.parametrize(
    ("user", "says"), [("dr-9", "nobody"), ("dr-2", "several"), ("1", "nobody")]
)
def test_removing_nobody_is_refused(clinic: Clinic, user: str, says: str) -> None:
    who = someone(clinic)
    with pytest.raises(MissingError, match=f"names {says}") as error:
        change_care_team(clinic, who, ["dr-7"], ["dr-3", user])
    assert user not in str(error.value)
    assert clinic.store.care_team(who) == set(TEAM)


@pytest.mark.parametrize(("user", "gone"), [("dr-1", "x|dr-1"), ("y|dr-2", "y|dr-2")])
def test_a_member_is_named_whole_or_by_the_value_alone(
    clinic: Clinic, user: str, gone: str
) -> None:
    who = someone(clinic)
    assert change_care_team(clinic, who, [], [user]) == sorted(set(TEAM) - {gone})
