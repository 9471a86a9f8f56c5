"""What every task on records asks: since when, until when, in which group, recorded how."""

from collections.abc import Callable
from datetime import date

import numpy as np

from euthymia.ground.clock import DAY_US, Micros, from_micros
from euthymia.models.history import History
from euthymia.models.tasks.contract import MONTH, Landmark


def since(history: History) -> Micros | None:
    """Return when the clinic first saw or heard the person."""
    return int(history.contacts[0]) if history.contacts.size else None


def died(history: History) -> Micros | None:
    """Return the beginning (UTC) of the day a person died, None where no death is recorded.

    A date that cannot be read is taken for the earliest: nobody is to be called about the dead.
    """
    said = history.data.attributes.get("deceased_on", "")
    if not said:
        return None
    try:
        return (date.fromisoformat(said[:10]) - date(1970, 1, 1)).days * DAY_US
    except ValueError:
        return 0


def dead(history: History, at: Micros) -> bool:
    """Tell whether a person has died by a moment."""
    day = died(history)
    return day is not None and day <= at


def monday_from(at: Micros) -> Micros:
    """Return the first Monday, 00:00 UTC, at or after `at`."""
    # 1970-01-01 was a Thursday
    day = -(-at // DAY_US)
    return (day + (-(day + 3)) % 7) * DAY_US


def mondays(history: History, first: Micros, step_days: int, most: int) -> list[Micros]:
    """Return Mondays from `first` until the data end or the person died, the last `most` of them.

    They fall on Mondays for everybody: counted from each person's own first contact, the weekday
    of their visits would stay the same for a person and so could stand for the person.
    """
    end = died(history)
    last = history.data.seen_until if end is None else min(end, history.data.seen_until)
    return list(range(monday_from(first), last, step_days * DAY_US)[-most:])


def on_mondays(
    landmark: Callable[[History, Micros], Landmark], *, after_days: int, step_days: int, most: int
) -> Callable[[History], list[Landmark]]:
    """Return what asks `landmark` about each of a person's `mondays`.

    The first is `after_days` after the first contact; of somebody never seen there are none.
    """

    def landmarks(history: History) -> list[Landmark]:
        start = since(history)
        if start is None:
            return []
        dates = mondays(history, start + after_days * DAY_US, step_days, most)
        return [landmark(history, at) for at in dates]

    return landmarks


def seen_again(history: History, after: Micros, until: Micros) -> bool:
    """Tell whether the clinic saw or heard the person within (after, until]."""
    contacts = history.contacts
    return bool(np.any((contacts > after) & (contacts <= until)))


def age_years(history: History, at: Micros) -> float:
    """Return the age from the birth year, NaN where it is not known."""
    born = history.data.attributes.get("birth_year", "")
    return from_micros(at).year - float(born) if born.isdigit() else float("nan")


def age_band(history: History, at: Micros) -> str:
    """Return a band of the age; empty where it is not known."""
    age = age_years(history, at)
    if np.isnan(age):
        return ""
    return (
        "under 30" if age < 30 else "30 to 44" if age < 45 else "45 to 59" if age < 60 else "60 +"
    )


def groups(history: History, at: Micros) -> dict[str, str]:
    """Return the groups that the model must do equally well in."""
    known = history.data.attributes
    return {
        "sex": known.get("sex", ""),
        "age band": age_band(history, at),
        "race": known.get("race", ""),
        "language": known.get("language", ""),
    }


def metadata(history: History, at: Micros) -> dict[str, str | float]:
    """Return how the data were collected, which ought to say little about the label."""
    start = since(history)
    when = from_micros(at)
    last_day = history.last_complete_day(at)
    held = {n: t.last_known_day(last_day) for n, t in history.days.items()}
    kinds = "+".join(sorted(n for n, day in held.items() if day is not None))
    return {
        MONTH: when.strftime("%Y-%m"),
        "weekday": when.strftime("%A"),
        "site": history.data.attributes.get("site", ""),
        "kinds of data": kinds or "none",
        "days in care": (at - start) / DAY_US if start is not None else float("nan"),
        "sex": history.data.attributes.get("sex", ""),
        "age band": age_band(history, at),
    }
