"""What the clinic knows about the person already, found in the text exactly and with small errors.

Case, accents, spacing, order, initials, possessives and typing errors do not hide a known name;
separators do not hide a known number.
"""

# ruff: noqa: PERF401, RUF001, SIM102 - one question after the other, each with its answer

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import permutations
from typing import Any, Final

from euthymia.gateway.deid.clinical import medical
from euthymia.gateway.deid.contract import Kind, Lang, Span
from euthymia.gateway.deid.fold import folded
from euthymia.gateway.deid.lexicon import Lexicon, lexicon
from euthymia.gateway.deid.tokens import Token, tokens_of
from euthymia.gateway.deid.vocabulary import (
    MONTHS,
    NEVER_NAMES,
    PARTICLES,
    STREET_AFTER,
    STREET_BEFORE,
)
from euthymia.ground.errors import SchemaError

_NICKNAMES: Final = (
    "robert rob bob bobby|william will bill billy liam|richard rick dick|"
    "james jim jimmy jamie|john jack|"
    "elizabeth liz beth lizzie betty|margaret maggie meg peggy|"
    "catherine katherine kate katie cathy kathy|"
    "michael mike mick|thomas tom tommy|christopher chris|anthony tony|edward ed eddie ted|"
    "andrew andy|"
    "joseph joe|daniel dan danny|matthew matt|samuel sam|samantha sam|alexander alex|"
    "alexandra alex|benjamin ben|"
    "susan sue|patricia pat patty trish|jennifer jen jenny|rebecca becky|victoria vicky|"
    "deborah debbie|"
    "francisco paco curro|jose pepe|josefa pepa|dolores lola|ignacio nacho|"
    "enrique quique kike|rosario charo|"
    "concepcion concha|francisca paqui paca|manuel manolo|manuela manoli|jesus chus|"
    "rafael rafa|teresa tere|"
    "isabel isa|guadalupe lupe|antonio toni|maria mari|mercedes merche|antonia toni|"
    "javier javi|alejandro alex"
)
_OF_TIME: Final = frozenset(
    [
        "in",
        "since",
        "until",
        "till",
        "last",
        "next",
        "this",
        "by",
        "of",
        "early",
        "late",
        "mid",
        "during",
        "every",
        "en",
        "de",
        "desde",
        "hasta",
    ]
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_ALNUM: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Known:
    """What is on record: about the person, those near to them, and the clinic's own people."""

    names: tuple[str, ...] = ()
    """The person's own names, each as it is written in full; aliases too."""
    relatives: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    """Employers, schools, and the clinic's own name."""
    dates: tuple[date, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    sex: str = ""
    """"f", "m" or nothing: for the sex of the surrogate."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Known":
        """Return what a JSON object says: keys as the fields here, texts or lists of texts.

        Raises
        ------
        SchemaError
            If a key is not known, or a value is not a text, a list of texts or an ISO date. The
            message names no key that is not ours: by mistake it may be a person's name.
        """
        allowed = {f.name for f in fields(cls)}
        unknown = [str(n) for n, key in enumerate(values, 1) if key not in allowed]
        if unknown:
            raise SchemaError(
                f"unknown key in the known facts (number {', '.join(unknown)} of "
                f"{len(values)}); use {', '.join(sorted(allowed))}"
            )
        parts: dict[str, Any] = {}
        for key, value in values.items():
            if key == "sex":
                parts[key] = _sex(value)
            else:
                texts = _texts(value, key)
                parts[key] = tuple(map(_day, texts)) if key == "dates" else texts
        return cls(**parts)

    def everyone(self) -> tuple[str, ...]:
        """Return all names of people."""
        return (*self.names, *self.relatives, *self.staff)


def _texts(value: object, key: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(v, str) for v in listed):
        raise SchemaError(f'"{key}" in the known facts must be a text or a list of texts')
    return tuple(v for v in listed if v.strip())


def _sex(value: object) -> str:
    """Return "f" or "m"; nothing for what else a record says, such as "other" or "unknown"."""
    if value is not None and not isinstance(value, str):
        raise SchemaError('"sex" in the known facts must be a text, such as "female"')
    said = (value or "").strip().lower()
    return said[:1] if said in {"f", "m", "female", "male"} else ""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SchemaError("a date in the known facts must look like 1980-02-29") from error


def distance_within(left: str, right: str, most: int) -> bool:
    """Tell whether `most` letters added, lost, changed or swapped turn `left` into `right`."""
    if abs(len(left) - len(right)) > most:
        return False
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and b == left[i - 2]:
                best = min(best, last[j - 2] + 1)
            row.append(best)
        if min(row) > most:
            return False
    return row[-1] <= most


def _errors_allowed(length: int) -> int:
    return 0 if length < 5 else 1 if length < 8 else 2


def _shorter(word: str, most: int) -> set[str]:
    """Return `word` and all words with up to `most` of its letters lost."""
    out = {word}
    for _ in range(most):
        out |= {w[:i] + w[i + 1 :] for w in out for i in range(len(w))}
    return out


class KnownFinder:
    """Finds what is known in many texts; built once for a person."""

    def __init__(self, known: Known, lang: Lang) -> None:
        self.known = known
        self.lex: Lexicon = lexicon(lang)
        self.canonical: dict[str, str] = {}
        full = [[folded(w) for w in _WORD.findall(n)] for n in known.everyone()]
        parts = {w for words in full for w in words if len(w) > 1 and w not in PARTICLES}
        self._add_parts(parts)
        firsts = [_initials(words) for words in full]
        self.initials = {f[:n] for f in firsts for n in range(2, len(f) + 1)}
        self.wholes = self._wholes(full)
        self.marks = {folded("".join(_ALNUM.findall(t))): k for t, k in _numbers(known)}
        self.phrases = [(k, [folded(w) for w in _ALNUM.findall(t)]) for t, k in _phrases(known)]
        self.addresses = [[folded(w) for w in _ALNUM.findall(a)] for a in known.addresses]

    def _add_parts(self, parts: set[str]) -> None:
        near: dict[str, list[str]] = {}
        for part in sorted(parts):
            self.canonical[part] = part
            for short in _shorter(part, _errors_allowed(len(part))):
                near.setdefault(short, []).append(part)
        for group in _NICKNAMES.split("|"):
            names = group.split()
            for name in names:
                if name in self.canonical:
                    for other in names:
                        self.canonical.setdefault(other, name)
        self.near = near
        self.longest = max(map(len, parts), default=0)

    def _wholes(self, full: list[list[str]]) -> dict[str, None]:
        """Return names without any blank, in each order, and their longer parts."""
        out: dict[str, None] = {}
        for words in full:
            for count in (2, 3):
                for some in permutations(words[:4], count):
                    if sum(map(len, some)) > 5:
                        out["".join(some)] = None
            for word in words:
                if len(word) > 3 and word not in PARTICLES:
                    out[word] = None
        return out

    def part_of(self, low: str) -> str | None:
        """Return the known name that a folded word is, exactly or with errors; None if none."""
        if low in self.canonical:
            return self.canonical[low]
        most = _errors_allowed(len(low))
        if not most or low in NEVER_NAMES or len(low) > self.longest + most:
            return None
        for short in _shorter(low, most):
            for part in self.near.get(short, ()):
                if distance_within(low, part, min(most, _errors_allowed(len(part)))):
                    return part
        return None

    def spans(self, text: str, tokens: Sequence[Token] | None = None) -> list[Span]:
        """Return where `text` holds what is known."""
        cut = tokens_of(text, self.lex.lang) if tokens is None else list(tokens)
        out = self._names(text, cut)
        out += self._squeezed(text)
        out += self._sequences(cut)
        for email in self.known.emails:
            for match in re.finditer(re.escape(email), text, re.IGNORECASE):
                out.append(Span(match.start(), match.end(), Kind.EMAIL, 1.0, "known:email"))
        return out

    # ---- names ------------------------------------------------------------------------------

    def _names(self, text: str, tokens: list[Token]) -> list[Span]:
        out: list[Span] = []
        hits: list[int] = []
        for n, token in enumerate(tokens):
            if token.word and self._hit(token):
                hits.append(n)
        met = set(hits)
        sure = {n for n in hits if self._certain(tokens, n, met)}
        for n in hits:
            token = tokens[n]
            exact = token.low in self.canonical or any(
                p in self.canonical for p in token.low.split("-")
            )
            confidence = (1.0 if exact else 0.9) if n in sure else 0.3
            out.append(Span(token.start, token.end, Kind.PERSON, confidence, "known:name"))
            if n in sure:
                out += self._beside(tokens, n)
        return out + self._initials(text)

    def _hit(self, token: Token) -> bool:
        if token.low in self.canonical:
            return True
        if "-" in token.low or "'" in token.low:
            if any(p in self.canonical for p in re.split("[-']", token.low) if len(p) > 2):
                return True
        if token.common:
            return False
        return self.part_of(token.low) is not None

    def _certain(self, tokens: list[Token], n: int, hits: set[int]) -> bool:
        """Tell whether the word means the person: an ordinary word ("May", "Rose") may not."""
        token = tokens[n]
        before = tokens[n - 1] if n else None
        if token.low in MONTHS and before is not None and before.low in _OF_TIME:
            return False
        if not token.common or n - 1 in hits or n + 1 in hits:
            return token.proper or not token.common or (n - 1 in hits or n + 1 in hits)
        return (token.proper and not token.first) or (token.proper and self._followed(tokens, n))

    def _followed(self, tokens: list[Token], n: int) -> bool:
        after = tokens[n + 1] if n + 1 < len(tokens) else None
        return after is None or after.text in {"'", "’", ",", ".", "\n", ":"} or after.proper

    def _beside(self, tokens: list[Token], n: int) -> list[Span]:
        """Return a known initial that stands beside a known name: J. Smith, Smith J."""
        letters = {i for initials in self.initials for i in initials}
        out = []
        for m, dot in ((n - 1, n - 2), (n + 1, n + 1)):
            k = dot if m < n and m >= 0 and tokens[m].text == "." else m
            if 0 <= k < len(tokens) and tokens[k].word and len(tokens[k].low) == 1:
                if tokens[k].low in letters and tokens[k].text.isupper():
                    out.append(
                        Span(tokens[k].start, tokens[k].end, Kind.PERSON, 0.95, "known:initial")
                    )
        return out

    def _initials(self, text: str) -> list[Span]:
        out = []
        for initials in self.initials:
            dotted = r"\.\s?".join(initials.upper()) + r"\."
            loose = rf"|{initials.upper()}" if len(initials) > 2 and not medical(initials) else ""
            for match in re.finditer(rf"(?<![\w.])(?:{dotted}{loose})(?!\w)", text):
                out.append(Span(match.start(), match.end(), Kind.PERSON, 0.9, "known:initials"))
        return out

    # ---- without blanks ---------------------------------------------------------------------

    def _squeezed(self, text: str) -> list[Span]:
        """Return known names and numbers whatever stands between their letters or digits."""
        kept = [(n, c) for n, char in enumerate(text) if char.isalnum() for c in folded(char)]
        flat = "".join(c for _, c in kept)
        out: list[Span] = []
        for whole in self.wholes:
            out += self._places(text, flat, kept, whole, Kind.PERSON, "known:name")
        for mark, kind in self.marks.items():
            if len(mark) > 3:
                out += self._places(text, flat, kept, mark, kind, f"known:{kind.value.lower()}")
        return out

    def _places(
        self,
        text: str,
        flat: str,
        kept: list[tuple[int, str]],
        wanted: str,
        kind: Kind,
        source: str,
    ) -> list[Span]:
        out: list[Span] = []
        at = flat.find(wanted)
        while at >= 0:
            start, end = kept[at][0], kept[at + len(wanted) - 1][0] + 1
            at = flat.find(wanted, at + 1)
            inside = text[start:end]
            if "\n\n" in inside or end - start > 3 * len(wanted) + 2:
                continue
            if not _bounded(text, start, end, number=kind is not Kind.PERSON):
                continue
            if kind is Kind.PERSON and inside.isalpha():
                if wanted in self.canonical or wanted in self.lex.words:
                    continue  # a whole word: `_names` has judged it
            if kind is Kind.PERSON and wanted in self.lex.words and not inside[:1].isupper():
                continue
            if kind is Kind.PERSON and _ordinary_words(inside, self.lex):
                continue
            out.append(Span(start, end, kind, 1.0, source))
        return out

    # ---- sequences --------------------------------------------------------------------------

    def _sequences(self, tokens: list[Token]) -> list[Span]:
        out: list[Span] = []
        lows = [t.low for t in tokens]
        for kind, words in self.phrases:
            for n in range(len(lows)):
                end = _sequence_end(lows, n, words)
                if end and any(t.proper or t.number for t in tokens[n:end]):
                    source = f"known:{kind.value.lower()}"
                    out.append(Span(tokens[n].start, tokens[end - 1].end, kind, 1.0, source))
        for words in self.addresses:
            out += _address_places(tokens, words)
        return out


def _initials(words: list[str]) -> str:
    return "".join(w[0] for w in words if w not in PARTICLES)


def _numbers(known: Known) -> list[tuple[str, Kind]]:
    out = [(i, Kind.ID) for i in known.ids] + [(p, Kind.PHONE) for p in known.phones]
    out += [(re.sub(r"^\s{0,9}(?:\+|00)\d{1,2}[\s.-]", "", p), Kind.PHONE) for p in known.phones]
    for day in known.dates:
        forms = ("%Y%m%d", "%d%m%Y", "%m%d%Y", "%d%m%y", "%m%d%y")
        out += [(day.strftime(form), Kind.DATE) for form in forms]
        out += [
            (f"{day.day}{day.month}{day.year}", Kind.DATE),
            (f"{day.month}{day.day}{day.year}", Kind.DATE),
        ]
    return out


def _phrases(known: Known) -> list[tuple[str, Kind]]:
    return [(p, Kind.LOCATION) for p in known.places] + [
        (o, Kind.ORGANISATION) for o in known.organisations
    ]


def _bounded(text: str, start: int, end: int, *, number: bool) -> bool:
    """Tell whether the place begins and ends where a word, or a run of digits, does."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if number:
        return not before.isdigit() and not after.isdigit()
    return not before.isalnum() and not (after.isalpha() or after.isdigit())


def _ordinary_words(inside: str, lex: Lexicon) -> bool:
    """Tell whether a name was put together from words of a sentence: "so far" is not Sofar."""
    words = inside.split()
    return (
        len(words) > 1
        and not any(w[:1].isupper() for w in words)
        and all(folded(w) in lex.words for w in words)
    )


def _sequence_end(lows: list[str], n: int, words: list[str]) -> int:
    """Return the end of the known words from token `n` on, marks between them aside; 0 if not."""
    j = n
    for k, word in enumerate(words):
        while k and j < len(lows) and not lows[j][0].isalnum() and lows[j] != "\n":
            j += 1
        if j >= len(lows) or lows[j] != word:
            return 0
        j += 1
    return j if words else 0


def _in_addresses(token: Token) -> bool:
    return token.low in PARTICLES or token.low in STREET_AFTER or token.low in STREET_BEFORE


def _address_places(tokens: list[Token], words: list[str]) -> list[Span]:
    """Return stretches made of the address's own words, a street's name at least among them."""
    own = set(words)
    telling = {w for w in own if len(w) > 3 and not w.isdigit()} - STREET_AFTER - STREET_BEFORE
    out: list[Span] = []
    n = 0
    while n < len(tokens):
        if tokens[n].low not in own:
            n += 1
            continue
        end, hits, told, j = n, 0, 0, n
        while j < len(tokens) and j - end < 4:
            if tokens[j].low in own:
                end, hits, told = j, hits + 1, told + (tokens[j].low in telling)
            elif tokens[j].text not in {",", ".", "-", "\n", "/"} and not _in_addresses(tokens[j]):
                break
            j += 1
        proper = any(t.proper for t in tokens[n : end + 1])
        if told and (hits > 1 or len(telling) == 1) and (proper or hits > 2):
            out.append(Span(tokens[n].start, tokens[end].end, Kind.ADDRESS, 1.0, "known:address"))
        n = end + 1
    return out
