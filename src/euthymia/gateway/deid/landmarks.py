"""Addresses and landmarks by their shape: "Lavalle al 2300", "Mz. C Lt. 4", "Hackney Marshes", "río Tambo"."""

# ruff: noqa: E501, RUF001 - patterns are read whole, with the signs that people write

import re
from collections.abc import Sequence
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.dates import windowed, windows
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token

_CAP: Final = r"[A-ZÀ-ÖØ-Þ][\w'’·-]{1,20}"
_NAME: Final = rf"{_CAP}(?: (?:(?:de|del|la|las|los|el|d['’]) ?){{0,2}}{_CAP}){{0,3}}"
_UNITS: Final = r"(?:[Pp]ortal|[Bb]loque|[Bb]lq\.?|[Tt]orre|[Aa]pto\.?|[Aa]partamento|[Cc]asa|[Ii]nt(?:erior)?\.?|[Ee]scalera|[Ee]sc\.?|[Dd]epto\.?|[Dd]pto\.?|[Pp]uerta|[Ll]ote|[Mm]anzana|[Pp]iso)"
_TAIL: Final = rf"(?:,? {_UNITS} ?[A-Z0-9]{{1,5}}(?:[ -][A-Z0-9]{{1,3}}(?!\w))?){{0,3}}"
_ADDRESSES: Final = tuple(
    (frozenset(anchors.split()), re.compile(pattern))
    for anchors, pattern in (
        ("al",
         rf"(?<!\w){_NAME} al \d{{2,5}}(?![\w%]){_TAIL}"),
        ("mz mza manzana",
         rf"(?<!\w)(?:{_NAME},? )?(?:[Mm]z|[Mm]za|[Mm]anzana|MZ|MZA)\.? ?['\"“]?[A-Z0-9]{{1,3}}['\"”]?(?:-\d)?,? ?-? ?(?:[Ll]t|[Ll]te|[Ll]ote|LT|LTE|LOTE)\.? ?\d{{1,3}}[A-Z]?{_TAIL}"),
        ("aa aahh a ah p pj pp urb coop asoc conj fracc resid col pobl asentamiento",
         rf"(?<!\w)(?:AA\.? ?HH\.?|A\.? ?H\.|P\.? ?J\.|PP\.? ?JJ\.?|[Aa]sentamiento [Hh]umano|[Uu]rb\.|[Cc]oop\. de [Vv]iv\.|[Aa]soc\. de [Vv]iv\.|[Cc]onj\.|[Ff]racc\.|[Rr]esid\.|[Cc]ol\.|[Pp]obl\.) (?!Med|Psiq|Enf|Prof){_NAME}{_TAIL}"),
        ("grupo poblado colonia residencial conjunto edificio unidad villa urbanizacion barriada torre torres",
         rf"(?<!\w)(?:Grupo|Poblado|Colonia|Residencial|Conjunto|Edificio|Unidad Habitacional|Villa|Urbanizaci[oó]n|Barriada|Torres?) {_NAME},? {_UNITS} ?[A-Z0-9]{{1,5}}{_TAIL}"),
        ("portal bloque blq torre apto apartamento casa int interior escalera esc depto dpto puerta lote manzana piso",
         rf"(?<!\w)(?:Los|Las|El|La) {_CAP}(?: {_CAP})?, {_UNITS} ?[A-Z0-9]{{1,4}}(?!\w){_TAIL}"),
        ("cruce esquina interseccion entre",
         rf"(?:\b[Cc]ruce de|\b[Ee]squina(?: de)?|\b[Ii]ntersecci[oó]n de|\bentre(?= (?:calles?|carrera|av)\b)) (?P<own>(?:(?:la )?(?:calle|carrera|av\.?|avenida|calles) )?{_NAME} (?:con|y|esquina) {_NAME})"),
        ("km kilometro",
         rf"(?<!\w)(?:[Kk]m\.?|[Kk]il[oó]metro) \d{{1,4}}(?:[.,+]\d{{1,3}})? (?:de la |de |vía |carretera |autopista ){{1,3}}{_NAME}"),
        ("carrer passatge ptge placa rambla travessera kalea rua travesia jiron pasaje pje andador cjon callejon prolongacion calzada diagonal transversal tv dg",
         rf"(?<!\w)(?:[Cc]arrer|[Pp]assatge|[Pp]tge\.?|[Pp]laça|[Rr]ambla|[Tt]ravessera|[Kk]alea|[Rr]úa|[Tt]ravesía|[Jj]irón|[Pp]asaje|[Pp]je\.?|[Aa]ndador|[Cc]jón\.?|[Cc]allejón|[Pp]rolongación|[Cc]alzada|[Dd]iagonal|[Tt]ransversal|[Tt]v\.?|[Dd]g\.?) (?:(?:d['’]|de |del |de la |dels )?)(?:{_NAME}|\d{{1,3}}[A-Z]?),? ?(?:n\.?[º°]? ?|# ?|No\.? ?)?\d{{1,5}}[A-Z]?(?:[ -]\d{{1,3}})?(?:, ?(?:\d{{1,2}}[ºª]|àtic|ático|bajos?|baixos|entl\.?|\d{{1,2}}-\d{{1,2}})(?: ?\d?[ªA-D]?\b)?)?{_TAIL}"),
        ("cross main phase stage",
         rf"(?<!\w)(?:(?:Plot|Door|House|Flat|Site|Shop|No|H\. ?No|D\. ?No)\.?:? ?(?:No\.? ?)?#?[\w/-]{{1,8}},? )?\d{{1,2}}(?:st|nd|rd|th) (?:Cross|Main|Phase|Stage|Sector|Floor Cross)(?: (?:Road|Street))?(?:,? {_CAP}(?: (?:Layout|Nagar|Colony|Extension|Block|{_CAP}))?)?"),
        ("apo fpo dpo",  # post of the US forces
         r"(?<!\w)(?:(?:PSC|CMR|Unit|UNIT|Psc)\.? \d{1,5},?[ \n](?:(?:Box|BOX) \d{1,5},?[ \n])?)?(?:APO|FPO|DPO),? A[AEP],? \d{5}(?:-\d{4})?(?!\d)"),
        ("blk block hall apt unit flat",  # Singapore's floor and flat
         r"(?<!\w)(?:(?:Blk|Block|Apt|Unit|Flat|Hall)\.? \d{1,4}[A-Z]?,? ?(?:[A-Z][\w' ]{2,30}, ?)?)?#[B\d]\d?-\d{1,4}[A-Z]?(?!\w)"),
        ("purok sitio brgy barangay blk phase",
         rf"(?<!\w)(?:Purok|Sitio|Brgy\.?|Barangay|Blk\.?|Phase) (?:\d{{1,3}}[A-Z]?|{_CAP})(?:,? (?:Lot|Lt\.?|Phase|Purok|Sitio|Brgy\.?|Barangay) (?:\d{{1,3}}|{_CAP}(?: {_CAP})?)){{0,3}}"),
        ("near off",
         rf"\b(?:on|at|off|by) (?P<own>{_CAP} (?:near|off|&) {_CAP})(?= |[,.;)\n])(?! (?:Hospital|Clinic))"),
    )
)  # fmt: skip
_SPOT: Final = re.compile(
    r"(?<!\w)(?:[Rr]ío|[Rr]io|[Cc]erro|[Ll]ago|[Ll]aguna|[Pp]laya|[Vv]olcán|[Ii]sla|[Pp]arque|[Bb]arrio|[Vv]ereda|[Cc]aserío|[Ee]jido|[Cc]orregimiento|[Ss]ierra|[Ee]stación(?: de)?|[Ss]ucursal|[Pp]oblación|[Cc]olonia|[Aa]ldea|[Pp]uerto|[Cc]aleta|[Qq]uebrada|[Mm]ercado|[Ee]stadio|[Bb]osque|[Mm]onte|[Vv]illa|[Cc]ordillera|[Pp]edanía|[Pp]artida) "
    rf"(?:de |del |de la |de los |de las |El |La |Los |Las |d['’])?(?P<first>{_CAP}(?: (?:de |del |la )?{_CAP}){{0,2}})"
)
_GREEN: Final = re.compile(
    rf"(?<![\w.'’-])(?P<first>{_CAP})(?P<more>(?:['’]s)?(?: {_CAP}){{0,2}}) (?P<last>Park|Green|Marshes|Common|Heath|Beach|Lake|Bridge|Station|Estate|Market|Fields|Moor|Woods|Pier|Island|Creek|Falls|Mall|Stadium|Airport|Harbour|Harbor|Bay|Reservoir|Forest|Gardens|Cemetery|Township|Village|Reservation|Reserve|Valley|Mountain|Canal|Docks|Arcade|Roundabout|Interchange)(?![\w-]|['’]s [A-Z])"
)
_PLAIN: Final = words("landmark_plain")
_KINDS: Final = words("landmark_kinds")
_ENDS: Final = words("landmark_ends")
_UNI: Final = frozenset({"uni", "univ", "university", "college", "universidad", "instituto"})
_UNIVERSITY: Final = re.compile(
    rf"(?<!\w)(?:Uni|Univ\.?|University|College) of (?:the )?{_NAME}|(?<!\w)(?:Univ\.?|Universidad|Instituto) (?:de |del |de la |Nacional |Tecnológico |Autónoma |Católica |Politécnic[oa] ){{1,3}}{_NAME}"
)
_ANCHORS: Final = (
    _UNI | _KINDS | _ENDS | frozenset(word for anchors, _ in _ADDRESSES for word in anchors)
)


def landmark_spans(text: str, tokens: Sequence[Token], *, blind: bool) -> list[Span]:
    """Return addresses of other lands and named landmarks."""
    at: dict[str, list[int]] = {}
    for token in tokens:
        if token.low in _ANCHORS:
            at.setdefault(token.low, []).append(token.start)
    out: list[Span] = []
    for anchors, pattern in _ADDRESSES:
        starts = sorted(place for word in anchors & at.keys() for place in at[word])
        for match in windowed(pattern, text, windows(text, starts)):
            name = "own" if "own" in pattern.groupindex else 0
            out.append(Span(*match.span(name), Kind.ADDRESS, 0.78, "rule:address-land"))
    if blind:
        return out
    starts = sorted(place for word in _UNI & at.keys() for place in at[word])
    out += [
        Span(*match.span(), Kind.ORGANISATION, 0.8, "rule:university")
        for match in windowed(_UNIVERSITY, text, windows(text, starts))
    ]
    for words_before, pattern in ((_KINDS, _SPOT), (_ENDS, _GREEN)):
        starts = sorted(place for word in words_before & at.keys() for place in at[word])
        for match in windowed(pattern, text, windows(text, starts)):
            first = match["first"].split(" ")[0]
            if first.lower() not in _PLAIN and not first.isupper():
                out.append(Span(*match.span(), Kind.LOCATION, 0.71, "rule:landmark"))
    return out
