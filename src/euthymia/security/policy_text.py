"""The policies' text and its evaluation by Cedar: shipped ones, and a clinic's own on top."""

import json
import re
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from euthymia.ground.errors import SchemaError

if TYPE_CHECKING:
    import cedarpy

ABOUT_PATIENTS: Final = frozenset(
    {"analyze", "view patient", "break glass", "act on alert", "write record", "change consent"}
)
MAX_OWN_CHARS: Final = 64 * 1024  # a clinic's own policies are a page or two


class Situation(NamedTuple):
    """All that a policy sees of a request: see `clinic.cedarschema` for each part."""

    role: str
    action: str
    purpose: str
    care_team: bool = False
    own: bool = False
    consented: bool = False
    labelled: bool = False
    released: bool = False
    second_factor: bool = False
    reason: bool = False
    emergency: bool = False


_CONTEXT: Final = Situation._fields[2:]


def as_asked(asked: Situation) -> Situation:
    """Return a situation in which what its action does not ask about has one value.

    What is done with the clinic and not with a patient knows no care team, label, consent or
    emergency; consent to what a model rests on is asked for by "analyze" alone.
    """
    if asked.action == "analyze":
        return asked
    if asked.action in ABOUT_PATIENTS:
        return asked._replace(consented=True)
    return asked._replace(
        care_team=False, own=False, consented=True, labelled=False, released=True, emergency=False
    )


@cache
def shipped(name: str) -> str:
    """Return a file of the folder `policies`: "clinic.cedar" or "clinic.cedarschema"."""
    return (files("euthymia.security") / "policies" / name).read_text(encoding="utf-8")


def problems_of(own: str) -> list[str]:
    """Return what is wrong with a clinic's own policies, in words ([]: nothing).

    Cedar's validator checks every action, attribute and type against the schema, so that a
    misspelt word is an error and not a rule that never holds.
    """
    import cedarpy

    if len(own) > MAX_OWN_CHARS:
        return [f"the policies have more than {MAX_OWN_CHARS} characters"]
    found = cedarpy.validate_policies(own, shipped("clinic.cedarschema"))
    names = found.id_annotations_by_policy_id
    return [
        f"{names.get(e.policy_id) or _place(own, e.policy_id)}: "
        f"{str(e.error).removeprefix(f'for policy `{e.policy_id}`, ')}"
        for e in found.errors
    ]


_BEFORE: Final = re.compile(r"(?:\s|//[^\n]*)*")
_STATEMENT: Final = re.compile(r'(?:[^"/;]|"(?:[^"\\]|\\.)*"|//[^\n]*|/)+;?', re.DOTALL)


def _place(own: str, policy_id: str | None) -> str:
    """Return where the policy that is meant begins: Cedar calls one without a name by its number.

    Where nothing could be read it calls none: then the first that cannot be.
    """
    import cedarpy

    for number, statement in enumerate(_STATEMENT.finditer(own)):
        if policy_id:
            meant = policy_id == f"policy{number}"
        else:
            try:
                cedarpy.PolicySet.from_str(statement.group())
                meant = False
            except ValueError:
                meant = True
        if meant:
            before = _BEFORE.match(own, statement.start())
            begins = before.end() if before else statement.start()
            return f"the policy at line {own.count(chr(10), 0, begins) + 1}"
    return policy_id or "text"


class PolicyText:
    """A set of policies. Parsed at the first question; each situation is put to Cedar once."""

    def __init__(self, own: str = "") -> None:
        self.own = own
        self._parsed: tuple[cedarpy.PolicySet, cedarpy.Entities] | None = None
        self._known: dict[Situation, bool] = {}
        self._lock = Lock()
        if own:
            problems = problems_of(own)
            if problems:
                raise SchemaError(f"the clinic's own policies do not fit: {'; '.join(problems)}")

    def allows(self, asked: Situation) -> bool:
        """Tell whether a permit allows it and no forbid is in the way."""
        found = self._known.get(asked)
        if found is None:
            found = self._known[asked] = self.evaluate(asked)[0]
        return found

    def evaluate(self, asked: Situation) -> tuple[bool, list[str]]:
        """Ask Cedar; return its answer and the `@id`s of the policies that decided it."""
        import cedarpy

        policies, entities = self._parsed or self._parse()
        values = as_asked(asked)._asdict()
        kind = "Patient" if asked.action in ABOUT_PATIENTS else "Clinic"
        request = {
            "principal": {"type": "Role", "id": asked.role},
            "action": {"type": "Action", "id": asked.action},
            "resource": {"type": kind, "id": "asked"},
            "context": json.dumps({name: values[name] for name in _CONTEXT}),
        }
        answer = cedarpy.is_authorized(request, policies, entities)
        if answer.diagnostics.errors:  # a policy that cannot be evaluated would be skipped: refuse
            return False, ["error"]
        names = answer.diagnostics.id_annotations_by_reason
        return answer.allowed, [names.get(r, r) for r in answer.diagnostics.reasons]

    def _parse(self) -> "tuple[cedarpy.PolicySet, cedarpy.Entities]":
        import cedarpy

        with self._lock:
            text = f"{shipped('clinic.cedar')}\n{self.own}"
            policies = cedarpy.PolicySet.from_str(text)
            self._parsed = policies, cedarpy.Entities.from_json_str("[]")
            return self._parsed
