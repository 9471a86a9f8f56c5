"""The alert policy as a file: what is read, what is refused and where it says the fault is."""

from pathlib import Path

import pytest

from euthymia.care.alerts.contract import Rule, Tier
from euthymia.care.alerts.lifecycle import diagram
from euthymia.care.alerts.policy import parse, shipped, shipped_text
from euthymia.ground.errors import SchemaError


def changed(old: str, new: str) -> str:
    assert old in shipped_text()
    return shipped_text().replace(old, new, 1)


def test_the_shipped_policy_is_whole_and_known_by_what_it_says():
    policy = shipped()
    assert set(policy.rules) == set(Rule)
    assert policy.rules[Rule.ANSWER].tier is Tier.NOW
    assert policy.group_of(Rule.DRIFT) == policy.group_of(Rule.UNSEEN) == "worsening"
    assert policy.group_of(Rule.ANSWER) == "answer"
    relaid = "# another comment\n" + shipped_text().replace("  ", "    ")
    assert parse(relaid).digest == policy.digest
    assert parse(changed("open_at: 7", "open_at: 8")).digest != policy.digest


def test_it_is_yaml_1_2_where_no_is_a_word():
    assert parse(changed("name: shipped", "name: no")).name == "no"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("format: [1", "line 1"),
        ("a: 1\na: 2", "line 2, column 1"),
        ("- 1", "a mapping"),
        ("x: &a 1\ny: *a", "anchors"),
        ("x: !!python/object/apply:os.system [ls]", "tags"),
        ("x" * 70_000, "characters"),
        ("\0", "YAML"),
        (changed("format: 1", "format: 2"), "format 1"),
        (changed("name: shipped", "nam: shipped"), "nam"),
        (changed("open_at: 1}  ", "open_at: 2}  "), "about self-harm"),
        (changed("tier: now, open_at: 1}  ", "tier: digest, open_at: 1}  "), "about self-harm"),
        (changed("answer:", "answers:"), "answers"),
        (changed("close_at: 0.7", "close_at: 1.7"), "estimate: close_at"),
        (changed("open_at: 7", 'open_at: "seven"'), "rules"),
        (
            changed("[drift, frozen, pattern, estimate, score, unseen]", "[answer]"),
            "answer in none",
        ),
        (changed("mutes: [drift, frozen, pattern, unseen]", "mutes: [answer]"), "never muted"),
        (changed("when: excused", "when: raining"), "raining"),
        (changed("lead: lead", 'lead: ""'), "name one under lead"),
        (changed("after_min: 2880, to: lead, always: true", "after_min: 60, to: shift"), "shift"),
        (changed('round_at: "07:00"', 'round_at: "7"'), "round_at"),
        (changed("audit_share: 0.1", "audit_share: 0"), "audit_share"),
        (changed("max_silence_days: 60", "max_silence_days: 4000"), "for ever"),
        (changed("pipeline_hours: 36", "pipeline_hours: 0"), "nothing is scored"),
        (changed('time_zone: ""', "time_zone: Mars/Olympus"), "IANA"),
        (changed("{alerts: 8, days: 1}", "{alerts: 0, days: 1}"), "budgets"),
    ],
)
def test_what_may_not_be_used_is_refused_with_its_place(text: str, says: str):
    with pytest.raises(SchemaError) as refused:
        parse(text)
    assert says in str(refused.value)


def test_the_diagram_in_the_documentation_is_drawn_from_the_table():
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{diagram()}\n```" in page
