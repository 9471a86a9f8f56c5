"""The policies' text, its guard rails, and what is said of a refusal."""

import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

import policy_oracle
from euthymia.app.cli import cli
from euthymia.ground.audit import Purpose
from euthymia.ground.errors import SchemaError
from euthymia.ground.scope import Label
from euthymia.security.consent import consent_covers
from euthymia.security.policy import (
    ROLES,
    SHIPPED,
    Action,
    Policies,
    decide,
)
from euthymia.security.policy_matrix import GUARD_RAILS, broken_rails, changes, situations
from euthymia.security.policy_text import Situation, problems_of, shipped

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
    scope: None = None
    told: int = 0


def test_the_whole_matrix_is_as_the_plain_evaluator_says():
    allowed = 0
    for asked in situations():
        role, action, purpose = asked[:3]
        expected = policy_oracle.allowed(role, action, purpose, **dict(_flags(asked)))
        assert SHIPPED.text.allows(asked) is expected, asked
        allowed += expected
    assert allowed > 500
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    assert f"({sum(1 for _ in situations()):,} of them)" in page


def _flags(asked):
    return zip(Situation._fields[3:], asked[3:], strict=True)


def test_the_oracle_is_forty_lines_of_its_own():
    text = (Path(__file__).parents[1] / "policy_oracle.py").read_text(encoding="utf-8")
    assert "import" not in text
    assert len([line for line in text.splitlines() if line.strip()]) <= 45


def test_what_is_unknown_is_refused():
    good = {"role": "clinician", "action": "view patient", "purpose": "care", "related": True}
    assert decide(**good).allowed
    for wrong, rule in (
        ({"role": "admin"}, "role"),
        ({"role": "Clinician"}, "role"),
        ({"role": ""}, "role"),
        ({"action": "drop tables"}, "role"),
        ({"action": ""}, "role"),
        ({"purpose": "curiosity"}, "purpose"),
        ({"purpose": ""}, "purpose"),
        ({"sensitivity": ["unheard-of"], "released": ["unheard-of"]}, "sensitivity"),
    ):
        ruling = decide(**(good | wrong))
        assert (ruling.allowed, ruling.rule) == (False, rule), wrong
    assert not SHIPPED.may_ever("admin", "view patient")
    assert not SHIPPED.may_ever("it", "view patient")
    assert SHIPPED.may_ever("it", "view metrics")


def test_scientists_and_operators_never_reach_a_person():
    personal = {Action.ANALYZE, Action.VIEW_WORKLIST, Action.VIEW_PATIENT, Action.BREAK_GLASS}
    everything = {"related": True, "own": True, "second_factor": True, "reason": True}
    for role, action, purpose in product(("scientist", "it", "supervisor"), personal, Purpose):
        assert not decide(
            role=role, action=action, purpose=purpose, emergency=True, **everything
        ).allowed


def test_a_patient_in_a_care_team_is_still_only_themself():
    for action in Action:
        assert not decide(role="patient", action=action, purpose=CARE, related=True).allowed
    assert decide(role="patient", action="view patient", purpose=CARE, own=True).allowed


EMERGENCY = {
    "role": "clinician", "action": "view patient", "purpose": CARE, "related": False,
    "emergency": True, "reason": True, "second_factor": True,
}  # fmt: skip


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
        ({"sensitivity": [Label.PSYCHOTHERAPY]}, "sensitivity"),
        (
            {"sensitivity": [*Label], "released": [Label.PSYCHOTHERAPY]},
            "sensitivity",
        ),
        ({"sensitivity": [*Label], "released": [*Label]}, "allowed"),
        (EMERGENCY, "allowed"),
        (EMERGENCY | {"emergency": False}, "relationship"),
        (EMERGENCY | {"reason": False}, "reason"),
        (EMERGENCY | {"second_factor": False}, "second factor"),
        (EMERGENCY | {"action": "analyze"}, "relationship"),
        (EMERGENCY | {"role": "coordinator"}, "relationship"),
        (EMERGENCY | {"sensitivity": [Label.SUBSTANCE_USE]}, "sensitivity"),
        (EMERGENCY | {"action": "break glass", "emergency": False}, "allowed"),
        (EMERGENCY | {"action": "break glass", "reason": False}, "reason"),
        (EMERGENCY | {"action": "break glass", "second_factor": False}, "second factor"),
        (EMERGENCY | {"action": "break glass", "role": "coordinator"}, "role"),
    ],
)
def test_which_rule_refused(changes, rule):
    base = {"role": "clinician", "action": "analyze", "purpose": CARE, "related": True}
    base |= {"needs": [MONITORING], "grants": (g for g in [Grant(MONITORING, True, 0)]), "at": 10}
    ruling = decide(**(base | changes))
    assert ruling.rule == rule
    assert len(ruling.detail) > (0 if ruling.allowed else 40)


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


def test_every_action_of_the_schema_is_asked_for_somewhere():
    schema = shipped("clinic.cedarschema")
    named = set(re.findall(r'"([a-z ]+)"(?=[^;]*appliesTo)', schema.partition("action")[2]))
    assert named == {action.value for action in Action}
    assert set(re.findall(r'"(\w+)"', schema.partition("enum")[2].partition(";")[0])) == ROLES
    source = Path(__file__).parents[2] / "src" / "euthymia"
    askers = [p.read_text(encoding="utf-8") for p in (source / "app").rglob("*.py")]
    asked = {name for text in askers for name in re.findall(r"\bAction\.([A-Z_]+)", text)}
    assert asked == {action.name for action in Action}


# -- a clinic's own policies ----------------------------------------------------------------------
FACTOR = """
@id("second-factor-for-records")
forbid (principal == Role::"clinician", action == Action::"view patient", resource)
unless { context.second_factor };
"""


def test_a_clinic_can_narrow_and_is_told_what_changes():
    own = Policies(FACTOR)
    asked = {"role": "clinician", "action": "view patient", "purpose": CARE, "related": True}
    assert own.decide(**asked).rule == "second factor"
    assert own.decide(**asked, second_factor=True).allowed
    (change,) = changes(SHIPPED, own)
    assert (change.role, change.action, change.allowed_now) == ("clinician", "view patient", False)
    assert change.situations > 10
    assert broken_rails(own) == []
    assert changes(own, own) == []


def test_what_an_action_does_not_ask_about_cannot_matter():
    own = Policies(
        'forbid (principal, action == Action::"view worklist", resource) when {context.care_team};'
        'forbid (principal, action == Action::"view patient", resource) unless {context.consented};'
    )
    asked = {"role": "clinician", "purpose": CARE}
    for related in (False, True):
        assert own.decide(**asked, action="view worklist", related=related).allowed
    text = Situation("clinician", "view patient", "care", care_team=True, consented=False)
    assert own.text.allows(text._replace(released=True))


WIDEST = "permit (principal, action, resource);"


def test_a_clinic_cannot_widen_what_is_forbidden():
    own = Policies(WIDEST)
    assert broken_rails(own) == []
    assert changes(SHIPPED, own)
    for _, forbidden in GUARD_RAILS:
        met = [asked for asked in situations() if forbidden(asked)]
        assert len(met) > 100
        assert not any(own.text.allows(asked) for asked in met)


@pytest.mark.parametrize("rail", range(len(GUARD_RAILS)))
def test_each_guard_rail_can_break(rail):
    """Without the shipped `forbid`s the widest policy of all breaks every one of them."""

    class Bare:
        class text:  # noqa: N801 - stands in for an attribute
            allows = staticmethod(lambda _: True)

    assert GUARD_RAILS[rail][0] in broken_rails(Bare())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('permit (principal == Role::"admin", action, resource);', "admin"),
        ("permit (principal, action, resource) when { context.purpos == 1 };", "purpos"),
        ("permit (principal, action, resource) when { context.care_team == 1 };", "type"),
        ('permit (principal, action == Action::"fly", resource);', "fly"),
        ("permit (principal, action", "parse"),
        (
            '@id("a; b") // ;\npermit (principal, action, resource);\n\n// c\npermit (p);',
            "at line 5",
        ),
        (
            "// ours\n\npermit (principal, action, resource) when { context.purpos == 1 };",
            "the policy at line 3: attribute `purpos`",
        ),
        ("permit (principal, action, resource); " + "/" * 70_000, "characters"),
    ],
)
def test_a_misspelt_policy_is_an_error_and_not_a_rule_that_never_holds(text, said):
    assert any(said in problem for problem in problems_of(text))
    with pytest.raises(SchemaError, match="own policies"):
        Policies(text)


def test_the_shipped_policies_fit_the_schema():
    assert problems_of(shipped("clinic.cedar")) == []


def test_a_policy_that_cannot_be_evaluated_refuses():
    own = Policies("""forbid (principal, action, resource)
        when { context.purpose == "care" && 9223372036854775807 + 1 == 0 };""")
    asked = {"role": "clinician", "action": "view patient", "related": True}
    assert not own.decide(**asked, purpose=CARE).allowed
    assert own.decide(role="it", action="view metrics", purpose=RESEARCH).allowed


def test_what_is_shown_is_policies_that_can_be_checked_as_they_are():
    shown = CliRunner().invoke(cli, ["policy", "show"]).output
    assert "// type Asked = {" in shown
    assert problems_of(shown) == []
