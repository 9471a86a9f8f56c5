"""The layers' marks made one list: what is out stays out, what is unsure is asked, what is kept."""

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.merge import ACCEPT, REVIEW, merged

SURE, UNSURE = ACCEPT, 0.6


def at(text: str, part: str, kind: Kind, sure: float, source: str) -> Span:
    start = text.index(part)
    return Span(start, start + len(part), kind, sure, source)


def marks(text: str, *given: tuple[str, Kind, float, str], kept: str = "") -> list[tuple]:
    protected = [(text.index(kept), text.index(kept) + len(kept))] if kept else []
    found = merged(text, [at(text, *one) for one in given], protected)
    return [(text[s.start : s.end], s.kind, round(s.confidence, 3)) for s in found]


def test_two_layers_that_agree_are_surer_than_either_so_that_nobody_need_be_asked() -> None:
    text = "seen by Marlow today"
    alone = marks(text, ("Marlow", Kind.PERSON, UNSURE, "tagger"))
    assert alone == [("Marlow", Kind.PERSON, UNSURE)]
    both = ("Marlow", Kind.PERSON, UNSURE, "tagger"), ("Marlow", Kind.PERSON, 0.5, "names:list")
    assert marks(text, *both) == [("Marlow", Kind.PERSON, 0.8)]
    weak = ("Marlow", Kind.PERSON, 0.3, "tagger"), ("Marlow", Kind.PERSON, 0.3, "names:list")
    assert marks(text, *weak) == [("Marlow", Kind.PERSON, 0.51)]  # neither alone would be asked


def test_agreement_on_half_of_a_mark_or_less_is_none() -> None:
    text = "seen by MarlowHill today"
    whole = ("MarlowHill", Kind.PERSON, UNSURE, "names:list")
    half = marks(text, whole, ("Marlo", Kind.PERSON, 0.5, "tagger"))
    assert half == [("Marlo", Kind.PERSON, 0.8), ("wHill", Kind.PERSON, UNSURE)]
    more = marks(text, whole, ("Marlow", Kind.PERSON, 0.5, "tagger"))
    assert more == [("MarlowHill", Kind.PERSON, 0.8)]
    apart = ("seen", Kind.PERSON, UNSURE, "names:list"), ("Marlow", Kind.PERSON, 0.5, "tagger")
    assert [sure for *_, sure in marks(text, *apart)] == [UNSURE, 0.5]


def test_a_doubt_is_asked_down_to_the_line_and_no_further() -> None:
    text = "seen by Marlow today"
    assert marks(text, ("Marlow", Kind.PERSON, REVIEW, "names:list"))
    assert not marks(text, ("Marlow", Kind.PERSON, REVIEW - 0.01, "names:list"))


def test_a_sure_mark_is_not_turned_into_a_doubt_by_a_layer_that_comes_first() -> None:
    text = "seen by Marlow today"
    given = ("Marlow", Kind.PERSON, SURE, "names:list"), ("Marlow", Kind.ID, UNSURE, "known:id")
    assert marks(text, *given) == [("Marlow", Kind.PERSON, SURE)]


def test_neighbours_of_which_one_is_unsure_stay_two() -> None:
    """Joined they would be one doubt, or one mark nobody asked about."""
    text = "seen by Ana Marlow today"
    sure, unsure = ("Ana", Kind.PERSON, SURE, "rule:x"), ("Marlow", Kind.PERSON, 0.64, "names:list")
    assert marks(text, sure, unsure) == [("Ana", Kind.PERSON, SURE), ("Marlow", Kind.PERSON, 0.64)]
    both = ("Ana", Kind.PERSON, 0.9, "rule:x"), ("Marlow", Kind.PERSON, SURE, "names:list")
    assert marks(text, *both) == [("Ana Marlow", Kind.PERSON, SURE)]


def test_what_medicine_claims_stays_unless_somebody_is_meant() -> None:
    text = "signs of Parkinson today"
    for source, out in (("names:list", False), ("tagger", False), ("known:name", True)):
        found = marks(text, ("Parkinson", Kind.PERSON, 0.9, source), kept="Parkinson")
        assert bool(found) == out, source
    for source in ("rule:x", "names:title", "names:label", "names:signature"):
        assert marks(text, ("Parkinson", Kind.PERSON, 0.9, source), kept="Parkinson"), source


def test_a_profession_that_stays_in_the_text_covers_no_name() -> None:
    text = "the Baker Marlow came"
    given = (
        ("Baker Marlow", Kind.PROFESSION, 0.99, "known:x"),
        ("Marlow", Kind.PERSON, UNSURE, "names:list"),
    )
    assert ("Marlow", Kind.PERSON, UNSURE) in marks(text, *given)


def test_a_tag_that_stands_for_an_identifier_is_not_marked_again() -> None:
    text = "seen by [PERSON] today"
    assert not marks(text, ("PERSON", Kind.ORGANISATION, 0.9, "tagger"))
    assert marks("seen by [PARSON] today", ("PARSON", Kind.ORGANISATION, 0.9, "tagger"))


def test_a_mail_address_with_a_known_name_in_it_is_one_mark() -> None:
    """The rest of it, with a tag for the name, would still lead to the person."""
    text = "write to ana.marlow@example.org or so"
    mail = ("ana.marlow@example.org", Kind.EMAIL, 0.9, "rule:email")
    for part in ("ana", "marlow", "org"):
        found = marks(text, mail, (part, Kind.PERSON, 1.0, "known:name"))
        assert [kind for _, kind, _ in found] == [Kind.EMAIL], part
    beside = marks(text, mail, ("to ana.m", Kind.PERSON, 1.0, "known:name"))
    assert [part for part, *_ in beside] == ["to ana.m", "arlow@example.org"]
