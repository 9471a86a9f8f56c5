"""What every model knew of a person, said and was shown to whom, up to an event: from the ledger.

After a relapse, an attempt or an admission a clinic asks what it could have known. What was said
and shown stands in the ledger. What a model could know is computed again from the record as it
rests now, with nothing of after the instant; data that came in later than the instant is listed,
because the model did not have it then.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.problems import RefusalError
from euthymia.app.shelf import Model
from euthymia.care.summary import device_of
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import DAY_US, Micros, day_date, from_micros, to_micros
from euthymia.ground.errors import EuthymiaError, SchemaError
from euthymia.models.contract import SubjectData
from euthymia.models.registry import RELEASED, Registry
from euthymia.security.ledger_lines import LedgerLine

DAYS: Final = 90
"""Looked back, unless told otherwise."""
SHOWN: Final = frozenset({"view patient", "view on worklist", "view alert", "analyze patient"})
"""Actions by which somebody was shown something about the person."""
RELEASES: Final = frozenset({"release model", "roll back model"})


@dataclass(frozen=True, slots=True)
class Live:
    """A model in use at the instant: NAME@VERSION, and since when (None: released unrecorded)."""

    model: str
    since: Micros | None


def review_subject(clinic: Clinic, subject: str, at: datetime, days: int = DAYS) -> dict[str, Any]:
    """Return what was known, said, shown and missing up to an instant.

    Parameters
    ----------
    at : datetime
        The instant of the event, aware.
    days : int
        How far to look back.

    Raises
    ------
    SchemaError
        The instant lies in the future, or `days` is not positive.
    MissingError
        There is no such subject.
    """
    now, end = to_micros(clinic.clock()), to_micros(at)
    if end > now:
        raise SchemaError("--at lies in the future: a review looks back")
    if days < 1:
        raise SchemaError("--days is at least 1")
    who = clinic.resolve(subject)
    audit = Entry(shell_actor(), "review subject", Purpose.CARE, who, {"days": days})
    begin = end - days * DAY_US
    lines = list(clinic.ledger.entries())
    own = [line for line in lines if line.subject == who]
    data = clinic.subject_data(who, audit)
    return {
        "subject": who,
        "at": _told(end),
        "from": _told(begin),
        "models": [
            _of_model(clinic, live, data, own, begin, end)
            for live in _live(clinic.registry, lines, end)
        ],
        "shown": [_shown(line) for line in own if begin <= line.at <= end and line.action in SHOWN],
        "missing": _missing(data, begin, end),
        "came_later": _came_later(own, end),
        "limits": (
            "What a model could know is computed from the record as it is now, without anything "
            "dated after the instant; rows under came_later may be part of it."
        ),
    }


def _told(at: Micros) -> str:
    return from_micros(at).isoformat(timespec="seconds")


def _live(registry: Registry, lines: list[LedgerLine], end: Micros) -> list[Live]:
    """Return the models in use at an instant, by name, from their releases in the ledger.

    One whose release no entry tells of is taken to be in use since it was trained.
    """
    released = [
        (str(line.detail.get("model", "")), line.at) for line in lines if line.action in RELEASES
    ]
    told = {named.partition("@")[0] for named, _ in released}
    found = {
        entry.name: Live(f"{entry.name}@{entry.version}", None)
        for entry in registry.list()
        if entry.state == RELEASED
        and entry.name not in told
        and to_micros(datetime.fromisoformat(entry.trained_at)) <= end
    }
    found |= {named.partition("@")[0]: Live(named, at) for named, at in released if at <= end}
    return [found[name] for name in sorted(found)]


def _of_model(
    clinic: Clinic,
    live: Live,
    data: SubjectData,
    own: list[LedgerLine],
    begin: Micros,
    end: Micros,
) -> dict[str, Any]:
    asked = [
        {
            "at": _told(line.at),
            "by": line.actor,
            "role": line.role,
            **{k: v for k, v in line.detail.items() if k not in {"model", "request"}},
            "ledger_entry": line.id,
        }
        for line in own
        if line.detail.get("model") == live.model and begin <= line.at <= end
    ]
    return {
        "model": live.model,
        "released": None if live.since is None else _told(live.since),
        "said": asked,
        "could_know": _could_know(clinic.registry, live.model, data, end),
    }


def _could_know(registry: Registry, named: str, data: SubjectData, end: Micros) -> dict[str, Any]:
    """Return what a model says of the record at an instant; why not, where it says nothing."""
    try:
        model = Model(*registry.load(named, for_use=False))
        then = replace(data, seen_until=end)
        vector, coverage, age = model.describe(then, end)
        outside = model.outside(then, end)
        said = model.silent(outside) if outside else model.predict(vector, coverage, age)
    except (EuthymiaError, RefusalError) as error:
        return {"not_computed": str(error)}
    known = int((vector == vector).sum())  # noqa: PLR0124 - not NaN
    return {
        "probability": said.probability,
        "interval": said.interval,
        "abstained_because": said.abstained_because,
        "review_line": model.threshold,
        "coverage": coverage,
        "data_age_hours": age,
        "features_known": known,
        "features_in_all": len(vector),
        "reasons": [
            {"feature": r.feature, "value": r.value, "unit": r.unit, "direction": r.direction}
            for r in said.reasons
        ],
    }


def _shown(line: LedgerLine) -> dict[str, Any]:
    detail = {k: v for k, v in line.detail.items() if k != "request"}
    return {
        "at": _told(line.at),
        "to": line.actor,
        "role": line.role,
        "what": line.action,
        **({"detail": detail} if detail else {}),
        "ledger_entry": line.id,
    }


def _missing(data: SubjectData, begin: Micros, end: Micros) -> list[dict[str, Any]]:
    """Return, for each stream on record, the days of the stretch without any of its data."""
    first, last = begin // DAY_US, end // DAY_US
    found = []
    for stream, held in sorted(data.segments.items()):
        gone = [day for day in range(first, last) if day not in held]
        earlier = [day for day in held if day < last]
        if gone:
            found.append(
                {
                    "stream": stream,
                    "device": device_of(stream),
                    "days_without": len(gone),
                    "of_days": last - first,
                    "stretches": [f"{a.isoformat()} to {b.isoformat()}" for a, b in _runs(gone)],
                    "last_before": day_date(max(earlier)).isoformat() if earlier else None,
                }
            )
    return found


def _runs(days: list[int]) -> Iterator[tuple[date, date]]:
    """Yield the first and last date of each unbroken run of days."""
    start = previous = days[0]
    for day in [*days[1:], days[-1] + 2]:
        if day != previous + 1:
            yield day_date(start), day_date(previous)
            start = day
        previous = day


def _came_later(own: list[LedgerLine], end: Micros) -> list[dict[str, Any]]:
    """Return the days after the instant on which this person's record or features changed."""
    counted: dict[tuple[str, str], int] = {}
    for line in own:
        if line.at > end and line.detail.get("change") is not None:
            key = (from_micros(line.at).date().isoformat(), line.action)
            counted[key] = counted.get(key, 0) + 1
    return [{"day": day, "what": what, "changes": n} for (day, what), n in sorted(counted.items())]
