"""Hazards in pieces as ONNX: from the columns to the cumulative incidence at the horizon."""

from typing import TYPE_CHECKING

import numpy as np

from euthymia.models.export import Graph, finish, raw_columns, split_heads

if TYPE_CHECKING:
    from euthymia.models.estimators.survival import Survival


def survival_graph(model: "Survival", features: int) -> bytes:
    """Return a time-to-event model with its refits as a checked ONNX file; see `linear_graph`."""
    causes, heads, pieces = model.levels.shape
    prepared = model.preparation
    graph = Graph()
    raw = raw_columns(graph, prepared)
    folded = model.coefficients.reshape(causes * heads, -1) / prepared.scale
    levels = model.levels.reshape(causes * heads, pieces) - (folded @ prepared.mean)[:, None]
    graph.constant("coefficients", folded.T)
    graph.constant("levels", levels)
    graph.constant("each", np.array([-1, causes * heads, 1], np.int64))
    graph.constant("smallest", np.array(model.limits[0]))
    graph.constant("largest", np.array(model.limits[1]))
    graph.constant("one", np.array(1.0))
    graph.add("MatMul", [raw, "coefficients"], "predictor")
    graph.add("Reshape", ["predictor", "each"], "predictors")
    graph.add("Add", ["predictors", "levels"], "eta")
    graph.add("Max", ["eta", "smallest"], "eta_from")
    graph.add("Min", ["eta_from", "largest"], "eta_to")
    graph.add("Exp", ["eta_to"], "rates")
    rate, total = _rates(graph, causes, heads)
    lost = total
    if model.discrete:
        graph.add("Add", [total, "one"], "odds")
        lost = graph.add("Log", ["odds"], "lost")
    # what is lost before each piece: the sum over the pieces before it
    graph.constant("earlier", np.triu(np.ones((pieces, pieces)), 1))
    graph.add("MatMul", [lost, "earlier"], "before")
    graph.add("Neg", ["before"], "minus_before")
    graph.add("Exp", ["minus_before"], "left")
    graph.add("Neg", [lost], "minus_lost")
    graph.add("Exp", ["minus_lost"], "stays")
    graph.add("Sub", ["one", "stays"], "goes")
    graph.add("Mul", ["left", "goes"], "leaves")
    leaves = "leaves"
    if causes > 1:
        graph.add("Div", [rate, total], "share")
        leaves = graph.add("Mul", ["leaves", "share"], "comes")
    graph.constant("sum", np.ones((pieces, 1)))
    graph.add("MatMul", [leaves, "sum"], "risk")
    graph.constant("flat", np.array([-1, heads], np.int64))
    graph.add("Reshape", ["risk", "flat"], "all")
    split_heads(graph, "all", heads - 1)
    return finish(graph, features)


def _rates(graph: Graph, causes: int, heads: int) -> tuple[str, str]:
    """Add the rate of cause 1 and of all together; return their names."""
    if causes == 1:
        return "rates", "rates"
    total = ""
    for cause in range(causes):
        rows = np.arange(cause * heads, (cause + 1) * heads)
        graph.constant(f"heads_{cause}", rows)
        rate = graph.add("Gather", ["rates", f"heads_{cause}"], f"rate_{cause}", axis=1)
        total = rate if not total else graph.add("Add", [total, rate], f"total_{cause}")
    return "rate_0", total
