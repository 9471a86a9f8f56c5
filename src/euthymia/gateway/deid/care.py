"""Places of care that end in words of their own, and senders that sign with a line of their own."""

# ruff: noqa: E501, RUF001 - patterns hold the signs that people write

import re
from bisect import bisect_left
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.fold import folded
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import NEVER_NAMES

_PLAIN: Final = words("care_plain")
_DEPARTMENTS: Final = words("departments")
_ORDINARY: Final = _DEPARTMENTS | _PLAIN
_TAIL: Final = re.compile(
    r"(?<!\w)(?:" + "|".join(sorted(words("care_tails"), key=len, reverse=True)) + r")(?!\w)"
)
_WARDS: Final = frozenset(
    {"unit", "ward", "house", "lodge", "centre", "center", "va", "memorial", "wing", "infirmary"}
)
_LEADS: Final = frozenset({"at", "in", "to", "from", "location", "of", "with", "and", "via", ":"})
_LINKS: Final = frozenset({"of", "'", "’", "s", "&", "-", ".", "st"})
_MOST: Final = 4
_SURGERY: Final = re.compile(
    r"(?:^|\n|\bat |\bfrom |\bof |\bto |, |: |\()(?P<own>(?:[Tt]he (?:[A-Z][\w'’-]{2,18} ){1,3}|(?<=\n)(?:[A-Z][\w'’-]{2,18} ){1,3})(?:Surgery|Practice|Clinic|Unit|Ward|Lodge|Centre|Center|Hospice|Priory|Retreat))(?=[\n,.;)]|$)"
)
_NOT_A_PLACE: Final = words("not_a_place")
_SHOUT: Final = r"[A-ZÀ-ÖØ-Þ][A-ZÀ-ÖØ-Þ'’&.]{1,18}"
_LETTERHEAD: Final = re.compile(
    rf"(?:^|(?<=\n))[ \t]{{0,8}}(?P<own>(?P<en>{_SHOUT}(?: {_SHOUT}){{0,2}}?) (?:HEALTH(?:CARE)?|ASSOCIATES|"
    r"(?:PSYCHIATRIC|PSYCHOLOGICAL|COUNSEL{1,2}ING|BEHAVIOU?RAL|MEDICAL|HEALTH) (?:SERVICES|ASSOCIATES|GROUP|PARTNERS))"
    rf"|(?P<es>(?:CL[IÍ]NICA|SANATORIO|UNIDAD DE SALUD MENTAL|USM|CSM|CESFAM|INSTITUTO PSIQUI[AÁ]TRICO) "
    rf"(?:LAS?|LOS|EL|SAN|SANTA|VIRGEN|NUESTRA) {_SHOUT}(?: {_SHOUT}){{0,2}}))"
    r"(?=[ \t]{0,8}(?:\n|$|[-–—|,:(]))"
)
_INITIALS: Final = re.compile(
    r"(?:^|(?<=[\n.,;|] )|(?<=[\n|])|(?<=soy )|(?<=Pt )|(?<=Patient )|(?<=Paciente ))"
    r"((?:[A-Z]\.){2,4}|(?!AP|AF|HX|DX|TA|FC|PA|ME)[A-Z]{2}(?:[A-Z](?=[.,]))?)"
    r"(?=[.,]{0,2} {1,2}(?:is |a |an |es )?(?:un |una )?\d{1,3} ?-?(?:años?|anos|a\.|a\b|"
    r"years?|yrs?|y/?o|yo)\b|"
    r",? nacid[oa] )"
)
_SIGNED: Final = re.compile(
    r"(?:^|\n|[.!?,] )(?:(?:many |kind |best |warm )?(?:thanks|thank you|regards|wishes|cheers)|"
    r"best|yours|sincerely|yours sincerely|(?:muchas )?gracias|(?:un )?saludos?|atentamente)"
    r"[,.!]?[ \n]{1,3}(?P<name>[^\W\d_][\w'’-]{1,20}(?: [^\W\d_][\w.'’-]{0,20}){0,2})"
    r"(?=[ .]{0,2}(?:\n|$))",
    re.IGNORECASE,
)


def care_spans(low: str, tokens: list[Token], *, blind: bool) -> list[Span]:
    """Return names of places of care: what stands before "medical center", and it.

    Where capitals say nothing the name needs a word like "at" before it.
    """
    starts = {token.start: n for n, token in enumerate(tokens)}
    ends = [token.end for token in tokens]
    out: list[Span] = []
    for match in _TAIL.finditer(low):
        at = starts.get(match.start())
        if at is None:
            continue
        first = _begin(tokens, at, blind=blind)
        own = [t for t in tokens[first:at] if t.word and t.low not in _LINKS]
        shouted = not blind and all(t.upper and t.common for t in own)
        if not shouted and any(t.low not in _PLAIN for t in own):
            end = max(match.end(), _of_a_town(tokens, bisect_left(ends, match.end())))
            out.append(Span(tokens[first].start, end, Kind.HOSPITAL, 0.85, "rule:care"))
    return out if blind else out + _wards(tokens)


def _of_a_town(tokens: list[Token], at: int) -> int:
    """Return where "Hospital of Fresno" ends, `at` being the hospital; 0 if no town follows."""
    after = tokens[at + 1 : at + 4]
    if len(after) < 2 or after[0].low != "of" or not after[1].proper:
        return 0
    return after[2].end if len(after) > 2 and after[2].proper else after[1].end


def _wards(tokens: list[Token]) -> list[Span]:
    """Return "the Regalado Unit", "Holdaway House": a name of no ordinary words and such a word."""
    out: list[Span] = []
    for n, token in enumerate(tokens):
        if token.low not in _WARDS or not token.proper:
            continue
        first = n
        while (
            first
            and n - first < 3
            and tokens[first - 1].proper
            and tokens[first - 1].word
            and not (tokens[first - 1].common or tokens[first - 1].upper)
        ):
            first -= 1
        if first < n and first and tokens[first - 1].low == "the":
            first -= 1
        if first < n:
            out.append(Span(tokens[first].start, token.end, Kind.HOSPITAL, 0.75, "rule:care"))
    return out


def _begin(tokens: list[Token], at: int, *, blind: bool) -> int:
    """Return where the name before the tail at token `at` begins; `at` if nowhere."""
    k, first = at - 1, at
    while k >= 0 and at - k <= _MOST + 2:
        token = tokens[k]
        if token.text == "-" and token.start > tokens[k - 1].end:
            break  # "Nursing - Memory clinic"
        if token.low in _LINKS and k > 0 and tokens[k - 1].proper:
            k -= 1
            continue
        if not token.word or (token.low in NEVER_NAMES - {"new", "our", "old"}):
            break
        if not blind and not token.proper:
            break
        if blind and token.low in _LEADS:
            break
        first = k
        k -= 1
    if k > 0 and tokens[k].low in {"the", "el", "la"}:
        k -= 1
    if blind and first < at and (k < 0 or tokens[k].low not in _LEADS):
        return next((n for n in range(first, at) if tokens[n].proper), at)
    while first < at and tokens[first].low in _PLAIN and tokens[first].first:
        first += 1
    return first


def surgery_spans(text: str) -> list[Span]:
    """Return "The Old Forge Surgery", "Millgate Practice" on a line of their own or after "at"."""
    return [
        Span(*m.span("own"), Kind.HOSPITAL, 0.8, "rule:care")
        for m in _SURGERY.finditer(text)
        if not all(folded(w) in _ORDINARY for w in m["own"].split()[:-1])
    ]


def letterhead_spans(text: str) -> list[Span]:
    """Return places of care that head a line in capitals: "NORTHERN HEALTH", "CLÍNICA LA ROSA"."""
    return [
        Span(*m.span("own"), Kind.HOSPITAL, 0.75, "rule:letterhead")
        for m in _LETTERHEAD.finditer(text)
        if m["es"] or not all(folded(w) in _ORDINARY | _NOT_A_PLACE for w in m["en"].split())
    ]


def initial_spans(text: str) -> list[Span]:
    """Return initials that an age follows: "M.L.M. 63 años", "TL, 50 y/o"."""
    return [
        Span(m.start(1), m.end(1), Kind.PERSON, 0.75, "rule:initials")
        for m in _INITIALS.finditer(text)
    ]


def signed_spans(text: str, tokens: list[Token], *, blind: bool) -> list[Span]:
    """Return the name alone on the line after "Thanks," or "Un saludo,"."""
    known = {token.start: token for token in tokens}
    out: list[Span] = []
    for match in _SIGNED.finditer(text):
        first = known.get(match.start("name"))
        if first is None or first.low in NEVER_NAMES or first.low in _PLAIN:
            continue
        if first.proper or (blind and not first.common):
            out.append(Span(*match.span("name"), Kind.PERSON, 0.8, "names:signed"))
    return out
