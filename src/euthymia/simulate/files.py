"""Put bytes on the disk and count them. The same content always makes the same bytes."""

import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"  # no name, no time of writing


def gzipped(data: bytes) -> bytes:
    """Return a gzip file of `data` at level 1, without a name or a time."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(data) + packer.flush()
    size = (len(data) & 0xFFFFFFFF).to_bytes(4, "little")
    return GZIP_HEAD + body + zlib.crc32(data).to_bytes(4, "little") + size


@dataclass(slots=True)
class Folder:
    """A folder to write into. Counts files and bytes; makes each subfolder once."""

    root: Path
    files: int = 0
    size: int = 0
    _made: set[str] = field(default_factory=set)

    def write(self, name: str, data: bytes) -> None:
        """Write one file; `name` has forward slashes."""
        parent = name.rpartition("/")[0]
        if parent not in self._made:
            (self.root / parent).mkdir(parents=True, exist_ok=True)
            self._made.add(parent)
        path = os.path.join(self.root, name)  # noqa: PTH118 - hourly files come in tens of thousands
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
        finally:
            os.close(handle)
        self.files += 1
        self.size += len(data)

    def write_zip(self, name: str, members: Iterable[tuple[str, bytes]]) -> None:
        """Write a zip archive of (name, data) members, all dated 1 January 1980."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with ZipFile(path, "w") as archive:
            for member, data in members:
                info = ZipInfo(member)
                info.compress_type = ZIP_DEFLATED
                archive.writestr(info, data, compresslevel=1)
        self.files += 1
        self.size += path.stat().st_size
