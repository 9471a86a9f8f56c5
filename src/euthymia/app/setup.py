"""Make a clinic, accept its settings, issue tokens."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from euthymia.app import published
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.config import Config
from euthymia.app.home import Home, accept_config, read_config
from euthymia.app.in_force import EVIDENCE, SETTINGS, digest_of
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import AccessError
from euthymia.security.dpop import read_jwk, thumbprint
from euthymia.security.policy import ROLES
from euthymia.security.roots import Vault
from euthymia.security.token import SIGNIN_LIFETIME, Kind, More


def make_clinic(path: Path, config: Config, vault: Vault | None = None) -> None:
    """Make a clinic's home and write its first ledger entry. `vault` keeps its root key."""
    clinic = Clinic.create(path, config, vault=vault)
    try:
        clinic.ledger.append(
            Entry(
                shell_actor(),
                "make clinic",
                Purpose.CARE,
                detail={
                    "clinical_basis": config.clinic.clinical_basis,
                    SETTINGS: digest_of(clinic.home.config_file),
                },
            )
        )
    finally:
        clinic.close()


def accept_settings(path: Path) -> bool:
    """Accept euthymia.toml and the published evidence as they are now; the ledger says who did.

    Returns whether there is any evidence.
    """
    home = Home(path)
    config, keyring, accepted = read_config(home)
    accept_config(home, keyring)
    evidence = published.accept(home, config, keyring)
    with Clinic.opened(path) as clinic:
        clinic.ledger.append(
            Entry(
                shell_actor(),
                "accept settings",
                Purpose.CARE,
                detail={
                    "changed": not accepted,
                    "clinical_basis": config.clinic.clinical_basis,
                    "everyone_on_care_team": len(config.clinic.everyone_on_care_team),
                    SETTINGS: digest_of(home.config_file),
                    EVIDENCE: evidence,
                },
            )
        )
    return bool(evidence)


def issue(
    clinic: Clinic,
    user: str,
    role: str,
    lifetime: timedelta,
    *,
    sign_in: bool,
    bind: bytes | None = None,
    once: bool = False,
) -> dict[str, Any]:
    """Issue a bearer token, or a one-time sign-in code for the pages.

    `bind`: a public JWK; the token holds only together with proofs of that key. `once`: it holds
    one call.
    """
    if role not in ROLES:
        raise AccessError(f"there is no such role; roles are {', '.join(sorted(ROLES))}")
    now = clinic.clock()
    action = "issue sign-in code" if sign_in else "issue token"
    told = clinic.accounts.entered_as(user) if role == "patient" else user
    clinic.ledger.append(
        Entry(shell_actor(), action, Purpose.CARE, detail={"user": told, "role": role})
    )
    if sign_in:
        lifetime = min(lifetime, SIGNIN_LIFETIME)
    more = More(key=thumbprint(read_jwk(bind)) if bind else "", once=once)
    kind = Kind.SIGNIN if sign_in else Kind.ACCESS
    token = clinic.tokens.issue(user, role, now=now, lifetime=lifetime, kind=kind, more=more)
    return {
        "token": token,
        "user": user,
        "role": role,
        "expires_at": (now + lifetime).isoformat(timespec="seconds"),
    }
