"""Names told by what stands beside them, whatever the lists say.

Letters after a name, a list of people, a bed or a room, initials with an age or as a signature, an
initial and a family name, letters that neither language has.
"""

# ruff: noqa: E501, RUF001 - patterns are read whole, with the signs that people write

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from euthymia.gateway.deid.clinical import FAMILY_NOUNS, bare_eponym, clinical_noun, medical
from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.fold import folded
from euthymia.gateway.deid.lexicon import Lexicon
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import (
    HOSPITAL_WORDS,
    LABEL_WORDS,
    MONTHS,
    NEVER_NAMES,
    NOT_NAMES,
    ORG_TAILS,
    ORG_WORDS,
    PARTICLES,
    PROFESSIONS,
    RELATIONS,
    SHORT_NAMES,
    TITLES,
    WEEKDAYS,
)

_LETTERS: Final = words("letters_after")
_LETTERS_COMMA: Final = words("letters_after_comma")
_JOINTS: Final = frozenset({".", "-", "'", "’"})
_ENTRY: Final = re.compile(
    r"(?:^|\n|[.;:] |\s)(?:(?:bed|rm|room|bay|cama|hab|habitacion|sala|box|cubicle|#)\.? ?\d{1,3}[a-z]?(?:-\d{1,2})?[:.,)]? |"
    r"(?<=[\n.;: ])\d{1,2}[.)] )(?P<at>)(?=[^\W\d_])"
)
_ENTRY_END: Final = re.compile(
    r" ?(?:[-–:(,]|\bis\b|\bref|\bstates|\bsays|\bslept|\brechaza|\bduerme)"
)
_SHORT: Final = (
    r"(?!AP|AF|HX|DX|TX|RX|TA|FC|FR|PA|ME|BP|HR|RR|GP|ED|ER|IV|IM|PO|SI|HI|AH|VH|MD|RN|NP|OT|PT|US|UK|OK|CC|CT|MR|EN|DE|LA|EL|ECT|MSE|HPI|PMH|NKDA|"
    r"GCS|MDD|GAD|BPD|PTSD|ADHD|OCD|ICU|UCI|DSM|ICD|IQ|HIV|VIH|MRI|EEG|ECG|EKG|CBT|TCC|TEC|NA|QD|BD|TDS|TID|BID|PRN|CP|NHC|DNI|NIE|SIP|CIP|DOB|MRN|NHS|CK|PC|DC|ES|IP|TV|USA|GPS)[A-ZÀ-Þ]{2,3}"
)
_INITIALS: Final = re.compile(
    rf"(?<![\w.])(?P<own>(?:[A-Z]\. ?){{2,4}}|{_SHORT})(?=[,;]? \(?\d{{1,3}} ?(?:[FfMmHhVv]\b|y/?o\b|yo\b|yrs?\b|-?year|a\.|a[nñ]os|y\b))|"
    rf"(?:\(|\b)(?:hereafter|hereinafter|initials|iniciales|known as|en adelante|ES|E-?signed|/s/|Sgd|sgd|Signed|signed|Firma|firma|Fdo\.?|Initialled|Ta,|Thanks,|Thx,?|Cheers,|Regards,|Best,|Saludos,?|Gracias,?|Entered by|by)[: ]{{1,2}}(?P<own2>{_SHORT}|(?:[A-Z]\.){{2,4}})(?![\w/])|"
    rf"(?<=\()(?P<own3>{_SHORT}|(?:[A-Z]\.){{2,4}})(?=\),? \d{{1,3}} ?(?:a\.|a[nñ]os|y/?o|yrs|year|F\b|M\b|H\b|V\b))|"
    rf"(?:[Pp]t|[Pp]atient|[Pp]aciente|[Cc]lient|note|NOTE|met with|saw|supervisor|therapist|brother|sister|wife|husband) (?P<own4>{_SHORT})(?=[,:;.]? (?:\d{{1,3}}|[a-z]{{2}}|\(|\"|Next|$))"
)
_LINE: Final = re.compile(
    rf"(?:^|\n)(?:[SOAP] ?[-:] ?)?(?P<own>{_SHORT}|(?:[A-Z]\.){{2,4}})(?= (?:\"|“|states|says|reports|denies|refiere|niega|acude))"
)
_LETTER_NAME: Final = re.compile(
    r"(?<![\w.'’-])(?P<own>(?:[^\W\d_a-z]\.[ -]?){1,3}(?:(?:de la|de los|de|del|van der|van den|van|von|al|el|bin|dos|da|di|Mac|Ó|Ní|Nic|Ben|Abu|O['’]) ?)?[^\W\d_a-z][^\W\d_'’-]{1,20}(?:['’-][^\W\d_]{2,20})?)"
)
_AGED: Final = re.compile(
    r"(?P<before>[^\W\d_])(?:,? \(|, |  )(?:aged? )?(?:\d{1,3} ?(?:[FMHV]\b|y/?o\b|yo\b|yrs?\b|years?|-year|a\.|a\b|a[nñ]os)|(?:bed|rm|room|bay|cama|hab)\.? ?\d)"
)
_FOREIGN: Final = "ąćęłńśźżĄĆĘŁŃŚŹŻčďěňřšťůžČĎĚŇŘŠŤŮŽğışİĞŞőűŐŰăâđơưĂĐƠƯạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịĩọỏốồổỗộớờởỡợụủũứừửữựỳỵỷỹẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊĨỌỎỐỒỔỖỘỚỜỞỠỢỤỦŨỨỪỬỮỰỲỴỶỸåøæðþÅØÆÐÞāēīōūĀĒĪŌŪķļņģėįųșțȘȚ"
"""Letters that neither English nor Spanish words are written with."""
_CAPITAL_WORD: Final = r"[^\W\d_a-zà-öø-ÿ][^\W\d_'’-]{0,20}(?:['’-][^\W\d_]{1,20})?"
_FOREIGN_WORD: Final = re.compile(
    rf"(?<![\w@])(?=[^\W\d_]{{0,12}}[{_FOREIGN}]){_CAPITAL_WORD}(?!\w)"
)
_FOREIGN_NAME: Final = re.compile(
    rf"(?<![\w@])(?:{_CAPITAL_WORD} )?(?=[^\W\d_]{{0,12}}[{_FOREIGN}]){_CAPITAL_WORD}(?: {_CAPITAL_WORD}){{0,2}}(?!\w)"
)
_TO_WHOM: Final = frozenset(
    {"to", "from", "fr", "re", "attn", "cc", "for", "pt", "patient", "name"}
)
_MICROBES: Final = words("microbes")


class _Words:
    """What may be a part of a name in a list of names."""

    def __init__(self, tokens: Sequence[Token], lists: Lexicon, *, blind: bool) -> None:
        self.tokens, self.lists, self.blind = tokens, lists, blind

    def named(self, low: str) -> bool:
        lists = self.lists
        return low in SHORT_NAMES or all(
            p in lists.given or p in lists.family or p in lists.rare for p in low.split("-")
        )

    def may(self, k: int) -> bool:
        """Tell whether token `k` is written like a name and nothing else claims it."""
        token = self.tokens[k]
        if not token.word or len(token.low) < 2 or not (self.blind or token.text[0].isupper()):
            return False
        if token.low in SHORT_NAMES and token.proper and token.text[1:].islower():
            return True
        if not token.proper or medical(token.low):
            return False
        if token.low in _BARRED or (token.low in MONTHS and not self.named(token.low)):
            return False
        return self.named(token.low) if token.common or token.upper else True

    def loosely(self, k: int) -> bool:
        """Tell whether token `k` has a capital inside a sentence, whatever word it is."""
        token = self.tokens[k]
        return (
            token.word
            and token.proper
            and not (self.blind or token.first or token.upper)
            and len(token.low) > 1
            and not medical(token.low)
            and token.low not in _BARRED_TOO
        )

    def back(self, k: int) -> int:
        """Return where the name that ends before token `k` begins; `k` if there is none."""
        first = k
        while first > 0 and k - first < 6:
            token = self.tokens[first - 1]
            blank = self.tokens[first].start - token.end if first < len(self.tokens) else 0
            part = self.may(first - 1) or self.loosely(first - 1) or _initial(token)
            if blank > 2 or not (part or (first < k and _link(token))):
                break
            first -= 1
        while first < k and not (self.may(first) or _initial(self.tokens[first])):
            first += 1
        return first

    def ahead(self, k: int) -> int:
        """Return where the name that begins at token `k` ends; `k` if there is none."""
        end = k
        while end < len(self.tokens) and end - k < 5:
            token = self.tokens[end]
            if end > k and token.start - self.tokens[end - 1].end > 2:
                break
            if not (self.may(end) or (_initial(token) and end > k) or _link(token)):
                break
            end += 1
        while end > k and not self.may(end - 1):
            end -= 1
        return end


_BARRED: Final = (
    _LETTERS
    | _LETTERS_COMMA
    | NEVER_NAMES
    | HOSPITAL_WORDS
    | ORG_WORDS
    | ORG_TAILS
    | WEEKDAYS
    | LABEL_WORDS
    | NOT_NAMES
    | RELATIONS
    | TITLES
)
_BARRED_TOO: Final = _BARRED | PROFESSIONS


def _initial(token: Token) -> bool:
    return len(token.text) == 1 and token.text.isupper()


def _link(token: Token) -> bool:
    return token.text in _JOINTS or (
        token.low in PARTICLES and token.low not in {"y", "e", "i", "a"}
    )


def people_spans(
    text: str, low: str, tokens: list[Token], lists: Lexicon, *, blind: bool
) -> list[Span]:
    """Return people told by letters after the name, lists of beds, initials, and one letter."""
    found = _Words(tokens, lists, blind=blind)
    out = _lettered(found)
    starts = [t.start for t in tokens]
    for match in _ENTRY.finditer(low):
        k = bisect_left(starts, match.end())
        end = found.ahead(k)
        if (
            end > k
            and _ENTRY_END.match(low, tokens[end - 1].end)
            and not bare_eponym(tokens[k].low)
        ):
            out.append(Span(tokens[k].start, tokens[end - 1].end, Kind.PERSON, 0.8, "rule:entry"))
    for match in _AGED.finditer(text):
        k = bisect_left(starts, match.end("before"))
        first = found.back(k)
        if (
            first < k
            and tokens[k - 1].end == match.end("before")
            and any(found.may(n) for n in range(first, k))
        ):
            out.append(Span(tokens[first].start, tokens[k - 1].end, Kind.PERSON, 0.78, "rule:aged"))
    out += _foreign(text, _FOREIGN_WORD if blind else _FOREIGN_NAME, lists)
    if blind:
        out += _addressed(found)
    if not blind:
        out += _by_initials(text) + _letter_names(text, tokens, starts, found)
    return out


def _foreign(text: str, pattern: re.Pattern[str], lists: Lexicon) -> list[Span]:
    """Return words with a capital and a letter that neither language has, and those beside them."""
    if text.isascii():
        return []
    out: list[Span] = []
    for match in pattern.finditer(text):
        start, first = match.start(), match.group().split(" ", maxsplit=1)[0]
        low = folded(first)
        if first.isascii() and (low in TITLES or (low in lists.words and low not in lists.given)):
            start += len(first) + 1
        if match.end() - start > 1:
            out.append(Span(start, match.end(), Kind.PERSON, 0.7, "names:foreign"))
    return out


def _addressed(found: _Words) -> list[Span]:
    """Return two names after "TO", "FROM" or "RE" where capitals say nothing."""
    out: list[Span] = []
    tokens = found.tokens
    for k, token in enumerate(tokens[:-2]):
        one, two = tokens[k + 1], tokens[k + 2]
        led = token.low in _TO_WHOM and one.word and two.word and one.low in found.lists.given
        if led and found.named(two.low) and two.low not in _BARRED and one.low not in _BARRED:
            out.append(Span(one.start, two.end, Kind.PERSON, 0.75, "rule:to-whom"))
    return out


def _lettered(found: _Words) -> list[Span]:
    out: list[Span] = []
    tokens = found.tokens
    for k, token in enumerate(tokens):
        if (
            not k
            or not token.word
            or not (
                token.upper
                or found.blind
                or token.text in {"PhD", "PsyD", "MRCPsych", "FRCPsych", "PharmD"}
            )
        ):
            continue
        comma = tokens[k - 1].text in {",", "("}
        if token.low not in _LETTERS and not (comma and token.low in _LETTERS_COMMA):
            continue
        end = k - 1 if comma else k
        first = found.back(end)
        if (
            first < end
            and (comma or end - first > 1)
            and any(found.may(n) for n in range(first, end))
        ):
            out.append(
                Span(
                    tokens[first].start,
                    tokens[end - 1].end,
                    Kind.PERSON,
                    0.88,
                    "rule:letters-after",
                )
            )
    return out


def _by_initials(text: str) -> list[Span]:
    out: list[Span] = []
    said: set[str] = set()
    for pattern in (_INITIALS, _LINE):
        for match in pattern.finditer(text):
            name = next(n for n, v in match.groupdict().items() if v is not None)
            out.append(Span(*match.span(name), Kind.PERSON, 0.75, "rule:initials"))
            said.add(match[name])
    for own in said:
        at = text.find(own)
        while at >= 0:
            end = at + len(own)
            if not (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum()):
                out.append(Span(at, end, Kind.PERSON, 0.75, "rule:initials"))
            at = text.find(own, end)
    return out


def _letter_names(text: str, tokens: list[Token], starts: list[int], found: _Words) -> list[Span]:
    """Return "D. Park", "J.-M. Roux": letters with dots, then a word with a capital."""
    out: list[Span] = []
    for match in _LETTER_NAME.finditer(text):
        k = bisect_left(starts, match.end()) - 1
        last = tokens[k]
        if last.low in _MICROBES or medical(last.low) or last.low in _BARRED:
            continue
        if last.common and not found.named(last.low):
            continue
        if (
            last.common
            and match.start()
            and text[match.start() - 1 : match.start()] == " "
            and text[match.start() - 2 : match.start() - 1].islower()
            and last.low not in found.lists.family
        ):
            continue
        out.append(Span(*match.span("own"), Kind.PERSON, 0.8, "rule:letter-name"))
    return out


def enumerated(
    spans: Sequence[Span], tokens: Sequence[Token], lists: Lexicon, *, blind: bool
) -> list[Span]:
    """Return the single names that stand in a list with a sure name: "Ana, Vo and Park"."""
    found = _Words(tokens, lists, blind=blind)
    starts = [t.start for t in tokens]
    out: list[Span] = []
    for span in spans:
        if span.kind is not Kind.PERSON or span.confidence < 0.8:
            continue
        k = bisect_left(starts, span.end)
        while k + 1 < len(tokens) and tokens[k].text in {
            ",",
            "and",
            "y",
            "e",
            "i",
            "&",
            "/",
            "und",
        }:
            k += 1
            joined = tokens[k - 1].text in {"and", "y", "e", "i", "&"}
            if tokens[k].text in {"and", "y", "e", "&"} and k + 1 < len(tokens):
                k, joined = k + 1, True
            if not (_fits(found, k) or (joined and found.loosely(k) and _ends(found, k))):
                break
            begin = span.end if _second_family(found, k, span) else tokens[k].start
            out.append(Span(begin, tokens[k].end, Kind.PERSON, 0.72, "names:list"))
            k += 1
        k = bisect_left(starts, span.start) - 1
        while k > 0 and tokens[k].text in {",", "and", "y", "e", "&"} and _fits(found, k - 1):
            out.append(
                Span(tokens[k - 1].start, tokens[k - 1].end, Kind.PERSON, 0.72, "names:list")
            )
            k -= 2
    return out


def _second_family(found: _Words, k: int, span: Span) -> bool:
    """Tell whether "y" and one family name follow a name: "Quiambao y Salonga"."""
    token, before = found.tokens[k], found.tokens[k - 1]
    return (
        before.low in {"y", "i"}
        and before.start - span.end == 1
        and token.low not in found.lists.given
    )


def _fits(found: _Words, k: int) -> bool:
    """Tell whether one word with a capital stands at `k`, no place, and ends its place in the list."""
    token = found.tokens[k]
    if found.blind and token.common:
        return False
    if (
        not found.may(k)
        or token.low == "ph"
        or bare_eponym(token.low)
        or (token.first and token.common)
    ):
        return False
    if token.low in found.lists.places and not found.named(token.low):
        return False
    return _ends(found, k)


def _ends(found: _Words, k: int) -> bool:
    """Tell whether no other word with a capital follows."""
    after = found.tokens[k + 1 : k + 2]
    if not after or not after[0].word:
        return True
    return not (after[0].proper or clinical_noun(after[0].low) or after[0].low in FAMILY_NOUNS)
