"""Is a column of words a site under another name: do all others only tell its groups apart.

What sites do (one takes the ill and measures with its own device) a recruiter, a ward's colour or
a batch does too. A model of all other columns that predicts, but not between people of one group,
has learned the groups.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from euthymia.evaluation.estimate import Estimate
from euthymia.evaluation.probe import auc_of, held_out_scores, logistic_probabilities, within_groups
from euthymia.evaluation.splits import Split, person_folds
from euthymia.models.audits.columns import Column, design
from euthymia.models.audits.finding import Finding
from euthymia.models.audits.read import Ready

_GROUPS: Final = (3, 30)  # of a column of words
_LEAST: Final = 10  # people a group, on average
_MOST: Final = 12  # columns asked, those of most groups first
_FOLDS: Final = 5


def hidden_sites(table: Ready, columns: Sequence[Column], *, seed: int) -> Iterator[Finding]:
    """Yield the columns of words within whose groups all others tell less than half as much.

    Half of what an AUC is above chance, that within groups not shown to be above it, and to be
    below that over everybody. An honest predictor can do so too (a diagnosis that goes with all
    that was measured): it is to be looked at, and refuses nothing.

    Parameters
    ----------
    columns : sequence of Column
        What a model of the outcome would use.
    """
    asked = [
        c
        for c in columns
        if c.kind == "category"
        and _GROUPS[0] <= c.distinct <= min(_GROUPS[1], table.people // _LEAST)
    ]
    if not asked:
        return
    folds = min(_FOLDS, table.people)
    splits = person_folds(table.outcome.y, table.person, folds=folds, repeats=1, seed=seed)
    for column in sorted(asked, key=lambda c: -c.distinct)[:_MOST]:
        found = _within(table, [c for c in columns if c is not column], column, splits, seed)
        if found is None:
            continue
        whole, within = found
        half = within.estimate - 0.5 < (whole.estimate - 0.5) / 2
        if whole.beats_chance() and within.low <= 0.5 and half and within.high < whole.estimate:
            yield _told(column, whole, within)


def _within(
    table: Ready, others: list[Column], column: Column, splits: Sequence[Split], seed: int
) -> tuple[Estimate, Estimate] | None:
    """Return the AUC of the other columns over all pairs, and over pairs of one group."""
    x, _ = design(others, table.people)
    if not x.shape[1]:
        return None
    y, person = table.outcome.y, table.person
    scores = held_out_scores(x, y, splits, logistic_probabilities)
    inside = auc_of(within_groups(scores, column.words()), y, person, seed=seed)
    return auc_of(scores, y, person, seed=seed), inside


def _told(column: Column, whole: Estimate, within: Estimate) -> Finding:
    return Finding(
        "site",
        "warn",
        (column.name,),
        f"Among people of one {column.name} all other columns tell next to nothing: AUC"
        f" {within.estimate:.2f} ({within.low:.2f} to {within.high:.2f}) in place of"
        f" {whole.estimate:.2f}. They tell its groups apart. If {column.name} says where, when or"
        f" by whom people were seen, name it as the site (--site {column.name}).",
        {"within": within, "whole": whole},
    )
