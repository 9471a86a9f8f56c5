"""The latent illness: severity day by day, relapses that come on over weeks, what the clinic sees.

Severity is on the scale of the PHQ-9 (0 to 27). It is a person's own residual level, plus an AR(1)
wave, plus an episode (`regime` 0 to 1) of their own height that builds up over two to three weeks,
stays for weeks and lifts over weeks, less what the treatment in force takes away.

Relapse in the year after remission is common and grows with residual symptoms and with the count
of earlier episodes (Rush et al. 2006, doi:10.1176/ajp.2006.163.11.1905; Burcusa and Iacono 2007,
doi:10.1016/j.cpr.2007.02.005). The longer somebody is well, the smaller the risk (Solomon et al.
2000, doi:10.1176/appi.ajp.157.2.229). Keeping on an antidepressant lowers the odds by about 70 %
(Geddes et al. 2003, doi:10.1016/S0140-6736(03)12599-8), of which a conservative half is used. The
PHQ-9's threshold of 10 is Kroenke et al. 2001 (doi:10.1046/j.1525-1497.2001.016009606.x).
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.simulate.chance import Topic, draws
from euthymia.simulate.people import Person
from euthymia.simulate.treatment import (
    Covariates,
    Treatment,
    choose,
    drug_of,
    hold,
    true_effects,
)

DAILY_HAZARD: Final = 0.0097
"""Of a relapse on a first day spent well, before the person's own factors. Chosen so that about
35 % of people relapse in 120 days and 45 % in 180: a clinic of people at high risk."""
SAFER_DAYS: Final = 150.0
WELL_DAYS: Final = 14
LEAD_DAYS: Final = 10
ITEM_LOAD: Final = np.array([1.1, 1.15, 1.2, 1.25, 0.95, 1.05, 0.95, 0.75, 0.3])


@dataclass(frozen=True, slots=True)
class Traits:
    """What is a person's own about their illness."""

    residual: float
    height: float
    frailty: float
    starts_ill: bool
    vanishes: float
    medication_kept: bool
    admitted: float
    conditions: tuple[str, ...]
    covariates: Covariates
    effects: dict[str, float]
    behaviour: dict[str, float]


@dataclass(frozen=True, slots=True)
class Relapse:
    """Study days: first sign, half of full height (the onset), below half again (the end)."""

    prodrome: int
    onset: int
    end: int


@dataclass(slots=True)
class Course:
    """How it went: arrays over study days, and what happened on some of them."""

    severity: NDArray[np.float64]
    regime: NDArray[np.float64]
    burden: NDArray[np.float64]
    relapses: list[Relapse] = field(default_factory=list)
    questionnaires: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    visits: list[int] = field(default_factory=list)
    missed_visits: list[int] = field(default_factory=list)
    treatments: list[Treatment] = field(default_factory=list)
    admissions: list[tuple[int, int]] = field(default_factory=list)


BEHAVIOURS: Final = (
    "activity", "rhythm", "fragmentation", "sleep_shift", "sleep_length", "sleep_irregular",
    "night_screen", "mobility", "calls", "rmssd",
)  # fmt: skip


def draw_traits(rng: np.random.Generator, person: Person) -> Traits:
    """Return a person's traits: risk, height of episodes, effects, and which behaviours change."""
    severe = person.site.severe
    prior = int(rng.poisson(1.8 + severe))
    residual = float(np.clip(rng.gamma(4.0, 1.0) + 0.5 * severe, 0.5, 8.0))
    height = float(np.clip(rng.normal(11.5 + severe, 2.0), 7, 18))
    who = Covariates(
        age=person.age,
        anxiety=bool(rng.random() < 0.45),
        insomnia=bool(rng.random() < 0.35),
        adversity=bool(rng.random() < 0.3),
        prior_episodes=prior,
        severity=height,
    )
    frailty = 0.30 * (residual - 4) + 0.30 * (min(prior, 6) - 2) + 0.1 * severe
    frailty += 0.35 * who.anxiety + rng.normal(0, 0.45)
    return Traits(
        residual=residual,
        height=height,
        frailty=float(frailty),
        starts_ill=bool(rng.random() < 0.25),
        vanishes=float(rng.gamma(1.6, 0.6)),
        medication_kept=bool(rng.random() < 0.7),
        admitted=float(np.clip(0.1 + 0.03 * (height - 11), 0.02, 0.4)),
        conditions=_comorbid(rng, who, person.age),
        covariates=who,
        effects=true_effects(rng, who),
        behaviour=_behaviour(rng),
    )


def _behaviour(rng: np.random.Generator) -> dict[str, float]:
    """Return how far each behaviour follows the illness: not at all in a fifth of people."""
    changed = rng.random(len(BEHAVIOURS)) < 0.78
    size = rng.gamma(4.0, 0.25, len(BEHAVIOURS))
    weights = np.where(changed, size, 0.0)
    signs = np.ones(len(BEHAVIOURS))
    signs[BEHAVIOURS.index("sleep_shift")] = 1 if rng.random() < 0.75 else -1
    signs[BEHAVIOURS.index("sleep_length")] = -1 if rng.random() < 0.6 else 1
    return {n: round(float(w), 3) for n, w in zip(BEHAVIOURS, weights * signs, strict=True)}


def _comorbid(rng: np.random.Generator, who: Covariates, age: int) -> tuple[str, ...]:
    found = ["anxiety"] * who.anxiety + ["insomnia"] * who.insomnia + ["ptsd"] * who.adversity
    likely = {
        "hypertension": 0.05 + max(0, age - 35) * 0.009,
        "diabetes": 0.03 + max(0, age - 40) * 0.004,
        "hypothyroidism": 0.06,
        "migraine": 0.12,
        "asthma": 0.1,
        "pain": 0.15,
        "alcohol": 0.08,
    }
    return (*found, *(name for name, p in likely.items() if rng.random() < p))


def live(seed: int, person: Person, days: int) -> tuple[Traits, Course]:
    """Return a person's traits and the course of their illness over the study."""
    rng = draws(seed, person.index, Topic.ILLNESS)
    traits = draw_traits(rng, person)
    walker = _Walker(rng, traits, days)
    for day in range(days):
        walker.step(day)
    course = walker.course
    course.burden = burden_of(course, traits)
    course.relapses = relapses_in(course.regime, traits.starts_ill)
    _admit(rng, traits, course, days)
    return traits, course


class _Walker:
    """Walks through the days: illness, questionnaires, visits and treatment act on each other."""

    def __init__(self, rng: np.random.Generator, traits: Traits, days: int) -> None:
        self._rng, self._traits, self._days = rng, traits, days
        self._wave = _waves(rng, days)
        self._regime = 1.0 if traits.starts_ill else 0.0
        self._state = "ill" if traits.starts_ill else "well"
        self._left = int(rng.lognormal(np.log(24), 0.5)) if traits.starts_ill else 0
        self._slope = 0.0
        self._well = int(rng.integers(10, 120)) if not traits.starts_ill else 0
        self._phq_day = int(rng.integers(0, 7))
        self._visit_day = int(rng.integers(0, 14))
        self._wait = 0
        self._tried: list[str] = []
        self._current: tuple[str, int] | None = None
        zeros = np.zeros(days)
        self.course = Course(zeros, zeros.copy(), zeros.copy())
        if not traits.starts_ill or rng.random() < 0.4:
            self._treat(-int(rng.integers(40, 200)))

    def step(self, day: int) -> None:
        """Live through one day."""
        self._move()
        effect = 0.0
        if self._current is not None and self._kept():
            kind, since = self._current
            effect = self._traits.effects[kind] * hold(day - since)
        severity = self._traits.residual + self._traits.height * self._regime
        severity += self._wave[day] - effect * self._regime
        self.course.severity[day] = np.clip(severity, 0, 27)
        self.course.regime[day] = self._regime
        self.course.burden[day] = np.clip(self._regime + 0.07 * self._wave[day], 0, 1.3)
        if day == self._phq_day:
            self._ask(day)
        if day == self._visit_day:
            self._visit(day)

    def _kept(self) -> bool:
        return self._traits.medication_kept or (self._current or ("", 0))[0] == "cbt"

    def _move(self) -> None:
        rng = self._rng
        chance, length = rng.random(), rng.random()
        if self._state == "well":
            self._well += 1
            kept = self._current is not None and self._kept()
            hazard = DAILY_HAZARD * np.exp(self._traits.frailty - self._well / SAFER_DAYS)
            hazard *= 0.65 if kept else 1.3
            if self._well >= WELL_DAYS and chance < hazard:
                self._state, self._slope = "ramp", 1 / (15 + 8 * length)
        elif self._state == "ramp":
            self._regime = min(1.0, self._regime + self._slope)
            if self._regime >= 1:
                self._state, self._left = "ill", int(18 + 38 * length)
        elif self._state == "ill":
            self._left -= 1
            if self._left <= 0:
                self._state, self._slope = "lift", 1 / (14 + 16 * length)
        else:
            self._regime = max(0.0, self._regime - self._slope)
            if self._regime <= 0:
                self._state, self._well = "well", 0

    def _comes(self, day: int, likely: float) -> bool:
        lost = 0.22 * self._traits.vanishes * self.course.burden[day]
        return bool(self._rng.random() < np.clip(likely - lost, 0.1, 1))

    def _ask(self, day: int) -> None:
        items = answer(self._rng, float(self.course.severity[day]))
        self._phq_day = day + int(self._rng.integers(12, 17))
        if not self._comes(day, 0.9):
            return
        self.course.questionnaires.append((day, items))
        if sum(items) >= 10 and self._visit_day > day + 7:
            self._visit_day = day + int(self._rng.integers(2, 7))

    def _visit(self, day: int) -> None:
        ill = self.course.severity[day] >= 10
        self._visit_day = day + int(
            self._rng.integers(12, 18) if ill else self._rng.integers(24, 40)
        )
        if not self._comes(day, 0.92):
            self.course.missed_visits.append(day)
            return
        self.course.visits.append(day)
        since = day - self._current[1] if self._current else 999
        if ill and since > 35:
            self._treat(day)

    def _treat(self, day: int) -> None:
        kind = choose(self._rng, self._traits.covariates, self._tried)
        if self._current is not None:
            last = self.course.treatments[-1]
            self.course.treatments[-1] = Treatment(last.kind, last.drug, last.start, day)
        self._tried.append(kind)
        self._current = (kind, day)
        drug = drug_of(self._rng, kind)
        self.course.treatments.append(Treatment(kind, drug, day, self._days))


def burden_of(course: Course, traits: Traits) -> NDArray[np.float64]:
    """Return what behaviour follows, 0 (well) to 1.3.

    Behaviour turns `LEAD_DAYS` before the person says so in a questionnaire, changes most at the
    beginning of an episode, and comes back only with the symptoms. Prodromes of depression vary
    in length from weeks on and are much the same in each of a person's episodes (Benasi et al.
    2021, doi:10.1159/000517953); that behaviour leads the questionnaire is an assumption.
    """
    regime = course.regime
    ahead = np.append(regime[LEAD_DAYS:], np.full(min(LEAD_DAYS, regime.size), regime[-1]))
    wave = (course.severity - traits.residual - traits.height * regime) * (regime == 0)
    level = np.maximum(regime, ahead[: regime.size]) ** 0.7
    return np.asarray(np.clip(level + 0.05 * wave, 0, 1.3), np.float64)


def _waves(rng: np.random.Generator, days: int) -> NDArray[np.float64]:
    """Return an AR(1) wave with a standard deviation of 1.2 points and a day-to-day r of 0.85."""
    noise = rng.normal(0, 1.2 * np.sqrt(1 - 0.85**2), days)
    out = np.empty(days)
    value = rng.normal(0, 1.2)
    for day in range(days):
        value = 0.85 * value + noise[day]
        out[day] = value
    return out


def answer(rng: np.random.Generator, severity: float) -> tuple[int, ...]:
    """Return the nine answers (0 to 3) of somebody at this severity.

    Item 9 has a low load: it stays 0 but for the severe. The sum follows `severity` with an error
    of about 1.7 points (the PHQ-9's own standard error of measurement is near 2).
    """
    load = ITEM_LOAD / ITEM_LOAD.sum() * 9
    occasion = rng.normal(0, 0.09)
    level = load * (severity / 9 + occasion) + rng.normal(0, 0.42, 9)
    level[8] -= 0.35
    return tuple(int(x) for x in np.clip(np.rint(level), 0, 3))


def relapses_in(regime: NDArray[np.float64], starts_ill: bool) -> list[Relapse]:
    """Return the relapses of a course: rises past one half, but not the episode of day 0."""
    high = np.concatenate([[starts_ill], regime >= 0.5, [False]])
    ups = np.flatnonzero(high[1:] & ~high[:-1])
    out = []
    for onset in ups[ups < regime.size]:
        falls = np.flatnonzero(~high[1 + onset : 1 + regime.size])
        end = int(onset + falls[0]) if falls.size else int(regime.size)
        quiet = np.flatnonzero(regime[:onset] <= 0)
        out.append(Relapse(int(quiet[-1]) + 1 if quiet.size else 0, int(onset), end))
    return out


def _admit(rng: np.random.Generator, traits: Traits, course: Course, days: int) -> None:
    for relapse in course.relapses:
        chance, wait, length = rng.random(), int(rng.integers(6, 20)), int(rng.integers(5, 15))
        day = relapse.onset + wait
        if chance < traits.admitted and day + length < min(days, relapse.end):
            course.admissions.append((day, day + length))
