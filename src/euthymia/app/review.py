"""What every model knew of a person, said and was shown to whom, up to an event: from the ledger.

After a relapse, an attempt or an admission a clinic asks what it could have known. What was said
and shown stands in the ledger. What a model could know is computed again from the record as it
rests now, with nothing of after the instant; data that came in later than the instant is listed,
because the model did not have it then.
"""

from collections.abc import Iterator, Mapping
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
    """A model in use in the stretch: NAME@VERSION, since when and, if it was replaced, until when.

    `since` is None where no entry tells of its release.
    """

    model: str
    since: Micros | None
    until: Micros | None = None


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
    asked: dict[str, Micros] = {}
    for line in own:
        if begin <= line.at <= end and line.detail.get("model"):
            asked.setdefault(str(line.detail["model"]), line.at)
    data = clinic.subject_data(who, audit)
    return {
        "subject": who,
        "at": _told(end),
        "from": _told(begin),
        "models": [
            _of_model(clinic, live, data, own, begin, end)
            for live in _live(clinic.registry, lines, asked, begin, end)
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


def _live(
    registry: Registry,
    lines: list[LedgerLine],
    asked: Mapping[str, Micros],
    begin: Micros,
    end: Micros,
) -> list[Live]:
    """Return the models in use in a stretch, by name, from their releases in the ledger.

    One whose release no entry tells of is taken to be in use since it was trained. `asked` are the
    models (NAME@VERSION) that were asked in the stretch, with the first time: they were in use.
    """
    released: dict[str, list[Live]] = {}
    for line in lines:
        if line.action in RELEASES and line.at <= end:
            named = str(line.detail.get("model", ""))
            before = released.setdefault(named.partition("@")[0], [])
            if before:
                before[-1] = replace(before[-1], until=line.at)
            before.append(Live(named, line.at))
    found = [
        live
        for every in released.values()
        for live in every
        if live.until is None or live.until > begin
    ]
    for entry in registry.list():
        named = f"{entry.name}@{entry.version}"
        first = released[entry.name][0].since if entry.name in released else None
        trained = to_micros(datetime.fromisoformat(entry.trained_at)) <= end
        if named in asked and (first is None or asked[named] < first):
            found.append(Live(named, None, first))
        elif entry.state == RELEASED and first is None and trained:
            found.append(Live(named, None))
    return sorted(found, key=lambda live: (live.model.partition("@")[0], live.since or 0))


def _of_model(
    clinic: Clinic,
    live: Live,
    data: SubjectData,
    own: list[LedgerLine],
    begin: Micros,
    end: Micros,
) -> dict[str, Any]:
    until = end if live.until is None else live.until
    asked = [
        {
            "at": _told(line.at),
            "by": line.actor,
            "role": line.role,
            **{k: v for k, v in line.detail.items() if k not in {"model", "request"}},
            "ledger_entry": line.id,
        }
        for line in own
        if line.detail.get("model") == live.model
        and max(begin, live.since or begin) <= line.at <= until - (live.until is not None)
    ]
    return {
        "model": live.model,
        "released": None if live.since is None else _told(live.since),
        "replaced": None if live.until is None else _told(live.until),
        "said": asked,
        "could_know": _could_know(clinic.registry, live.model, data, until),
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
