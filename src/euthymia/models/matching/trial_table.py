"""From a plain table to a trial: which columns may inform a rule, and which must not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, rankdata
from scipy.stats import f as f_law

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.ground.errors import SchemaError
from euthymia.models import tables
from euthymia.models.matching.after_treatment import (
    cut_short_by,
    is_event,
    restates,
    restates_by_level,
)
from euthymia.models.matching.trial import BINS, Trial
from euthymia.models.matching.trial_people import (
    apart_at_sites,
    numbers_rows,
    people_of_rows,
    without_copies,
)

MOST_ARMS: Final = 6
FEWEST_PEOPLE: Final = 40  # below this nothing can be learned and judged apart
FEWEST_PER_ARM: Final = 10
FEWEST_UNITS: Final = 10  # people, or sites where treatment was given by site
MOST_LEVELS: Final = 12  # a text with more different values is no category
RARE: Final = 0.03  # a category of a smaller share goes with the other rare ones
IMBALANCE: Final = 0.01  # chance, over all columns together, to drop a fair column of a fair trial
MOST_COLUMNS: Final = 80  # of numbers, once categories are spread out
DETERMINED: Final = 0.95  # share of the outcome that covariates explain only if made from it
SUSPECT: Final = 1e-4  # so unlikely an imbalance is no accident of a fair trial
SEPARATES: Final = 0.95  # of the most that a column can differ between arms: they share nobody


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a table."""

    outcome: str
    treatment: str
    better: Literal["higher", "lower"]
    site: str | None = None
    covariates: tuple[str, ...] = ()
    person: str | None = None
    propensity: str | float | None = None
    positive: str | None = None


@dataclass(frozen=True, slots=True)
class TrialTable:
    """A trial with its names, and what was noticed while it was read."""

    trial: Trial
    arms: tuple[str, ...]
    covariates: tuple[str, ...]
    columns: tuple[str, ...]
    cuts: tuple[Floats, ...]
    site: Ints | None
    sites: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    suspect: tuple[str, ...]
    determined: bool
    clustered: bool
    cut_short: str
    sign: float
    outcome_sd: float
    people: int


def read_trial(table: pa.Table, asked: Question, where: str) -> TrialTable:
    """Return the arrays of a trial.

    Raises
    ------
    SchemaError
        A column is not there, the outcome is no number, there are fewer than two arms or more than
        six, or too few people. Columns and rules are named, values are not.
    """
    _check_names(table, asked, where)
    table, notes = _usable_rows(table, asked, where)
    arm, arms = _arms(table, asked, where)
    sign = 1.0 if asked.better == "higher" else -1.0
    y = sign * _outcome(table, asked, where)
    _enough(y, arm, arms, where)
    site, sites = _codes(table, asked.site, where)
    taken = (asked.outcome, asked.treatment, asked.site, *asked.covariates)
    person, named, more = people_of_rows(table, asked.person, taken, where)
    person, anew = apart_at_sites(person, site, arm)
    # copies with a little noise differ, and are no later measurements
    names, left_out = _candidates(table, asked, person if named else np.arange(person.size))
    person, alike = without_copies(person, _numbers(table, names, where), y)
    notes += more + anew + alike
    people = int(np.unique(person).size)
    clustered = site is not None and _one_arm_a_site(arm, site)
    if clustered and site is not None:
        person = site
        notes.append("each site gave one arm: sites, not people, are the units of every interval")
    _enough_units(person, where)
    known = ~np.isnan(y)
    if not known.all():
        notes.append(
            f"{int((~known).sum())} of {y.size} outcomes are missing; the others are weighted by"
            " the inverse of their chance to be seen, given covariates and arm (missing at random)"
        )
    columns, kept, suspect = _columns(table, names, y, arm, person, asked, left_out, where)
    if not columns:
        raise SchemaError(_none_left(left_out, where))
    if len(columns) > MOST_COLUMNS:
        raise SchemaError(
            f"{where}: {len(columns)} columns of covariates; name those that a rule may use with"
            f" --covariates (at most {MOST_COLUMNS}, categories spread out)"
        )
    x = np.column_stack([_standard(c) for _, c in columns])
    cuts = tuple(_cuts(c) for _, c in columns)
    binned = np.column_stack(
        [np.searchsorted(q, c, side="left") for q, (_, c) in zip(cuts, columns, strict=True)]
    ).astype(np.int64)
    bins = np.array([q.size + 1 for q in cuts], np.int64)
    chance, said = _propensity(table, asked, arm, len(arms), site, where)
    trial = Trial(x, binned, bins, y[None], arm[None], len(arms), person, chance)
    return TrialTable(
        trial,
        arms,
        tuple(kept),
        tuple(n for n, _ in columns),
        cuts,
        site,
        sites,
        tuple(left_out),
        (*notes, said),
        suspect,
        _determined(x, y),
        clustered,
        cut_short_by(table, asked.outcome, asked.treatment),
        sign,
        float(np.nanstd(y, ddof=1)),
        people,
    )


def _check_names(table: pa.Table, asked: Question, where: str) -> None:
    wanted = [asked.outcome, asked.treatment, *asked.covariates]
    wanted += [n for n in (asked.site, asked.person) if n]
    tables.require(table, wanted, where=where)
    roles = [asked.outcome, asked.treatment, *(n for n in (asked.site, asked.person) if n)]
    for name in roles:
        if roles.count(name) > 1:
            raise SchemaError(f"column {name} was named for two purposes; each needs its own")
        if name in asked.covariates:
            raise SchemaError(
                f"column {name} is named as a covariate and for another purpose; take it out of"
                " --covariates"
            )


def _usable_rows(table: pa.Table, asked: Question, where: str) -> tuple[pa.Table, list[str]]:
    """Return the rows whose treatment is known."""
    given = np.char.strip(tables.texts(table, asked.treatment, where=where)) != ""
    if given.all():
        return table, []
    left = int((~given).sum())
    return table.filter(pa.array(given)), [f"{left} rows without a treatment are not used"]


def _arms(table: pa.Table, asked: Question, where: str) -> tuple[Ints, tuple[str, ...]]:
    words = np.char.strip(tables.texts(table, asked.treatment, where=where))
    names, code = np.unique(words, return_inverse=True)
    if names.size < 2:
        raise SchemaError(
            f"{where}, column {asked.treatment}: only one arm; a rule needs two to choose from"
        )
    if names.size > MOST_ARMS:
        raise SchemaError(
            f"{where}, column {asked.treatment}: {names.size} different values; a treatment column"
            f" has at most {MOST_ARMS} arms (is it a dose or an identifier?)"
        )
    return code.astype(np.int64).reshape(-1), tuple(str(n) for n in names)


def _outcome(table: pa.Table, asked: Question, where: str) -> Floats:
    if asked.positive is None and tables.is_number(table, asked.outcome):
        y = tables.numbers(table, asked.outcome, where=where)
    else:
        y = tables.labels(table, asked.outcome, positive=asked.positive, where=where)
    known = y[~np.isnan(y)]
    if known.size == 0 or known.min() == known.max():
        raise SchemaError(f"{where}, column {asked.outcome}: the outcome does not vary")
    return y


def _enough(y: Floats, arm: Ints, arms: Sequence[str], where: str) -> None:
    known = ~np.isnan(y)
    counts = np.bincount(arm[known], minlength=len(arms))
    if known.sum() < FEWEST_PEOPLE or counts.min() < FEWEST_PER_ARM:
        raise SchemaError(
            f"{where}: {int(known.sum())} known outcomes, {int(counts.min())} in the smallest arm;"
            f" at least {FEWEST_PEOPLE} and {FEWEST_PER_ARM} are needed to compute anything"
        )


def _enough_units(person: Ints, where: str) -> None:
    units = np.unique(person).size
    if units < FEWEST_UNITS:
        raise SchemaError(
            f"{where}: {units} independent units (people, or sites where each site gave one arm);"
            f" at least {FEWEST_UNITS} are needed to learn and to judge apart"
        )


def _codes(table: pa.Table, name: str | None, where: str) -> tuple[Ints | None, tuple[str, ...]]:
    if name is None:
        return None, ()
    words = np.char.strip(tables.texts(table, name, where=where))
    words = np.where(words == "", "(not known)", words)
    names, code = np.unique(words, return_inverse=True)
    if names.size < 2:
        return None, tuple(str(n) for n in names)
    return code.astype(np.int64).reshape(-1), tuple(str(n) for n in names)


def _one_arm_a_site(arm: Ints, site: Ints) -> bool:
    """Tell whether treatment was given by site: everybody at a site got the same."""
    return all(np.unique(arm[site == s]).size == 1 for s in np.unique(site))


def _candidates(
    table: pa.Table, asked: Question, person: Ints
) -> tuple[list[str], list[tuple[str, str]]]:
    roles = {asked.outcome, asked.treatment, asked.site, asked.person, asked.propensity}
    if asked.covariates:
        return list(dict.fromkeys(asked.covariates)), []
    names, left_out = [], []
    for name in table.column_names:
        if name in roles:
            continue
        if numbers_rows(table, name):
            left_out.append((name, "names or numbers the rows"))
        elif is_event(table, name):
            left_out.append((name, "an event, by its name: not a baseline"))
        elif _changes(table, name, person):
            left_out.append((name, "changes within a person: not a baseline"))
        else:
            names.append(name)
    return names, left_out


def _changes(table: pa.Table, name: str, person: Ints) -> bool:
    """Tell whether a column changes from row to row of one person."""
    people = int(person.max()) + 1
    if people == person.size:
        return False
    code = np.unique(tables.texts(table, name), return_inverse=True)[1].reshape(-1)
    first = np.full(people, -1)
    first[person[::-1]] = code[::-1]
    return bool(np.any(first[person] != code))


Column = tuple[str, Floats]


def _columns(
    table: pa.Table,
    names: Sequence[str],
    y: Floats,
    arm: Ints,
    person: Ints,
    asked: Question,
    left_out: list[tuple[str, str]],
    where: str,
) -> tuple[list[Column], list[str], tuple[str, ...]]:
    """Return the numeric columns of all covariates that may be used, and say why others may not.

    Values are imputed and scaled over all rows: neither outcome nor treatment is looked at.
    """
    columns: list[Column] = []
    kept, suspect = [], []
    first = np.unique(person * (arm.max() + 1) + arm, return_index=True)[1]
    randomised = asked.propensity is None or isinstance(asked.propensity, float)
    for name in names:
        made = _encode(table, name, where)
        if isinstance(made, str):
            left_out.append((name, made))
            continue
        if any(restates(c, y) for _, c in made) or _says_by_level(table, name, y):
            left_out.append((name, "restates the outcome"))
            continue
        if not randomised and any(_separates(c[first], arm[first]) for _, c in made):
            suspect.append(name)
            left_out.append((name, "all but says which arm was given: the arms share nobody"))
            continue
        p = min(_differs(c[first], arm[first]) for _, c in made) * len(made)
        if randomised and p < IMBALANCE / max(1, len(names)):
            if p < SUSPECT / max(1, len(names)):
                suspect.append(name)
            why = "differs between arms more than chance allows: not measured before treatment?"
            left_out.append((name, why))
            continue
        columns += made
        kept.append(name)
    return columns, kept, tuple(suspect)


def _says_by_level(table: pa.Table, name: str, y: Floats) -> bool:
    words = np.char.strip(tables.texts(table, name))
    return np.unique(words).size <= MOST_LEVELS and restates_by_level(words, y)


def _none_left(left_out: Sequence[tuple[str, str]], where: str) -> str:
    why = "; ".join(f"{name} {reason}" for name, reason in left_out[:5])
    return (
        f"{where} has no covariate that a rule could use; name columns measured before treatment"
        " with --covariates" + (f" (left out: {why})" if why else "")
    )


def _numbers(table: pa.Table, names: Sequence[str], where: str) -> Floats:
    """Return covariates as numbers, whatever becomes of them later; [rows, columns]."""
    made = [_encode(table, name, where) for name in names]
    columns = [c for found in made if not isinstance(found, str) for _, c in found]
    return np.column_stack(columns) if columns else np.zeros((table.num_rows, 0))


def _encode(table: pa.Table, name: str, where: str) -> list[Column] | str:
    """Return a covariate as complete numeric columns, or why it cannot be used."""
    if tables.is_number(table, name) or not pa.types.is_string(table.schema.field(name).type):
        values = tables.numbers(table, name, where=where)
        return _numeric(name, values)
    words = np.char.strip(tables.texts(table, name, where=where))
    levels, counts = np.unique(words, return_counts=True)
    if levels.size < 2:
        return "does not vary"
    if levels.size > MOST_LEVELS:
        return f"a text with {levels.size} different values"
    often = [str(v) for v, c in zip(levels, counts, strict=True) if c >= RARE * words.size]
    often.sort(key=lambda v: -counts[levels == v][0])
    shown = often[1:] if len(often) > 1 or counts.sum() == words.size else often
    made = [(f"{name} is {v or 'not known'}", (words == v).astype(np.float64)) for v in shown]
    return made or "does not vary"


def _numeric(name: str, values: Floats) -> list[Column] | str:
    known = ~np.isnan(values)
    if known.sum() < 2 or values[known].min() == values[known].max():
        return "does not vary"
    if known.mean() < 0.5:
        return "more than half of its values are missing"
    made: list[Column] = [(name, np.where(known, values, np.median(values[known])))]
    if known.mean() < 1 - RARE:
        made.append((f"{name} is not known", (~known).astype(np.float64)))
    return made


def _determined(x: Floats, y: Floats) -> bool:
    """Tell whether covariates together make up the outcome, as a score after treatment does."""
    known = ~np.isnan(y)
    design = np.column_stack([np.ones(int(known.sum())), x[known]])
    free = design.shape[0] - design.shape[1]
    if free < 10:
        return False
    left = y[known] - design @ np.linalg.lstsq(design, y[known], rcond=None)[0]
    return bool((left**2).sum() / free < (1 - DETERMINED) * y[known].var(ddof=1))


def _between(ranks: Floats, arm: Ints) -> tuple[float, float]:
    """Return the sums of squares between and within arms."""
    _, code = np.unique(arm, return_inverse=True)
    counts = np.bincount(code)
    means = np.bincount(code, weights=ranks) / counts
    between = float((counts * (means - ranks.mean()) ** 2).sum())
    return between, float(((ranks - means[code]) ** 2).sum())


def _differs(column: Floats, arm: Ints) -> float:
    """Return the p of the column's ranks being the same in all arms (one-way analysis)."""
    ranks = rankdata(column)
    if ranks.std() == 0:
        return 1.0
    arms = np.unique(arm).size
    between, within = _between(ranks, arm)
    if within <= 0:
        return 0.0
    free = ranks.size - arms
    return float(f_law.sf(between / (arms - 1) / (within / free), arms - 1, free))


def _separates(column: Floats, arm: Ints) -> bool:
    """Tell whether a column all but says the arm: no two people alike got different ones."""
    ranks = rankdata(column)
    if ranks.std() == 0:
        return False
    _, code = np.unique(arm, return_inverse=True)
    middle = np.bincount(code, weights=ranks) / np.bincount(code)
    in_order = np.argsort(np.argsort(middle))[code]
    most = _between(np.sort(ranks), np.sort(in_order))[0]  # the arms one after the other
    return _between(ranks, arm)[0] >= SEPARATES * most


def _standard(column: Floats) -> Floats:
    return np.asarray((column - column.mean()) / column.std())


def _cuts(column: Floats) -> Floats:
    """Return where a tree may cut: between all values where there are few, else at octiles."""
    values = np.unique(column)
    if values.size <= BINS:
        return values[:-1]
    return np.unique(np.quantile(column, np.arange(1, BINS) / BINS, method="lower"))


def _propensity(
    table: pa.Table, asked: Question, arm: Ints, arms: int, site: Ints | None, where: str
) -> tuple[Floats | None, str]:
    """Return the known chances of treatment, None where they are to be estimated; and say which."""
    given = asked.propensity
    if given == "estimate":
        return None, "chances of treatment are estimated: no unmeasured confounding is assumed"
    if isinstance(given, float):
        if arms != 2:
            raise SchemaError("one chance of treatment is for two arms; give estimate, or none")
        if not 0 < given < 1:
            raise SchemaError("a chance of treatment lies between 0 and 1")
        said = f"each row had the chance {given:g} of the second arm"
        return np.tile([1 - given, given], (arm.size, 1)), said
    if given is not None:
        tables.require(table, (given,), where=where)
        chance = tables.numbers(table, given, where=where)
        if arms != 2 or not np.all((chance > 0) & (chance < 1)):
            raise SchemaError(
                f"column {given}: chances of the second of two arms, between 0 and 1, none missing"
            )
        return np.column_stack([1 - chance, chance]), f"chances of the second arm: column {given}"
    return _shares(arm, arms, site)


def _shares(arm: Ints, arms: int, site: Ints | None) -> tuple[Floats, str]:
    """Return the arms' shares; each site's own where sites drew differently."""
    overall = np.bincount(arm, minlength=arms) / arm.size
    said = "randomised: chances of treatment are the arms' shares"
    if site is not None:
        counts: NDArray[np.int64] = np.array(
            [np.bincount(arm[site == s], minlength=arms) for s in np.unique(site)]
        )
        big = counts.min(axis=1) >= FEWEST_PER_ARM
        if big.all() and chi2_contingency(counts).pvalue < 0.01:
            share = counts / counts.sum(axis=1, keepdims=True)
            return share[site], said + " at each site"
    return np.tile(overall, (arm.size, 1)), said
