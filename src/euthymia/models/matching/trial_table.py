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
from euthymia.models.matching.trial import BINS, Trial

MOST_ARMS: Final = 6
FEWEST_PEOPLE: Final = 40  # below this nothing can be learned and judged apart
FEWEST_PER_ARM: Final = 10
FEWEST_UNITS: Final = 10  # people, or sites where treatment was given by site
MOST_LEVELS: Final = 12  # a text with more different values is no category
RARE: Final = 0.03  # a category of a smaller share goes with the other rare ones
RESTATES: Final = 0.98  # rank correlation with the outcome from which a column restates it
IMBALANCE: Final = 0.01  # chance, over all columns together, to drop a fair column of a fair trial
MOST_COLUMNS: Final = 80  # of numbers, once categories are spread out
DETERMINED: Final = 0.95  # share of the outcome that covariates explain only if made from it
SUSPECT: Final = 1e-4  # so unlikely an imbalance is no accident of a fair trial
PERSON_NAMES: Final = frozenset(
    {"id", "usubjid", "mrn"}
    | {
        f"{word}{end}"
        for word in ("person", "subject", "subj", "patient", "participant", "client", "p")
        for end in ("", "id", "_id", ".id")
    }
    - {"p"}
)
ROW_NAMES: Final = frozenset({"rownames", "rowname", "row", "row_id", "index", "obs"})


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
    person, more = _people(table, asked, where)
    notes += more
    own, people = person, int(np.unique(person).size)
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
    names, left_out = _candidates(table, asked, own)
    columns, kept, suspect = _columns(table, names, y, arm, person, asked, left_out, where)
    if not columns:
        raise SchemaError(
            f"{where} has no covariate that a rule could use; name columns measured before"
            " treatment with --covariates"
        )
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
    if tables.is_number(table, asked.outcome):
        y = tables.numbers(table, asked.outcome, where=where)
    else:
        y = tables.labels(table, asked.outcome, where=where)
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


def _people(table: pa.Table, asked: Question, where: str) -> tuple[Ints, list[str]]:
    """Return each row's person. A column that names people is used also where nobody said so."""
    name, notes = asked.person, list[str]()
    if name is None:
        taken = {asked.outcome, asked.treatment, asked.site, *asked.covariates}
        for column in table.column_names:
            if column.lower() in PERSON_NAMES and column not in taken:
                words = tables.texts(table, column, where=where)
                if np.unique(words).size < words.size:
                    name = column
                    notes.append(f"column {column} repeats: its rows are taken as one person's")
                    break
    if name is not None:
        words = tables.texts(table, name, where=where)
        blank = np.char.strip(words) == ""
        words = np.where(blank, np.char.add("\0row ", np.arange(words.size).astype(str)), words)
        person = np.unique(words, return_inverse=True)[1].reshape(-1).astype(np.int64)
        return person, notes
    copies = _copies(table, where)
    if copies is not None:
        count = copies.size - np.unique(copies).size
        notes.append(f"{count} rows repeat another row in every column: taken as one person's")
        return copies, notes
    return np.arange(table.num_rows, dtype=np.int64), notes


def _one_arm_a_site(arm: Ints, site: Ints) -> bool:
    """Tell whether treatment was given by site: everybody at a site got the same."""
    return all(np.unique(arm[site == s]).size == 1 for s in np.unique(site))


def _copies(table: pa.Table, where: str) -> Ints | None:
    """Return a number a distinct row, where rows repeat that could not repeat by chance."""
    skip = PERSON_NAMES | ROW_NAMES
    names = [n for n in table.column_names if n.lower() not in skip]
    words = [tables.texts(table, n, where=where) for n in names]
    if max(np.unique(w).size for w in words) < table.num_rows / 4:
        return None  # few values: equal rows are to be expected
    code = np.zeros(table.num_rows, np.int64)
    for column in words:
        code = np.unique(
            code * (table.num_rows + 1) + np.unique(column, return_inverse=True)[1].reshape(-1),
            return_inverse=True,
        )[1].reshape(-1)
    return code.astype(np.int64) if np.unique(code).size < 0.99 * code.size else None


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
        if name.lower() in PERSON_NAMES | ROW_NAMES or _counts(table, name):
            left_out.append((name, "names or numbers the rows"))
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


def _counts(table: pa.Table, name: str) -> bool:
    """Tell whether a column only numbers the rows."""
    if not tables.is_number(table, name):
        return False
    values = tables.numbers(table, name)
    return bool(values.size > 2 and np.all(np.diff(values) == 1))


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
    first = np.unique(person, return_index=True)[1]
    randomised = asked.propensity is None or isinstance(asked.propensity, float)
    for name in names:
        made = _encode(table, name, where)
        if isinstance(made, str):
            left_out.append((name, made))
            continue
        if any(_restates(c, y) for _, c in made):
            left_out.append((name, "restates the outcome"))
            continue
        p = min(_differs(c[first], arm[first]) for _, c in made) * len(made)
        if p < 1e-30 or (randomised and p < IMBALANCE / max(1, len(names))):
            if p < SUSPECT / max(1, len(names)):
                suspect.append(name)
            left_out.append(
                (
                    name,
                    "differs between arms more than chance allows: not measured before treatment?",
                )
            )
            continue
        columns += made
        kept.append(name)
    return columns, kept, tuple(suspect)


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


def _restates(column: Floats, y: Floats) -> bool:
    known = ~np.isnan(y)
    if np.unique(column[known]).size < 3 and np.unique(y[known]).size > 2:
        return False
    a, b = rankdata(column[known]), rankdata(y[known])
    if a.std() == 0 or b.std() == 0:
        return False
    return bool(abs(np.corrcoef(a, b)[0, 1]) >= RESTATES)


def _determined(x: Floats, y: Floats) -> bool:
    """Tell whether covariates together make up the outcome, as a score after treatment does."""
    known = ~np.isnan(y)
    design = np.column_stack([np.ones(int(known.sum())), x[known]])
    free = design.shape[0] - design.shape[1]
    if free < 10:
        return False
    left = y[known] - design @ np.linalg.lstsq(design, y[known], rcond=None)[0]
    return bool((left**2).sum() / free < (1 - DETERMINED) * y[known].var(ddof=1))


def _differs(column: Floats, arm: Ints) -> float:
    """Return the p of the column's ranks being the same in all arms (one-way analysis)."""
    ranks = rankdata(column)
    if ranks.std() == 0:
        return 1.0
    names, code = np.unique(arm, return_inverse=True)
    counts = np.bincount(code)
    means = np.bincount(code, weights=ranks) / counts
    between = float((counts * (means - ranks.mean()) ** 2).sum()) / (names.size - 1)
    within = float(((ranks - means[code]) ** 2).sum()) / (ranks.size - names.size)
    if within <= 0:
        return 0.0
    return float(f_law.sf(between / within, names.size - 1, ranks.size - names.size))


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
