"""Score everybody now: read what is new, score it against each person's own baseline, store it.

Only people with a consent to monitoring are read. What is stored is sealed with the person's other
derived rows; days whose input has not changed stay as they were judged. One ledger entry says what
a run did; each person's stored rows leave theirs, as all derived rows do.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.app import calibrations
from euthymia.app.clinic import Clinic
from euthymia.app.estimates import WORKLIST_MODEL, estimate
from euthymia.app.in_force import WATCH, digest_of
from euthymia.app.shelf import Model, Shelf
from euthymia.app.shell import Progress
from euthymia.app.summaries import Summaries
from euthymia.care.monitor.calibration import Calibration, calibrate, fit_to_watch
from euthymia.care.monitor.contract import FAMILY, VERSION, Lines, ScoreStream, from_table, to_table
from euthymia.care.monitor.frozen import frozen_of
from euthymia.care.monitor.panel import Days, Features, Panel
from euthymia.care.monitor.records import outages, stay_days, well_days
from euthymia.care.monitor.stream import (
    episodes_of,
    merged,
    stream_of,
    unseen_episodes,
    with_chance,
)
from euthymia.care.monitor.watched import (
    WATCHED,
    days_of,
    features_named,
    features_of,
)
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Timeline, to_micros
from euthymia.ground.errors import ConsentError, MissingError, SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.store.consent import unlabelled

JOB: Final = Actor("watch job", "job")
SUBJECTS_A_COMMIT: Final = 20
BUDGET_DAYS: Final = 90.0  # relapse-free patient-days to one false alarm

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Held:
    """What is read of one person."""

    tables: Mapping[str, pa.Table]
    zones: Timeline
    observations: pa.Table
    before: ScoreStream | None
    frozen: tuple[int, int] | None
    today: int  # local day number


@dataclass
class _Run:
    """Reads people, and counts those who are not read. `families`: of the watched features."""

    clinic: Clinic
    families: tuple[str, ...]
    without_consent: int = 0
    died: int = 0

    def read(self, who: SubjectId) -> _Held | None:
        """Return what is known of a person; None without consent, or once they have died."""
        store, audit = self.clinic.store, Entry(JOB, "watch", Purpose.MONITORING, who)
        try:
            if "deceased_on" in store.attributes(who, audit):
                self.died += 1
                return None
            tables = {
                name: table
                for name in self.families
                if (table := store.features(who, name, audit)) is not None
            }
            before = store.features(who, FAMILY, audit)
            observations = unlabelled(store.observations(who, audit))
            frozen = frozen_of(store, who, audit)
            zones = store.timeline(who)
        except ConsentError:
            self.without_consent += 1
            return None
        except MissingError:  # erased meanwhile
            return None
        return _Held(
            tables=tables,
            zones=zones,
            observations=observations,
            before=from_table(before) if before is not None and before.num_rows else None,
            frozen=frozen,
            today=_today(self.clinic, zones),
        )


def watch(
    clinic: Clinic,
    progress: Progress,
    budget_days: float | None = None,
    *,
    anew: bool = False,
    keep: bool = True,
) -> dict[str, Any]:
    """Bring every score stream up to date; set norms and lines where there are none (or `anew`).

    `keep` people's summaries: not where alerts are raised at once, which change records once more.

    Raises
    ------
    SchemaError
        If there are too few people or relapse-free days to set lines on, or the lines that stand
        are for another budget.
    """
    standing = None if anew else _standing(clinic)
    if standing and budget_days not in (None, standing.promised):
        raise SchemaError(
            f"the lines that stand are for one false alarm in {standing.promised:g} patient-days; "
            "add --recalibrate to set them anew, or leave --budget-days out"
        )
    watched = standing.names if standing else [f"{family}.{name}" for family, name in WATCHED]
    run = _Run(clinic, tuple(dict.fromkeys(name.split(".", 1)[0] for name in watched)))
    subjects = clinic.store.subjects(Entry(JOB, "list subjects", Purpose.MONITORING))
    held = {who: found for who in subjects if (found := run.read(who)) is not None}
    features = (
        features_named(standing.names)
        if standing is not None
        else features_of(found.tables for found in held.values())
    )
    days = {} if features is None else _days(features, held)
    if features is not None and standing is None:
        names = fit_to_watch(*_panel(features, held, days))
        if names != features.names:
            features = features_named(names) if names else None
            days = {} if features is None else _days(features, held)
    if features is None:
        raise SchemaError(
            "nothing to watch: too few people have two weeks of daily features, known to be free "
            "of relapse, under a consent to monitoring; `euthymia ingest`, then `euthymia features`"
        )
    calibration = standing or _calibrate(
        clinic, features, held, days, budget_days or _promised(clinic, anew=anew)
    )
    told: dict[str, Any] = _store_all(clinic, features, calibration, held, days, progress)
    told |= {
        "subjects": len(subjects),
        "scored": len(days),
        "without_consent": run.without_consent,
        "died": run.died,
        "without_data": len(held) - len(days),
    }
    detail = {**told, "calibration": calibration.digest}
    entry = Entry(JOB, "watch", Purpose.MONITORING, None, detail)
    if keep:
        Summaries.of(clinic).keep(JOB)
    return told | {
        "ledger_entry": clinic.ledger.append(entry),
        "features": list(features.names),
        "calibration": _said(calibration),
        "simulated": clinic.simulated(held),
    }


def _standing(clinic: Clinic) -> Calibration | None:
    """Return the calibration in force; None before the first, or after what is watched changed."""
    found = calibrations.read(clinic.home, clinic.keyring)
    known = {f"{family}.{name}" for family, name in WATCHED}
    current = found is not None and found.version == VERSION and set(found.names) <= known
    return found if current else None


def _promised(clinic: Clinic, *, anew: bool) -> float:
    """Return the budget to set lines for: that of lines which a newer definition replaces."""
    found = None if anew else calibrations.read(clinic.home, clinic.keyring)
    return found.promised if found else BUDGET_DAYS


def _days(features: Features, held: Mapping[SubjectId, _Held]) -> dict[SubjectId, Days]:
    """Return everybody's days up to yesterday; outages of the clinic's feed are forgiven."""
    found = {}
    for who, person in held.items():
        stays = stay_days(person.observations, person.zones)
        made = days_of(features, person.tables, person.zones, person.today - 1, stays)
        if made is not None:
            found[who] = made
    outage = outages(list(found.values()))
    return {who: days.forgiven(outage) for who, days in found.items()}


def _panel(
    features: Features, held: Mapping[SubjectId, _Held], days: Mapping[SubjectId, Days]
) -> tuple[Panel, list[SubjectId]]:
    people = list(days)
    well = tuple(well_days(days[w], held[w].observations, held[w].zones) for w in people)
    return Panel(features, tuple(days[w] for w in people), well), people


def _calibrate(
    clinic: Clinic,
    features: Features,
    held: Mapping[SubjectId, _Held],
    days: Mapping[SubjectId, Days],
    budget_days: float,
) -> Calibration:
    panel, people = _panel(features, held, days)
    made = calibrate(
        features, panel, people, budget_days=budget_days, made_on=clinic.clock().date().isoformat()
    )
    calibrations.write(clinic.home, clinic.keyring, made)
    # told here, and not again for whatever lies there later; the run may yet be stopped
    detail = {"calibration": made.digest, WATCH: digest_of(clinic.home.watch)}
    clinic.ledger.append(Entry(JOB, "set lines of the watch", Purpose.MONITORING, None, detail))
    return made


def _store_all(
    clinic: Clinic,
    features: Features,
    calibration: Calibration,
    held: Mapping[SubjectId, _Held],
    days: Mapping[SubjectId, Days],
    progress: Progress,
) -> dict[str, int]:
    people, model = list(days), Shelf(clinic.registry, clinic.home.models).get(WORKLIST_MODEL)
    counts = dict.fromkeys(("rows", "open", "opened", "unseen"), 0)
    progress(0, len(people))
    for first in range(0, len(people), SUBJECTS_A_COMMIT):
        with clinic.store.grouped():
            for who in people[first : first + SUBJECTS_A_COMMIT]:
                with suppress(ConsentError, MissingError):  # withdrawn or erased meanwhile
                    _store_one(
                        clinic, features, calibration, who, held[who], days[who], counts, model
                    )
        progress(min(first + SUBJECTS_A_COMMIT, len(people)), len(people))
    return counts


def _store_one(
    clinic: Clinic,
    features: Features,
    calibration: Calibration,
    who: SubjectId,
    person: _Held,
    days: Days,
    counts: dict[str, int],
    model: Model | None,
) -> None:
    norms, lines = calibration.of(who)
    fresh = stream_of(who, features, days, norms, lines, person.frozen)
    stream, since = merged(person.before, fresh, lines)
    if since < stream.day.size:
        chance, line = _asked(clinic, model, who, person.tables)
        lines = replace(lines, probability=line)
        stream, since = merged(person.before, with_chance(fresh, chance, lines), lines)
        audit = Entry(JOB, "store scores", Purpose.MONITORING, who, {"family": FAMILY})
        table = to_table(stream)
        whole = person.before is None or set(person.before.z) != set(stream.z)
        clinic.store.put_features(who, FAMILY, table if whole else table.slice(since), audit)
    counts["rows"] += stream.day.size - since
    _count(counts, stream, since, lines)


def _asked(
    clinic: Clinic, model: Model | None, who: SubjectId, tables: Mapping[str, pa.Table]
) -> tuple[float, float]:
    """Return a model's probability of relapse now and its review line; NaN where it gives none.

    `tables`: the features that were read of them for this run; the others are read.
    """
    if model is None or model.threshold is None:
        return float("nan"), float("inf")
    audit = Entry(JOB, "ask model", Purpose.CARE, who, {"model": model.name})
    data = clinic.subject_on_demand(who, audit, tables)
    found = estimate(model, data, clinic.store.grants(who), data.seen_until)
    if found is None or found.probability is None or found.abstained_because is not None:
        return float("nan"), model.threshold
    return found.probability, model.threshold


def _count(counts: dict[str, int], stream: ScoreStream, since: int, lines: Lines) -> None:
    episodes = episodes_of(stream)
    new = int(stream.day[-1]) + 1 if since == stream.day.size else int(stream.day[since])
    counts["open"] += sum(e.closed is None for e in episodes)
    counts["opened"] += sum(e.opened >= new for e in episodes)
    counts["unseen"] += sum(e.closed is None for e in unseen_episodes(stream, lines))


def _said(calibration: Calibration) -> dict[str, Any]:
    return {
        "promised_days_to_an_alarm": calibration.promised,
        "found_days_to_an_alarm": calibration.days_to_an_alarm if calibration.alarms else None,
        "alarms": calibration.alarms,
        "relapse_free_days": calibration.days,
        "people": calibration.people,
        "made_on": calibration.made_on,
        "digest": calibration.digest,
    }


def set_frozen(
    clinic: Clinic, subject: str, since: date | None, until: date | None
) -> dict[str, Any]:
    """Set (or, without `since`, clear) a person's frozen baseline: "well since March".

    Raises
    ------
    SchemaError
        If it is shorter than four weeks, or ends after today.
    """
    from euthymia.care.monitor.frozen import frozen_row

    who = clinic.resolve(subject)
    audit = Entry(JOB, "set baseline", Purpose.MONITORING, who)
    today = clinic.clock().date()
    table = frozen_row(who, today, since, until or today)
    clinic.store.put_features(who, table["family"][0].as_py(), table, audit)
    return {
        "subject": who,
        "since": since.isoformat() if since else None,
        "until": (until or today).isoformat() if since else None,
    }


def stream_for(clinic: Clinic, who: SubjectId, audit: Entry) -> ScoreStream | None:
    """Return a person's stored score stream up to yesterday; None without (or without consent)."""
    try:
        table = clinic.store.features(who, FAMILY, audit)
    except ConsentError:
        return None
    if table is None or not table.num_rows:
        return None
    found = from_table(table).until(_today(clinic, clinic.store.timeline(who)) - 1)
    return found if found.day.size else None


def _today(clinic: Clinic, zones: Timeline) -> int:
    """Return the local day that it is now where somebody is."""
    return int(zones.local_day(np.array([to_micros(clinic.clock())], np.int64))[0])
