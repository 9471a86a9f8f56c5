"""The bytes of one file, unpacked within limits: gzip and zip, cut and damaged ones, and bombs."""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Final

from euthymia.ground.errors import SourceError

MiB: Final = 1 << 20
CHUNK: Final = MiB
HEAD: Final = 64 * 1024
"""What a reader sees of a file when it says whether it knows the format."""
MAX_EXPANDED: Final = 8192 * MiB  # one file, unpacked: 60 days of 64 Hz data are about 5 GiB
RATIO_FROM: Final = 64 * MiB  # small files may compress as well as they like
MAX_RATIO: Final = 250  # the flattest real recording we saw packs 60:1; deflate can reach 1032:1
KEEP: Final = 64 * MiB  # smaller files are unpacked once and kept while they are read

_GZIP_MAGIC: Final = b"\x1f\x8b"
_BOMB: Final = (
    "the file unpacks to more than {} MiB at {}:1, as a decompression bomb does; nothing of it was "
    "read; if it is real, unpack it and ingest the unpacked files"
)
_DAMAGED: Final = (
    "the compressed data is damaged (its checksum or structure is wrong), so no row of this file "
    "can be trusted; nothing of it was read; copy the file again"
)


@dataclass(slots=True)
class Blob:
    """One file's content, unpacked while it is read.

    `cut` (the gzip stream stops too early) and `problem` (why nothing of it can be read) are known
    after `digest`. `recode` puts another dialect into the readers' own; the first line that it
    leaves is number `first_line` of the file.
    """

    opener: Callable[[], IO[bytes]]
    packed_size: int
    cut: bool = False
    problem: str | None = None
    recode: Callable[[Iterator[bytes]], Iterator[bytes]] | None = None
    first_line: int = 1
    _kept: bytes | None = field(default=None, repr=False)

    def head(self, size: int = HEAD) -> bytes:
        """Return the first unpacked bytes; what can be had of a damaged file."""
        if self._kept is not None:
            return self._kept[:size]
        got = b""
        try:
            for chunk in self._unpacked(size):
                got += chunk
                if len(got) >= size:
                    break
        except SourceError:
            return got
        return got[:size]

    def digest(self, keep: int = KEEP, *, hashed: bool = True) -> str:
        """Read to the end once; return the SHA-256 of the unpacked content.

        Content of up to `keep` bytes is kept in memory for `chunks`. If the data is damaged or a
        bomb, `problem` says so and the digest is of what came before. Where nobody asks which
        content it was (not `hashed`), the digest is that of nothing.
        """
        running = hashlib.sha256()
        held: list[bytes] = []
        size = 0
        if self.packed_size > keep:  # unpacked it is hardly ever smaller
            keep = -1
        try:
            for chunk in self._unpacked(CHUNK):
                if hashed:
                    running.update(chunk)
                size += len(chunk)
                if size <= keep:
                    held.append(chunk)
                else:
                    held.clear()
        except SourceError as problem:
            self.problem = str(problem)
            return running.hexdigest()
        self._kept = b"".join(held) if size <= keep else None
        return running.hexdigest()

    @property
    def kept(self) -> int:
        """How many bytes are held in memory."""
        return 0 if self._kept is None else len(self._kept)

    @property
    def held(self) -> bytes | None:
        """The whole content, if it is held in memory and nothing is wrong with it."""
        return None if self.problem else self._kept

    def chunks(self) -> Iterator[bytes]:
        """Yield the unpacked content in pieces of about 1 MiB (or whole, if it is kept).

        Raises
        ------
        SourceError
            At once if `digest` found a problem, else where one is met.
        """
        if self.problem:
            raise SourceError(self.problem)
        if self._kept is not None:
            if self._kept:
                yield self._kept
            return
        yield from self._unpacked(CHUNK)

    def whole(self, limit: int, *, even_if_cut: bool = False) -> bytes:
        """Return the unpacked content, refusing more than `limit` bytes, and a cut gzip stream."""
        pieces: list[bytes] = []
        size = 0
        for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise SourceError(
                    f"the file is larger than {limit // MiB} MiB, the limit for this format; "
                    "split it (for FHIR: one bundle a patient, or NDJSON)"
                )
            pieces.append(chunk)
        if self.cut and not even_if_cut:
            raise SourceError(
                "gzip stream ends early, so the file is not whole; nothing of this file was "
                "stored; copy it again"
            )
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def release(self) -> None:
        """Forget the kept content."""
        self._kept = None

    def _unpacked(self, step: int) -> Iterator[bytes]:
        raw = self._raw(step)
        return self.recode(raw) if self.recode else raw

    def _raw(self, step: int) -> Iterator[bytes]:
        try:
            with self.opener() as raw:
                # no more room than is needed: the file of an hour is far smaller than a step
                room = min(step, max(self.packed_size + 1, HEAD))
                first = raw.read(room)
                if first.startswith(_GZIP_MAGIC):
                    yield from self._gunzip(first, raw, step)
                    return
                size = 0
                while first:
                    size += len(first)
                    self._check_bomb(size, max(self.packed_size, 1))
                    yield first
                    first = raw.read(room) if len(first) == room else b""
        except (zipfile.BadZipFile, zlib.error, EOFError) as problem:
            raise SourceError(_DAMAGED) from problem
        except (RuntimeError, NotImplementedError) as problem:
            raise SourceError(
                "the archive member is encrypted or packed by an unknown method; unpack it first"
            ) from problem
        except OSError as problem:
            raise SourceError(
                f"the file cannot be opened or read ({type(problem).__name__}); check its "
                "permissions and the disk"
            ) from problem

    def _gunzip(self, first: bytes, raw: IO[bytes], step: int) -> Iterator[bytes]:
        engine = zlib.decompressobj(31)
        packed, size, data = 0, 0, first
        self.cut = False
        while data:
            packed += len(data)
            while data:
                out = engine.decompress(data, step)
                size += len(out)
                self._check_bomb(size, packed)
                if out:
                    yield out
                data = engine.unconsumed_tail
                if engine.eof:
                    data = engine.unused_data.lstrip(b"\0")
                    if data:
                        engine = _next_member(data)
            data = raw.read(step)
            if engine.eof and data:
                data = data.lstrip(b"\0")
                engine = _next_member(data) if data else engine
        self.cut = not engine.eof

    @staticmethod
    def _check_bomb(size: int, packed: int) -> None:
        if size > MAX_EXPANDED or (size > RATIO_FROM and size > MAX_RATIO * packed):
            raise SourceError(_BOMB.format(size // MiB, size // packed))


def _next_member(data: bytes) -> "zlib._Decompress":
    if not data.startswith(_GZIP_MAGIC[: len(data)]):
        raise SourceError(_DAMAGED)
    return zlib.decompressobj(31)
