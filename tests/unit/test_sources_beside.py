"""Whose a file is, where its name or its folder's is all that says it."""

from pathlib import Path, PurePath

import pytest

from euthymia.ground.records import Samples
from euthymia.sources.beside import Beside
from reading import assert_accounted, read, rejects

EDA = "1714557600.0\n4.0\n0.5\n0.6\n"
COUNTS = "timestamp,activity\n2024-05-01 12:00:00,1\n2024-05-01 12:01:00,2\n"


def people(folder: Path, **options: str) -> set[str]:
    found = read(folder, **options)
    for reading, items in found:
        assert_accounted(reading, items)
    tables = [item.table for _, items in found for item in items if isinstance(item, Samples)]
    return {name for table in tables for name in table.column("subject_id").to_pylist()}


def write(folder: Path, *names: str) -> Path:
    for i, name in enumerate(names):
        path = folder / "study" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = EDA.replace("0.6", f"0.{i}") if path.name == "EDA.csv" else COUNTS
        path.write_text(text, encoding="utf-8")
    return folder / "study"


@pytest.mark.parametrize(
    "names",
    [
        ("S1/Final/EDA.csv", "S1/Midterm 1/EDA.csv", "S2/Final/EDA.csv", "S2/Midterm 1/EDA.csv"),
        ("user_1/Phase.csv", "user_2/Phase.csv"),
        ("a/P1/left.csv", "a/P2/left.csv"),
        ("P1/actigraphy/mine.csv", "P2/actigraphy/mine.csv"),
        ("control/01.csv", "condition/01.csv"),
        ("participant1/mine.csv", "participant2/mine.csv"),
        ("Freda/mine.csv", "Carmen/mine.csv", "Philip/mine.csv", "Crawford/mine.csv"),
    ],
)
def test_a_name_that_folders_beside_each_other_hold_is_nobodys(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    folder = write(tmp_path, *names)
    assert people(folder) == set()
    for _, items in read(folder):
        [reason] = rejects(items)
        assert reason.startswith("whose it is cannot be told")
    one = PurePath(names[0]).parts[0]
    assert people(folder / one, subject="anna") == {"anna"}  # as the message says


@pytest.mark.parametrize(
    ("names", "who"),
    [
        (("P01/E4/EDA.csv", "P02/E4/EDA.csv"), {"P01", "P02"}),
        (("P01/Empatica/1714557600_A1/EDA.csv", "P02/e4_data/EDA.csv"), {"P01", "P02"}),
        (("P01/session1/EDA.csv", "P02/session1/EDA.csv"), {"P01", "P02"}),
        (("week 1/A01.csv", "week 1/A02.csv", "week 2/A01.csv"), {"A01", "A02"}),
        (("2024-05-01/A01.csv", "2024-05-08/A01.csv"), {"A01"}),
        (("P01/x/A01.csv", "P02/x/A02.csv", "A01.csv"), {"A01", "A02"}),
        (("anna.csv", "old/anna.csv"), {"anna"}),
        (("ses-1/sub-1.csv", "ses-2/sub-1.csv"), {"sub-1"}),
        (("baseline/A01.csv", "Follow-up/A01.csv"), {"A01"}),
        (("left wrist/A01.csv", "hip/A01.csv"), {"A01"}),
        (("user_1/Actigraph.csv", "user_2/Actigraph.csv"), {"user_1", "user_2"}),
    ],
)
def test_names_that_tell_people_apart_are_theirs(
    names: tuple[str, ...], who: set[str], tmp_path: Path
) -> None:
    assert people(write(tmp_path, *names)) == who


def test_which_names_are_shared() -> None:
    paths = [PurePath(f"/s/{name}") for name in ("P1/w/a.csv", "P2/w/a.csv", "P1/w/b.csv")]
    beside = Beside(paths)
    assert [beside.shared(path) for path in paths] == [{"w", "a"}, {"w", "a"}, {"w"}]
    assert beside.shared(PurePath("/s/P3/w/c.csv")) == {"w"}
    assert Beside(paths[:1]).shared(paths[0]) == frozenset()
    assert Beside([]).shared(paths[0]) == frozenset()
