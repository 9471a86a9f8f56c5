"""One list of spans out of all layers.

The rule, in order:

1. What medicine lays claim to (a scale, a disease, a drug) stays in the text, unless the help
   from the clinic's own store, a title or a label says that a person is meant.
2. Every character that any layer marks as sure is marked; no layer can take another's mark away.
3. Where marks overlap, the kind is that of the layer named first here: known, fixed patterns and
   checked numbers, titles and labels, addresses, the tagger, word lists; of one layer the longer
   mark. What sticks out of the marks above it keeps its own kind. A known name inside a mail or
   web address does not cut it: the whole address is one mark. A profession, which stays in the
   text, covers nothing that any other layer marks.
4. Two layers that agree are surer than either: 1 - (1 - a)(1 - b).
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Final
from unicodedata import category

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.places import Places
from euthymia.gateway.deid.vocabulary import LABEL_WORDS

ACCEPT: Final = 0.65
"""From here on a span is replaced without asking."""
REVIEW: Final = 0.4
"""From here to `ACCEPT` a person decides; below, it is not a span."""

_RANKS: Final = (
    ("known", 0),
    ("rule:address", 3),
    ("rule:field", 2),
    ("rule", 1),
    ("names:title", 2),
    ("names:label", 2),
    ("names:signature", 2),
    ("names:echo", 4),
    ("tagger", 5),
)
_ENDS: Final = frozenset("ºª)°\"'")
_START: Final = attrgetter("start")
_FAR: Final = 160
"""Characters before a span in which a span that reaches into it may begin."""
_TAG: Final = re.compile(r"\[(?:" + "|".join(Kind) + r")\]")
"""What stands for an identifier that is out already; it names nobody."""
_SEAMS: Final = frozenset({" ", "-", ". ", "", "  ", "'"})
_LINKS: Final = frozenset(
    f" {word} " for word in ("de", "de la", "de los", "del", "i", "van", "von", "da", "dos", "al")
)
"""Small words inside a person's name."""
_WITH_DIGITS: Final = frozenset(
    {Kind.DATE, Kind.ID, Kind.PHONE, Kind.ACCOUNT, Kind.POSTCODE, Kind.IP, Kind.VEHICLE}
)
_NUMBERS: Final = frozenset({Kind.ID, Kind.POSTCODE, Kind.ACCOUNT, Kind.PHONE})
_GLUED: Final = re.compile(
    r"(?:mrn|nhc|nhs|nhi|dni|nie|nif|hc|hcl|nss|nuss|uhid|ssn|sip|cipa?|ur|ref|exp|chi|tel|npi|dea|phn|rut|curp|case|caso|file)"
    r"(?:[ #:.]{0,2}|(?<=mrn|nhc|nhs|dni|ssn|nie)-)(?=\d[\w ./-]{3})",
    re.IGNORECASE,
)
_SPOILT: Final = re.compile(r"(?:\d{1,2}[a-z\xe0-\xff]{1,20}){1,4}(?!\w)")
"""Small letters that go on after a figure in the middle of a word."""
_SMALL: Final = words("small_words")
_WEB: Final = frozenset({"rule:email", "rule:url"})
_OUTSPOKEN: Final = ("known", "rule", "names:title", "names:label", "names:signature")


def rank(span: Span) -> int:
    """Return the place of the span's layer in the order of the rule; lower wins."""
    return _rank(span.source)


@lru_cache(maxsize=256)
def _rank(source: str) -> int:
    return next((value for start, value in _RANKS if source.startswith(start)), 6)


def merged(text: str, spans: Sequence[Span], protected: Sequence[tuple[int, int]]) -> list[Span]:
    """Return spans in order that do not overlap, by the rule above."""
    kept = Places(protected)
    alive = [_unspoilt(text, s) for s in spans if s.start < s.end and not _claimed(s, kept)]
    alive = [s for s in _agreed(alive) if s.confidence >= REVIEW]
    whole = _uncut(alive)
    alive.sort(
        key=lambda s: (
            s.kind is Kind.PROFESSION,
            s.confidence < ACCEPT,
            -1 if s in whole else rank(s),
            s.start - s.end,
            -s.confidence,
            s.start,
        )
    )
    taken: list[Span] = []
    owner = bytearray(len(text))
    for tag in _TAG.finditer(text) if "[" in text else ():
        owner[tag.start() : tag.end()] = b"\x01" * (tag.end() - tag.start())
    for span in alive:
        for start, end in _free(owner, span.start, span.end):
            piece = _trimmed(text, start, end)
            if piece is not None and not _scrap(text, span, piece):
                taken.append(Span(*piece, span.kind, span.confidence, span.source))
        owner[span.start : span.end] = b"\x01" * (span.end - span.start)
    taken.sort(key=_START)
    return _joined(text, [_without_label(text, span) for span in taken])


def _unspoilt(text: str, span: Span) -> Span:
    """Return a name with what a scanner cut off it: the rest of "Ba1ogun" after "Ba"."""
    if span.kind is not Kind.PERSON or not text[span.end : span.end + 1].isdigit():
        return span
    rest = _SPOILT.match(text, span.end)
    if rest is None:
        return span
    return Span(span.start, rest.end(), span.kind, span.confidence, span.source)


def _without_label(text: str, span: Span) -> Span:
    """Return the span of a number without the label glued to it: the MRN of "MRN4458812" stays."""
    if span.kind not in _NUMBERS or span.source.startswith("known"):
        return span
    glued = _GLUED.match(text, span.start, span.end)
    if glued is None:
        return span
    return Span(glued.end(), span.end, span.kind, span.confidence, span.source)


def _claimed(span: Span, kept: Places) -> bool:
    return not span.source.startswith(_OUTSPOKEN) and kept.meets(span.start, span.end)


def _uncut(spans: Sequence[Span]) -> frozenset[Span]:
    """Return the mail and web addresses, found by a fixed pattern, that hold a known span."""
    known = sorted((s.start, s.end) for s in spans if s.source.startswith("known"))
    out = []
    for span in spans:
        if span.source in _WEB:
            at = bisect_left(known, (span.start, 0))
            while at < len(known) and known[at][1] > span.end > known[at][0]:
                at += 1
            if at < len(known) and known[at][1] <= span.end:
                out.append(span)
    return frozenset(out)


def _agreed(spans: list[Span]) -> list[Span]:
    """Raise the confidence of spans that the tagger and another layer both mark."""
    tagged = sorted((s for s in spans if s.source == "tagger"), key=_START)
    if not tagged:
        return spans
    others = sorted((s for s in spans if s.source != "tagger"), key=_START)
    return _raised(tagged, others) + _raised(others, tagged)


def _raised(spans: list[Span], witnesses: list[Span]) -> list[Span]:
    """Return the spans, surer where a witness covers half of one; both lists are sorted."""
    starts = [w.start for w in witnesses]
    out = []
    for span in spans:
        sure = span.confidence
        at = bisect_left(starts, span.end)
        while at and starts[at - 1] > span.start - _FAR:
            at -= 1
            other = witnesses[at]
            if other.end <= span.start:
                continue
            both = min(span.end, other.end) - max(span.start, other.start)
            if 2 * both > span.end - span.start:
                sure = max(sure, 1 - (1 - span.confidence) * (1 - other.confidence))
        same = sure == span.confidence
        out.append(span if same else Span(span.start, span.end, span.kind, sure, span.source))
    return out


def _free(owner: bytearray, start: int, end: int) -> list[tuple[int, int]]:
    """Return the parts of [start, end) that nobody owns yet."""
    out, at = [], start
    while at < end:
        begin = owner.find(0, at, end)
        if begin < 0:
            break
        stop = owner.find(1, begin, end)
        stop = end if stop < 0 else stop
        out.append((begin, stop))
        at = stop
    return out


def _scrap(text: str, span: Span, piece: tuple[int, int]) -> bool:
    """Tell whether a part of the tagger's mark, the rest taken, holds nothing of its kind."""
    part = text[slice(*piece)]
    if span.source != "tagger" or piece == (span.start, span.end):
        return False
    if any(map(str.isdigit, part)) or span.kind not in _WITH_DIGITS:
        return part in _SMALL
    return part.islower() or span.kind is Kind.DATE or part.lower() in LABEL_WORDS


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and not text[start].isalnum() and text[start] not in "+(@#":
        start += 1
    while end > start and not _ends_mark(text[end - 1]):
        end -= 1
    return (start, end) if start < end else None


def _ends_mark(char: str) -> bool:
    """Tell whether a mark may end so: a letter, a digit, or a sign over or beside a letter."""
    return char.isalnum() or char in _ENDS or (not char.isascii() and category(char)[0] == "M")


def _seam(between: str, kind: Kind) -> bool:
    return between in _SEAMS or (kind is not Kind.ADDRESS and between in _LINKS)


def _joined(text: str, spans: list[Span]) -> list[Span]:
    """Join neighbours of one kind that only a blank, hyphen or dot parts."""
    out: list[Span] = []
    for span in spans:
        last = out[-1] if out else None
        if (
            last is not None
            and last.kind is span.kind
            and span.kind in {Kind.PERSON, Kind.ADDRESS, Kind.HOSPITAL, Kind.ORGANISATION}
            and _seam(text[last.end : span.start], span.kind)
            and (text[last.end : span.start] != ". " or last.end - last.start < 3)
            and (last.confidence < ACCEPT) == (span.confidence < ACCEPT)
        ):
            sure = min(last.confidence, span.confidence)
            out[-1] = Span(last.start, span.end, last.kind, sure, last.source)
        else:
            out.append(span)
    return out
