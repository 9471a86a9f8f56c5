"""Trees as ONNX: one `TreeEnsemble` of float64 thresholds, and the check of one that is read."""

from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from euthymia.ground.errors import IntegrityError

if TYPE_CHECKING:
    from euthymia.models.estimators.ensemble import Ensemble

ML_DOMAIN: Final = "ai.onnx.ml"
ML_OPSET: Final = 5
OPERATOR: Final = "TreeEnsemble"
MAX_TREE_NODES: Final = 1 << 18
_LESS_OR_EQUAL: Final = 0
_SUM: Final = 1
_LISTS: Final = (
    "tree_roots", "nodes_featureids", "nodes_truenodeids", "nodes_trueleafs", "nodes_falsenodeids",
    "nodes_falseleafs", "nodes_missing_value_tracks_true", "leaf_targetids",
)  # fmt: skip
_NUMBERS: Final = ("n_targets", "aggregate_function", "post_transform")
_TENSORS: Final = {
    "nodes_modes": TensorProto.UINT8,
    "nodes_splits": TensorProto.DOUBLE,
    "leaf_weights": TensorProto.DOUBLE,
}


def tree_node(ensemble: "Ensemble", output: str) -> onnx.NodeProto:
    """Return the node from x [n, k] to the sums of leaves [n, targets], without the constants."""

    def child(side: NDArray[np.int64]) -> tuple[list[int], list[int]]:
        return np.where(side < 0, -1 - side, side).tolist(), (side < 0).astype(int).tolist()

    (left, left_leaf), (right, right_leaf) = child(ensemble.left), child(ensemble.right)
    modes = np.full(ensemble.feature.size, _LESS_OR_EQUAL, np.uint8)
    return helper.make_node(
        OPERATOR,
        ["x"],
        [output],
        domain=ML_DOMAIN,
        n_targets=ensemble.targets,
        aggregate_function=_SUM,
        post_transform=0,
        tree_roots=ensemble.roots.tolist(),
        nodes_featureids=ensemble.feature.tolist(),
        nodes_modes=numpy_helper.from_array(modes, "modes"),
        nodes_splits=numpy_helper.from_array(ensemble.split, "splits"),
        nodes_truenodeids=left,
        nodes_trueleafs=left_leaf,
        nodes_falsenodeids=right,
        nodes_falseleafs=right_leaf,
        nodes_missing_value_tracks_true=ensemble.unknown_left.tolist(),
        leaf_targetids=ensemble.target.tolist(),
        leaf_weights=numpy_helper.from_array(ensemble.value, "leaves"),
    )


def tree_graph(ensemble: "Ensemble", spread: float, features: int) -> bytes:
    """Return a boosted model with its refits as a checked ONNX file.

    Parameters
    ----------
    spread : float
        So many standard deviations of the refits' log-odds are the half-width of the interval.
    """
    from euthymia.models.export import Graph, finish

    graph = Graph()
    graph.constant("constant", ensemble.constant)
    if ensemble.roots.size:
        graph.nodes.append(tree_node(ensemble, "leaves_sum"))
    else:  # no split was worth it: the prevalence for everybody
        graph.constant("nothing", np.zeros((features, ensemble.targets)))
        graph.constant("zero", np.zeros(1))
        graph.add("IsNaN", ["x"], "unknown")
        graph.add("Where", ["unknown", "zero", "zero"], "zeros")
        graph.add("MatMul", ["zeros", "nothing"], "leaves_sum")
    graph.add("Add", ["leaves_sum", "constant"], "log_odds")
    graph.constant("first", np.array([0], np.int64))
    graph.add("Gather", ["log_odds", "first"], "score", axis=1)
    graph.add("Sigmoid", ["score"], "probability")
    bags = ensemble.targets - 1
    if bags == 0:
        graph.add("Min", ["probability"], "low")
        graph.add("Max", ["probability"], "high")
        return finish(graph, features)
    graph.constant("others", np.arange(1, bags + 1))
    graph.constant("mean_of", np.full((bags, 1), 1 / bags))
    graph.constant("spread_of", np.full((bags, 1), spread**2 / (bags - 1)))
    graph.add("Gather", ["log_odds", "others"], "refits", axis=1)
    graph.add("MatMul", ["refits", "mean_of"], "mean")
    graph.add("Sub", ["refits", "mean"], "apart")
    graph.add("Mul", ["apart", "apart"], "squares")
    graph.add("MatMul", ["squares", "spread_of"], "variance")
    graph.add("Sqrt", ["variance"], "away")
    for name, op in (("low", "Sub"), ("high", "Add")):
        graph.add(op, ["score", "away"], f"{name}_score")
        graph.add("Sigmoid", [f"{name}_score"], name)
    return finish(graph, features)


def check_trees(node: onnx.NodeProto, features: int) -> None:
    """Refuse trees that a runtime might read beyond, walk for ever, or read as something else.

    Raises
    ------
    IntegrityError
        In words.
    """
    held = {a.name: a for a in node.attribute}
    if len(held) != len(node.attribute) or set(held) != {*_LISTS, *_NUMBERS, *_TENSORS}:
        raise _refused()
    for name, attribute in held.items():
        kind = onnx.AttributeProto
        wanted = kind.INTS if name in _LISTS else kind.INT if name in _NUMBERS else kind.TENSOR
        if attribute.type != wanted:
            raise _refused()
    for name, number in _TENSORS.items():
        tensor = held[name].t
        if tensor.data_type != number or tensor.data_location or tensor.external_data:
            raise _refused()
    lists = {name: np.array(held[name].ints, np.int64) for name in _LISTS}
    tensors = {name: numpy_helper.to_array(held[name].t) for name in _TENSORS}
    numbers = {name: int(held[name].i) for name in _NUMBERS}
    if (numbers["aggregate_function"], numbers["post_transform"]) != (_SUM, 0):
        raise _refused()
    _check_shape(lists, tensors, numbers["n_targets"], features)


def _check_shape(
    lists: dict[str, NDArray[np.int64]],
    tensors: dict[str, NDArray[np.generic]],
    targets: int,
    features: int,
) -> None:
    nodes, leaves = lists["nodes_featureids"].size, lists["leaf_targetids"].size
    sizes = {a.size for n, a in lists.items() if n.startswith("nodes_")}
    sizes |= {tensors["nodes_modes"].size, tensors["nodes_splits"].size}
    if sizes != {nodes} or tensors["leaf_weights"].size != leaves:
        raise _refused()
    if not 0 < nodes <= MAX_TREE_NODES or not 0 < leaves <= MAX_TREE_NODES:
        raise _refused()
    within = [(lists["nodes_featureids"], features), (lists["leaf_targetids"], targets)]
    within += [(lists[f"nodes_{n}"], 2) for n in ("trueleafs", "falseleafs")]
    within += [(lists["nodes_missing_value_tracks_true"], 2), (lists["tree_roots"], nodes)]
    if any(a.size and (a.min() < 0 or a.max() >= end) for a, end in within):
        raise _refused()
    finite = np.isfinite(tensors["nodes_splits"]).all() & np.isfinite(tensors["leaf_weights"]).all()
    if not finite or np.any(tensors["nodes_modes"] != _LESS_OR_EQUAL):
        raise _refused()
    _check_ways(lists, nodes, leaves)


def _check_ways(lists: dict[str, NDArray[np.int64]], nodes: int, leaves: int) -> None:
    """Each node lies behind the one above it, and each node and leaf is reached in one way."""
    own = np.arange(nodes)
    to_node, to_leaf = [lists["tree_roots"]], []
    for side in ("true", "false"):
        ids, leaf = lists[f"nodes_{side}nodeids"], lists[f"nodes_{side}leafs"] == 1
        if np.any(ids[~leaf] <= own[~leaf]):
            raise _refused()
        to_node.append(ids[~leaf])
        to_leaf.append(ids[leaf])
    for reached, count in ((to_node, nodes), (to_leaf, leaves)):
        if not np.array_equal(np.sort(np.concatenate(reached)), np.arange(count)):
            raise _refused()


def _refused() -> IntegrityError:
    return IntegrityError("the model's trees are not ones that were grown here")
