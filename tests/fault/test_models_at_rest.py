"""Attacks on the folder of the models: what is refused, in which words, and what runs."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import euthymia.models.serve as serving
from euthymia.app.training import list_models, release_model
from euthymia.app.verify import verify_home
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.models import registry as rooms
from euthymia.models.bundle import make_bundle, pack
from euthymia.models.export import MAX_BYTES, MAX_NODES, check_bytes, check_graph
from euthymia.models.registry import Registry
from euthymia.models.roles import Registered
from euthymia.security.keys import Keyring
from small_clinic import TASK, TEST, Hands, copied_clinic, trained

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def made():
    return trained()


@pytest.fixture
def keys(tmp_path: Path) -> Keyring:
    return Keyring.create(tmp_path / "keys")


@pytest.fixture
def hands() -> Hands:
    return Hands(START)


@pytest.fixture
def registry(tmp_path: Path, keys: Keyring, made, hands: Hands) -> Registry:
    registry = Registry(tmp_path / "models", keys, hands)
    registry.add(made)
    registry.release(TASK)
    return registry


def folder_of(registry: Registry) -> Path:
    return registry._folder


def copied(registry: Registry, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder_of(registry), tmp_path / "copied"))


def put_back(registry: Registry, older: Path) -> None:
    shutil.rmtree(folder_of(registry))
    older.rename(folder_of(registry))


def test_the_whole_folder_put_back_is_refused(registry, made, tmp_path):
    older = copied(registry, tmp_path)
    registry.add(made)
    put_back(registry, older)
    with pytest.raises(IntegrityError, match="put back to an older state"):
        registry.load_released(TASK)
    assert "put back to an older state" in registry.verify()[0]
    with pytest.raises(IntegrityError):  # nor is anything built upon it
        registry.add(made)


def test_each_file_put_back_is_refused(registry, made, tmp_path):
    older = copied(registry, tmp_path)
    registry.add(made)
    folder = folder_of(registry)
    (folder / "timestamp").write_bytes((older / "timestamp").read_bytes())
    with pytest.raises(IntegrityError, match="older state"):
        registry.load_released(TASK)
    assert registry.verify() != []


def test_an_older_bundle_in_a_newer_ones_place_is_refused(registry, made):
    registry.add(made)
    folder = folder_of(registry)
    first, second = (folder / f"{TASK}@{n}.bundle" for n in (1, 2))
    second.write_bytes(first.read_bytes())
    with pytest.raises(IntegrityError, match=r"not the one|another length"):
        registry.load(f"{TASK}@2")
    assert any(said.startswith(f"{TASK}@2:") for said in registry.verify())


def test_a_cut_or_endless_bundle_is_refused_by_its_length(registry):
    path = folder_of(registry) / f"{TASK}@1.bundle"
    whole = path.read_bytes()
    for bad in (whole[:-1], whole + b"\0", b"", whole + bytes(1 << 20)):
        path.write_bytes(bad)
        with pytest.raises(IntegrityError, match="length"):
            registry.load_released(TASK)
        assert registry.verify() != []


def test_another_clinics_models_are_refused(registry, made, tmp_path):
    theirs = Registry(tmp_path / "theirs", Keyring.create(tmp_path / "their-keys"))
    theirs.add(made)
    theirs.release(TASK)
    name = f"{TASK}@1.bundle"
    ours = (folder_of(registry) / name).read_bytes()
    (folder_of(registry) / name).write_bytes((folder_of(theirs) / name).read_bytes())
    with pytest.raises(IntegrityError, match=r"not the one|another length"):
        registry.load_released(TASK)
    (folder_of(registry) / name).write_bytes(ours)
    put_back(registry, folder_of(theirs))
    with pytest.raises(IntegrityError, match="another clinic's"):
        registry.load_released(TASK)


def test_a_bundle_that_a_stolen_writer_put_beside_is_not_served(registry, made, keys):
    """A bundle of ours, validly signed, that the targets do not name."""
    other = pack(make_bundle(trained(seed=9), 1), keys)
    (folder_of(registry) / f"{TASK}@1.bundle").write_bytes(other)
    with pytest.raises(IntegrityError):
        registry.load_released(TASK)


def test_missing_roles_are_refused_in_words(registry):
    folder = folder_of(registry)
    for name in ("root", "timestamp", "snapshot.2", "targets.2"):
        whole = (folder / name).read_bytes()
        (folder / name).unlink()
        with pytest.raises(IntegrityError, match=f"{name.partition('.')[0]} is missing"):
            registry.load_released(TASK)
        (folder / name).write_bytes(whole)
    seen = folder.with_name("models.seen")
    whole = seen.read_bytes()
    seen.unlink()
    with pytest.raises(IntegrityError, match=r"models\.seen is missing"):
        registry.load_released(TASK)
    for place in range(len(whole)):
        seen.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert registry.verify() != []


def test_what_ran_out_is_not_used_until_it_was_compared_with_the_ledger(registry, hands, tmp_path):
    older = copied(registry, tmp_path)
    seen = folder_of(registry).with_name("models.seen")
    before = seen.read_bytes()
    assert not registry.due()
    hands.turn(timedelta(days=100))
    assert registry.due()
    hands.turn(timedelta(days=100))
    with pytest.raises(IntegrityError, match="ran out"):
        registry.load_released(TASK)
    assert registry.load(TASK, for_use=False)[1].version == 1  # an erasure still finds who was in
    with pytest.raises(IntegrityError, match="the ledger knows a newer one"):
        registry.renew(least_counter=3)
    registry.renew(least_counter=2)
    assert registry.load_released(TASK)[1].version == 1
    assert not registry.due()
    put_back(registry, older)  # the frozen state, and what remembers the newer one
    seen.write_bytes(before)
    with pytest.raises(IntegrityError, match="ran out"):
        registry.load_released(TASK)


def test_the_bytes_that_were_verified_are_the_bytes_that_run(registry, monkeypatch):
    """The file changes right after it was read: what is served is what was read and checked."""
    path = folder_of(registry) / f"{TASK}@1.bundle"
    given, opened = [], []
    real, session = rooms.read_bounded, serving.ort.InferenceSession

    def read(file: Path, most: int) -> bytes:
        content = real(file, most)
        if file == path:
            opened.append(file)
            path.write_bytes(b"something else")
        return content

    def run(content: bytes, *rest: object, **more: object) -> object:
        given.append(content)
        return session(content, *rest, **more)

    monkeypatch.setattr(rooms, "read_bounded", read)
    monkeypatch.setattr(serving.ort, "InferenceSession", run)
    bundle, entry = registry.load_released(TASK)
    serving.Served(bundle, entry.digest)
    assert len(opened) == 1  # one open
    assert given == [bundle.onnx]


def test_a_crash_at_any_write_leaves_the_old_state_or_the_new(
    registry, made, monkeypatch, tmp_path
):
    from euthymia.models import shelf_files

    class KilledError(BaseException):
        pass

    real, done = shelf_files.write, False
    kept = copied(registry, tmp_path)
    seen = folder_of(registry).with_name("models.seen")
    before = seen.read_bytes()
    for number in range(20):
        left = number

        def write(path: Path, content: bytes) -> None:
            nonlocal left
            if not left:
                raise KilledError
            left -= 1
            real(path, content)

        monkeypatch.setattr(shelf_files, "write", write)
        monkeypatch.setattr(rooms, "write", write)
        try:
            registry.add(made)
            done = True
        except KilledError:
            pass
        monkeypatch.undo()
        assert registry.verify() == []
        assert len(registry.list()) in {1, 2}
        registry.add(made)
        assert registry.verify() == []
        if done:
            break
        shutil.rmtree(folder_of(registry))
        shutil.copytree(kept, folder_of(registry))
        seen.write_bytes(before)
    assert done
    assert number > 3


def test_a_crash_at_the_first_write_of_all_leaves_no_problem(tmp_path, keys, made, monkeypatch):
    from euthymia.models import shelf_files

    registry = Registry(tmp_path / "new", keys)
    real = shelf_files.write

    def write(path: Path, content: bytes) -> None:
        if path.name == "timestamp":
            raise KeyboardInterrupt
        real(path, content)

    monkeypatch.setattr(shelf_files, "write", write)
    with pytest.raises(KeyboardInterrupt):
        registry.add(made)
    monkeypatch.undo()
    (folder_of(registry) / f"{TASK}@1.bundle").unlink()
    assert registry.list() == ()
    assert registry.verify() == []
    assert registry.add(made).version == 1
    assert registry.verify() == []


# -- the graph -----------------------------------------------------------------------------------
def _graph(made) -> onnx.ModelProto:
    return onnx.load_from_string(made.fitted.to_onnx(len(made.task.features)))


def _function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Add", ["a", "b"], ["c"])
    opset = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("evil", "f", ["a", "b"], ["c"], [node], opset))


def _external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def _attribute(model: onnx.ModelProto) -> None:
    tensor = helper.make_tensor("t", TensorProto.DOUBLE, [1], [1.0])
    model.graph.node[0].attribute.append(helper.make_attribute("value", tensor))


TRICKS: dict[str, Callable[[onnx.ModelProto], object]] = {
    "function": _function,
    "external data": _external,
    "domain": lambda m: setattr(m.graph.node[0], "domain", "com.microsoft"),
    "second operator set": lambda m: m.opset_import.append(helper.make_opsetid("com.evil", 1)),
    "operator": lambda m: setattr(m.graph.node[0], "op_type", "Loop"),
    "tensor in an attribute": _attribute,
    "sub-graph": lambda m: m.graph.node[0].attribute.append(
        helper.make_attribute("body", helper.make_graph([], "g", [], []))
    ),
    "text": lambda m: m.graph.initializer.append(
        helper.make_tensor("s", TensorProto.STRING, [1], [b"x"])
    ),
    "metadata": lambda m: m.metadata_props.add(key="k", value="v"),
    "sparse": lambda m: m.graph.sparse_initializer.add(),
    "training": lambda m: m.training_info.add(),
    "many nodes": lambda m: [
        m.graph.node.append(helper.make_node("IsNaN", ["x"], [f"n{i}"])) for i in range(MAX_NODES)
    ],
    "another output": lambda m: setattr(m.graph.output[0], "name", "unknown"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_graph_with_a_trick_is_refused_before_any_runtime_sees_it(made, trick, keys):
    model = _graph(made)
    check_graph(model)
    TRICKS[trick](model)
    with pytest.raises(IntegrityError):
        check_bytes(model.SerializeToString())


def test_what_is_no_graph_is_refused(made):
    whole = made.fitted.to_onnx(len(made.task.features))
    for bad in (b"", b"garbage\xff\xff", whole[: len(whole) // 2], bytes(MAX_BYTES + 1)):
        with pytest.raises(IntegrityError):
            check_bytes(bad)
    assert np.frombuffer(whole, np.uint8).size < MAX_BYTES


# -- the clinic ----------------------------------------------------------------------------------
def test_a_clinic_renews_after_a_comparison_with_its_ledger(tmp_path):
    hands = Hands()
    with copied_clinic(tmp_path, hands) as clinic:
        hands.turn(timedelta(days=200))
        with pytest.raises(IntegrityError, match="ran out"):
            clinic.registry.load_released(TASK)
        assert [m["state"] for m in list_models(clinic)] == ["released"]
        assert clinic.registry.load_released(TASK)[1].version == 1
        hands.turn(timedelta(days=200))
        detail: dict[str, str | int | float | bool] = {"registry_counter": 9}
        clinic.ledger.append(Entry(TEST, "release model", Purpose.CARE, detail=detail))
        with pytest.raises(EuthymiaError, match="ledger knows a newer one"):
            release_model(clinic, TASK)
        home = clinic.home.path
    assert "models: the registry was put back to an older state" in verify_home(
        home, lambda _done, _of: None
    )


def test_a_home_from_before_there_were_roles_goes_on(registry, keys, made):
    import msgspec

    from euthymia.models.registry import _OldIndex

    folder = folder_of(registry)
    entries = tuple(msgspec.structs.replace(m, length=0) for m in registry.list())
    body = msgspec.json.encode(_OldIndex(2, entries, registry.history()), order="sorted")
    for path in [*folder.iterdir()]:
        if path.suffix != ".bundle":
            path.unlink()
    seen = folder.with_name("models.seen")
    content = b"EUTHIDX1" + keys.signer("model").sign(b"EUTHIDX1" + body) + body
    (folder / "index").write_bytes(content)
    with pytest.raises(IntegrityError, match="timestamp is missing"):
        registry.list()  # there were roles: the older form is no way around them
    seen.unlink()
    assert registry.load_released(TASK)[1].version == 1
    assert registry.verify() == []
    assert registry.add(made).version == 2
    assert not (folder / "index").exists()
    assert registry.counter == 3
    assert registry.verify() == []
    assert isinstance(registry.list()[0], Registered)
