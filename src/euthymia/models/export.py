"""The whole model as one ONNX graph: impute, clip, standardise, weigh, calibrate, interval.

Built node by node, so that nothing is in it that is not meant to be. All numbers are float64: the
graph equals the Python model to 1e-6 on every row (it is in fact equal to about 1e-15).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from euthymia.ground.errors import IntegrityError
from euthymia.models.export_trees import ML_DOMAIN, ML_OPSET, OPERATOR, check_trees

if TYPE_CHECKING:
    from euthymia.models.estimators.linear import Preparation

Floats = NDArray[np.float64]

OPSET: Final = 17
IR_VERSION: Final = 8
MAX_BYTES: Final = 16 << 20
MAX_NODES: Final = 128
ALLOWED: Final = frozenset(
    {
        "Add", "Cast", "Concat", "Div", "Exp", "Gather", "IsNaN", "Log", "MatMul", "Max", "Min",
        "Mul", "Neg", "Reshape", "Sigmoid", "Sqrt", "Sub", "TopK", "Where",
    }
)  # fmt: skip
"""The only operators that a bundle may hold, but for one `TreeEnsemble` whose trees are checked
node by node (`export_trees.py`): arithmetic. None reads a file or runs code."""


def percentile_weights(heads: int, percents: tuple[float, ...]) -> Floats:
    """Return [heads, percents] weights that turn sorted values into linear percentiles."""
    weights = np.zeros((heads, len(percents)))
    for column, percent in enumerate(percents):
        place = percent / 100 * (heads - 1)
        below = int(np.floor(place))
        weights[below, column] += 1 - (place - below)
        weights[min(below + 1, heads - 1), column] += place - below
    return weights


class Graph:
    """Collects the nodes and constants of a graph."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Add an array under a name, and return the name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, op: str, inputs: list[str], output: str, **attributes: int) -> str:
        """Add a node with one output, and return the output's name."""
        node = helper.make_node(op, inputs, [output])
        node.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())
        self.nodes.append(node)
        return output


def raw_columns(graph: Graph, prepared: "Preparation") -> str:
    """Add the nodes from x to the clipped columns and missing indicators."""
    graph.constant("columns", prepared.columns.astype(np.int64))
    graph.constant("indicators", prepared.indicators.astype(np.int64))
    for name in ("fill", "low", "high"):
        graph.constant(f"{name}_of", getattr(prepared, name).astype(np.float64))
    graph.add("IsNaN", ["x"], "unknown")
    graph.add("Gather", ["x", "columns"], "chosen", axis=1)
    graph.add("Gather", ["unknown", "columns"], "chosen_unknown", axis=1)
    graph.add("Where", ["chosen_unknown", "fill_of", "chosen"], "filled")
    graph.add("Max", ["filled", "low_of"], "raised")
    graph.add("Min", ["raised", "high_of"], "clipped")
    graph.add("Gather", ["unknown", "indicators"], "gone", axis=1)
    graph.add("Cast", ["gone"], "flags", to=TensorProto.DOUBLE)
    return graph.add("Concat", ["clipped", "flags"], "raw", axis=1)


def interval_nodes(graph: Graph, heads: int) -> None:
    """Add the nodes from the bootstrap heads to the percentiles that hold the probability."""
    graph.constant("heads", np.array([heads], np.int64))
    graph.nodes.append(
        helper.make_node("TopK", ["drawn", "heads"], ["sorted", "_order"], axis=1, largest=0)
    )
    for name, percent, keep in (("low", 2.5, "Min"), ("high", 97.5, "Max")):
        graph.constant(f"{name}_percentile", percentile_weights(heads, (percent,)))
        graph.add("MatMul", ["sorted", f"{name}_percentile"], f"{name}_bound")
        graph.add(keep, [f"{name}_bound", "probability"], name)


def linear_graph(
    prepared: "Preparation", intercepts: Floats, coefficients: Floats, features: int
) -> bytes:
    """Return a logistic model with its heads as a checked ONNX file.

    Parameters
    ----------
    intercepts, coefficients : shape [1 + heads], [columns, 1 + heads]
        Of columns not standardised; the model itself first.
    features : int
        The length of a feature vector.

    Returns
    -------
    bytes
        Input ``x`` float64 [n, features]; outputs ``probability``, ``low``, ``high`` float64
        [n, 1].
    """
    graph = Graph()
    columns = raw_columns(graph, prepared)
    graph.constant("coefficients", coefficients)
    graph.constant("intercepts", intercepts)
    graph.add("MatMul", [columns, "coefficients"], "weighed")
    graph.add("Add", ["weighed", "intercepts"], "log_odds")
    graph.add("Sigmoid", ["log_odds"], "all")
    split_heads(graph, "all", intercepts.size - 1)
    return finish(graph, features)


def split_heads(graph: Graph, everything: str, heads: int) -> None:
    """Add the nodes from [n, 1 + heads] probabilities to the three outputs."""
    graph.constant("first", np.array([0], np.int64))
    graph.add("Gather", [everything, "first"], "probability", axis=1)
    if heads == 0:
        graph.add("Min", ["probability"], "low")
        graph.add("Max", ["probability"], "high")
        return
    graph.constant("others", np.arange(1, heads + 1))
    graph.add("Gather", [everything, "others"], "drawn", axis=1)
    interval_nodes(graph, heads)


def finish(graph: Graph, features: int) -> bytes:
    """Return the graph as a checked ONNX file."""
    shape = helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n", features])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["n", 1])
        for name in ("probability", "low", "high")
    ]
    made = helper.make_model(
        helper.make_graph(graph.nodes, "model", [shape], outputs, graph.constants),
        opset_imports=[helper.make_opsetid(*one) for one in _opsets(graph.nodes)],
        ir_version=IR_VERSION,
        producer_name="euthymia",
    )
    check_graph(made)
    return bytes(made.SerializeToString(deterministic=True))


def _opsets(nodes: Iterable[onnx.NodeProto]) -> list[tuple[str, int]]:
    trees = any(node.domain == ML_DOMAIN for node in nodes)
    return [("", OPSET), (ML_DOMAIN, ML_OPSET)] if trees else [("", OPSET)]


def check_graph(model: onnx.ModelProto) -> None:
    """Refuse a graph that is invalid or holds anything but a little arithmetic.

    Raises
    ------
    IntegrityError
        An operator, a domain, a type or an attribute is not allowed; a function or a sub-graph is
        there; a number lies in another file; it is too large; or the ONNX checker refuses it.
    """
    graph = model.graph
    if [(o.domain, o.version) for o in model.opset_import] != _opsets(graph.node):
        raise IntegrityError("the model's graph uses another operator set")
    if len(graph.node) > MAX_NODES or len(graph.initializer) > MAX_NODES:
        raise IntegrityError("the model's graph is larger than one that was trained here")
    if len(model.functions):
        raise IntegrityError("the model's graph holds an operator that is not allowed")
    _check_nodes(model)
    if any(t.data_location or t.external_data for t in graph.initializer):
        raise IntegrityError("the model's graph takes numbers from another file")
    _check_rest(model)
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as error:
        raise IntegrityError("the model's graph is not valid") from error
    except onnx.shape_inference.InferenceError as error:
        raise IntegrityError("the model's graph has shapes that do not fit") from error
    names = [[value.name for value in side] for side in (graph.input, graph.output)]
    if names != [["x"], ["probability", "low", "high"]]:
        raise IntegrityError("the model's graph takes or gives something else")


def _check_nodes(model: onnx.ModelProto) -> None:
    """Refuse operators and attributes that our graphs never hold."""
    nodes = model.graph.node
    trees = [node for node in nodes if (node.domain, node.op_type) == (ML_DOMAIN, OPERATOR)]
    plain = [node for node in nodes if (node.domain, node.op_type) != (ML_DOMAIN, OPERATOR)]
    strange = any(node.domain or node.op_type not in ALLOWED for node in plain)
    if strange or len(trees) > 1:
        raise IntegrityError("the model's graph holds an operator that is not allowed")
    nested = {onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS}
    if any(a.type in nested for node in nodes for a in node.attribute):
        raise IntegrityError("the model's graph holds another graph")
    if any(a.type != onnx.AttributeProto.INT for node in plain for a in node.attribute):
        raise IntegrityError("the model's graph holds an attribute that is not allowed")
    for node in trees:
        if list(node.input) != ["x"]:
            raise IntegrityError("the model's trees take something else than x")
        check_trees(node, _width(model))


def _width(model: onnx.ModelProto) -> int:
    """Return how many features x has; 0 where the graph does not say."""
    shapes = [v.type.tensor_type.shape.dim for v in model.graph.input if v.name == "x"]
    return int(shapes[0][1].dim_value) if len(shapes) == 1 and len(shapes[0]) == 2 else 0


def _check_rest(model: onnx.ModelProto) -> None:
    """Refuse whatever our graphs never hold: other types, training steps, notes to a runtime."""
    graph = model.graph
    if {t.data_type for t in graph.initializer} - {TensorProto.DOUBLE, TensorProto.INT64}:
        raise IntegrityError("the model's graph holds numbers of a type that is not allowed")
    more = (
        graph.sparse_initializer,
        graph.quantization_annotation,
        model.training_info,
        model.metadata_props,
    )
    if any(len(part) for part in more):
        raise IntegrityError("the model's file holds more than a graph")


def check_bytes(content: bytes) -> None:
    """Refuse an ONNX file as `check_graph` does, before any runtime sees it."""
    if len(content) > MAX_BYTES:
        raise IntegrityError("the model's graph is larger than one that was trained here")
    try:
        onnx.checker.check_model(content)
    except (ValueError, onnx.checker.ValidationError) as error:
        raise IntegrityError("the model's graph is not valid") from error
    check_graph(onnx.load_from_string(content))
