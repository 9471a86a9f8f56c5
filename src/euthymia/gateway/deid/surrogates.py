"""What takes the place of an identifier: a tag, or a made-up value that is the same each time.

Surrogates are drawn by HMAC-SHA-256 under a key that belongs to the person and is handed in: the
same name gives the same surrogate in each of the person's notes, another person's key gives
others, and without the key nothing leads back. All dates of
a person move by the same whole number of weeks.
"""

# ruff: noqa: PLR0911 - one question after the other, each with its answer

import hashlib
import hmac
import re
from typing import Final

from euthymia.gateway.deid.contract import OVER_89, Kind, Lang, Span
from euthymia.gateway.deid.dates import day_first, moved
from euthymia.gateway.deid.fold import fold_each, folded
from euthymia.gateway.deid.known import KnownFinder
from euthymia.gateway.deid.lexicon import lexicon, pool
from euthymia.gateway.deid.vocabulary import PARTICLES, TITLES

_SIGNS: Final = (
    "\\u0300-\\u036f\\u0483-\\u0489\\u0591-\\u05c7\\u0610-\\u061a\\u064b-\\u065f\\u0670\\u200c\\u200d"
    "\\u0900-\\u0dff\\u0e00-\\u0fff\\u1000-\\u109f\\u1780-\\u17ff"
)
"""Vowel signs and the like, no letters for Python: they belong to the word before them."""
_WORD: Final = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{_SIGNS}])*")
_LEAST_WEEKS: Final = 4
_MOST_WEEKS: Final = 104
_STREETS: Final[dict[Lang, tuple[str, ...]]] = {
    "en": ("Alder Road", "Beech Lane", "Chestnut Avenue", "Dale Street", "Elm Grove", "Fern Close"),
    "es": ("Calle del Olmo", "Calle de la Fuente", "Avenida del Roble", "Calle de los Tilos"),
}
_TOWNS: Final[dict[Lang, tuple[str, ...]]] = {
    "en": (
        "Ashbourne",
        "Brackley",
        "Corwen",
        "Dunmore",
        "Easton",
        "Fairhaven",
        "Glenwood",
        "Harlow",
    ),
    "es": (
        "Villanueva",
        "Fuenteclara",
        "Robledo",
        "Torrealta",
        "Valdeflores",
        "Montesol",
        "Riofrío",
    ),
}
_HOSPITALS: Final[dict[Lang, tuple[str, ...]]] = {
    "en": ("Lakeside Hospital", "Meadow Clinic", "Northfield Hospital", "Oakwood Clinic"),
    "es": ("Hospital del Lago", "Hospital de los Olmos", "Clínica del Prado", "Hospital Montesol"),
}
_EMPLOYERS: Final[dict[Lang, tuple[str, ...]]] = {
    "en": ("Alder Works", "Brookline Company", "Cedar Services", "Dale Industries"),
    "es": ("Empresa Olmo", "Servicios Roble", "Talleres Tilo", "Compañía Sauce"),
}
_COUNTRIES: Final[dict[Lang, tuple[str, ...]]] = {
    "en": ("another country",),
    "es": ("otro país",),
}


class Surrogates:
    """Draws what takes the place of one person's identifiers.

    Parameters
    ----------
    key : bytes
        The person's own, at least 16 bytes; not stored here or anywhere by this module.
    lang : "en" or "es"
    known : KnownFinder, optional
        So that a typing error of a known name gets the surrogate of the name.

    Raises
    ------
    ValueError
        If the key is shorter than 16 bytes.
    """

    def __init__(self, key: bytes, lang: Lang, known: KnownFinder | None = None) -> None:
        if len(key) < 16:
            raise ValueError("a person's key must have 16 bytes or more")
        self._key = key
        self._lang: Lang = lang
        self._known = known
        self._lex = lexicon(lang)
        self._text, self._day_leads = "", lang == "es"
        weeks = _LEAST_WEEKS + self._draw("weeks", "") % (_MOST_WEEKS - _LEAST_WEEKS)
        self.shift_days = 7 * weeks * (1 if self._draw("side", "") % 2 else -1)

    def _draw(self, what: str, value: str) -> int:
        mac = hmac.new(self._key, f"{what}\x00{value}".encode(), hashlib.sha256)
        return int.from_bytes(mac.digest()[:8], "big")

    def _pick(self, choices: tuple[str, ...], what: str, value: str) -> str:
        at = self._draw(what, value)
        for step in range(len(choices)):
            choice = choices[(at + step) % len(choices)]
            if folded(choice) != value and not self._is_known(choice):
                return choice
        return choices[at % len(choices)]

    def _is_known(self, name: str) -> bool:
        return self._known is not None and folded(name) in self._known.canonical

    def replace(self, text: str, span: Span) -> str:
        """Return what stands in for `text[span.start:span.end]`."""
        written = text[span.start : span.end]
        value = " ".join(_WORD.findall(folded(written))) or folded(written)
        match span.kind:
            case Kind.PERSON:
                return self._person(written)
            case Kind.DATE:
                return self._date(written, text)
            case Kind.ADDRESS:
                number = 1 + self._draw("number", folded(written)) % 180
                street = self._pick(_STREETS[self._lang], "street", value)
                return f"{street}, {number}" if self._lang == "es" else f"{number} {street}"
            case Kind.LOCATION | Kind.HOSPITAL | Kind.ORGANISATION | Kind.COUNTRY:
                return self._pick(_POOLS[span.kind][self._lang], span.kind.value, value)
            case Kind.EMAIL:
                return f"{self._person('x').lower()}{self._draw('mail', value) % 1000}@example.org"
            case Kind.URL:
                return f"https://example.org/{self._draw('url', folded(written)) % 100000}"
            case Kind.IP:
                return f"192.0.2.{1 + self._draw('ip', folded(written)) % 254}"
            case Kind.AGE if span.source == OVER_89:
                return "90+"
            case Kind.AGE | Kind.PROFESSION | Kind.COORDINATES | Kind.PASSAGE:
                return f"[{span.kind}]"
            case _:
                return self._shaped(written, span.kind)

    def _person(self, written: str) -> str:
        words = list(_WORD.finditer(written))
        joined = "".join(m.group() for m in words)
        if self._known is not None and len(words) > 1 and folded(joined) in self._known.canonical:
            return self._name(joined)  # one known name, pulled apart
        out, place = "", 0
        for match in words:
            out += written[place : match.start()]
            out += self._name(match.group())
            place = match.end()
        return out + written[place:]

    def _name(self, word: str) -> str:
        low = folded(word)
        if low in PARTICLES or low in TITLES:
            return word
        if self._known is not None and len(low) > 1:
            low = self._known.part_of(low) or low
        what = self._sort(low)
        name = self._pick(pool(self._lang, what), what, low)
        if len(low) == 1:
            return name[0].upper()
        return (
            name.upper()
            if word.isupper() and len(word) > 1
            else name.lower()
            if word.islower()
            else name
        )

    def _sort(self, low: str) -> str:
        """Return "f", "m" or "family" for a folded name; the same name is always of one sort."""
        sex = self._lex.sex(low)
        if low in self._lex.family and not sex:
            return "family"
        if low in self._lex.given or sex:
            own = self._known.known.sex if self._known is not None else ""
            return sex or own or ("f" if self._draw("sex", low) % 2 else "m")
        return "family"

    def _date(self, written: str, text: str) -> str:
        if text is not self._text:
            self._text, self._day_leads = text, day_first(fold_each(text), self._lang)
        low, leads = fold_each(written), self._day_leads
        new = moved(written, low, self.shift_days, self._lang, day_leads=leads)
        return "[DATE]" if new is None else new

    def _shaped(self, written: str, kind: Kind) -> str:
        """Return other letters and digits in the same places; marks and blanks stay."""
        out = []
        for n, char in enumerate(written):
            at = self._draw(f"{kind}{n}", folded(written))
            if char.isdigit():
                out.append(str(at % 10))
            elif char.isalpha():
                letter = chr(ord("A") + at % 26)
                out.append(letter if char.isupper() else letter.lower())
            else:
                out.append(char)
        return "".join(out)


_POOLS: Final = {
    Kind.LOCATION: _TOWNS,
    Kind.HOSPITAL: _HOSPITALS,
    Kind.ORGANISATION: _EMPLOYERS,
    Kind.COUNTRY: _COUNTRIES,
}
