"""Who may act on alerts, see the quality board and change the alert policy: the policies are asked.

The shell is not asked, as everywhere (see `security/policy.py`): `SHELL` stands for it.
"""

from typing import Final

from euthymia.app.clinic import Clinic
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import AccessError, SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.security.policy import Action

SHELL: Final = "shell"


def _require(
    clinic: Clinic, role: str, action: Action, *, related: bool = False, second_factor: bool
) -> None:
    if role == SHELL:
        return
    ruling = clinic.policies.decide(
        role=role,
        action=action,
        purpose=Purpose.CARE.value,
        related=related,
        second_factor=second_factor,
    )
    if not ruling.allowed:
        raise AccessError(ruling.detail)


def require_act(
    clinic: Clinic, user: str, role: str, subject: SubjectId, *, second_factor: bool = False
) -> None:
    """Refuse with an AccessError unless this user may act on alerts about this person."""
    related = clinic.on_care_team(user, subject)
    _require(clinic, role, Action.ACT_ON_ALERT, related=related, second_factor=second_factor)


def takers(clinic: Clinic, subject: SubjectId) -> tuple[str, ...]:
    """Return to whom an alert about this person can be handed: whoever could open it.

    Their care team and those who are on everybody's, without accounts that are disabled or whose
    role may not act on alerts. Who signs in with a token or elsewhere has no account here.
    """
    team = clinic.store.care_team(subject) | set(clinic.config.clinic.everyone_on_care_team)
    return tuple(sorted(user for user in team if not cannot_take(clinic, user)))


def cannot_take(clinic: Clinic, user: str) -> bool:
    """Tell whether somebody has an account that is disabled, or whose role acts on no alert."""
    held = clinic.accounts.file.now().accounts.get(user)
    return held is not None and (held.disabled or not may_act(clinic, held.role))


def gone(clinic: Clinic) -> tuple[str, ...]:
    """Return whose account of the staff can take no alert."""
    held = clinic.accounts.file.now().accounts.items()
    return tuple(sorted(u for u, a in held if not a.subject and cannot_take(clinic, u)))


def require_taker(clinic: Clinic, user: str, subject: SubjectId, to: str) -> None:
    """Refuse with a SchemaError to hand an alert to somebody who could not take it."""
    if to == user:
        raise SchemaError("a hand-off is to somebody else: acknowledge it to take it yourself")
    if to in takers(clinic, subject):
        return
    held = clinic.accounts.file.now().accounts.get(to)
    if held is not None and held.disabled:
        raise SchemaError("the account of whom it is handed to is disabled: choose somebody else")
    audit = Entry(Actor("alerts job", "job"), "list subjects", Purpose.CARE)
    elsewhere = any(to in clinic.store.care_team(who) for who in clinic.store.subjects(audit))
    if elsewhere or (held is not None and may_act(clinic, held.role)):
        raise SchemaError(
            "they work here but are not on this person's care team, and could not open the alert: "
            "have them added to the team first, or choose somebody who is on it"
        )
    raise SchemaError(
        "nobody of this name takes alerts in this clinic: hand it to a user of the care team, "
        "spelled as they sign in"
    )


def may_act(clinic: Clinic, role: str, *, second_factor: bool = True) -> bool:
    """Tell whether a role may act on alerts about the people in its care."""
    try:
        _require(clinic, role, Action.ACT_ON_ALERT, related=True, second_factor=second_factor)
    except AccessError:
        return False
    return True


def require_quality(clinic: Clinic, role: str, *, second_factor: bool = False) -> None:
    """Refuse with an AccessError unless this role may see the quality board."""
    _require(clinic, role, Action.VIEW_QUALITY, second_factor=second_factor)


def require_change(clinic: Clinic, role: str, *, second_factor: bool = False) -> None:
    """Refuse with an AccessError unless this role may put another alert policy into force."""
    _require(clinic, role, Action.CHANGE_ALERT_POLICY, second_factor=second_factor)
