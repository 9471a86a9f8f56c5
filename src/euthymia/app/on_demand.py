"""A person's features, each family read when somebody looks at it: a worklist needs few of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa


class OnDemand(Mapping[str, pa.Table]):
    """Derived rows by family. What was read once is kept; a family without rows is not in it.

    Parameters
    ----------
    names : sequence of str
        The families there may be.
    read : callable
        Returns a family's rows, None if it was never computed. What it raises is passed on.
    """

    def __init__(
        self, names: Sequence[str] = (), read: Callable[[str], pa.Table | None] = lambda _name: None
    ) -> None:
        self._names, self._read = names, read
        self._held: dict[str, pa.Table | None] = {}

    def __getitem__(self, name: str) -> pa.Table:
        """Return a family's rows; KeyError if there are none."""
        if name not in self._held:
            if name not in self._names:
                raise KeyError(name)
            self._held[name] = self._read(name)
        found = self._held[name]
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        """Read every family, and name those that have rows."""
        return (name for name in self._names if name in self)

    def __len__(self) -> int:
        """Read every family, and count those that have rows."""
        return sum(1 for _ in self)
