"""Numbers with letters, handles and addresses by their shape alone, where no label says what they are."""

# ruff: noqa: E501, RUF001 - patterns are read whole, with the signs that people write

import re
from itertools import pairwise
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.fold import folded
from euthymia.gateway.deid.lexicon import Lexicon
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import (
    LABEL_WORDS,
    NEVER_NAMES,
    ORG_TAILS,
    ORG_WORDS,
    PARTICLES,
    TITLES,
)

_CODE: Final = re.compile(
    r"(?<![\w./-])(?=[A-Za-z0-9/-]{0,24}\d)(?:[A-Z0-9]{1,10}|[A-Z][a-z]{1,3}\d{2,8})(?:[-/][A-Z0-9]{1,10}){0,4}(?![\w/-]|\.\d|%)"
)
_SPACED: Final = re.compile(
    r"(?<![\w.-])[A-Z]{1,6}\d{0,3}(?: \d{2,7}){1,5}(?: [A-Z\d]{3,6})?(?![\w%]|[.,]\d| ?(?:mg|ml|mcg|kg|g|bpm|mmHg|cm))"
)
_ROOMY: Final = re.compile(
    r"(?:[0-2]?\d[0-5]\d|\d{1,3}) ?[hH]|\d{1,4}(?:MG|MCG|ML|G|KG|IU|UI|X|ST|ND|RD|TH|K|KM|CM|MM|AM|PM|HZ|F|M|Y|YO|D|W|A|H)"
)
_TRADES: Final = ORG_TAILS | ORG_WORDS
_DASHED: Final = re.compile(r"\d{1,4}(?:[-/]\d{1,4}){1,2}")
_DISEASE_CODE: Final = re.compile(
    r"(?<!\w)(?:(?:icd|dsm|cie|cpt|hcpcs|loinc|snomed)(?:[- ]?(?:10|11|9|iv|v|4|5))?(?:-?(?:cm|tr|pcs))?:? (?:code |codigo )?|(?:diagnostic |diagnosis |billing |procedure )?codes?:? |codigo:? )"
    r"[a-z]?\d[\da-z.]{1,7}(?:, [a-z]?\d[\da-z.]{1,7}){0,4}|(?<!\w)(?:icd|dsm|cie)-\d{1,2}"
)
_DISEASE: Final = re.compile(r"(?<![\w.])[a-tv-z]\d\d(?:\.\d{1,2})?(?![\w.]\d|\w)")
_CODED: Final = ("icd", "dsm", "cie", "cpt", "hcpcs", "loinc", "snomed", "code", "codigo")
_FOOD: Final = re.compile(
    r"(?<!\w)(?:queso|quesos|jamon|turron|aceite|pan|anis|chorizo|morcilla|ensalada|pimenton|pimientos|fiebre|gripe) (?:de |del )?[a-z]{3,14}(?!\w)"
)
_DIALLED: Final = re.compile(r"(?<![\w+.,/-])\d(?:[ -]?\d){2,10}(?![\w/]|[.,-]\d)")
_CRISIS_LINES: Final = words("crisis_lines")
"""National lines that anybody may call, by their digits: a plan for safety is no use without."""
_SAINTLY: Final = re.compile(
    r"(?<!\w)(?:hierba|flor|baile|mal|corea|fuego) de san(?:t[ao])? [a-z]{3,10}(?!\w)|"
    r"(?<!\w)(?:st|saint)\.? [a-z]{3,10}(?:['’]?s|['’])? (?:wort|fire|dance)(?!\w)"
)
_LAW: Final = re.compile(
    r"(?<!\w)(?:art(?:iculo|icle|s)?\.?|section|sect?\.|ley) \d{1,4}(?:[./]\d{1,4}){0,2}(?: (?:lec|mha|cp|ce|cc|bis|ter)(?!\w))?"
)
_OWNED: Final = re.compile(
    r"(?<!\w)[A-Z][\w-]{1,20}['’]s (?:[A-Z][\w'’-]{1,20} ){0,2}(?P<last>[A-Z][a-z]{2,15})(?!\w)"
)
_HANDLE: Final = re.compile(
    r"(?<![\w@./\\-])(?=[a-z0-9._]{0,24}_)[a-z][a-z0-9._]{1,24}[a-z0-9](?![\w@])"
)
_ORDINAL_STREET: Final = re.compile(
    r"(?<![\w.,])\d{1,5}[A-Za-z]?,? (?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.? )?\d{1,3}(?:st|nd|rd|th) (?:Ave(?:nue)?|St(?:reet)?|Blvd|Pl(?:ace)?|Ct|Dr|Rd|Road|Terrace|Way|Court)\b\.?"
    r"(?:,? (?:Suite|Ste|Apt|Unit|Floor|#)\.? ?#?\w{1,5})?"
)
_HIGHWAY: Final = re.compile(
    r"(?<![\w-])(?:(?:I|US|SR|CR|Route|Rte|Rt|Hwy|Highway|Interstate|Autopista|Autovia|Carretera)[ -]?|[AMN]-?)\d{1,4}(?:,? (?:at |near )?(?:mile marker|mile post|milepost|exit|junction|jct|km|kilometre|kilometer)\.? ?\d{1,4})|"
    r"(?<!\w)(?:(?:County|State|Farm|Ranch|Township|Forest|Rural) (?:Road|Route|Highway|Rd|Hwy)|US Highway|State Hwy|RFD) ?#?\d{1,5}(?!\w)|(?<!\w)RR ?#?\d{1,3}(?=,? Box)"
)
_BARE_STREET: Final = re.compile(
    r"(?:\b(?:on|in|from|near|off|along|outside|of|at|down|up)|[,:(]) (?P<own>(?:the )?[A-Z][\w'’-]{2,20}(?: [A-Z][\w'’-]{1,20}){0,2} (?:Street|Road|Avenue|Lane|Parade|Terrace|Boulevard|Crescent|Drive|Square|Mews|Grove|Gardens|Quay|Esplanade|Promenade|Bridge|Close|Row))(?![\w-]| [A-Z])"
)
_BLOCK: Final = re.compile(
    r"(?<!\w)(?:(?:Plot|Block|Flat|Unit|House|Villa|Apartment|Apt|Lot|Sector|Tower|Blk|Phase|Floor|Stand|Erf|Room|Suite)\.? (?:No\.? ?)?#?(?:\d{1,4}[A-Z]?|[A-Z]\d{0,3})(?:/\d{1,4})?, ){1,4}"
    r"(?:\d{1,5}[A-Za-z]? )?[A-Z][\w'’.-]{1,20}(?: [A-Z][\w'’.-]{1,20}){0,3}(?:, [A-Z][\w'’-]{2,20}(?: (?:Phase|Sector|Extension|Estate|Layout|Colony|Nagar|[A-Z][\w'’-]{2,20}))?(?: \d{1,3})?)?"
)
_FLOOR: Final = re.compile(
    r"(?:(?:Ground|First|Second|Third|Fourth|Fifth|Top|Lower|Upper|\d{1,2}(?:st|nd|rd|th)) [Ff]loor(?: [Ff]lat)?|(?:Flat|Apt|Apartment|Unit|Suite) \w{1,5}|[Cc]/o|[A-Z][\w'’-]{2,18} (?:House|Court|Lodge|Cottage|Farm|Mansions|Villas|Buildings?)|The [A-Z][\w'’-]{2,18}(?: [A-Z][\w'’-]{2,18})?)(?:,? [A-Z][\w'’-]{2,18} (?:House|Court|Lodge))?, ?$"
)
_HALF: Final = re.compile(r"(?<![\w/])\d{1,4}(?:[A-Za-z]?[/-]|[A-Za-z] )$")
"""The number before the slash of "12/3 Mill Lane"."""
_POSTCODES: Final = re.compile(
    r"(?<![\w./-])(?:[ACDEFHKNPRTVWXY]\d[\dW] (?=[A-Z]{0,3}\d)(?=\d{0,3}[A-Z])[0-9A-Z]{4}(?!\w)|\d{4} [A-Z]{2}(?=,? [A-Z][a-z])|\d{2}-\d{3}(?= [A-Z]\w)|\d{4}-\d{3}(?= [A-Z]\w)|\d{5}-\d{3}(?![\w-])|\d{3}-\d{4}(?=,? [A-Z][a-z]{2,12}(?:-ku|-shi)))"
)
_POLISH: Final = re.compile(
    r"(?<!\w)(?:[Uu]l|[Aa]l|[Pp]l|[Oo]s|[Jj]r|[Mm]z|[Pp]sje|[Pp]je|[Ss]tr|[Ss]tra[sß]e)\.? [A-ZÀ-ÖØ-ÞŁŚŻŹĆŠČŽ][\w'’-]{1,20}(?: [A-ZÀ-ÖØ-ÞŁŚŻŹĆŠČŽ][\w'’-]{1,20}){0,2},? (?:n[º°]? ?)?\d{1,4}[A-Za-z]?(?:/\d{1,4}| ?m\. ?\d{1,3})?(?!\w)"
)
_JAPAN: Final = re.compile(
    r"(?<![\w-])\d{1,2}-\d{1,2}-\d{1,3}(?:-\d{1,4})? [A-Z][a-z]{4,15}(?:-(?:ku|cho|machi|shi))?(?![\w-])"
)
_DOOR: Final = re.compile(
    r"\b(?:neighbou?r|lives|living|house|home|door|flat|stays?)(?: [^\W\d_]{1,20}){0,3}(?: at)?,? \(?(?P<own>(?:no\.?|number|num\.|n[º°o]\.?) ?\d{1,4}[a-z]?)(?![\w/.%-])",
    re.IGNORECASE,
)
_PROPER: Final = r"[A-ZÀ-ÖØ-ÞŁŚŻŹĆŠČŽ][\w'’]{1,20}"
_PLACE: Final = rf"(?P<town>{_PROPER}(?:[ -](?:(?:de|del|la|el|upon|on|le|les|of|am|an der|de la|de los) |(?:sur|on|upon|le|les|de|la)-)?{_PROPER}){{0,2}})"
_TOWN: Final = re.compile(
    rf"(?: [NSEWO]\.?)?,\s{{1,2}}{_PLACE}(?:,? \(?(?P<state>[A-Z]{{2,3}})\)?(?!\w))?(?=[,.;()\n ]|$)"
)
_TOWN_AFTER_CODE: Final = re.compile(
    rf",? {_PLACE}(?:,? \(?(?P<state>[A-Z]{{2,3}})\)?(?!\w))?(?=[,.;()\n]|$)"
)
_LAST: Final = re.compile(
    r" (?:North|South|East|West|[NSEW]\.?)(?=[,.;\n]|$)|\s?[°ºª] ?[\"“'‘]?[A-Z][\"”'’]?(?=[,.;\n )]|$)| [\"“'‘][A-Z][\"”'’](?=[,.;\n )]|$)"
)
"""What an address may end in: "North", a flat's letter in quotation marks."""
_REGION: Final = re.compile(r", ?(?P<two>(?P<one>[^\W\d_]{3,20})(?: [^\W\d_]{3,20})?)(?!\w)")
_HEADS: Final = words("org_heads")
_KIN_FIRMS: Final = frozenset(
    ["sons", "son", "bros", "brothers", "daughters", "co", "hijos", "hermanos", "fabrication"]
)
_HEAD_WORDS: Final = words("org_head_words")
_SMALL_HEADS: Final = words("small_heads")
_NO_NAME: Final = words("no_institution") | words("departments") | NEVER_NAMES
_STREET_SAFE: Final = frozenset(
    {
        "memory lane",
        "sesame street",
        "wall street",
        "downing street",
        "coronation street",
        "abbey road",
        "easy street",
    }
)


def code_spans(text: str, low: str, *, blind: bool) -> list[Span]:
    """Return record numbers, handles, firms and addresses that their shape alone tells."""
    out = [
        Span(*m.span(), Kind.ID, 0.72, "rule:code")
        for m in _CODE.finditer(text)
        if _is_code(m.group(), blind=blind)
    ]
    if not blind:
        out += [
            Span(m.start() + _label(m.group()), m.end(), Kind.ID, 0.72, "rule:code")
            for m in _SPACED.finditer(text)
            if sum(map(str.isdigit, m.group())) > 6
        ]
    if "_" in text:
        out += [Span(*m.span(), Kind.USERNAME, 0.75, "rule:handle") for m in _HANDLE.finditer(text)]
    out += [
        Span(*m.span(), Kind.POSTCODE, 0.75, "rule:postcode") for m in _POSTCODES.finditer(text)
    ]
    out += [
        Span(*m.span(), Kind.ORGANISATION, 0.8, "rule:owned")
        for m in _OWNED.finditer(text)
        if m["last"].lower() in _TRADES
    ]
    return out + _addresses(text, low)


def _label(code: str) -> int:
    """Return how long the label in front is, its blank too: it stays, the number goes."""
    head = code.split(" ", maxsplit=1)[0]
    return len(head) + 1 if head.lower() in LABEL_WORDS else 0


def _addresses(text: str, low: str) -> list[Span]:
    out = [
        Span(*m.span(), Kind.ADDRESS, 0.85, "rule:address-shape")
        for pattern in (_ORDINAL_STREET, _HIGHWAY, _BLOCK, _JAPAN, _POLISH)
        for m in pattern.finditer(text)
    ]
    doors = _DOOR.finditer(text)
    out += [Span(*m.span("own"), Kind.ADDRESS, 0.7, "rule:address-door") for m in doors]
    return out + [
        Span(*m.span("own"), Kind.ADDRESS, 0.75, "rule:address-street")
        for m in _BARE_STREET.finditer(text)
        if low[m.start("own") : m.end()] not in _STREET_SAFE
    ]


def claimed_codes(low: str) -> list[tuple[int, int]]:
    """Return codes of diseases and procedures, and public crisis lines: they stay in the text."""
    patterns = [_DISEASE, _FOOD, _LAW]
    if any(word in low for word in _CODED):
        patterns.append(_DISEASE_CODE)
    found = [m.span() for pattern in patterns for m in pattern.finditer(low)]
    return found + [
        m.span() for m in _DIALLED.finditer(low) if re.sub(r"\D", "", m.group()) in _CRISIS_LINES
    ]


def saintly(low: str) -> list[tuple[int, int]]:
    """Return diseases and plants that are named after a saint: no day, no place, nobody."""
    return [m.span() for m in _SAINTLY.finditer(low)] if "san" in low or "st" in low else []


def _is_code(value: str, *, blind: bool) -> bool:
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    if digits < 4 or len(value) < 6 or _ROOMY.fullmatch(value):
        return False
    if not letters:
        return "-" in value and "/" in value and digits > 6
    if _DASHED.fullmatch(value) and not ("-" in value and "/" in value and digits > 6):
        return False
    return not blind or digits > letters


def before_address(text: str, spans: list[Span]) -> list[Span]:
    """Return floors, flats and named houses that stand right before an address."""
    out: list[Span] = []
    for span in spans:
        if span.kind is Kind.ADDRESS:
            begin = max(0, span.start - 60)
            match = _FLOOR.search(text, begin, span.start) or _HALF.search(text, begin, span.start)
            if match is not None:
                out.append(Span(match.start(), span.start, Kind.ADDRESS, 0.8, "rule:address-floor"))
    return out


def after_address(text: str, spans: list[Span], lists: Lexicon) -> list[Span]:
    """Return the town, and the state in letters, that stand right after an address or a postcode."""
    out: list[Span] = []
    for span in spans:
        if span.kind not in {Kind.ADDRESS, Kind.POSTCODE} or span.confidence < 0.65:
            continue
        tail = _LAST.match(text, span.end) if span.kind is Kind.ADDRESS else None
        if tail is not None:
            out.append(Span(*tail.span(), Kind.ADDRESS, 0.75, "rule:address-tail"))
        pattern = _TOWN if span.kind is Kind.ADDRESS else _TOWN_AFTER_CODE
        match = pattern.match(text, tail.end() if tail else span.end)
        if match is None:
            continue
        first = folded(match["town"]).split(" ")[0].split("-")[0]
        if len(match["town"]) < 5 and not match["town"][1:].islower():
            continue
        if first in NEVER_NAMES or first in LABEL_WORDS:
            continue
        ends = text[match.end("town") : match.end("town") + 2]
        if (
            first in lists.words
            and folded(match["town"]) not in lists.places
            and not (
                (match["town"].istitle() and ends[:1] in {"", ",", ";", "\n", ")"}) or ends == " -"
            )
        ):
            continue
        out.append(Span(*match.span("town"), Kind.LOCATION, 0.75, "rule:after-address"))
        if match["state"]:
            out.append(Span(*match.span("state"), Kind.LOCATION, 0.75, "rule:after-address"))
    return out


def after_place(text: str, spans: list[Span], lists: Lexicon) -> list[Span]:
    """Return the state or region after a town and a comma."""
    out: list[Span] = []
    for span in spans:
        if span.kind is not Kind.LOCATION or span.confidence < 0.65:
            continue
        match = _REGION.match(text, span.end)
        for name in ("two", "one") if match else ():
            place = match.span(name) if match else (-1, -1)
            own = folded(text[slice(*place)]) if place[0] >= 0 else ""
            named = own not in lists.words or text[slice(*place)].istitle()
            if own in lists.places and named:
                out.append(Span(*place, Kind.LOCATION, 0.75, "rule:after-place"))
                break
    return out


def headed_spans(tokens: list[Token]) -> list[Span]:
    """Return institutions told by a first word that only they have.

    "IES Sierra de Guara", "HMP Fosse"; and what follows "la guardería": "Pinocho".
    """
    out: list[Span] = []
    for k, token in enumerate(tokens):
        headed = (token.upper and token.low in _HEADS) or (
            token.proper and token.low in _HEAD_WORDS
        )
        small = not headed and _heads_a_name(tokens, k)
        end = _end_of_name(tokens, k) if headed or small else k + 1
        if small and all(not t.proper or t.low in _NO_NAME for t in tokens[k + 1 : end]):
            continue  # "la prisión Provisional"
        if end > k + 1:
            start = tokens[k + small].start
            sure = 0.75 if small else 0.85
            out.append(Span(start, tokens[end - 1].end, Kind.ORGANISATION, sure, "rule:headed"))
    return out


def _heads_a_name(tokens: list[Token], k: int) -> bool:
    """Tell whether a small word is followed by a name, maybe with its article: "La Paz"."""
    return (
        tokens[k].low in _SMALL_HEADS
        and not tokens[k].upper
        and k + 1 < len(tokens)
        and tokens[k + 1].text[0].isupper()
        and tokens[k + 1].low not in TITLES
    )


def _end_of_name(tokens: list[Token], k: int) -> int:
    """Return where the name ends that the institution's word at token `k` heads."""
    end = k + 1
    while end < len(tokens) and end - k < 6:
        own = tokens[end]
        joined = own.start - tokens[end - 1].end <= 1
        counted = own.number and len(own.text) < 4 and tokens[k].upper and end == k + 1
        if not joined or not (
            counted or own.proper or own.low in PARTICLES or own.low in {"of", "the"}
        ):
            break
        end += 1
    while end > k + 1 and not (tokens[end - 1].proper or tokens[end - 1].number):
        end -= 1
    return end


def partnership_spans(tokens: list[Token]) -> list[Span]:
    """Return "Bell & Croft Solicitors": names around a sign, and a word that firms end in."""
    out: list[Span] = []
    for k, token in enumerate(tokens):
        if token.text != "&" or not 0 < k < len(tokens) - 1:
            continue
        left, right = k - 1, k + 1
        if not (tokens[left].proper and tokens[right].proper):
            continue
        while (
            left > 0
            and k - left < 4
            and tokens[left - 1].proper
            and tokens[left].start - tokens[left - 1].end < 2
        ):
            left -= 1
        while (
            right + 1 < len(tokens)
            and right - k < 4
            and tokens[right + 1].proper
            and tokens[right + 1].start - tokens[right].end < 2
        ):
            right += 1
        tails = {t.low for t in tokens[k + 1 : right + 1]}
        if tails & (ORG_TAILS | ORG_WORDS | _KIN_FIRMS):
            out.append(
                Span(
                    tokens[left].start, tokens[right].end, Kind.ORGANISATION, 0.85, "rule:partners"
                )
            )
    return out


def loud_firms(tokens: list[Token]) -> list[Span]:
    """Return "GREENBRIER PHARMACY": where capitals say nothing, an unknown word before a firm's."""
    return [
        Span(one.start, two.end, Kind.ORGANISATION, 0.72, "names:loud-firm")
        for one, two in pairwise(tokens)
        if one.proper and two.word and two.low in ORG_TAILS and two.start - one.end == 1
    ]
