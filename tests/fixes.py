"""A person's location fixes as Beiwe files, around coordinates that a test can look for."""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.config import Config, GatewayConfig
from euthymia.ground.audit import Entry, Purpose

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIRST = datetime(2026, 2, 2, tzinfo=UTC)
HOME_AT = (47.3712839, 8.5391827)
WORK_AT = (47.4127351, 8.6178293)
HEADER = "timestamp,UTC time,latitude,longitude,altitude,accuracy\n"
CONSENT = ("--consent", "monitoring", "--because", "a test")


def write_fixes(
    folder: Path, who: str, days: int, *, first: int = 0, hours: tuple[int, int] = (0, 24)
) -> int:
    """Write a fix every five minutes for some days from `FIRST`; return how many."""
    count = 0
    for day in range(first, first + days):
        for hour in range(*hours):
            at = FIRST + timedelta(days=day, hours=hour)
            lines = [_line(at + timedelta(minutes=m), hour) for m in range(0, 60, 5)]
            path = folder / who / "gps" / f"{at:%Y-%m-%d %H}_00_00.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(HEADER + "".join(lines))
            count += len(lines)
    return count


def _line(at: datetime, hour: int) -> str:
    latitude, longitude = WORK_AT if 9 <= hour < 17 else HOME_AT
    ms = int(at.timestamp() * 1000)
    return f"{ms},{at:%Y-%m-%dT%H:%M:%S}.000,{latitude},{longitude},400.0,10.0\n"


def write_screen(folder: Path, who: str, days: int) -> int:
    """Write the screen going on and off every hour of some days; return how many rows."""
    for hour in range(24 * days):
        at = FIRST + timedelta(hours=hour)
        lines = [
            f"{int(then.timestamp() * 1000)},{then:%Y-%m-%dT%H:%M:%S}.000,Screen turned {state}\n"
            for then, state in ((at, "on"), (at + timedelta(minutes=1), "off"))
        ]
        path = folder / who / "power_state" / f"{at:%Y-%m-%d %H}_00_00.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("timestamp,UTC time,event\n" + "".join(lines))
    return 48 * days


def forms() -> Iterator[bytes]:
    """Yield the planted coordinates as text and as packed numbers."""
    for value in (*HOME_AT, *WORK_AT):
        yield f"{value}".encode()
        yield f"{value:.4f}".encode()
        for form in ("<d", ">d", "<f", ">f"):
            yield struct.pack(form, value)


def held_near(clinic: Clinic) -> list[str]:
    """Return in which kinds of decrypted blocks a number near a planted coordinate rests."""
    people, blocks = clinic.store._people, clinic.store._blocks
    found = set()
    subjects = clinic.store.subjects(Entry(shell_actor(), "list subjects", Purpose.CARE))
    held = (
        (kind, frame)
        for subject in subjects
        for kind in blocks.kind_names().values()
        for _, frame in blocks.read(people.need(subject).owner, kind)
    )
    for kind, frame in held:
        for column in frame.values():
            values = column.values.astype(float)
            near = [np.abs(values - c).min(initial=9) < 1e-3 for c in (*HOME_AT, *WORK_AT)]
            texts = " ".join(column.pool)
            if (column.kind in {"f4", "f8"} and any(near)) or any(
                f"{c:.3f}"[:-1] in texts for c in (*HOME_AT, *WORK_AT)
            ):
                found.add(kind)
    return sorted(found)


def make(home: Path, *feature_only: str) -> Clinic:
    """Make a clinic with feature-only streams; the caller closes it."""
    config = Config(gateway=GatewayConfig(feature_only))
    return Clinic.create(home, config, lambda: NOW)
