"""Ages of ninety and more, which identify (HIPAA Safe Harbor), in digits and words."""

# ruff: noqa: E501 - patterns are read whole

import re
from collections.abc import Iterator
from typing import Final

from euthymia.gateway.deid.contract import OVER_89, Kind, Span

_TELL: Final = re.compile(r"(?<!\d)(?:9\d|1[01]\d)(?!\d)|ninet|noventa|hundred|(?<!\w)cien")
_REACH: Final = 60
_ONES: Final = r"(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?"
_UNOS: Final = r"(?: y (?:uno?|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve))?"
_TEENS: Final = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen)"
_DIECI: Final = r"(?:uno?|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieci\w{4,5})"
_WORDS: Final = rf"ninety{_ONES}|one hundred[- ](?:and[- ])?{_TEENS}|noventa{_UNOS}|ciento {_DIECI}"
_PERSON: Final = r"(?:wo)?man|gentle(?:wo)?man|lady|hombre|mujer|varon|senora?|ancian[oa]"
_OLD: Final = re.compile(
    r"(?<![\w.,/:$€£+-])(?P<digits>9\d|10\d|11[0-5])(?="
    r"[ -]{0,2}(?:years?|yrs?|yr|y)[\s.-]{0,2}(?:of age|old|o\b|f\b|m\b|-?old)| years[,;)]|[ -]?y/?o|"
    r" ?[fmhv]\b(?![/%.-])|[- ]?(?:anos|a\.|a\b)(?! (?:\d|las|los|la|el|un|una)\b)(?! \d)|(?:st|nd|rd|th) birthday)|"
    rf"(?<!\w)(?P<said>{_WORDS}|one hundred|cien)"
    r"(?=[- ](?:years?|yrs?|year-old|yo\b|y/o|anos)|,? (?:and|y|yet|but) (?:still|frail|lives|vive|aun)|(?:st|nd|rd|th)? birthday)(?! (?:(?:years|anos) (?:ago|atras|later|antes|de (?:carcel|historia))))"
)
_OLD_AFTER: Final = re.compile(
    r"(?<!\w)(?:age|aged|ages|at the age of|age of|(?:he|she|who|they|patient|mother|father|mum|mom|dad|gran\w{0,7}|aunt|uncle|husband|wife) (?:is|was)|turn(?:s|ed|ing)?|(?:he|she|who|they) (?:will|would) be|nearly|almost|(?:died|passed|passed away|widowed|diagnosed|and) at|she's|he's|edad|edad de|tiene|cumpl(?:e|io|ira)|a los|casi)\s{0,2}:?\s{1,2}"
    rf"(?P<own>(?:9\d|10\d|11[0-5])|{_WORDS})"
    r"(?=(?: anos)?(?:[.,;)]{0,2} ?(?:$|\n|now\b|ahora\b|lives|vive|and |y |with|con |who|que |on |in the|when|cuando|last|next|this|el |en |[a-z]{2,9}ed\b)|[.;)]))"
)
_AGED: Final = re.compile(
    rf"(?<!\w)(?:aged|turn(?:s|ed|ing)|cumpl(?:e|io|ira)|age of|edad:?|(?:{_PERSON}) (?:of|de)) (?P<own>(?:9\d|1[01]\d)|{_WORDS})"
    r"(?![\w%]|[.,/-]\d| ?(?:kg|kilo|lbs?\b|pound|libra|stone|cm\b|cent|mg\b|word|palabra))"
)
_AGED_KIN: Final = re.compile(
    r"(?:(?<!\w)(?:mother|father|mum|dad|mom|gran|granny|nan|grandmother|grandfather|grandma|grandpa|aunt|uncle|husband|wife|sister|brother|neighbou?r|madre|padre|abuel[oa]|ti[oa]|marido|mujer|espos[oa]|herman[oa]|suegr[oa]|vecin[oa]|madrina)"
    r"|(?P<name>[a-z]))(?P<joint>, | \(|, de | \(de )(?P<own>9\d|10\d|11[0-5])(?=[,);]| anos)"
)
_DECADE: Final = re.compile(
    r"(?<!\w)in (?:his|her|their) (?:early |mid[- ]?|late )?(?P<own>nineties|90'?s|hundreds)(?!\w)"
)
_UNCOUNTED: Final = re.compile(
    r"(?:scor\w{0,3}|puntua\w{0,3}|puntuacion|iq|ci|fsiq|sats?|spo2|sao2|pulse|hr|fc|bp|ta|mg|weigh\w{0,3}|peso|pesa|temp|glucose|bmi|total|rate|level|index|(?<![a-z])t)(?: was| is| of| at| a)?[ :=(de]{0,4}$"
)


_YEARS: Final = re.compile(
    r" (?:years?|yrs?|anos)(?!\w)(?! (?:ago|later|old|of age|atras|antes|de edad))"
)


def old_ages(low: str) -> list[Span]:
    """Return ages of ninety and more of a folded text; what is counted or scored is none."""
    out: list[Span] = []
    for begin, end in _windows(low):
        for pattern in (_OLD, _OLD_AFTER, _AGED, _AGED_KIN, _DECADE):
            for match in pattern.finditer(low, begin, end):
                name = next(n for n in ("own", "digits", "said") if match.groupdict().get(n))
                at = match.start(name)
                if _UNCOUNTED.search(low, max(0, at - 16), at) is None:
                    end_of = with_years(low, match.end(name))
                    out.append(Span(at, end_of, Kind.AGE, 0.9, OVER_89))
    return out


def with_years(low: str, end: int) -> int:
    """Return where "92 yrs" ends, whose number ends at `end`."""
    unit = _YEARS.match(low, end)
    return unit.end() if unit else end


def _windows(low: str) -> Iterator[tuple[int, int]]:
    """Yield the stretches around what may be such an age, apart and in order."""
    begin, end = 0, -1
    for tell in _TELL.finditer(low):
        if tell.start() - _REACH > end:
            if end > 0:
                yield begin, end
            begin = max(0, tell.start() - _REACH)
        end = min(len(low), tell.end() + _REACH)
    if end > 0:
        yield begin, end
