"""Calls from Python ask the account of the machine's clinic, with their data and their reason."""

from inspect import signature
from types import SimpleNamespace

import numpy as np
import pytest

from euthymia import models
from euthymia.ground.account import account
from euthymia.ground.errors import EuthymiaError
from euthymia.models.privacy import gate


@pytest.fixture
def asked(monkeypatch):
    seen = []

    def admit_call(data, *, name, person, because):
        seen.append((name, person, because, sorted(data)))

    monkeypatch.setattr(gate, "account", lambda: SimpleNamespace(admit_call=admit_call))
    return seen


def test_a_call_asks_with_its_table_its_people_and_its_reason(asked):
    def certify(frame, *, outcome, person=None):
        return outcome

    call = gate.guarded("certify", certify)
    assert call({"who": [1], "y": [2]}, outcome="y", person="who", because="a board said so") == "y"
    assert asked == [("certify", "who", "a board said so", ["who", "y"])]
    assert "because" in signature(call).parameters


def test_both_tables_of_a_call_are_asked_about_and_arrays_by_their_people(asked):
    gate.guarded("audit", lambda source, *, against=None: None)({"a": [1]}, against={"b": [1]})
    gate.guarded("regime", lambda stages, *, person=None: None)([], person=np.array([7, 8]))
    gate.guarded("regime", lambda stages, *, person=None: None)([])
    assert [(name, columns) for name, _, _, columns in asked] == [
        ("audit", ["a"]),
        ("audit", ["b"]),
        ("regime", ["person"]),
    ]


def test_every_twin_that_looks_at_people_asks_and_published_trials_do_not():
    for name in models.__all__:
        assert hasattr(getattr(models, name), "__wrapped__") == (name != "rank"), name


def test_where_no_account_was_handed_in_nothing_is_computed(monkeypatch):
    monkeypatch.setattr("euthymia.ground.account._KEEPERS", [])
    with pytest.raises(EuthymiaError, match="handed in"):
        gate.guarded("audit", lambda source: source)({"a": [1]})


def test_the_account_is_the_clinics():
    from euthymia.app import privacy

    assert account() is privacy
