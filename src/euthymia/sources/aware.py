"""AWARE: one CSV a phone sensor, by the columns of AWARE's own tables (and RAPIDS', niimpy's)."""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

from euthymia.ground.records import Item, Reject
from euthymia.sources.aware_sensors import (
    SENSOR_NAMES,
    SENSORS,
    TIME,
    Sensor,
    app_table,
    known_without_stream,
    looks_alike,
    names_look_alike,
    plain_name,
    sensor_named,
)
from euthymia.sources.contract import NamedTable, Opened, Source
from euthymia.sources.phone_people import WHO, names_people, owner
from euthymia.sources.table import Layout, fits, header_of, read_table, rows_of


def _fits(sensor: Sensor, head: bytes) -> bool:
    return fits(Layout((TIME, *sensor.columns)), head)


def _sensor(path: PurePath, head: bytes) -> Sensor | None:
    """Return which sensor a file is of: its name says so, else its columns do.

    Gravity, say, and the magnetic field have the columns of acceleration, and notifications may
    have those of apps: what is named after a table that is not kept is of no other.
    """
    named = sensor_named(path.stem)
    if named is not None and _fits(named, head):
        return named
    if known_without_stream(path.stem):
        return None
    fitting = [
        sensor
        for sensor in SENSORS
        if _fits(sensor, head) and not (named and named is not sensor and looks_alike(sensor))
    ]
    stem = path.stem.lower()  # "multiuser_AwareScreen" says it too, if the columns agree
    if names_look_alike(stem):
        return None
    spelt = (s for s in fitting if any(len(name) > 3 and name in stem for name in s.names))
    return next(spelt, app_table(fitting, header_of(head)))


def _table_of(path: PurePath) -> NamedTable | None:
    sensor = sensor_named(path.stem)
    if sensor is None:
        return None
    return NamedTable(plain_name(path.stem), Layout((TIME, *sensor.columns)).required())


def _recognise(path: PurePath, head: bytes) -> float:
    if _sensor(path, head):
        return 0.9
    return 0.1 if _is_left_out(path, head) else 0.0


def _is_left_out(path: PurePath, head: bytes) -> bool:
    """Tell whether it is a table of AWARE's of which nothing is kept, by its name."""
    named = known_without_stream(path.stem) or names_look_alike(path.stem.lower())
    return named and names_people(head) and fits(Layout((TIME,)), head)


def _read(opened: Opened) -> Iterator[Item]:
    head = opened.blob.head()
    sensor = _sensor(opened.path, head)
    if sensor is None and _is_left_out(opened.path, head):
        yield Reject(1, "nothing is kept of this table of AWARE's", rows_of(opened))
        return
    if sensor is None:
        yield Reject(1, "the columns are not those of an AWARE sensor")
        return
    names = frozenset({*SENSOR_NAMES, *_spelt(opened.path)})
    who = (WHO,) if names_people(head) and not opened.context.subject else ()
    for found in read_table(opened, Layout((TIME, *who, *sensor.columns))):
        if isinstance(found, Reject):
            yield found
        else:
            yield from sensor.items(found, owner(found, opened, names), opened.context)


def _spelt(path: PurePath) -> tuple[str, ...]:
    """Return the file's name if it says a sensor (`phone_screen_raw`) and not a person."""
    return (path.stem.lower(),) if plain_name(path.stem) in SENSOR_NAMES else ()


_START: Final = 1_714_557_600_000


def _example(folder: Path) -> None:
    start = _START
    texts = {
        "screen": "screen_status\n"
        + "".join(f"{i},{start + i * 1000},d1,{i % 4}\n" for i in range(8)),
        "battery": f"battery_level,battery_status\n1,{start},d1,80,3\n2,{start + 9},d1,79,3\n",
        "calls": f"call_type,call_duration,trace\n1,{start},d1,1,61,a\n2,{start + 9},d1,3,0,a\n",
        "locations": (
            "double_latitude,double_longitude,accuracy\n"
            f"1,{start},d1,52.5,13.4,12\n2,{start + 60_000},d1,52.51,13.41,\n"
        ),
        "notifications": f"package_name\n1,{start},d1,org.example.mail\n",
        "applications_foreground": f"package_name\n1,{start},d1,org.example.mail\n",
        "accelerometer": f"{','.join(f'double_values_{i}' for i in range(3))}\n"
        f"1,{start},d1,0,0,9.80665\n",
        "gyroscope": f"axis_x,axis_y,axis_z\n1,{start},d1,0,0,1\n",
        "light": f"double_light_lux\n1,{start},d1,220\n",
        "bluetooth": f"bt_address,bt_name,bt_rssi\n1,{start},d1,aa:bb,Radio,-60\n",
        "wifi": f"bssid,ssid,rssi\n1,{start},d1,cc:dd,Home,-50\n",
        "keyboard": "package_name,before_text,current_text,is_password\n"
        f"1,{start},d1,org.example.mail,[],[h],0\n2,{start + 90},d1,org.example.mail,[h],[hi],0\n",
        "plugin_google_activity_recognition": "activity_name,activity_type,confidence\n"
        f"1,{start},d1,walking,7,90\n",
        "plugin_studentlife_audio_android": "datatype,double_energy,inference,blob_feature,"
        f"double_convo_start,double_convo_end\n1,{start},d1,0,1.5,2,,0,0\n"
        f"2,{start + 9},d1,2,0,2,,{start // 1000},{start // 1000 + 90}\n",
        "battery_charges": "battery_start,battery_end,double_end_timestamp\n"
        f"1,{start},d1,20,90,{start + 3_600_000}\n",
        "esms": "esm_json,esm_status,esm_expiration_threshold,double_esm_user_answer_timestamp,"
        f"esm_user_answer,esm_trigger\n1,{start},d1,,2,0,{start + 9000},4,mood\n"
        f"2,{start + 9},d1,,3,0,0,,mood\n",
    }
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text("_id,timestamp,device_id," + text, encoding="utf-8")


SOURCE = Source(
    name="aware",
    title="AWARE phone sensing",
    formats=(
        "<id>/{screen,battery,calls,messages,locations,applications_foreground,keyboard,...}.csv",
        "<id>/phone_<sensor>_raw.csv",
        "<id>.csv",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
    table_of=_table_of,
    headers=tuple(
        (TIME.aliases[0], *(c.aliases[0] for c in s.columns if c.required)) for s in SENSORS
    ),
)
