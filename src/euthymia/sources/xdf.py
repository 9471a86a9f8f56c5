"""LSL XDF: the streams of a laboratory's recorders on one clock, with their markers.

Two passes: the first reads the headers, the clock offsets and where a stream breaks; the second
the samples. Each stream's clock is brought to the recorder's by a robust line through its clock
offsets (Huber's loss at 0.1 ms, begun anew where a computer was restarted), and the time stamps of
a regular stream are put on the line through them between its breaks (1 s, or 500 samples if that
is longer): the same as pyxdf does.

LSL counts seconds since a computer started. The date is the file header's, which stands for the
first clock offset that was measured; it is good to some seconds, while times within the file are
good to a millisecond. Markers become marks, never their text.

Whose it is: `sub-01` of a BIDS name, else the file's name. A row is one chunk of one kind of
channel.

https://github.com/sccn/xdf/wiki/Specifications
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US
from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item
from euthymia.sources.contract import Opened, Source
from euthymia.sources.gather import Gather, reading
from euthymia.sources.phone_people import named_after
from euthymia.sources.physiology import Channel
from euthymia.sources.xdf_chunks import MAGIC, Stream, samples_in, survey, write_xdf
from euthymia.sources.xdf_time import start_of

NAME: Final = "xdf"
SYSTEM: Final = device_id(NAME, "").system
_BIDS: Final = re.compile(r"(?:^|_)(sub-[A-Za-z0-9]+)(?:_|$)")
_CUT: Final = "gzip stream ends early; copy the file again and re-ingest"
_AXES: Final = ("x", "y", "z")


def _recognise(_path: PurePath, head: bytes) -> float:
    return 0.95 if head.startswith(MAGIC) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    found = _BIDS.search(opened.path.stem)
    name = found.group(1) if found else named_after(opened)
    gather = Gather(NAME, opened.context.subject or name)

    def steps() -> Iterator[None]:
        surveyed = survey(opened.blob)
        if surveyed.problem and (surveyed.recorded is None or surveyed.zero_s is None):
            raise SourceError(_CUT if opened.blob.cut else surveyed.problem)
        zone = opened.context.zone_for(gather.subject)
        zero_us = start_of(surveyed, zone)
        for stream, time_s, values in samples_in(opened.blob, surveyed):
            time_us = zero_us + np.rint(time_s * SECOND_US).astype(np.int64)
            _chunk(gather, stream, time_us, values)
            yield
        if opened.blob.cut:
            raise SourceError(_CUT)
        if surveyed.problem:
            raise SourceError(surveyed.problem)

    yield from reading(gather, steps)


def _chunk(
    gather: Gather, stream: Stream, time_us: NDArray[np.int64], values: NDArray[np.float64] | None
) -> None:
    if values is None:
        gather.stretch("event_marks", time_us)
        return
    if stream.motion:
        factor, name = stream.motion[1], stream.motion[0]
        parts = {axis: values[:, i] * factor for i, axis in enumerate(_AXES)}
        gather.stretch(name, time_us, **parts)
        return
    left = {reason for reason in stream.channels if isinstance(reason, str)}
    for reason in sorted(left):
        gather.leave(reason)
    brain = [i for i, c in enumerate(stream.channels) if isinstance(c, Channel) and c.label]
    if brain:
        _brain(gather, stream, time_us, values[:, brain], brain)
    for i, channel in enumerate(stream.channels):
        if isinstance(channel, Channel) and not channel.label:
            field = {channel.field: values[:, i] * channel.factor}
            gather.stretch(channel.stream, time_us, **field)


def _brain(
    gather: Gather,
    stream: Stream,
    time_us: NDArray[np.int64],
    values: NDArray[np.float64],
    places: list[int],
) -> None:
    """Hand over all channels of an EEG as one row: each sample of each is one line."""
    channels = [c for i in places if isinstance(c := stream.channels[i], Channel)]
    labels = pa.array([channel.label for channel in channels], pa.string())
    place = np.tile(np.arange(len(channels)), len(time_us))
    factor = np.array([channel.factor for channel in channels])
    gather.stretch(
        "electroencephalogram",
        np.repeat(time_us, len(channels)),
        channel=labels.take(pa.array(place)),
        value=(values * factor).ravel(),
    )


def _example(folder: Path) -> None:
    home = folder / "recordings"
    home.mkdir()
    time_s = 1000 + np.arange(40) / 100
    write_xdf(
        home / "sub-01_task-rest.xdf",
        [
            ("EEG", 100.0, ("Cz", "Pz"), "microvolts", time_s, np.tile(time_s, (2, 1)).T),
            ("Markers", 0.0, (), "", np.array([1000.1, 1000.3]), ["start", "stop"]),
        ],
    )


SOURCE = Source(
    name=NAME,
    title="LSL XDF recordings",
    formats=("<id>.xdf (or .xdfz)",),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
