"""Which record of its source gave which stored fact: what a correction or a retraction removes.

Beside a person's facts lies, sealed like them, one row for each record and fact it gave, in the
fact's year. A fact is there as long as any record gives it. Of a record that was taken back one
row without a fact stays (in part 0), so that an older writing never brings it back.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.gateway.contract import Mark
from euthymia.store.frame import TEXT, Column, Frame, rows_of

RECORDS: Final = "records"
"""The kind of these blocks."""
COLUMNS: Final = {"record": "i8", "name": "i8", "order": "i8", "gone": "i1", "fact": "i8"}
BY_HAND: Final = -1
"""The `record` of a fact that a person took back: no record brings it back."""

Rows = NDArray[Any]
"""A structured array of `DTYPE`."""
DTYPE: Final = np.dtype([("part", "<i4"), *((name, f"<{kind}") for name, kind in COLUMNS.items())])
NONE: Final[Rows] = np.zeros(0, DTYPE)

_INSTANTS: Final = 10**12
"""Orders from here on are instants [us since 1970]; those below are numbers of versions."""
_NULL: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def unfold(blocks: Iterable[tuple[int, Frame]]) -> Rows:
    """Return the rows of stored blocks (part, frame)."""
    parts = []
    for part, frame in blocks:
        rows = np.zeros(len(frame["record"]), DTYPE)
        rows["part"] = part
        for name in COLUMNS:
            rows[name] = frame[name].values
        parts.append(rows)
    return np.concatenate(parts) if parts else NONE


def fold(rows: Rows, parts: Iterable[int]) -> list[tuple[int, Frame]]:
    """Return the blocks of these parts; one of no rows is to be removed."""
    found: list[tuple[int, Frame]] = []
    for part in sorted(parts):
        own = np.sort(rows[rows["part"] == part], order=["record", "fact"])
        found.append(
            (part, {name: Column(kind, own[name].copy()) for name, kind in COLUMNS.items()})
        )
    return found


_ASIDE: Final = frozenset({"purpose", "sensitivity"})
"""Why a fact came in, and that it once came with a label, make no other fact of it."""


# -- facts -----------------------------------------------------------------------------------------


def digests(frame: Frame) -> NDArray[np.int64]:
    """Return 64 bits for each row that are equal for equal rows, whatever they came in for."""
    total = np.zeros(rows_of(frame), np.uint64)
    for name, column in frame.items():
        if name in _ASIDE:
            continue
        if column.kind == TEXT:
            pool = np.array([_text(text) for text in column.pool] or [0], np.uint64)
            values = pool[column.values]
        elif column.kind in {"f8", "f4"}:
            values = (column.values.astype(np.float64) + 0.0).view(np.uint64)
        else:
            values = column.values.astype(np.int64).view(np.uint64)
        if column.valid is not None:
            values = np.where(column.valid, values, _NULL)
        total = _mixed(total ^ _mixed(values + np.uint64(_text(name))))
    return total.view(np.int64)


def _text(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return splitmix64's finaliser of each value (Steele 2014, doi:10.1145/2660193.2660195)."""
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))


# -- what a batch changes --------------------------------------------------------------------------


def later(order: int, than: int) -> bool:
    """Tell whether one writing is known to be later than another.

    An instant says nothing of a version's number, nor of a writing that says nothing (0).
    """
    return (order >= _INSTANTS) == (than >= _INSTANTS) and order > than


@dataclass(slots=True)
class _State:
    """What a record is after the marks seen so far. `held`: its rows of before still count."""

    order: int
    gone: bool
    held: bool
    rows: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a batch makes of one person's records.

    Attributes
    ----------
    rows : structured array
        All rows that there are from now on.
    parts : set of int
        The parts in which any differs from before.
    stale : set of int
        The file's rows that an older writing gave, or one that was taken back.
    refused : ndarray of bool
        Of the offered facts those not to be stored.
    fresh : set of int
        The file's rows that took back something that was not taken back before.
    dropped : dict
        {part: digests of facts that no record gives any more}.
    gone : tuple of Mark
        What was taken back anew.
    """

    rows: Rows
    parts: frozenset[int]
    stale: frozenset[int]
    refused: NDArray[np.bool_]
    fresh: frozenset[int]
    dropped: Mapping[int, frozenset[int]]
    gone: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """The facts of a batch about one person: the file's row, the year, the digest of each."""

    row: NDArray[np.int64]
    part: NDArray[np.int64]
    fact: NDArray[np.int64]


def settle(held: Rows, offered: Offered, marks: Sequence[Mark], said: Offered) -> Settled:
    """Say what becomes of a person's records and facts.

    Of a record the latest writing counts. Where two writings do not say which is later, both do. Of
    one that is taken back and was stored before records were noted, what it still has `said` goes.
    """
    states, stale, gone = _states(held, marks)
    by_hand = held["fact"][held["record"] == BY_HAND]
    refused = np.isin(offered.row, sorted(stale)) | np.isin(offered.fact, by_hand)
    out = np.isin(held["record"], [record for record, s in states.items() if not s.held])
    left, parts = _in_order(held[~out], states)
    new = np.concatenate([_tombstones(marks, states), _given(offered, refused, marks, states)])
    new = new[np.unique(_keys(new), return_index=True)[1]]
    new = new[~np.isin(_keys(new), _keys(left))]
    rows = np.concatenate([left, new])
    return Settled(
        rows,
        frozenset(parts | set(held["part"][out].tolist()) | set(new["part"].tolist())),
        frozenset(stale),
        refused,
        frozenset(mark.row for mark in gone if mark.row),
        dropped(np.concatenate([held[out], _once_said(held, said, gone)]), rows),
        tuple(gone),
    )


def _once_said(held: Rows, said: Offered, gone: Sequence[Mark]) -> Rows:
    """Return rows for what records say that are taken back and of which nothing is held."""
    known = set(held["record"].tolist())
    mine = np.isin(said.row, [mark.row for mark in gone if mark.record not in known])
    rows = np.zeros(int(mine.sum()), DTYPE)
    rows["part"], rows["fact"] = said.part[mine], said.fact[mine]
    return rows


def _keys(rows: Rows) -> NDArray[np.uint64]:
    """Return 64 bits for each row that are equal for equal rows."""
    total = np.zeros(len(rows), np.uint64)
    for name in DTYPE.names or ():
        total = _mixed(total ^ _mixed(rows[name].astype(np.int64).view(np.uint64) + _NULL))
    return total


def _states(held: Rows, marks: Sequence[Mark]) -> tuple[dict[int, _State], set[int], list[Mark]]:
    """Return what each record of a batch became, the rows that count no more, what went."""
    states: dict[int, _State] = {}
    named = held[np.isin(held["record"], [m.record for m in marks if m.record])]
    for record, order, gone in zip(
        *(named[name].tolist() for name in ("record", "order", "gone")), strict=True
    ):
        state = states.setdefault(record, _State(order, bool(gone), True))
        state.order, state.gone = max(state.order, order), state.gone or bool(gone)
    stale: set[int] = set()
    went: dict[int, Mark] = {}
    for mark in marks:
        known = states.get(mark.record)
        if not mark.record or (mark.row == 0 and known is None):
            continue
        if known is None:
            known = states[mark.record] = _State(mark.order, mark.gone, True)
            if mark.gone:
                known.held, went[mark.record] = False, mark
            else:
                known.rows.add(mark.row)
        elif mark.gone:
            order = max(known.order, mark.order)
            if known.gone:  # a writing between the two retractions is not to bring it back
                known.order = order
            elif not later(known.order, mark.order):
                stale |= known.rows
                states[mark.record] = _State(order, True, False)
                went[mark.record] = mark
        elif later(mark.order, known.order):
            stale |= known.rows
            states[mark.record] = _State(mark.order, False, False, {mark.row})
            went.pop(mark.record, None)
        elif known.gone or later(known.order, mark.order):
            stale.add(mark.row)
        else:
            known.order = max(known.order, mark.order)
            known.rows.add(mark.row)
    return states, stale, list(went.values())


def _tombstones(marks: Sequence[Mark], states: Mapping[int, _State]) -> Rows:
    names = {mark.record: mark.name for mark in marks}
    gone = [(r, s) for r, s in states.items() if s.gone and not s.held]
    rows = [(0, record, names[record], state.order, 1, 0) for record, state in gone]
    return np.array(rows, DTYPE) if rows else NONE


def _given(
    offered: Offered,
    refused: NDArray[np.bool_],
    marks: Sequence[Mark],
    states: Mapping[int, _State],
) -> Rows:
    """Return a row for each fact that is stored and the record that gives it."""
    live = {m.row: m for m in marks if not m.gone}
    places = [i for i, row in enumerate(offered.row.tolist()) if row in live and not refused[i]]
    rows = np.zeros(len(places), DTYPE)
    if not places:
        return rows
    own = [live[int(offered.row[i])] for i in places]
    rows["part"], rows["fact"] = offered.part[places], offered.fact[places]
    rows["record"] = [m.record for m in own]
    rows["name"] = [m.name for m in own]
    rows["order"] = [states[m.record].order if m.record else 0 for m in own]
    return rows


def _in_order(rows: Rows, states: Mapping[int, _State]) -> tuple[Rows, set[int]]:
    """Return rows with the latest order of their record, and the parts in which one changed."""
    mine = np.flatnonzero(np.isin(rows["record"], list(states)))
    if not mine.size:
        return rows, set()
    before = rows["order"][mine]
    rows["order"][mine] = [states[record].order for record in rows["record"][mine].tolist()]
    return rows, set(rows["part"][mine][rows["order"][mine] != before].tolist())


def dropped(out: Rows, rows: Rows) -> dict[int, frozenset[int]]:
    """Return the facts, by part, that only rows which are `out` gave, and none of `rows` gives."""
    out = out[out["gone"] == 0]
    if not len(out):
        return {}
    left = rows[(rows["gone"] == 0) & np.isin(rows["fact"], out["fact"])]
    given = set(zip(left["part"].tolist(), left["fact"].tolist(), strict=True))
    found: dict[int, set[int]] = {}
    for part, fact in zip(out["part"].tolist(), out["fact"].tolist(), strict=True):
        if (part, fact) not in given:
            found.setdefault(part, set()).add(fact)
    return {part: frozenset(facts) for part, facts in found.items()}


def buried(held: Rows, facts: Collection[int]) -> tuple[Rows, set[int]]:
    """Return rows after facts were taken back by hand, and the parts that changed.

    No record gives them any more, and none brings them back.
    """
    out = np.isin(held["fact"], list(facts)) & (held["record"] != BY_HAND)
    known = set(held["fact"][held["record"] == BY_HAND].tolist())
    new = [(0, BY_HAND, BY_HAND, 0, 1, fact) for fact in sorted(facts) if fact not in known]
    rows = np.concatenate([held[~out], np.array(new, DTYPE)])
    return rows, {0, *held["part"][out].tolist()}
