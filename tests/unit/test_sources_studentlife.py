"""StudentLife's own folders: every stream of `sensing`, and what is said of those left out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reading import assert_accounted, read, rejects, samples_of, short_hash

AT = 1_364_356_800
FILES = {
    "activity/activity_u07.csv": f"timestamp, activity inference\n{AT},0\n{AT + 3},2\n",
    "audio/audio_u07.csv": f"timestamp, audio inference\n{AT},0\n{AT + 1},1\n{AT + 2},3\n",
    "conversation/conversation_u07.csv": f"start_timestamp, end_timestamp\n{AT},{AT + 212}\n"
    f"{AT + 900},{AT}\n",
    "gps/gps_u07.csv": "time,provider,network_type,accuracy,latitude,longitude,altitude,bearing,"
    f"speed,travelstate\n{AT},network,wifi,27.0,43.5,-72.25,0.0,0.0,0.0,,\n"
    f"{AT + 1200},gps,,5.0,43.75,-72.5,160.0,90.0,1.5,moving,\n",
    "bluetooth/bt_u07.csv": f"time,MAC,class_id,level\n{AT},00:11:22,3801356,-71\n",
    "wifi/wifi_u07.csv": f"time,BSSID,freq,level\n{AT},aa:bb:cc,2412,-60\n",
    "phonecharge/phonecharge_u07.csv": f"start,end\n{AT},{AT + 7200}\n",
    "phonelock/phonelock_u07.csv": f"start,end\n{AT},{AT + 7200}\n",
    "wifi_location/wifi_location_u07.csv": f"time,location\n{AT},in[library]\n",
}


def _rows(items: list[Any], stream: str, *names: str) -> list[tuple[Any, ...]]:
    table = samples_of(items, stream)
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))


def test_every_stream_of_the_studys_folder(tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / "dataset" / "sensing" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    found = read(tmp_path)
    assert {reading.source for reading, _ in found} == {"studentlife"}
    for reading, items in found:
        assert_accounted(reading, items)
    items = [item for _, part in found for item in part]
    start = datetime.fromtimestamp(AT, UTC)
    assert _rows(items, "activity_class", "subject_id", "time", "activity")[0] == ("u07", start, 0)
    assert _rows(items, "audio_level", "silent") == [(1,), (0,), (None,)]
    assert _rows(items, "conversation", "time", "duration") == [(start, 212.0)]
    assert _rows(items, "location", "latitude", "longitude", "altitude", "speed") == [
        *((43.5, -72.25, None, None), (43.75, -72.5, 160.0, 1.5)),
    ]
    assert sorted(_rows(items, "proximity", "kind", "device", "strength")) == [
        *((1, short_hash("00:11:22"), -71.0), (2, short_hash("aa:bb:cc"), -60.0)),
    ]
    assert _rows(items, "battery", "status", "level") == [(2, None), (3, None)]
    assert sorted(rejects(items)) == [
        "it does not end after it starts",
        "nothing is kept of this stream",
        "told only of an hour or more: no record of what the phone did",
    ]
    assert "library" not in repr(items)


def test_places_without_the_comma_at_their_end_are_read_too(tmp_path: Path) -> None:
    text = FILES["gps/gps_u07.csv"].replace(",,\n", ",\n").replace("moving,", "moving")
    (tmp_path / "gps_u07.csv").write_text(text)
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert rejects(items) == []
    assert _rows(items, "location", "subject_id", "accuracy") == [("u07", 27.0), ("u07", 5.0)]
