"""Days that have a name of their own, in any country: "Ochi Day", "el finde de Aste Nagusia".

A list of feasts never ends; the words around them do. Ranges of days without a month belong here too.
"""

# ruff: noqa: E501, RUF001 - patterns are read whole, with the signs that people write

import re
from collections.abc import Sequence
from typing import Final

from euthymia.gateway.deid.contract import Kind, Lang, Span
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token

_NAME: Final = r"(?:St\.|[A-ZÀ-ÖØ-Þ][\w'’-]{1,18})"
_ENGLISH: Final = re.compile(
    r"(?<!\w)(?:[Oo]n|[Ss]ince|[Aa]fter|[Bb]efore|[Uu]ntil|[Tt]ill|[Bb]y|[Aa]round|[Oo]ver|[Dd]uring|[Ff]or|[Ll]ast|[Tt]his|[Nn]ext|[Aa]t|[Ff]rom|[Tt]he|[Ee]very|[Pp]ast)\s(?:the\s)?"
    rf"(?P<own>{_NAME}(?:\s(?:of\s(?:the\s)?)?{_NAME}){{0,3}}\s(?:Day|Eve|Night|Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday)(?:\s(?:weekend|week|eve|night))?)"
    r"(?!\w|['’]s?\s\w|\s(?:Hospital|Unit|Centre|Center|Programme|Program|Shelter|Care|Nursery|Service|Services|Clinic|Room|Team|Ward|Club|Group|Staff|Nurse|Shift|Case|School|[A-Z]))"
)
_FIRST: Final = re.compile(rf"(?:^|(?<=\n))(?P<own>{_NAME}(?:\s{_NAME})?\s(?:Day|Eve))(?=[,:]\s)")
_ANCHORS: Final = words("day_anchors")
"""The words of which a pattern below has one."""
_PLAIN: Final = words("plain_days")
"""What makes no name of a day before "Day": "Leave Day", "Weigh Day"."""
_SPANISH: Final = re.compile(
    rf"(?<!\w)(?P<own>(?:finde|fin de semana|puente|fiestas?|noche|v[ií]spera|semana|feria|romer[ií]a|d[ií]a|lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo|procesi[oó]n) (?:de(?: la| los| las)?|del) {_NAME}(?: (?:de |del |de la )?{_NAME}){{0,2}})(?!\w)"
)
_NO_DAY: Final = re.compile(
    r"(?:d[ií]a|noche|semana|fiesta|feria) (?:de(?: la| los| las)?|del) (?:Hospital|Alta|Ingreso|Guardia|Urgencia|Salud|Centro|Unidad|Psiquiatr|Paciente)"
)
_RANGE: Final = re.compile(
    r"(?<!\w)(?:noche|madrugada|fin de semana|finde|guardia|tarde|semana|turno|puente) (?P<own>del? \d{1,2} al \d{1,2})(?![\w%/]|[.,]\d| de )|"
    r"(?<!\w)(?:night|weekend|week|shift|morning|evening) (?:of|from) (?:the )?(?P<own2>\d{1,2}(?:st|nd|rd|th)?(?:/|-| to (?:the )?| and (?:the )?)\d{1,2}(?:st|nd|rd|th)?)(?![\w%/]|[.,]\d| (?:of|patients|beds|hours))|"
    r"(?<!\w)(?P<own4>(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|primavera|verano|oto[nñ]o|invierno) del? ['’]?\d{2})(?![\d%/.,])|"
    r"(?<!\w)semana (?P<own5>del \d{1,2})(?![\d%/]|[.,]\d| al | de |\.? ?mg)|"
    r"(?<!\w)(?:wk|week) (?:of|beginning|commencing|ending) (?:the )?(?P<own6>\d{1,2}/\d{1,2}|\d{1,2}(?:st|nd|rd|th))(?![\w/])|"
    r"(?<!\w)(?:[Nn]ext|[Aa]ppt|[Rr]eview|[Ss]een|[Pp]r[oó]xima|[Cc]ita|[Rr]eturn|[Dd]ue|[Ff]/?u): (?P<own3>(?:the )?\d{1,2}(?:st|nd|rd|th))(?!\w)"
)


def named_days(text: str, tokens: Sequence[Token], lang: Lang) -> list[Span]:
    """Return days known by a name, and ranges of days of an unsaid month."""
    told = [t for t in tokens if t.low in _ANCHORS]
    if not told:
        return []
    out = _english(text) if lang == "en" else []
    for token in told:
        match = _SPANISH.match(text, token.start) if lang == "es" else None
        if match is not None and _NO_DAY.match(match["own"]) is None:
            out.append(Span(*match.span("own"), Kind.DATE, 0.72, "rule:named-day"))
        match = _RANGE.match(text, token.start)
        if match is not None:
            name = next(n for n, v in match.groupdict().items() if v is not None)
            out.append(Span(*match.span(name), Kind.DATE, 0.72, "rule:named-day"))
    return out


def _english(text: str) -> list[Span]:
    return [
        Span(*m.span("own"), Kind.DATE, 0.72, "rule:named-day")
        for pattern in (_ENGLISH, _FIRST)
        for m in pattern.finditer(text)
        if m["own"].split()[0].lower().strip(".'’") not in _PLAIN
    ]
