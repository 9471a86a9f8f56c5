"""Values that identify a person: names in many forms, dates, numbers, addresses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

Piece = tuple[str, str | None]

_MONTHS: Final = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto"
    " septiembre octubre noviembre diciembre",
}
_TOWNS: Final = {
    "en": (
        "Wolverhampton", "Tuscaloosa", "Inverness", "Chattanooga", "Ballarat", "Sunderland",
        "Kalamazoo", "Limerick", "Saskatoon", "Pontypridd", "Nacogdoches", "Dunedin",
    ),
    "es": (
        "Ciudad Real", "Torrelavega", "Guadalajara", "Almendralejo", "Cochabamba", "Ponferrada",
        "Arequipa", "Vilanova i la Geltrú", "Maracaibo", "Elche", "Valparaíso", "Basauri",
    ),
}  # fmt: skip
_STREETS: Final = {
    "en": (
        "{n} Larkspur Crescent", "Flat {m}, {n} Gorse Hill", "{n} W. Kittredge Blvd, Apt {m}",
        "{n}b Weavers Wynd", "P.O. Box {n}", "{n} County Road {m}", "Unit {m}/{n} Banksia Parade",
    ),
    "es": (
        "c/ Tejedores nº {n}, {m}ºB", "Avda. del Ferrocarril {n}", "Plaza del Trigo, {n}, bajo",
        "Camino de los Almendros s/n", "Rda. Poniente {n} - {m}º izda.", "Calle Olmo {n}",
        "Urb. Las Lomas, portal {m}, piso {n}",
    ),
}  # fmt: skip
_HOSPITALS: Final = {
    "en": (
        "Larchmount General Hospital", "St Aldhelm's Infirmary", "Tamarack County Medical Center",
        "the Priory at Wexcombe", "Royal Dunmore Hospital", "Copper Ridge Behavioral Health",
    ),
    "es": (
        "Hospital Comarcal de Valdeolmos", "Clínica Santa Quiteria", "Hospital Virgen de la Encina",
        "Complejo Asistencial San Telmo", "Centro de Salud Los Cármenes",
        "Hospital Nuestra Señora del Rocío",
    ),
}  # fmt: skip
_EMPLOYERS: Final = {
    "en": (
        "Hatherleigh Dairies", "Quillon Freight Ltd", "Brackett & Sons", "Ostrava Robotics Inc.",
        "Pinecrest Elementary School", "Meridian Tyre Works",
    ),
    "es": (
        "Conservas Ribadelmar", "Talleres Goyeneche S.L.", "Transportes Alcazaba",
        "Supermercados Larrasa", "Colegio Virgen del Camino", "Panadería La Espiga",
    ),
}  # fmt: skip
_DRUGS: Final = {
    "en": ("vortioxetine", "mirtazapine", "lurasidone", "desvenlafaxine", "clomipramine"),
    "es": ("vortioxetina", "mirtazapina", "lurasidona", "desvenlafaxina", "clomipramina"),
}

CASES: Final[tuple[Callable[[str], str], ...]] = (
    str, str, str, lambda text: _same_length(text, str.lower),
    str, str, str, lambda text: _same_length(text, str.upper),
)  # fmt: skip
"""How the letters of a passage are written: one in eight all small, one in eight all capital."""


def _same_length(text: str, change: Callable[[str], str]) -> str:
    """Return `text` with every letter changed whose changed form is one character too."""
    return "".join(new if len(new := change(letter)) == 1 else letter for letter in text)


@dataclass(frozen=True, slots=True)
class Person:
    """A name and the ways to write it."""

    given: str
    family: str

    def pieces(self, form: str, lang: str) -> Sequence[Piece]:
        """Return the name in one form.

        Parameters
        ----------
        form
            "full", "given", "family", "comma" (family first), "caps", "init" (initial and family)
            or "title" (a doctor's, the title is no identifier).
        lang
            Of the title.
        """
        if form == "title":
            return (("Dr " if lang == "en" else "Dra. ", None), (self.family, "PERSON"))
        full = f"{self.given} {self.family}"
        forms = {
            "full": full,
            "given": self.given,
            "family": self.family,
            "comma": f"{self.family}, {self.given}",
            "caps": _same_length(full, str.upper),
            "init": f"{self.given[0]}. {self.family}",
        }
        return ((forms[form], "PERSON"),)


class Values:
    """Draws values by slot name. One object, one passage."""

    def __init__(self, chance: Random, lang: str) -> None:
        self.chance = chance
        self.lang = lang

    def pieces(self, slot: str) -> Sequence[Piece]:
        """Return a new value for `slot`; KeyError if there is no such slot."""
        kind, make = _SLOTS[slot]
        return ((make(self), kind),)

    def digits(self, pattern: str) -> str:
        """Return `pattern` with each # a digit and each @ a capital letter."""
        letters = {"#": "0123456789", "@": "BCDFGHJKLMNPRSTVWXYZ"}
        return "".join(self.chance.choice(letters.get(sign, sign)) for sign in pattern)

    def one(self, of: Sequence[str]) -> str:
        """Return one of several patterns, its digits drawn."""
        return self.digits(self.chance.choice(of))

    def day(self, first: int, years: int) -> str:
        """Return a date in one of the written forms of the language."""
        on = date(first, 1, 1) + timedelta(days=self.chance.randrange(365 * years))
        month = _MONTHS[self.lang].split()[on.month - 1]
        if self.lang == "es":
            forms: tuple[str, ...] = (
                f"{on.day} de {month} de {on.year}", f"{on:%d.%m.%Y}", f"{on:%d-%m-%y}",
                f"{on.day}/{on.month}/{on.year}", f"{on.day}-{month[:3]}-{on.year}",
            )  # fmt: skip
        else:
            forms = (
                f"{on.day} {month} {on.year}", f"{month} {on.day}, {on.year}", f"{on:%d.%m.%y}",
                f"{on:%m/%d/%Y}", f"{on:%Y-%m-%d}", f"{on.day}-{month[:3]}-{on:%y}",
            )  # fmt: skip
        return self.chance.choice(forms)

    def street(self) -> str:
        """Return a street with its numbers."""
        pattern = self.chance.choice(_STREETS[self.lang])
        return pattern.format(n=self.chance.randint(2, 399), m=self.chance.randint(1, 9))


_Slot = tuple[str | None, Callable[[Values], str]]
_PHONES: Final = {
    "en": ("(###) 555-01##", "+44 7### ######", "0#### ######", "###.555.01##", "+1-###-555-01##"),
    "es": ("6## ## ## ##", "+34 9########", "9## ### ###", "(+34) 6## ### ###", "9#-#######"),
}
_POSTCODES: Final = {"en": ("@@# #@@", "#####", "#####-####", "@# #@@"), "es": ("0####", "4####")}
_MAILBOXES: Final = ("k.@@@@##", "the_@@@@@@", "@@@.@@@@@", "contact+@@###")
_MAIL_HOSTS: Final = ("posteo.example", "mail.example", "example.org", "clinic.example")
_SLOTS: Final[dict[str, _Slot]] = {
    "date": ("DATE", lambda v: v.day(2016, 9)),
    "dob": ("DATE", lambda v: v.day(1931, 75)),
    "phone": ("PHONE", lambda v: v.one(_PHONES[v.lang])),
    "email": ("EMAIL", lambda v: f"{v.one(_MAILBOXES).lower()}@{v.chance.choice(_MAIL_HOSTS)}"),
    "mrn": ("ID", lambda v: v.one(("##-##-##", "@@######", "#######", "H/####/##", "@##-####-#"))),
    "insurance": ("ID", lambda v: v.one(("@@@#########", "###-##-####", "## ######## ##"))),
    "account": ("ACCOUNT", lambda v: v.one(("GB##@@@@##############", "4### #### #### ####"))),
    "plate": ("VEHICLE", lambda v: v.one(("@@## @@@", "#### @@@", "@@@-####"))),
    "handle": ("USERNAME", lambda v: "@" + v.one(("@@@@@_##", "@@@@@@###", "the.@@@@")).lower()),
    "url": ("URL", lambda v: v.one(("https://@@@@@@.example/@@@", "www.@@@@@@.example")).lower()),
    "ip": ("IP", lambda v: f"10.{v.chance.randint(0, 255)}.{v.chance.randint(0, 255)}.17"),
    "street": ("ADDRESS", Values.street),
    "postcode": ("POSTCODE", lambda v: v.one(_POSTCODES[v.lang])),
    "town": ("LOCATION", lambda v: v.chance.choice(_TOWNS[v.lang])),
    "hospital": ("HOSPITAL", lambda v: v.chance.choice(_HOSPITALS[v.lang])),
    "employer": ("ORGANISATION", lambda v: v.chance.choice(_EMPLOYERS[v.lang])),
    "drug": (None, lambda v: v.chance.choice(_DRUGS[v.lang])),
}
