"""Changing one's own password on the account's page, and links that work once."""

import re
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from accounts_help import PASSWORD, SHELL, code_of, enrolled
from euthymia.app.clinic import Clinic
from euthymia.app.config import AccountsConfig, ClinicConfig, Config
from euthymia.app.web.pages import build_site
from euthymia.ground.errors import AccessError
from euthymia.security.keys import Keyring
from euthymia.security.token import Tokens
from euthymia.security.totp import code_at, step_of
from page_browser import Browser
from web_clinic import NOW, TestClinic

HERE = {"sec-fetch-site": "same-origin"}
WANTED = "heron marble quilt orchard"


@pytest.fixture
def clinic(tmp_path: Path) -> TestClinic:
    made = TestClinic.make(tmp_path, people=1)
    assert made.accounts is not None
    keyring = Keyring.open(tmp_path / "keys")
    tokens = Tokens(keyring, issuer="e", audience="e", revoked=made.accounts.ended)
    made.sessions = replace(made.sessions, tokens=tokens)
    enrolled(made.accounts, tokens, "dr-lee")
    return made


def signed_in(clinic: TestClinic, off: int, password: str = PASSWORD) -> tuple[Browser, int]:
    client = Browser(build_site(clinic))
    form = {"user": "dr-lee", "password": password}
    form["otp"] = code_of(clinic.accounts, "dr-lee", NOW, off)
    return client, client.post("/signin/password", data=form, headers=HERE).status_code


def change(client: Browser, clinic: TestClinic, off: int = 1, **changed: str):
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/account").text)[1]
    form = {"csrf": csrf, "user": "dr-lee", "present": PASSWORD, "wanted": WANTED, "again": WANTED}
    form["otp"] = code_of(clinic.accounts, "dr-lee", NOW, off)
    return client.post("/account/password", data=form | changed, headers=HERE)


def told(clinic: TestClinic) -> list[tuple[str, object]]:
    lines = clinic.ledger.entries()
    return [(one.actor, one.detail["outcome"]) for one in lines if one.action == "change password"]


def test_a_changed_password_signs_in_and_the_one_before_does_not(clinic: TestClinic):
    client, _ = signed_in(clinic, 0)
    answer = change(client, clinic)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?changed=1")
    assert "have ended" in client.get("/account?changed=1").text
    assert told(clinic) == [("dr-lee", "changed")]
    clinic.accounts.clock = later = lambda: NOW + timedelta(minutes=5)
    clinic.sessions = replace(clinic.sessions, clock=later)
    assert signed_in(clinic, 10)[1] == 403
    assert signed_in(clinic, 11, WANTED)[1] == 303


def test_changing_the_password_ends_every_session_and_token_but_this_browsers(clinic: TestClinic):
    client, _ = signed_in(clinic, 0)
    other, stale = Browser(build_site(clinic)), Browser(build_site(clinic))
    other.post("/signin", data={"code": clinic.code("dr-lee")}, headers=HERE)
    stale.cookies.set("euthymia", client.cookies["euthymia"])
    tokens = clinic.sessions.tokens
    token = tokens.issue("dr-lee", "clinician", now=NOW, lifetime=timedelta(hours=1))
    assert other.get("/").status_code == stale.get("/").status_code == 200
    change(client, clinic)
    assert client.get("/").status_code == 200
    for ended in (other, stale):
        assert ended.get("/").headers["location"] == "/signin"
    with pytest.raises(AccessError):
        tokens.verify(token, now=NOW)


def test_a_session_opens_as_the_second_turns(clinic: TestClinic):
    """A clock that is asked twice may tell two seconds."""
    seconds = iter(range(100))
    sessions = replace(clinic.sessions, clock=lambda: NOW + timedelta(seconds=next(seconds)))
    token, _ = sessions.open("dr-lee", "clinician", ("password",))
    assert sessions.visitor(token).user == "dr-lee"


def test_a_session_that_begins_while_the_password_is_changed_ends_too(
    clinic: TestClinic, monkeypatch: pytest.MonkeyPatch
):
    client, _ = signed_in(clinic, 0)
    begun, later = [], NOW + timedelta(seconds=4)
    prove = clinic.accounts._prove

    def waited(*given: object):
        sessions = replace(clinic.sessions, clock=lambda: NOW + timedelta(seconds=2))
        begun.append(sessions.open("dr-lee", "clinician", ("password",))[0])
        clinic.accounts.clock = lambda: later
        return prove(*given)

    monkeypatch.setattr(clinic.accounts, "_prove", waited)
    change(client, clinic)
    assert client.get("/").status_code == 200
    with pytest.raises(AccessError):
        replace(clinic.sessions, clock=lambda: later).visitor(begun[0])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"present": "not the present one"}, "not right"),
        ({"present": ""}, "not right"),
        ({"otp": "000000"}, "not right"),
        ({"again": "heron marble quilt"}, "differ"),
        ({"wanted": "Liverpool2026!!", "again": "Liverpool2026!!"}, "tried first"),
        ({"wanted": PASSWORD, "again": PASSWORD}, "present one"),
        ({"wanted": "", "again": ""}, "fewer than"),
    ],
)
def test_without_the_present_password_a_code_and_a_good_one_nothing_changes(
    clinic: TestClinic, changed: dict[str, str], said: str
):
    client, _ = signed_in(clinic, 0)
    before = clinic.accounts.file.now().accounts["dr-lee"].password
    answer = change(client, clinic, **changed)
    assert answer.status_code == 422
    assert said in answer.text
    assert not any(typed in answer.text for typed in (PASSWORD, WANTED, "Liverpool"))
    assert clinic.accounts.file.now().accounts["dr-lee"].password == before
    assert told(clinic) == ([("dr-lee", "refused")] if said == "not right" else [])
    assert client.get("/").status_code == 200


def test_the_clinics_own_words_are_kept_out(tmp_path: Path):
    config = Config(ClinicConfig(name="Heron Street"), accounts=AccountsConfig(words=("ward 7b",)))
    with closing(Clinic.create(tmp_path / "home", config)) as made:
        accounts, tokens = made.accounts, made.tokens
        offer = accounts.offer(accounts.add("dr-new", "it", SHELL, tokens), tokens)
        for weak in ("Heron-Street-2026", "street ward heron", "euthymia supervisor"):
            with pytest.raises(AccessError, match="words of this place"):
                accounts.enrol_password(offer, weak, weak, "000000")
        with pytest.raises(AccessError, match="the code is not"):
            accounts.enrol_password(offer, WANTED, WANTED, "000000")


def test_guessing_the_present_password_locks_the_name_and_the_right_one_waits(clinic: TestClinic):
    client, _ = signed_in(clinic, 0)
    answers = [change(client, clinic, present=f"guess number {n}") for n in range(6)]
    assert {answer.status_code for answer in answers} == {422}
    assert change(client, clinic).status_code == 422  # right, and too soon


def test_changing_takes_a_session_and_its_own_form(clinic: TestClinic):
    client, _ = signed_in(clinic, 0)
    assert change(client, clinic, csrf="x").status_code == 403
    form = {"present": PASSWORD, "wanted": WANTED, "again": WANTED, "otp": "000000"}
    assert client.post("/account/password", data=form).status_code == 403
    nobody = Browser(build_site(clinic)).post("/account/password", data=form, headers=HERE)
    assert nobody.headers["location"] == "/signin"
    assert told(clinic) == []


def test_who_came_by_a_link_has_no_password_to_change(clinic: TestClinic):
    client = Browser(build_site(clinic))
    client.post("/signin", data={"code": clinic.code("dr-visitor")}, headers=HERE)
    assert 'action="/account/password"' not in client.get("/account").text
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/account").text)[1]
    form = {"csrf": csrf, "present": "", "wanted": WANTED, "again": WANTED, "otp": "000000"}
    assert client.post("/account/password", data=form, headers=HERE).status_code == 422
    assert "dr-visitor" not in clinic.accounts.file.now().accounts


# -- links that work once: the code is behind "#", which is not sent, and goes in a form ----------


def test_a_code_in_an_address_is_not_read(clinic: TestClinic):
    client, code = Browser(build_site(clinic)), clinic.code("dr-lee")
    enrol = clinic.accounts.add("dr-new", "it", SHELL, clinic.sessions.tokens)
    for path, sent in (("/signin", code), ("/enrol", enrol)):
        page = client.get(path, params={"code": sent})
        assert page.status_code == 200
        assert sent not in page.text
        assert 'name="code"' in page.text
        assert client.post(f"{path}?code={sent}", data={}, headers=HERE).status_code == 403
    answer = client.post("/signin", data={"code": code}, headers=HERE)
    assert answer.status_code == 303  # it was not used up by being shown


@pytest.mark.parametrize("around", ["{}", " {}\n", "https://clinic.example/signin#code={}"])
def test_the_link_or_its_code_may_be_pasted(clinic: TestClinic, around: str):
    client, code = Browser(build_site(clinic)), clinic.code("dr-lee")
    answer = client.post("/signin", data={"code": around.format(code)}, headers=HERE)
    assert answer.headers["location"] == "/"
    enrol = clinic.accounts.add("dr-new", "it", SHELL, clinic.sessions.tokens)
    page = client.post("/enrol", data={"code": around.format(enrol)}, headers=HERE)
    assert page.status_code == 200
    offer = clinic.accounts.offer(enrol, clinic.sessions.tokens)
    code = code_at(offer.totp, step_of(NOW))
    form = {"code": enrol, "password": WANTED, "again": WANTED, "otp": code}
    answer = client.post("/enrol", data=form, headers=HERE)
    assert answer.headers["location"] == "/signin?enrolled=1"
