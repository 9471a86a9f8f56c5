"""Write small Avro container files: the examples of the formats that come in them."""

import json
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from euthymia.sources.avro import MAGIC, SYNC, Schema

_SYNC = b"euthymia-example"
assert len(_SYNC) == SYNC


def write_avro(path: Path, schema: Schema, records: Iterable[Any]) -> None:
    """Write records of a schema as one block, packed by "deflate".

    Records, arrays, texts and numbers are known, named types also by their name.
    """
    made = [_value(schema, record, {}) for record in records]
    pack = zlib.compressobj(wbits=-15)
    packed = pack.compress(b"".join(made)) + pack.flush()
    header = {"avro.codec": b"deflate", "avro.schema": json.dumps(schema).encode()}
    entries = b"".join(_sized(key.encode()) + _sized(value) for key, value in header.items())
    block = _whole(len(made)) + _sized(packed) + _SYNC
    path.write_bytes(MAGIC + _whole(len(header)) + entries + _whole(0) + _SYNC + block)


def _whole(number: int) -> bytes:
    """Return a number as zigzag of variable length."""
    left = (number << 1) ^ (number >> 63)
    found = bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*found, left])


def _sized(data: bytes) -> bytes:
    return _whole(len(data)) + data


def _value(schema: Schema, value: Any, named: dict[str, Schema]) -> bytes:  # noqa: ANN401
    """Return a value's bytes; `named` is filled with the records met on the way."""
    if isinstance(schema, dict) and schema["type"] == "array":
        items = b"".join(_value(schema["items"], item, named) for item in value)
        return (_whole(len(value)) + items if value else b"") + _whole(0)
    if isinstance(schema, dict):
        named[schema["name"]] = schema
        return b"".join(_value(f["type"], value[f["name"]], named) for f in schema["fields"])
    if schema in named:
        return _value(named[schema], value, named)
    if schema == "string":
        return _sized(value.encode())
    if schema in {"int", "long"}:
        return _whole(value)
    return struct.pack({"float": "<f", "double": "<d"}[schema], value)
