"""The care team from the command line: who is named must be somebody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from euthymia.app.clinic import Clinic
from euthymia.app.people import change_care_team
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import MissingError
from euthymia.ground.ids import SubjectId
from small_clinic import MINE, copied_clinic, give_features, subject_of

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


def test_what_was_read_of_a_person_in_a_run_is_not_read_again(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_features(clinic, MINE)
    who, asked, read = subject_of(clinic, MINE), [], clinic.store.features
    entry = Entry(Actor("tester", "shell"), "ask model", Purpose.CARE, who)
    steps = read(who, "steps", entry)

    def told(subject: SubjectId, name: str, audit: Entry) -> object:
        asked.append(name)
        return read(subject, name, audit)

    monkeypatch.setattr(clinic.store, "features", told)
    data = clinic.subject_on_demand(who, entry, {"steps": steps})
    assert data.features["steps"] is steps
    assert data.features["mobility"].num_rows
    assert asked == ["mobility"]
