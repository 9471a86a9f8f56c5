"""Employers, schools, shops, labs and places of worship told by what leads them in: "works at ...".

A name that a firm gives itself may be made of ordinary words ("Dollar Barn"); no list holds them.
What stands before it does not change: people work at it, were laid off from it, study there.
"""

# ruff: noqa: E501, RUF001 - patterns are read whole

import re
from collections.abc import Iterator, Sequence
from typing import Final

from euthymia.gateway.deid.clinical import clinical_noun, eponym, medical
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
    ORG_TAILS,
    ORG_WORDS,
    PARTICLES,
    TITLES,
    WEEKDAYS,
)

_EMPLOYED: Final = re.compile(
    r"\b(?:(?:work(?:s|ed|ing)?|employed|hired|recruited|volunteer(?:s|ed|ing)?|intern(?:s|ed|ing)?|temp(?:s|ed|ing)?)(?: [\w/.'-]{1,12}){0,5}? (?:at|for|by|with)|"
    r"(?:laid off|fired|sacked|let go|dismissed|suspended|resigned|retired|redundant|on leave|sick leave|leave|walked out) (?:from|by|at|of)|"
    r"(?:job|shifts?|role|position|post|contract|internship|placement|career|apprenticeship|overtime|interview) (?:at|with)|"
    r"(?:boss(?:es)?|manager|supervisor|coworkers?|co-workers?|colleagues?|hr|payroll|foreman|owner|employee|cashier|driver|porter|cook|clerk|guard|partner|buyer|teller) (?:at|of|from|for|with)|"
    r"(?:student|pupil|teacher|teaches|studies|studying|studied|enrolled|year \d{1,2}|\dth grade|freshman|sophomore|graduated|expelled|excluded) (?:at|from|of|in)|"
    r"(?:retired|former|ex|jubilad[oa]|soldador[a]?)(?:[ -][\w]{1,12}){0,2} (?:of|at|from|de|en)|"
    r"(?:own(?:s|ed)|runs|ran|founded|drives for|drove for|managed|manages)|"
    r"trabaj(?:a|aba|o|ando|ar|an)(?: [\w/.]{1,12}){0,4}? (?:en|para)|"
    r"(?:despedid[oa]|emplead[oa]|jubilad[oa]|baja|cierre|jef[ea]|encargad[oa]|duen[oa]|companer[oa]s|chofer|obrer[oa]|operari[oa]|guardia|cajer[oa]|dependient[ea]|emplead[oa]|miner[oa]|almacenista|tutor[a]?|orientador[a]?|alumn[oa]|maestr[oa]|profesor[a]?|limpiador[a]?|gerente|vigilante|conductor[a]?) (?:de|del|en|para)|"
    r"(?:pres[oa]|reclus[oa]|recluid[oa]|encarcelad[oa]) en|(?:imprisoned|jailed|incarcerated|inmate) (?:at|in)|"
    r"(?:turno|contrato|escolarizad[oa]s?|matriculad[oa]s?|estudia|estudiaba|cursa|practicas|puesto|incapacidad|seguro) (?:en|con|de|para))(?: the| la| el)? $"
)
"""After these even two ordinary words with capitals are a name."""
_MET: Final = re.compile(
    r"\b(?:(?:attend(?:s|ed|ing)?|outside|behind|opposite|owes|joined|left|sued|issued by|supplied by|delivered by|covered by|insured (?:by|with)|insurance|insurer|coverage|cover|pharmacy|employer|school|workplace|authori[sz]e|via|"
    r"(?:church|mass|services?|prays|worships|sings|speaks?|spoke|reads|meeting|meetings|samples?|labs?|levels?|bloods?|referral|referred|letter|call(?:ed)?|pick(?:s|ed)? up|filled|refills?) (?:at|to|from|by|with|via|in)|"
    r"(?:this is|it's|its) [\w'’-]{2,20} (?:from|at|of)|"
    r"asiste a|acude a|va al?|canta en|se caso en|retira en|atencion de|debe a|derivad[oa] (?:de|desde|a)|entregado por|enviada a|soy [\w'’-]{2,20} de|le habla [\w'’-]{2,20} de|fuera de|junto a|frente a|"
    r"(?:coro|choir) (?:de|at|of)))(?: (?:the|la|el|al))? $"
)
"""After these it needs a word like "Chapel" at its end or start, or one that is no ordinary word."""
_LABEL: Final = re.compile(
    r"(?:^|[\n.;|:]|  )[ \t*•-]{0,6}(?:(?:current |last |former )?(?:employer|workplace|place of work|company|school|college|university|nursery|insurer|insurance|payer|pharmacy|chemist|lab|laboratory|church|agency|landlord|supplier)(?: (?:and|&|/) [a-z]{2,12})?|"
    r"from|empresa|trabajo|lugar de trabajo|empleador|colegio|escuela|instituto|centro escolar|aseguradora|obra social|prepaga|isapre|eps|mutua|farmacia|laboratorio|iglesia|proveedor) ?: ?$"
)
_SENDER: Final = re.compile(
    r", ?(?:md|rn|np|phd|psyd|lcsw|do|rmn|mrcpsych|frcpsych|pa-c)\.?(?:, ?|\n)$"
)
"""After the letters of whoever signs, his practice follows."""
_LAST: Final = words("leading_words")
_STARTS: Final = words("org_head_words") | words("org_heads") | ORG_WORDS
_DEPARTMENTS: Final = words("departments")
_TRADES: Final = ORG_TAILS | ORG_WORDS | HOSPITAL_WORDS
_JOINTS: Final = frozenset({"&", "'", "’", "s", "-", "/"})
_INNER: Final = frozenset({"of", "the", "and", "de", "del", "la", "las", "los", "el", "y", "e"})
_BARRED: Final = NEVER_NAMES | LABEL_WORDS | TITLES | WEEKDAYS | MONTHS.keys()
_ENDING: Final = _BARRED - PARTICLES - _INNER
_MOST: Final = 7


def led_firms(low: str, tokens: Sequence[Token], lists: Lexicon, *, blind: bool) -> Iterator[Span]:
    """Yield organisations after a word that leads one in; `low` is the folded text."""
    for k, token in enumerate(tokens):
        if not k or not token.word or not _opens(token, blind=blind):
            continue
        if not _may_lead(tokens, k):
            continue
        start = token.start
        sure = _led(low, start)
        if not sure:
            continue
        end = _end(tokens, k, blind=blind)
        own = [t for t in tokens[k:end] if t.word]
        if own and _is_name(own, lists, strong=sure > 0.8, blind=blind):
            yield Span(start, tokens[end - 1].end, Kind.ORGANISATION, min(sure, 0.8), "rule:led")


def _may_lead(tokens: Sequence[Token], k: int) -> bool:
    """Tell whether the word before token `k` is one that the patterns below end in."""
    before = tokens[k - 1]
    if before.low in {"the", "la", "el", "al"} and k > 1:
        before = tokens[k - 2]
    return not before.word or before.low in _LAST


def _opens(token: Token, *, blind: bool) -> bool:
    if token.low in _BARRED and not token.upper:
        return False
    return token.proper or blind or token.text[0].isupper()


def _led(low: str, start: int) -> float:
    """Return how sure the words before `start` are that an organisation follows."""
    if low[start - 1] not in " :\n":
        return 0.0
    lead = low[max(0, start - 64) : start]
    last = lead.removesuffix("\n").rstrip(" ")[-1:]  # by which most patterns can be left out
    if last == ":":
        return 0.85 if _LABEL.search(lead) is not None else 0.0
    if (last == "," or lead[-1] == "\n") and _SENDER.search(lead) is not None:
        return 0.85
    if _EMPLOYED.search(lead) is not None:
        return 0.85
    return 0.75 if _MET.search(lead) is not None else 0.0


def _end(tokens: Sequence[Token], k: int, *, blind: bool) -> int:
    """Return where the name that begins at token `k` ends."""
    end, last = k, k
    while end < len(tokens) and end - k < _MOST:
        token = tokens[end]
        if end > k and token.start - tokens[end - 1].end > 1:
            break
        if token.word and (token.text[0].isupper() or blind) and not _stops(token, end - k):
            last = end + 1
        elif not (
            token.text in _JOINTS
            or token.low in _INNER
            or (token.text in {".", "º", "°"} and len(tokens[end - 1].text) < 4)
            or (token.number and len(token.text) < 4 and _numbered(tokens, end))
        ):
            break
        elif token.number or (token.low == "s" and tokens[end - 1].text in "'’"):
            last = end + 1
        end += 1
    if blind and last - k > 1:  # where capitals say nothing the name ends with its trade
        return _blind_end(tokens, k, last)
    return last


def _blind_end(tokens: Sequence[Token], k: int, last: int) -> int:
    """Return where the name ends in a text without capitals: after its trade, or a word after it."""
    trade = [n for n in range(k, last) if tokens[n].low in _TRADES]
    if not trade:
        return k
    if trade[-1] > k:
        return trade[-1] + 1
    end = k + 1
    while end < last and tokens[end].low in PARTICLES:
        end += 1
    return min(end + 1, last)


def _stops(token: Token, place: int) -> bool:
    """Tell whether a word that has a capital begins something else: a title, a label, a month."""
    return bool(place) and token.low in _ENDING and (not token.upper or token.low in NEVER_NAMES)


def _numbered(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether "N.º 4" or "UMF 33" is written here."""
    before = tokens[at - 1]
    return before.text in {"º", "°", "."} or before.upper


def _is_name(own: Sequence[Token], lists: Lexicon, *, strong: bool, blind: bool) -> bool:
    """Tell whether the words may name an organisation, and no department, disease or therapy."""
    low = [t.low for t in own]
    if all(word in _DEPARTMENTS or word in _INNER for word in low):
        return False
    if medical(low[0]) or clinical_noun(low[-1]) or eponym(low[0]):
        return low[-1] in ORG_TAILS
    told = (
        len(own) > 1 and (low[-1] in ORG_TAILS or low[-1] in HOSPITAL_WORDS or low[0] in _STARTS)
    ) or (len(own) > 1 and any(w in HOSPITAL_WORDS for w in low))
    if told or blind:
        return told
    fresh = any(not t.common and len(t.low) > 3 and not medical(t.low) for t in own)
    if len(own) == 1:
        return strong and fresh and not own[0].upper and own[0].low not in lists.given
    if all(t.upper and len(t.low) < 6 for t in own):
        return False
    return strong or fresh


def letterheads(text: str, spans: Sequence[Span], lists: Lexicon) -> list[Span]:
    """Return the line of words with capitals that stands alone right above an address."""
    out: list[Span] = []
    for span in spans:
        if span.kind is not Kind.ADDRESS or span.confidence < 0.65:
            continue
        if span.start and text[span.start - 1] == "\n":
            out += _above(text, span.start - 1, lists, higher=True)
    return out


def _above(text: str, end: int, lists: Lexicon, *, higher: bool) -> list[Span]:
    start = text.rfind("\n", 0, end) + 1
    own = [w.strip(".,;&'’-()") for w in text[start:end].split()]
    named = [w for w in own if w]
    if (
        not named
        or len(named) > 6
        or ":" in text[start:end]
        or any(map(str.isdigit, text[start:end]))
    ):
        return []
    low = [folded(w) for w in named]
    if not all(w[0].isupper() or f in _INNER for w, f in zip(named, low, strict=True)):
        return []
    plain = all(f in lists.words or f in _INNER for f in low) and low[-1] not in ORG_TAILS
    if plain or all(f in _DEPARTMENTS for f in low):
        return _above(text, start - 1, lists, higher=False) if higher and start else []
    return [Span(start, end, Kind.ORGANISATION, 0.75, "rule:letterhead")]
