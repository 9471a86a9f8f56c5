"""Gather what a reader meets one record at a time: samples, facts, and what is not kept.

Rows are numbered in the order in which their items are handed over: first what is kept, then what
is refused (one reject a rule, with its first place), then what is left out on purpose.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground import schemas
from euthymia.ground.errors import SourceError
from euthymia.ground.ids import SourceId, device_id
from euthymia.ground.records import Item, Reject, Samples
from euthymia.sources.shapes import Facts, samples

FLUSH_AT: Final = 100_000

Fields = Mapping[str, NDArray[Any]]
"""The columns of a stream, one value a record."""


@dataclass(slots=True)
class _Refusal:
    """How often a rule was broken, and where first and last."""

    first: str
    last: str
    rows: int = 1

    def said(self, rule: str) -> str:
        if self.rows == 1 or self.first == self.last:
            return f"{self.first}: {rule}" if self.first else rule
        return f"{self.first} to {self.last} ({self.rows} times): {rule}"


@dataclass(slots=True)
class Gather:
    """Everything read of one person from one file.

    Attributes
    ----------
    source : str
        The source's name.
    who : str
        The person, as the source knows them.
    """

    source: str
    who: str
    rows: int = 0
    _waiting: int = 0
    _samples: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    _ready: list[Item] = field(default_factory=list)
    _facts: Facts | None = None
    _refused: dict[str, _Refusal] = field(default_factory=dict)
    _left: dict[str, int] = field(default_factory=dict)

    @property
    def subject(self) -> SourceId:
        """The person's identifier."""
        return device_id(self.source, self.who)

    def sample(self, stream: str, time_us: int, *values: float | str | None) -> None:
        """Take a record that is one sample; `values` are in the order of the stream's fields."""
        self.rows += 1
        self._waiting += 1
        self._samples.setdefault(stream, []).append((self.rows, time_us, *values))

    def beside(self, stream: str, time_us: int, *values: float | str | None) -> None:
        """Take one more sample of the record that was taken last."""
        self._waiting += 1
        self._samples.setdefault(stream, []).append((self.rows, time_us, *values))

    def stretch(
        self,
        stream: str,
        time_us: NDArray[np.int64],
        **fields: Any,  # noqa: ANN401  (NumPy or Arrow arrays, or None)
    ) -> None:
        """Take a record that is many samples: they share one row number."""
        self.rows += 1
        self._waiting += len(time_us)
        rows = np.full(len(time_us), self.rows, np.int64)
        self._ready.append(samples(self.subject.system, stream, self.who, rows, time_us, **fields))

    def column(
        self,
        stream: str,
        time_us: NDArray[np.int64],
        each: int | NDArray[np.int64] = 1,
        **fields: Any,  # noqa: ANN401  (NumPy or Arrow arrays, or None)
    ) -> None:
        """Take many records at once, of `each` samples (a number, or one for each record)."""
        if not len(time_us):
            return
        if isinstance(each, int):
            records = np.arange(len(time_us), dtype=np.int64) // each
        else:
            records = np.repeat(np.arange(each.size), each)
        rows = self.rows + 1 + records
        self.rows += int(records[-1]) + 1
        self._waiting += len(time_us)
        self._ready.append(samples(self.subject.system, stream, self.who, rows, time_us, **fields))

    def several(
        self, time_us: NDArray[np.int64], streams: Mapping[str, tuple[NDArray[np.bool_], Fields]]
    ) -> NDArray[np.bool_]:
        """Take many records at once, each of which may be a sample of several streams.

        Parameters
        ----------
        streams : mapping
            Of each stream: which records are a sample of it, and their fields, one a record.

        Returns
        -------
        array of bool
            Of which records nothing was taken: they are not counted yet.
        """
        told: NDArray[np.bool_] = np.zeros(len(time_us), np.bool_)
        for mask, _ in streams.values():
            told |= mask
        rows = self.rows + np.cumsum(told)
        self.rows += int(told.sum())
        self._waiting += int(told.sum())
        for stream, (mask, fields) in streams.items():
            if mask.any():
                own = {name: values[mask] for name, values in fields.items()}
                who = self.subject.system, stream, self.who
                self._ready.append(samples(*who, rows[mask], time_us[mask], **own))
        return ~told

    def fact(
        self, code: str, time_us: int, number: float, unit: str, *, text: str | None = None
    ) -> None:
        """Take a record that is one observation."""
        if self._facts is None:
            self._facts = Facts(self.source)
        self.rows += 1
        self._waiting += 1
        self._facts.add(
            self.rows, self.subject, code, time_us=time_us, number=number, unit=unit, text=text
        )

    def refuse(self, rule: str, place: str, rows: int = 1) -> None:
        """Count a record that breaks a rule. `rule` holds no value, so there are few of them."""
        known = self._refused.get(rule)
        if known is None:
            self._refused[rule] = _Refusal(place, place, rows)
        else:
            known.last, known.rows = place, known.rows + rows

    def leave(self, what: str, rows: int = 1) -> None:
        """Count a record that is not kept on purpose."""
        self._left[what] = self._left.get(what, 0) + rows

    def ready(self) -> Iterator[Item]:
        """Yield what was gathered once it is much."""
        if self._waiting >= FLUSH_AT:
            yield from self._take()

    def finish(self, problem: SourceError | None = None) -> Iterator[Item]:
        """Yield the rest; `problem` is why reading stopped early, if it did."""
        yield from self._take()
        if problem is not None:
            self.refuse(str(problem), "")
        told = [(seen.said(rule), seen.rows) for rule, seen in self._refused.items()]
        told += [(what, rows) for what, rows in sorted(self._left.items())]
        for reason, rows in told:
            yield Reject(self.rows + 1, reason, rows)
            self.rows += rows
        self._refused, self._left = {}, {}

    def _take(self) -> Iterator[Item]:
        ready, self._ready = self._ready, []
        waiting, self._samples = self._samples, {}
        self._waiting = 0
        yield from ready
        for stream, rows in waiting.items():
            yield _table(self.subject, stream, rows)
        if self._facts is not None:
            yield from self._facts.take()


def _table(who: SourceId, stream: str, rows: list[tuple[Any, ...]]) -> Samples:
    row, time_us, *columns = zip(*rows, strict=True)
    spec = schemas.STREAMS[stream].fields
    fields = {
        f.name: pa.array(column, f.type, from_pandas=True)
        for f, column in zip(spec, columns, strict=True)
    }
    return samples(
        who.system,
        stream,
        who.value,
        np.array(row, np.int64),
        np.array(time_us, np.int64),
        **fields,
    )


def reading(gather: Gather, steps: Callable[[], Iterator[None]]) -> Iterator[Item]:
    """Run a reader that gathers, handing over whenever much has come together.

    `steps` yields now and then; a SourceError in it ends the file, and what came before stands.
    """
    try:
        for _ in steps():
            yield from gather.ready()
    except SourceError as problem:
        yield from gather.finish(problem)
    else:
        yield from gather.finish()
