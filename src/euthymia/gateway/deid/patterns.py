"""What is written by a fixed pattern: mail, web, network, coordinates, handles, plates, labels."""

# ruff: noqa: E501, RUF001 - patterns are read whole, with the signs that people write

import re
from typing import Final

from euthymia.gateway.deid.contract import Kind, Span

_EMAIL: Final = re.compile(
    r"(?<![\w.+%-])[\w.+%-]{1,64}(?:@\s?|\s@\s)[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"
)
_EMAIL_SPELLED: Final = re.compile(
    r"(?<![\w.])[\w.+-]{1,64} ?[\[({](?:at|arroba)[\])}] ?[\w-]{1,63}(?: ?(?:\.|"
    r"[\[({](?:dot|punto)[\])}]) ?[\w-]{1,63}){1,4}",
    re.IGNORECASE,
)
_URL: Final = re.compile(
    r"(?:https?|ftp)://[^\s<>\"'()]{1,300}|(?<!\w)www\.[^\s<>\"'()]{1,300}", re.IGNORECASE
)
_DOMAIN: Final = re.compile(
    r"(?<![\w@.-])[A-Za-z][\w-]{1,62}(?:\.[\w-]{1,62}){0,3}\.(?:com|org|net|edu|gov|info|io|"
    r"es|uk|mx|ar|co|cl|"
    r"pe|fr|de|it|eu|us|ca|au|cat|ke|ph|ie|nz|za|br|uy|ec|cr|gt|pt|ch|nl|se|pl|example|test|local|health)(?:/[^\s<>\"'()]{0,200})?(?![\w.])"
)
_DOTTED: Final = re.compile(r"\w\.[A-Za-z]{2}")
_IP4: Final = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IP6: Final = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f:]{0,39}\d)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"
)
_COLONS: Final = re.compile(r"::|[0-9A-Fa-f][:-][0-9A-Fa-f]{1,4}[:-][0-9A-Fa-f]{1,4}[:-]")
_MAC: Final = re.compile(r"(?<![\w:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:-])")
_HANDLE: Final = re.compile(r"(?<![\w@./])@[A-Za-z_][\w.]{2,29}(?![\w@])")
_DEGREES: Final = re.compile(
    r"(?<![\w.])[-+]?\d{1,2}\.\d{3,8}°?\s?[NS]?\s?[,;/ ]\s?[-+]?\d{1,3}\.\d{3,8}°?\s?[EWO]?(?![\w.])"
)
_MINUTES: Final = re.compile(
    r"\d{1,3}\s?°\s?\d{1,2}\s?['′]\s?(?:\d{1,2}(?:\.\d{1,3})?\s?[\"″]\s?)?[NSEWO]?(?:\s?[,;]?\s?"
    r"\d{1,3}\s?°\s?\d{1,2}\s?['′]\s?(?:\d{1,2}(?:\.\d{1,3})?\s?[\"″]\s?)?[NSEWO]?)?"
)
_PLATE_LABEL: Final = re.compile(
    r"(?<!\w)(?:licen[cs]e plate|number plate|registration plate|vehicle registration|"
    r"car registration|"
    r"plate(?: number| no)?|reg(?:istration)?(?: number| no)|matr[ií]cula|placas?|vin|"
    r"bastidor|chassis)"
    r"(?: is| was| es| number| no|"
    r" del? \w{1,12})?\.?\s{0,2}[:#]?\s{0,2}((?=[A-Z0-9 -]{0,9}\d)[A-Z0-9]{1,8}(?:[ -][A-Z0-9]{1,8}){0,2})(?!\w)",
)
_PLATES: Final = re.compile(
    r"(?<![\w-])(?:\d{4}[ -]?[BCDFGHJKLMNPRSTVWXYZ]{3}|[A-Z]{2}\d{2}[ -]?[A-Z]{3}|"
    r"[A-Z]{1,2}-\d{4}-[A-Z]{1,2}|"
    r"(?=[A-HJ-NPR-Z0-9]{0,16}\d[A-HJ-NPR-Z0-9]{0,16}[A-Z])[A-HJ-NPR-Z0-9]{17})(?![\w-])"
)
_UK_POST: Final = re.compile(r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}(?!\w)")
_CA_POST: Final = re.compile(r"(?<!\w)[ABCEGHJ-NPRSVXY]\d[A-Z] ?\d[A-Z]\d(?!\w)")
_US_POST: Final = re.compile(
    r"(?<![A-Za-z])(?:A[AEKLPRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|"
    r"N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]|PR)"
    r" (\d{5}(?:-\d{4})?)(?!\w)"
)
_ES_POST: Final = re.compile(
    r"(?<![\w.,/-])(?:[A-Z]{1,2}[- ])?(?:\d{5}(?=[ .,(-]{1,3}[A-ZÁÉÍÓÚÑ][^\W\d_])|"
    r"\d{5}(?=[ .,]{0,2}(?:\(|$|[Ee]-?mail|[Tt]el)))(?!\w)"
)
_POST_LABEL: Final = re.compile(
    r"(?<!\w)(?:ZIP|Zip|zip|zip code|ZIP code|Zip code|Postcode|postcode|postal code|"
    r"Postal code|C\.? ?P\.?|CP|"
    r"[Cc][óo]digo [Pp]ostal|"
    r"Cod\. ?[Pp]ostal)\s{0,2}[:.]?\s{0,3}([A-Z]{0,2}-?\d[\dA-Z]{1,6}(?:[- ]\d[\dA-Z]{1,4})?)(?!\w)"
)
_ID_LABEL: Final = re.compile(
    r"(?<!\w)(?:mrn|medical record(?: number| no)?|record(?: number| no)|chart(?: number| no)?|"
    r"hospital (?:number|no|id)|patient (?:id|number|no|identifier)|unit (?:number|no)|"
    r"nhs(?: number| no)?|chi(?: number)?|ssn|"
    r"social security(?: number| no)?|nino|national insurance(?: number| no)?|insurance(?: id|"
    r" number| no| policy)?|"
    r"policy(?: number| no)?|member(?: id| number| no)|subscriber(?: id)?|group(?: number|"
    r" no)|medicaid(?: id)?|medicare(?: id)?|"
    r"account(?: number| no)?|acct|passport(?: number| no)?|(?:driver'?s?|"
    r"driving) licen[cs]e(?: number| no)?|"
    r"licen[cs]e(?: number| no)?|dea(?: number| no)?|npi|gmc(?: number| no)?|nmc|pin|"
    r"case(?: number| no| id)|"
    r"accession(?: number| no)?|encounter(?: number| no| id)?|visit(?: number| no| id)|"
    r"episode(?: number| no| id)?|"
    r"ref(?:erence)?(?: number| no)?|order(?: number| no)|claim(?: number| no)?|"
    r"serial(?: number| no)?|device(?: id| number| no)|"
    r"folio|ficha|curp|rfc|nss|rut|run|tip|upn|expte?|clia|hcpc|c\.? ?c\.?|m\.? ?[np]\.?|t\.? ?p\.?|booking|licencia|cedula(?: prof(?:esional|\.)?)?|"
    r"study id|specimen(?: id| number| no)?|id(?: number| no| card)?|card(?: number| no)?|"
    r"file(?: number| no)|"
    r"caso|nhc|n\.? ?h\.? ?c\.?|nass|cipa?|nuhsa|sip|dni|nie|nif|pasaporte|colegiad[oa]|"
    r"(?:n[º°o.]{0,2} ?)?col(?:\.|eg\.)?|"
    r"historia(?: clinica)?|hc|episodio|expediente|poliza|afiliacion|tarjeta sanitaria|"
    r"tarjeta|seguridad social|"
    r"n[º°o]\.? ?(?:de )?(?:historia|colegiado|afiliacion|expediente|asegurado|paciente|ss)|"
    r"numero de (?:historia|colegiado|afiliacion|expediente|asegurado|paciente|"
    r"la seguridad social|registro|licencia|serie|licitacion))(?![a-z])"
    r"(?: (?:is|es|was|ending|clinica))?\s{0,3}(?:[:=#.]|n[º°o]\.?|no\.?|num\.?|"
    r"numero)?\s{0,3}[:#]?\s{0,3}"
    r"((?:[a-z]{1,6}[-/]?|(?!(?:to|at|on|in|of|by|for|is|no|a|al|de|en|el|la) )[a-z]{1,3} |[a-z]{1,4}-[a-z]{1,4})?\d[\w/.-]{0,24}(?: \d[\w/-]{0,14}){0,4})"
)
_NUMBERED: Final = re.compile(
    r"(?:ref|mrn|nhc|dni|nie|caso|medical record|patient (?:id|number))(?!\w)"
)
_COUNTED: Final = re.compile(r"(?:episod|visit|encounter|case|order|file|claim|policy|record)")
"""Labels that a year may follow: "first episode 2003"."""
_YEAR: Final = re.compile(r"(?:19|20)\d{2}")
_DIGIT: Final = re.compile(r"\d")
_MEASURED: Final = re.compile(r"(?:[a-z]{2,4} )?\d{1,3}\.\d{1,2}")


def pattern_spans(text: str, low: str) -> list[Span]:
    """Return what fixed patterns find; `low` is `text` folded character by character."""
    out: list[Span] = []
    if "@" in text:
        _add(out, _EMAIL, text, Kind.EMAIL, 0.99)
        _add(out, _HANDLE, text, Kind.USERNAME, 0.9)
    if "arroba" in low or "at]" in low or "at)" in low or "at}" in low:
        _add(out, _EMAIL_SPELLED, text, Kind.EMAIL, 0.95)
    if "://" in text or "www." in low:
        _add(out, _URL, text, Kind.URL, 0.99)
    if _DOTTED.search(text):
        _add(out, _DOMAIN, text, Kind.URL, 0.85)
    if "°" in text:
        _add(out, _MINUTES, text, Kind.COORDINATES, 0.9)
    if _DIGIT.search(text):
        _digit_spans(out, text, low)
    return out


def _digit_spans(out: list[Span], text: str, low: str) -> None:
    _add(out, _IP4, text, Kind.IP, 0.95, need=_is_ip)
    if _COLONS.search(text):
        _add(out, _IP6, text, Kind.IP, 0.9, need=_is_ip6)
        _add(out, _MAC, text, Kind.IP, 0.95)
    _add(out, _DEGREES, text, Kind.COORDINATES, 0.9)
    _add(out, _PLATE_LABEL, text, Kind.VEHICLE, 0.95)
    _add(out, _PLATES, text, Kind.VEHICLE, 0.8)
    _add(out, _UK_POST, text, Kind.POSTCODE, 0.9)
    _add(out, _CA_POST, text, Kind.POSTCODE, 0.9)
    _add(out, _US_POST, text, Kind.POSTCODE, 0.9)
    _add(out, _ES_POST, text, Kind.POSTCODE, 0.8)
    _add(out, _POST_LABEL, text, Kind.POSTCODE, 0.97)
    for match in _ID_LABEL.finditer(low):
        value = match.group(1).rstrip(".,;:-/ ")
        if _is_id(value, low[match.start() : match.start(1)]):
            start = match.start(1)
            out.append(Span(start, start + len(value), Kind.ID, 0.95, "rule:id"))


def _is_ip(value: str) -> bool:
    return all(int(part) < 256 for part in value.split("."))


def _is_ip6(value: str) -> bool:
    groups = value.split(":")
    return (len(groups) == 8 or "::" in value) and len(value) > 6 and not value.isdigit()


def _is_id(value: str, label: str) -> bool:
    if _MEASURED.fullmatch(value):
        return False
    digits = sum(map(str.isdigit, value))
    if _NUMBERED.match(label) and (digits >= 3 or (digits == 2 and len(value) > 2)):
        return True
    if _YEAR.fullmatch(value) and not any(sign in label for sign in ":#="):
        return not _COUNTED.match(label)
    return digits >= 4 or (digits >= 3 and len(value) > 4)


def _add(
    out: list[Span],
    pattern: re.Pattern[str],
    text: str,
    kind: Kind,
    sure: float,
    need: object = None,
) -> None:
    for match in pattern.finditer(text):
        group = 1 if pattern.groups else 0
        value = match.group(group)
        trimmed = value.rstrip(".,;:-/ ")
        if trimmed and (need is None or need(trimmed)):  # type: ignore[operator]
            start = match.start(group)
            out.append(Span(start, start + len(trimmed), kind, sure, f"rule:{kind.value.lower()}"))
