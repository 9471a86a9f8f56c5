"""A review: what a model said, what it could have known, who was shown it, what was missing."""

from datetime import timedelta
from pathlib import Path

import pytest

from euthymia.app.ask import ask
from euthymia.app.clinic import Clinic
from euthymia.app.lifecycle import roll_back
from euthymia.app.review import review_subject
from euthymia.app.training import release_model
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import SchemaError
from small_clinic import DOCTOR, MINE, NOW, TASK, TEST, Hands, copied_clinic, give_features, trained


@pytest.fixture
def clinic(tmp_path: Path):
    hands = Hands()
    with copied_clinic(tmp_path, clock=hands) as made:
        give_features(made, MINE)
        yield made, hands


def _asked(clinic: Clinic) -> dict:
    return ask(clinic, MINE, TASK, DOCTOR, None, [])


def test_what_was_said_is_what_could_be_known_and_to_whom(clinic) -> None:
    made, hands = clinic
    said = _asked(made)
    found = review_subject(made, MINE, hands())
    (model,) = found["models"]
    (told,) = model["said"]
    assert model["model"] == f"{TASK}@{said['model_version']}"
    assert (told["by"], told["ledger_entry"]) == (DOCTOR, said["ledger_entry"])
    if said["probability"] is None:
        assert told["because"] == said["abstained_because"]
        assert model["could_know"]["abstained_because"] == said["abstained_because"]
    else:
        assert told["probability"] == pytest.approx(said["probability"], abs=1e-4)
        assert model["could_know"]["probability"] == pytest.approx(said["probability"])
    assert [(s["to"], s["what"]) for s in found["shown"]] == [(DOCTOR, "analyze patient")]
    entry = [line for line in made.ledger.entries() if line.action == "review subject"]
    assert entry
    assert {line.subject for line in entry} == {found["subject"]}


def test_what_was_said_is_not_in_the_log_and_goes_with_the_person(clinic) -> None:
    made, _ = clinic
    said = _asked(made)
    told = "probability" if said["probability"] is not None else "because"

    def entry():
        return next(line for line in made.ledger.entries() if line.id == said["ledger_entry"])

    assert told in entry().detail
    made.ledger.sync()
    log = (made.home.ledger / "ledger.log").read_bytes()
    assert told.encode() not in log
    made.store.erase(made.resolve(MINE), Entry(TEST, "erase subject", Purpose.CARE))
    assert told not in entry().detail


def test_before_the_release_no_model_was_in_use_and_nothing_was_shown(clinic) -> None:
    made, hands = clinic
    _asked(made)
    before = hands() - timedelta(days=400)
    found = review_subject(made, MINE, before, days=10)
    assert found["models"] == []
    assert found["shown"] == []
    assert found["came_later"]


def test_what_a_model_said_that_was_replaced_since_is_told(clinic) -> None:
    """The warning of the version before is part of what was known, and who had it."""
    made, hands = clinic
    first = _asked(made)
    hands.turn(timedelta(minutes=1))
    made.registry.add(trained(seed=2))
    release_model(made, f"{TASK}@2", "a test")
    second = _asked(made)
    old, new = review_subject(made, MINE, hands())["models"]
    assert (old["model"], new["model"]) == (f"{TASK}@1", f"{TASK}@2")
    assert old["replaced"] == new["released"]
    assert new["replaced"] is None
    assert [s["ledger_entry"] for s in old["said"]] == [first["ledger_entry"]]
    assert [s["ledger_entry"] for s in new["said"]] == [second["ledger_entry"]]
    hands.turn(timedelta(minutes=1))
    roll_back(made, TASK, "a test")
    third = _asked(made)
    again = review_subject(made, MINE, hands())["models"]
    assert [m["model"] for m in again] == [f"{TASK}@1", f"{TASK}@2", f"{TASK}@1"]
    assert [[s["ledger_entry"] for s in m["said"]] for m in again] == [
        [said["ledger_entry"]] for said in (first, second, third)
    ]
    hands.turn(timedelta(days=2))
    (now,) = review_subject(made, MINE, hands(), days=1)["models"]
    assert (now["model"], now["released"]) == (again[2]["model"], again[2]["released"])


def test_the_future_and_no_days_are_refused(clinic) -> None:
    made, hands = clinic
    with pytest.raises(SchemaError, match="future"):
        review_subject(made, MINE, NOW + timedelta(days=1))
    with pytest.raises(SchemaError, match="at least 1"):
        review_subject(made, MINE, hands(), days=0)
