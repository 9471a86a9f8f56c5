"""Every intervention is complete, bounded and measurable, and some rule suggests it."""

import re
from pathlib import Path

import pytest

from euthymia.care import worklist
from euthymia.care.interventions import Intervention, interventions, parse
from euthymia.ground.errors import SchemaError
from euthymia.instruments.catalogue import instruments

FOUND = interventions()
FOLDER = Path(worklist.__file__).parent / "interventions"


@pytest.mark.parametrize("name", FOUND)
def test_it_is_complete_and_bounded(name: str) -> None:
    one = FOUND[name]
    assert 0 <= one.within_days <= 30
    assert one.not_for
    assert one.stop_when
    assert one.outcome in instruments()
    for known in one.evidence:
        assert bool(known.paper) == bool(known.doi)
        assert known.doi == "" or re.fullmatch(r"10\.\d{4,}/\S+", known.doi)
        assert known.paper or known.says.startswith("Unproven")


@pytest.mark.parametrize("name", FOUND)
def test_some_rule_suggests_it(name: str) -> None:
    assert f'"{name}"' in Path(worklist.__file__).read_text(encoding="utf-8")


def test_every_file_is_read() -> None:
    assert sorted(FOUND) == sorted(path.stem for path in FOLDER.glob("*.toml"))


@pytest.mark.parametrize("name", FOUND)
def test_the_step_leaves_open_only_what_a_rule_fills(name: str) -> None:
    open_words = set(re.findall(r"\{(\w*)\}", FOUND[name].step))
    assert open_words <= {"points", "device"}


def test_a_mistake_is_told_by_file_and_field() -> None:
    good = (FOLDER / "check-in.toml").read_text(encoding="utf-8")
    for wrong, says in (
        (good.replace("within_days = 7", 'within_days = "soon"'), "within_days"),
        (good.replace("title =", "tilte ="), "tilte"),
        (good.split("[[evidence]]")[0] + "evidence = []\n", "evidence"),
        ("title =", "mine.toml"),
    ):
        with pytest.raises(SchemaError, match=f"mine.toml.*{says}|{says}"):
            parse(wrong.encode(), "mine.toml")
    assert isinstance(parse(good.encode(), "mine.toml"), Intervention)
