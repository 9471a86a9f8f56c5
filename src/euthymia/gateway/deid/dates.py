"""Dates and ages in the forms that notes hold, in English and Spanish; and dates moved by days.

A date is anything that says more than a year; a year alone is found as well, with less certainty,
where a word before it says that it is one.
"""

# ruff: noqa: E501, PERF401, RUF001 - patterns are read whole, with the signs that people write

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from euthymia.gateway.deid.contract import OVER_89, Kind, Lang, Span
from euthymia.gateway.deid.old_age import with_years
from euthymia.gateway.deid.vocabulary import MONTHS, WEEKDAYS, numbered

_M: Final = (
    r"(?P<month>january|february|march|april|may|june|july|august|september|october|november|"
    r"december|"
    r"enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre|"
    r"sept?|jan|feb|mar|apr|jun|jul|aug|oct|nov|dec|ene|abr|ago|dic|"
    r"set(?=\.?[ -](?:del? )?(?:19|20)\d\d))\.?"
)
_DAY_WORDS: Final = {
    **numbered(
        "uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
        "dieciseis diecisiete dieciocho diecinueve veinte veintiuno veintidos veintitres "
        "veinticuatro veinticinco veintiseis veintisiete veintiocho veintinueve treinta",
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
        "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth "
        "twenty-first twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth "
        "twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first",
    ),
    "primero": 1,
    "treinta y uno": 31,
}
_W: Final = "(?P<word>" + "|".join(sorted(_DAY_WORDS, key=len, reverse=True)) + ")"
_Y: Final = r"(?P<year>(?:18|19|20)\d{2}|['’]\d{2})"
_YS: Final = r"(?P<year>(?:18|19|20)\d{2}|['’]\d{2}(?!\d)|\d{2}(?![\d:/.,%º°-]|\s?[a-z%º°]))"
_D: Final = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th|º|°|ro|er)?"
_OF: Final = r"(?:\s{1,2}(?:of|de|del)\s{1,2}(?:the )?|\s{0,2}[-/. ]\s{0,2}|\s{1,3})"
_THEN: Final = (
    r"(?:,?\s{1,2}(?:of|de|del|del ano|de ano)\s{1,2}(?:ano\s)?|\s{0,2}[-/., ]\s{0,2}|,\s{0,2})"
)
_NO_LIST: Final = r"(?!\s{0,2}\n\s?\d{1,2}[.)]\s)"
"""No number of a list on the next line."""
_TIME: Final = r"(?:[t ,]{1,2}\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:\.\d{1,6})?)?(?: ?[ap]\.?m\.?| ?h(?:rs|oras)?|z|[+-]\d{2}:?\d{2})?)?"
_ROMAN: Final = r"(?P<roman>viii|vii|iii|xii|vi|iv|ix|xi|ii|i|v|x)"

_PATTERNS: Final[tuple[tuple[re.Pattern[str], float, bool], ...]] = tuple(
    (re.compile(rf"(?<![\w./-]){pattern}(?![\w]|[./-]\d)"), sure, "P<month>" in pattern)
    for pattern, sure in (
        (rf"(?P<year>(?:18|19|20)\d{{2}})(?P<sep>[-/.])(?P<mon>[01]?\d)(?P=sep)(?P<day>[0-3]?\d){_TIME}", 0.98),
        (r"(?P<a>[0-3]?\d)\s?(?P<sep>[-/.])\s?(?P<b>[0-3]?\d)\s?(?P=sep)\s?(?P<year>(?:18|19|20)\d{2})" + _TIME, 0.98),
        (r"(?P<a>[0-3]?\d)(?P<sep>[-/])(?P<b>[0-3]?\d)(?P=sep)(?P<year>\d{2})" + _TIME, 0.93),
        (r"(?P<a>[0-3]\d)(?P<sep>\.)(?P<b>[01]\d)(?P=sep)(?P<year>\d{2})", 0.8),
        (r"(?P<a>[0-3]?\d)(?P<sep>\.)(?P<b>[01]?\d)(?P=sep)(?P<year>[0-4]\d)", 0.7),
        (rf"(?P<day>[0-3]?\d)[-/.]{_ROMAN}[-/.](?P<year>(?:18|19|20)?\d{{2}})", 0.9),
        (rf"{_D}{_OF}{_M}(?:{_THEN}{_YS})?", 0.95),
        (rf"(?P<day>[0-3]?\d){_M}(?P<year>(?:(?:18|19|20)\d{{2}}|\d{{2}}))", 0.93),
        (rf"{_W}\s{{1,2}}(?:of|de)\s{{1,2}}{_M}(?:{_THEN}{_YS})?", 0.9),
        (rf"{_M}\s{{1,2}}(?:the )?{_W}(?:{_THEN}{_Y})?", 0.85),
        (rf"{_M}{_NO_LIST}\s{{1,2}}(?:the )?{_D}(?:,?\s{{1,2}}(?:del? )?{_Y})?", 0.93),
        (rf"{_M}{_THEN}{_YS}", 0.95),
        (r"(?P<year>(?:19|20)\d{2})(?P<mon>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])", 0.85),
        (r"(?P<mon>0?[1-9]|1[0-2])/(?P<year>(?:19|20)\d{2})", 0.9),
        (r"(?P<mon>0[1-9]|1[0-2])-(?P<year>(?:19|20)\d{2})", 0.8),
    )
)  # fmt: skip
_BOTH: Final = re.compile(r"(?<![\d./-])(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})(?![\d/-])")
_BRITISH: Final = re.compile(
    r"(?<!\w)(?:nhs|cmht|camhs|hmp|gmc|hse|a&e|sho|st[3-8]|cpn|"
    r"[a-z]{1,2}\d[a-z\d]? \d(?!st|nd|rd|th|hr|lb)[abd-hjlnp-uw-z]{2})(?!\w)"
)
"""Words of its services and ranks, or a postcode; "B12 5mg" and "L4 5th" are none."""
_REACH: Final = 40
"""Characters before what tells a date in which it begins; twice as many after it."""
_LETTERS: Final = re.compile(r"[a-z]{3,10}")
JOINT: Final = re.compile(r"\d ?[/.-] ?[\divx]|(?:19|20)\d{6}")
"""What every date in numbers holds."""
_RANGE: Final = re.compile(
    rf"(?<![\w./,:-])(?P<first>[0-3]?\d)(?:st|nd|rd|th)? ?- ?(?P<last>{_D}{_OF}{_M}(?:{_THEN}{_YS})?)(?!\w|[./-]\d)"
)
"""Two days of one month: "4-18 August"."""
_PAIR: Final = re.compile(
    rf"(?P<first>[0-3]?\d)(?: ?- ?| (?:al|to|and|y|a) )(?P<last>(?P<day>[0-3]?\d){_OF}{_M}(?:{_THEN}{_YS})?)"
)
_AFTER: Final = (
    r"(?:court|hearing|huddle|handover|sign-?out|tmrw|tomorrow|rtc|follow[- ]up|f/u|fu|lunes|lun\.?|mar\.?|mie\.?|jue\.?|vie\.?|sab\.?|dom\.?|mon|tues?|weds?|thurs?|fri|sat|sun|ordered|signed|expires|reviewed|discharged|admitted|on|since|until|till|from|before|after|dated?|by|seen|visit|review|appointment|session|due|next \w{2,8}:?|al|revaloro|control|proxim[oa] \w{2,8}:?|(?:dose|visit|appointment|appt|review|labs|bloods|sample|bleed|given|seen|dosis|cita|visita|control|analitica)(?: was| is| due| el| del)?:?|"
    r"el|dia|desde|hasta|fecha|a|del)"
)
_LIKELY: Final = re.compile(
    r"(?<![\w/.,-])(?:(?:1[3-9]|2\d|3[01])/(?:0?[1-9]|1[0-2])|0[1-9]/(?:0[1-9]|1[0-2])|[12]\d/0[1-9])(?![\w/%-]|[.,]\d| ?(?:mg|ml|g|kg|mmhg|puntos|points|vision|left|right|both))"
)
"""Day and month that can hardly be a score: the first number is the larger, or one has a nought."""
_UNLIKELY_TOTAL: Final = re.compile(
    r"(?<![\w/.,-])(?:0?[1-9]|1[0-2])/(?:1[34679]|2[2369]|31)(?![\w/%-]|[.,]\d| ?(?:mg|ml|g|kg|mmhg|puntos|points|items|sessions|days|of)\b)|"
    r"(?<![\w/.,-])(?:1[3-9]|2\d|3[01])-0[1-9](?=[.,;)]?(?:\s|$))"
)
"""Month and day whose day is the highest mark of no scale in use; day and month, the month with a nought."""
_SHORT: Final = re.compile(
    rf"(?<!\w){_AFTER}\s{{1,2}}((?P<a>[0-3]?\d)(?P<sep>[/.-])(?P<b>[0-3]?\d))(?![\w%]|[./-]\d|"
    rf" ?(?:mg|ml|g|kg|mmhg|puntos|points))"
)
_BARE_MONTH: Final = re.compile(
    r"(?<!\w)(?:in|since|until|till|last|next|this|during|by|through|of|from|before|after|"
    r"early|late|mid|"
    r"en|desde|hasta|durante|de|del|pasado|proximo|este|mes de|a (?:principios|finales|"
    r"mediados) de)[ -]"
    rf"{_M}(?!\w)"
)
_YEAR: Final = re.compile(
    r"(?<!\w)(?:in|since|from|until|till|during|of|by|year|years|circa|early|late|mid|summer|"
    r"spring|autumn|fall|winter|"
    r"christmas|died|born|d\.|b\.|around|before|after|and|to|between|back|en|desde|hasta|ano|anos|ano:|durante|"
    r"de|del|el|entre|y|a|hacia|"
    r"primavera|verano|otono|invierno|navidad|principios de|finales de)[ -](?P<year>19\d{2}|"
    r"20[0-4]\d)"
    r"(?![\w%]|[.,]\d|[ /-]?(?:mg|ml|kg|g\b|cc|kcal|cal|steps|pasos|u\b|ui|iu|hematies|leuc|"
    r"mm|cm|m\b|euros|x\s))"
)
_SHORT_YEAR: Final = re.compile(
    r"(?<!\w)(?:in|since|from|until|of|by|early|late|mid|spring|summer|autumn|fall|winter|around|en|desde|del|verano|invierno)[ -](?P<year>['’]\d{2})(?![\w'’])"
)
_YEAR_MARKED: Final = re.compile(
    r"[(\[](?P<year>19\d{2}|20[0-4]\d)(?:[-–/](?:19|20)?\d{2})?[)\]]|(?:^|\n|"
    r": )(?P<year2>19\d{2}|20[0-4]\d)(?=[:, ][ a-z])"
)
_CLOCK: Final = re.compile(r"(?:^|\n|[.;] )(?:0\d|1[0-8]|2[1-3])[0-5]\d[ h:,-]")
"""A line that begins with the hour: in such a note "1930 asleep" tells no year."""
_ORDINAL_DAY: Final = re.compile(
    r"(?<!\w)(?:on|by|until|till|from|since|to|for|before|after) (the \d{1,2}(?:st|nd|rd|th))(?! (?:floor|session|edition|time|percentile|grade|century|dose|visit|episode|admission|week|day|month|year|rib|nerve|ward|cycle|item)|\w{0,2} ?\d)|"
    r"(?<!\w)on (the \d{1,2}(?:st|nd|rd|th))(?= (?:and|at|she|he|they|for|with|we|of this|"
    r"of last|of next))"
)
_DAY_ALONE: Final = re.compile(
    r"(?<!\w)(?:on|by|until|since|from) (?P<own>(?:the )?(?:(?:mon|tues?|weds?|thurs?|fri|sat|sun)(?:day|nesday|urday|sday)?,? (?:the )?)?\d{1,2}(?:st|nd|rd|th)(?: (?:inst|ult|prox))?)(?! (?:floor|session|edition|percentile|grade|century|dose|visit|episode|admission|week|day|month|year|rib|nerve|ward|cycle|item|attempt|occasion|of))(?![\w])|"
    r"(?<!\w)(?P<own2>\d{1,2}(?:st|nd|rd|th) (?:inst|ult|prox))(?!\w)"
)
_WEEKDAY: Final = re.compile(
    r"(?<!\w)(?:flew|flown|travell?ed|arrived|landed|died|born|married|admitted|discharged|arrested|operated|attacked|crashed|"
    r"fallecio|murio|nacio|ingreso|viajo|llego|detenid[oa]|operad[oa])(?: [^\W\d_][\w'’-]{0,20}){0,6} (?:on|el) "
    r"(?P<day>(?:mon|tues|wednes|thurs|fri|satur|sun)day|lunes|martes|miercoles|jueves|viernes|sabado|domingo)(?!\w)"
)
"""The day of the week on which something happened in a life; a weekday by itself dates nothing."""
_WEEKDAY_OF_DATE: Final = re.compile(
    r"(?<!\w)(?P<day>(?:mon|tues|wednes|thurs|fri|satur|sun)day|lunes|martes|miercoles|jueves|viernes|"
    rf"sabado|domingo)(?=,? (?:the |el )?(?:{_M} )?\d{{1,2}}(?!\d|[:.]\d| ?[ap]\.?m|h))"
)
_AGE: Final = re.compile(
    r"(?<![\w.,/-])(?P<age>\d{1,3})(?:\s{0,2}-?\s?(?:years?|yrs?|yr|y)[\s.-]{0,2}(?:of age|"
    r"old|o\b)|\s?y/?o\b|"
    r"\s{1,2}anos?\b(?! (?:antes|despues|de evolucion|atras|de seguimiento|mas tarde)))"
)
_AGE_AFTER: Final = re.compile(
    r"(?<!\w)(?:age|aged|age of|ages|turned|turning|turns|turn|edad|edad de|cumplio|"
    r"los)\s{0,2}:?\s{1,2}(?P<age>\d{1,3})(?: anos)?(?![\w/%]|[.,]\d)"
)
_OLD_WORDS: Final = re.compile(
    r"(?<!\w)(?:nonagenarian|centenarian|nonagenari[ao]|centenari[ao]|ninety(?:-\w{3,6})?(?: |"
    r"-)years?(?: |-)old|"
    r"noventa(?: y \w{3,6})? anos|cien(?:to \w{3,8})? anos)(?!\w)"
)
_UNTIL_DIRECT: Final = 89


def date_spans(low: str, lang: Lang) -> list[Span]:
    """Return dates and ages of a text folded character by character.

    The forms of both languages are looked for in either; `lang` decides what small words mean.
    """
    by_month = windows(low, _month_places(low))
    by_number = windows(low, _joint_places(low))
    out = _whole(low, by_month, by_number) + _short(low, lang, by_number)
    for match in windowed(_BARE_MONTH, low, by_month):
        if lang == "en" or match["month"] not in {"mar", "jun", "sep"}:
            out.append(Span(*match.span("month"), Kind.DATE, 0.85, "rule:month"))
    _years(low, out)
    for match in _WEEKDAY.finditer(low):
        out.append(Span(match.start("day"), match.end("day"), Kind.DATE, 0.8, "rule:weekday"))
    for match in _WEEKDAY_OF_DATE.finditer(low):
        out.append(Span(match.start("day"), match.end("day"), Kind.DATE, 0.8, "rule:weekday"))
    for match in _ORDINAL_DAY.finditer(low):
        group = 1 if match.group(1) else 2
        out.append(Span(match.start(group), match.end(group), Kind.DATE, 0.7, "rule:day"))
    for match in _DAY_ALONE.finditer(low):
        out.append(Span(*match.span(match.lastgroup or 0), Kind.DATE, 0.7, "rule:day"))
    return out + _ages(low)


def _whole(
    low: str, by_month: list[tuple[int, int]], by_number: list[tuple[int, int]]
) -> list[Span]:
    """Return the dates that say more than a day and a month, or that name the month."""
    out: list[Span] = []
    for pattern, sure, named in _PATTERNS:
        for match in windowed(pattern, low, by_month if named else by_number):
            if _plausible(match):
                out.append(Span(match.start(), match.end(), Kind.DATE, sure, "rule:date"))
    for match in windowed(_RANGE, low, by_month):
        if _plausible(match):
            out.append(Span(*match.span("first"), Kind.DATE, 0.9, "rule:date"))
            out.append(Span(*match.span("last"), Kind.DATE, 0.95, "rule:date"))
    return out


def _short(low: str, lang: Lang, by_number: list[tuple[int, int]]) -> list[Span]:
    """Return the dates of a day and a month in numbers: after a word, or that can be no score."""
    out: list[Span] = []
    for match in _SHORT.finditer(low):
        if lang == "en" and match.group().startswith(("a ", "el ")):
            continue
        if _plausible(match):
            out.append(Span(match.start(1), match.end(1), Kind.DATE, 0.8, "rule:date"))
    for match in windowed(_LIKELY, low, by_number):
        if not match.group().endswith(("/7", "/12")):
            out.append(Span(*match.span(), Kind.DATE, 0.68, "rule:date"))
    for match in windowed(_UNLIKELY_TOTAL, low, by_number):
        out.append(Span(*match.span(), Kind.DATE, 0.6, "rule:date"))
    return out


def windowed(
    pattern: re.Pattern[str], low: str, stretches: list[tuple[int, int]]
) -> Iterator[re.Match[str]]:
    """Yield what a pattern finds in the stretches of a text."""
    for begin, end in stretches:
        yield from pattern.finditer(low, begin, end)


def _month_places(low: str) -> Iterator[int]:
    return (
        m.start()
        for m in _LETTERS.finditer(low)
        if m.group() in MONTHS
        or (m.group() == "set" and _DAY_BEFORE.search(low, max(0, m.start() - 8), m.start()))
    )


def _joint_places(low: str) -> Iterator[int]:
    return (m.start() for m in JOINT.finditer(low))


def windows(low: str, places: Iterable[int]) -> list[tuple[int, int]]:
    """Return the stretches around the places in which a whole date may lie, apart and in order."""
    out: list[tuple[int, int]] = []
    for place in places:
        begin, end = max(0, place - _REACH), min(len(low), place + 2 * _REACH)
        if out and begin <= out[-1][1]:
            out[-1] = out[-1][0], end
        else:
            out.append((begin, end))
    return out


def _years(low: str, out: list[Span]) -> None:
    for match in _YEAR.finditer(low):
        start = match.start("year")
        start -= 4 if low[start - 4 : start] == "ano " else 0
        out.append(Span(start, match.end("year"), Kind.DATE, 0.8, "rule:year"))
    for match in _SHORT_YEAR.finditer(low):
        out.append(Span(*match.span("year"), Kind.DATE, 0.8, "rule:year"))
    clock = _CLOCK.search(low) is not None
    for match in _YEAR_MARKED.finditer(low):
        if clock and match.group("year") is None:
            continue
        name = "year" if match.group("year") else "year2"
        out.append(Span(match.start(name), match.end(name), Kind.DATE, 0.7, "rule:year"))


def _ages(low: str) -> list[Span]:
    out: list[Span] = []
    for pattern in (_AGE, _AGE_AFTER):
        for match in pattern.finditer(low):
            age = int(match.group("age"))
            if age <= 125:
                over = age > _UNTIL_DIRECT
                source = OVER_89 if over else "rule:age"
                end = with_years(low, match.end()) if over else match.end("age")
                out.append(Span(match.start("age"), end, Kind.AGE, 0.95, source))
    for match in _OLD_WORDS.finditer(low):
        out.append(Span(match.start(), match.end(), Kind.AGE, 0.95, OVER_89))
    return out


def _plausible(match: re.Match[str]) -> bool:
    found = match.groupdict()
    if found.get("a") is not None:
        first, second = int(found["a"]), int(found["b"])
        return 1 <= first <= 31 and 1 <= second <= 31 and min(first, second) <= 12
    day, month = found.get("day"), found.get("mon")
    if day is not None and not 1 <= int(day) <= 31:
        return False
    return month is None or 1 <= int(month) <= 12


_ROMAN_MONTHS: Final = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_DAY_BEFORE: Final = re.compile(r"(?<!\d)[0-3]?\d[ -](?:de )?\Z")
"""Before "set", the September of Peru and Uruguay, that is a word of other things as well."""
_FULL_MONTHS: Final = {
    "en": list(MONTHS)[:12],
    "es": list(MONTHS)[23:35],
}


def day_first(low: str, lang: Lang) -> bool:
    """Tell whether a folded text writes 3/4/2025 for the third of April.

    Spanish does. English does where a date of the text can be read in that way alone and none in
    the other alone; or where neither is there, and the text is of a British or Irish service.
    """
    if lang == "es":
        return True
    pairs = [(int(m[1]), int(m[2])) for m in _BOTH.finditer(low)]
    days, months = (any(pair[k] > 12 >= pair[1 - k] for pair in pairs) for k in (0, 1))
    return days if days != months else _BRITISH.search(low) is not None


def moved(written: str, low: str, days: int, lang: Lang, *, day_leads: bool) -> str | None:
    """Return a written date moved by `days`, in the form it had; None if it cannot be read.

    `day_leads`: which of two small numbers is the day (see `day_first`).

    A month without a day is moved from its middle, a year from its middle; a weekday and a day
    without a month stay (moves are whole weeks).
    """
    for pattern, _, _ in _PATTERNS:
        match = pattern.fullmatch(low)
        if match is not None:
            return _rewritten(match, written, days, lang, day_leads=day_leads)
    bare = re.fullmatch(_M, low)
    if bare is not None:
        return _rewritten(bare, written, days, lang, day_leads=day_leads)
    year = re.fullmatch(r"(?:ano )?(?P<year>\d{4})", low)
    if year is not None:
        return _rewritten(year, written, days, lang, day_leads=day_leads)
    pair = _PAIR.fullmatch(low)
    if pair is not None:
        return _moved_pair(pair, written, low, days, lang, day_leads=day_leads)
    short = re.fullmatch(r"(?P<a>[0-3]?\d)(?P<sep>[/.-])(?P<b>[0-3]?\d)", low)
    if short is not None:
        return _rewritten(short, written, days, lang, day_leads=day_leads)
    return written if low in WEEKDAYS else None


def _moved_pair(
    pair: re.Match[str], written: str, low: str, days: int, lang: Lang, *, day_leads: bool
) -> str | None:
    """Return "4-18 August" moved: the month of the first day is written only where it differs."""
    at, after = pair.start("last"), pair.end("day")
    parts = [
        (written[at:], low[at:]),
        (pair["first"] + written[after:], pair["first"] + low[after:]),
    ]
    last, first = (moved(text, folded, days, lang, day_leads=day_leads) for text, folded in parts)
    if first is None or last is None:
        return None
    between = written[pair.end("first") : at]
    same = first.lstrip("0123456789") == last.lstrip("0123456789")
    return f"{re.match('[0-9]+', first)[0] if same else first}{between}{last}"  # type: ignore[index]


def _rewritten(
    match: re.Match[str], written: str, days: int, lang: Lang, *, day_leads: bool
) -> str | None:
    found = {k: v for k, v in match.groupdict().items() if v is not None}
    order = _order(found, day_leads=day_leads)
    parts = _read(found, order)
    if parts is None:
        return None
    year, month, day = parts
    try:
        at = date(year, month, day) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    new = {
        "year": _year_like(found.get("year", ""), at.year),
        "mon": _padded(found.get("mon", ""), at.month),
        "day": _padded(found.get("day", ""), at.day),
        "month": _month_like(written, match, at.month, lang),
        "roman": _ROMAN_MONTHS[at.month - 1].upper(),
        "word": str(at.day),
        order[0]: _padded(found.get(order[0], ""), at.day),
        order[1]: _padded(found.get(order[1], ""), at.month),
    }
    out, place = "", 0
    for name in sorted((n for n in found if n in new), key=match.start):
        out += written[place : match.start(name)] + new[name]
        place = match.end(name)
    return out + written[place:]


def _order(found: dict[str, str], *, day_leads: bool) -> tuple[str, str]:
    """Return which of the groups a, b is the day and which the month."""
    if "a" not in found:
        return "a", "b"
    first, second = int(found["a"]), int(found["b"])
    if first > 12 or (day_leads and second <= 12) or found.get("sep") == ".":
        return "a", "b"
    return "b", "a"


def _read(found: dict[str, str], order: tuple[str, str]) -> tuple[int, int, int] | None:
    year_text = found.get("year", "2001").lstrip("'’")
    year = int(year_text)
    if len(year_text) == 2:
        year += 1900 if year > 40 else 2000
    if "month" in found:
        month = MONTHS["sep" if found["month"] == "set" else found["month"]]
    elif "roman" in found:
        month = _ROMAN_MONTHS.index(found["roman"]) + 1
    else:
        month = int(found.get("mon") or found.get(order[1]) or 7)
    if "word" in found:
        day = _DAY_WORDS[found["word"]]
    else:
        day = int(found.get("day") or found.get(order[0]) or 15)
    return (year, month, day) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _padded(old: str, value: int) -> str:
    return f"{value:02d}" if len(old) == 2 and (old[0] == "0" or value > 9) else str(value)


def _year_like(old: str, year: int) -> str:
    if len(old) == 4 or not old:
        return str(year)
    return ("'" if old[0] in "'’" else "") + f"{year % 100:02d}"


def _month_like(written: str, match: re.Match[str], month: int, lang: Lang) -> str:
    if "month" not in match.groupdict() or match.group("month") is None:
        return ""
    old = written[match.start("month") : match.end("month")]
    spanish = old.lower() in _FULL_MONTHS["es"] or old.lower() in {
        "ene",
        "abr",
        "ago",
        "set",
        "dic",
    }
    name = _FULL_MONTHS["es" if spanish or (lang == "es" and len(old) < 5) else "en"][month - 1]
    short = len(old) <= 4 and old.lower() not in {"may", "june", "july", "mayo"}
    name = name[:3] if short else name
    return (
        name.upper() if old.isupper() else name.capitalize() if old[0].isupper() else name.lower()
    )
