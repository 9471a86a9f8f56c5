"""Every role, action, purpose, tie and consent, against an oracle that shares no code."""

import re
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from euthymia.ground.audit import Purpose
from euthymia.security.policy import (
    PERMISSIONS,
    ROLES,
    Action,
    Tie,
    consent_covers,
    decide,
)

CARE, MONITORING, RESEARCH, TRAINING = (
    Purpose.CARE,
    Purpose.MONITORING,
    Purpose.RESEARCH,
    Purpose.TRAINING,
)


@dataclass(frozen=True)
class Grant:
    purpose: Purpose
    permit: bool
    since: int
    until: int | None = None


def oracle(role, action, purpose, related, own, needs_monitoring, consent):
    """The rules in plain words, one sentence a line."""
    if role not in ("clinician", "coordinator", "scientist", "it", "patient"):
        return False
    if action == "view model list":
        return role != "patient"
    if action == "view metrics":
        return role == "it"
    if purpose != "care":
        return False
    if action == "analyze":
        return role == "clinician" and related and (consent or not needs_monitoring)
    if action == "view worklist":
        return role in ("clinician", "coordinator")
    if action == "view patient":
        return (role in ("clinician", "coordinator") and related) or (role == "patient" and own)
    return False


def test_the_whole_matrix():
    roles = ["clinician", "coordinator", "scientist", "it", "patient", "admin", "", "Clinician"]
    actions = [*(action.value for action in Action), "drop tables", ""]
    flags = (False, True)
    allowed = 0
    for role, action, purpose, related, own, needs, consent in product(
        roles, actions, Purpose, flags, flags, flags, flags
    ):
        ruling = decide(
            role=role,
            action=action,
            purpose=purpose,
            related=related,
            own=own,
            needs=frozenset({MONITORING}) if needs else frozenset(),
            grants=[Grant(MONITORING, True, 0)] if consent else [],
            at=5,
        )
        expected = oracle(role, action, purpose, related, own, needs, consent)
        assert ruling.allowed is expected, (role, action, purpose, related, own, needs, consent)
        assert (ruling.rule == "allowed") is expected
        assert len(ruling.detail) > (0 if expected else 40)
        allowed += expected
    assert allowed > 200


def test_deny_is_the_default():
    for role, action, purpose in product(ROLES, Action, Purpose):
        if action not in PERMISSIONS[role]:
            assert decide(
                role=role, action=action, purpose=purpose, related=True, own=True
            ).rule == ("role")
        elif PERMISSIONS[role][action].tie is not Tie.NONE:
            assert not decide(role=role, action=action, purpose=purpose).allowed


def test_scientists_and_operators_never_reach_a_person():
    personal = {
        Action.ANALYZE,
        Action.VIEW_WORKLIST,
        Action.VIEW_PATIENT,
    }
    for role, action, purpose in product(("scientist", "it"), personal, Purpose):
        assert not decide(role=role, action=action, purpose=purpose, related=True, own=True).allowed


def test_a_patient_in_a_care_team_is_still_only_themself():
    for action in Action:
        assert not decide(role="patient", action=action, purpose=CARE, related=True).allowed


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, "allowed"),
        ({"role": "it"}, "role"),
        ({"purpose": RESEARCH}, "purpose"),
        ({"related": False}, "relationship"),
        ({"related": False, "own": True}, "relationship"),
        ({"grants": []}, "consent"),
        ({"grants": [Grant(MONITORING, True, 11)]}, "consent"),
        ({"grants": [Grant(RESEARCH, True, 0)]}, "consent"),
        ({"needs": []}, "allowed"),
        ({"needs": [CARE], "grants": []}, "allowed"),
        ({"clinical_basis": False}, "consent"),
        ({"clinical_basis": False, "needs": [], "grants": [Grant(CARE, True, 0)]}, "allowed"),
        ({"clinical_basis": False, "needs": [], "grants": [Grant(CARE, False, 0)]}, "consent"),
    ],
)
def test_which_rule_refused(changes, rule):
    base = {"role": "clinician", "action": "analyze", "purpose": CARE, "related": True}
    base |= {"needs": [MONITORING], "grants": (g for g in [Grant(MONITORING, True, 0)]), "at": 10}
    assert decide(**(base | changes)).rule == rule


def test_the_latest_decision_in_force_counts():
    history = [
        Grant(MONITORING, True, 10),
        Grant(MONITORING, False, 20, 30),
        Grant(MONITORING, True, 40, 50),
        Grant(MONITORING, False, 60),
        Grant(RESEARCH, True, 0),
    ]
    known = {5: False, 10: True, 19: True, 20: False, 29: False, 30: True, 45: True, 50: True}
    known |= {59: True, 60: False, 10**18: False}
    for at, expected in known.items():
        assert consent_covers(history, MONITORING, at) is expected, at
        assert consent_covers(reversed(history), MONITORING, at) is expected, at
    assert not consent_covers([], CARE, 0)
    both = [Grant(CARE, True, 1), Grant(CARE, False, 1)]
    assert not consent_covers(both, CARE, 2)
    assert not consent_covers(both[::-1], CARE, 2)


def test_a_ruling_costs_microseconds():
    grants, needs = (Grant(MONITORING, True, 0),), frozenset({MONITORING})

    def rule():
        decide(
            role="clinician",
            action="analyze",
            purpose=CARE,
            related=True,
            needs=needs,
            grants=grants,
            at=5,
        )

    def cost_us():
        start = time.process_time()
        for _ in range(500):
            rule()
        return (time.process_time() - start) / 500 * 1e6

    assert min(cost_us() for _ in range(5)) < 20


def test_every_action_of_the_table_is_asked_for_somewhere():
    source = Path(__file__).parents[2] / "src" / "euthymia"
    askers = [p.read_text(encoding="utf-8") for p in (source / "app").rglob("*.py")]
    asked = {name for text in askers for name in re.findall(r"\bAction\.([A-Z_]+)", text)}
    assert asked == {action.name for action in Action}
    assert {action for row in PERMISSIONS.values() for action in row} == set(Action)
