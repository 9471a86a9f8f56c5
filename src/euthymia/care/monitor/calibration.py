"""Norms and lines of a clinic, each set on other people than those it is used for."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import msgspec
import numpy as np

from euthymia.care.monitor import norms as norming
from euthymia.care.monitor.contract import VERSION, Lines
from euthymia.care.monitor.lines import Judged, false_alarms, set_lines, watched
from euthymia.care.monitor.norms import DESIGN, Design, Norms
from euthymia.care.monitor.panel import Features, Panel
from euthymia.care.monitor.score import Walk
from euthymia.ground.errors import IntegrityError

FOLDS: Final = 5


def fold_of(subject: str) -> int:
    """Return the fold of a person: always the same, whoever else is there."""
    return int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8], "big") % FOLDS


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the watch of a clinic goes by. Fold i was set without the people of fold i.

    `promised` is the budget in patient-days, `alarms` and `days` what came of it: the episodes
    that open on the relapse-free days of each fold under lines set on the others.
    """

    names: tuple[str, ...]
    norms: tuple[Norms, ...]
    lines: tuple[Lines, ...]
    promised: float
    alarms: int
    days: int
    people: int
    made_on: str  # ISO date
    version: str = VERSION

    @property
    def digest(self) -> str:
        """SHA-256 of everything that a score or a line depends on."""
        found = hashlib.sha256(self.version.encode())
        found.update(msgspec.json.encode(asdict(DESIGN)))
        for usual, lines in zip(self.norms, self.lines, strict=True):
            found.update(usual.digest.encode())
            found.update(msgspec.json.encode([lines.composite, lines.mewma, lines.release]))
        return found.hexdigest()

    @property
    def days_to_an_alarm(self) -> float:
        """Relapse-free patient-days to one false alarm, as found."""
        return self.days / self.alarms if self.alarms else float("inf")

    def of(self, subject: str) -> tuple[Norms, Lines]:
        """Return the norms and lines that were set without this person."""
        fold = fold_of(subject)
        return self.norms[fold], replace(self.lines[fold], digest=self.digest)

    def encode(self) -> bytes:
        """Return the calibration as JSON."""
        plain = {
            **{n: getattr(self, n) for n in ("names", "promised", "alarms", "days", "people")},
            "made_on": self.made_on,
            "version": self.version,
            "norms": [usual.plain() for usual in self.norms],
            "lines": [_finite(asdict(lines)) for lines in self.lines],
        }
        return msgspec.json.encode(plain)


def _finite(plain: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in plain.items() if v != float("inf")}


def decode(raw: bytes) -> Calibration:
    """Return the calibration that `Calibration.encode` wrote.

    Raises
    ------
    IntegrityError
        It is not one.
    """
    try:
        plain: Mapping[str, Any] = msgspec.json.decode(raw)
        kept = {n: plain[n] for n in ("promised", "alarms", "days", "people", "made_on", "version")}
        return Calibration(
            names=tuple(plain["names"]),
            norms=tuple(norming.from_plain(n) for n in plain["norms"]),
            lines=tuple(Lines(**lines) for lines in plain["lines"]),
            **kept,
        )
    except (msgspec.DecodeError, KeyError, TypeError):
        raise IntegrityError("the calibration of the watch is not as it was written") from None


def fit_to_watch(panel: Panel, subjects: Sequence[str]) -> tuple[str, ...]:
    """Return the features of which enough is known whichever fold is left out."""
    fold = np.array([fold_of(s) for s in subjects])
    parts = [panel.some(np.flatnonzero(fold != number)) for number in range(FOLDS)]
    known = np.logical_and.reduce([norming.people_enough(part) for part in parts])
    return tuple(name for name, kept in zip(panel.features.names, known, strict=True) if kept)


def calibrate(
    features: Features,
    panel: Panel,
    subjects: Sequence[str],
    *,
    budget_days: float,
    made_on: str,
    policy: str = "shipped",
    design: Design = DESIGN,
) -> Calibration:
    """Set norms and lines on a clinic's relapse-free days, cross-fitted over people.

    Parameters
    ----------
    panel : Panel
        `well` marks the days known to be relapse-free.
    subjects : sequence of str
        The panel's people, for their folds.

    Raises
    ------
    SchemaError
        If there are too few people or relapse-free days.
    """
    fold = np.array([fold_of(s) for s in subjects])
    usual, lines = [], []
    alarms, days = 0, 0
    for number in range(FOLDS):
        others = panel.some(np.flatnonzero(fold != number))
        usual.append(norming.fit(others, design))
        judged = _judge(features, panel, usual[-1], design)
        like = Lines(1.0, 1.0, policy=policy, version=VERSION)
        outside = [j for j, f in zip(judged, fold, strict=True) if f != number]
        lines.append(set_lines(outside, budget_days, like))
        inside = [j for j, f in zip(judged, fold, strict=True) if f == number]
        if inside:
            more = false_alarms(inside, lines[-1])
            alarms, days = alarms + more[0], days + more[1]
    return Calibration(
        features.names,
        tuple(usual),
        tuple(lines),
        budget_days,
        alarms,
        days,
        len(subjects),
        made_on,
    )


def _judge(features: Features, panel: Panel, usual: Norms, design: Design) -> list[Judged]:
    found = []
    for days, well in panel:
        scores = Walk(features, usual, design).go(days)
        found.append(watched(scores.composite, scores.mewma, well))
    return found
