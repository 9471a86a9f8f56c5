"""People's names by origin for the training text: Faker's lists (MIT), lists by hand, and new ones.

Names that `euthymia.simulate` keeps for measuring are left out. A third of the drawn names are
invented, letter by letter, from the same origin, so that the tagger learns sentences and the look
of names and not a list.
"""

import importlib
import re
import tomllib
from collections import defaultdict
from pathlib import Path
from random import Random

from euthymia.simulate import clinical_text

FAKER_ORIGINS = {
    "anglo": "en_US en_GB en_IE en_NZ en",
    "hispanic": "es_ES es_MX es_CO es_AR es_CL es es_CA",
    "indian": "en_IN en_PK",
    "german": "de_DE de_AT de_CH",
    "french": "fr_FR fr_CH fr_CA fr_BE fr_QC",
    "italian": "it_IT",
    "portuguese": "pt_BR pt_PT",
    "dutch": "nl_NL nl_BE",
    "polish": "pl_PL",
    "czech": "cs_CZ sk_SK",
    "south_slavic": "sl_SI hr_HR",
    "hungarian": "hu_HU",
    "romanian": "ro_RO",
    "turkish": "tr_TR az_AZ uz_UZ",
    "nordic": "sv_SE no_NO da_DK fi_FI is_IS",
    "baltic": "et_EE lv_LV lt_LT",
    "irish": "ga_IE",
    "yoruba": "yo_NG ha_NG ig_NG en_NG",
    "ghanaian": "tw_GH",
    "east_african": "en_KE sw",
    "southern_african": "zu_ZA",
    "indonesian": "id_ID",
    "vietnamese": "vi_VN",
    "greek_script": "el_GR",
    "cyrillic": "ru_RU uk_UA bg_BG",
    "other_script": "ar_AA he_IL hi_IN fa_IR zh_CN ja_JP ko_KR",
}
RARE = {"words": 1.5, "greek_script": 0.25, "cyrillic": 0.25, "other_script": 0.2}
HAND = tomllib.loads((Path(__file__).parent / "names_by_hand.toml").read_text(encoding="utf-8"))


def held_out_words() -> frozenset[str]:
    """Return every part of the names that are kept for measuring, in small letters."""
    parts = set()
    for origin in clinical_text.origins():
        for names in clinical_text.names(origin):
            for name in names:
                parts.update((name.lower(), *re.split(r"[\s-]", name.lower())))
    return frozenset(part for part in parts if len(part) > 3)


def unseen(names: list[str], held: frozenset[str]) -> list[str]:
    """Return the names of which no part is kept for measuring."""
    return [n for n in names if not held & {n.lower(), *re.split(r"[\s-]", n.lower())}]


def _faker(locale: str) -> tuple[list[str], list[str]]:
    try:
        module = importlib.import_module(f"faker.providers.person.{locale}")
    except ModuleNotFoundError:
        return [], []
    given: set[str] = set()
    family: set[str] = set()
    for key in dir(module.Provider):
        value = getattr(module.Provider, key)
        if not isinstance(value, (dict, list, tuple)):
            continue
        words = [v for v in value if isinstance(v, str) and 1 < len(v) < 25 and "{" not in v]
        if re.fullmatch(r"(first_names|given_names)\w*", key):
            given.update(words)
        elif re.fullmatch(r"(unisex_)?(last_names|surnames|family_names)\w*", key):
            family.update(words)
    return sorted(given), sorted(family)


class Inventor:
    """Draws new words that look like those of a list: letters follow the two before them."""

    def __init__(self, words: list[str]) -> None:
        self.next: dict[str, list[str]] = defaultdict(list)
        for word in words:
            padded = f"\x02\x02{word}\x03"
            for at in range(2, len(padded)):
                self.next[padded[at - 2 : at]].append(padded[at])

    def word(self, chance: Random) -> str:
        """Return a new word of 3 to 14 letters."""
        for _ in range(20):
            state, made = "\x02\x02", ""
            while len(made) < 15:
                letter = chance.choice(self.next[state])
                if letter == "\x03":
                    break
                made += letter
                state = state[1] + letter
            if 3 <= len(made) <= 14:
                return made
        return "Anand"


class Names:
    """All origins and their names."""

    def __init__(self) -> None:
        held = held_out_words()
        self.lists: dict[str, tuple[list[str], list[str]]] = {}
        for origin, locales in FAKER_ORIGINS.items():
            given, family = set[str](), set[str]()
            for locale in locales.split():
                more_given, more_family = _faker(locale)
                given.update(more_given)
                family.update(more_family)
            self.lists[origin] = (sorted(given), sorted(family))
        for origin, hand in HAND.items():
            given, family = self.lists.get(origin, ([], []))
            self.lists[origin] = (given + hand["given"].split(), family + hand["family"].split())
        for origin, (given, family) in list(self.lists.items()):
            kept = tuple(unseen(part, held) for part in (given, family))
            if min(len(part) for part in kept) < 10:
                del self.lists[origin]
            else:
                self.lists[origin] = (kept[0], kept[1])
        self.inventors = {
            origin: (Inventor(given), Inventor(family))
            for origin, (given, family) in self.lists.items()
        }
        self.origins = list(self.lists)
        self.weights = [RARE.get(origin, 1.0) for origin in self.origins]
        for origin in ("anglo", "hispanic"):
            self.weights[self.origins.index(origin)] = 3.0

    def origin(self, chance: Random, lang: str) -> str:
        """Return an origin; the usual one of the language a third of the time."""
        if chance.random() < 0.3:
            return "hispanic" if lang == "es" else "anglo"
        return chance.choices(self.origins, self.weights)[0]

    def given(self, chance: Random, origin: str) -> str:
        """Return a given name."""
        if chance.random() < 0.3:
            return self.inventors[origin][0].word(chance)
        return chance.choice(self.lists[origin][0])

    def family(self, chance: Random, origin: str) -> str:
        """Return a family name."""
        if chance.random() < 0.35:
            return self.inventors[origin][1].word(chance)
        return chance.choice(self.lists[origin][1])
