"""Inputs that once broke a parser do not any more; every parser takes its own seeds."""

from pathlib import Path

import pytest

from fuzz.targets import targets, tried

MENDED = sorted((Path(__file__).parent / "mended").iterdir())


@pytest.mark.parametrize("path", MENDED, ids=lambda path: path.name)
def test_an_input_that_once_broke_a_parser(path: Path) -> None:
    tried(targets()[path.name.partition(".")[0]], path.read_bytes())


@pytest.mark.parametrize("name", sorted(targets()))
def test_the_seeds_are_taken_or_refused(name: str) -> None:
    target = targets()[name]
    seeds = target.seeds()
    assert seeds
    for seed in seeds:
        tried(target, seed)
        tried(target, seed[: len(seed) // 2])
