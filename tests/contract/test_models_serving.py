"""What every bundle must do: equal the Python model, hold its seal, abstain, say why exactly."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import models_data
from euthymia.evaluation.logistic import sigmoid
from euthymia.ground.errors import EuthymiaError, IntegrityError, MissingError, SchemaError
from euthymia.models.bundle import make_bundle, pack, unpack
from euthymia.models.export import OPSET, check_graph, percentile_weights
from euthymia.models.registry import Registry
from euthymia.models.serve import Served
from euthymia.models.tasks import tasks
from euthymia.models.train import train
from euthymia.security.keys import Keyring


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("home") / "keys")


@pytest.fixture(scope="module")
def trained():
    frame = models_data.frame(people=40, rows=5, task=models_data.RELAPSE)
    return train(tasks()[frame.task], frame, seed=1, synthetic=True, now=1_764_000_000_000_000)


@pytest.fixture(scope="module")
def content(trained, keys) -> bytes:
    return pack(make_bundle(trained, 1), keys)


@pytest.fixture(scope="module")
def served(trained) -> Served:
    return Served(make_bundle(trained, 1), "d" * 64)


@pytest.fixture
def registry(tmp_path: Path, keys: Keyring, trained) -> Registry:
    made = Registry(tmp_path / "models", keys)
    made.add(trained)
    return made


# -- ONNX --------------------------------------------------------------------------------------
def test_the_graph_equals_the_model_on_every_row(trained, served):
    hard = trained.frame.x.copy()
    hard[0] = np.nan
    hard[1] = 1e300
    hard[2] = -1e300
    hard[3] = 0.0
    for x in (trained.frame.x, hard):
        expected = trained.fitted.predict_interval(x)
        found = served._session.run(["probability", "low", "high"], {"x": x})
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours[:, 0], theirs, atol=1e-6, rtol=0)


def test_many_rows_at_once_are_answered_as_one_by_one(trained, served):
    x = trained.frame.x.copy()
    x[0] = np.nan
    x[1] = 1e300
    shares = [None if i % 3 else i / len(x) for i in range(len(x))]
    ages = [None if i % 2 else float(i * 30) for i in range(len(x))]
    together = served.predict_many(x, shares, ages)
    for row, share, age, said in zip(x, shares, ages, together, strict=True):
        alone = served.predict(row, coverage=share, data_age_hours=age)
        assert said.abstained_because == alone.abstained_because
        assert [r.feature for r in said.reasons] == [r.feature for r in alone.reasons]
        assert said.probability == pytest.approx(alone.probability, abs=1e-9)
        assert said.interval == pytest.approx(alone.interval, abs=1e-9)
    assert {said.abstained_because is None for said in together} == {True, False}


@pytest.mark.parametrize("heads", [2, 100, 101])
def test_percentile_weights_equal_numpy(heads):
    values = np.random.default_rng(1).normal(size=heads)
    ours = np.sort(values) @ percentile_weights(heads, (2.5, 50, 97.5))
    np.testing.assert_allclose(ours, np.percentile(values, (2.5, 50, 97.5)))


def _one_node(op: str, domain: str = "", **attributes) -> onnx.ModelProto:
    value = helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n", 1])
    out = helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["n", 1])
    node = helper.make_node(op, ["x"], ["y"], domain=domain, **attributes)
    graph = helper.make_graph([node], "g", [value], [out])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def test_a_graph_with_anything_but_arithmetic_is_refused():
    with pytest.raises(IntegrityError, match="not allowed"):
        check_graph(_one_node("Identity"))
    with pytest.raises(IntegrityError, match="not allowed"):
        check_graph(_one_node("Sigmoid", domain="com.example"))
    other = _one_node("Sigmoid")
    other.opset_import[0].version = OPSET - 1
    with pytest.raises(IntegrityError, match="operator set"):
        check_graph(other)
    cyclic = _one_node("Sigmoid")
    cyclic.graph.node[0].input[0] = "nowhere"
    with pytest.raises(IntegrityError, match="not valid"):
        check_graph(cyclic)


def test_numbers_in_another_file_are_refused(trained):
    model = onnx.load_from_string(trained.fitted.to_onnx(trained.frame.x.shape[1]))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(IntegrityError, match="another file"):
        check_graph(model)


# -- the bundle --------------------------------------------------------------------------------
def test_a_bundle_comes_back_as_it_was(trained, keys):
    bundle = make_bundle(trained, 3)
    assert unpack(pack(bundle, keys), keys) == bundle
    assert bundle.card["metrics"]["auc"]["chance"] == 0.5
    assert bundle.card["metrics"]["calibration_slope"]["chance"] is None
    assert bundle.card["synthetic"]
    assert json.dumps(bundle.card)


def test_a_bundle_is_sealed(trained, keys):
    content = pack(make_bundle(trained, 1), keys)
    for word in (b"phq9", trained.people[0].encode(), b"onnx", b"euthymia"):
        assert word not in content


def test_every_flip_and_every_cut_of_a_bundle_is_refused(trained, keys):
    content = pack(make_bundle(trained, 1), keys)
    places = {*range(120), *range(120, len(content), 997), len(content) - 1}
    for place in places:
        for bit in (1, 128):
            bad = bytearray(content)
            bad[place] ^= bit
            with pytest.raises(IntegrityError):
                unpack(bytes(bad), keys)
    for length in (0, 7, 8, 71, 72, 73, len(content) - 1):
        with pytest.raises(IntegrityError):
            unpack(content[:length], keys)
    with pytest.raises(IntegrityError):
        unpack(content + b"\0", keys)


def test_another_clinics_bundle_is_refused(trained, keys, tmp_path):
    others = Keyring.create(tmp_path / "keys")
    with pytest.raises(IntegrityError, match="another clinic"):
        unpack(pack(make_bundle(trained, 1), others), keys)


# -- the registry ------------------------------------------------------------------------------
def test_versions_and_states(registry, trained):
    assert [(m.name, m.version, m.state) for m in registry.list()] == [
        ("relapse-30d", 1, "candidate")
    ]
    with pytest.raises(MissingError, match="released"):
        registry.load_released("relapse-30d")
    registry.release("relapse-30d")
    assert registry.add(trained).version == 2
    assert registry.load_released("relapse-30d")[0].version == 1
    registry.release("relapse-30d@2")
    assert [m.state for m in registry.list()] == ["superseded", "released"]
    assert registry.release("relapse-30d@1").version == 1  # going back is a release as well
    assert [m.state for m in registry.list()] == ["released", "superseded"]
    assert [e.counter for e in registry.history()] == [1, 2, 3, 4, 5]
    assert registry.verify() == []
    with pytest.raises(MissingError, match="no such model"):
        registry.release("relapse-30d@9")


def test_a_confounded_model_is_not_released_without_a_reason(tmp_path, keys):
    frame = models_data.frame(people=40, rows=1, seed=4)
    frame.metadata["season"] = np.where(frame.y == 1, "a", "b")
    made = train(tasks()[frame.task], frame, seed=1, synthetic=False, now=0)
    registry = Registry(tmp_path / "models", keys)
    registry.add(made)
    with pytest.raises(EuthymiaError, match=r"confounded: not evidence .*\(--because\)"):
        registry.release(models_data.ACTIGRAPHY)
    assert registry.release(models_data.ACTIGRAPHY, because="a demonstration").state == "released"
    assert registry.history()[-1].because == "a demonstration"


def test_a_model_no_better_than_chance_is_not_released_without_a_reason(tmp_path, keys):
    frame = models_data.frame(signal=0.0, seed=3)
    made = train(tasks()[frame.task], frame, seed=1, synthetic=False, now=0)
    registry = Registry(tmp_path / "models", keys)
    registry.add(made)
    for nothing in ("", "  "):
        with pytest.raises(EuthymiaError, match="no better than chance: not evidence"):
            registry.release(models_data.ACTIGRAPHY, because=nothing)
    assert registry.list()[0].state == "candidate"
    assert registry.release(models_data.ACTIGRAPHY, because="a demonstration").state == "released"


def test_who_was_in_the_training_data_is_known(registry, trained):
    assert registry.trained_with(trained.people[0]) == ["relapse-30d@1"]
    assert registry.trained_with("p-aaaaaaaaaaaaaaaa") == []


def test_flips_all_over_every_file_of_the_registry_are_found(registry):
    registry.release("relapse-30d")
    folder = registry._folder
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        step = 7 if len(content) < 2000 else 9973
        for place in range(0, len(content), step):
            bad = bytearray(content)
            bad[place] ^= 4
            path.write_bytes(bytes(bad))
            assert registry.verify() != [], (path.name, place)
        path.write_bytes(content)
    assert registry.verify() == []


def test_missing_strange_and_swapped_files_are_found(registry, trained):
    registry.add(trained)
    folder = registry._folder
    first, second = folder / "relapse-30d@1.bundle", folder / "relapse-30d@2.bundle"
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    assert len(registry.verify()) == 2
    first.write_bytes(one)
    second.unlink()
    assert any("missing" in problem for problem in registry.verify())
    second.write_bytes(two)
    (folder / "notes.txt").write_text("hello")
    assert registry.verify() == ["notes.txt: not a file of the registry: remove it"]
    (folder / "notes.txt").unlink()
    (folder / "lock").write_text("x")
    assert registry.verify() == ["lock: it should be empty"]
    (folder / "lock").write_text("")
    stamp = (folder / "timestamp").read_bytes()
    (folder / "timestamp").unlink()
    assert registry.verify() == ["the registry's timestamp is missing"]
    (folder / "timestamp").write_bytes(stamp[:40])
    assert registry.verify() != []


def test_a_crash_between_bundle_and_index_leaves_no_problem(registry, trained, keys):
    folder = registry._folder
    (folder / "relapse-30d@2.bundle").write_bytes(pack(make_bundle(trained, 2), keys))
    (folder / ".timestamp.part").write_bytes(b"half")
    assert registry.verify() == []
    assert registry.add(trained).version == 2
    assert registry.verify() == []
    assert not (folder / ".timestamp.part").exists()


def test_a_folder_that_is_not_there_has_no_models_and_no_problems(tmp_path, keys):
    registry = Registry(tmp_path / "none", keys)
    assert registry.list() == ()
    assert registry.verify() == []


# -- serving -----------------------------------------------------------------------------------
def test_the_answer_is_that_of_the_model(trained, served):
    x = trained.frame.x[4]
    said = served.predict(x, coverage=0.9, data_age_hours=5.0)
    p, low, high = trained.fitted.predict_interval(x[None])
    assert said.probability == pytest.approx(p[0], abs=1e-6)
    assert said.interval == pytest.approx((low[0], high[0]), abs=1e-6)
    assert said.abstained_because is None
    assert (said.model, said.model_version, said.horizon_days) == ("relapse-30d", "1", 30)
    assert (said.coverage, said.data_age_hours) == (0.9, 5.0)


def test_reasons_add_up_exactly(trained, served):
    x = trained.frame.x
    mean = trained.fitted.log_odds(x).mean()
    for row in x[:20]:
        pushed = served.contributions(row[None])
        assert sigmoid(np.array(pushed.sum() + mean)) == pytest.approx(
            trained.fitted.predict(row[None])[0], abs=1e-9
        )
        (reasons,) = served._reasons(row[None])
        sizes = [abs(r.contribution) for r in reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] == np.abs(pushed).max()
        assert all((r.contribution > 0) == (r.direction == "raises") for r in reasons)
        assert all((r.value is None) == ("not known" in r.title) for r in reasons)


def test_it_abstains_and_says_why(trained, served):
    x = trained.frame.x[4].copy()
    because = "too little of what the model looks at is known (coverage 10%, it needs 30%)"
    assert served.predict(x, coverage=0.1).abstained_because == because
    assert "older than" in served.predict(x, data_age_hours=1e4).abstained_because
    assert "older than" in served.predict(x, data_age_hours=float("inf")).abstained_because
    nothing = served.predict(np.full_like(x, np.nan))
    assert nothing.abstained_because == "none of the features that the model uses is known"
    assert nothing.probability is None
    assert nothing.reasons == ()
    place = served.names.index("phq9.last")
    x[place] = 28.0
    assert served.predict(x).abstained_because == "impossible values: phq9.last"
    beyond = trained.frame.x[4].copy()
    for place, feature in enumerate(served.bundle.features[:40]):
        beyond[place] = 1e6 if feature.high is None else feature.high
    assert "values beyond the training data" in served.predict(beyond).abstained_because
    one = trained.frame.x[4].copy()
    one[served.names.index("phq9.last")] = 27.0
    assert served.predict(one).abstained_because is None


def test_vectors_of_the_wrong_length_and_infinite_numbers_are_refused(served):
    with pytest.raises(SchemaError, match="features, not 3"):
        served.predict(np.zeros(3))
    with pytest.raises(SchemaError, match="infinite"):
        served.predict(np.full(len(served.names), np.inf))


def test_a_model_of_another_feature_schema_does_not_match(served):
    assert served.matches(tasks()["relapse-30d"])
    assert not served.matches(tasks()["actigraphy-depression"])


def test_conformal_sets_are_served(trained, served):
    cut = trained.uncertainty.cutoffs
    rows = trained.frame.x[:200]
    unknown = [None] * len(rows)
    wanted = cut.sets(trained.fitted.predict(rows))
    for said, held in zip(served.predict_many(rows, unknown, unknown), wanted, strict=True):
        if said.probability is None:
            assert said.outcomes is None
        else:
            assert said.outcomes == tuple(np.flatnonzero(held).tolist())
    assert {said.outcomes for said in served.predict_many(rows, unknown, unknown)} & {(0,), (1,)}
