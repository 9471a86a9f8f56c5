"""Answers to the C-SSRS screener: a yes is looked at by a person, and by no statistics.

Columbia-Suicide Severity Rating Scale, screener (Posner et al. 2011,
doi:10.1176/appi.ajp.2011.10111704; LOINC panel 93373-9).
"""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground.answers import unreadable, yes_or_no
from euthymia.ground.clock import Micros, Timeline
from euthymia.ground.codes import CSSRS_BEHAVIOUR, CSSRS_IDEATION, CSSRS_RECENT, PHQ9_ITEMS

IDEAS: Final = (
    "a wish to be dead",
    "thoughts of suicide",
    "thoughts of how",
    "some intention to act",
    "a plan worked out",
)
_ASKED: Final = pa.array([PHQ9_ITEMS[8], *CSSRS_IDEATION, CSSRS_BEHAVIOUR, CSSRS_RECENT])


@dataclass(frozen=True, slots=True)
class Cssrs:
    """One screener: when, and what was answered yes.

    `ideas` are the ideation items (1 to 5) answered yes. `behaviour`: something was ever done or
    prepared; `recent`: within three months (None: not answered). `unread`: somebody answered an
    item in words that are neither yes nor no.
    """

    at: Micros
    ideas: tuple[int, ...]
    behaviour: bool
    recent: bool | None
    unread: bool = False

    @property
    def alarming(self) -> bool:
        """Whether somebody must look today: any thought, or an act not known to be long ago."""
        return bool(self.ideas) or bool(self.recent) or (self.behaviour and self.recent is None)

    @property
    def weight(self) -> float:
        """The place among others: acts first, then the severest thought."""
        return 6.0 if self.recent or self.behaviour else float(max(self.ideas, default=0))

    def words(self) -> str:
        """Say what was answered yes, the severest first."""
        said = [IDEAS[number - 1] for number in sorted(self.ideas, reverse=True)]
        if self.behaviour or self.recent:
            when = "in the last three months" if self.recent else "at some time"
            said.insert(0, f"something done or prepared {when}")
        return ", ".join(said)


def yes_of(number: float | None, text: str | None) -> bool | None:
    """Return whether an answer is a yes, as a number or in words; None: it cannot be read."""
    if number is not None:
        return number > 0
    return yes_or_no(text)


def speaks_of_harm(observations: pa.Table, since: Micros) -> bool:
    """Tell whether some answer about self-harm from an instant on is not a no.

    Item 9 of the PHQ-9 or an item of the C-SSRS, as a number or in words. It is not read closely
    here: what cannot be read as a no counts.
    """
    asked = observations.filter(
        pc.and_(
            pc.is_in(observations["code"], value_set=_ASKED),
            pc.greater_equal(observations["time"].cast(pa.int64()), since),
        )
    )
    columns = (asked[name].to_pylist() for name in ("numeric_value", "text_value"))
    return any(yes_of(number, text) is not False for number, text in zip(*columns, strict=True))


def screener_rows(observations: pa.Table) -> pa.Table:
    """Return the answers to the C-SSRS screener that have a time."""
    codes = (*CSSRS_IDEATION, CSSRS_BEHAVIOUR, CSSRS_RECENT)
    asked = pc.is_in(observations["code"], value_set=pa.array(codes))
    return observations.filter(pc.and_(asked, pc.is_valid(observations["time"])))


def cssrs_screeners(observations: pa.Table, zones: Timeline) -> tuple[Cssrs, ...]:
    """Return the screeners on record, one a local day, oldest first. The worse answer counts."""
    rows = screener_rows(observations)
    if not rows.num_rows:
        return ()
    times = rows["time"].cast(pa.int64()).to_numpy()
    found: dict[int, dict[str, bool]] = {}
    last: dict[int, Micros] = {}
    unread: set[int] = set()
    columns = (rows[name].to_pylist() for name in ("code", "numeric_value", "text_value"))
    for day, at, code, number, text in zip(zones.local_day(times), times, *columns, strict=True):
        answer = yes_of(number, text)
        if number is None and unreadable(text):
            unread.add(int(day))
        if answer is not None or int(day) in unread:
            given = found.setdefault(int(day), {})
            if answer is not None:
                given[code] = answer or given.get(code, False)
            last[int(day)] = max(int(at), last.get(int(day), int(at)))
    return tuple(
        Cssrs(
            last[day],
            tuple(n for n, code in enumerate(CSSRS_IDEATION, 1) if given.get(code)),
            bool(given.get(CSSRS_BEHAVIOUR)),
            given.get(CSSRS_RECENT),
            day in unread,
        )
        for day, given in sorted(found.items())
    )
