"""Avro container files, block by block and within limits.

Arrays of numbers come as NumPy arrays: a wristband writes an hour of 64 Hz as one record, and a
Python number for each of its values costs twenty times the rest. Nothing is trusted: a count may
not promise more items than there are bytes, a block may not unpack to more than `MAX_UNPACKED`.
"""

import io
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.errors import SourceError
from euthymia.sources.blob import Blob, MiB

MAGIC: Final = b"Obj\x01"
SYNC: Final = 16
MAX_HEADER: Final = 4 * MiB
MAX_BLOCK: Final = 64 * MiB  # packed; writers begin a new block at 16 KiB to 4 MiB
MAX_UNPACKED: Final = 256 * MiB
MAX_DEPTH: Final = 40  # records within records
_NUMBERS: Final[dict[str, np.dtype[Any]]] = {
    "float": np.dtype("<f4"),
    "double": np.dtype("<f8"),
}

Schema = Any
Read = Callable[["Cursor"], Any]


class AvroError(ValueError):
    """The bytes are not as their schema says. The text holds no value."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Records of a block that cannot be read, and why."""

    rows: int
    reason: str


@dataclass(slots=True)
class Cursor:
    """A place in the bytes of a block."""

    data: bytes
    at: int = 0

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        if not 0 <= size <= len(self.data) - self.at:
            raise AvroError("the data ends within a value")
        self.at += size
        return self.data[self.at - size : self.at]

    def whole(self) -> int:
        """Return a zigzag number of variable length."""
        shift = result = 0
        while True:
            if self.at >= len(self.data) or shift > 63:
                raise AvroError("the data ends within a number")
            byte = self.data[self.at]
            self.at += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (result >> 1) ^ -(result & 1)

    def wholes(self, count: int) -> NDArray[np.int64]:
        """Return many zigzag numbers at once."""
        raw = np.frombuffer(self.data, np.uint8, offset=self.at)[: count * 10]
        ends = np.flatnonzero(raw < 0x80)[:count]
        if len(ends) < count:
            raise AvroError("the data ends within a list of numbers")
        starts = np.concatenate(([0], ends[:-1] + 1))
        sizes = ends - starts + 1
        if sizes.max(initial=0) > 10:
            raise AvroError("a number is longer than 10 bytes")
        found = np.zeros(count, np.uint64)
        for place in range(int(sizes.max(initial=0))):
            some = sizes > place
            part = raw[starts[some] + place].astype(np.uint64) & np.uint64(0x7F)
            found[some] |= part << np.uint64(7 * place)
        self.at += int(ends[-1]) + 1 if count else 0
        half = (found >> np.uint64(1)).astype(np.int64)
        return half ^ -(found & np.uint64(1)).astype(np.int64)


# -- values by their schema ------------------------------------------------------------------------


def reader_of(schema: Schema) -> Read:
    """Return a function that reads a value of a schema.

    Raises
    ------
    AvroError
        If it is no schema, or nested too deeply.
    """
    try:
        return _reader(schema, {}, "", 0)
    except (KeyError, TypeError, AttributeError) as problem:
        raise AvroError("the schema in the file is no Avro schema") from problem


def _reader(schema: Schema, named: dict[str, Read], space: str, depth: int) -> Read:
    if depth > MAX_DEPTH:
        raise AvroError("the schema is nested too deeply")
    if isinstance(schema, list):
        return _union([_reader(part, named, space, depth + 1) for part in schema])
    if isinstance(schema, str):
        return _simple(schema, named, space)
    kind = schema["type"]
    if kind == "array":
        return _array(schema["items"], named, space, depth)
    if kind == "map":
        return _map(_reader(schema["values"], named, space, depth + 1))
    if kind in {"record", "error", "enum", "fixed"}:
        return _named(schema, named, space, depth)
    return _reader(kind, named, space, depth + 1)


def _simple(name: str, named: dict[str, Read], space: str) -> Read:
    known: dict[str, Read] = {
        "null": lambda _: None,
        "boolean": lambda cursor: cursor.take(1) != b"\0",
        "int": Cursor.whole,
        "long": Cursor.whole,
        "float": lambda cursor: float(np.frombuffer(cursor.take(4), "<f4")[0]),
        "double": lambda cursor: float(np.frombuffer(cursor.take(8), "<f8")[0]),
        "bytes": lambda cursor: cursor.take(cursor.whole()),
        "string": lambda cursor: cursor.take(cursor.whole()).decode("utf-8", "surrogateescape"),
    }
    found = known.get(name) or named.get(name) or named.get(f"{space}.{name}")
    if found is None:
        raise AvroError("the schema uses a type that it does not define")
    return found


def _union(readers: list[Read]) -> Read:
    def read(cursor: Cursor) -> Any:  # noqa: ANN401  (a value of any schema)
        which = cursor.whole()
        if not 0 <= which < len(readers):
            raise AvroError("a value is of none of the types that it may have")
        return readers[which](cursor)

    return read


def _blocks(cursor: Cursor) -> Iterator[int]:
    """Yield how many items follow, until a block of none."""
    while count := cursor.whole():
        if count < 0:
            count = -count
            cursor.whole()  # the size in bytes
        if count > len(cursor.data) - cursor.at:
            raise AvroError("a list promises more items than there is data")
        yield count


def _array(items: Schema, named: dict[str, Read], space: str, depth: int) -> Read:
    kind = items["type"] if isinstance(items, dict) and len(items) == 1 else items
    numbers = _NUMBERS.get(kind) if isinstance(kind, str) else None
    if numbers is not None:

        def floats(cursor: Cursor) -> Any:  # noqa: ANN401
            parts = [
                np.frombuffer(cursor.take(count * numbers.itemsize), numbers)
                for count in _blocks(cursor)
            ]
            return np.concatenate(parts) if parts else np.zeros(0, numbers)

        return floats
    if kind in {"int", "long"}:

        def wholes(cursor: Cursor) -> Any:  # noqa: ANN401
            parts = [cursor.wholes(count) for count in _blocks(cursor)]
            return np.concatenate(parts) if parts else np.zeros(0, np.int64)

        return wholes
    one = _reader(items, named, space, depth + 1)
    return lambda cursor: [one(cursor) for count in _blocks(cursor) for _ in range(count)]


def _map(one: Read) -> Read:
    text = _simple("string", {}, "")
    return lambda cursor: {
        text(cursor): one(cursor) for count in _blocks(cursor) for _ in range(count)
    }


def _named(schema: Schema, named: dict[str, Read], space: str, depth: int) -> Read:
    name, inside = schema["name"], schema.get("namespace", space)
    full = name if "." in name else f"{inside}.{name}"
    inside = full.rpartition(".")[0]
    if schema["type"] == "enum":
        symbols = list(schema["symbols"])

        def read(cursor: Cursor) -> Any:  # noqa: ANN401
            which = cursor.whole()
            if not 0 <= which < len(symbols):
                raise AvroError("a word is none of those that the schema lists")
            return symbols[which]
    elif schema["type"] == "fixed":
        size = int(schema["size"])

        def read(cursor: Cursor) -> Any:  # noqa: ANN401
            return cursor.take(size)
    else:
        fields: list[tuple[str, Read]] = []

        def read(cursor: Cursor) -> Any:  # noqa: ANN401
            return {field: one(cursor) for field, one in fields}

    named[full] = read
    if schema["type"] not in {"enum", "fixed"}:
        fields.extend(
            (part["name"], _reader(part["type"], named, inside, depth + 1))
            for part in schema["fields"]
        )
    return read


# -- the container ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Stream:
    """The bytes of a file from where reading stands."""

    chunks: Iterator[bytes]
    held: bytes = b""

    def need(self, size: int) -> bool:
        """Hold at least so many bytes; tell whether there are."""
        if len(self.held) < size:
            parts, got = [self.held], len(self.held)
            for chunk in self.chunks:
                parts.append(chunk)
                got += len(chunk)
                if got >= size:
                    break
            self.held = b"".join(parts)
        return len(self.held) >= size

    def drop(self, size: int) -> None:
        self.held = self.held[size:]


def schema_of(head: bytes) -> Schema | None:
    """Return the schema of a container from its first bytes; None if they do not hold it whole."""
    try:
        return _header(head)[0] if head.startswith(MAGIC) else None
    except (AvroError, SourceError):
        return None


def _header(data: bytes) -> tuple[Schema, str, bytes, int]:
    cursor = Cursor(data, len(MAGIC))
    meta = _map(_simple("bytes", {}, ""))(cursor)
    sync = cursor.take(SYNC)
    try:
        schema = json.loads(meta["avro.schema"])
    except (KeyError, ValueError, RecursionError) as problem:
        raise SourceError("the Avro file does not hold its schema; export it again") from problem
    codec = meta.get("avro.codec", b"null").decode("latin-1")
    return schema, codec, sync, cursor.at


def records(blob: Blob) -> Iterator[Any]:
    """Yield every record of a container as a dict, and `Broken` for those that cannot be read.

    Raises
    ------
    SourceError
        Where the file is cut or no Avro container; what came before was yielded.
    """
    stream = _Stream(blob.chunks())
    stream.need(MAX_HEADER)
    if not stream.held.startswith(MAGIC):
        raise SourceError(_cut(blob) or "the file is no Avro container")
    try:
        schema, codec, sync, size = _header(stream.held)
        read = reader_of(schema)
    except AvroError as problem:
        raise SourceError(_cut(blob) or f"the Avro header cannot be read: {problem}") from problem
    stream.drop(size)
    number = 0
    while stream.need(1):
        number += 1
        try:
            count, packed = _block(stream, sync)
        except AvroError as problem:
            reason = f"block {number}: {problem}; what came before was kept; copy the file again"
            raise SourceError(_cut(blob) or reason) from problem
        yield from _values(packed, count, codec, read)
    if blob.cut:
        raise SourceError(str(_cut(blob)))


def _cut(blob: Blob) -> str | None:
    if not blob.cut:
        return None
    return "gzip stream ends early; what came before was kept; copy the file again and re-ingest"


def _block(stream: _Stream, sync: bytes) -> tuple[int, bytes]:
    stream.need(20)
    cursor = Cursor(stream.held)
    count, size = cursor.whole(), cursor.whole()
    if count < 0 or not 0 <= size <= MAX_BLOCK:
        raise AvroError(f"it says that it is larger than {MAX_BLOCK // MiB} MiB, or nothing")
    if not stream.need(cursor.at + size + SYNC):
        raise AvroError("the file ends early, within it")
    data = stream.held[cursor.at : cursor.at + size]
    if stream.held[cursor.at + size : cursor.at + size + SYNC] != sync:
        raise AvroError("it does not end where it should: the file is damaged")
    stream.drop(cursor.at + size + SYNC)
    return count, data


def _values(packed: bytes, count: int, codec: str, read: Read) -> Iterator[Any]:
    done = 0
    try:
        cursor = Cursor(_unpacked(packed, codec))
        _check_count(count, len(cursor.data))
        while done < count:
            value = read(cursor)
            done += 1
            yield value
    except (AvroError, RecursionError) as problem:
        reason = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        yield Broken(min(count - done, MAX_UNPACKED), reason)


def _check_count(count: int, size: int) -> None:
    if count > size:
        raise AvroError("a block promises more records than there is data")


def _unpacked(data: bytes, codec: str) -> bytes:
    try:
        if codec == "null":
            return data
        if codec == "deflate":
            return _inflated(data)
        if codec == "snappy":
            return _snappy(data)
        if codec == "zstandard":
            with pa.CompressedInputStream(io.BytesIO(data), "zstd") as file:
                return _limited(file.read(MAX_UNPACKED + 1))
    except (zlib.error, OSError, pa.ArrowException, IndexError) as problem:
        raise AvroError("a block's packed data is damaged") from problem
    raise AvroError("it is packed by a method that is not read (deflate, snappy, zstandard are)")


def _inflated(data: bytes) -> bytes:
    engine = zlib.decompressobj(-15)
    return _limited(engine.decompress(data, MAX_UNPACKED + 1))


def _snappy(data: bytes) -> bytes:
    """Unpack raw snappy, whose length stands in front; Avro adds a checksum of 4 bytes."""
    size = shift = 0
    for byte in data[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if size > MAX_UNPACKED:
        raise AvroError(f"a block unpacks to more than {MAX_UNPACKED // MiB} MiB")
    codec = pa.Codec("snappy")
    found = bytes(codec.decompress(data[:-4], decompressed_size=size, asbytes=True))
    if zlib.crc32(found) != int.from_bytes(data[-4:], "big"):
        raise AvroError("a block's checksum is wrong: the file is damaged")
    return found


def _limited(data: bytes) -> bytes:
    if len(data) > MAX_UNPACKED:
        raise AvroError(f"a block unpacks to more than {MAX_UNPACKED // MiB} MiB")
    return data
