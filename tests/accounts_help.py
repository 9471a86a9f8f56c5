"""An authenticator app and a user with an account, for tests."""

from datetime import datetime

from euthymia.app.accounts.accounts import Accounts
from euthymia.ground.audit import Actor
from euthymia.ground.ids import SubjectId
from euthymia.security.token import Tokens
from euthymia.security.totp import code_at, step_of

PASSWORD = "river lamp gravel onion"
SHELL = Actor("test", "shell")


def code_of(accounts: Accounts, user: str, now: datetime, off: int = 0) -> str:
    """Return what the user's authenticator shows, `off` steps from now."""
    return code_at(accounts.file.now().accounts[user].totp, step_of(now) + off)


def enrolled(
    accounts: Accounts,
    tokens: Tokens,
    user: str,
    role: str = "clinician",
    subject: SubjectId | None = None,
) -> None:
    """Make an account with a password and an authenticator. Uses the code of the step before."""
    offer = accounts.offer(accounts.add(user, role, SHELL, tokens, subject), tokens)
    code = code_at(offer.totp, step_of(accounts.clock()) - 1)
    accounts.enrol_password(offer, PASSWORD, PASSWORD, code)
