"""Who may act on alerts, see the quality board and change the alert policy: the policies are asked.

The shell is not asked, as everywhere (see `security/policy.py`): `SHELL` stands for it.
"""

from typing import Final

from euthymia.app.clinic import Clinic
from euthymia.ground.audit import Purpose
from euthymia.ground.errors import AccessError
from euthymia.ground.ids import SubjectId
from euthymia.security.policy import Action

SHELL: Final = "shell"


def _require(clinic: Clinic, role: str, action: Action, *, related: bool = False) -> None:
    if role == SHELL:
        return
    ruling = clinic.policies.decide(
        role=role, action=action, purpose=Purpose.CARE.value, related=related
    )
    if not ruling.allowed:
        raise AccessError(ruling.detail)


def require_act(clinic: Clinic, user: str, role: str, subject: SubjectId) -> None:
    """Refuse with an AccessError unless this user may act on alerts about this person."""
    related = clinic.on_care_team(user, subject)
    _require(clinic, role, Action.ACT_ON_ALERT, related=related)


def may_act(clinic: Clinic, role: str) -> bool:
    """Tell whether a role may act on alerts about the people in its care."""
    try:
        _require(clinic, role, Action.ACT_ON_ALERT, related=True)
    except AccessError:
        return False
    return True


def require_quality(clinic: Clinic, role: str) -> None:
    """Refuse with an AccessError unless this role may see the quality board."""
    _require(clinic, role, Action.VIEW_QUALITY)


def require_change(clinic: Clinic, role: str) -> None:
    """Refuse with an AccessError unless this role may put another alert policy into force."""
    _require(clinic, role, Action.CHANGE_ALERT_POLICY)
