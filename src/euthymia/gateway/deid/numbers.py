"""Runs of digits told apart: phones, cards, accounts, national and record numbers; check digits."""

# ruff: noqa: E501, PLR0911 - patterns are read whole, with the signs that people write

import re
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span

_RUN: Final = re.compile(
    r"(?<!\w)(?<!\d[.,])[(+]{0,2}\d[\d ().\-/\u00a0]{3,28}\d(?:,? ?(?i:ext|x|"
    r"int|anexo|interno|loc|local|extn|opci[oó]n)\.? ?\d{1,5})?(?![\w])"
)
_GROUPS: Final = re.compile(r"\d+")
_CALL: Final = re.compile(
    r"(?:tel|tlf|tfno|telf|telefono|phone|ph|mobile|cell|fax|movil|call|ring|text|pager|bleep|ext|"
    r"extension|contact|number is|reached (?:on|at)|answering at|whatsapp|llamar|llame|contacto|"
    r"messages to|registered|back from|me at|on|al|numero)[ .:#=\-()]{0,6}$"
)
_UNIT: Final = re.compile(
    r"\s{0,2}(?:(?:mg|mcg|µg|ug|kg|g|ml|l|dl|mm|cm|mmol|mol|meq|ui|iu|u|h)\b|%|cel|leuc|plaq|hemat|"
    r"x\s?10|/\s?(?:mm|ml|ul|µl|l|campo|dl)|"
    r"copias|copies|lpm|bpm|euros|eur|usd|€|\$|horas|hours|dias|days)"
)
_LETTERED: Final = re.compile(
    r"(?<!\w)(?:[A-Za-z]{1,4}[-/ ]?\d{5,12}(?:[-/]\d{1,4})?[A-Za-z]?|"
    r"\d{6,9}(?:-?[A-Za-z]| [A-Z])(?!-)|[XYZxyz][- ]?\d{7}[- ]?[A-Za-z]|"
    r"[A-Za-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d])(?!\w)"
)
_DOTTED: Final = re.compile(
    r"(?<![\w.,$€])\d{1,3}\.\d{3}\.\d{3}(?P<long>\.\d{3})?"
    r"(?: ?[-/.] ?(?P<letter>[A-Za-z0-9]))?(?![\w]|[.,]\d)"
)
"""A national number in groups of three: "16.284.905-Q", "20.118.442-K", "1.122.507.331"."""
_MONEY: Final = re.compile(r"[$€£]\s?$|(?:usd|cop|clp|ars|pesos|eur)\s?$")
_NATIONAL: Final = re.compile(
    r"(?:dni|d\.n\.i|n\.i\.e|nif|n\.i\.f|cc|c\.c|ci|c\.i|cedula|rut|r\.u\.t|run|documento|identidad|identificad[oa] con)\W{0,3}(?:n[º°o.]{0,2}\W{0,2})?$"
)
_GROUPED: Final = re.compile(r"(?<![\w-])[A-Z0-9]{3,5}(?:-[A-Z0-9]{3,5}){2,4}(?![\w-])")
_LABEL: Final = re.compile(
    r"(?:nhc|dni|nie|nif|mrn|nhs|sip|cipa?|nass|ssn|hc|id|rx|ref|acct|pin|chi|cc|npi|dea|rut|rfc|gmc|nmc|hcpc|clia|tip|"
    r"mp|mn|run|upn|nis|nia|cuil|cuit|s|n) ",
    re.IGNORECASE,
)
"""A label that only a blank parts from its number: it stays, the number goes."""
_IBAN: Final = re.compile(
    r"(?<!\w)[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?(?!\w)"
)
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"


_SMALL: Final = frozenset({"FROM", "WITH", "CALL", "TO", "AT", "ON", "IN", "BY", "AND", "OR", "OF", "UNIT", "ROOM", "EXT", "TEL", "CELL", "FAX", "RING", "RANG", "DE", "CON", "EN", "AL", "POR", "SALA", "CAMA", "BED", "WARD"})  # fmt: skip
"""Words that a text in capitals has before a number."""


def luhn(digits: str) -> bool:
    """Tell whether a card number's check digit fits."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def dni(text: str) -> bool:
    """Tell whether the check letter of a Spanish DNI or NIE fits."""
    plain = re.sub(r"[\s-]", "", text).upper()
    if len(plain) != 9 or not plain[-1].isalpha():
        return False
    number = plain[:-1]
    if number[0] in "XYZ":
        number = str("XYZ".index(number[0])) + number[1:]
    return number.isdigit() and _DNI_LETTERS[int(number) % 23] == plain[-1]


def iban(text: str) -> bool:
    """Tell whether an IBAN's check digits fit (ISO 7064, mod 97)."""
    plain = re.sub(r"\s", "", text).upper()
    if not 15 <= len(plain) <= 34 or not plain.isalnum() or not plain.isascii():
        return False
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def nhs(digits: str) -> bool:
    """Tell whether the check digit of a British NHS number fits (mod 11)."""
    if len(digits) != 10:
        return False
    check = 11 - sum(int(d) * (10 - n) for n, d in enumerate(digits[:9])) % 11
    return check != 10 and check % 11 == int(digits[9])


def number_spans(text: str, low: str) -> list[Span]:
    """Return phones, accounts and identity numbers; `low` is `text` folded character by character."""
    out: list[Span] = []
    for match in _IBAN.finditer(text):
        digits = sum(map(str.isdigit, match.group()))
        if iban(match.group()):
            out.append(Span(match.start(), match.end(), Kind.ACCOUNT, 0.99, "rule:iban"))
        elif digits > 9 and len(match.group()) > 15:
            out.append(Span(match.start(), match.end(), Kind.ACCOUNT, 0.85, "rule:iban-shape"))
    for match in _LETTERED.finditer(text):
        label = _LABEL.match(match.group())
        start = match.start() + (label.end() if label else 0)
        if dni(text[start : match.end()]):
            out.append(Span(start, match.end(), Kind.ID, 0.99, "rule:dni"))
        elif not _UNIT.match(low, _digits_end(match)) and not _word_before(match.group()):
            out.append(Span(start, match.end(), Kind.ID, 0.7, "rule:lettered-id"))
    out += [
        Span(*match.span(), Kind.ID, 0.85, "rule:dotted-id")
        for match in _DOTTED.finditer(text)
        if match["letter"]
        or (match["long"] and not _MONEY.search(low, max(0, match.start() - 6), match.start()))
        or _NATIONAL.search(low, max(0, match.start() - 24), match.start())
    ]
    out += [
        Span(*match.span(), Kind.ID, 0.8, "rule:grouped-id")
        for match in _GROUPED.finditer(text)
        if _mixed(match.group())
    ]
    for match in _RUN.finditer(text):
        found = _classified(match, low)
        if found is not None:
            out.append(found)
    return out


def _mixed(value: str) -> bool:
    """Tell whether most groups of a number hold letters and digits together: "1EG4-TE5-MK73"."""
    groups = value.split("-")
    both = [any(map(str.isdigit, g)) and any(map(str.isalpha, g)) for g in groups]
    return 2 * sum(both) >= len(groups)


def _word_before(value: str) -> bool:
    """Tell whether the letters are a word of the sentence: "at 25615"."""
    head = value.split(" ", maxsplit=1)[0]
    return " " in value and head.isalpha() and (not head.isupper() or head in _SMALL)


def _digits_end(match: re.Match[str]) -> int:
    whole = match.group()
    return match.end() - (
        len(whole) - len(whole.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    )


_DATED: Final = re.compile(
    r"\d{1,3}(?: |\) ?)(?:(?:19|20)\d\d[-/.][01]\d[-/.][0-3]\d|[0-3]?\d[-/.][0-3]?\d[-/.](?:\d\d){1,2})(?!\d)"
)
"""The number of an entry and the date that follows it: "#3 2023-06-21", "2) 07/04/2019"."""


_PRICES: Final = re.compile(r"\d\.\d\d \d{1,4}\.\d\d(?!\d)")
_DATE_FIRST: Final = re.compile(
    r"(?:(?:19|20)\d\d[-/.][01]?\d[-/.][0-3]?\d|[0-3]?\d[-/.][0-3]?\d[-/.](?:\d\d){1,2}) \d{2,5}$"
)
"""A date and what is counted or coded on that day."""


def _classified(match: re.Match[str], low: str) -> Span | None:
    start, end = match.span()
    run = match.group()
    if _DATED.match(run) or _PRICES.search(run) or _DATE_FIRST.match(run):
        return None
    if run[0] == "(" and run.count("(") > run.count(")") and "(" in run[1:] and ")" in run:
        start, run = start + 1, run[1:]
    if run.count("(") > run.count(")") and "(" in run[1:]:
        run = run[: run.rindex("(")].rstrip()
        end = start + len(run)
    groups = _GROUPS.findall(run)
    sizes = tuple(map(len, groups))
    count = sum(sizes)
    if _UNIT.match(low, end) or count < 6 or _plain_number(run, sizes):
        return None
    called = _CALL.search(low, max(0, start - 28), start) is not None
    kind, sure = _kind(run, groups, sizes, count, called=called)
    if kind is None:
        return None
    return Span(start, end, kind, sure, f"rule:{kind.value.lower()}")


def _plain_number(run: str, sizes: tuple[int, ...]) -> bool:
    """Tell whether this is a thousand-grouped number, a decimal, a ratio or a range."""
    seps = set(run) - set("0123456789")
    if seps <= {"."} and len(sizes) > 1 and all(s == 3 for s in sizes[1:]) and sizes[0] < 4:
        return sizes != (3, 3, 3)
    if seps == {"."} and len(sizes) == 2:
        return True
    return seps == {"/"} and len(sizes) == 2 and max(sizes) < 5


def _kind(
    run: str, groups: list[str], sizes: tuple[int, ...], count: int, *, called: bool
) -> tuple[Kind | None, float]:
    digits = "".join(groups)
    if called and count <= 15:
        return Kind.PHONE, 0.95
    if run[0] == "+" or run[:2] == "(+" or (digits[:2] == "00" and 10 <= count <= 15):
        return Kind.PHONE, 0.95
    if sizes == (3, 2, 4):
        return Kind.ID, 0.97
    if 12 <= count <= 19 and (luhn(digits) or sizes in {(4, 4, 4, 4), (16,), (4, 6, 5)}):
        return Kind.ACCOUNT, 0.97 if luhn(digits) else 0.85
    return _phone_or_id(run, digits, sizes, count)


_PHONE_SHAPES: Final = frozenset(
    {(3, 3, 4), (3, 3, 3), (3, 2, 2, 2), (2, 3, 2, 2), (2, 7), (3, 6), (2, 2, 2, 2, 2), (2, 2, 2, 2),
     (5, 6), (5, 3, 3), (4, 3, 4), (4, 3, 3), (3, 4, 4), (2, 4, 4), (2, 3, 4), (4, 2, 2, 2), (2, 3, 3), (1, 3, 3, 4)}
)  # fmt: skip


def _phone_or_id(
    run: str, digits: str, sizes: tuple[int, ...], count: int
) -> tuple[Kind | None, float]:
    if "(" in run and ")" in run and 7 <= count <= 13:
        return Kind.PHONE, 0.9
    if nhs(digits) and sizes in {(3, 3, 4), (10,)}:
        return Kind.ID, 0.95
    if sizes in _PHONE_SHAPES and "/" not in run:
        return Kind.PHONE, 0.88
    if sizes == (9,) and digits[0] in "6789":
        return Kind.PHONE, 0.85
    if sizes in {(10,), (11,)} and digits[0] == "0":
        return Kind.PHONE, 0.85
    if sizes == (3, 4) and set(run) & set("- "):
        return Kind.PHONE, 0.75
    if len(sizes) == 1:
        return Kind.ID, 0.85 if count > 6 else 0.5
    if count >= 9:
        return Kind.ID, 0.75
    return None, 0.0
