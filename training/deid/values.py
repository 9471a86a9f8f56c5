"""Values of the training text, in many written forms; each slot gives pieces (text, kind)."""

import string
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from deid.firms import firm, new_drug, username
from deid.lists import (
    ACCOUNTS,
    CALLE_NAMES,
    CALLES,
    CARMEN,
    CHURCHES,
    COUNTRIES,
    DATES,
    EMPLOYERS,
    HOSPITALS,
    IDS,
    JOBS,
    MAIL_HOSTS,
    MONTHS,
    MRNS,
    PHONES,
    PLATES,
    POSTCODES,
    SCHOOLS,
    STATES,
    STREET_NAMES,
    STREET_TYPES,
    TOWNS,
)
from deid.names import Names
from deid.spelled import old_age, spelled

Piece = tuple[str, str | None]


class Values:
    """Draws values for one text; the people keep their names through it."""

    def __init__(
        self, chance: Random, lang: str, names: Names, words: dict[str, list[str]]
    ) -> None:
        self.chance, self.lang, self.names, self.words = chance, lang, names, words
        self.origin = names.origin(chance, lang)
        self.people: dict[str, tuple[str, str]] = {}
        self.family_first = self.origin in {"chinese", "korean", "vietnamese", "jp", "hungarian"}

    def pick(self, options: str) -> str:
        """Return one of `a|b|c`."""
        return self.chance.choice(options.split("|"))

    def digits(self, pattern: str) -> str:
        """Return the pattern with digits for # and capital letters for @."""
        draw = {"#": string.digits, "@": string.ascii_uppercase}
        return "".join(self.chance.choice(draw.get(sign, sign)) for sign in pattern)

    def person(self, key: str) -> tuple[str, str]:
        """Return the given and family name of one of the people of the text."""
        if key not in self.people:
            origin = (
                self.origin
                if self.chance.random() < 0.6
                else self.names.origin(self.chance, self.lang)
            )
            given = self.names.given(self.chance, origin)
            family = self.names.family(self.chance, origin)
            draw = self.chance.random()
            if draw < (0.5 if origin == "hispanic" else 0.07):
                family += self.pick(" |-| | | y ") + self.names.family(self.chance, origin)
            if self.chance.random() < (0.2 if origin == "hispanic" else 0.05):
                given += self.pick(" |-| ") + self.names.given(self.chance, origin)
            if self.chance.random() < 0.04:
                family = (
                    self.pick("de |van |von |del |de la |al-|bin |O'|Mc|Di |El |ben |Abu ") + family
                )
            self.people[key] = (given, family)
        return self.people[key]

    def name(self, key: str, form: str) -> Sequence[Piece]:
        """Return a person's name in one form; without one in any."""
        given, family = self.person(key)
        chance = self.chance
        if form == "full" and self.family_first and chance.random() < 0.5:
            return ((f"{family} {given}", "PERSON"),)
        if form == "any":
            form = chance.choices(
                [
                    "full",
                    "comma",
                    "init",
                    "caps",
                    "middle",
                    "given",
                    "family",
                    "initials",
                    "capsfam",
                    "titled",
                ],
                [10, 3, 2, 2, 2, 2, 2, 0.6, 1, 1],
            )[0]
        letter = chance.choice("ABCDEFGHJKLMNPRSTVW")
        match form:
            case "title":
                title = (
                    "Dr. |Dr |Prof. |Dr. |Professor |Nurse |Mr. |Ms |Mrs |Miss |Mrs. |Mr |Sir |nurse |doctor |Sister "
                    if self.lang == "en"
                    else (
                        "Dr. |Dra. |Dr |Dra |doctor |doctora |Prof. |Sr. |Sra. |D. |Dña. |enfermera |señora |señor |señorita |don |doña |el doctor |la doctora |la señora |el señor "
                    )
                )
                shown = family if chance.random() < 0.7 else f"{given} {family}"
                return ((self.pick(title), None), (shown, "PERSON"))
            case "titled":
                title = (
                    "Mr. |Mrs. |Ms |Dr. |Miss |Mx "
                    if self.lang == "en"
                    else "Sr. |Sra. |D. |Dª |Srta. "
                )
                return ((self.pick(title), None), (family, "PERSON"))
            case "given" | "family":
                return ((given if form == "given" else family, "PERSON"),)
        written = {
            "full": f"{given} {family}",
            "comma": f"{family}, {given}" + (f" {letter}." if chance.random() < 0.2 else ""),
            "init": self.pick(
                f"{given[0]}. {family}|{given[0]} {family}|{given} {family[0]}.|{given[0]}.{letter}. {family}"
            ),
            "caps": f"{given} {family}".upper()
            if chance.random() < 0.7
            else f"{family}, {given}".upper(),
            "middle": self.pick(f"{given} {letter}. {family}|{given} {letter} {family}"),
            "initials": self.pick(
                f"{given[0]}.{family[0]}.|{given[0]}.{letter}.{family[0]}.|{given[0]}{family[0]}".upper()
            ),
            "capsfam": self.pick(
                f"{family.upper()} {given}|{given} {family.upper()}|{family} {given}"
            ),
        }
        return ((written[form], "PERSON"),)

    def named(self, patterns: str) -> str:
        """Return a pattern with {T} a town, {F} a family, {G} a given name."""
        made = self.pick(patterns)
        while "{" in made:
            made = made.replace("{T}", self.town(), 1)
            made = made.replace("{F}", self.names.family(self.chance, self.some_origin()), 1)
            made = made.replace("{G}", self.names.given(self.chance, self.some_origin()), 1)
            made = made.replace("{C}", self.pick(CARMEN), 1)
        return made

    def some_origin(self) -> str:
        """Return an origin for a thing named after a person."""
        return self.names.origin(self.chance, self.lang)

    def code(self) -> str:
        """Return a number of one to three groups of digits and letters, as no list foresees."""
        chance = self.chance
        groups = []
        for _ in range(chance.choice((1, 1, 2, 2, 3))):
            size = chance.randint(2, 8)
            sign = chance.choice("###@")
            group = sign * size
            if chance.random() < 0.3:
                group = "@" * chance.randint(1, 3) + "#" * size
            groups.append(group)
        if not any("#" in group for group in groups):
            groups.append("####")
        return self.digits(chance.choice(("-", "/", "-", ".", "", " ")).join(groups))

    def town(self) -> str:
        """Return a town: known, or an invented or family-like name."""
        draw = self.chance.random()
        if draw < 0.6:
            return self.pick(TOWNS[self.lang])
        base = self.names.inventors[self.chance.choice(self.names.origins[:20])][1].word(
            self.chance
        )
        if self.lang == "es":
            return (
                self.pick(
                    "San |Villa|Villanueva de |Puerto |Torre|||Alcalá de |El |Castro |Santa |"
                )
                + base
            )
        return (
            self.pick("|||North |Port |New |Fort |St. |Lake ||")
            + base
            + self.pick("||ton|ville| City|ham| Falls|ford|")
        )

    def date(self, on: date | None = None) -> str:
        """Return a date in any form."""
        on = on or date(2012, 1, 1) + timedelta(days=self.chance.randrange(365 * 14))
        if self.chance.random() < 0.1:
            return spelled(self.chance, self.lang, on)
        forms = DATES[self.lang].split("|")
        shape = self.chance.choice(forms[0].split(" ") + forms[1:])
        month = MONTHS[self.lang].split()[on.month - 1]
        if self.lang == "es" and self.chance.random() < 0.15:
            month = month.capitalize()
        return shape.format(
            d=on.day, m=on.month, Y=on.year, y=f"{on:%y}", d0=f"{on:%d}", m0=f"{on:%m}",
            Month=month, Mon=month[:3], wd=f"{on:%A}",
        )  # fmt: skip

    def birth(self) -> date:
        """Return a day of birth."""
        return date(1930, 1, 1) + timedelta(days=self.chance.randrange(365 * 85))

    def street(self) -> str:
        """Return a street with its number."""
        chance, n = (
            self.chance,
            str(self.chance.randint(1, 9999 if self.chance.random() < 0.3 else 250)),
        )
        if self.lang == "es":
            what = self.pick(CALLES) + " "
            who = (
                self.pick(CALLE_NAMES)
                if chance.random() < 0.5
                else self.named("{G} {F}|{F}|{T}|de {F}|San {G}|Doctor {F}")
            )
            flat = self.pick(
                f"||, {chance.randint(1, 9)}º {self.pick('A|B|C|D|izq.|dcha.')}| {chance.randint(1, 9)}-{chance.randint(1, 4)}"
                f"|, bajo|, {chance.randint(1, 9)} {self.pick('A|B|C')}|, piso {chance.randint(1, 9)}|, esc. 2, {chance.randint(1, 9)}º"
            )
            return (
                what
                + who
                + self.pick(
                    f", {n}| {n}|, nº {n}| nº{n}|, s/n| núm. {n}| #{n}-{chance.randint(1, 99)}"
                )
                + flat
            )
        name = (
            self.chance.choice(STREET_NAMES.split())
            if chance.random() < 0.4
            else self.named("{F}|{F}|{G}|{T}")
        )
        kind = chance.choice(STREET_TYPES.split())
        flat = self.pick(
            f"||||, Apt {n[-1]}{self.pick('A|B|C')}| Apt. {n}| Suite {n}|, Unit {n[-1]}| #{n[-1]}|, Flat {n[-1]}"
        )
        return self.pick(
            f"{n} {name} {kind}{flat}|{n} {name} {kind}{flat}|{n}{self.pick('a|b')} {name} {kind}|{n}, {name} {kind}"
            f"|PO Box {n}|Flat {n[-1]}, {n} {name} {kind}|{n} {self.pick('N|S|E|W|North|SW')} {name} {kind}{flat}|{name}strasse {n}"
            f"|Unit {n} Box {n}|{n} {name}gatan {n[-1]}|{n} {name} {kind}{flat}|rue {name} {n}|{n} Via {name} {n}"
        )

    def _mail(self) -> str:
        given, family = self.person(self.chance.choice("pro"))
        user = self.pick(
            f"{given}.{family}|{given[0]}{family}|{given}{self.digits('##')}|{family}_{given}|{family}{self.digits('####')}|dr{family}|{given}-{family}|{self.names.given(self.chance, 'anglo')}.{self.digits('##')}"
        )
        user = (
            "".join(c for c in user.lower() if c.isascii() and (c.isalnum() or c in "._-"))
            or "info"
        )
        host = self.chance.choice(MAIL_HOSTS.split())
        if self.chance.random() < 0.4:
            host = self.digits(self.pick("@@@@@|@@@.@@@@|@@@@-@@@|@@@@@@@@|mail.@@@@@")).lower()
            host += self.pick(".org|.com|.es|.edu|.net|.co.uk|.mx|.gov|.example|.de|.info|.ac.uk")
        return f"{user}@{host}"

    def _url(self) -> str:
        word = "".join(
            c for c in self.names.family(self.chance, "anglo") if c.isascii() and c.isalnum()
        )
        return self.pick(
            f"http://www.{word}.com|https://{word.lower()}.org/{self.digits('###')}|www.{word.lower()}.net|https://www.{word}Insider.es/|{word.lower()}.blog.com|facebook.com/{word.lower()}"
        )

    def pieces(self, slot: str) -> Sequence[Piece]:
        """Return the pieces of one slot."""
        key, _, form = slot.partition(".")
        if key in {"p", "d", "d2", "r", "o", "o2"}:
            return self.name(key, form or "any")
        if key in {"label", "wholabel", "datelabel"}:
            label = self.chance.choice(self.words[key])
            return ((self.pick(f"{label}|{label}|{label.upper()}|{label.lower()}"), None),)
        if key == "neg":
            return ((self.plain(), None),)
        if key in self.words:
            return ((self.chance.choice(self.words[key]), None),)
        return self._value(key)

    def _value(self, key: str) -> Sequence[Piece]:
        chance, lang = self.chance, self.lang
        if key in IDS or key == "mrn":
            if chance.random() < 0.3:
                return ((self.code(), "ID"),)
            return ((self.digits(self.pick(MRNS if key == "mrn" else IDS[key])), "ID"),)
        match key:
            case "date":
                return ((self.date(), "DATE"),)
            case "dob":
                return ((self.date(self.birth()), "DATE"),)
            case "isodate":
                return ((f"{self.birth():%Y-%m-%d}", "DATE"),)
            case "dob8":
                return ((f"{self.birth():%Y%m%d}", "DATE"),)
            case "monthyear":
                month = chance.choice(MONTHS[lang].split())
                year = chance.randint(1990, 2026)
                if lang == "es":
                    return (
                        (
                            self.pick(
                                f"{month} de {year}|{month} del {year}|{month} {year}|{month[:3]}-{year}|{chance.randint(1, 12)}/{year}"
                            ),
                            "DATE",
                        ),
                    )
                return (
                    (
                        self.pick(
                            f"{month} {year}|{month[:3]} {year}|{month} of {year}|{chance.randint(1, 12)}/{year}"
                        ),
                        "DATE",
                    ),
                )
            case "time":
                return (
                    (
                        self.pick(
                            f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}|{chance.randint(1, 12)} pm|{chance.randint(0, 23)}h"
                        ),
                        None,
                    ),
                )
            case "phone":
                forms = PHONES[lang if chance.random() < 0.85 else "en"].split("|")
                return ((self.digits(chance.choice(forms[0].split() + forms[1:])), "PHONE"),)
            case "email":
                return ((self._mail(), "EMAIL"),)
            case "url":
                return ((self._url(), "URL"),)
            case "ip":
                return (
                    (
                        self.pick(
                            f"192.168.{chance.randint(0, 255)}.{chance.randint(0, 255)}|{chance.randint(11, 200)}.{chance.randint(0, 255)}.{chance.randint(0, 255)}.{chance.randint(0, 255)}|fe80::{chance.randint(4096, 65535):x}:1"
                        ),
                        "IP",
                    ),
                )
        return self._number(key)

    def _number(self, key: str) -> Sequence[Piece]:
        chance = self.chance
        match key:
            case "account":
                return ((self.digits(self.pick(ACCOUNTS)), "ACCOUNT"),)
            case "plate":
                return ((self.digits(self.pick(PLATES)), "VEHICLE"),)
            case "coords":
                return (
                    (
                        self.pick(
                            f"{chance.uniform(-80, 80):.5f}, {chance.uniform(-170, 170):.5f}|{chance.uniform(10, 60):.4f} N {chance.uniform(1, 120):.4f} W"
                        ),
                        "COORDINATES",
                    ),
                )
            case "username":
                return ((username(self, *self.person(chance.choice("prod"))), "USERNAME"),)
            case "handle":
                word = self.names.given(chance, "anglo").lower().replace(" ", "")
                return (
                    (
                        self.pick(
                            f"@{word}{self.digits('##')}|{word}_{self.digits('##')}|@{word}_real|{word}{self.digits('####')}|@the{word}"
                        ),
                        "USERNAME",
                    ),
                )
        return self._place(key)

    def _place(self, key: str) -> Sequence[Piece]:
        lang = self.lang
        match key:
            case "street":
                return ((self.street(), "ADDRESS"),)
            case "addr":
                return self._address()
            case "postcode":
                return ((self.digits(self.pick(POSTCODES[lang])), "POSTCODE"),)
            case "town":
                return ((self.town(), "LOCATION"),)
            case "state":
                return ((self.pick(STATES[lang]), "LOCATION"),)
            case "country":
                return ((self.pick(COUNTRIES[lang]), "COUNTRY"),)
            case "job":
                return ((self.pick(JOBS[lang]), "PROFESSION"),)
        return self._institution(key)

    def _institution(self, key: str) -> Sequence[Piece]:
        """Return a place of care or an organisation: one of the lists, or a new one."""
        lang = self.lang
        listed = {"employer": EMPLOYERS, "school": SCHOOLS, "church": CHURCHES}
        new = self.chance.random() < 0.6
        match key:
            case "hospital":
                return ((firm(self, "care") if new else self.named(HOSPITALS[lang]), "HOSPITAL"),)
            case "lab" | "insurer" | "pharmacy":
                return ((firm(self, key), "ORGANISATION"),)
            case "employer" | "school" | "church":
                name = firm(self, key) if new else self.named(listed[key][lang])
                return ((name, "ORGANISATION"),)
        return self._word(key)

    def _word(self, key: str) -> Sequence[Piece]:
        chance = self.chance
        match key:
            case "age":
                return self._age()
            case "old":
                return ((old_age(chance, lang=self.lang), "AGE"),)
            case "n":
                return ((str(chance.randint(1, 30)), None),)
            case "neg2":
                count = chance.randint(2, 5)
                return ((" ".join(self.plain() for _ in range(count)), None),)
            case "lowverb":
                return ((chance.choice(self.words["verb"]).lower(), None),)
            case "lowwords":
                return ((self._plain_words().lower(), None),)
            case "words":
                return ((self._plain_words(), None),)
            case "newdrug":
                return ((new_drug(self), None),)
            case "year":
                return ((str(chance.randint(1950, 2026)), None),)
            case "code":
                return ((self.code(), "ID"),)
            case "eponym":
                return ((self.names.family(chance, self.some_origin()), None),)
        raise KeyError(key)

    def plain(self) -> str:
        """Return a sentence without identifiers, at times with other small words put in."""
        chance = self.chance
        sentence = chance.choice(self.words["neg_more" if chance.random() < 0.15 else "neg"])
        if chance.random() < 0.35:
            words = sentence.split(" ")
            for _ in range(chance.randint(1, 3)):
                at = chance.randrange(len(words))
                if words[at].isalpha() and words[at].islower() and len(words[at]) > 2:
                    words[at] = chance.choice(self.words["common"])
                elif at == 0 and words[0].isalpha() and words[0][1:].islower():
                    words[0] = chance.choice(self.words["common"]).capitalize()
            sentence = " ".join(words)
        return sentence

    def _plain_words(self) -> str:
        words = [self.chance.choice(self.words["common"]) for _ in range(self.chance.randint(1, 9))]
        draw = self.chance.random()
        if draw < 0.3:
            words = [word.capitalize() for word in words]
        elif draw < 0.7:
            words[0] = words[0].capitalize()
        return " ".join(words)

    def _age(self) -> Sequence[Piece]:
        years = self.chance.randint(1, 99)
        if self.lang == "en":
            return ((str(years), "AGE"),)
        return (
            (
                self.pick(
                    f"{years} años|{years} años|{years} años de edad|{max(2, years // 3)} meses|{years}a"
                ),
                "AGE",
            ),
        )

    def _address(self) -> Sequence[Piece]:
        street, town = (self.street(), "ADDRESS"), (self.town(), "LOCATION")
        code = (self.digits(self.pick(POSTCODES[self.lang])), "POSTCODE")
        state = (self.pick(STATES[self.lang]), "LOCATION")
        comma = (self.pick(", |, |\n| , |. "), None)
        if self.lang == "es":
            shapes = [
                [street, comma, code, (" ", None), town],
                [street, comma, town],
                [street, comma, code, (" ", None), town, (" (", None), state, (")", None)],
                [street, (" - ", None), code, (" ", None), town],
            ]
        else:
            shapes = [
                [street, comma, town],
                [street, comma, town, (", ", None), state, (" ", None), code],
                [street, comma, town, (" ", None), code],
                [street],
            ]
        return self.chance.choice(shapes)
