"""What a questionnaire is: its items, how answers become a score, and what a score means.

An instrument is data. The one rule that scores all of them is in `score.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of an item: its points, its words and its code (with the system in front)."""

    value: int
    text: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One question. `code` has its system in front ("LOINC/44250-9"); choices rise by value."""

    code: str
    text: str
    choices: tuple[Choice, ...]

    @property
    def low(self) -> int:
        """The fewest points."""
        return self.choices[0].value

    @property
    def high(self) -> int:
        """The most points."""
        return self.choices[-1].value


@dataclass(frozen=True, slots=True)
class Band:
    """A range of totals, both ends included, and what it is called."""

    low: int
    high: int
    name: str


@dataclass(frozen=True, slots=True)
class Urgent:
    """An answer that a person must look at today: item number (from 0), from how many points."""

    item: int
    at_least: int
    why: str


@dataclass(frozen=True, slots=True)
class Missing:
    """How unanswered items are treated: up to `allowed` take the mean of the answered ones."""

    allowed: int
    rule: str
    paper: str


@dataclass(frozen=True, slots=True)
class ReliableChange:
    """The smallest change of the total [points] that is more than measurement error."""

    points: int
    paper: str


@dataclass(frozen=True, slots=True)
class Instrument:
    """A questionnaire: one file, one constant `INSTRUMENT`. Higher totals are worse.

    `response_share` is the drop from the first score that counts as response; `remission_below`
    the total under which symptoms count as remitted. None where the literature has no agreed
    value: nothing is then claimed.
    """

    name: str
    title: str
    url: str
    code: str
    total_code: str
    answered_by: str  # "patient" or "clinician"
    recall_days: int
    items: tuple[Item, ...]
    bands: tuple[Band, ...]
    urgent: tuple[Urgent, ...]
    missing: Missing
    reliable_change: ReliableChange | None
    response_share: float | None
    remission_below: int | None
    paper: str
    bands_paper: str
    remission_paper: str | None
    terms: str  # under which terms the wording may be used
    question: str = ""  # what stands above the items, where it is not how often they bothered

    @property
    def low(self) -> int:
        """The lowest total."""
        return sum(item.low for item in self.items)

    @property
    def high(self) -> int:
        """The highest total."""
        return sum(item.high for item in self.items)
