"""Who comes to the clinic: identity, demographics, devices, consents, routines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from euthymia.simulate import names
from euthymia.simulate.chance import Topic, draws, scramble
from euthymia.simulate.places import SITES, Point, Site, nearby, somewhere
from euthymia.simulate.profile import Profile

PURPOSES: Final = ("care", "monitoring", "research", "training")

SKIN_LOSS: Final = {"2054-5": 1.35, "2131-1": 1.12, "2028-9": 1.05, "2106-3": 1.0}
"""How much more of the optical pulse is lost, by race as a rough proxy of skin tone. Fallow et al.
2013 (doi:10.5664/jcsm.2840) found weaker signals on dark skin; Bent et al. 2020
(doi:10.1038/s41746-020-0226-6) found no difference at rest. An assumption that audits must see."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What names a person in a note or a record."""

    mrn: str
    given: str
    family: str
    phone: str
    email: str
    street: str
    city: str
    region: str
    postcode: str
    country: str
    relation: str
    relative: str
    employer: str
    clinician: int
    birth_date: date


@dataclass(frozen=True, slots=True)
class ConsentDecision:
    """A consent given or withdrawn on a study day (negative: before the first day)."""

    day: int
    permit: bool
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Routine:
    """How a person lives when well. Hours are local clock hours; sleep starts may exceed 24."""

    works: bool
    work_start_h: float
    work_end_h: float
    workdays: tuple[bool, ...]
    sleep_start_h: float
    sleep_length_h: float
    sleep_jitter_h: float
    weekend_shift_h: float
    activity: float
    restless: float
    outings: float
    screen_per_h: float
    night_screen: float
    calls_per_day: float
    contacts: int
    heart_rate: float
    rmssd_ms: float


@dataclass(frozen=True, slots=True)
class Devices:
    """What a person is recorded with, under which id."""

    phone: str | None
    ios: bool
    beiwe: str
    aware: str
    actigraph: str | None
    empatica: str | None
    beat_loss: float
    gps_error_m: float


@dataclass(frozen=True, slots=True)
class Person:
    """One person: everything but the illness."""

    index: int
    site: Site
    sex: str
    age: int
    race: str
    hispanic: bool
    language: str
    identity: Identity
    home: Point
    work: Point
    thirds: tuple[Point, ...]
    clinic: Point
    routine: Routine
    devices: Devices
    consents: tuple[ConsentDecision, ...]

    @property
    def monitored_until(self) -> int | None:
        """The study day on which the consent for monitoring was withdrawn; -1: never given."""
        granted = any(c.permit and "monitoring" in c.purposes for c in self.consents)
        ends = [c.day for c in self.consents if not c.permit and "monitoring" in c.purposes]
        return (ends[0] if ends else None) if granted else -1


def draw_person(seed: int, index: int, profile: Profile, start: date, days: int) -> Person:
    """Return person number `index` of the clinic `seed`."""
    rng = draws(seed, index, Topic.PERSON)
    site = SITES[rng.choice(len(SITES), p=[s.weight for s in SITES])]
    sex = "female" if rng.random() < 0.62 else "male"
    age = int(np.clip(rng.normal(site.mean_age, 13), 18, 84))
    race, language = _weighted(rng, site.races), _weighted(rng, site.languages)
    hispanic = bool(rng.random() < (0.85 if language == "es" else site.hispanic))
    identity = _identity(rng, seed, index, site, sex, start, age)
    home = somewhere(site.city, rng)
    return Person(
        index=index,
        site=site,
        sex=sex,
        age=age,
        race=race,
        hispanic=hispanic,
        language=language,
        identity=identity,
        home=home,
        work=nearby(home, rng, 6.0),
        thirds=tuple(nearby(home, rng, 2.5) for _ in range(int(rng.integers(3, 8)))),
        clinic=site.city.centre,
        routine=_routine(rng, age),
        devices=_devices(rng, seed, index, site, race, age, profile),
        consents=_consents(rng, days),
    )


def _weighted(rng: np.random.Generator, options: Sequence[tuple[str, float]]) -> str:
    weights = np.array([w for _, w in options])
    return options[int(rng.choice(len(options), p=weights / weights.sum()))][0]


def _pick(rng: np.random.Generator, words: Sequence[str]) -> str:
    return words[int(rng.integers(len(words)))]


def _identity(
    rng: np.random.Generator, seed: int, index: int, site: Site, sex: str, start: date, age: int
) -> Identity:
    given = _pick(rng, names.WOMEN if sex == "female" else names.MEN)
    family = _pick(rng, names.FAMILIES)
    relation, gender = names.RELATIVES[int(rng.integers(len(names.RELATIVES)))]
    kin = family if rng.random() < 0.6 else _pick(rng, names.FAMILIES)
    line = int(rng.integers(100, 200))
    phone = f"({line + 500}) 555-0{rng.integers(100, 200)}"
    if site.city.country == "GB":
        phone = f"020 7946 0{rng.integers(100, 1000)}"
    plain = family.lower().replace("'", "")
    forms = (f"{given.lower()}.{plain}", f"{given[0].lower()}{plain}", f"{plain}_{given.lower()}")
    return Identity(
        mrn=f"{site.code}{1_000_000 + scramble(index, seed, 1, 9_000_000)}",
        given=given,
        family=family,
        phone=phone,
        email=f"{_pick(rng, forms)}{rng.integers(1, 99)}@{_pick(rng, names.MAIL_DOMAINS)}",
        street=f"{rng.integers(1, 240)} {_pick(rng, names.STREETS)}",
        city=site.city.name,
        region=site.city.region,
        postcode=f"{site.city.postcode}{rng.integers(10, 99)}",
        country=site.city.country,
        relation=relation,
        relative=f"{_pick(rng, names.WOMEN if gender == 'f' else names.MEN)} {kin}",
        employer=_pick(rng, names.EMPLOYERS),
        clinician=int(rng.integers(3)),
        birth_date=start - timedelta(days=int(age * 365.25 + rng.integers(1, 364))),
    )


def _routine(rng: np.random.Generator, age: int) -> Routine:
    works = bool(rng.random() < (0.66 if age < 65 else 0.15))
    late_shift = bool(rng.random() < 0.08)
    begin = float(rng.normal(8.7, 0.7)) + (6.0 if late_shift else 0.0)
    workdays = np.arange(7) < 5
    if rng.random() < 0.2:
        workdays = rng.permutation(workdays)
    return Routine(
        works=works,
        work_start_h=begin,
        work_end_h=begin + float(np.clip(rng.normal(8.3, 1.0), 4, 11)),
        workdays=tuple(bool(d) for d in workdays),
        sleep_start_h=float(rng.normal(23.4, 0.8)) - (age - 40) * 0.015 + 2.5 * late_shift,
        sleep_length_h=float(np.clip(rng.normal(7.5, 0.7), 5.5, 9.5)),
        sleep_jitter_h=float(np.exp(rng.normal(np.log(0.55), 0.35))),
        weekend_shift_h=float(np.clip(rng.normal(0.7, 0.5), -0.3, 2.0)),
        activity=float(np.exp(rng.normal(np.log(190), 0.28) - (age - 40) * 0.004)),
        restless=float(np.clip(rng.normal(0.055, 0.018), 0.02, 0.12)),
        outings=float(np.clip(rng.normal(0.55, 0.18), 0.1, 0.95)),
        screen_per_h=float(np.exp(rng.normal(np.log(3.0), 0.4) - (age - 40) * 0.008)),
        night_screen=float(np.exp(rng.normal(np.log(0.05), 0.6))),
        calls_per_day=float(np.exp(rng.normal(np.log(3.0), 0.5))),
        contacts=int(rng.integers(6, 30)),
        heart_rate=float(rng.normal(62, 6.5)),
        rmssd_ms=float(np.exp(rng.normal(np.log(34), 0.38) - (age - 40) * 0.012)),
    )


def _devices(
    rng: np.random.Generator,
    seed: int,
    index: int,
    site: Site,
    race: str,
    age: int,
    profile: Profile,
) -> Devices:
    phone, wearable, physiology = rng.random(3)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    wears = wearable < profile.wearable_share
    return Devices(
        phone=site.phone_system if phone < profile.phone_share else None,
        ios=bool(rng.random() < site.ios_share),
        beiwe=_spelled(scramble(index, seed, 2, 36**8), letters[:36], 8),
        aware=_spelled(scramble(index, seed, 3, 36**10), letters, 10),
        actigraph=f"AW{100_000 + scramble(index, seed, 4, 900_000)}" if wears else None,
        empatica=f"E4-{1000 + scramble(index, seed, 5, 9_000_000):07d}"
        if wears and physiology < profile.physiology_share
        else None,
        beat_loss=site.beat_loss * SKIN_LOSS[race] * (1 + max(0, age - 60) * 0.01),
        gps_error_m=site.gps_error_m * float(np.exp(rng.normal(0, 0.25))),
    )


def _spelled(number: int, letters: str, width: int) -> str:
    out = ""
    for _ in range(width):
        number, digit = divmod(number, len(letters))
        out = letters[digit] + out
    return out


def _consents(rng: np.random.Generator, days: int) -> tuple[ConsentDecision, ...]:
    """Most people grant everything; some only care or no research; a few withdraw midway."""
    kind, leave, when, what = rng.random(4)
    before = -int(rng.integers(1, 60))
    if kind < 0.05:
        return (ConsentDecision(before, permit=True, purposes=PURPOSES[:1]),)
    purposes = PURPOSES[:2] if kind < 0.15 else PURPOSES[:3] if kind < 0.2 else PURPOSES
    given = ConsentDecision(before, permit=True, purposes=purposes)
    if leave >= 0.05:
        return (given,)
    gone = purposes[1:] if what < 0.6 else tuple(p for p in purposes if p in PURPOSES[2:])
    if not gone:
        return (given,)
    day = int((0.25 + 0.6 * when) * days)
    return given, ConsentDecision(day, permit=False, purposes=gone)
