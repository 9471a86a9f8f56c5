"""Text files as blocks of whole lines, without ever holding an endless line in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from euthymia.sources.blob import Blob, MiB

MAX_LINE: Final = 16 * MiB
"""A CSV line of a sensor has under 1 KiB; much more than this is not a table. The check is made
where a piece of `PIECE` bytes ends, so a line is refused for certain at `MAX_LINE + PIECE`."""
PIECE: Final = MiB
BLOCK: Final = 16 * MiB
BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, each with its newline; `line` is the number of the first, counted from 1."""

    data: bytes
    line: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A line that cannot be read, and why."""

    line: int
    reason: str


def blocks(blob: Blob) -> Iterator[Block | Gap]:
    """Yield the lines of a file in blocks of about 16 MiB.

    A line over `MAX_LINE` is a Gap, and reading goes on after it. Where a gzip stream is cut, the
    unfinished last line is a Gap. A byte-order mark is dropped.
    """
    whole = blob.held
    if whole is not None and len(whole) <= MAX_LINE and not blob.cut and _is_plain(whole):
        yield Block(whole, blob.first_line)  # a short file, as most are
        return
    line = blob.first_line  # the number of the first line in `ready`
    ready: list[bytes] = []  # whole lines
    tail: list[bytes] = []  # the beginning of a line
    skipping = False
    for fresh in _pieces(blob):
        piece = fresh
        if skipping:
            end = piece.find(b"\n")
            if end < 0:
                continue
            line, skipping, piece = line + 1, False, piece[end + 1 :]
        end = piece.rfind(b"\n") + 1
        if end:
            ready += [*tail, piece[:end]]
            tail = []
        tail.append(piece[end:])
        too_long = sum(map(len, tail)) > MAX_LINE
        if ready and (too_long or sum(map(len, ready)) >= BLOCK):
            block = Block(b"".join(ready), line)
            yield block
            line, ready = line + block.data.count(b"\n"), []
        if too_long:
            yield Gap(line, _too_long(line))
            tail, skipping = [], True
    yield from _end(blob, ready, b"".join(tail), line, skipping=skipping)


def _is_plain(whole: bytes) -> bool:
    return whole.endswith(b"\n") and not whole.startswith(BOM)


def _end(
    blob: Blob, ready: list[bytes], rest: bytes, line: int, *, skipping: bool
) -> Iterator[Block | Gap]:
    if rest and not blob.cut:
        ready = [*ready, rest, b"\n"]
    if ready:
        block = Block(b"".join(ready), line)
        yield block
    if blob.cut and not skipping:
        line += ready[0].count(b"\n") if len(ready) == 1 else b"".join(ready).count(b"\n")
        yield Gap(
            line, f"gzip stream ends early after line {line - 1}; copy the file again and re-ingest"
        )


def _pieces(blob: Blob) -> Iterator[bytes]:
    start = True
    for chunk in blob.chunks():
        at = len(BOM) if start and chunk.startswith(BOM) else 0
        start = False
        while at < len(chunk):
            yield chunk[at : at + PIECE]
            at += PIECE


def _too_long(line: int) -> str:
    return (
        f"line {line} is longer than {MAX_LINE // MiB} MiB, so it is not a row of this table; "
        "look at how the file was exported"
    )
