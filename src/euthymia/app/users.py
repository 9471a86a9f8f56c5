"""`euthymia user`: accounts of the pages, from the shell."""

from datetime import UTC, datetime
from typing import Any

from euthymia.app import served_at
from euthymia.app.accounts.accounts import ENROL_LIFETIME
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.http.tls import address_at


def base_url(clinic: Clinic) -> str:
    """Return the address that browsers use: the settings' public one, else the running server's.

    Where no server runs, it is the one that the settings would have it listen at.
    """
    serve = clinic.config.serve
    if serve.public_url:
        return serve.public_url.rstrip("/")
    running = served_at.now(clinic.home, clinic.keyring)
    return running or address_at(serve, serve.host, serve.port)


def _invited(clinic: Clinic, user: str, code: str) -> dict[str, Any]:
    until = clinic.clock() + ENROL_LIFETIME
    return {
        "user": user,
        "role": clinic.accounts.file.now().accounts[user].role,
        "enrol": f"{base_url(clinic)}/enrol#code={code}",
        "expires_at": until.isoformat(timespec="seconds"),
    }


def add_user(clinic: Clinic, user: str, role: str, patient: str | None = None) -> dict[str, Any]:
    """Make an account; return its one-time enrolment link. `patient`: whose record is their own."""
    subject = None if patient is None else clinic.resolve(patient)
    code = clinic.accounts.add(user, role, shell_actor(), clinic.tokens, subject)
    return _invited(clinic, user, code)


def reset_user(clinic: Clinic, user: str) -> dict[str, Any]:
    """Take a user's credentials and sessions away; return a new enrolment link."""
    return _invited(clinic, user, clinic.accounts.reset(user, shell_actor(), clinic.tokens))


def list_users(clinic: Clinic) -> list[dict[str, Any]]:
    """Return the accounts: name, role, what they sign in with, since when."""
    book = clinic.accounts.file.now()
    return [
        {
            "user": user,
            "role": account.role,
            "state": "disabled" if account.disabled else "ready" if account.enrolled else "invited",
            "password": bool(account.password),
            "passkeys": len(account.passkeys),
            "made_at": datetime.fromtimestamp(account.made_at, UTC).isoformat(),
        }
        for user, account in sorted(book.accounts.items())
    ]
