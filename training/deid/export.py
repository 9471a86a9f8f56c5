"""Write the network as ONNX: an 8-bit table, plain operators, everything inside the one file."""

import base64
import hashlib
import json
import zlib
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from deid import data
from deid.network import DILATIONS, Network
from euthymia.gateway.deid.tagger_text import WIDTH

OPSET = 17


class Graph:
    """Collects nodes and weights."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, values: np.ndarray) -> str:
        """Add a constant."""
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind: str, inputs: list[str], name: str, **options: object) -> str:
        """Add an operator with one output."""
        self.nodes.append(helper.make_node(kind, inputs, [name], **options))
        return name


def build(network: Network, heat: float) -> onnx.ModelProto:
    """Return the model: ids (words, features) -> chances (words, kinds + 1)."""
    state = {
        key: value.detach().numpy().astype(np.float32)
        for key, value in network.state_dict().items()
    }
    graph = Graph()
    table = state["table.weight"]
    scale = np.abs(table).max(axis=0) / 127 + 1e-12
    graph.weight("table", np.round(table / scale).astype(np.int8))
    x = graph.node("Gather", ["table", "ids"], "rows")
    x = graph.node("Cast", [x], "rows_f", to=TensorProto.FLOAT)
    x = graph.node(
        "ReduceSum", [x, graph.weight("axis", np.array([1], np.int64))], "bag", keepdims=0
    )
    x = graph.node("MatMul", [x, graph.weight("enter_w", (state["enter.weight"] * scale).T)], "e0")
    x = graph.node("Add", [x, graph.weight("enter_b", state["enter.bias"])], "e1")
    x = graph.node("Relu", [x], "e2")
    x = _norm(graph, x, state, "norm", "e3")
    front = graph.weight("front", np.array([0], np.int64))
    for at, dilation in enumerate(DILATIONS):
        y = graph.node("Transpose", [x], f"t{at}", perm=[1, 0])
        y = graph.node("Unsqueeze", [y, front], f"u{at}")
        weights = [
            graph.weight(f"conv{at}_{part}", state[f"blocks.{at}.conv.{part}"])
            for part in ("weight", "bias")
        ]
        y = graph.node(
            "Conv", [y, *weights], f"c{at}", dilations=[dilation], pads=[dilation, dilation]
        )
        y = graph.node("Relu", [y], f"r{at}")
        y = graph.node("Squeeze", [y, front], f"q{at}")
        y = graph.node("Transpose", [y], f"b{at}", perm=[1, 0])
        x = graph.node("Add", [x, y], f"a{at}")
        x = _norm(graph, x, state, f"blocks.{at}.norm", f"n{at}")
    x = graph.node(
        "MatMul", [x, graph.weight("leave_w", state["leave.weight"].T / np.float32(heat))], "l0"
    )
    x = graph.node(
        "Add", [x, graph.weight("leave_b", state["leave.bias"] / np.float32(heat))], "l1"
    )
    graph.node("Softmax", [x], "chances", axis=1)
    made = helper.make_graph(
        graph.nodes, "tagger",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["words", WIDTH])],
        [helper.make_tensor_value_info("chances", TensorProto.FLOAT, ["words", len(data.KINDS) + 1])],
        graph.weights,
    )  # fmt: skip
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8, producer_name="euthymia"
    )


def read(path: Path, network: Network) -> None:
    """Put the weights of a written model into a network, to go on from them.

    The 8-bit table is scaled to the size that a new one has; the layer after it takes the rest.
    """
    model = onnx.load(path)
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    heat = card["training"]["development_words"]["temperature"]
    found = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
    table = found["table"].astype(np.float32)
    unit = 0.1 / float(table.std())
    state = {
        "table.weight": table * unit,
        "enter.weight": found["enter_w"].T / unit,
        "enter.bias": found["enter_b"],
        "norm.weight": found["e3_weight"],
        "norm.bias": found["e3_bias"],
        "leave.weight": found["leave_w"].T * heat,
        "leave.bias": found["leave_b"] * heat,
    }
    for at in range(len(DILATIONS)):
        for part in ("weight", "bias"):
            state[f"blocks.{at}.conv.{part}"] = found[f"conv{at}_{part}"]
            state[f"blocks.{at}.norm.{part}"] = found[f"n{at}_{part}"]
    network.load_state_dict({key: torch.tensor(value) for key, value in state.items()})


def _norm(graph: Graph, x: str, state: dict[str, np.ndarray], key: str, name: str) -> str:
    weights = [
        graph.weight(f"{name}_{part}", state[f"{key}.{part}"]) for part in ("weight", "bias")
    ]
    return graph.node("LayerNormalization", [x, *weights], name, axis=-1, epsilon=1e-5)


def write(
    network: Network, heat: float, common: bytes, facts: dict[str, object], path: Path
) -> None:
    """Write the model and, beside it, its card with the digest."""
    model = build(network, heat)
    for key, value in (
        ("kinds", " ".join(data.KINDS)),
        ("common", base64.b85encode(zlib.compress(common, 9)).decode()),
    ):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model, full_check=True)
    raw = model.SerializeToString(deterministic=True)
    path.write_bytes(raw)
    card_path = path.with_suffix(".json")
    card = json.loads((Path(__file__).parent / "card.json").read_text(encoding="utf-8"))
    card |= {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw), "training": facts}
    card_path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
