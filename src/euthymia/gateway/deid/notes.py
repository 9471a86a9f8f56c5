"""De-identification of one note: what comes out, what a person must look at first."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from euthymia.gateway.deid.contract import OVER_89, Kind, Lang, Span, Tagger
from euthymia.gateway.deid.find import find
from euthymia.gateway.deid.known import Known, KnownFinder
from euthymia.gateway.deid.merge import ACCEPT
from euthymia.gateway.deid.surrogates import Surrogates

Mode = Literal["tags", "surrogates"]


@dataclass(frozen=True, slots=True)
class Deidentified:
    """What became of a note.

    `source` is the text that the spans count in (in Unicode's composed form, NFC). `spans` are
    those that were, or would be, replaced; `uncertain` those of them that a person should look at;
    `kept` are quasi-identifiers that stay (ages up to 89, professions). `text` is None while a
    person must look: nothing goes out before that.
    """

    source: str
    text: str | None
    spans: tuple[Span, ...]
    uncertain: tuple[Span, ...]
    kept: tuple[Span, ...]

    @property
    def needs_review(self) -> bool:
        """Whether the text is withheld until a person has looked at the uncertain spans."""
        return self.text is None


def removed(span: Span, *, strict: bool = False) -> bool:
    """Tell whether a span is taken out: all but ages up to 89 and professions, unless strict."""
    if strict or span.kind not in {Kind.AGE, Kind.PROFESSION}:
        return True
    return span.source == OVER_89


def deidentify(
    text: str,
    lang: Lang,
    known: Known | KnownFinder | None = None,
    tagger: Tagger | None = None,
    *,
    mode: Mode = "tags",
    key: bytes | None = None,
    accept: bool = False,
    strict: bool = False,
) -> Deidentified:
    """Take out of a note what identifies anybody in it.

    Parameters
    ----------
    known : Known or KnownFinder
        What is on record about the person: names, relatives, addresses, dates, numbers, staff.
    tagger : Tagger
        The neural layer; None: rules and lists alone.
    mode : "tags" or "surrogates"
        `[PERSON]`, or a made-up name that is the same each time under `key`.
    accept : bool
        A person has looked: uncertain spans are taken out like the others, and the text comes out.
    strict : bool
        Take out ages up to 89 and professions as well.

    Raises
    ------
    ValueError
        If surrogates are asked for without a key of 16 bytes or more.
    """
    source = unicodedata.normalize("NFC", text)
    finder = KnownFinder(known, lang) if isinstance(known, Known) else known
    found = find(source, lang, known=finder.spans(source) if finder else (), tagger=tagger)
    out = tuple(s for s in found if removed(s, strict=strict))
    uncertain = tuple(s for s in out if s.confidence < ACCEPT)
    kept = tuple(s for s in found if not removed(s, strict=strict))
    if mode == "surrogates":
        if key is None:
            raise ValueError("surrogates need the person's key")
        stand_in: Callable[[str, Span], str] = Surrogates(key, lang, finder).replace
    else:
        stand_in = _tag
    written = None if uncertain and not accept else replaced(source, out, stand_in)
    return Deidentified(source, written, out, uncertain, kept)


def replaced(text: str, spans: Sequence[Span], stand_in: Callable[[str, Span], str]) -> str:
    """Return the text with each span's stand-in in its place."""
    out, place = [], 0
    for span in spans:
        out += [text[place : span.start], stand_in(text, span)]
        place = span.end
    return "".join([*out, text[place:]])


def _tag(_: str, span: Span) -> str:
    return f"[{span.kind}]"
