"""Questionnaires and ratings on record: the last score, how old it is, and the person's own course.

Every installed instrument has the same columns, so a new one needs no code here. Observations of
one local date are one filling-in: a recorded total is taken before the score of the answers.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import WHOLE_FOLLOW_UP, Columns, Days, Family, Feature
from euthymia.features.windows import wall_clock
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.ground.codes import CSSRS_BEHAVIOUR, CSSRS_IDEATION, CSSRS_RECENT
from euthymia.ground.schemas import OBSERVED
from euthymia.instruments.catalogue import instruments
from euthymia.instruments.contract import Instrument
from euthymia.instruments.score import score
from euthymia.kernels.scores import COURSE, YEAR_D, course, last_by

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
ByDay = Mapping[int, Mapping[str, tuple[float, float]]]
"""{local day: {code: (last value, highest value)}}"""

CARRY_DAYS: Final = 90
_ALL: Final = tuple(instruments().values())
_CSSRS: Final = (*CSSRS_IDEATION, CSSRS_BEHAVIOUR, CSSRS_RECENT)


def short(instrument: Instrument) -> str:
    """Return an instrument's name as columns begin with it."""
    return instrument.name.replace("-", "_")


def _by_day(stream: Columns, timeline: Timeline) -> dict[int, dict[str, tuple[float, float]]]:
    """Return the answers of each local date by code."""
    time = stream["time"].astype(np.int64)
    found: dict[int, dict[str, tuple[float, float]]] = {}
    local = (wall_clock(timeline, time) // DAY_US).tolist()
    values = stream["value"].astype(np.float64).tolist()
    for day, code, value in zip(local, stream["code"].tolist(), values, strict=True):
        given = found.setdefault(day, {})
        given[code] = (value, max(value, given.get(code, (0, value))[1]))
    return found


def _whole(value: float | None, low: int, high: int) -> int | None:
    """Return a number of points as an int; None for what nobody can give."""
    return (
        int(value) if value is not None and value == int(value) and low <= value <= high else None
    )


def _total(instrument: Instrument, given: Mapping[str, tuple[float, float]]) -> float | None:
    """Return the score of one date: the recorded total, or that of the answers."""
    if instrument.total_code in given:
        total = given[instrument.total_code][0]
        if instrument.low <= total <= instrument.high:
            return total
    answers = [
        _whole(given[item.code][0], item.low, item.high) if item.code in given else None
        for item in instrument.items
    ]
    if all(answer is None for answer in answers):
        return None
    return score(instrument, answers).total


def _series(by_day: ByDay, codes: tuple[str, ...]) -> tuple[Ints, Array]:
    """Return the dates on which any of the codes was answered, and the highest answer of each."""
    highest = {
        day: max(given[code][1] for code in codes if code in given)
        for day, given in sorted(by_day.items())
        if any(code in given for code in codes)
    }
    return _arrays(highest)


def _arrays(found: Mapping[int, float]) -> tuple[Ints, Array]:
    return np.array(list(found), np.int64), np.array(list(found.values()), np.float64)


def _since(day: Ints, at: Ints) -> Array:
    """Return how many days ago the last of `day` was; NaN where there is none yet."""
    place = last_by(day, at, WHOLE_FOLLOW_UP - 1)
    known = place >= 0
    found = np.full(at.size, np.nan)
    found[known] = at[known] - day[place[known]]
    return found


def _stepped(day: Ints, value: Array, at: Ints) -> tuple[Array, Array]:
    """Return the last value of a year and its change from the one before, a year old at most."""
    now = last_by(day, at, YEAR_D)
    known = now >= 0
    last, change = np.full((2, at.size), np.nan)
    last[known] = value[now[known]]
    earlier = known & (now > 0)
    near = np.flatnonzero(earlier)[day[now[earlier]] - day[now[earlier] - 1] <= YEAR_D]
    change[near] = value[now[near]] - value[now[near] - 1]
    return last, change


def _of_instrument(instrument: Instrument, by_day: ByDay, at: Ints) -> dict[str, Array]:
    """Return the columns of one instrument."""
    name = short(instrument)
    totals = {day: _total(instrument, given) for day, given in sorted(by_day.items())}
    day, value = _arrays({d: total for d, total in totals.items() if total is not None})
    now = last_by(day, at, YEAR_D)
    known = now >= 0
    columns = {key: np.full(at.size, np.nan) for key in ("total", *COURSE)}
    if known.any():
        wanted, place = np.unique(now[known], return_inverse=True)
        said = course(day, value, wanted)
        columns["total"][known] = value[now[known]]
        for key in COURSE:
            columns[key][known] = getattr(said, key)[place]
    columns["since_d"] = np.where(known, _since(day, at), np.nan)
    for urgent in instrument.urgent:
        item = instrument.items[urgent.item]
        when, answer = _series(by_day, (item.code,))
        key = f"item{urgent.item + 1}"
        columns[key], columns[f"{key}_change"] = _stepped(when, answer, at)
        columns[f"{key}_raised_since_d"] = _since(when[answer >= urgent.at_least], at)
    return {f"{name}_{key}": column for key, column in columns.items()}


def _of_cssrs(by_day: ByDay, at: Ints) -> dict[str, Array]:
    """Return the columns of the suicide severity screener."""
    severest = {
        day: float(max(n * (given[code][1] > 0) for n, code in enumerate(CSSRS_IDEATION, 1)
                       if code in given))
        for day, given in sorted(by_day.items())
        if any(code in given for code in CSSRS_IDEATION)
    }  # fmt: skip
    day, value = _arrays(severest)
    acts, done = _series(by_day, (CSSRS_BEHAVIOUR, CSSRS_RECENT))
    ideation, change = _stepped(day, value, at)
    asked = np.array(
        [d for d, given in sorted(by_day.items()) if set(_CSSRS) & set(given)], np.int64
    )
    first = np.searchsorted(day, at - YEAR_D + 1)
    last = np.searchsorted(day, at, side="right")
    highest = [value[a:b].max() if a < b else np.nan for a, b in zip(first, last, strict=True)]
    return {
        "cssrs_ideation": ideation,
        "cssrs_ideation_change": change,
        "cssrs_ideation_highest": np.array(highest, np.float64),
        "cssrs_behaviour": _stepped(acts, (done > 0).astype(np.float64), at)[0],
        "cssrs_since_d": _since(asked, at),
    }


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe the questionnaires on record by the end of each local date."""
    values = {f.name: np.full(days.size, np.nan) for f in FAMILY.features}
    stream = streams.get(OBSERVED.name)
    if stream is None or stream["time"].size == 0:
        return Days(values, np.zeros(days.size))
    by_day = _by_day(stream, timeline)
    for instrument in _ALL:
        values |= _of_instrument(instrument, by_day, days)
    values |= _of_cssrs(by_day, days)
    age = _since(np.array(sorted(by_day), np.int64), days)
    fresh = np.where(age <= CARRY_DAYS, 1 - age / (CARRY_DAYS + 1), 0.0)
    return Days(values, np.nan_to_num(fresh))


# -- definitions -----------------------------------------------------------------------------------

_CARE = "Fortney et al. 2017, doi:10.1176/appi.ps.201500439"
_JAHNG = "Jahng et al. 2008, doi:10.1037/a0014173"
_POSNER = "Posner et al. 2011, doi:10.1176/appi.ajp.2011.10111704"
_DATED = (
    "Dated by when it was answered, not by when the clinic heard of it; people are asked more "
    "often when they are unwell. Sleep, appetite and energy items of an instrument move with "
    "physical illness too."
)
_ONE_A_DATE = (
    " One score a date: the last total recorded on it, or else that of the date's answers by the "
    "instrument's own rule for gaps. NaN where the last one is more than 365 days old."
)


def _scored(instrument: Instrument) -> tuple[Feature, ...]:
    """Return the definitions of one instrument's columns."""
    name, title, paper = short(instrument), instrument.title, instrument.paper
    span = float(instrument.high - instrument.low)

    def one(key: str, said: str, unit: str, text: str, low: float | None, high: float | None,
            of: str = paper, worse: int = 1) -> Feature:  # fmt: skip
        return Feature(
            f"{name}_{key}", f"{title}: {said}", unit, text, of, low, high, worse, None, _DATED
        )

    found = [
        one("total", "last score", "{score}", "The last score." + _ONE_A_DATE,
            instrument.low, instrument.high),
        one("since_d", "days since the last score", "d",
            "Local dates from the last score to this one; 0 on its own." + _ONE_A_DATE,
            0, YEAR_D, _CARE, 0),
        one("change", "change from the score before", "{score}",
            "The last score minus the one before it, that at most 365 days older." + _ONE_A_DATE,
            -span, span, _CARE),
        one("from_usual", "change from the person's own mean", "{score}",
            "The last score minus the mean of those of the 365 days before it, at least 2."
            + _ONE_A_DATE, -span, span, _CARE),
        one("from_usual_sd", "change from the person's own mean, in their spread", "1",
            "The last score minus the mean of those of the 365 days before it, in their standard "
            "deviations (n - 1): at least 3 and not all the same." + _ONE_A_DATE,
            None, None, _CARE),
        one("slope_per_week", "trend", "{score}/wk",
            "Least-squares slope of the scores of the 90 days up to the last one: at least 3 over "
            "at least 7 days." + _ONE_A_DATE, -2 * span, 2 * span, _CARE),
        one("sd", "spread", "{score}",
            "Standard deviation (n - 1) of the scores of the 365 days up to the last one, at "
            "least 3." + _ONE_A_DATE, 0, span, _JAHNG),
        one("rmssd", "instability (RMSSD)", "{score}",
            "Root mean square of the steps from score to score in the 365 days up to the last "
            "one, at least 3 scores, whatever the time between them." + _ONE_A_DATE,
            0, span, _JAHNG),
    ]  # fmt: skip
    for urgent in instrument.urgent:
        item, key = instrument.items[urgent.item], f"item{urgent.item + 1}"
        about = f"item {urgent.item + 1} ({urgent.why})"
        rise = float(item.high - item.low)
        found += [
            one(key, about, "{score}",
                "The highest answer of the last date with one, at most 365 days old.",
                item.low, item.high),
            one(f"{key}_change", f"{about}, change", "{score}",
                "The highest answer of the last date with one minus that of the date before it, at "
                "most 365 days older.", -rise, rise),
            one(f"{key}_raised_since_d", f"{about}, days since it was raised", "d",
                f"Local dates since an answer of {urgent.at_least} or more; NaN where there was "
                "none yet.", 0, WHOLE_FOLLOW_UP, paper, -1),
        ]  # fmt: skip
    return tuple(found)


def _cssrs(
    key: str, title: str, unit: str, text: str, low: float, high: float, worse: int = 1
) -> Feature:
    limits = _DATED + " A person looks at every yes; nothing here takes that place."
    return Feature(
        f"cssrs_{key}", f"C-SSRS screener: {title}", unit, text, _POSNER, low, high, worse, None,
        limits,
    )  # fmt: skip


FAMILY = Family(
    name="instrument_scores",
    version="2",
    title="Questionnaires and ratings",
    streams=(OBSERVED.name,),
    codes=tuple(
        sorted(
            {i.total_code for i in _ALL} | {item.code for i in _ALL for item in i.items} | {*_CSSRS}
        )
    ),
    lookback_days=WHOLE_FOLLOW_UP,
    carry_days=CARRY_DAYS,
    compute=compute,
    coverage="how fresh the newest answer to any of them is: 1 on its own date, less by 1/91 with "
    "each date after it",
    features=(
        *(feature for instrument in _ALL for feature in _scored(instrument)),
        _cssrs(
            "ideation",
            "severest thought",
            "{score}",
            "The highest number (1 a wish to be dead to 5 a plan worked out) of a thought "
            "answered yes on the last date with such a question, 0 if none; at most 365 days "
            "old.",
            0,
            5,
        ),
        _cssrs(
            "ideation_change",
            "severest thought, change",
            "{score}",
            "The severest thought of the last date minus that of the date before it, at most "
            "365 days older.",
            -5,
            5,
        ),
        _cssrs(
            "ideation_highest",
            "severest thought of a year",
            "{score}",
            "The severest thought of the 365 days that end on the date.",
            0,
            5,
        ),
        _cssrs(
            "behaviour",
            "something done or prepared",
            "1",
            "1 if, on the last date on which it was asked, something was said to have been done "
            "or prepared, ever or within three months; else 0. At most 365 days old.",
            0,
            1,
        ),
        _cssrs(
            "since_d",
            "days since the last screener",
            "d",
            "Local dates since any question of the screener was answered.",
            0,
            WHOLE_FOLLOW_UP,
            0,
        ),
    ),
)
