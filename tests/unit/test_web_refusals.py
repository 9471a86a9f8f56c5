"""Whoever is not let in reads why in the language of the page."""

import ast
from pathlib import Path

import pytest

from euthymia.app.accounts import accounts, emergencies, passkeys
from euthymia.app.web.retold import retold
from euthymia.security import passwords

SHELL_ALONE = (
    "a user name has",
    "there is an account of that name",
    "this is a patient's pseudonym",
    "no emergency of yours",
    "there is no emergency",
    "no account of that name",
    "passkeys need",
)
"""What `euthymia user` says, and what only an address typed by hand could bring about."""


def texts(module: object) -> list[str]:
    """Return what is raised as text in a module: literals and its own constants."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    raised = [n.exc for n in ast.walk(tree) if isinstance(n, ast.Raise)]
    given = [e.args[0] for e in raised if isinstance(e, ast.Call) and e.args]
    found = [g.value for g in given if isinstance(g, ast.Constant)]
    found += [getattr(module, g.id) for g in given if isinstance(g, ast.Name)]
    return [text for text in found if not text.startswith(SHELL_ALONE)]


@pytest.mark.parametrize("module", [accounts, passkeys, emergencies])
def test_a_refusal_of_a_page_of_accounts_is_said_in_spanish(module: object) -> None:
    said = texts(module)
    assert said
    assert [text for text in said if retold(text, "es") is None] == []


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 300, "password12345", "abcdefghijkl", "amara amara amara", "clinic clinic 12"],
)
def test_why_a_password_is_not_taken_is_said_in_spanish(password: str) -> None:
    weak = passwords.weakness(password, "amara", "clinic")
    assert weak is not None
    told = retold(f"choose another password: {weak}", "es")
    assert told is not None
    assert told.startswith("elija otra contraseña: ")


def test_a_link_that_does_not_hold_is_said_in_spanish() -> None:
    for text in (
        "this sign-in link was used before: ask for a new one",
        "the token has expired: ask for a new one",
        "the token was withdrawn: ask for a new one",
        "the token is malformed: send it exactly as it was issued",
    ):
        assert retold(text, "es"), text
