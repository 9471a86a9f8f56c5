"""Avro files that are cut, wrong or made to do harm; and the values of sound ones."""

import io
import json
import zlib
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.ground.clock import to_micros
from euthymia.ground.errors import SourceError
from euthymia.sources.avro import AvroError, Broken, records
from euthymia.sources.avro_example import write_avro
from euthymia.sources.blob import Blob
from euthymia.sources.wall_clock import CLOCK_OFF
from reading import assert_accounted, read, rejects, samples_of

SCHEMA = {
    "type": "record",
    "name": "R",
    "namespace": "a.b",
    "fields": [
        {"name": "time", "type": "double"},
        {"name": "text", "type": ["null", "string", "bytes"]},
        {"name": "kind", "type": {"type": "enum", "name": "E", "symbols": ["ON", "OFF"]}},
        {"name": "wholes", "type": {"type": "array", "items": "long"}},
        {"name": "floats", "type": {"type": "array", "items": {"type": "float"}}},
        {"name": "words", "type": {"type": "map", "values": "int"}},
        {"name": "part", "type": {"type": "record", "name": "P", "fields": [
            {"name": "flag", "type": "boolean"}, {"name": "again", "type": "E"},
            {"name": "raw", "type": {"type": "fixed", "name": "F", "size": 3}},
        ]}},
    ],
}  # fmt: skip
SYNC = b"0123456789abcdef"
LONG = st.integers(-(2**63), 2**63 - 1)
RECORD = st.fixed_dictionaries(
    {
        "time": st.floats(allow_nan=False),
        "text": st.none() | st.text(max_size=9) | st.binary(max_size=9),
        "kind": st.sampled_from(["ON", "OFF"]),
        "wholes": st.lists(LONG, max_size=40),
        "floats": st.lists(st.floats(width=32, allow_nan=False), max_size=9),
        "words": st.dictionaries(st.text(max_size=3), st.integers(-(2**31), 2**31 - 1), max_size=3),
        "part": st.fixed_dictionaries(
            {"flag": st.booleans(), "again": st.sampled_from(["ON", "OFF"]), "raw": st.just(b"abc")}
        ),
    }
)


def _blob(data: bytes) -> Blob:
    return Blob(lambda: io.BytesIO(data), len(data))


def _written(made: list[dict[str, Any]], codec: str = "null", schema: Any = None) -> bytes:
    file = io.BytesIO()
    fastavro.writer(file, schema or SCHEMA, made, codec=codec, sync_marker=SYNC)
    return file.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value


@settings(max_examples=60, deadline=None)
@given(made=st.lists(RECORD, min_size=1, max_size=5), codec=st.sampled_from(["null", "deflate"]))
def test_what_another_library_writes_is_read_the_same(
    made: list[dict[str, Any]], codec: str
) -> None:
    data = _written(made, codec)
    theirs = list(fastavro.reader(io.BytesIO(data)))
    assert [_plain(record) for record in records(_blob(data))] == theirs == made


@settings(max_examples=60, deadline=None)
@given(numbers=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5), text=st.text())
def test_another_library_reads_the_examples(numbers: list[int], text: str) -> None:
    pair = {
        "type": "record",
        "name": "Pair",
        "fields": [
            {"name": "numbers", "type": {"type": "array", "items": "long"}},
            {"name": "half", "type": "float"},
        ],
    }
    schema = {
        "type": "record",
        "name": "Whole",
        "fields": [
            {"name": "text", "type": "string"},
            {"name": "first", "type": pair},
            {"name": "second", "type": "Pair"},
            {"name": "third", "type": "double"},
        ],
    }
    sides = {"numbers": numbers, "half": 0.5}
    made = [{"text": text, "first": sides, "second": sides, "third": 1 / 3}] * 3
    with TemporaryDirectory() as folder:
        path = Path(folder) / "made.avro"
        write_avro(path, schema, made)
        data = path.read_bytes()
    assert list(fastavro.reader(io.BytesIO(data))) == made
    assert [_plain(record) for record in records(_blob(data))] == made


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_garbled_containers_end_in_words(data: st.DataObject) -> None:
    whole = bytearray(
        _written([data.draw(RECORD)], data.draw(st.sampled_from(["null", "deflate"])))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    try:
        for record in records(_blob(bytes(whole[:cut]))):
            assert isinstance(record, dict | Broken)
    except SourceError:
        return  # said in words, and nothing else is raised


def _header(schema: Any, codec: bytes = b"null") -> bytes:
    text = json.dumps(schema).encode()
    meta = b"\x04" + _text(b"avro.schema") + _text(text) + _text(b"avro.codec") + _text(codec)
    return b"Obj\x01" + meta + b"\x00" + SYNC


def _long(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _text(text: bytes) -> bytes:
    return _long(len(text)) + text


@pytest.mark.parametrize(
    ("schema", "body", "count"),
    [
        ({"type": "array", "items": "null"}, _long(2**40) + b"\0", 1),
        ({"type": "array", "items": "int"}, _long(2**40) + b"\2\0", 1),
        ({"type": "array", "items": "double"}, _long(2**30) + b"\0" * 64, 1),
        ("bytes", _long(2**50), 1),
        ("null", b"", 2**40),
        ("int", b"\xff" * 30, 1),
        (["null", "int"], b"\x20", 1),
        ({"type": "record", "name": "r", "fields": [{"name": "a", "type": "r"}]}, b"\0" * 9, 1),
    ],
)
def test_promises_that_cannot_be_kept_are_refused_at_once(
    schema: Any, body: bytes, count: int
) -> None:
    data = _header(schema) + _long(count) + _long(len(body)) + body + SYNC
    [broken] = [record for record in records(_blob(data)) if isinstance(record, Broken)]
    assert broken.reason


def test_a_block_that_is_a_bomb_is_refused() -> None:
    engine = zlib.compressobj(9, wbits=-15)
    packed = b"".join(engine.compress(bytes(1 << 20)) for _ in range(300)) + engine.flush()
    data = _header("bytes", b"deflate") + _long(1) + _long(len(packed)) + packed + SYNC
    [broken] = list(records(_blob(data)))
    assert "unpacks to more than 256 MiB" in broken.reason


@pytest.mark.parametrize(
    "schema", ["zork", {"type": "zork"}, 7, {"type": "record", "name": "a"}, {"type": "enum"}]
)
def test_a_schema_that_is_none_is_told(schema: Any) -> None:
    with pytest.raises(SourceError, match="Avro"):
        list(records(_blob(_header(schema) + b"\2\2\0" + SYNC)))


def test_records_before_a_cut_are_kept(tmp_path: Path) -> None:
    schema = {
        "type": "record",
        "name": "Pair",
        "fields": [
            {"name": "key", "type": {"type": "record", "name": "Key", "fields": [
                {"name": "userId", "type": "string"}]}},
            {"name": "value", "type": {"type": "record", "name": "PhoneLight", "fields": [
                {"name": "time", "type": "double"}, {"name": "light", "type": "float"}]}},
        ],
    }  # fmt: skip
    made = [
        {"key": {"userId": "u"}, "value": {"time": 1714557600.0 + i, "light": float(i)}}
        for i in range(9000)
    ]
    data = _written(made, "null", schema)
    (tmp_path / "light.avro").write_bytes(data[: len(data) * 2 // 3])
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert 3000 < samples_of(items, "light").num_rows < 9000
    assert "the file ends early" in rejects(items)[0]
    assert AvroError.__doc__


def test_a_clock_that_was_not_set_is_refused_in_any_source(tmp_path: Path) -> None:
    start = to_micros(datetime(2024, 5, 1, tzinfo=UTC)) // 1000
    reset = to_micros(datetime(2000, 1, 1, tzinfo=UTC)) // 1000
    times = [start + i * 60_000 for i in range(300)]
    times[7] = times[8] = reset
    lines = "".join(f"{time},d,{i % 2}\n" for i, time in enumerate(times))
    (tmp_path / "screen.csv").write_text("timestamp,device_id,screen_status\n" + lines)
    [(reading, items)] = read(tmp_path)
    assert_accounted(reading, items)
    assert rejects(items) == [CLOCK_OFF]
    assert samples_of(items, "screen").num_rows == 298
