"""Small formulas over the columns of a table: how a task file says what it takes, as data.

    HAMD @ 14 - HAMD @ 0              a column at a visit, of a table with one row a visit
    last(Week4, Week6, Week8) <= -20  the last that is known
    any(thoughts @ (6, 12, 18, 24))   1 if at any, 0 if at none of those known
    arm == "drug" and not refused     words are compared with == and !=
    col("bdi.8m") / col("bdi.pre")    a column whose name is no plain word

A formula is parsed, never run as code. Values are numbers, truths are 1 and 0, and what is not
known stays not known (NaN), by Kleene's rules for `and` and `or`.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.errors import SchemaError

Floats = NDArray[np.float64]
Texts = NDArray[np.str_]
HOW: Final = (
    'such as bdi_8m <= 9, or col("bdi.8m") <= 9 where a column\'s name is no plain word; '
    "docs/tables.md has the rest"
)
Visit = float | str | None
"""Where a long table has one row a visit: which one; None: the person's first row."""


class Rows(Protocol):
    """What a formula is evaluated on: one value of a column for each row to be."""

    def number(self, column: str, visit: Visit) -> Floats:
        """Return numbers, NaN where not known."""

    def text(self, column: str, visit: Visit) -> Texts:
        """Return texts, empty where not known."""


@dataclass(frozen=True, slots=True)
class Read:
    """A column that a formula looks at, and the visit it takes it from."""

    column: str
    visit: Visit = None


def column_formula(name: str) -> str:
    """Return the formula that is a column by any name."""
    return f"col({name!r})"


def reads(formula: str) -> frozenset[Read]:
    """Return every column that a formula looks at.

    Raises
    ------
    SchemaError
        It is no formula.
    """
    found: set[Read] = set()
    _walk(_parse(formula), found)
    return frozenset(found)


def number(formula: str, rows: Rows) -> Floats:
    """Return the formula's value for each row, NaN where it is not known.

    Raises
    ------
    SchemaError
        It is no formula, or a column is not there or holds words.
    """
    value = _number(_parse(formula), rows)
    if value.ndim != 1:
        raise SchemaError(f"{formula}: several visits; put any(), last() or mean() around them")
    return value


def text(formula: str, rows: Rows) -> Texts:
    """Return the formula's value for each row in words, empty where it is not known."""
    node = _parse(formula)
    if isinstance(node, ast.Call) and _name(node.func) == "words":
        return _words(node, rows)
    if isinstance(node, ast.Call) and _name(node.func) == "band":
        return _band(node, rows)
    place = _place(node)
    if place is not None:
        return rows.text(*place)
    value = _number(node, rows)
    return np.array(["" if np.isnan(v) else f"{v:g}" for v in value.tolist()], np.str_)


@cache
def _parse(formula: str) -> ast.expr:
    try:
        return ast.parse(formula.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SchemaError(f"{formula!r} is no formula: {HOW}") from error


def _refused(node: ast.AST) -> SchemaError:
    return SchemaError(
        f"{ast.unparse(node)!r} is nothing that a formula may hold: columns, numbers, words in"
        f" quotes, + - * /, comparisons, and, or, not, @ and {', '.join(sorted(_FUNCTIONS))}"
    )


def _name(node: ast.expr) -> str:
    """Return a (dotted) name; empty where it is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _name(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def _column(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and _name(node.func) == "col" and len(node.args) == 1:
        said = node.args[0]
        if isinstance(said, ast.Constant) and isinstance(said.value, str):
            return said.value
    return _name(node)


def _constant(node: ast.expr) -> float | str:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _constant(node.operand)
        if not isinstance(inner, str):
            return -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str):
        return node.value if isinstance(node.value, str) else float(node.value)
    raise _refused(node)


def _visits(node: ast.expr) -> tuple[float | str, ...]:
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_constant(part) for part in node.elts)
    return (_constant(node),)


def _place(node: ast.expr) -> tuple[str, Visit] | None:
    """Return (column, visit) of a node that is one column at one visit."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        visits = _visits(node.right)
        return (_column(node.left), visits[0]) if len(visits) == 1 else None
    name = _column(node)
    return (name, None) if name else None


def _walk(node: ast.expr, found: set[Read]) -> None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        column = _column(node.left)
        if not column:
            raise _refused(node)
        found.update(Read(column, visit) for visit in _visits(node.right))
        return
    column = _column(node)
    if column:
        found.add(Read(column))
        return
    if isinstance(node, ast.Call):
        for part in node.args:
            if not isinstance(part, ast.Dict):
                _walk(part, found)
        return
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.expr):
            _walk(inner, found)


def _number(node: ast.expr, rows: Rows) -> Floats:
    place = _place(node)
    if place is not None:
        return rows.number(*place)
    found: Floats
    match node:
        case ast.BinOp():
            found = _arithmetic(node, rows)
        case ast.BoolOp():
            parts = [_number(part, rows) for part in node.values]
            found = _together(parts, any_of=isinstance(node.op, ast.Or))
        case ast.UnaryOp():
            found = _unary(node, rows)
        case ast.Compare():
            found = _compare(node, rows)
        case ast.Call():
            found = _call(node, rows)
        case _:
            found = _alone(node)
    return found


def _alone(node: ast.expr) -> Floats:
    said = _constant(node)
    if isinstance(said, str):
        raise _refused(node)
    return np.array([said])


def _unary(node: ast.UnaryOp, rows: Rows) -> Floats:
    value = _number(node.operand, rows)
    if isinstance(node.op, ast.Not):
        return np.where(np.isnan(value), np.nan, (value == 0).astype(np.float64))
    if isinstance(node.op, ast.USub):
        return -value
    raise _refused(node)


def _arithmetic(node: ast.BinOp, rows: Rows) -> Floats:
    if isinstance(node.op, ast.MatMult):
        column = _column(node.left)
        return np.column_stack([rows.number(column, visit) for visit in _visits(node.right)])
    left, right = _number(node.left, rows), _number(node.right, rows)
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    if isinstance(node.op, ast.Mult):
        return left * right
    if isinstance(node.op, ast.Div):
        with np.errstate(divide="ignore", invalid="ignore"):
            found = left / right
        return np.where(np.isfinite(found), found, np.nan)
    raise _refused(node)


_COMPARED: Final[Mapping[type, Callable[[Floats, Floats], NDArray[np.bool_]]]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}


def _compare(node: ast.Compare, rows: Rows) -> Floats:
    found = []
    for op, left, right in zip(
        node.ops, [node.left, *node.comparators], node.comparators, strict=False
    ):
        if isinstance(right, ast.Constant) and isinstance(right.value, str):
            found.append(_is_word(op, left, right.value, rows))
            continue
        compared = _COMPARED.get(type(op))
        if compared is None:
            raise _refused(node)
        a, b = _number(left, rows), _number(right, rows)
        known = ~(np.isnan(a) | np.isnan(b))
        found.append(np.where(known, compared(a, b).astype(np.float64), np.nan))
    return _together(found, any_of=False)


def _is_word(op: ast.cmpop, left: ast.expr, word: str, rows: Rows) -> Floats:
    place = _place(left)
    if place is None or not isinstance(op, ast.Eq | ast.NotEq):
        raise _refused(left)
    said = rows.text(*place)
    same = (said == word) if isinstance(op, ast.Eq) else (said != word)
    return np.where(said == "", np.nan, same.astype(np.float64))


def _together(parts: list[Floats], *, any_of: bool) -> Floats:
    """Return Kleene's `or` (any_of) or `and` of truths: not known only where it matters."""
    stacked = np.stack(np.broadcast_arrays(*parts))
    truth = stacked != 0 if any_of else stacked == 0
    decided = (truth & ~np.isnan(stacked)).any(axis=0)
    value = np.where(np.isnan(stacked).any(axis=0), np.nan, 0.0 if any_of else 1.0)
    return np.where(decided, 1.0 if any_of else 0.0, value)


def _several(node: ast.Call, rows: Rows) -> Floats:
    """Return a function's arguments beside each other, shape [n, k]."""
    parts = [_number(part, rows) for part in node.args]
    length = max((part.shape[0] for part in parts), default=0)
    wide = [part if part.ndim == 2 else np.broadcast_to(part, (length,))[:, None] for part in parts]
    if not wide:
        raise _refused(node)
    return np.hstack(wide)


def _known_only(values: Floats, found: Floats) -> Floats:
    return np.where(np.isnan(values).all(axis=1), np.nan, found)


def _pick(values: Floats, *, last: bool) -> Floats:
    seen = values[:, ::-1] if last else values
    first = np.argmax(~np.isnan(seen), axis=1)
    return np.asarray(seen[np.arange(seen.shape[0]), first])


_FUNCTIONS: Final[Mapping[str, Callable[[Floats], Floats]]] = {
    "any": lambda v: _known_only(v, (np.nan_to_num(v) != 0).any(axis=1).astype(np.float64)),
    "all": lambda v: _known_only(v, (np.nan_to_num(v, nan=1.0) != 0).all(axis=1) * 1.0),
    "first": lambda v: _pick(v, last=False),
    "last": lambda v: _pick(v, last=True),
    "lowest": lambda v: _known_only(v, np.where(np.isnan(v), np.inf, v).min(axis=1)),
    "highest": lambda v: _known_only(v, np.where(np.isnan(v), -np.inf, v).max(axis=1)),
    "total": lambda v: _known_only(v, np.nansum(v, axis=1)),
    "mean": lambda v: _known_only(
        v, np.nansum(v, axis=1) / np.maximum((~np.isnan(v)).sum(axis=1), 1)
    ),
    "known": lambda v: (~np.isnan(v)).sum(axis=1).astype(np.float64),
    "abs": lambda v: np.abs(v[:, 0]),
}
"""Each over the values that are known; `known` counts them."""


def _call(node: ast.Call, rows: Rows) -> Floats:
    found = _FUNCTIONS.get(_name(node.func))
    if found is None or node.keywords:
        raise _refused(node)
    return found(_several(node, rows))


def _words(node: ast.Call, rows: Rows) -> Texts:
    """words(column, {1: "men", 2: "women"}): names for codes; other codes stay as they are."""
    place = _place(node.args[0]) if len(node.args) == 2 else None
    table = node.args[-1] if node.args else None
    if place is None or not isinstance(table, ast.Dict) or None in table.keys:
        raise _refused(node)
    said = rows.text(*place).astype(object)
    for key, value in zip(table.keys, table.values, strict=True):
        assert key is not None
        code = _constant(key)
        wanted = code if isinstance(code, str) else f"{code:g}"
        said[said == wanted] = str(_constant(value))
    return said.astype(np.str_)


def _band(node: ast.Call, rows: Rows) -> Texts:
    """band(column, 30, 45): "under 30", "30 to 44", "45 and over"."""
    edges = [_constant(part) for part in node.args[1:]]
    cuts = [edge for edge in edges if not isinstance(edge, str)]
    if not cuts or len(cuts) != len(edges) or cuts != sorted(cuts):
        raise _refused(node)
    value = _number(node.args[0], rows)
    names = [f"under {cuts[0]:g}"]
    names += [f"{low:g} to {high - 1:g}" for low, high in pairwise(cuts)]
    names.append(f"{cuts[-1]:g} and over")
    place = np.searchsorted(cuts, value, side="right")
    return np.where(np.isnan(value), "", np.array(names)[np.minimum(place, len(cuts))])
