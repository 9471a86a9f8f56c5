"""Aggregate evidence: tables of published trials, read into one form whatever their layout.

Layouts that are known by their columns:

* arms, one a row: ``study, treatment, outcome`` and ``events, n`` or ``mean, sd, n``; of severity
  less is better, of improvement more;
* arms, one trial a row: ``treatment1, n1, resp1, ... treatment2, n2, resp2 ...``;
* pairs, one a row: ``study, treatment1, treatment2, outcome, effect, error`` (first minus second;
  standardised for severity and improvement, else log odds ratios);
* doses: ``studyID, agent, dose, n, r``;
* within-arm change: ``study, treatment, n, diff, se``;
* the psychotherapy database Metapsy: ``study, condition_arm1, condition_arm2, .g, .g_se``.

Optional columns: ``condition``, ``risk_of_bias`` (low, some, high).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from euthymia.evaluation.network import Study, from_events, from_means, from_pairs
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.models import tables
from euthymia.models.matching.evidence_layouts import IMPROVEMENT, ArmRow, PairRow, layout_of

_TABLE: Final = re.compile(r"[^.].*\.(csv|csv\.gz|parquet)$")  # hidden files are no evidence

GOOD: Final = frozenset({"response", "remission", IMPROVEMENT})
"""Outcomes of which more is better."""
SYNTHETIC: Final = "SYNTHETIC"
"""Studies whose names begin so never took place: whatever is ranked from them says so."""
ODDS: Final = "log odds ratio"
STANDARDISED: Final = "standardised difference"
COMPARATORS: Final = frozenset(
    {"placebo", "wait list", "waiting list", "wl", "tau", "cau", "no treatment", "other ctr"}
)
"""What trials compare with; no option for a patient."""
CITED: Final[Mapping[str, str]] = {
    "linde2015": "Linde et al. 2015, doi:10.1370/afm.1687 (primary care; data: netmeta)",
    "ssri_dose": "Furukawa et al. 2019, doi:10.1016/S2215-0366(19)30217-2 (data: MBNMAdose)",
    "lopez2019": "López-López et al. 2019, doi:10.1017/S003329171900120X (data: metadat)",
    "metapsy": "Metapsy, depression: psychotherapy against control, metapsy.org",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The trials that report one outcome; `scale`: how their effects are measured."""

    name: str
    studies: tuple[Study, ...]
    people: int
    scale: str = ODDS
    controls: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One connected body of evidence: treatments, the first being the reference, and outcomes."""

    source: str
    citation: str
    condition: str
    treatments: tuple[str, ...]
    outcomes: Mapping[str, Outcome]
    bias: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def comparator(self, treatment: int) -> bool:
        """Tell whether trials only compare with it."""
        name = self.treatments[treatment].lower()
        return name in COMPARATORS or name in {"care as usual", "other control"}


def read_evidence(path: Path, condition: str) -> tuple[Evidence, ...]:
    """Return the evidence of a file or of all .csv, .csv.gz and .parquet files of a folder.

    Raises
    ------
    MissingError
        There is no such file or folder, or nothing in it on this condition.
    SchemaError
        A file has none of the known layouts.
    """
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if _TABLE.match(p.name))
    elif path.is_file():
        files = [path]
    else:
        raise MissingError(f"there is no file or folder of evidence at {path}")
    found = [read_table(tables.read_frame(f), f.name, condition) for f in files]
    kept = tuple(e for e in found if e is not None)
    if not kept:
        raise MissingError(
            f"no evidence on {condition} in {path}; a column condition, or the file's name, says"
            " what a table is about"
        )
    return kept


def read_table(table: pa.Table, name: str, condition: str) -> Evidence | None:
    """Return a table's evidence on a condition; None where it is about another."""
    if "condition" in table.column_names:
        about = np.char.lower(np.char.strip(tables.texts(table, "condition", where=name)))
        table = table.filter(pa.array(about == condition.lower()))
        if table.num_rows == 0:
            return None
    elif not _named(name, condition):
        return None
    arms, pairs, bias, notes = layout_of(table, name)(table, name)
    if not arms and not pairs:
        raise SchemaError(f"{name}: no trial with two arms and a known outcome")
    return _assemble(name, condition, arms, pairs, bias, notes)


def _named(name: str, condition: str) -> bool:
    """Tell whether a file without a column `condition` is about it, by its name."""
    low = name.lower()
    known = any(key in low for key in CITED) and condition.lower() == "depression"
    return known or condition.lower().replace(" ", "_") in low


def _assemble(
    name: str,
    condition: str,
    arms: Sequence[ArmRow],
    pairs: Sequence[PairRow],
    bias: dict[str, str],
    notes: Sequence[str],
) -> Evidence:
    arms, pairs = _one_spelling(arms, pairs)
    counts: dict[str, set[str]] = {}
    for row in arms:
        counts.setdefault(row.treatment, set()).add(row.study)
    for pair in pairs:
        counts.setdefault(pair.first, set()).add(pair.study)
        counts.setdefault(pair.second, set()).add(pair.study)
    order = sorted(counts, key=lambda t: (-_reference(t), -len(counts[t]), t))
    place = {t: k for k, t in enumerate(order)}
    outcomes = {}
    for outcome in sorted({r.outcome for r in arms} | {p.outcome for p in pairs}):
        made = _outcome(
            outcome,
            [r for r in arms if r.outcome == outcome],
            [p for p in pairs if p.outcome == outcome],
            place,
            name,
        )
        if made.studies:
            outcomes[outcome] = made
    cited = next((c for key, c in CITED.items() if key in name.lower()), name)
    studies = {row.study for row in arms} | {pair.study for pair in pairs}
    if any(study.upper().startswith(SYNTHETIC) for study in studies):
        cited = f"{SYNTHETIC}: made-up trials, evidence of nothing ({name})"
    return Evidence(name, cited, condition, tuple(order), outcomes, bias, tuple(notes))


def _one_spelling(
    arms: Sequence[ArmRow], pairs: Sequence[PairRow]
) -> tuple[list[ArmRow], list[PairRow]]:
    """Return the rows with each treatment under the spelling that came first."""
    known: dict[str, str] = {}

    def spelled(name: str) -> str:
        return known.setdefault(" ".join(name.lower().split()), name)

    return (
        [replace(r, treatment=spelled(r.treatment)) for r in arms],
        [replace(p, first=spelled(p.first), second=spelled(p.second)) for p in pairs],
    )


def _reference(treatment: str) -> int:
    """Return how much a treatment is a reference: placebo before wait list before usual care."""
    low = treatment.lower()
    for rank, names in enumerate(
        (("no treatment", "tau", "care as usual", "cau"), ("wait list", "wl"), ("placebo",)), 1
    ):
        if low in names:
            return rank
    return 0


def _outcome(
    name: str,
    arms: Sequence[ArmRow],
    pairs: Sequence[PairRow],
    place: Mapping[str, int],
    where: str,
) -> Outcome:
    studies: list[Study] = []
    people, controls = 0.0, []
    scale = _scale(name, arms, pairs, where)
    for study in dict.fromkeys(r.study for r in arms):
        rows = _merged([r for r in arms if r.study == study])
        made = _study(study, rows, place)
        if made is not None:
            studies.append(made)
            people += sum(r.n for r in rows)
            controls += [
                (r.events, r.n) for r in rows if place[r.treatment] == 0 and not np.isnan(r.events)
            ]
    for study in dict.fromkeys(p.study for p in pairs):
        own = [p for p in pairs if p.study == study]
        made = _from_pair_rows(study, own, place)
        if made is not None:
            studies.append(made)
            people += max((p.n for p in own if not np.isnan(p.n)), default=0.0)
    return Outcome(name, tuple(studies), int(np.nan_to_num(people)), scale, tuple(controls))


def _scale(name: str, arms: Sequence[ArmRow], pairs: Sequence[PairRow], where: str) -> str:
    """Return how all trials measure an outcome; refuse two measures under one name."""
    scales = {ODDS if np.isnan(r.mean) else STANDARDISED for r in arms}
    if pairs:
        scales.add(STANDARDISED if name == IMPROVEMENT else ODDS)
    if len(scales) > 1:
        raise SchemaError(
            f"{where}: {name} is counted in some rows and measured in others; give what is measured"
            f" a name of its own, such as {name}_measured"
        )
    return scales.pop()


def _merged(rows: Sequence[ArmRow]) -> list[ArmRow]:
    """Return one row a treatment: several arms of one treatment are put together."""
    found: dict[str, ArmRow] = {}
    for row in rows:
        old = found.get(row.treatment)
        found[row.treatment] = row if old is None else _together(old, row)
    return list(found.values())


def _together(one: ArmRow, other: ArmRow) -> ArmRow:
    """Return two arms as one, as if their people had been one group."""
    n = one.n + other.n
    mean = (one.n * one.mean + other.n * other.mean) / n
    squares = (one.n - 1) * one.sd**2 + (other.n - 1) * other.sd**2
    squares += one.n * other.n / n * (one.mean - other.mean) ** 2
    sd = float(np.sqrt(squares / max(n - 1, 1)))
    return replace(one, n=n, events=one.events + other.events, mean=mean, sd=sd)


def _study(name: str, rows: Sequence[ArmRow], place: Mapping[str, int]) -> Study | None:
    counted = [r for r in rows if not np.isnan(r.events)]
    measured = [r for r in rows if not np.isnan(r.mean) and not np.isnan(r.sd)]
    if len(counted) >= 2:
        return from_events(
            name,
            [place[r.treatment] for r in counted],
            np.array([r.events for r in counted]),
            np.array([r.n for r in counted]),
        )
    if len(measured) >= 2:
        return from_means(
            name,
            [place[r.treatment] for r in measured],
            np.array([r.mean for r in measured]),
            np.array([r.sd for r in measured]),
            np.array([r.n for r in measured]),
        )
    return None


def _from_pair_rows(name: str, rows: Sequence[PairRow], place: Mapping[str, int]) -> Study | None:
    """Return a trial of pairs; where not all pairs are given, against the arm most have."""
    given = {
        (place[r.first], place[r.second]): (r.effect, r.error)
        for r in rows
        if place[r.first] != place[r.second]
    }
    if not given:
        return None
    try:
        return from_pairs(name, given)
    except ValueError:
        sides = [k for pair in given for k in pair]
        hub = max(sorted(set(sides)), key=sides.count)
        spokes = {
            (b if a == hub else a): (v if b == hub else -v, e)
            for (a, b), (v, e) in given.items()
            if hub in {a, b}
        }
        arms = tuple(sorted(spokes))
        error = np.array([spokes[a][1] for a in arms])
        # a shared arm of equal size: half of each variance is the hub's
        covariance = 0.5 * np.outer(error, error) + np.diag(0.5 * error**2)
        return Study(name, (hub, *arms), np.array([spokes[a][0] for a in arms]), covariance)
