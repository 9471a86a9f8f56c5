"""Columns that cannot have been known before treatment, by their names and by the outcome."""

import re
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata

from euthymia.evaluation.estimate import Floats
from euthymia.models import tables

RESTATES: Final = 0.98  # rank correlation, or Somers' D: the column restates the outcome
OFTEN: Final = 5  # rows beside the commonest value: fewer agree with an outcome by luck
MANY: Final = 20  # such rows: fewer must be told without error, or any strong baseline restates
MOST_STATES: Final = 4  # numbers of an event: censored, and one for each way it ended
TIMES: Final = frozenset(
    {"time", "days", "weeks", "months", "years", "duration", "survival"}
    | {"os", "pfs", "dfs", "rfs", "efs", "tte"}
)
EVENTS: Final = frozenset(
    {"event", "status", "stat", "fustat", "censor", "censored", "cens", "cnsr", "failed"}
    | {"death", "dead", "died", "deceased"}
    | {"relapse", "relapsed", "recurrence", "recurred"}
)


def is_event(table: pa.Table, name: str) -> bool:
    """Tell whether a column says what ended a person's time, by its name and its few values."""
    return name.lower() in EVENTS and _few_states(table, name)


def _few_states(table: pa.Table, name: str) -> bool:
    words = tables.texts(table, name)
    states = np.unique(words[words != ""]).size
    return states == 2 or (2 < states <= MOST_STATES and tables.is_number(table, name))


def _parts(name: str) -> list[str]:
    """Return the words of a name: time, to, relapse of `time_to_relapse` and `TimeToRelapse`."""
    return [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def cut_short_by(table: pa.Table, outcome: str, treatment: str) -> str:
    """Return the column that says which times of the outcome are not to the event; else empty."""
    words = _parts(outcome)
    if not any(w in TIMES or w.endswith("time") for w in words):
        return ""
    ended = "_".join(words[words.index("to") + 1 :]) if "to" in words else ""
    names: list[str] = table.column_names
    for name in names:
        named_in_it = bool(ended) and "_".join(_parts(name)) == ended and _few_states(table, name)
        if name not in {outcome, treatment} and (named_in_it or is_event(table, name)):
            return name
    return ""


def restates(column: Floats, y: Floats) -> bool:
    """Tell whether a column is in the order of the outcome.

    Or one of them all but follows from the other (Somers' D, either way): a score that the outcome
    was cut from, a band that was cut from the outcome.
    """
    known = ~np.isnan(y)
    a, b = rankdata(column[known]), rankdata(y[known])
    beside = min(_beside_commonest(a), _beside_commonest(b))
    if beside < OFTEN:
        return False
    tau = abs(float(kendalltau(a, b).statistic))
    ratio = np.sqrt(_untied(b) / _untied(a))
    in_order = abs(np.corrcoef(a, b)[0, 1]) >= RESTATES
    limit = RESTATES if beside >= MANY else 1 - 1e-9
    return bool(in_order or max(tau * ratio, tau / ratio) >= limit)


def _beside_commonest(ranks: Floats) -> int:
    return int(ranks.size - np.unique(ranks, return_counts=True)[1].max())


def _untied(ranks: Floats) -> float:
    """Return how many pairs of rows differ."""
    count = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    return float(ranks.size**2 - (count**2).sum()) / 2


def restates_by_level(words: NDArray[np.str_], y: Floats) -> bool:
    """Tell whether the values of a column, in whatever order, say the outcome."""
    known = ~np.isnan(y)
    code = np.unique(words[known], return_inverse=True)[1].reshape(-1)
    mean = np.full(y.size, np.nan)
    mean[known] = (np.bincount(code, weights=y[known]) / np.bincount(code))[code]
    return restates(mean, y)
