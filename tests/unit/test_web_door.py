"""The pages of accounts over the real application: sign in, enrol, sessions, ending everywhere."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from accounts_help import PASSWORD, SHELL, code_of, enrolled
from euthymia.app.web.door import Door
from euthymia.app.web.pages import build_site
from euthymia.security.totp import code_at, step_of
from page_browser import Browser
from web_clinic import NOW, TestClinic

HERE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def clinic(tmp_path: Path) -> TestClinic:
    made = TestClinic.make(tmp_path, people=2)
    assert made.accounts is not None
    enrolled(made.accounts, made.sessions.tokens, "dr-lee")
    return made


def browser(clinic: TestClinic) -> Browser:
    return Browser(build_site(clinic))


def sign_in(client: Browser, clinic: TestClinic, off: int = 0, **changed: str):
    form = {
        "user": "dr-lee",
        "password": PASSWORD,
        "otp": code_of(clinic.accounts, "dr-lee", NOW, off),
    }
    return client.post("/signin/password", data=form | changed, headers=HERE)


def test_name_password_and_code_open_a_session(clinic: TestClinic):
    client = browser(clinic)
    assert 'action="/signin/password"' in client.get("/signin").text
    answer = sign_in(client, clinic)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert client.get("/").status_code == 200
    assert "with a second factor" in client.get("/account").text


def test_a_refusal_says_one_thing_and_shows_nothing_typed(clinic: TestClinic):
    answers = [
        sign_in(browser(clinic), clinic, **wrong)
        for wrong in (
            {"password": "p4ssw0rd-typed"},
            {"otp": "000000"},
            {"user": "dr-typed"},
            {"user": ""},
        )
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.text for answer in answers}) == 1
    assert "typed" not in answers[0].text


def test_signing_in_rotates_the_session_and_ends_the_one_before(clinic: TestClinic):
    client = browser(clinic)
    sign_in(client, clinic)
    first = client.cookies["euthymia"]
    sign_in(client, clinic, off=1)
    assert client.cookies["euthymia"] != first
    stale = browser(clinic)
    stale.cookies.set("euthymia", first)
    assert stale.get("/").headers["location"] == "/signin"
    assert client.get("/").status_code == 200


def at(clinic: TestClinic, minutes: float) -> None:
    clinic.sessions = replace(clinic.sessions, clock=lambda: NOW + timedelta(minutes=minutes))


def test_a_session_ends_a_quarter_hour_after_the_last_click(clinic: TestClinic):
    client = browser(clinic)
    sign_in(client, clinic)
    at(clinic, 14.9)
    assert "set-cookie" in client.get("/").headers
    at(clinic, 29)
    assert client.get("/").status_code == 200
    at(clinic, 44.5)
    assert client.get("/").headers["location"] == "/signin"


def test_clicking_does_not_carry_a_session_beyond_the_shift(clinic: TestClinic):
    client = browser(clinic)
    sign_in(client, clinic)
    for minutes in range(10, 480, 10):
        at(clinic, minutes)
        assert client.get("/").status_code == 200, minutes
    at(clinic, 480)
    assert client.get("/").headers["location"] == "/signin"


def test_within_a_minute_no_new_cookie_is_sent(clinic: TestClinic):
    client = browser(clinic)
    sign_in(client, clinic)
    at(clinic, 0.9)
    assert "set-cookie" not in client.get("/").headers


def test_a_renewed_session_ends_with_the_one_it_came_from(clinic: TestClinic):
    client = browser(clinic)
    sign_in(client, clinic)
    old = client.cookies["euthymia"]
    at(clinic, 5)
    page = client.get("/account").text
    assert client.cookies["euthymia"] != old
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page)[1]
    assert client.post("/signout", data={"csrf": csrf}, headers=HERE).status_code == 303
    for kept in (old,):
        client.cookies.clear()
        client.cookies.set("euthymia", kept)
        assert client.get("/").headers["location"] == "/signin"


def test_sign_out_everywhere_asks_for_the_forms_token_and_tells_the_accounts(clinic: TestClinic):
    client = browser(clinic)
    sign_in(client, clinic)
    assert client.post("/account/everywhere", data={"csrf": "x"}, headers=HERE).status_code == 403
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/account").text)[1]
    answer = client.post("/account/everywhere", data={"csrf": csrf}, headers=HERE)
    assert answer.headers["location"] == "/signin?out=1"
    assert clinic.accounts.file.now().ended["dr-lee"] == int(NOW.timestamp())


def test_a_passkey_is_added_by_its_user_with_a_second_factor_alone(
    clinic: TestClinic, monkeypatch: pytest.MonkeyPatch
):
    """Else a session left open, or another site, adds a key that opens the account for ever."""
    added: list[str] = []
    keys = SimpleNamespace(add=lambda who, *_typed: added.append(who.user))
    monkeypatch.setattr(Door, "_passkeys", lambda *_given: keys)

    def add(client: Browser, csrf: str, **headers: str) -> int:
        form = {"csrf": csrf, "ticket": "t", "answer": "a"}
        return client.post("/account/passkey", data=form, headers=headers or HERE).status_code

    def csrf_in(client: Browser) -> str:
        return re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/account").text)[1]

    by_link, strong = browser(clinic), browser(clinic)
    by_link.post("/signin", data={"code": clinic.code()}, headers=HERE)
    sign_in(strong, clinic)
    assert add(by_link, csrf_in(by_link)) == 403
    assert add(strong, "x") == 403
    assert add(strong, csrf_in(strong), **{"sec-fetch-site": "cross-site"}) == 403
    assert added == []
    assert add(strong, csrf_in(strong)) == 303
    assert added == ["dr-lee"]


def test_enrolling_shows_a_code_and_takes_password_and_first_code(clinic: TestClinic):
    accounts, tokens = clinic.accounts, clinic.sessions.tokens
    code = accounts.add("dr-new", "clinician", SHELL, tokens)
    client = browser(clinic)
    page = client.post("/enrol", data={"code": code}, headers=HERE)
    assert page.status_code == 200
    assert "<svg" in page.text
    offer = accounts.offer(code, tokens)
    form = {"code": code, "password": PASSWORD, "again": PASSWORD, "otp": "000000"}
    wrong = client.post("/enrol", data=form, headers=HERE)
    assert wrong.status_code == 422
    assert PASSWORD not in wrong.text
    form["otp"] = code_at(offer.totp, step_of(NOW))
    assert client.post("/enrol", data=form).status_code == 403  # no word of where it came from
    done = client.post("/enrol", data=form, headers=HERE)
    assert done.headers["location"] == "/signin?enrolled=1"
    assert client.post("/enrol", data={"code": code}, headers=HERE).status_code == 403
    assert client.post("/enrol", data=form, headers=HERE).status_code == 403
    assert client.get("/enrol").status_code == 200


def test_too_many_tries_from_one_address(clinic: TestClinic):
    client = browser(clinic)
    answers = [sign_in(client, clinic, user=f"u{n}") for n in range(25)]
    assert "too many tries" in answers[-1].text.lower()
    assert sign_in(client, clinic).status_code == 403
