"""What leads a name, a place or an employer in; each ends where the name begins."""

# ruff: noqa: E501 - patterns are read whole

import re
from typing import Final

NAME_CUE: Final = re.compile(
    r"(?:\bname(?:s|d)?(?: is|'s| was)?|\bcalled|\bknown as|\bllamad[oa]|\bse llama|\bi'm|"
    r"\bi am|\bmy name is|\bthis is|"
    r"\bsigned(?: by)?|\bseen by|\bspoke (?:to|with)|\breferred (?:by|to)|\breviewed (?:by|"
    r"with)|\bdiscussed with|\bunder the care of|"
    r"\bcare of|\bdear|"
    r"(?<!\S)w/|\bsoy|\b(?:anotado|registrado|escrito|redactado|dictado|realizado|informado|"
    r"acompanad[oa]) por|\ba cargo de|\bsincerely|\bregards|\bthanks|\batendid[oa] por|\bvalorad[oa] por|"
    r"\bremitid[oa] por|\bderivad[oa] por|\bfirmado|\bfdo|"
    r"\bgoes by|\banswers to|\bi met|\bhe met|\bshe met|\bcontesta|\bhabla|\bassistant to|\blives with|\blive with|\bvive con|\bcasad[oa] con|\bmarried to|"
    r"\bseeing|\bfollow up with|\bappointment with|\bpt|\bpatient|\bpaciente|"
    r"\bhello|\bhi|\bhey|\bhola|\bkid|\bunder|\bwritten by|\bby|\bcorrect it to|"
    r"\bchange it to)[ ,:.(]{0,3}$"
)
_LAST_WORDS: Final = (
    "name", "names", "named", " is", "'s", " was", "called", " as", "llamado", "llamada", "llama",
    "i'm", " am", "signed", "by", " to", " with", " of", "dear", "w/", "soy", " por", " de",
    "sincerely", "regards", "thanks", "firmado", "fdo", " met", "contesta", "habla", " con",
    "seeing", "pt", "patient", "paciente", "hello", "hi", "hey", "hola", "kid", "under",
)  # fmt: skip
"""What a lead ends in that `NAME_CUE` finds: to look at the end first takes a tenth of the time."""


def cued(lead: str) -> bool:
    """Tell whether the words before a place lead a name in."""
    return lead.rstrip(" ,:.(\n").endswith(_LAST_WORDS) and NAME_CUE.search(lead) is not None


PLACE_CUE: Final = re.compile(
    r"(?:\bin|\bfrom|\bnear|\boutside|\bto|\bvisited|\bvisiting|\bborn in|\bgrew up in|"
    r"\btown of|\bcity of|\bsouthern|\bnorthern|\beastern|\bwestern|"
    r"\ben|\bnatural de|\bprocedente de|\bnacid[oa] en|\boriginari[oa] de|\bresidente en|"
    r"\bviaje a|\bpolicia de|\bvecin[oa]s? de|\bafueras de|\bcerca de|\bciudad de|\bprovincia de|\bbarrio de|"
    r"\bpueblo de|\bmunicipio de|\blocalidad de)[ ]$"
)
BORN_CUE: Final = re.compile(
    r"\b(?:born in|grew up in|raised in|liv(?:es|ed|ing) in|moved here from|moved to|town of|"
    r"city of|nacid[oa] en|natural de|vive en|originari[oa] de|residente en|procedente de) $"
)
ORG_CUE: Final = re.compile(
    r"(?:\bworks? (?:for|at|as \w{1,15} (?:for|at))|\bworked (?:for|at)|\bworking (?:for|at)|"
    r"\bemployed (?:by|at)|\bjob at|\bstudies at|\bstudying at|"
    r"\bstudent at|\bteaches at|\bfrom work at|\bsick leave from|\bschool at|\battends|"
    r"\btrabaja en|\btrabajaba en|\bempleado en|\bempleada en|"
    r"\bestudia en|\baddress of|\bthe|\bat|\bsupport)[ ]$"
)
WORK_CUE: Final = re.compile(
    r"\b(?:works? (?:for|at)|worked (?:for|at)|working (?:for|at)|employed (?:by|at)|"
    r"job (?:at|with)|studies at|studying at|student at|teaches at|"
    r"sick leave from|address of|trabaja (?:en|para)|trabajaba (?:en|para)|emplead[oa] (?:en|"
    r"de)|estudia en) $"
)
EMPLOYER: Final = re.compile(
    WORK_CUE.pattern.removesuffix(" $")
    + r" (?:the )?(?P<all>[a-z'&.-]{2,20}(?: [a-z'&.-]{1,20}){0,3} (?P<last>[a-z]{3,20}))"
    r"(?=[\n.,;]| (?:and|since|for|with|as|in|on|until|but|where|y|desde|como)\b)"
)
SIGN_OFF: Final = re.compile(
    r"(?:remitido por|responsable (?:clinico|medico)|correspondencia|remite|rsponsable medico)\s?:"
)
DRUG_CUE: Final = re.compile(
    r"\b(?:started(?: on)?|stopped|takes|taking|took|prescribed|switched (?:to|from)|dose of|trial of|increased?|"
    r"reduced?|titrat(?:e|ed|ing)|tapered?|continue[sd]?|on|toma|tomaba|tomando|tratamiento con|inicia|iniciar|"
    r"se pauta|pautad[oa]|dosis de|retira|retirar|suspende|aumenta|aumentar) $"
)
ILLNESS_CUE: Final = re.compile(
    r"\b(?:history of|diagnosed with|diagnosis of|suspected|rule out|criteria for|consistent with|excluded|positive|"
    r"negative|on the|in the|with the|using the|scored|antecedentes de|diagnostic[oa]d[oa] de|diagnostico de|sospecha de|"
    r"criterios de|compatible con|descartar|el|la|del|con el|en el|en la|test de|segun) $"
)
DOSE: Final = re.compile(
    r" {1,2}\d{1,4}(?:[.,]\d{1,3})? ?(?:mg|mcg|µg|g|ml|ui|iu|units|tablets?|comprimidos?|gotas|drops)\b"
)
SCORE: Final = re.compile(
    r"(?: (?:score|total|puntuacion|was|of|de|es|fue|at|a|en))? ?[:=]? ?\d{1,3}(?:/\d{1,3})?(?![\w-])|"
    r" (?:positive|negative|present|absent|positivo|negativo|positiva|negativa|ausente|presente)\b"
)


_BLOCK: Final = 450
"""Characters that a sender's block at the end of a letter may have, or a third of the letter."""


def sign_off(low: str) -> int:
    """Return where the sender's block at the end of a letter begins; beyond the end if nowhere."""
    signs = [m.end() for m in SIGN_OFF.finditer(low)]
    near = bool(signs) and len(low) - signs[-1] < max(_BLOCK, len(low) // 3)
    return signs[-1] if near else len(low) + 1
