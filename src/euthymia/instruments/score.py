"""The one rule by which every questionnaire is scored."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from euthymia.ground.errors import SchemaError
from euthymia.instruments.contract import Band, Instrument, Urgent

Answers = Sequence[int | None]
"""One answer an item, in the instrument's order; None where there is none."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a filled-in questionnaire says.

    `total` and `band` are None when too many items are unanswered, and `no_total_because` says
    so. `prorated`: some items were unanswered and took the mean of the others. `urgent` holds
    what a person must look at today, and `not_asked` the urgent questions without an answer:
    both are given whether or not there is a total.
    """

    instrument: str
    total: int | None
    answered: int
    missing: int
    prorated: bool
    band: Band | None
    urgent: tuple[Urgent, ...]
    not_asked: tuple[Urgent, ...]
    no_total_because: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """From an earlier score to a later one. None: one total is missing, or no agreed limit."""

    points: int | None
    reliably_better: bool | None
    reliably_worse: bool | None
    response: bool | None
    remission: bool | None


def _check(instrument: Instrument, answers: Answers) -> None:
    if len(answers) != len(instrument.items):
        raise SchemaError(
            f"{instrument.name} has {len(instrument.items)} items but {len(answers)} answers were "
            "given; use None for an unanswered item"
        )
    for number, (item, answer) in enumerate(zip(instrument.items, answers, strict=True), 1):
        if answer is None:
            continue
        allowed = [choice.value for choice in item.choices]
        if type(answer) is not int or answer not in allowed:
            raise SchemaError(
                f"{instrument.name} item {number} takes the whole numbers {allowed[0]} to "
                f"{allowed[-1]}; use None for refused, not known or not asked"
            )


def band(instrument: Instrument, total: int) -> Band:
    """Return the band a total lies in. SchemaError if it is out of the instrument's range."""
    for found in instrument.bands:
        if found.low <= total <= found.high:
            return found
    raise SchemaError(
        f"a {instrument.name} total lies between {instrument.low} and {instrument.high}"
    )


def score(instrument: Instrument, answers: Answers) -> Score:
    """Score one filled-in questionnaire.

    Parameters
    ----------
    instrument : Instrument
        Such as ``phq9.INSTRUMENT``.
    answers : sequence of int or None
        One an item, in order; None where refused, not known or not asked.

    Returns
    -------
    Score
        The total is the sum; with 1 to `missing.allowed` items unanswered it is the sum of the
        answered items times items over answered, rounded half up; with more there is none.

    Raises
    ------
    SchemaError
        The number of answers, or an answer, is not one the instrument has.
    """
    _check(instrument, answers)
    known = [answer for answer in answers if answer is not None]
    missing = len(answers) - len(known)
    total: int | None = None
    because: str | None = None
    if missing <= instrument.missing.allowed:
        total = math.floor(sum(known) * len(answers) / len(known) + 0.5)
    else:
        because = (
            f"{missing} of {len(answers)} items unanswered; at most "
            f"{instrument.missing.allowed} may be"
        )
    given = [(urgent, answers[urgent.item]) for urgent in instrument.urgent]
    return Score(
        instrument=instrument.name,
        total=total,
        answered=len(known),
        missing=missing,
        prorated=total is not None and missing > 0,
        band=None if total is None else band(instrument, total),
        urgent=tuple(u for u, answer in given if answer is not None and answer >= u.at_least),
        not_asked=tuple(u for u, answer in given if answer is None),
        no_total_because=because,
    )


def change(instrument: Instrument, before: int | None, after: int | None) -> Change:
    """Compare two totals of one person.

    Parameters
    ----------
    instrument : Instrument
        Which one both totals are of.
    before, after : int or None
        Earlier and later total.

    Returns
    -------
    Change
        `points` is after minus before (negative: better). Response is a drop of at least
        `response_share` from a first total above zero; remission a total under
        `remission_below`.
    """
    for total in (before, after):
        if total is not None:
            band(instrument, total)
    remission = None
    if after is not None and instrument.remission_below is not None:
        remission = after < instrument.remission_below
    if before is None or after is None:
        return Change(None, None, None, None, remission)
    points = after - before
    limit = instrument.reliable_change
    share = instrument.response_share
    return Change(
        points=points,
        reliably_better=None if limit is None else points <= -limit.points,
        reliably_worse=None if limit is None else points >= limit.points,
        response=None if share is None or before <= 0 else -points >= share * before,
        remission=remission,
    )
