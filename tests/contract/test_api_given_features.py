"""Features that the caller gives are held to the same limits as stored ones: over HTTP and CLI."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from api_calls import Api, slug
from euthymia.app.ask import ask
from euthymia.app.clinic import Clinic
from euthymia.app.shelf import Model
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.codes import PHQ9_TOTAL
from euthymia.ground.records import Observations
from euthymia.ground.schemas import OBSERVATIONS, ROW
from small_clinic import DOCTOR, MINE, MRN, TASK, TEST, Hands, copied_clinic, give_features

Named = dict[str, float | None]


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def clinic(tmp_path: Path, clock: Hands) -> Iterator[Clinic]:
    with copied_clinic(tmp_path, clock) as clinic:
        yield clinic


@pytest.fixture
def api(clinic: Clinic) -> Api:
    return Api(clinic)


@pytest.fixture
def model(api: Api) -> Model:
    return api.app.services.analyzer.shelf.all()[0]


def well(model: Model) -> Named:
    """Return every feature, of somebody who is well."""
    return {
        f.name: 0.75 * (f.seen_low or 0) + 0.25 * (f.seen_high or 0) for f in model.bundle.features
    }


def phq9(clinic: Clinic, total: float) -> None:
    """Store a PHQ-9 of an hour ago."""
    row = {
        "subject_id": MINE,
        "time": clinic.clock() - timedelta(hours=1),
        "code": PHQ9_TOTAL,
        "numeric_value": total,
        "text_value": None,
        "unit": "{score}",
        "purpose": Purpose.CARE.value,
        "source": "test",
        "row": 1,
    }
    table = pa.Table.from_pylist([row], schema=pa.schema([*OBSERVATIONS, ROW]))
    batch = clinic.gateway().admit(
        [Observations(MRN, table)], source="test", file_name="test", file_digest="1" * 64
    )
    clinic.store.append(batch, Entry(TEST, "append", Purpose.CARE))


def both(api: Api, features: Named) -> dict[str, Any]:
    """Ask over HTTP by name, by place, and on the command line; all three say the same."""
    model = api.app.services.analyzer.shelf.all()[0]
    in_order = [features.get(name) for name in model.position]
    shell = [f"{name}={'' if value is None else value}" for name, value in features.items()]
    joined = ",".join("" if value is None else str(value) for value in in_order)
    told = [
        api.ask(features=features).json(),
        api.ask(feature_vector=in_order).json(),
        ask(api.clinic, MINE, TASK, DOCTOR, None, shell),
        ask(api.clinic, MINE, TASK, DOCTOR, joined, ()),
    ]
    for answer in told:
        answer.pop("ledger_entry")
        answer.pop("receipt")
        answer["interval"] = answer["interval"] and list(answer["interval"])
    assert told[0] == told[1] == told[2] == told[3]
    return told[0]


def abstains(answer: dict[str, Any]) -> str:
    """Return why, of an answer that says nothing else."""
    assert (answer["decision"], answer["probability"], answer["interval"]) == (
        "abstain",
        None,
        None,
    )
    assert answer["reasons"] == []
    return str(answer["abstained_because"])


def test_one_feature_of_many_is_not_enough(api: Api, model: Model) -> None:
    answer = both(api, {"person.age_years": 40})
    size = len(model.position)
    assert abstains(answer) == (
        f"only {100 // size} % of the model's features were given; it needs at least 30 %"
    )
    assert answer["coverage"] == pytest.approx(1 / size)


def test_the_share_that_is_needed_is_the_models_own(api: Api, model: Model) -> None:
    names = [name for name in model.position if name != "phq9.last"]
    needed = -(-3 * len(model.position) // 10)
    known = {name: well(model)[name] for name in names[:needed]}
    assert both(api, known)["decision"] in {"review", "no action"}
    known[names[0]] = None
    assert "it needs at least 30 %" in abstains(both(api, known))


def test_a_person_in_an_episode_by_the_record_is_not_answered_for(api: Api, model: Model) -> None:
    assert both(api, well(model))["probability"] is not None
    phq9(api.clinic, 16)
    for features in (well(model), {"person.age_years": 40.0}, well(model) | {"phq9.last": 3}):
        assert "in an episode" in abstains(both(api, features))


def test_a_given_phq9_of_ten_or_more_is_an_episode(api: Api, model: Model) -> None:
    assert both(api, well(model) | {"phq9.last": 9.9})["probability"] is not None
    for total in (10, 27):
        assert "in an episode" in abstains(both(api, well(model) | {"phq9.last": total}))


def test_the_record_is_read_once_a_person_and_then_looked_up(
    api: Api, model: Model, clock: Hands
) -> None:
    def reads() -> int:
        return sum(e.action == "describe patient" for e in api.clinic.ledger.entries())

    analyzer = api.app.services.analyzer
    api.ask(features=well(model))
    first = reads()
    real, analyzer._record = analyzer._record, None  # type: ignore[method-assign,assignment]
    for _ in range(3):
        assert api.ask(features=well(model)).json()["probability"] is not None
    analyzer._record = real  # type: ignore[method-assign]
    assert reads() == first > 0
    clock.turn(timedelta(minutes=6))
    api.ask(features=well(model))
    assert reads() > first
    give_features(api.clinic, MINE)  # another version of the store
    before = reads()
    api.ask(features=well(model))
    assert reads() > before


def test_a_model_whose_task_is_gone_is_not_answered_for(
    api: Api, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("euthymia.app.shelf.tasks", dict)
    assert slug(api.ask(features=well(model))) == "features"
