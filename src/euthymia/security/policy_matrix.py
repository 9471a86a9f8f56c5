"""Every situation a policy can see, what none may ever allow, and what a change changes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from euthymia.ground.audit import Purpose
from euthymia.security.policy import ROLES, Action, Policies
from euthymia.security.policy_text import Situation, as_asked

_FLAGS: Final = (False, True)
_PERSONAL: Final = frozenset(
    {"analyze", "view patient", "break glass", "act on alert", "write record", "change consent"}
)


def situations() -> Iterator[Situation]:
    """Return every situation: role, action, purpose and all flags that make sense for it."""
    labels = ((False, True), (True, False), (True, True))  # (labelled, released)
    for role, action, purpose in product(sorted(ROLES), Action, Purpose):
        parts = product(_FLAGS, _FLAGS, _FLAGS, labels, _FLAGS, _FLAGS, _FLAGS)
        for team, own, consented, (labelled, released), factor, reason, emergency in parts:
            asked = Situation(
                role, action.value, purpose.value, team, own, consented, labelled, released,
                factor, reason, emergency,
            )  # fmt: skip
            if as_asked(asked) == asked:
                yield asked


_Rule = Callable[[Situation], bool]
GUARD_RAILS: Final[tuple[tuple[str, _Rule], ...]] = (
    (
        "nothing is computed about a person without consent to all it rests on",
        lambda s: s.action == "analyze" and not s.consented,
    ),
    (
        "scientists, supervisors and operators never reach a patient",
        lambda s: s.role in {"scientist", "it", "supervisor"} and s.action in _PERSONAL,
    ),
    (
        "patients reach nobody but themselves",
        lambda s: s.role == "patient" and s.action in _PERSONAL and not s.own,
    ),
    (
        "nobody acts on an alert who is not of the care team's roles",
        lambda s: s.action == "act on alert" and s.role == "patient",
    ),
    (
        "the glass is broken with a reason and a second factor, or not at all",
        lambda s: s.action == "break glass" and not (s.reason and s.second_factor),
    ),
    (
        "what is labelled stays closed until it is released",
        lambda s: (
            s.action in {"analyze", "view patient"}
            and s.labelled
            and not s.released
            and not (s.role == "patient" and s.own)
        ),
    ),
    (
        "patients are looked at for care and for nothing else",
        lambda s: s.action in _PERSONAL and s.purpose != "care",
    ),
)
"""What the shipped policies forbid, so that no policy of a clinic can allow it. Checked anyway."""


@dataclass(frozen=True, slots=True)
class Change:
    """How the decisions on one role's action differ: how many situations, and one of them."""

    role: str
    action: str
    allowed_now: bool
    situations: int
    example: str


def broken_rails(policies: Policies) -> list[str]:
    """Return the guard rails that some situation breaks ([]: none)."""
    broken = {
        name
        for asked in situations()
        if policies.text.allows(asked)
        for name, forbidden in GUARD_RAILS
        if forbidden(asked)
    }
    return [name for name, _ in GUARD_RAILS if name in broken]


def changes(present: Policies, proposed: Policies) -> list[Change]:
    """Return which decisions differ, by role, action and direction."""
    found: dict[tuple[str, str, bool], list[Situation]] = {}
    for asked in situations():
        allowed = proposed.text.allows(asked)
        if allowed != present.text.allows(asked):
            found.setdefault((asked.role, asked.action, allowed), []).append(asked)
    return [
        Change(role, action, allowed, len(cells), _words(_plainest(cells)))
        for (role, action, allowed), cells in sorted(found.items())
    ]


def _plainest(cells: list[Situation]) -> Situation:
    return min(cells, key=lambda s: (s.purpose != "care", sum(map(bool, s[3:]))))


def _words(asked: Situation) -> str:
    flags = [name for name in Situation._fields[3:] if getattr(asked, name)]
    return ", ".join([f"for {asked.purpose}", *(flag.replace("_", " ") for flag in flags)])
