"""Dates told without all of their parts: "Lunes 4", "the 18th of next month", "2.iv", "by Diwali".

A number of a day stands beside a weekday, before "of this month", in a list that a whole date ends,
or its month is a Roman number; a feast names its day by itself.
"""

# ruff: noqa: E501, RUF001 - patterns are read whole, with the signs that people write

import re
from collections.abc import Sequence
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.dates import JOINT, windowed, windows
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import MONTHS, WEEKDAYS

_NUMBER: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_TH: Final = r"(?:st|nd|rd|th|º|°)"
_BY_WEEKDAY: Final = re.compile(
    rf"(?P<name>[a-z]{{3,9}})\.?,? (?:the |el |dia )?(?P<day>{_NUMBER})(?:{_TH}(?![\w/-])|(?P<all>/(?:0?[1-9]|1[0-2]))?"
    r"(?![\w/%-]|[.:,]\d| ?(?:[ap]\.?m|h\b|hs\b|hrs?\b|horas|hours?|mins?\b|minut|x\b|mg|sess|sesion|notes|times|veces|de cada|people|pacientes|patients|beds|camas|to \d|a \d|- ?\d|o'clock|anos|years|days|dias)))"
)
_TOLD: Final = re.compile(
    rf"(?<![\w/.,:-])(?:the |el |dia )?(?P<day>{_NUMBER}){_TH}?(?:(?:,| y| and| &| o| or)(?: the| el)? {_NUMBER}{_TH}?){{0,3}} "
    r"(?:of|de|del) (?:this|next|last|the (?:same|following|previous|current)|este|proximo|pasado|dicho|el mismo|mes|corriente)"
    r"(?: (?:month|mes|pasado|proximo|que viene|en curso|corriente|actual|anterior|siguiente))?(?!\w)"
)
_TOMORROW: Final = re.compile(
    rf"(?<!\w)(?:hoy|manana|ayer|anteayer|today|tomorrow|yesterday),? (?:the |el |dia )?(?P<own>{_NUMBER}{_TH}?)(?=[,.;)\n]|$)"
)
_NTH: Final = re.compile(
    rf"(?:\(|\b(?:not|again|since the|was|is|were|until|through|due|booked|listed|for|on|and|from|to|thru|before|visit|review|appt|admitted|seen)(?: the)? )"
    rf"(?P<own>{_NUMBER}(?:st|nd|rd|th))(?=[,.;)?\n]| (?:not|at|and|inst|\d\d:|with|w/|by|then|he|she|they|we|because|as)\b|$)"
)
_ROMAN: Final = re.compile(
    rf"(?<![\w./-])(?:{_NUMBER}[./-](?:viii|vii|iii|xii|vi|iv|ix|xi|ii)|{_NUMBER}\.[ivx](?=[.,;)\n]|$)|"
    rf"(?:viii|vii|iii|xii|vi|iv|ix|xi|ii|i|v|x)[./-]{_NUMBER}[./-](?:m{{1,2}}[clxvi]{{1,8}}|(?:19|20)?\d\d)|"
    rf"{_NUMBER}[./-](?:viii|vii|iii|xii|vi|iv|ix|xi|ii|i|v|x)[./-]m{{1,2}}[clxvi]{{1,8}})(?![\w/-])"
)
_LIST: Final = re.compile(
    r"(?<![\w./-])(?P<own>(?:[0-3]?\d(?P<sep>[/.])[0-3]?\d(?:,| and| &| y| e|, and) ){1,6})(?=[0-3]?\d(?P=sep)[0-3]?\d(?:(?P=sep)\d\d|[),;\n]))"
)
_SHORT: Final = re.compile(
    r"(?<![\w./,-])(?:(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])|(?:[12]\d|3[01])/(?:0?[1-9]|1[0-2]))(?=,? (?:[01]?\d|2[0-3])[:h]\d\d)|"
    rf"(?<![\w./,-]){_NUMBER}\.(?:0?[1-9]|1[0-2])\.(?= ?\(| (?:and|y|und|to|a|bis)\b)|"
    rf"(?<=[a-z]\()(?:{_NUMBER}/(?:0?[1-9]|1[0-2]))(?= (?:and|y|,))|"
    rf"(?:(?:regraded|encuentro|sesion|session|discharged|admitted|transferred|rescinded|expires|ends|cita|turno|control|rv|r/v|review|seen|next (?:visit|appt|session|review)|from|dated)[: ]{{1,2}}(?:el |on )?)(?P<own>{_NUMBER}\.(?:0[1-9]|1[0-2]|[1-9]))(?=[.,;)\n]|$| (?:at|a las|with|con|and|y)\b)"
)
_YEARS: Final = re.compile(
    r"[†‡✝] ?(?P<a>(?:18|19|20)\d\d)(?!\d)|(?<!\w)(?:periodo|curso|year|ano|dob|nac\.?|n\.|ob\.|promocion|class of|since|desde):? (?P<b>(?:19|20)\d\d)(?![\d/%-]|[.,]\d)|"
    r"(?<![\w.,/-])(?P<c>(?:19|20)\d\d) ?[–-] ?(?:hoy|presente|actual|actualidad|present|now|today|current|date|(?P<d>(?:19|20)\d\d))(?!\w)|"
    r"(?<!\w)(?P<e>(?:ene|feb|mar|abr|may|jun|jul|ago|sept?|oct|nov|dic|jan|apr|aug|dec)\. ?['’]?\d\d)(?=[:,;)\n]|$| -|\.(?!\d))"
)
_SCANNED: Final = re.compile(
    r"(?<!\w)(?:[0-3][loi|]|[loi|]\d|\d)(?:st|nd|rd|th)? ?(?:of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec|january|february|march|april|june|july|august|september|october|november|december|"
    r"enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)(?!\w)"
)
_FEAST_BEFORE: Final = (
    r"(?:at|by|before|after|over|around|since|until|till|during|this|last|next|for|happy|merry|past|on|of|from|dated?|parade|week of|en|el|la|los|desde|hasta|por|para|antes de|despues de|tras|durante|pasad[oa]|proxim[oa]|feliz|de|ninguno hasta)"
    r"(?: the| la| el| las| los| feast of| (?:el )?dia de(?: la| los)?)?"
)
_MOVING: Final = (
    r"(?:easter|christmas|xmas|diwali|deepavali|eid(?:[ -](?:ul|al|el)[ -](?:fitr|adha))?|ramadan|ramadhan|holi|vaisakhi|baisakhi|hanukkah|chanukah|passover|pesach|purim|sukkot|shavuot|rosh hashanah|"
    r"yom kippur|lent|whitsun|pentecost|advent|candlemas|michaelmas|lammas|martinmas|epiphany|thanksgiving|halloween|hogmanay|nowruz|tet|qingming|songkran|mid-autumn festival|chuseok|seollal|obon|"
    r"onam|pongal|lohri|navratri|dussehra|durga puja|raksha bandhan|rakhi|janmashtami|ganesh chaturthi|ganpati festival|karva chauth|gurpurab|guru purnima|makar sankranti|ugadi|bakrid|muharram|ashura|mawlid|"
    r"ochi day|vesak|nyepi|galungan|timkat|meskel|enkutatash|sham el[- ]nessim|yalda|chaharshanbe suri|sizdah bedar|tu b'?shvat|lag ba'?omer|simchat torah|losar|loy krathong|tanabata|setsubun|golden week|qixi|dragon boat(?: festival)?|lantern festival|midsummer|juhannus|vappu|walpurgis|fasching|karneval|oktoberfest|dashain|tihar|chhath(?: puja)?|bihu|gudi padwa|maghi|eid milad|arbaeen|orthodox easter|pascha|saint lucy|santa lucia|feria de abril|el rocio|san isidro|sant antoni|tamborrada|aste nagusia|semana grande|san fermin|magosto|san mateo|san juan bautista|virgen de(?:l| la) [a-z]{3,12}(?: de [a-z]{3,12})?|senor de los milagros|la tirana|gran poder|dia de(?: los)? muertos|dieciocho|fiestas del pueblo|inti raymi|yamor|mama negra|paro nacional|"
    r"juneteenth|kwanzaa|vday|v-day|undas|noche buena|simbang gabi|mashujaa|jamhuri|madaraka|"
    r"navidad|nochebuena|nochevieja|carnaval(?:es)?|semana santa|pascua|pentecostes|reyes|san juan|san jose|san fermin|sanfermines|sant joan|sant jordi|la merce|la diada|aberri eguna|olentzero|fallas|"
    r"fiestas patrias|el dieciocho|inti raymi|las posadas|la candelaria|ano nuevo(?: chino| lunar| judio| persa| vietnamita| coreano)?|todos los santos|difuntos|muertos|corpus(?: christi)?|cuaresma|la constitucion|la hispanidad)"
)
_NOT_FEAST: Final = r"(?! (?:eggs?|bunny|dinner|party|parties|present|presents|tree|card|cards|shopping|lunch|music|cake|lights|pudding|island|costa|evangelista|bautista|de dios|bosco|jose|pablo|[a-z]{0,12} ?hospital|parish|church|road|street|house|seals))"
_FEASTS: Final = re.compile(
    rf"(?<![\w-]){_FEAST_BEFORE} (?P<own>{_MOVING}(?: (?:sunday|monday|day|eve|week|weekend|friday|saturday))?(?: weekend| week)?)(?![\w-]){_NOT_FEAST}|"
    r"(?<![\w-])(?P<alone>(?:(?:feast|eve|night) of (?:the )?(?:black nazarene|st\.? [a-z]{3,10}|our lady(?: of [a-z]{3,12})?|assumption|epiphany|immaculate conception|all saints|all souls|sacrifice)|"
    r"(?:st|saint)\.? (?:patrick|andrew|george|david|stephen|brigid|valentine|piran|swithin|lucy|nicholas|jean[- ]baptiste)'?s'?(?: day| night)|patrick's day|paddy's day|valentine'?s(?: day)?|"
    r"(?:easter|palm|passion|low|advent|remembrance|mothering|trinity|whit|super bowl) sunday|(?:easter|whit|plough|clean|cyber|family day|bank holiday|civic) monday|(?:good|black|holy) friday|(?:ash|spy|holy) wednesday|(?:maundy|holy) thursday|"
    r"(?:shrove|fat|pancake) tuesday|holy saturday|(?:pancake|boxing|anzac|armistice|remembrance|juneteenth|flag|family|civic|heritage|labou?r|memorial|veterans'?|presidents'?|columbus|independence|republic|canada|victoria|australia|waitangi|bastille|mother'?s'?|father'?s'?|may|groundhog|bonifacio|rizal|valor|heroes'?|mashujaa|jamhuri|madaraka|huduma|children'?s|lady|all (?:saints|souls)'?|st\.? george'?s|indigenous peoples'?|orange shirt|truth and reconciliation|new year'?s|christmas|mlk|martin luther king(?: jr\.?)?|teachers'?|gandhi jayanti|guru nanak(?:'s)?) day|"
    r"(?:the )?glorious twelfth|the twelfth|burns night|bonfire night|guy fawkes(?: night)?|(?:chinese|lunar|jewish|persian|vietnamese|korean|khmer|lao|tamil|sikh|islamic|orthodox) new year|orthodox (?:christmas|easter)|new year'?s? eve|christmas eve|boxing day|twelfth night|cinco de mayo|mardi gras|gandhi jayanti|guru nanak jayanti|araw ng [a-z]{4,12}|pasko|"
    r"dia (?:de (?:la |los |las |el )?|del )(?:constitucion|raza|hispanidad|madre|padre|muertos|difuntos|reyes|reyes magos|trabajo|trabajador(?:es)?|independencia|bandera|virgen|nino|maestr[oa]|amigo|inmaculada|candelaria|guadalupe|santos|todos los santos|revolucion|patria|memoria|pilar|almudena|merced|enamorados|inocentes|santos inocentes|mujer|sant jordi|sant joan|san [a-z]{3,10}|santa [a-z]{3,10}|asturias|andalucia|galicia|castilla y leon|canarias|extremadura|aragon)|"
    r"(?:(?<=\n)|(?<![^\n]))(?:nochebuena|nochevieja|navidad|christmas day|hogmanay)(?=, )|(?:jueves|viernes|sabado|lunes|martes|domingo) (?:santo|de carnaval|de gloria|de pascua|de ramos|de resurreccion)|miercoles de ceniza|noche de (?:reyes|san juan)|buen fin))(?![\w-]| (?:hospital|school|ward|clinic|parade ground|service))"
)
_WEEK_OF: Final = re.compile(
    r"(?:\b(?:the )?(?:week|wk|weekend|end|start|beginning) (?:of|commencing|beginning|ending)(?: the)?|\bw/c|\b(?:la )?semana del?|\b(?:finales|principios|mediados|fines) de) $"
)
_WEEKDAY_NAMES: Final = WEEKDAYS | frozenset(
    {"tues", "weds", "lun", "mie", "jue", "vie", "sab", "dom", "sat", "sun"}
)
_AMBIGUOUS: Final = frozenset({"sat", "sun", "mon", "wed", "dom", "jue", "vie"})

_PATTERNS: Final = {
    "told": (_TOLD, 0.85),
    "roman": (_ROMAN, 0.85),
    "short": (_SHORT, 0.75),
    "list": (_LIST, 0.85),
    "tomorrow": (_TOMORROW, 0.7),
    "nth": (_NTH, 0.7),
    "year": (_YEARS, 0.8),
    "scanned": (_SCANNED, 0.8),
    "feast": (_FEASTS, 0.8),
}
_ANCHORS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(words("feast_words"), ("feast",)),
    **{m: ("scanned", "year") if len(m) < 5 else ("scanned",) for m in MONTHS},
    **dict.fromkeys(
        ("hoy", "manana", "ayer", "anteayer", "today", "tomorrow", "yesterday"), ("tomorrow",)
    ),
    **dict.fromkeys(("st", "nd", "rd", "th"), ("nth",)),
    **dict.fromkeys(("month", "mes"), ("told",)),
    **dict.fromkeys(
        ("viii", "vii", "iii", "xii", "vi", "iv", "ix", "xi", "ii", "i", "v", "x"), ("roman",)
    ),
    **dict.fromkeys(_WEEKDAY_NAMES, ("weekday",)),
}
"""The words beside which a pattern is looked for."""


def calendar_spans(low: str, tokens: Sequence[Token]) -> list[Span]:
    """Return the dates that a weekday, a month left unsaid, a list or a feast tells."""
    out: list[Span] = []
    places: dict[str, list[int]] = {}
    for token in tokens:
        for name in _tells(token, low):
            places.setdefault(name, []).append(token.start)
            if name == "weekday":
                out += _by_weekday(low, token)
    if any(sign in low for sign in "/."):
        places["short"] = places["list"] = [m.start() for m in JOINT.finditer(low)]
    for name, starts in places.items():
        if name in _PATTERNS:
            pattern, sure = _PATTERNS[name]
            for match in windowed(pattern, low, windows(low, starts)):
                if name != "scanned" or any(map(str.isdigit, match.group()[:2])):
                    out.append(
                        _span(match, sure, "rule:feast" if name == "feast" else "rule:calendar")
                    )
    return out


def _tells(token: Token, low: str) -> Sequence[str]:
    """Return what a word or number may be a part of."""
    if token.word:
        found = _ANCHORS.get(token.low, ())
        if found == ("roman",):
            around = low[token.start - 1 : token.start] + low[token.end : token.end + 1]
            return found if any(sign in around for sign in "./-") else ()
        return found
    year = len(token.text) == 4 and token.text[:2] in {"18", "19", "20"} and token.text.isdigit()
    return ("year",) if year else ()


def _span(match: re.Match[str], sure: float, source: str) -> Span:
    named = [
        n
        for n, v in match.groupdict().items()
        if v is not None and n not in {"day", "sep", "all", "name"}
    ]
    start, end = match.span(named[0]) if named else match.span()
    if len(named) > 1:
        end = match.end(named[-1])
    return Span(start, end, Kind.DATE, sure, source)


def _by_weekday(low: str, token: Token) -> list[Span]:
    match = _BY_WEEKDAY.match(low, token.start)
    if match is None or match["name"] != token.low:
        return []
    ends = low[match.end() : match.end() + 1] in {"", ".", ",", ";", ")", "\n", ":"}
    if token.low in _AMBIGUOUS and token.text.islower() and not ends:
        return []
    return [Span(*match.span(), Kind.DATE, 0.8, "rule:calendar")]


def with_week(low: str, spans: list[Span]) -> list[Span]:
    """Return the dates with "the week of" before them, which tells as much as they do."""
    out: list[Span] = []
    for span in spans:
        before = (
            _WEEK_OF.search(low, max(0, span.start - 26), span.start)
            if span.kind is Kind.DATE
            else None
        )
        out.append(Span(before.start(), span.end, span.kind, span.confidence, span.source) if before else span)  # fmt: skip
    return out
