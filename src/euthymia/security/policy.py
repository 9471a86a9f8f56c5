"""Who may do what, for which purpose, to whom: Cedar policies as text, asked through one function.

Asked before each call of the API and each page. The shell is not asked: whoever can read the home
directory holds its keys, so the commands (ingest, consent, export, erase, train, release, verify,
token, user) are guarded by the operating system's own accounts, and each leaves its entry in the
ledger.

`decide` does not look anything up: whoever calls it says whether there is a care relationship,
which consents are on record, and what the model at hand needs. What a policy sees of that is a
`Situation`: a handful of words and flags, so there are few of them, and each is put to Cedar once
a process (see docs/adr/0008-cedar-policies.md).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.scope import Label
from euthymia.security.consent import GrantLike, consent_covers
from euthymia.security.policy_text import PolicyText, Situation

ROLES: Final = frozenset({"clinician", "coordinator", "supervisor", "scientist", "it", "patient"})


class Action(StrEnum):
    """Everything that the API and the pages can be asked for."""

    ANALYZE = "analyze"
    VIEW_WORKLIST = "view worklist"
    VIEW_PATIENT = "view patient"
    BREAK_GLASS = "break glass"
    VIEW_MODELS = "view model list"
    VIEW_METRICS = "view metrics"
    VIEW_EMERGENCIES = "view emergencies"
    WRITE_RECORD = "write record"
    CHANGE_CONSENT = "change consent"
    ACT_ON_ALERT = "act on alert"
    VIEW_QUALITY = "view quality"
    CHANGE_ALERT_POLICY = "change alert policy"


@dataclass(frozen=True, slots=True)
class Ruling:
    """The answer. `rule` is a word for counters and the ledger; `detail` helps the asker.

    Rules: "allowed", "role", "purpose", "relationship", "reason", "second factor", "sensitivity",
    "consent". The detail says nothing about the person.
    """

    allowed: bool
    rule: str
    detail: str


class Policies:
    """The shipped policies, and a clinic's own on top. Parsed once; any thread may ask.

    Parameters
    ----------
    own : str
        The clinic's own policies as Cedar text. SchemaError if they do not fit the schema.
    """

    def __init__(self, own: str = "") -> None:
        self.text = PolicyText(own)
        self._rulings: dict[Situation, Ruling] = {}

    def decide(
        self,
        *,
        role: str,
        action: str,
        purpose: str,
        related: bool = False,
        own: bool = False,
        needs: Collection[Purpose] = (),
        grants: Iterable[GrantLike] = (),
        at: Micros = 0,
        clinical_basis: bool = True,
        sensitivity: Collection[str] = (),
        released: Collection[str] = (),
        second_factor: bool = False,
        reason: bool = False,
        emergency: bool = False,
    ) -> Ruling:
        """Rule on one request. What no policy allows is refused; so is anything unknown.

        Parameters
        ----------
        role, action, purpose : str
            The asker's role, an `Action`, and what the asker wants it for.
        related, own : bool
            The asker is in the patient's care team; is the patient.
        needs : collection of Purpose
            What the model at hand rests on: MONITORING if it reads passive streams.
        grants : iterable
            The patient's consent decisions, as stored.
        at : int
            Now, in microseconds since 1970 UTC.
        clinical_basis : bool
            The clinic treats on its own legal basis, so CARE needs no consent. If False, CARE is
            one of the needs.
        sensitivity, released : collection of str
            The `Label`s on what is asked for, and those for which a grant is in force.
        second_factor, reason, emergency : bool
            The asker proved a second factor; typed a reason; has broken the glass for this
            patient, and the time is not up.

        Returns
        -------
        Ruling
        """
        missing = None
        if action == Action.ANALYZE:
            missing = _missing(needs, grants, at, clinical_basis=clinical_basis)
        asked = Situation(
            role,
            action,
            purpose,
            related,
            own,
            missing is None,
            bool(sensitivity),
            _all_released(sensitivity, released) if sensitivity else True,
            second_factor,
            reason,
            emergency,
        )
        ruling = self._rulings.get(asked)
        if ruling is None:
            ruling = self._first_look(asked)
        return _NO_CONSENT[missing] if ruling.rule == "consent" and missing else ruling

    def may_ever(self, role: str, action: str) -> bool:
        """Tell whether a role may do this for anybody and any purpose."""
        return self._rule_of(_best(Situation(role, action, ""))) != "role"

    def _first_look(self, asked: Situation) -> Ruling:
        if asked.role not in ROLES or asked.action not in _ACTIONS:
            return _RULINGS["role"]
        if asked.purpose not in _PURPOSES:
            return _RULINGS["purpose"]
        rule = self._rule_of(asked)
        ruling = _RULINGS[rule]
        if rule == "relationship" and asked.role == "patient":
            ruling = _NOT_SELF
        self._rulings[asked] = ruling  # finite: every part is one of a few words, or a flag
        return ruling

    def _rule_of(self, asked: Situation) -> str:
        """Return "allowed", or the first rule in the way: which part, made real, ends it."""
        if asked.role not in ROLES or asked.action not in _ACTIONS:
            return "role"
        if asked.purpose and self.text.allows(asked):
            return "allowed"
        seen = _best(asked)
        if not any(self.text.allows(seen._replace(purpose=p)) for p in _PURPOSES):
            return "role"
        if not asked.purpose:
            return "allowed"
        for rule, parts in _STEPS:
            seen = seen._replace(**{part: getattr(asked, part) for part in parts})
            if not self.text.allows(seen):
                return rule
        return "role"


_PURPOSES: Final = tuple(purpose.value for purpose in Purpose)
_ACTIONS: Final = frozenset(action.value for action in Action)
_LABELS: Final = frozenset(label.value for label in Label)
_CARE: Final = frozenset({Purpose.CARE})
_STEPS: Final = (
    ("purpose", ("purpose",)),
    ("relationship", ("care_team", "own", "emergency")),
    ("reason", ("reason",)),
    ("second factor", ("second_factor",)),
    ("sensitivity", ("labelled", "released")),
    ("consent", ("consented",)),
)


def _best(asked: Situation) -> Situation:
    """Return the situation with all in the asker's favour."""
    return Situation(
        asked.role, asked.action, asked.purpose, True, True, True, False, True, True, True, True
    )


def _all_released(labels: Collection[str], released: Collection[str]) -> bool:
    return all(label in released and label in _LABELS for label in labels)


def _missing(
    needs: Collection[Purpose], grants: Iterable[GrantLike], at: Micros, *, clinical_basis: bool
) -> Purpose | None:
    """Return the first purpose for which consent is needed and not in force."""
    wanted = set(needs) - _CARE if clinical_basis else {*needs, Purpose.CARE}
    if not wanted:
        return None
    given = tuple(grants)
    for need in sorted(wanted):
        if not consent_covers(given, need, at):
            return need
    return None


_NOT_SELF: Final = Ruling(
    False, "relationship", "patients may do this for themselves only, not for others"
)
_NO_CONSENT: Final = {
    purpose: Ruling(
        False,
        "consent",
        f"this needs the patient's consent for {purpose.value}, and none is in force: ask the "
        "patient, and record the answer with `euthymia consent`",
    )
    for purpose in Purpose
}
_WORDS: Final = {
    "role": "this role may not do this: sign in with a role that may, or ask somebody who has it",
    "purpose": "this is not done for that purpose: most is done for care only, so say so if that "
    "is what it is",
    "relationship": "this needs a care relationship with the patient: ask a coordinator to add you "
    "to the care team",
    "reason": "this is done in an emergency only: type the reason, which the supervisor will read",
    "second factor": "this needs your second factor: sign in with your password and code, or with "
    "your passkey",
    "sensitivity": "this is marked as especially sensitive, and the patient has not released it to "
    "you: ask the patient",
    "consent": "this needs a consent of the patient that is not in force: ask the patient, and "
    "record the answer with `euthymia consent`",
}
_RULINGS: Final = {rule: Ruling(False, rule, detail) for rule, detail in _WORDS.items()} | {
    "allowed": Ruling(True, "allowed", "allowed")
}

SHIPPED: Final = Policies()
"""The policies as they are shipped. A clinic's own are in `Clinic.policies`."""

decide: Final = SHIPPED.decide
