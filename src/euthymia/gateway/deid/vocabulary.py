"""Words that tell what a name beside them is. All are folded: no case, no accents."""

from typing import Final

from euthymia.gateway.deid.lexicon.by_hand import words

TITLES: Final = words("titles")
STRONG_TITLES: Final = words("strong_titles")
RELATIONS: Final = words("relations")
SAYS: Final = words("says")
PARTICLES: Final = words("particles")
STREET_BEFORE: Final = words("street_before")
STREET_AFTER: Final = words("street_after")
HOSPITAL_WORDS: Final = words("hospital_words")
ORG_WORDS: Final = words("org_words")
ORG_TAILS: Final = words("org_tails")
WEEKDAYS: Final = words("weekdays")
NEVER_NAMES: Final = words("never_names")
DEMONYMS: Final = words("demonyms")
PEOPLES: Final = words("peoples")
"""Of a people, region, faith or school: in English an ordinary word with a capital."""
PROFESSIONS: Final = words("professions")
REGIONS: Final = words("regions")
ADDRESS_UNITS: Final = words("address_units")
LABEL_WORDS: Final = words("label_words")
NOT_NAMES: Final = words("not_names")
WEAK_STREET_WORDS: Final = words("weak_street_words")
MEASURES: Final = words("measures")
SHORT_NAMES: Final = words("short_names")


def numbered(*lists: str) -> dict[str, int]:
    """Return each word of the lists with its place in its list, from 1 on."""
    return {month: n for months in lists for n, month in enumerate(months.split(), 1)}


MONTHS: Final = numbered(
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "ene feb mar abr may jun jul ago sep oct nov dic",
) | {"sept": 9, "setiembre": 9}
