"""Who is told by form and by what stands around: user names, nicknames, lone initials."""

# ruff: noqa: E501, RUF001 - patterns hold the signs that people write

import re
from collections.abc import Iterator, Sequence
from typing import Final

from euthymia.gateway.deid.clinical import medical
from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.fold import folded
from euthymia.gateway.deid.lexicon import Lexicon, drugs
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import NEVER_NAMES, RELATIONS, TITLES

_LOGIN: Final = r"(?P<own>@?[a-z][a-z0-9]{0,24}(?:[._\-\\#][a-z0-9]{1,20}){0,3})"
_ACCOUNT: Final = re.compile(
    r"(?<!\w)(?:(?P<firm>user ?names?|user ?ids?|log ?ins?|logins?|handle|gamer ?tag|screen ?name|nick(?:name)?|usuari[oa]|nombre de usuario|skype|telegram|instagram|insta|ig|twitter|snapchat|snap|discord|tiktok|tumblr|reddit|twitch|kik|"
    r"logged in(?: as)?|signed in(?: as)?|logs in as|account|portal name|portal user|posts as|publica como|publicar como|post as|known online as|entra como|sesion iniciada por)|"
    r"(?P<loose>user|operator|operador[a]?|worker|agente?|clerk|(?:scanned|entered|typed|edited|verified|validated|keyed|uploaded|printed|merged|captured|filed|opened|created|updated|modified|released|transcribed|e-?signed|signed|escaneado|registrado|registra|capturo|validado|valido|editado|impreso|creado|abierto|tecleado|transcrito|firmado)(?: electronically)?(?: by| por)?))"
    rf"(?: (?:name|is|es|was|del portal|de (?:instagram|tiktok|discord))){{0,2}}\s{{0,2}}[:=(]?\s{{0,2}}[\"'“]?{_LOGIN}(?![\w@])"
)
_PIPED: Final = re.compile(
    r"(?<=\|)[ \t]{1,3}(?P<own>[a-z][a-z0-9]{2,20}(?:[._-][a-z0-9]{1,20}){0,2})[ \t]{1,3}(?=\|)"
)
_SHAPED: Final = re.compile(r"[._\-\\#@\d]")
_NOT_LOGIN: Final = re.compile(
    r"(?:e\.g|i\.e|p\.m|a\.m|n/a|none|\d|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)\d)"
)
_WORD: Final = r"(?:[^\W\d_][\w'’-]{1,18}(?: [^\W\d_][\w'’-]{0,18}){0,2})"
_NICKNAME: Final = re.compile(
    r"(?<!\w)(?:known (?:to \w{1,12} )?as|a\.?k\.?a\.?:?|alias:?|goes by|answers to|nicknamed?:?|called|likes to be called|prefers|preferred name:?|likes|"
    r"conocid[oa] (?:\w{1,10} )?como|apodad[oa]|apodo:?|alias:?|le (?:dicen|llaman)|llamad[oa]) "
    rf"[\"“«‘'](?P<own>{_WORD})[\"”»’'](?!\w)",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(
    rf"\([\"“«](?P<own>{_WORD})[\"”»]\)|[\"“«](?:[Ee]l|[Ll]a|[Bb]ig|[Ll]ittle|[Ll]il|[Oo]ld|[Uu]ncle|[Aa]unt|[Aa]untie|[Mm]iss|[Tt][ií][oa]|[Dd]on|[Dd]oña) (?P<own2>[^\W\d_a-zà-ÿ][\w'’-]{{1,18}})[\"”»]|"
    rf"[\"“«](?P<own4>{_WORD})[\"”»](?= \([^\W\d_a-zà-ÿ][\w'’-]{{1,18}} [^\W\d_a-zà-ÿ][\w'’-]{{1,18}}\))|"
    r"\b(?:[Ee]l|[Ll]a|[Dd]el|[Aa]l) [\"“«](?P<own5>[A-ZÁÉÍÓÚÑ][\w'’-]{1,18})[\"”»](?= \(\d)|"
    r"\b(?:knows? as|known (?:[a-z]{3,10} )?as|al que llaman|a quien llaman) (?:[Ee]l |[Ll]a )?(?P<own3>[^\W\d_a-zà-ÿ][a-zà-ÿ'’-]{1,18})(?=[,.;) \n])"
)
_TYPED: Final = re.compile(
    r"(?:(?<!\w)by|por|addendum(?: [\d/.-]{4,10})?|amended|copied) (?P<own>[a-z]{3,12}\d{1,3})(?![\w-])|"
    r"(?<!\w)(?:alias|cuenta|account|handle|usuario)(?: es| is)?:? (?P<own2>[a-z]{2,14}(?:\.[a-z]{2,14}){1,3})(?![\w@])"
)
_AFTER_NAME: Final = re.compile(rf" ?\(?[\"“«‘'](?P<own>{_WORD})[\"”»’']")
_SHORT: Final = r"(?!AP|AF|HX|DX|TX|RX|TA|FC|FR|PA|ME|BP|HR|RR|GP|ED|ER|IV|IM|PO|SI|HI|AH|VH|MD|RN|NP|OT|PT|US|UK|OK|CC|CT|MR|EN|DE|LA|EL|NA|QD|BD|CP|ES|IP|TV|AM|PM|DC|HS|OD|PC|RA|RE|TB|TC|AA|CK|EM|MC|EA|EF|IDX|EEG|ECG|MSE|CBT|PHQ|GAD|RTC)[A-ZÁÉÍÓÚÑ]{2}"
_LAST_INITIALS: Final = re.compile(
    rf"[.!?)] {{1,2}}(?P<own>{_SHORT})\s{{0,3}}$|\w / ?(?P<own2>[a-z]{{2,3}})\s{{0,3}}$"
)
_SESSION: Final = re.compile(
    rf"(?:^|\n|[.:] )(?P<own>{_SHORT})(?=, (?:session|sesi[oó]n|week|semana|seen|came|vino|lleg[oó]|arrived)\b)|"
    rf"\b(?:[Ss]ession \d{{1,3}} with|[Ss]esi[oó]n \d{{1,3}} con|[Ss]een with|[Pp]rocess notes:?|bed for|cama para|traslado de|transfer of) (?P<own2>(?!AA\b){_SHORT}|[A-ZÁÉÍÓÚÑ]\.)(?=[,.:;?)\n ]|$)|"
    rf"(?:\b\d{{1,2}}[:.]\d\d(?: ?[ap]m)?|\b[ap]m|\d{{4}}),? (?P<own3>(?![AP]M)[A-ZÁÉÍÓÚÑ]{{2}})(?=\s{{0,3}}(?:\n|$))"
)
_LISTED: Final = re.compile(rf"(?:^|\n)[ \t]{{0,8}}(?P<own>{_SHORT})(?=(?: [-–—:]|:) )")
"""Initials that open the lines of a list: "JT - slept", "MB - up early"."""
_ALONE: Final = re.compile(
    rf": (?P<own>[A-ZÁÉÍÓÚÑ]\.)(?=\s{{0,3}}\n|\s{{0,3}}$|  )|\b(?:[Pp]atient|[Pp]aciente|[Pp]t|[Cc]lient) (?P<own2>{_SHORT})(?=\n|$)"
)
_GREETED: Final = re.compile(
    r"(?:[Rr]ecordatorio:|[Rr]eminder for|[Hh]ola,?|[Gg]racias,?|[Tt]hanks,?|[Tt]hank you,?|[Tt]hx,?|[Tt]y,?|[Hh]i,?|[Hh]ello,?|[Hh]ey,?|[Dd]ear|[Ee]stimad[oa]|[Qq]uerid[oa]|[Bb]uen(?:os|as) (?:d[ií]as|tardes|noches),?) "
    r"(?P<own>[^\W\d_a-zà-ÿ][\w'’-]{1,18})(?=[,.!:;\n]| [-–] )"
)
_CALLED: Final = re.compile(
    r"(?:^|\n)(?P<own>[^\W\d_a-zà-ÿ][a-zà-ÿ'’-]{1,18}), (?=¿|we have|we've|can you|could you|please|thanks|thank you|are you|do you|would you|puedes|podrías|te |os )"
)
"""Who is greeted or thanked, whatever word his name is."""
_WILL: Final = re.compile(
    r"(?<![\w'’-])(?P<own>Will|WILL)(?= (?:(?i:has|is|was|had|does|did|isn['’]?t|wasn['’]?t|hasn['’]?t|doesn['’]?t|didn['’]?t|says|and his|who)\b|(?!discuss|assess|address|process|focus|access|possess|express|pass|miss|progress|need|proceed|feed|exceed|embed|shed|bed|dress|stress|guess|cross|press|canvass|witness|bless|kiss|toss|dismiss|bias|always|perhaps)[a-z]{3,14}(?:[^su]s|ed)\b))"
)
"""The name before a verb that no auxiliary can stand before: "Will has improved", "Will reports"."""
_GREETINGS: Final = words("greetings")
_TYPISTS: Final = frozenset(
    [
        "by",
        "por",
        "addendum",
        "amended",
        "copied",
        "alias",
        "cuenta",
        "account",
        "handle",
        "usuario",
    ]
)
_ACCOUNT_WORDS: Final = words("account_words")
_MARY: Final = re.compile(r"(?<!\w)(?P<own>M\.?ª\.?) ?$")
_INITIAL_AFTER: Final = re.compile(r" (?P<own>[A-ZÁÉÍÓÚÑ]\.)(?=[ ,;:)\n?]|$)")


_NOBODY: Final = NEVER_NAMES | RELATIONS | TITLES | words("greeted")


def told_spans(text: str, low: str, tokens: Sequence[Token], lists: Lexicon) -> list[Span]:
    """Return user names, nicknames in quotation marks, who is greeted, lone initials."""
    out = _accounts(low, tokens, lists)
    if lists.lang == "en":
        out += [Span(*m.span(), Kind.PERSON, 0.75, "names:will") for m in _WILL.finditer(text)]
    if any(sign in text for sign in "\"“«‘'"):
        out += [
            Span(*m.span("own"), Kind.PERSON, 0.75, "rule:nickname")
            for m in _NICKNAME.finditer(text)
            if _like_name(m["own"], lists)
        ]
        for match in _QUOTED.finditer(text):
            name = match.lastgroup or "own"
            if _like_name(match[name], lists) and folded(match[name]) not in _NOBODY:
                out.append(Span(*match.span(name), Kind.PERSON, 0.7, "rule:nickname"))
    end = _LAST_INITIALS.search(text, max(0, len(text) - 12))
    if end is not None:
        out.append(Span(*end.span(end.lastgroup or 0), Kind.PERSON, 0.7, "rule:initials"))
    for pattern in (_SESSION, _ALONE):
        for match in pattern.finditer(text):
            name = next(n for n, v in match.groupdict().items() if v is not None)
            out.append(Span(*match.span(name), Kind.PERSON, 0.7, "rule:initials"))
    listed = list(_LISTED.finditer(text))
    if len(listed) > 1:
        out += [Span(*m.span("own"), Kind.PERSON, 0.7, "rule:initials") for m in listed]
    greeted = [*_at(_GREETED, text, tokens, _GREETINGS), *_CALLED.finditer(text)]
    return out + [
        Span(*m.span("own"), Kind.PERSON, 0.7, "rule:greeted")
        for m in greeted
        if folded(m["own"]) not in _NOBODY
    ]


def _at(
    pattern: re.Pattern[str], text: str, tokens: Sequence[Token], starts: frozenset[str]
) -> Iterator[re.Match[str]]:
    """Yield what a pattern matches at the words that it may begin with."""
    for token in tokens:
        if token.low in starts:
            match = pattern.match(text, token.start)
            if match is not None:
                yield match


def _like_name(name: str, lists: Lexicon) -> bool:
    """Tell whether a nickname is written like one: its first word has a capital."""
    return name[0].isupper() and name.lower() not in lists.countries


def _accounts(low: str, tokens: Sequence[Token], lists: Lexicon) -> list[Span]:
    out: list[Span] = []
    for match in _at(_ACCOUNT, low, tokens, _ACCOUNT_WORDS):
        value = match["own"]
        shaped = _SHAPED.search(value) is not None
        if _NOT_LOGIN.match(value) or len(value) < 4:
            continue
        if not shaped and (value in lists.words or (not match["loose"] and not match["firm"])):
            continue
        if not shaped and (match["loose"] or value in lists.given):
            continue
        if value.replace(".", "").isalpha() and all(w in lists.words for w in value.split(".")):
            continue
        out.append(Span(*match.span("own"), Kind.USERNAME, 0.8, "rule:login"))
    out += [
        Span(*m.span(m.lastgroup or 0), Kind.USERNAME, 0.75, "rule:login")
        for m in _at(_TYPED, low, tokens, _TYPISTS)
    ]
    out += [
        Span(*m.span("own"), Kind.USERNAME, 0.7, "rule:login")
        for m in (_PIPED.finditer(low) if "|" in low else ())
        if m["own"] not in lists.words
        and len(m["own"]) > 3
        and not (medical(m["own"]) or m["own"] in drugs())
    ]
    return out + _repeated(low, out)


def _repeated(low: str, found: Sequence[Span]) -> list[Span]:
    """Return the further places of user names that hold a digit or a dot."""
    out: list[Span] = []
    for own in {low[s.start : s.end] for s in found}:
        if len(own) > 4 and _SHAPED.search(own):
            at = low.find(own)
            while at >= 0:
                if not low[at + len(own) : at + len(own) + 1].isalnum():
                    out.append(Span(at, at + len(own), Kind.USERNAME, 0.8, "rule:login"))
                at = low.find(own, at + len(own))
    return out


def beside_names(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return what belongs to a name before it: ("Chayo") in quotation marks, the letter of "Ana R."."""
    out: list[Span] = []
    for span in spans:
        if span.kind is not Kind.PERSON or span.confidence < 0.7:
            continue
        nick = _AFTER_NAME.match(text, span.end)
        if nick is not None and nick["own"][0].isupper():
            out.append(Span(*nick.span("own"), Kind.PERSON, 0.75, "rule:nickname"))
        mary = _MARY.search(text, max(0, span.start - 5), span.start)
        if mary is not None:
            out.append(Span(*mary.span("own"), Kind.PERSON, 0.75, "rule:initial"))
        letter = _INITIAL_AFTER.match(text, span.end)
        if letter is not None and text[span.start].isupper() and text[span.end - 1].islower():
            out.append(Span(*letter.span("own"), Kind.PERSON, 0.75, "rule:initial"))
    return out
