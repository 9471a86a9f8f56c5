"""What a chart says at a moment: scores, diagnoses, what was tried and whether it helped.

Every value uses only what is dated at or before the moment. A diagnosis counts from its recorded
onset: where a clinic dates an onset back, what it knew then is less than what this shows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.ground.answers import yes_or_no
from euthymia.ground.clock import DAY_US, Micros
from euthymia.ground.codes import CSSRS_BEHAVIOUR, CSSRS_IDEATION, PHQ9_ITEMS
from euthymia.models import clinical, course
from euthymia.models.history import History
from euthymia.models.tasks.contract import Described, FeatureSpec

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

ANTIDEPRESSANTS: Final = frozenset(
    {
        "agomelatine", "amitriptyline", "bupropion", "citalopram", "clomipramine", "desipramine",
        "desvenlafaxine", "dosulepin", "doxepin", "duloxetine", "escitalopram", "fluoxetine",
        "fluvoxamine", "imipramine", "isocarboxazid", "levomilnacipran", "maprotiline",
        "mianserin", "milnacipran", "mirtazapine", "moclobemide", "nefazodone", "nortriptyline",
        "paroxetine", "phenelzine", "protriptyline", "reboxetine", "sertraline", "tranylcypromine",
        "trazodone", "trimipramine", "venlafaxine", "vilazodone", "vortioxetine",
    }
)  # fmt: skip
"""Names of ingredients, ATC group N06A."""
_AUGMENTING: Final = re.compile(r"(?i)\b(lithium|quetiapine|aripiprazole|olanzapine|lamotrigine)\b")
_WORD: Final = re.compile(r"[a-z]+")
_DIAGNOSES: Final = {
    "anxiety": r"anxiety disorder|panic disorder|phobi|\bF4[01]",
    "trauma": r"post.?traumatic|\bF43\.?1",
    "bipolar": r"bipolar|mani[ac]|\bF3[01]",
    "psychosis": r"schizo|psychos|psychotic|\bF2[0-9]",
    "substance": r"alcohol|opioid|cocaine|drug depend|substance|misuse|\bF1[0-9]",
    "insomnia": r"insomnia|\bG47\.?0|\bF51",
    "pain": r"chronic pain|migraine|fibromyalg|back pain",
    "attempt": (
        r"suicide attempt|attempted suicide|self.?(harm|inflicted|poison)|\bX[67][0-9]|T14\.91"
    ),
}
_TITLES: Final = {
    "anxiety": "Anxiety disorder",
    "trauma": "Posttraumatic stress disorder",
    "bipolar": "Bipolar disorder",
    "psychosis": "Psychotic disorder",
    "substance": "Substance use disorder",
    "insomnia": "Insomnia",
    "pain": "Chronic pain or migraine",
    "attempt": "Earlier suicide attempt or self-harm",
}
_CONDITION: Final = re.compile(r"^(SNOMED|ICD10|ICD10CM)/")
COURSE_DAYS: Final = 84  # a course is judged by the scores of its first twelve weeks
RESPONSE: Final = 0.5  # of the score at its start, at or below which a course has helped

SPECS: Final = (
    FeatureSpec("phq9.last", "Last PHQ-9", "{score}", 0, 27),
    FeatureSpec("phq9.slope_30d", "PHQ-9 trend", "{score}/(30.d)", -810, 810),
    FeatureSpec("phq9.age_days", "Days since the last PHQ-9", "d", 0, 36525),
    FeatureSpec("phq9.highest_180d", "Highest PHQ-9 in half a year", "{score}", 0, 27),
    FeatureSpec("phq9.item9", "Last answer on thoughts of death or self-harm", "{score}", 0, 3),
    FeatureSpec("phq9.item9_highest_180d", "Highest of these in half a year", "{score}", 0, 3),
    FeatureSpec("history.episodes", "Earlier episodes", "{episodes}", 0, 1000),
    FeatureSpec("history.admissions_1y", "Admissions within a year", "{stays}", 0, 400),
    *(FeatureSpec(f"dx.{name}", _TITLES[name], "1", 0, 1) for name in _DIAGNOSES),
    FeatureSpec("dx.count", "Distinct diagnoses", "{diagnoses}", 0, 2000),
    FeatureSpec("rx.tried", "Antidepressants tried before", "{drugs}", 0, 100),
    FeatureSpec("rx.helped", "Share of earlier courses that halved the PHQ-9", "1", 0, 1),
    FeatureSpec("rx.days_since_start", "Days since the last antidepressant began", "d", 0, 36525),
    FeatureSpec("rx.augmented", "Lithium or an antipsychotic ever", "1", 0, 1),
    FeatureSpec("person.age_years", "Age", "a", 0, 125),
    FeatureSpec("care.days", "Days in care", "d", 0, 45000),
    FeatureSpec("care.contacts_90d", "Contacts in 90 days", "{contacts}", 0, 2000),
)
NAMES: Final = tuple(spec.name for spec in SPECS)
SCORES: Final = tuple(name for name in NAMES if name.startswith("phq9."))


@dataclass(frozen=True, slots=True)
class Chart:
    """The dated entries of a chart, each in order of time."""

    drugs: tuple[tuple[Micros, str], ...]  # prescriptions of antidepressants, by ingredient
    augmented: Times
    diagnosed: dict[str, Times]
    conditions: tuple[tuple[Micros, str], ...]
    item9: tuple[Times, Floats]
    thoughts: Times
    attempts: Times

    def starts(self, quiet_days: int = 180) -> list[tuple[Micros, str]]:
        """Return when each drug was begun: not prescribed within `quiet_days` before."""
        last: dict[str, Micros] = {}
        found = []
        for at, drug in self.drugs:
            if drug not in last or at - last[drug] > quiet_days * DAY_US:
                found.append((at, drug))
            last[drug] = at
        return found


def _ingredient(words: str) -> str:
    """Return the antidepressant that a prescription names; empty where it names none."""
    return next((w for w in _WORD.findall(words.lower()) if w in ANTIDEPRESSANTS), "")


def chart(history: History) -> Chart:
    """Return the dated entries of a person's chart."""
    table = clinical.timed(history.data.observations)
    times = clinical.times_of(table)
    codes = table["code"].to_pylist()
    words = pc.fill_null(table["text_value"], "").to_pylist()
    told = [f"{code} {text}" for code, text in zip(codes, words, strict=True)]
    drug = [_ingredient(text) if "RxNorm/" in text or "ATC/" in text else "" for text in told]
    condition = np.array([bool(_CONDITION.match(code)) for code in codes], bool)
    diagnosed = {}
    for name, pattern in _DIAGNOSES.items():
        found = re.compile(pattern, re.IGNORECASE)
        hit = [c and bool(found.search(text)) for c, text in zip(condition, told, strict=True)]
        diagnosed[name] = times[np.array(hit, bool)]
    helped = [("RxNorm/" in t or "ATC/" in t) and bool(_AUGMENTING.search(t)) for t in told]
    named = [(int(at), code) for at, code, c in zip(times, codes, condition, strict=True) if c]
    return Chart(
        drugs=tuple((int(at), name) for at, name in zip(times, drug, strict=True) if name),
        augmented=times[np.array(helped, bool)],
        diagnosed=diagnosed,
        conditions=tuple(named),
        item9=_answers(table, PHQ9_ITEMS[8]),
        thoughts=_yes(table, CSSRS_IDEATION[1:]),
        attempts=np.union1d(diagnosed["attempt"], _yes(table, (CSSRS_BEHAVIOUR,))),
    )


def _answers(table: pa.Table, code: str) -> tuple[Times, Floats]:
    rows = table.filter(pc.equal(table["code"], code))
    value = np.asarray(pc.fill_null(rows["numeric_value"], float("nan")).to_numpy(), np.float64)
    known = (value >= 0) & (value <= 3)
    return clinical.times_of(rows)[known], value[known]


def _yes(table: pa.Table, codes: Sequence[str]) -> Times:
    """Return when a question was answered with yes."""
    rows = table.filter(pc.is_in(table["code"], value_set=pa.array(list(codes))))
    number = np.asarray(pc.fill_null(rows["numeric_value"], 0.0).to_numpy(), np.float64)
    said = np.array([yes_or_no(text) is True for text in rows["text_value"].to_pylist()], np.bool_)
    return clinical.times_of(rows)[(number > 0) | said]


def improved(history: History, start: Micros, until: Micros) -> float:
    """Return 1 where the last PHQ-9 of weeks 4 to 12 of a course halved that of its start.

    NaN where there is none at the start (within 30 days before) or after four weeks. Only what is
    dated by `until` is looked at.
    """
    times, totals = history.phq9
    before = totals[(times > start - 30 * DAY_US) & (times <= start)]
    end = min(start + COURSE_DAYS * DAY_US, until)
    after = totals[(times > start + 28 * DAY_US) & (times <= end)]
    if before.size == 0 or after.size == 0 or before[-1] <= 0:
        return float("nan")
    return float(after[-1] <= RESPONSE * before[-1])


def describe(history: History, at: Micros) -> Described:
    """Return `values` as a task gives them, with the share known and how old the newest is."""
    x = np.array(values(history, at))
    return Described(x, float(np.mean(~np.isnan(x))), freshness(history, at))


def values(history: History, at: Micros) -> list[float]:
    """Return the values of `SPECS` at a moment; nothing later matters."""
    known, start = history.chart, course.since(history)
    contacts = history.contacts[history.contacts <= at]
    stays = history.stays
    return [
        *_scores(history, known, at),
        float(clinical.episodes_before(*history.phq9, stays, at)),
        float(((stays <= at) & (stays > at - 365 * DAY_US)).sum()),
        *(float(np.any(known.diagnosed[name] <= at)) for name in _DIAGNOSES),
        float(len({code for when, code in known.conditions if when <= at})),
        *_tried(history, known, at),
        float(np.any(known.augmented <= at)),
        course.age_years(history, at),
        (at - start) / DAY_US if start is not None and start <= at else float("nan"),
        float((contacts > at - 90 * DAY_US).sum()),
    ]


def _scores(history: History, known: Chart, at: Micros) -> list[float]:
    times, totals = history.phq9
    seen = int(np.searchsorted(times, at, side="right"))
    recent = slice(int(np.searchsorted(times, at - 180 * DAY_US)), seen)
    when, answer = known.item9
    told = int(np.searchsorted(when, at, side="right"))
    lately = answer[int(np.searchsorted(when, at - 180 * DAY_US)) : told]
    return [
        float(totals[seen - 1]) if seen else float("nan"),
        clinical.slope_per_30_days(times[recent], totals[recent]),
        (at - int(times[seen - 1])) / DAY_US if seen else float("nan"),
        float(totals[recent].max()) if totals[recent].size else float("nan"),
        float(answer[told - 1]) if told else float("nan"),
        float(lately.max()) if lately.size else float("nan"),
    ]


def _tried(history: History, known: Chart, at: Micros) -> list[float]:
    """Return how many drugs were tried before, how many helped, and how long ago the last began.

    A course that begins at `at` itself is the one that is asked about.
    """
    past = [(when, drug) for when, drug in known.starts() if when < at]
    judged = [improved(history, when, at) for when, _ in past]
    told = [value for value in judged if not np.isnan(value)]
    return [
        float(len({drug for _, drug in past})),
        float(np.mean(told)) if told else float("nan"),
        (at - past[-1][0]) / DAY_US if past else float("nan"),
    ]


def freshness(history: History, at: Micros) -> float:
    """Return how old the newest contact is [hours]; inf where there is none."""
    heard = history.contacts[history.contacts <= at]
    return float((at - heard[-1]) / (3600 * 1e6)) if heard.size else float("inf")
