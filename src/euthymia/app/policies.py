"""`euthymia policy`: check a clinic's own policies, say what they change, accept them."""

from pathlib import Path
from typing import Any

from euthymia.app.accepted import read_text
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.home import Home, read_config
from euthymia.app.in_force import POLICIES, digest_of
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import EuthymiaError, SchemaError
from euthymia.security.policy import SHIPPED, Policies
from euthymia.security.policy_matrix import broken_rails, changes, situations
from euthymia.security.policy_text import problems_of


def _present(home: Home) -> tuple[Policies, list[str]]:
    """Return the policies in force in this home (the shipped ones without a home)."""
    if not home.exists():
        return SHIPPED, []
    try:
        _, keyring, _ = read_config(home)
        own = home.policies.read(keyring)
    except EuthymiaError as error:
        return SHIPPED, [str(error)]
    return (Policies(own) if own else SHIPPED), []


def check_policies(path: Path, file: Path | None) -> dict[str, Any]:
    """Validate policies against the schema, run the matrix, and say what they would change.

    Without `file` it is the home's own `policies.cedar` as it is now, else the shipped ones.
    """
    if file is not None and file.suffix.lower() in {".yaml", ".yml"}:
        raise SchemaError(
            "this is about who may do what (Cedar); an alert policy (YAML) is checked with "
            "`euthymia alerts check` and tried with `euthymia policy replay`"
        )
    home = Home(path)
    named = file or (home.policies.file if home.policies.file.is_file() else None)
    own = read_text(named) if named else ""
    present, notes = _present(home)
    problems = problems_of(own)
    result: dict[str, Any] = {"file": str(named) if named else "shipped", "notes": notes}
    if not problems:
        proposed = Policies(own) if own else SHIPPED
        problems = [f"a guard rail is broken: {rail}" for rail in broken_rails(proposed)]
        result["changes"] = [
            {
                "role": change.role,
                "action": change.action,
                "now": "allowed" if change.allowed_now else "refused",
                "situations": change.situations,
                "example": change.example,
            }
            for change in changes(present, proposed)
        ]
        result["situations"] = sum(1 for _ in situations())
    return result | {"ok": not problems, "problems": problems}


def accept(path: Path, file: Path | None) -> dict[str, Any]:
    """Take policies into force (`file` None: the home's own file as it is now).

    Raises
    ------
    SchemaError
        They do not fit the schema, or break a guard rail.
    """
    checked = check_policies(path, file)
    if not checked["ok"]:
        raise SchemaError(f"the policies were not accepted: {'; '.join(checked['problems'])}")
    home = Home(path)
    named = file or home.policies.file
    raw = named.read_bytes() if named.is_file() else None
    _, keyring, _ = read_config(home)
    home.policies.keep(keyring, raw)
    with Clinic.opened(path) as clinic:
        clinic.ledger.append(
            Entry(
                shell_actor(),
                "accept policies",
                Purpose.CARE,
                detail={
                    POLICIES: digest_of(home.policies.file),
                    "changes": len(checked["changes"]),
                },
            )
        )
    return checked
