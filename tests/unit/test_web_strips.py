"""The time line: what its lanes say of days that are not drawn, and how long texts begin."""

from types import SimpleNamespace
from typing import Any

from euthymia.app.web.retold import retold
from euthymia.app.web.strips import BEGUN_MOST, strip_of
from euthymia.care.events import Event, Medication


def view(**known: Any) -> Any:
    nothing: dict[str, Any] = {"scores": (), "events": (), "medications": (), "gaps": ()}
    return SimpleNamespace(first_day=20_600, today=20_780, **nothing | known)


def lane(title: str, **known: Any) -> str:
    return next(one.words for one in strip_of(view(**known)).lanes if one.title == title)


def test_a_prescription_of_before_the_days_shown_is_not_nothing() -> None:
    words = lane("Medication", medications=(Medication("venlafaxine", 20_548, 20_548, 1),))
    assert words == "nothing in the days shown; last before, on 5 April"
    assert retold(words, "es") == "nada en los días mostrados; lo último antes, el 5 de abril"
    assert lane("Medication") == "nothing in the days shown"


def test_a_long_note_is_cut_between_words() -> None:
    for text in ("The sister is worried. " * 20, "x" * 300):
        (row,) = strip_of(view(events=(Event(20_700, "Note", text, 20_700),))).rows
        begun = row.words.removesuffix(" …")
        assert text.startswith(begun)
        assert BEGUN_MOST / 2 < len(begun) <= BEGUN_MOST
        assert text[len(begun)] == " " or " " not in text
