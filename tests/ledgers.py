"""Small ledgers for tests: a clock that steps, an entry, a home with keys."""

from datetime import UTC, datetime, timedelta
from itertools import count

from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.ids import SubjectId

START = datetime(2026, 6, 3, 12, tzinfo=UTC)
SUBJECT = SubjectId("p-abcdefgh234567ab")


def stepping_clock():
    """Return a clock that goes on by a second at each look."""
    steps = count()
    return lambda: START + timedelta(seconds=next(steps))


def entry(number=0, action="view patient", **detail):
    return Entry(Actor("ada", "clinician"), action, Purpose.CARE, SUBJECT, {"n": number, **detail})
