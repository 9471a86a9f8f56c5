"""Who may do what, for which purpose, to whom. One table; deny by default; a pure function.

Asked before each call of the API and each page. The shell is not asked: whoever can read the home
directory holds its keys, so the commands (ingest, consent, export, erase, train, release, verify,
token) are guarded by the operating system's own accounts, and each leaves its entry in the ledger.

`decide` does not look anything up: whoever calls it says whether
there is a care relationship, which consents are on record, and what the model at hand needs.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, Protocol

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Micros


class Action(StrEnum):
    """Everything that the API and the pages can be asked for."""

    ANALYZE = "analyze"
    VIEW_WORKLIST = "view worklist"
    VIEW_PATIENT = "view patient"
    VIEW_MODELS = "view model list"
    VIEW_METRICS = "view metrics"


class Tie(Enum):
    """What must tie the asker to the patient."""

    NONE = "none"
    CARE = "a care relationship"
    SELF = "being the patient"


@dataclass(frozen=True, slots=True)
class Permission:
    """One cell of the table: the tie that is needed, and the purposes that count."""

    tie: Tie
    purposes: frozenset[Purpose]


_CARE: Final = frozenset({Purpose.CARE})
_ANY: Final = frozenset(Purpose)

PERMISSIONS: Final[Mapping[str, Mapping[Action, Permission]]] = {
    "clinician": {
        Action.ANALYZE: Permission(Tie.CARE, _CARE),
        Action.VIEW_WORKLIST: Permission(Tie.NONE, _CARE),  # it lists their own patients only
        Action.VIEW_PATIENT: Permission(Tie.CARE, _CARE),
        Action.VIEW_MODELS: Permission(Tie.NONE, _ANY),
    },
    "coordinator": {
        Action.VIEW_WORKLIST: Permission(Tie.NONE, _CARE),
        Action.VIEW_PATIENT: Permission(Tie.CARE, _CARE),
        Action.VIEW_MODELS: Permission(Tie.NONE, _ANY),
    },
    # a scientist sees what is released, and never a patient
    "scientist": {
        Action.VIEW_MODELS: Permission(Tie.NONE, _ANY),
    },
    # whoever runs the machine keeps it running, and never sees a patient
    "it": {
        Action.VIEW_MODELS: Permission(Tie.NONE, _ANY),
        Action.VIEW_METRICS: Permission(Tie.NONE, _ANY),
    },
    "patient": {
        Action.VIEW_PATIENT: Permission(Tie.SELF, _CARE),
    },
}
"""Role -> action -> what else must hold. What is not here is refused."""

ROLES: Final = frozenset(PERMISSIONS)

CONSENT_ACTIONS: Final = frozenset({Action.ANALYZE})
"""Actions that compute something new about a person and so ask for consent to their `needs`."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The answer. `rule` is one word for counters and the ledger; `detail` helps the asker.

    Rules: "allowed", "role", "purpose", "relationship", "consent". The detail says nothing about
    the person.
    """

    allowed: bool
    rule: str
    detail: str


class GrantLike(Protocol):
    """A consent decision, whoever keeps it."""

    @property
    def purpose(self) -> Purpose:
        """What it is about."""

    @property
    def permit(self) -> bool:
        """Given, or withdrawn."""

    @property
    def since(self) -> Micros:
        """In force from this instant on."""

    @property
    def until(self) -> Micros | None:
        """In force up to this instant, if it ends."""


_ALLOWED: Final = Ruling(True, "allowed", "allowed")
_WRONG_ROLE: Final = Ruling(
    False,
    "role",
    "this role may not do this: sign in with a role that may, or ask somebody who has it",
)
_NO_RELATION: Final = Ruling(
    False,
    "relationship",
    "this needs a care relationship with the patient: ask a coordinator to add you to the care "
    "team",
)
_NOT_SELF: Final = Ruling(
    False, "relationship", "patients may do this for themselves only, not for others"
)


def consent_covers(grants: Iterable[GrantLike], purpose: Purpose, at: Micros) -> bool:
    """Tell whether there is consent for `purpose` at the instant `at`.

    Of the decisions for that purpose that are in force (``since <= at < until``), the one with the
    latest `since` counts; of two with the same `since`, the refusal. None in force: no consent.
    """
    latest: tuple[Micros, bool] | None = None
    for grant in grants:
        if grant.purpose != purpose or grant.since > at:
            continue
        if grant.until is not None and at >= grant.until:
            continue
        ruling = (grant.since, not grant.permit)
        if latest is None or ruling > latest:
            latest = ruling
    return latest is not None and not latest[1]


def decide(
    *,
    role: str,
    action: str,
    purpose: Purpose,
    related: bool = False,
    own: bool = False,
    needs: Collection[Purpose] = (),
    grants: Iterable[GrantLike] = (),
    at: Micros = 0,
    clinical_basis: bool = True,
) -> Ruling:
    """Rule on one request. What the table does not allow is refused.

    Parameters
    ----------
    role, action : str
        The asker's role, and an `Action` (or its text). Unknown ones are refused.
    purpose : Purpose
        What the asker wants it for.
    related : bool
        The asker is in the patient's care team.
    own : bool
        The asker is the patient.
    needs : collection of Purpose
        What the model at hand rests on: MONITORING if it reads passive streams. Checked for the
        actions in `CONSENT_ACTIONS`.
    grants : iterable
        The patient's consent decisions, as stored.
    at : int
        Now, in microseconds since 1970 UTC.
    clinical_basis : bool
        The clinic treats on its own legal basis, so CARE needs no consent. If False, CARE is one of
        the needs.

    Returns
    -------
    Ruling
    """
    permission = PERMISSIONS.get(role, _NOTHING).get(action)  # type: ignore[call-overload]
    if permission is None:
        return _WRONG_ROLE
    if purpose not in permission.purposes:
        return _WRONG_PURPOSE[permission.purposes]
    if permission.tie is Tie.CARE and not related:
        return _NO_RELATION
    if permission.tie is Tie.SELF and not own:
        return _NOT_SELF
    if action in CONSENT_ACTIONS:
        return _consent_ruling(needs, grants, at, clinical_basis=clinical_basis)
    return _ALLOWED


_NOTHING: Final[Mapping[Action, Permission]] = {}


def _consent_ruling(
    needs: Collection[Purpose], grants: Iterable[GrantLike], at: Micros, *, clinical_basis: bool
) -> Ruling:
    wanted = set(needs) - _CARE if clinical_basis else {*needs, Purpose.CARE}
    if not wanted:
        return _ALLOWED
    given = tuple(grants)
    for need in sorted(wanted):
        if not consent_covers(given, need, at):
            return _NO_CONSENT[need]
    return _ALLOWED


def _purpose_ruling(purposes: frozenset[Purpose]) -> Ruling:
    names = " or ".join(sorted(purposes))
    return Ruling(False, "purpose", f"this is done for {names} only: say so if that is what it is")


_WRONG_PURPOSE: Final = {purposes: _purpose_ruling(purposes) for purposes in (_CARE, _ANY)}
_NO_CONSENT: Final = {
    purpose: Ruling(
        False,
        "consent",
        f"this needs the patient's consent for {purpose.value}, and none is in force: ask the "
        "patient, and record the answer with `euthymia consent`",
    )
    for purpose in Purpose
}
