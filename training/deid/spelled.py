"""Dates in words: "the third of May", "tres de mayo de dos mil veinte", "Christmas Eve 2021"."""

from datetime import date
from random import Random

ONES = {
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"],
    "es": ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez", "once", "doce", "trece", "catorce", "quince", "dieciséis", "diecisiete", "dieciocho", "diecinueve", "veinte", "veintiuno", "veintidós", "veintitrés", "veinticuatro", "veinticinco", "veintiséis", "veintisiete", "veintiocho", "veintinueve"],
}  # fmt: skip
TENS = {
    "en": [
        "-",
        "ten",
        "twenty",
        "thirty",
        "forty",
        "fifty",
        "sixty",
        "seventy",
        "eighty",
        "ninety",
    ],
    "es": [
        "-",
        "diez",
        "veinte",
        "treinta",
        "cuarenta",
        "cincuenta",
        "sesenta",
        "setenta",
        "ochenta",
        "noventa",
    ],
}
ORDINALS = [
    "-",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
]
MONTHS = {
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    "es": [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
}
FEASTS = {
    "en": "Christmas Eve|Christmas Day|Boxing Day|New Year's Eve|New Year's Day|Easter Sunday|Good Friday|Thanksgiving"
    "|Halloween|Independence Day|Labor Day|Memorial Day|Mother's Day|Hogmanay|Ash Wednesday|Eid al-Fitr|Diwali|Yom Kippur",
    "es": "Nochebuena|Navidad|Nochevieja|Año Nuevo|Viernes Santo|Semana Santa|San Juan|San José|Todos los Santos"
    "|Día de Muertos|la Constitución|el Pilar|Jueves Santo|Corpus Christi|Domingo de Ramos",
}  # fmt: skip


def number(lang: str, value: int, hyphen: str) -> str:
    """Return a number below 100 in words."""
    if value < len(ONES[lang]):
        return ONES[lang][value]
    tens, ones = divmod(value, 10)
    if not ones:
        return TENS[lang][tens]
    link = " y " if lang == "es" else hyphen
    return TENS[lang][tens] + link + ONES[lang][ones]


def ordinal(day: int, hyphen: str) -> str:
    """Return the English ordinal of a day."""
    if day <= 20:
        return ORDINALS[day]
    if day == 30:
        return "thirtieth"
    return ("twenty" if day < 30 else "thirty") + hyphen + ORDINALS[day % 10]


def year(chance: Random, lang: str, value: int, hyphen: str) -> str:
    """Return a year in words."""
    high, low = divmod(value, 100)
    if lang == "es":
        head = "dos mil" if high == 20 else "mil novecientos"
        return head + (f" {number(lang, low, hyphen)}" if low else "")
    if high == 20 and (low < 10 or chance.random() < 0.3):
        link = " and " if chance.random() < 0.5 else " "
        return "two thousand" + (link + number(lang, low, hyphen) if low else "")
    return f"{number(lang, high, hyphen)} " + (
        f"oh {ONES[lang][low]}" if low < 10 else number(lang, low, hyphen)
    )


def spelled(chance: Random, lang: str, on: date) -> str:
    """Return a date as people say it."""
    hyphen = chance.choice("- ")
    month = MONTHS[lang][on.month - 1]
    words = year(chance, lang, on.year, hyphen) if chance.random() < 0.5 else str(on.year)
    if chance.random() < 0.25:
        feast = chance.choice(FEASTS[lang].split("|"))
        return feast + ((" de " if lang == "es" else " ") + str(on.year) if chance.random() < 0.6 else "")  # fmt: skip
    if lang == "es":
        day = "primero" if on.day == 1 and chance.random() < 0.5 else number(lang, on.day, " ")
        return f"{day} de {month}" + (f" de {words}" if chance.random() < 0.5 else "")
    day = ordinal(on.day, hyphen)
    tail = chance.choice((" ", ", ")) + words if chance.random() < 0.5 else ""
    return chance.choice((f"{day} of {month}", f"{month} {day}", f"{month} the {day}", f"{day} {month}")) + tail  # fmt: skip


def old_age(chance: Random, lang: str) -> str:
    """Return an age of ninety or more, in digits or words, alone."""
    unit = chance.randint(0, 9)
    if chance.random() < 0.5:
        return str(90 + unit + (10 if chance.random() < 0.2 else 0))
    if lang == "en":
        return f"ninety{chance.choice('- ')}{NINE_EN[unit - 1]}" if unit else "ninety"
    return f"noventa y {NINE_ES[unit - 1]}" if unit else "noventa"


NINE_EN = "one two three four five six seven eight nine".split()  # noqa: SIM905
NINE_ES = "uno dos tres cuatro cinco seis siete ocho nueve".split()  # noqa: SIM905
