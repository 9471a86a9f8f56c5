"""Phone recordings as Beiwe and AWARE write them.

Beiwe: one file an hour and data stream, `<id>/<stream>/2026-01-05 13_00_00.csv` (UTC), headers as
in Beiwe's own reference list. Android phones write the screen's on and off; iPhones write locked
and unlocked with the battery level, and no calls. AWARE: one CSV a sensor in the export layout
with `user`, `device` and `time` (seconds since 1970 UTC).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.simulate.files import Folder
from euthymia.simulate.people import Person
from euthymia.simulate.phone import LOCKED, OFF, ON, UNLOCKED, Calls, Fixes, Screen
from euthymia.simulate.rows import Lines, table

Ints = NDArray[np.int64]
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

BEIWE_GPS: Final = b"timestamp,UTC time,latitude,longitude,altitude,accuracy\n"
BEIWE_POWER: Final = b"timestamp,UTC time,event\n"
BEIWE_POWER_IOS: Final = b"timestamp,UTC time,event,level\n"
BEIWE_CALLS: Final = b"timestamp,UTC time,hashed phone number,call type,duration in seconds\n"
_ANDROID = table([b"Screen turned off", b"Screen turned on", b"", b""])
_IOS = table([b"", b"", b"Locked", b"Unlocked"])
_CALLS = table([b"", b"Incoming Call", b"Outgoing Call", b"Missed Call"])
_AWARE_CALLS = table([b"", b"incoming", b"outgoing", b"missed"])


def _dated(lines: Lines, at_ms: Ints) -> Lines:
    """Add Beiwe's two times: milliseconds, and UTC text with milliseconds."""
    day, rest = at_ms // DAY_MS, at_ms % DAY_MS
    first = int(day.min()) if day.size else 0
    span = int(day.max()) - first + 1 if day.size else 0
    dates = np.datetime_as_string(np.arange(first, first + span).astype("datetime64[D]"))
    lines.integer(at_ms).text(b",").choice(table([str(d).encode() for d in dates]), day - first)
    lines.text(b"T").padded(rest // HOUR_MS, 2).text(b":").padded(rest // 60_000 % 60, 2)
    lines.text(b":").padded(rest // 1000 % 60, 2).text(b".").padded(rest % 1000, 3)
    return lines.text(b",")


def _gps(fixes: Fixes) -> Lines:
    lines = _dated(Lines(fixes.at_ms.size), fixes.at_ms)
    lines.decimal(fixes.latitude, 7).text(b",").decimal(fixes.longitude, 7).text(b",")
    return lines.decimal(fixes.altitude, 1).text(b",").decimal(fixes.accuracy, 3)


def _power(screen: Screen, *, ios: bool) -> tuple[Ints, Lines]:
    wanted = (LOCKED, UNLOCKED) if ios else (OFF, ON)
    keep = np.isin(screen.state, wanted)
    at, state = screen.at_ms[keep], screen.state[keep]
    lines = _dated(Lines(at.size), at).choice(_IOS if ios else _ANDROID, state)
    if ios:
        hour = at / HOUR_MS  # charged overnight, used up over the day (UTC, roughly)
        lines.text(b",").decimal(np.clip(0.97 - ((hour - 7) % 24) * 0.028, 0.15, 1.0), 2)
    return at, lines


def _calls(calls: Calls) -> Lines:
    lines = _dated(Lines(calls.at_ms.size), calls.at_ms)
    lines.choice(table([h.encode() for h in calls.hashes]), calls.contact).text(b",")
    return lines.choice(_CALLS, calls.direction).text(b",").integer(calls.seconds)


def _hourly(stream: str, header: bytes, at: Ints, lines: Lines) -> Iterator[tuple[str, bytes]]:
    for hour, data in lines.split(at // HOUR_MS):
        name = str(np.datetime64(hour, "h").astype("datetime64[s]"))
        yield f"{stream}/{name.replace('T', ' ').replace(':', '_')}.csv", header + data


def write_beiwe(
    folder: Folder, person: Person, fixes: Fixes, screen: Screen, calls: Calls, *, zipped: bool
) -> None:
    """Write a person's Beiwe files, loose or as one archive."""
    ios = person.devices.ios
    at, power = _power(screen, ios=ios)
    files = [
        *_hourly("gps", BEIWE_GPS, fixes.at_ms, _gps(fixes)),
        *_hourly("power_state", BEIWE_POWER_IOS if ios else BEIWE_POWER, at, power),
    ]
    if not ios:
        files += _hourly("calls", BEIWE_CALLS, calls.at_ms, _calls(calls))
    who = person.devices.beiwe
    if zipped and files:
        folder.write_zip(f"beiwe/{who}.zip", ((f"{who}/{name}", data) for name, data in files))
        return
    for name, data in files:
        folder.write(f"beiwe/{who}/{name}", data)


def write_aware(folder: Folder, person: Person, fixes: Fixes, screen: Screen, calls: Calls) -> None:
    """Write a person's AWARE files; a sensor without a row has no file."""
    who = person.devices.aware
    lead = f"{who},{who[::-1]}00,".encode()
    if fixes.at_ms.size:
        lines = _seconds(lead, fixes.at_ms)
        lines.decimal(fixes.latitude, 7).text(b",").decimal(fixes.longitude, 7).text(b",")
        lines.decimal(fixes.speed, 2).text(b",").decimal(fixes.altitude, 1).text(b",")
        lines.decimal(fixes.accuracy, 1)
        head = b"double_latitude,double_longitude,double_speed,double_altitude,accuracy"
        _aware(folder, f"aware/{who}/locations.csv", head, lines)
    if screen.at_ms.size:
        lines = _seconds(lead, screen.at_ms).integer(screen.state)
        _aware(folder, f"aware/{who}/screen.csv", b"screen_status", lines)
    if calls.at_ms.size:
        lines = _seconds(lead, calls.at_ms).choice(_AWARE_CALLS, calls.direction)
        lines.text(b",").integer(calls.seconds).text(b",")
        lines.choice(table([h[:40].encode() for h in calls.hashes]), calls.contact)
        _aware(folder, f"aware/{who}/calls.csv", b"call_type,call_duration,trace", lines)


def _seconds(lead: bytes, at_ms: Ints) -> Lines:
    lines = Lines(at_ms.size).text(lead).integer(at_ms // 1000).text(b".")
    return lines.padded(at_ms % 1000, 3).text(b",")


def _aware(folder: Folder, name: str, columns: bytes, lines: Lines) -> None:
    folder.write(name, b"user,device,time," + columns + b"\n" + lines.encode())


def cut(
    recorded: tuple[Fixes, Screen, Calls], low_ms: int, high_ms: int
) -> tuple[Fixes, Screen, Calls]:
    """Return what was recorded in [low, high)."""
    fixes, screen, calls = recorded
    f = (fixes.at_ms >= low_ms) & (fixes.at_ms < high_ms)
    s = (screen.at_ms >= low_ms) & (screen.at_ms < high_ms)
    c = (calls.at_ms >= low_ms) & (calls.at_ms < high_ms)
    return (
        Fixes(
            fixes.at_ms[f],
            fixes.latitude[f],
            fixes.longitude[f],
            fixes.altitude[f],
            fixes.accuracy[f],
            fixes.speed[f],
        ),
        Screen(screen.at_ms[s], screen.state[s]),
        Calls(calls.at_ms[c], calls.direction[c], calls.seconds[c], calls.contact[c], calls.hashes),
    )
