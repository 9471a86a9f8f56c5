"""Lines of CSV from columns of numbers, a whole file at once.

A `Lines` is built column by column as a matrix of bytes, one row a line, in which 0 means "no
character"; the file is the matrix without its zeros.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

_FOUR = np.array([list(f"{i:04d}".encode()) for i in range(10_000)], np.uint8)
_ZERO = ord("0")


def digits(values: NDArray[np.int64], width: int) -> Bytes:
    """Return non-negative integers as ASCII digits with leading zeros, shape (n, width)."""
    out = np.empty((values.size, (width + 3) // 4 * 4), np.uint8)
    rest = values
    for end in range(out.shape[1], 0, -4):
        rest, low = rest // 10_000, rest % 10_000
        out[:, end - 4 : end] = _FOUR[low]
    return out[:, out.shape[1] - width :]


def _trimmed(values: NDArray[np.int64], width: int, keep: int = 1) -> Bytes:
    """Return digits with leading zeros taken away, all but the last `keep` digits."""
    out = digits(values, width)
    for place in range(width - keep):
        out[values < 10 ** (width - 1 - place), place] = 0
    return out


def table(texts: Sequence[bytes]) -> Bytes:
    """Return texts as rows of bytes, filled up with 0."""
    width = max((len(text) for text in texts), default=0)
    rows = [list(text.ljust(width, b"\0")) for text in texts]
    return np.array(rows, np.uint8).reshape(len(texts), width)


class Lines:
    """Lines under construction; each method adds one column and returns the lines."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._parts: list[Bytes] = []

    def text(self, text: bytes) -> Self:
        """Add the same text (a comma, a constant field) to every line."""
        fixed = np.frombuffer(text, np.uint8)
        self._parts.append(np.broadcast_to(fixed, (self._count, fixed.size)))
        return self

    def choice(self, texts: Bytes, which: NDArray[np.integer]) -> Self:
        """Add `texts[which]`: rows of a `table`."""
        self._parts.append(texts[which])
        return self

    def integer(self, values: NDArray[np.int64]) -> Self:
        """Add non-negative whole numbers."""
        top = int(values.max()) if values.size else 0
        self._parts.append(_trimmed(values, len(str(top))))
        return self

    def padded(self, values: NDArray[np.int64], width: int) -> Self:
        """Add non-negative whole numbers with leading zeros."""
        self._parts.append(digits(values, width))
        return self

    def decimal(self, values: NDArray[np.float64], places: int) -> Self:
        """Add numbers with a fixed count of decimal places."""
        scaled = np.rint(values * 10**places).astype(np.int64)
        sign = np.where(scaled < 0, np.uint8(ord("-")), np.uint8(0))[:, None]
        size = np.abs(scaled)
        top = int(size.max()) if size.size else 0
        out = _trimmed(size, max(len(str(top)), places + 1), keep=places + 1)
        self._parts += [sign, out[:, :-places]]
        self.text(b".")
        self._parts.append(out[:, -places:])
        return self

    def _matrix(self) -> Bytes:
        self.text(b"\n")
        return np.concatenate(self._parts, axis=1) if self._count else np.zeros((0, 1), np.uint8)

    def encode(self) -> bytes:
        """Return the lines as one text."""
        matrix = self._matrix()
        data: bytes = matrix[matrix != 0].tobytes()
        return data

    def split(self, group: NDArray[np.int64]) -> list[tuple[int, bytes]]:
        """Return the lines in runs of equal `group` (sorted): (group, text) pairs."""
        if not self._count:
            return []
        matrix = self._matrix()
        present = matrix != 0
        ends = np.cumsum(present.sum(axis=1))
        data = matrix[present].tobytes()
        last = np.flatnonzero(np.append(np.diff(group) != 0, True))
        stops = ends[last].tolist()
        starts = [0, *stops[:-1]]
        names = group[last].tolist()
        return [(n, data[a:b]) for n, a, b in zip(names, starts, stops, strict=True)]
