"""Models as a way in, and as a way out: hostile graphs, membership, races with consent, supply."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from api_calls import Api, slug
from euthymia.app.clinic import Clinic
from euthymia.app.people import erase_subject
from euthymia.ground.errors import IntegrityError
from euthymia.models.bundle import make_bundle
from euthymia.models.export import check_bytes
from euthymia.models.serve import Served
from small_clinic import MINE, decide_consent, subject_of, trained

ROOT = Path(__file__).parents[2]


def graph() -> onnx.ModelProto:
    return onnx.load_from_string(make_bundle(trained(), 1).onnx)


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../keys/master.key"


def sparse(model: onnx.ModelProto) -> None:
    one = model.graph.sparse_initializer.add()
    one.dims.extend([1])
    one.values.name = "stolen"
    one.values.data_type = TensorProto.FLOAT
    one.values.data_location = TensorProto.EXTERNAL
    entry = one.values.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"


def attribute(model: onnx.ModelProto) -> None:
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    model.graph.node[0].attribute.append(helper.make_attribute("value", tensor))


def node(op: str, domain: str = "") -> Callable[[onnx.ModelProto], None]:
    def add(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node(op, ["x"], ["evil"], domain=domain))

    return add


def function(model: onnx.ModelProto) -> None:
    made = helper.make_function(
        "evil", "Add", ["a"], ["b"], [helper.make_node("Sigmoid", ["a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    model.functions.append(made)


def subgraph(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("body", model.graph))


def foreign_opset(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.evil", 1))


TRICKS: dict[str, Callable[[onnx.ModelProto], None]] = {
    "external data": external,
    "sparse external data": sparse,
    "external data in an attribute": attribute,
    "custom operator": node("PyOp", "com.microsoft.extensions"),
    "operator of the runtime": node("FusedMatMul", "com.microsoft"),
    "loop": node("Loop"),
    "code in a constant": node("Constant"),
    "function that takes an operator's name": function,
    "graph in a graph": subgraph,
    "foreign operator set": foreign_opset,
}


@pytest.mark.parametrize("trick", TRICKS)
def test_onnx(trick: str):
    """Gets a graph of their own signed (an insider may); wants it to read files or run code."""
    model = graph()
    check_bytes(model.SerializeToString())
    TRICKS[trick](model)
    with pytest.raises(IntegrityError):
        check_bytes(model.SerializeToString())


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/euthymia-was-here",)


def test_pickle_in_place_of_a_model(clinic: Clinic):
    """Lays a pickle where a bundle, the index or the accounts are, wants it to be unpickled."""
    import pickle

    ran = Path("/tmp/euthymia-was-here")
    ran.unlink(missing_ok=True)
    evil = pickle.dumps(_Evil())
    folder = clinic.home.models
    for path in sorted(folder.iterdir()):
        if path.stat().st_size == 0:
            continue
        kept = path.read_bytes()
        for content in (evil, kept[:72] + evil):
            path.write_bytes(content)
            assert clinic.registry.verify() != [], path.name
            with suppress(IntegrityError):  # an older role's file is not read to load a model
                clinic.registry.load_released("relapse-30d")
        path.write_bytes(kept)
    assert not ran.exists()


def _probability(served: Served, row: np.ndarray) -> float:
    said = served.predict(row).probability
    return 0.5 if said is None else said


def test_membership_inference():
    """Has a person's features and the released model, wants to know if it was trained on them."""
    from sklearn.metrics import roc_auc_score

    made = trained(5)
    served = Served(make_bundle(made, 1), "0" * 64)
    rng = np.random.default_rng(9)
    inside, truth = made.frame.x[2:], made.frame.y[2:]
    low, high = np.nanmin(made.frame.x, axis=0), np.nanmax(made.frame.x, axis=0)
    outside = rng.uniform(low, high, inside.shape)
    outside[rng.random(outside.shape) < 0.1] = np.nan
    asked = (rng.random(len(outside)) < truth.mean()).astype(float)
    confidence = []
    for x, y in ((inside, truth), (outside, asked)):
        said = np.array([_probability(served, row) for row in x])
        confidence.append(np.where(y == 1, said, 1 - said))
    scores = np.concatenate(confidence)
    member = np.repeat([1, 0], [len(inside), len(outside)])
    auc = roc_auc_score(member, scores)
    draws = []
    for _ in range(200):
        rows = rng.integers(0, len(scores), len(scores))
        draws.append(roc_auc_score(member[rows], scores[rows]))
    below, above = np.percentile(draws, [2.5, 97.5])
    assert auc < 0.65, f"AUC {auc:.2f} ({below:.2f} to {above:.2f})"
    assert below < 0.6


# -- between check and answer ----------------------------------------------------------------------


@pytest.mark.parametrize("what", ["withdrawal", "erasure"])
def test_race_between_check_and_answer(clinic: Clinic, what: str):
    """Asks over and over while consent is withdrawn or the person erased; wants one more answer."""
    api = Api(clinic)
    assert api.ask().status_code == 200
    if what == "withdrawal":
        decide_consent(clinic, MINE, permit=False)
    else:
        erase_subject(clinic, subject_of(clinic, MINE))
    answer = api.ask()  # the very next one, with everything cached
    assert slug(answer) == ("consent" if what == "withdrawal" else "care-relationship")


def test_race_with_another_process(clinic: Clinic):
    """Withdraws through another process than the one that cached the consent."""
    api = Api(clinic)
    assert api.ask().status_code == 200
    with Clinic.opened(clinic.home.path, clinic.clock) as other:
        decide_consent(other, MINE, permit=False)
    assert slug(api.ask()) == "consent"


# -- what is installed ----------------------------------------------------------------------

NEVER = ("en-core-web-trf", "en-core-sci-md", "zh-core-web-sm")


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_dependency_confusion(lock: str):
    """Publishes a package under a name that the project might take; wants it to be installed."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    packages = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert [p.split("\n")[0] for p in packages if "--hash=sha256:" not in p] == []
    names = {
        re.split(r"[=<>!~ ;\[@]", p, maxsplit=1)[0].lower().replace("_", "-") for p in packages
    }
    assert not names & set(NEVER)
    assert not re.search(r"git\+|https?://|--extra-index-url|--find-links|999\.9", text)
    assert "--require-hashes -r requirements.lock" in (ROOT / "Makefile").read_text()


def test_module_planted_in_the_working_folder(tmp_path: Path):
    """Lays modules of the standard library's names in the folder where the command is run."""
    for name in ("json", "secrets", "hmac", "cryptography", "msgspec", "click"):
        (tmp_path / f"{name}.py").write_text("import sys; sys.exit('PWNED')\n")
    command = [str(Path(sys.executable).parent / "euthymia"), "--version"]
    if not Path(command[0]).exists():
        pytest.skip("the command is not installed here")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "PWNED" not in done.stdout + done.stderr
