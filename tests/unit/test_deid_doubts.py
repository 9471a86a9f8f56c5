"""What the tagger marks and the words around it speak against: dropped, and nothing else."""

import pytest

from euthymia.gateway.deid.contract import Kind, Lang, Span
from euthymia.gateway.deid.doubts import believed
from euthymia.gateway.deid.fold import fold_each
from euthymia.gateway.deid.lexicon import lexicon
from euthymia.gateway.deid.repeats import alike, repeated
from euthymia.gateway.deid.tokens import tokens_of

STANDS: list[tuple[str, str, Kind]] = [
    ("he saw Marlow today", "Marlow", Kind.PERSON),
    ("He saw Marlow Quenthi today", "Marlow Quenthi", Kind.PERSON),
    ("saw X today", "X", Kind.PERSON),  # an initial
    ("Mark called the ward", "Mark", Kind.PERSON),
    ("seen at Hulvane Clinic today", "Hulvane Clinic", Kind.HOSPITAL),
    ("call 5550142 now", "5550142", Kind.PHONE),
    ("room 14322 now", "14322", Kind.ID),
    ("aged 7 today", "7", Kind.AGE),
    ("in 1987 he", "1987", Kind.DATE),  # no time of day
    ("on 4/28 again", "4/28", Kind.DATE),
    ("March 12 he came", "March", Kind.DATE),
    ("write ana@x.org now", "ana@x.org", Kind.EMAIL),
    ("at 10.1.2.3 now", "10.1.2.3", Kind.IP),
    ("see zq.org now", "zq.org", Kind.URL),
]
FALLS: list[tuple[str, str, Kind]] = [
    ("he saw table today", "table", Kind.PERSON),
    ("saw x today", "x", Kind.PERSON),
    ("saw MRN today", "MRN", Kind.PERSON),
    ("a Judgement Fair today", "Fair", Kind.PERSON),
    ("ran a Marlow fever today", "Marlow", Kind.PERSON),
    ("Mark your answers here", "Mark", Kind.PERSON),
    ("Faith is important to him", "Faith", Kind.PERSON),
    ("Sandy and warm beaches", "Sandy", Kind.PERSON),
    ("seen at the clinic today", "the clinic", Kind.HOSPITAL),
    ("the ABCD today", "ABCD", Kind.ORGANISATION),
    ("call the ward now", "the ward", Kind.PHONE),
    ("room 12 now", "12", Kind.ID),
    ("urine SG 1.003 now", "003", Kind.ID),
    ("ferritin 12.4 now", "12.4", Kind.ID),
    ("rate 4/10 again", "4/10", Kind.DATE),
    ("for 3-4 weeks again", "3-4 weeks", Kind.DATE),
    ("on 4/28/1 again", "4/28", Kind.DATE),  # half of a date
    ("on 1 2 he", "1 2", Kind.DATE),
    ("March around the ward daily", "March", Kind.DATE),
    ("write anax now", "anax", Kind.EMAIL),
    ("at 10.1 now", "10.1", Kind.IP),
    ("see zq now", "zq", Kind.URL),
]


def spanned(text: str, part: str, kind: Kind, sure: float = 0.9) -> Span:
    start = text.index(part)
    return Span(start, start + len(part), kind, sure, "tagger")


@pytest.mark.parametrize("stands", [True, False])
def test_a_mark_falls_for_a_reason_and_stands_without_one(stands: bool) -> None:
    lang: Lang = "en"
    for text, part, kind in STANDS if stands else FALLS:
        span, tokens = spanned(text, part, kind), tokens_of(text, lang)
        found = believed([span], fold_each(text), tokens, lexicon(lang))
        assert found == ([span] if stands else []), text


def again(text: str, part: str, kind: Kind, sure: float) -> list[str]:
    found = repeated(text, [spanned(text, part, kind, sure)], tokens_of(text, "en"))
    return [text[s.start : s.end] + str(s.start) for s in found]


def test_only_what_is_sure_is_taken_out_in_its_other_places() -> None:
    text = "Marlow came. Marlow, Marlowe and xMarlow left. table, Marlow2 and Marlow"
    assert again(text, "Marlow", Kind.PERSON, 0.99) == ["Marlow13", "Marlow66"]
    assert again(text, "Marlow", Kind.PERSON, 0.5) == []
    assert again("table or table", "table", Kind.PERSON, 0.99) == []
    assert again("May 3 and May 3", "May 3", Kind.DATE, 0.99) == []


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("MRN AB12345 and CD67890, not ab11111, AB1234 or 12345", ["CD67890"]),
        ("no 20-337-41 and 20-373-41 or 12-345", ["20-373-41"]),
        ("no 123456 and 654321 or 12345", ["654321"]),
        ("no 12345 and 54321", []),  # five bare digits are made like any number
        ("no 12-34 and 43-21", []),
    ],
)
def test_a_number_made_like_a_sure_one_goes_too(text: str, others: list[str]) -> None:
    own = text.split()[1]

    def like(kind: Kind, sure: float) -> list[str]:
        found = alike(text, [spanned(text, own, kind, sure)])
        return [text[s.start : s.end] for s in found if text[s.start : s.end] != own]

    assert like(Kind.ID, 0.99) == others
    assert like(Kind.ID, 0.5) == []
    assert like(Kind.DATE, 0.99) == []


@pytest.mark.parametrize(
    ("text", "part", "left"),
    [
        ("con su tío Hassan. Llegó en patera", "Hassan. Llegó", "Hassan"),
        ("seen by Dr. Park and St. John", "Dr. Park", "Dr. Park"),
        ("seen by Wm. Ruiz", "Wm. Ruiz", "Wm. Ruiz"),
    ],
)
def test_a_name_ends_with_its_sentence(text: str, part: str, left: str) -> None:
    lang: Lang = "es"
    span = spanned(text, part, Kind.PERSON)
    (found,) = believed([span], fold_each(text), tokens_of(text, lang), lexicon(lang))
    assert text[found.start : found.end] == left
