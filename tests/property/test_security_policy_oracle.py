"""Cedar against the plain evaluator: the same question to both, in every form it can take."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

import policy_oracle
from draws import MORE
from euthymia.ground.audit import Purpose
from euthymia.security.policy import Action, Label, decide


@dataclass(frozen=True)
class Grant:
    purpose: Purpose
    permit: bool
    since: int
    until: int | None
    scope: None = None
    told: int = 0


roles = st.sampled_from([*policy_oracle.PEOPLE, "admin", "", "Clinician", 'x" || true || "'])
actions = st.sampled_from([*(action.value for action in Action), "fly", ""])
purposes = st.sampled_from([*(purpose.value for purpose in Purpose), "curiosity", ""])
labels = st.frozensets(st.sampled_from([*(label.value for label in Label), "unheard-of"]))
instants = st.integers(0, 6)
grants = st.lists(
    st.builds(Grant, st.sampled_from(Purpose), st.booleans(), instants, st.none() | instants),
    max_size=6,
)
flags = st.fixed_dictionaries(
    dict.fromkeys(("related", "own", "second_factor", "reason", "emergency"), st.booleans())
)


@settings(max_examples=200 * MORE, deadline=None)
@given(
    roles, actions, purposes, flags, labels, labels, grants, instants,
    st.frozensets(st.sampled_from(Purpose)), st.booleans(),
)  # fmt: skip
def test_decide_is_the_oracle(
    role, action, purpose, flag, carried, released, given_, at, needs, basis
):
    ruling = decide(
        role=role, action=action, purpose=purpose, sensitivity=carried, released=released,
        grants=given_, at=at, needs=needs, clinical_basis=basis, **flag,
    )  # fmt: skip
    decisions = [(g.purpose, g.permit, g.since, g.until) for g in given_]
    wanted = needs - {Purpose.CARE} if basis else needs | {Purpose.CARE}
    expected = policy_oracle.allowed(
        role,
        action,
        purpose,
        care_team=flag["related"],
        own=flag["own"],
        consented=all(policy_oracle.covered(need, decisions, at) for need in wanted),
        labelled=bool(carried),
        released=carried <= released and "unheard-of" not in carried,
        second_factor=flag["second_factor"],
        reason=flag["reason"],
        emergency=flag["emergency"],
    )
    assert ruling.allowed is expected
    assert (ruling.rule == "allowed") is expected
