"""Actigraph and Empatica recordings as their makers' software writes them.

Actigraph: `timestamp,date,activity` a minute, as in the Depresjon data (Garcia-Ceja et al. 2018,
doi:10.1145/3204949.3208125). The watch shows the wall clock of the person's home zone, daylight
saving included, wherever the person travels: the repeated hour of autumn is in the file twice, the
skipped hour of spring not at all. Empatica E4: the first line is the start (UTC seconds), the
second the rate, then values; IBI.csv has the start and `IBI`, then seconds since the start and the
length of the interval that ends there. A night segment holds IBI.csv alone.
"""

import numpy as np

from euthymia.ground.clock import Timeline
from euthymia.simulate.daily import Life
from euthymia.simulate.files import Folder, gzipped
from euthymia.simulate.journey import DAY_MIN, MINUTE_US
from euthymia.simulate.people import Person
from euthymia.simulate.physiology import RATE_HZ, Session
from euthymia.simulate.rows import Bytes, Lines, table
from euthymia.simulate.wearable import Actigraphy

_CLOCK: Bytes = table([f" {m // 60:02d}:{m % 60:02d}:00,".encode() for m in range(DAY_MIN)])


def write_actigraph(folder: Folder, person: Person, life: Life, recorded: Actigraphy) -> None:
    """Write a person's actigraphy, if there is any."""
    if person.devices.actigraph is None or not recorded.written.any():
        return
    minute = life.grid.minute[recorded.written]
    home = Timeline(((0, person.site.city.zone),))
    wall = home.local_us(minute * MINUTE_US) // MINUTE_US
    day, clock = wall // DAY_MIN, wall % DAY_MIN
    first, last = int(day.min()), int(day.max())
    dates = np.datetime_as_string(np.arange(first, last + 1).astype("datetime64[D]"))
    dated = table([str(d).encode() for d in dates])
    lines = Lines(minute.size).choice(dated, day - first).choice(_CLOCK, clock)
    lines.choice(dated, day - first).text(b",").integer(recorded.counts[recorded.written])
    data = b"timestamp,date,activity\n" + lines.encode()
    folder.write(f"actigraph/{person.devices.actigraph}.csv.gz", gzipped(data))


def write_empatica(folder: Folder, person: Person, sessions: list[Session]) -> None:
    """Write a person's sessions, one folder each."""
    who = person.devices.empatica
    for session in sessions:
        place = f"empatica/{who}/{session.start_s}_{who}"
        start = f"{session.start_s}.000000"
        if session.beats.size:
            lines = Lines(session.beats.size).decimal(session.beats / 64, 6).text(b",")
            lines.decimal(session.intervals / 64, 6)
            folder.write(f"{place}/IBI.csv", f"{start}, IBI\n".encode() + lines.encode())
        if not session.conductance.size:
            continue
        for name, values, places, rate, begin in (
            ("EDA", session.conductance, 6, RATE_HZ, session.start_s),
            ("TEMP", session.temperature, 2, RATE_HZ, session.start_s),
            ("HR", session.heart_rate, 2, 1, session.start_s + 10),
        ):
            if values.size:
                head = f"{begin}.000000\n{rate}.000000\n".encode()
                data = head + Lines(values.size).decimal(values, places).encode()
                folder.write(f"{place}/{name}.csv", data)
        tags = "".join(f"{tag}.00\n" for tag in session.tags.tolist())
        folder.write(f"{place}/tags.csv", tags.encode())
