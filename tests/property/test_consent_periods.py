"""Consents with exceptions that have periods of their own, against an oracle that reads FHIR.

The oracle walks the tree at each instant and shares no code with what turns it into decisions.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from euthymia.gateway.contract import GrantRecord
from euthymia.gateway.permits import standing
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.ids import SourceId
from euthymia.security.consent import Use, covers
from euthymia.sources.fhir_consent import grants_of
from euthymia.sources.fhir_people import Entry

STREAMS = ("location", "calls")
OURS = [{"system": "urn:euthymia:purpose", "code": "monitoring"}]
WHO = SourceId("urn:euthymia:mrn", "A1")
INSTANTS = [datetime(2025, month, 20, tzinfo=UTC) for month in range(1, 13)]

months = st.integers(1, 12)
periods = st.none() | st.tuples(months, st.none() | months).filter(
    lambda p: p[1] is None or p[0] <= p[1]
)


def provisions(deeper: st.SearchStrategy[list[Any]], *, limited: bool) -> st.SearchStrategy[Any]:
    streams = st.none() | st.sampled_from(STREAMS) if limited else st.none()
    return st.builds(_provision, st.booleans(), periods, streams, deeper)


def _provision(
    permit: bool, period: tuple[int, int | None] | None, stream: str | None, under: list[Any]
) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "permit" if permit else "deny", "provision": under}
    if period is not None:
        start, end = period
        made["period"] = {"start": f"2025-{start:02d}-01"}
        made["period"] |= {} if end is None else {"end": f"2025-{end:02d}-25"}
    if stream is not None:
        made["class"] = [{"system": "urn:euthymia:stream", "code": stream}]
    return made


third = provisions(st.just([]), limited=True)
second = provisions(st.lists(third, max_size=2), limited=True)
whole = provisions(st.lists(second, max_size=2), limited=False)


def inside(provision: dict[str, Any], at: datetime) -> bool:
    period = provision.get("period", {})
    start, end = (
        datetime.fromisoformat(period[edge]).replace(tzinfo=UTC) if edge in period else None
        for edge in ("start", "end")
    )
    return (start is None or start <= at) and (end is None or at < end + timedelta(days=1))


def speak(provision: dict[str, Any], at: datetime, stream: str, deep: int = 0) -> Iterator[Any]:
    """Yield (depth, permit) of what holds at an instant, each within what it is an exception to."""
    if inside(provision, at):
        if all(coding["code"] == stream for coding in provision.get("class", [])):
            yield deep, provision["type"] == "permit"
        for exception in provision["provision"]:
            yield from speak(exception, at, stream, deep + 1)


@given(whole)
def test_nothing_is_permitted_that_the_deepest_exceptions_do_not_permit(root):
    resource = {
        "resourceType": "Consent",
        "status": "active",
        "dateTime": "2025-01-01T00:00:00Z",
        "provision": root | {"purpose": OURS},
    }
    told = [
        GrantRecord(
            Purpose.MONITORING,
            g.permit,
            to_micros(g.at),
            None if g.until is None else to_micros(g.until),
            "",
            g.scope,
            told=0 if g.told is None else to_micros(g.told),
        )
        for g in grants_of(Entry(1, "entry 1", resource), WHO, "UTC")
    ]
    assert all(g.until is None or g.until > g.since for g in told)
    for at in INSTANTS:
        for stream in STREAMS:
            held = list(speak(root, at, stream))
            deepest = max((deep for deep, _ in held), default=0)
            allowed = bool(held) and all(permit for deep, permit in held if deep == deepest)
            got = covers(standing(told), Use(Purpose.MONITORING, stream=stream), to_micros(at))
            assert got <= allowed
            if not any("period" in p for r in root["provision"] for p in (r, *r["provision"])):
                assert got == allowed
