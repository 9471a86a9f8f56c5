"""Whose a file is: what only its name or its folder's tells is never taken for somebody else's.

The example of every reader that knows people by names of files or folders is laid out for two
people, as studies lay theirs out. Either each is somebody, or the files are refused; never are two
people one.
"""

import shutil
from pathlib import Path

import pytest

from euthymia.ground.records import Item, Observations, Reject, Samples
from euthymia.sources.contract import Source
from euthymia.sources.open import sources
from reading import items_of

INNER = ("E4", "Final", "activity", "data", "export", "fitbit", "watch", "day_1", "2024-05-01")
PEOPLE = ("P01", "P02")


def owners(items: list[Item]) -> set[str]:
    tables = [item.table for item in items if isinstance(item, Observations | Samples)]
    return {name for table in tables for name in table["subject_id"].to_pylist()}


def written(source: Source, folder: Path) -> tuple[list[Path], str | None]:
    """Return the files of a reader's example, and whose they are where a path says so."""
    folder.mkdir()
    source.example(folder)
    files = [p.relative_to(folder) for p in sorted(folder.rglob("*")) if p.is_file()]
    named = [name for name in owners(items_of(folder)) if any(name in str(f) for f in files)]
    own = named[0] if len(named) == 1 else None
    return [f for f in files if own is not None and own in str(f)], own


def laid_out(given: Path, files: list[Path], own: str, home: Path, pattern: str) -> Path:
    """Copy the example for two people: `pattern` names the folder, and what stands for the name."""
    for person in PEOPLE:
        folder, inner = (part.format(p=person) for part in pattern.split(":"))
        for file in files:
            copy = home / folder / str(file).replace(own, inner)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(given / file, copy)
    return home


@pytest.mark.parametrize("source", sources().values(), ids=lambda s: s.name)
def test_two_people_are_never_one(source: Source, tmp_path: Path) -> None:
    given = tmp_path / "given"
    files, own = written(source, given)
    if own is None:
        assert owners(items_of(given)), "the example's content says whose it is"
        return
    apart = owners(items_of(laid_out(given, files, own, tmp_path / "apart", ".:{p}")))
    if apart == {own}:  # the path says it as well, the content decides
        return
    assert len(apart) == len(PEOPLE)
    for place in ("{p}", "study/{p}"):
        for number, inner in enumerate(INNER):
            home = tmp_path / f"{place.partition('/')[0]}-{number}"
            items = items_of(laid_out(given, files, own, home, f"{place}:{inner}"))
            refused = any(isinstance(item, Reject) for item in items)
            assert len(owners(items)) == len(PEOPLE) or (refused and not owners(items)), inner
