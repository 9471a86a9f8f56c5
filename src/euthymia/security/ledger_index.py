"""Where each person's entries stand in the log: found once, and kept up as the log grows.

Who asks what was done with one person's data should not wait until everybody's entries were read
again. Each entry is verified when it is first met, and those of the person again at every reading.
Nothing of this is on disk.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import BinaryIO

from euthymia.security.ledger_format import (
    HASH_BYTES,
    Frame,
    Position,
    decode_payload,
    read_frame_at,
    read_frames,
)
from euthymia.security.ledger_keys import MacKeys
from euthymia.security.ledger_lines import damaged
from euthymia.security.ledger_verify import genesis_start


def sound_frames(
    log: BinaryIO,
    size: int,
    macs: MacKeys | None,
    after: Position | None = None,
    epoch: int | None = None,
) -> Iterator[Frame]:
    """Yield the frames up to `size` bytes, from the first entry or `after` one, each verified.

    Raises
    ------
    IntegrityError
        At the first entry that is not the one that was written.
    """
    if after is None:
        begin = genesis_start(log, size)
        if begin is None:
            raise damaged("the beginning of the ledger cannot be read")
        after = begin[1]
    for frame in read_frames(log, after, size, macs, epoch):
        if frame.fault is not None or frame.end is None:
            raise damaged(f"entry {frame.seq} at offset {frame.offset}: {frame.fault}")
        yield frame


@dataclass(slots=True)
class _Places:
    """One person's entries: where each begins in the log, and their hashes end to end."""

    offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    digests: bytearray = field(default_factory=bytearray)

    def add(self, offset: int, digest: bytes) -> None:
        self.offsets.append(offset)
        self.digests += digest

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for place, offset in enumerate(self.offsets):
            begin = place * HASH_BYTES
            yield offset, bytes(self.digests[begin : begin + HASH_BYTES])


class Index:
    """The entries of every person, of the log up to the last one that was asked for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read_to: Position | None = None
        self._epoch: int | None = None
        self._places: dict[str, _Places] = {}

    def frames(self, subject: str, log: BinaryIO, end: Position, macs: MacKeys) -> list[Frame]:
        """Return a person's entries up to `end` at least, verified, oldest first.

        Raises
        ------
        IntegrityError
            An entry that was not read before, or one of this person, is not what was written.
        """
        with self._lock:
            if not self._continues(log):
                self._read_to, self._epoch, self._places = None, None, {}
            if self._read_to is None or self._read_to.seq < end.seq:  # else another thread has
                self._read_on(log, end, macs)
            found = list(self._places.get(subject, ()))
        return [read_frame_at(log, offset, digest) for offset, digest in found]

    def _continues(self, log: BinaryIO) -> bool:
        """Tell whether the log still holds, where it was read to, what it held then."""
        known = self._read_to
        if known is None:
            return False
        log.seek(known.size - HASH_BYTES)
        return log.read(HASH_BYTES) == known.digest

    def _read_on(self, log: BinaryIO, end: Position, macs: MacKeys) -> None:
        for frame in sound_frames(log, end.size, macs, self._read_to, self._epoch):
            subject = decode_payload(frame.payload).subject
            if subject is not None and frame.end is not None:
                self._places.setdefault(subject, _Places()).add(frame.offset, frame.end.digest)
            self._read_to, self._epoch = frame.end, frame.epoch
        if self._read_to != end:
            raise damaged("the log does not end where it did a moment ago")
