"""No nonce of a ledger's detail comes twice: not in a process, a fork or a copied machine."""

import copy
import os
import time

import pytest

from euthymia.security.ledger_details import Nonces


def test_they_differ_within_a_process() -> None:
    nonce = Nonces()
    drawn = [nonce() for _ in range(20_000)]
    assert {len(one) for one in drawn} == {12}
    assert len(set(drawn)) == len(drawn)


def _copied(nonce: Nonces) -> Nonces:
    """The same secret and counter: what a fork or a snapshot of a machine has."""
    return copy.deepcopy(nonce)


def test_they_differ_after_a_fork_in_the_same_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    parent = Nonces()
    child = _copied(parent)
    first = parent()
    monkeypatch.setattr(os, "getpid", lambda: 999_999)
    assert child() != first


def test_they_differ_in_a_copied_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    here = Nonces()
    there = _copied(here)
    first = here()
    assert _copied(there)() == first  # nothing but the clock and the number keeps them apart
    monkeypatch.setattr(time, "time_ns", lambda: 2)
    assert there() != first
