"""Dates and numbers said in words: "the third of May", "tres de mayo", "Christmas Eve 2021".

Also what stands around a date and belongs to it (a weekday, a time, the first day of two), digits
that were dictated one by one, and dates whose digits a scanner took for letters.
"""

# ruff: noqa: E501, RUF001 - patterns are read whole, with the signs that people write

import re
from typing import Final

from euthymia.gateway.deid.contract import Kind, Lang, Span

_ONES: Final = "one|two|three|four|five|six|seven|eight|nine"
_TEENS: Final = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS: Final = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_BELOW_100: Final = f"(?:(?:{_TENS})(?:[- ](?:{_ONES})(?![a-z]))?|{_TEENS}|{_ONES})"
_ORDINAL: Final = (
    "(?:(?:twenty|thirty)[- ](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|thirtieth|twentieth|"
    "nineteenth|eighteenth|seventeenth|sixteenth|fifteenth|fourteenth|thirteenth|twelfth|eleventh|tenth|ninth|"
    "eighth|seventh|sixth|fifth|fourth|third|second|first)"
)
_UNO: Final = "uno|un|dos|tres|cuatro|cinco|seis|siete|ocho|nueve"
_DIEZ: Final = (
    "diez|once|doce|trece|catorce|quince|dieciseis|diecisiete|dieciocho|diecinueve|veintiuno|veintiun|veintidos|"
    "veintitres|veinticuatro|veinticinco|veintiseis|veintisiete|veintiocho|veintinueve|veinte"
)
_VEINTE: Final = "treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa"
_HASTA_100: Final = f"(?:(?:{_VEINTE})(?: y (?:{_UNO})(?![a-z]))?|{_DIEZ}|primero|{_UNO})"
_MONTH: Final = (
    "(?:january|february|march|april|may|june|july|august|september|october|november|december)"
)
_MES: Final = "(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre)"
_YEAR: Final = (
    rf"(?:two thousand(?:,? and)?(?: {_BELOW_100})?|(?:eighteen|nineteen|twenty)[- ]hundred(?: and {_BELOW_100})?|"
    rf"(?:eighteen|nineteen|twenty)[- ](?:oh[- ](?:{_ONES})|(?:{_TENS})(?:[- ](?:{_ONES})(?![a-z]))?|{_TEENS})|"
    r"(?:18|19|20)\d\d|['’]\d\d)"
)
_ANO: Final = rf"(?:(?:dos mil|mil novecientos|mil ochocientos)(?: {_HASTA_100})?|(?:18|19|20)\d\d)"
_DAY: Final = rf"(?:{_ORDINAL}|{_BELOW_100}|[0-3]?\d(?:st|nd|rd|th)?)"
_DIA: Final = rf"(?:{_HASTA_100}|[0-3]?\d(?:\.?[º°o])?)"
_DATES: Final = tuple(
    re.compile(rf"(?<![\w-]){pattern}(?![\w])")
    for pattern in (
        rf"{_DAY}(?: day)? of {_MONTH}(?:,? (?:of )?(?:the year )?{_YEAR})?",
        rf"{_ORDINAL},? {_MONTH}(?:,? {_YEAR})?",
        rf"{_MONTH},? (?:the )?{_ORDINAL}(?:,? {_YEAR})?",
        rf"{_MONTH},? (?:the )?{_DAY},? {_YEAR}",
        rf"{_MONTH},? (?:of )?{_YEAR}",
        rf"{_BELOW_100} {_MONTH},? {_YEAR}",
        rf"{_DIA}(?: dias?)?(?: del mes)? de {_MES}(?:,? del? (?:ano )?{_ANO})?",
        rf"{_MES},? del? (?:ano )?{_ANO}",
        rf"{_MES} del (?:ano )?{_HASTA_100}",
    )
)
_SAID_YEAR: Final = re.compile(
    r"(?<!\w)(?:in|since|from|until|of|en|desde|hasta|ano|de|del) "
    rf"(?P<year>(?:nineteen|twenty)[- ](?:oh[- ](?:{_ONES})|(?:{_TENS})(?:[- ](?:{_ONES})(?![a-z]))?|{_TEENS})|"
    rf"two thousand(?:,? and)? {_BELOW_100}|mil novecientos {_HASTA_100}|dos mil {_HASTA_100})(?![\w-])"
    r"(?! (?:mg|milligrams|people|steps|calories|dollars|euros|pesos|pasos|personas))"
)
_FEAST: Final = (
    r"(?:christmas(?: eve| day)?|xmas(?: eve| day)?|boxing day|new year'?s?'?(?: eve| day)?|hogmanay|valentine'?s? day|"
    r"st\.? (?:patrick|andrew|george|david|stephen|valentine)'?s?(?: day)?|saint (?:patrick|andrew|george|david|stephen|valentine)'?s?(?: day)?|"
    r"easter(?: sunday| monday| saturday| day)?|good friday|palm sunday|ash wednesday|maundy thursday|shrove tuesday|pancake day|"
    r"whit (?:sunday|monday)|all (?:saints|souls)'? day|halloween|hallowe'en|guy fawkes(?: night)?|bonfire night|"
    r"(?:the )?(?:4th|fourth) of july|independence day|thanksgiving(?: day)?|labou?r day|memorial day|veterans'? day|presidents'? day|"
    r"columbus day|martin luther king(?: jr\.?)? day|mlk day|juneteenth|canada day|victoria day|australia day|anzac day|waitangi day|"
    r"bastille day|mother'?s'? day|father'?s'? day|may day|bank holiday monday|remembrance (?:day|sunday)|groundhog day|cinco de mayo|"
    r"mardi gras|eid(?: al-(?:fitr|adha))?|ramadan|diwali|holi|vaisakhi|hanukkah|chanukah|passover|rosh hashanah|yom kippur|"
    r"chinese new year|lunar new year|tet|nowruz|"
    r"nochebuena|navidad(?:es)?|nochevieja|fin de ano|ano nuevo|(?:dia de |noche de )?reyes|epifania|san valentin|"
    r"miercoles de ceniza|semana santa|domingo de ramos|jueves santo|viernes santo|sabado santo|domingo de resurreccion|"
    r"pascua|corpus christi|noche de san juan|san juan|san jose|santiago apostol|la asuncion|(?:dia de )?todos los santos|"
    r"(?:dia de (?:los )?)?(?:fieles )?difuntos|dia de (?:los )?muertos|la inmaculada|la constitucion|"
    r"(?:dia de )?la hispanidad|el pilar|dia de la madre|dia del padre|san isidro|la merced|dia de andalucia)"
)
_FEAST_PARTS: Final = (
    "mas", "day", "new year", "hogmanay", "easter", "friday", "monday", "wednesday", "thursday", "sunday",
    "halloween", "night", "july", "thanksgiving", "juneteenth", "cinco", "mardi", "eid", "ramadan", "diwali",
    "holi", "vaisakhi", "hanukkah", "chanukah", "passover", "hashanah", "kippur", "tet", "nowruz", "noche",
    "navidad", "ano", "reyes", "epifania", "valentin", "ceniza", "santa", "ramos", "santo", "resurreccion",
    "pascua", "corpus", "san ", "apostol", "asuncion", "difuntos", "muertos", "inmaculada", "constitucion",
    "hispanidad", "pilar", "madre", "padre", "merced", "andalucia", "patrick", "andrew", "george", "david", "stephen",
)  # fmt: skip
"""One of these is in the name of every feast."""
_FEAST_YEAR: Final = re.compile(
    rf"(?<![\w-]){_FEAST}(?:,? | of | de | del | del ano |, )(?:19|20)\d\d(?!\w)"
)
_FEAST_ON: Final = re.compile(
    r"(?<!\w)(?:(?:on|since|until|till|last|next|born|seen|admitted|discharged|date|dated):? (?:on )?(?:the )?|"
    r"(?:en|el|desde|hasta|pasad[oa]|proxim[oa]|dia) (?:la |el )?)"
    rf"(?P<feast>{_FEAST})(?![\w-]| (?:dinner|party|present|presents|tree|card|cards|shopping|lunch|music|cake|lights|pudding|island|eggs?|bunny|time stress))"
)
_OTHER_WORDS: Final[dict[Lang, frozenset[str]]] = {
    "en": frozenset({"san juan", "san jose", "la merced", "san isidro", "reyes", "el pilar"}),
    "es": frozenset({"eid", "tet", "holi", "san juan", "san jose", "la merced", "la asuncion", "san isidro", "reyes"}),
}  # fmt: skip
"""Feasts that without a year are more often something else: towns, limbs, names."""
_DAY_NAME: Final = (
    r"(?:mon|tue|tues|wed|weds|thu|thur|thurs|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
    r"lun|mar|mie|jue|vie|sab|dom|lunes|martes|miercoles|jueves|viernes|sabado|domingo)"
)
_BEFORE: Final = re.compile(
    rf"(?<!\w)(?:{_DAY_NAME}\.?,? (?:the |el |dia )?|(?:spring|summer|autumn|fall|winter|primavera|verano|otono|invierno)(?: of| del?)? |\d{{1,2}}(?:st|nd|rd|th)?(?:, ?\d{{1,2}}(?:st|nd|rd|th)?)?(?: and (?:the )?| & | to |-| y (?:el )?| al |/|, ))$"
)
_AFTER: Final = re.compile(
    r"(?: (?:and|&|to) \d{1,2}(?:st|nd|rd|th)(?:,? (?:19|20)\d\d)?)|"
    r"(?:,? {1,2}\d{1,2}[:.h]\d\d(?::\d\d)?(?![:\d]| ?[-–] ?\d)(?: ?[ap]\.?m\.?| ?h(?:rs|oras)?|z)?(?: ?(?:[+-]\d{4}|gmt|utc|bst|est|edt|pst|pdt|cst|cet))?|"
    r",? {1,2}@ ?\d{1,2}(?::\d\d)?(?: ?[ap]\.?m\.?)?(?![\d/:]|\.\d)| {1,2}\d{1,2} ?[ap]\.?m\.?| {1,2}[0-2]\d[0-5]\d ?(?:h|hrs|hours)?(?= ?(?:[).,;:/|\n]|$)))(?!\w)"
)
_SCANNED: Final = re.compile(
    r"(?<!\w)[0-3oli|]?[\doli|] ?(?P<sep>[/.-]) ?[01oli|]?[\doli|] ?(?P=sep) ?(?:[12li|][9o0][\doli|]{2}|[\doli|]{2})(?!\w)"
)
_DIGIT: Final = (
    rf"(?:zero|oh|{_ONES}|double|triple|cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve)"
)
_DICTATED: Final = re.compile(rf"(?<!\w){_DIGIT}(?:[ ,-]{{1,2}}{_DIGIT}(?![a-z])){{4,24}}(?!\w)")
_COUNTED: Final = re.compile(
    r"(?:one two three|uno dos tres|uno, dos, tres|one, two, three)(?:,? (?:four|cuatro)(?:,? (?:five|cinco)|$)|$)"
)
_CALL: Final = re.compile(
    r"(?:phone|telephone|tel|number is|number|cell|mobile|call|fax|telefono|movil|llamar al|al)[ :]{1,3}(?:is |her |at |es )?$"
)
_TELL: Final = re.compile(
    rf"(?<![a-z])(?:{_MONTH}|{_MES}|two thousand|dos mil|mil novecientos|nineteen|twenty)"
)
_REACH: Final = 70


def spoken_spans(low: str, lang: Lang) -> list[Span]:
    """Return dates in words, feasts, scanned dates and dictated digits of a folded text."""
    return _in_words(low) + _feasts(low, lang) + _scanned(low) + _dictated(low)


def _in_words(low: str) -> list[Span]:
    out: list[Span] = []
    seen = 0
    for tell in _TELL.finditer(low):
        if tell.start() < seen:
            continue
        begin, end = max(0, tell.start() - _REACH), min(len(low), tell.end() + 2 * _REACH)
        seen = tell.end() + _REACH
        for pattern in _DATES:
            found = pattern.finditer(low, begin, end)
            out += [Span(*m.span(), Kind.DATE, 0.92, "rule:date-words") for m in found]
        years = _SAID_YEAR.finditer(low, begin, end)
        out += [Span(*m.span("year"), Kind.DATE, 0.8, "rule:date-words") for m in years]
    return out


def _feasts(low: str, lang: Lang) -> list[Span]:
    if not any(part in low for part in _FEAST_PARTS):
        return []
    out = [Span(*m.span(), Kind.DATE, 0.93, "rule:feast") for m in _FEAST_YEAR.finditer(low)]
    return out + [
        Span(*m.span("feast"), Kind.DATE, 0.8, "rule:feast")
        for m in _FEAST_ON.finditer(low)
        if m["feast"] not in _OTHER_WORDS[lang]
    ]


def _scanned(low: str) -> list[Span]:
    out: list[Span] = []
    for match in _SCANNED.finditer(low):
        value = match.group()
        if not value.replace(match["sep"], "").replace(" ", "").isdigit() and _mostly(value):
            out.append(Span(*match.span(), Kind.DATE, 0.85, "rule:date-scanned"))
    return out


def _dictated(low: str) -> list[Span]:
    out: list[Span] = []
    for match in _DICTATED.finditer(low):
        if not _COUNTED.match(match.group()):
            called = _CALL.search(low, max(0, match.start() - 24), match.start())
            kind = Kind.PHONE if called else Kind.ID
            out.append(Span(*match.span(), kind, 0.85, "rule:dictated"))
    return out


def _mostly(value: str) -> bool:
    digits = sum(map(str.isdigit, value))
    return digits >= 3 and digits * 2 >= sum(map(str.isalnum, value))


def with_time(low: str, spans: list[Span]) -> list[Span]:
    """Return the dates with the weekday before and the time of day after them."""
    out: list[Span] = []
    for span in spans:
        if span.kind is not Kind.DATE:
            out.append(span)
            continue
        start, end = span.start, span.end
        before = _BEFORE.search(low, max(0, start - 24), start)
        if before is not None and (before.group()[0].isalpha() or _has_month(low, start, end)):
            start = before.start()
        after = _AFTER.match(low, end, end + 40)
        if after is not None and (
            _has_month(low, span.start, end) or not after.group(0)[1:2].isalpha()
        ):
            end = after.end()
        while end > start and not low[end - 1].isalnum():
            end -= 1
        out.append(Span(start, end, span.kind, span.confidence, span.source) if (start, end) != (span.start, span.end) else span)  # fmt: skip
    return out


def _has_month(low: str, start: int, end: int) -> bool:
    return any(c.isalpha() for c in low[start:end])
