"""The bytes of one block: a few columns of one person's day, small and exact.

Layout, little-endian::

    b"EUC1"  header length (u32)  header (MessagePack)  buffers of the columns, one after another

The header is `[rows, [[name, kind, coding, base, step, scale, width, nulls, size], ...]]`. Each
column's buffer is its null mask (one bit a row, only if `nulls`), its text pool (MessagePack, only
for text), then its non-null values as unsigned integers of `width` bytes, byte-shuffled (all lowest
bytes first), so that zstd finds the runs. Codings:

* PLAIN: `value = base + step * q`
* DELTA: `value[0] = scale`, differences `= base + step * q` (a regular clock has width 0: no byte)
* DECIMAL: `value = (base + step * q) / 10**scale`, only where this returns the same bits
* RAW: the bits of the float

All arithmetic is modulo 2^64, so every int64 survives. `decode` takes nothing on trust: each
length, range and index is checked, and anything off is an IntegrityError.
"""

import struct
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from euthymia.ground.errors import IntegrityError, SchemaError
from euthymia.kernels import pack
from euthymia.store.frame import DTYPES, TEXT, Column, Frame, rows_of

MAGIC: Final = b"EUC1"
MAX_ROWS: Final = 1 << 26  # a day of 512 Hz is 44 million
PLAIN, DELTA, DECIMAL, RAW = 0, 1, 2, 3

_WIDTHS: Final = (0, 1, 2, 4, 8)
_FLOATS: Final = frozenset({"f8", "f4"})
_LENGTH: Final = struct.Struct("<I")
_MOST_DECIMALS: Final = pack.DECIMALS
POWERS: Final = tuple(10.0**k for k in range(_MOST_DECIMALS + 1))
_EXACT: Final = 2.0**53
_LOOK: Final = pack.LOOK  # rows looked at before a coding is tried on all
MASK64: Final = 2**64 - 1
UNSOUND: Final = "a column's description makes no sense"


class Effort:
    """What a process has done without compiled code, and whether it is time to load that."""

    def __init__(self, enough: int) -> None:
        self._left = enough

    def still_small(self, more: int) -> bool:
        """Count `more`; tell whether all so far would not have paid for the loading."""
        self._left -= more
        return self._left > 0


_columns_encoded: Final = Effort(4_000)


class Spec(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How one column of a block is written."""

    name: str
    kind: str
    coding: int
    base: int
    step: int
    scale: int
    width: int
    nulls: int
    size: int


class Header(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a block says of itself."""

    rows: int
    columns: list[Spec]


_encode_header: Final = msgspec.msgpack.Encoder().encode
_decode_header: Final = msgspec.msgpack.Decoder(Header).decode
_encode_pool: Final = msgspec.msgpack.Encoder().encode
_decode_pool: Final = msgspec.msgpack.Decoder(list[str]).decode


def damaged(what: str) -> IntegrityError:
    """Return the error of a block that is not as `encode` writes it."""
    return IntegrityError(f"a stored block cannot be read: {what}; restore it from a backup")


# -- encoding --------------------------------------------------------------------------------------


def _step(offsets: NDArray[np.uint64]) -> int:
    look = int(np.gcd.reduce(offsets[:_LOOK]))
    if look == 0:
        look = int(np.gcd.reduce(offsets))
    if look > 1 and bool(np.any(offsets % np.uint64(look))):
        look = int(np.gcd.reduce(offsets))
    return max(look, 1)


def _width(largest: int) -> int:
    return next(width for width in _WIDTHS if largest < 1 << (8 * width))


def _shuffled(values: NDArray[Any], width: int) -> bytes:
    if width == 1:
        return values.astype("<u1").tobytes()
    narrow = values.astype(f"<u{width}", copy=False)
    return narrow.view(np.uint8).reshape(-1, width).T.tobytes()


def _packed(values: NDArray[np.int64]) -> tuple[int, int, int, bytes]:
    """Return (base, step, width, bytes) of integers as multiples of a step above their least."""
    base = int(values.min())
    offsets = values.view(np.uint64) - np.uint64(base & MASK64)
    largest = int(offsets.max())
    if largest == 0:
        return base, 1, 0, b""
    step = _step(offsets)
    if step > 1:
        offsets //= np.uint64(step)
    width = _width(largest // step)
    return base, step, width, _shuffled(offsets, width)


def _integers(values: NDArray[np.int64], delta: bool) -> tuple[int, int, int, int, int, bytes]:
    """Return (coding, base, step, scale, width, bytes); differences only where they are smaller."""
    if len(values) < 2 or not delta:
        base, step, width, data = _packed(values)
        return PLAIN, base, step, 0, width, data
    unsigned = values.view(np.uint64)
    base, step, width, data = _packed((unsigned[1:] - unsigned[:-1]).view(np.int64))
    return DELTA, base, step, int(values[0]), width, data


def _decimals(values: NDArray[Any]) -> tuple[int, NDArray[np.int64]] | None:
    """Return (decimals, whole numbers) where whole / 10^decimals gives back the very same bits."""
    head = values[:_LOOK]
    for decimals, power in enumerate(POWERS):
        whole = _whole(head, power)
        if whole is not None:
            rest = whole if len(values) <= _LOOK else _whole(values, power)
            return None if rest is None else (decimals, rest)
    return None


def _whole(values: NDArray[Any], power: float) -> NDArray[np.int64] | None:
    """Return `values` times `power` as integers, if they divide back to the very same bits."""
    bits = f"<i{values.dtype.itemsize}"
    wide = values.astype(np.float64)
    if not (np.abs(wide) < _EXACT / power).all():  # NaN and infinity compare false
        return None
    whole: NDArray[np.int64] = np.rint(wide * power).astype(
        np.int64
    )  # -0.0 is lost, and seen below
    back = (whole / power).astype(values.dtype)
    return whole if bool((back.view(bits) == values.view(bits)).all()) else None


def _floats(values: NDArray[Any]) -> tuple[int, int, int, int, int, bytes]:
    found = _decimals(values)
    if found is None:
        width = values.dtype.itemsize
        return RAW, 0, 1, 0, width, _shuffled(values.view(f"<u{width}"), width)
    decimals, whole = found
    base, step, width, data = _packed(whole)
    return DECIMAL, base, step, decimals, width, data


def _packed_fast(words: NDArray[np.uint64]) -> tuple[int, int, int, bytes]:
    """Do as `_packed`, compiled; `words` is used up."""
    out = np.empty(8 * len(words), np.uint8)
    base, step, width = pack.pack(words, out)
    return base, step, width, out[: width * len(words)].tobytes()


def _integers_fast(values: NDArray[np.int64], delta: bool) -> tuple[int, int, int, int, int, bytes]:
    """Do as `_integers`, compiled."""
    if len(values) < 2 or not delta:
        base, step, width, data = _packed_fast(values.view(np.uint64).copy())
        return PLAIN, base, step, 0, width, data
    words = np.empty(len(values) - 1, np.uint64)
    pack.differences(values, words)
    base, step, width, data = _packed_fast(words)
    return DELTA, base, step, int(values[0]), width, data


def _floats_fast(values: NDArray[Any]) -> tuple[int, int, int, int, int, bytes]:
    """Do as `_floats`, compiled."""
    words = np.empty(len(values), np.uint64)
    whole = pack.decimals_single if values.dtype.itemsize == 4 else pack.decimals
    decimals = whole(values, words)
    if decimals == pack.NONE:
        width = values.dtype.itemsize
        return RAW, 0, 1, 0, width, _shuffled(values.view(f"<u{width}"), width)
    base, step, width, data = _packed_fast(words)
    return DECIMAL, base, step, decimals, width, data


def _encode_column(name: str, column: Column) -> tuple[Spec, bytes]:
    values, mask, nulls = column.values, b"", 0
    if column.valid is not None:
        nulls = len(values) - int(np.count_nonzero(column.valid))
        if nulls:
            mask = np.packbits(column.valid, bitorder="little").tobytes()
            values = values[column.valid]
    pool = b""
    if column.kind == TEXT:
        texts = _encode_pool(column.pool)
        pool = struct.pack("<I", len(texts)) + texts
    values = np.ascontiguousarray(values)
    few = _columns_encoded.still_small(1)  # both ways give the same bytes
    floats, integers = (_floats, _integers) if few else (_floats_fast, _integers_fast)
    if not len(values):
        coded: tuple[int, int, int, int, int, bytes] = (PLAIN, 0, 1, 0, 0, b"")
    elif column.kind in {"f8", "f4"}:
        coded = floats(values)
    else:
        coded = integers(values.astype(np.int64), delta=column.kind in {"t", "d"})
    coding, base, step, scale, width, data = coded
    body = mask + pool + data
    return Spec(name, column.kind, coding, base, step, scale, width, nulls, len(body)), body


def encode(frame: Frame) -> bytes:
    """Return the bytes of a block. The same rows always give the same bytes."""
    if rows_of(frame) > MAX_ROWS:
        raise SchemaError(f"more than {MAX_ROWS} samples of one stream in a day: is time right?")
    specs, bodies = [], []
    for name, column in frame.items():
        spec, body = _encode_column(name, column)
        specs.append(spec)
        bodies.append(body)
    header = _encode_header(Header(rows_of(frame), specs))
    return b"".join([MAGIC, struct.pack("<I", len(header)), header, *bodies])


# -- decoding --------------------------------------------------------------------------------------


def read_header(data: bytes | memoryview) -> tuple[Header, int]:
    """Return what a block says of itself, and where the bytes of its columns begin.

    Raises
    ------
    IntegrityError
        If that cannot be. The columns' own descriptions are for `sound` to judge.
    """
    if len(data) < 8 or data[:4] != MAGIC:
        raise damaged("it does not begin as a block does")
    start: int = 8 + _LENGTH.unpack_from(data, 4)[0]
    if start > len(data):
        raise damaged("it is cut short")
    try:
        header = _decode_header(data[8:start])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise damaged("its header is not readable") from error
    names, end = set(), start
    for spec in header.columns:
        names.add(spec.name)
        end += spec.size
    if not 0 <= header.rows <= MAX_ROWS or len(names) != len(header.columns):
        raise damaged("its header makes no sense")
    if end != len(data):
        raise damaged("its length is not the sum of its columns")
    return header, start


def sound(spec: Spec, rows: int) -> bool:
    """Tell whether a column's description is one that `encode` could have given."""
    dtype = DTYPES.get(spec.kind)
    if dtype is None or spec.size < 0 or not 0 <= spec.nulls <= rows:
        return False
    if spec.width not in _WIDTHS or not 1 <= spec.step <= MASK64:
        return False
    if not -(2**63) <= spec.base < 2**63 or not -(2**63) <= spec.scale < 2**63:
        return False
    if spec.kind in _FLOATS and rows > spec.nulls:
        raw = spec.coding == RAW and spec.width == dtype.itemsize
        return raw or (spec.coding == DECIMAL and 0 <= spec.scale <= _MOST_DECIMALS)
    return spec.coding in {DELTA, PLAIN}


def _unshuffled(data: bytes, count: int, width: int) -> NDArray[Any]:
    if len(data) != count * width:
        raise damaged("a column has too few or too many bytes")
    if width == 0:
        return np.zeros(count, np.uint64)
    flat = np.frombuffer(data, np.uint8)
    if width > 1:
        flat = np.ascontiguousarray(flat.reshape(width, count).T).reshape(-1)
    return flat.view(f"<u{width}")


def _unpacked(spec: Spec, data: bytes, count: int) -> NDArray[np.int64]:
    if spec.coding == DELTA:
        count -= 1
    whole = _unshuffled(data, count, spec.width).astype(np.uint64)
    if spec.step != 1:
        whole *= np.uint64(spec.step)
    whole += np.uint64(spec.base & MASK64)
    if spec.coding == DELTA:
        first = np.array([spec.scale & MASK64], np.uint64)
        whole = np.concatenate([first, whole]).cumsum(dtype=np.uint64)
    return whole.view(np.int64)


def values_of(spec: Spec, data: bytes, count: int) -> NDArray[Any]:
    """Return the `count` values of a column that are not null, from the bytes that hold them."""
    dtype = DTYPES[spec.kind]
    if count == 0:
        if data:
            raise damaged("a column has too few or too many bytes")
        return np.zeros(0, dtype)
    if spec.coding == RAW:
        return _unshuffled(data, count, spec.width).view(dtype)
    whole = _unpacked(spec, data, count)
    if spec.coding == DECIMAL:
        if not np.all(np.abs(whole) < _EXACT):
            raise damaged("a number is out of range")
        return (whole / POWERS[spec.scale]).astype(dtype)
    narrow = whole.astype(dtype)
    if dtype.itemsize < 8 and not np.array_equal(narrow, whole):
        raise damaged("a number is out of range")
    return narrow


def _mask(data: bytes, rows: int, nulls: int) -> NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    if np.any(bits[rows:]) or rows - int(np.count_nonzero(bits[:rows])) != nulls:
        raise damaged("a null mask does not agree with its count")
    return bits[:rows].astype(np.bool_)


def _pool(data: bytes) -> tuple[tuple[str, ...], int]:
    """Return the text pool at the start of `data` and its length in bytes."""
    size = struct.unpack_from("<I", data)[0] if len(data) >= 4 else len(data)
    try:
        pool = _decode_pool(data[4 : 4 + size])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise damaged("its texts are not readable") from error
    if pool != sorted(set(pool)):
        raise damaged("its texts are out of order")
    return tuple(pool), 4 + size


def decode_column(spec: Spec, data: bytes, rows: int) -> Column:
    """Return one column of a block from its bytes; IntegrityError if they are not as written."""
    if not sound(spec, rows):
        raise damaged(UNSOUND)
    valid: NDArray[np.bool_] | None = None
    pool: tuple[str, ...] = ()
    at = 0
    if spec.nulls:
        at = (rows + 7) // 8
        if len(data) < at:
            raise damaged("a null mask is cut short")
        valid = _mask(data[:at], rows, spec.nulls)
    if spec.kind == TEXT:
        pool, used = _pool(data[at:])
        at += used
    held = values_of(spec, data[at:], rows - spec.nulls)
    if spec.kind == TEXT and held.size and not 0 <= int(held.min()) <= int(held.max()) < len(pool):
        raise damaged("a text is missing")
    if valid is None:
        return Column(spec.kind, held, None, pool)
    values = np.zeros(rows, DTYPES[spec.kind])
    values[valid] = held
    return Column(spec.kind, values, valid, pool)


def decode(data: bytes) -> dict[str, Column]:
    """Return the rows of a block.

    Raises
    ------
    IntegrityError
        If anything in `data` is not as `encode` writes it.
    """
    header, at = read_header(data)
    frame: dict[str, Column] = {}
    for spec in header.columns:
        frame[spec.name] = decode_column(spec, data[at : at + spec.size], header.rows)
        at += spec.size
    return frame


def outline(data: bytes) -> tuple[int, dict[str, str]]:
    """Return how many rows a block has, and the kind of each column; no value is decoded.

    Raises
    ------
    IntegrityError
        If its header does not say what `encode` could have said.
    """
    header, _ = read_header(data)
    for spec in header.columns:
        if not sound(spec, header.rows):
            raise damaged(UNSOUND)
    return header.rows, {spec.name: spec.kind for spec in header.columns}
