"""Who stops wearing, carrying and coming, and when: mostly those who are getting worse.

Data are missing for a reason here: a gap begins more often and lasts longer while somebody is ill,
to a degree that is the person's own (`Traits.vanishes`). People also leave a study for good
(Pratap et al. 2020, doi:10.1038/s41746-020-0224-8: half the participants of remote studies are
gone within weeks; in a clinic fewer).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.simulate.chance import Topic, draws
from euthymia.simulate.illness import Course, Traits
from euthymia.simulate.people import Person

GRACE_DAYS: Final = 3
"""Devices record on for so many days after monitoring was withdrawn: the gateway must refuse it."""


@dataclass(frozen=True, slots=True)
class Presence:
    """On which study days the phone records, the wearable is worn, and for how much of the day."""

    phone: NDArray[np.bool_]
    wearable: NDArray[np.bool_]
    removals: NDArray[np.float64]


def presence(seed: int, person: Person, traits: Traits, course: Course) -> Presence:
    """Return a person's presence day by day."""
    rng = draws(seed, person.index, Topic.ADHERENCE)
    pull = traits.vanishes * course.burden
    phone = _stays(rng, pull, start=0.010, stop=0.42, leave=0.0010)
    wearable = _stays(rng, pull, start=0.022, stop=0.38, leave=0.0016)
    removals = rng.poisson(0.9 + 0.8 * np.minimum(pull, 2)).astype(np.float64)
    until = person.monitored_until
    if until is not None:
        last = 0 if until < 0 else until + GRACE_DAYS
        phone[last:] = False
        wearable[last:] = False
    for begin, end in course.admissions:
        phone[begin:end] &= rng.random(end - begin) < 0.6
        wearable[begin:end] &= rng.random(end - begin) < 0.35
    return Presence(phone, wearable, removals)


def _stays(
    rng: np.random.Generator, pull: NDArray[np.float64], *, start: float, stop: float, leave: float
) -> NDArray[np.bool_]:
    """Return days present: a chain of gaps whose start and end depend on the pull away."""
    begins = (rng.random(pull.size) < start * np.exp(1.3 * pull)).tolist()
    ends = (rng.random(pull.size) < stop * np.exp(-0.7 * pull)).tolist()
    leaves = (rng.random(pull.size) < leave * np.exp(0.6 * pull)).tolist()
    here, gone = True, False
    out = np.zeros(pull.size, np.bool_)
    for day in range(pull.size):
        gone = gone or leaves[day]
        here = not begins[day] if here else ends[day]
        out[day] = here and not gone
    return out
