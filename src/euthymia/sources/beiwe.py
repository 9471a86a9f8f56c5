"""Beiwe: hourly CSV files of a phone, `<participant>/<stream>/YYYY-MM-DD HH_00_00.csv`."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

from euthymia.ground.records import Item, Reject
from euthymia.sources.beiwe_streams import NOTHING_KEPT, STREAMS, TIME, XYZ, Stream
from euthymia.sources.beiwe_surveys import ANSWERS, TIMINGS, read_answers, read_timings
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import NamedTable, Opened, Source
from euthymia.sources.phone_people import named_after
from euthymia.sources.table import Layout, fits, read_table, rows_of

_HOURLY: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d[_:]\d\d[_:]\d\d(\+00[_:]?00)?\.csv")
_BEIWE_TIME: Final = Layout((TIME, Column("utc", ("UTC time",), Kind.TEXT)))
_SURVEYS: Final = ("survey_answers", "survey_timings")
_FOLDERS: Final = frozenset((*_SURVEYS, *(name for s in STREAMS for name in s.names)))
_FILES: Final = frozenset(name.lower() for name in _FOLDERS)
_OF_STREAM: Final = re.compile(
    rf"(?:^|[\s_.-]+)({'|'.join(sorted(_FILES, key=len, reverse=True))})(?:$|[\s_.-]+)",
    re.IGNORECASE,
)
"""A stream's name in that of a file: `anna_gps`, `gyro-anna`, `accelerometer (1)`."""
_ID: Final = re.compile(r"(?=.*\d)[1-9a-z]{8}")
"""What Beiwe calls a participant: 6b38vskd."""
_ALIKE: Final = (
    "its columns are those of several Beiwe streams (accelerometer, gyro, magnetometer): name the "
    "file or its folder after the stream"
)


def _stream(path: PurePath, head: bytes) -> Stream | None:
    """Return the stream that a file's folder names, else the first that its columns fit.

    Every file has both times in its header, and then what its stream needs. An hourly file in the
    folder of a stream is of no other: several have the same columns. So x, y and z without a name
    are of none.
    """
    if not fits(_BEIWE_TIME, head):
        return None
    fitting = [stream for stream in STREAMS if fits(stream.layout, head)]
    named = next((s for s in fitting if set(s.names) & set(path.parent.parts)), None)
    if named is not None:
        return named
    told = next((s for s in fitting if s.columns != XYZ), None)
    if _HOURLY.fullmatch(path.name):
        return None if _table_of(path) else told
    word = _OF_STREAM.search(path.stem)
    spelt = (s for s in fitting if word and word[1].lower() in {name.lower() for name in s.names})
    return next(spelt, told)


def _table_of(path: PurePath) -> NamedTable | None:
    """Return the table that a file's folder names; of a survey's, the folder around it."""
    near = path.parts[-3:-1]
    if near[:1] == (_SURVEYS[0],):
        return NamedTable(_SURVEYS[0], ANSWERS.required())
    if near[:1] == (_SURVEYS[1],):
        return NamedTable(_SURVEYS[1], (*_BEIWE_TIME.required(), *TIMINGS.required()[1:]))
    stream = next((s for s in STREAMS if path.parent.name in s.names), None)
    if stream is None:
        return None
    columns = (*_BEIWE_TIME.required(), *stream.layout.required()[1:])
    return NamedTable(path.parent.name, columns)


def _recognise(path: PurePath, head: bytes) -> float:
    if fits(ANSWERS, head) or (fits(TIMINGS, head) and fits(_BEIWE_TIME, head)):
        return 0.9
    return 0.9 if _stream(path, head) or _is_alike(head) else 0.0


def _is_alike(head: bytes) -> bool:
    """Tell whether the columns are those of several streams."""
    return fits(_BEIWE_TIME, head) and fits(Layout((TIME, *XYZ)), head)


def _group(path: PurePath) -> str | None:
    name = path.name  # of tens of thousands of files, so `path.parent` would be felt
    return str(path)[: -len(name)] if _HOURLY.fullmatch(name) else None


def _read(opened: Opened) -> Iterator[Item]:
    who = opened.context.subject or _participant(opened)
    stream = None
    for part in opened.parts:  # the first that has the columns of a stream: others may be cut
        head = part.blob.head()
        if fits(TIMINGS, head):
            yield from read_timings(opened, who)
            return
        if fits(ANSWERS, head):
            yield from read_answers(opened, who)
            return
        stream = _stream(part.path, head)
        if stream is not None:
            break
    if stream is None and _is_alike(opened.blob.head()):
        yield Reject(1, _ALIKE, rows_of(opened))
        return
    if stream is None:
        yield Reject(1, "none of the hourly files has the columns of a Beiwe stream")
        return
    for found in read_table(opened, stream.layout):
        if isinstance(found, Reject):
            yield found
        elif stream.make is None:
            yield Reject(int(found.rows[0]), NOTHING_KEPT, len(found.rows))
        else:
            yield from stream.make(who, found, opened.context)


def _participant(opened: Opened) -> str:
    """Return the folder around the stream's; a lone file belongs to its own name."""
    path = opened.path
    own = _OF_STREAM.sub(" ", path.stem).strip()
    if _ID.fullmatch(own):
        return own
    folders = path.parts
    for place in range(len(folders) - 2, 1, -1):
        if folders[place] in _FOLDERS:
            return folders[place - 1]
    if _HOURLY.fullmatch(path.name):
        return folders[-3] if len(folders) > 3 else path.stem
    told = named_after(opened, _FILES)
    return own if told == path.stem else told


def _example(folder: Path) -> None:
    hour = "2024-05-01 10_00_00"
    at = "1714557600000,2024-05-01T10:00:00.000"
    later = "1714557660000,2024-05-01T10:01:00.000"
    both = "timestamp,UTC time,"
    call = "hashed phone number,call type,timestamp,UTC time,duration in seconds"
    text = "hashed phone number,sent vs received,message length,time sent"
    files = {
        f"gps/{hour}.csv": f"{both}latitude,longitude,altitude,accuracy\n"
        f"{at},52.5,13.4,34.0,5.0\n{later},52.5001,13.4001,34.0,5.0\n",
        f"power_state/{hour}.csv": f"{both}event,level\n{at},Unlocked,0.81\n{later},Charging,0.8\n",
        f"calls/{hour}.csv": f"{call}\nc0ffee,Incoming Call,{at},61\n",
        f"texts/{hour}.csv": f"{both}{text}\n{at},c0ffee,sent SMS,12,\n",
        f"accelerometer/{hour}.csv": f"{both}accuracy,x,y,z\n{at},3,0.0,0.1,9.8\n",
        f"gyro/{hour}.csv": f"{both}x,y,z\n{at},0.0,0.1,-0.2\n",
        f"wifi/{hour}.csv": f"{both}hashed MAC,frequency,RSSI\n{at},aa11,2412,-61\n",
        f"bluetooth/{hour}.csv": f"{both}hashed MAC,RSSI\n{at},bb22,-80\n",
        f"reachability/{hour}.csv": f"{both}event\n{at},wifi\n{later},cellular\n",
        f"ios_log/{hour}.csv": f"{both}launchId,memory,battery,event,msg,d1,d2,d3,d4\n"
        f"{at},17145,40,0.8,gps_on,GPS collection on,,,,1\n",
        f"app_log/{hour}.csv": f"{both}event\n{at},GPS turned on\n",
        "survey_answers/s1/2024-05-01 10_05_00.csv": (
            "question id,question type,question text,question answer options,answer\n"
            "q1,slider,How are you?,min = 0; max = 10,4\n"
            "q2,checkbox,What did you do?,[walk;read],[read]\n"
            "q3,radio_button,How often?,[never;sometimes;often],often\n"
        ),
        f"survey_timings/s1/{hour}.csv": f"{both}question id,survey id,question type,"
        "question text,question answer options,answer,event\n"
        f"{at},,s1,,,,,expired\n",
    }
    for name, text in files.items():
        path = folder / "example" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


SOURCE = Source(
    name="beiwe",
    title="Beiwe phone sensing",
    formats=(
        "<participant>/{gps,power_state,calls,texts,accelerometer,...}/YYYY-MM-DD HH_00_00.csv",
        "<participant>/{survey_answers,survey_timings}/<survey>/YYYY-MM-DD HH_MM_SS.csv",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
    group=_group,
    table_of=_table_of,
    headers=tuple(
        ("timestamp", "UTC time", *(c.aliases[0] for c in s.columns if c.required)) for s in STREAMS
    ),
)
