"""The pages over HTTP, without a browser: who gets in, what is refused, what the ledger holds."""

import asyncio
import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx
import pytest

from euthymia.app.once import Once
from euthymia.app.web import contract
from euthymia.app.web.contract import Filter
from euthymia.app.web.guard import CSP
from euthymia.app.web.pages import TRENDS_FIRST, build_site
from euthymia.app.web.rendering import island, static_files
from euthymia.care.contract import Urgency
from euthymia.care.worklist import caseload
from euthymia.ground.clock import to_micros
from euthymia.ground.errors import AccessError
from euthymia.ground.ids import SubjectId
from euthymia.security.token import Kind
from web_clinic import FEATURES, NOW, TestClinic, make_patient

HERE = {"sec-fetch-site": "same-origin"}
STRANGER = "p-zzzzzzzzzzzzzzzz"


@pytest.fixture
def clinic(tmp_path: Path) -> TestClinic:
    made = TestClinic.make(tmp_path, people=6)
    yield made
    made.ledger.close()


class Browser:
    """Calls the application without a socket; keeps cookies, follows nothing."""

    def __init__(self, clinic: TestClinic, base: str) -> None:
        transport = httpx.ASGITransport(app=build_site(clinic), raise_app_exceptions=True)
        self._client = httpx.AsyncClient(transport=transport, base_url=base)
        self.cookies = self._client.cookies

    def get(self, path: str, **more: object) -> httpx.Response:
        return asyncio.run(self._client.get(path, **more))

    def post(self, path: str, **more: object) -> httpx.Response:
        return asyncio.run(self._client.post(path, **more))


def browser(clinic: TestClinic, base: str = "http://127.0.0.1:8080") -> Browser:
    return Browser(clinic, base)


def signed_in(clinic: TestClinic, user: str = "dr-lee", role: str = "clinician") -> Browser:
    client = browser(clinic)
    answer = client.post("/signin", data={"code": clinic.code(user, role)}, headers=HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return client


def csrf_of(page: str) -> str:
    return re.search(r'name="csrf" value="([0-9a-f]{64})"', page)[1]


def actions(clinic: TestClinic) -> list[tuple[str, str | None]]:
    lines = [(line.action, line.subject) for line in clinic.ledger.entries()]
    return lines[1:]  # the first begins the ledger


# -- signing in ------------------------------------------------------------------------------------
def test_looking_at_a_link_does_not_use_it_up_and_using_it_twice_is_refused(
    clinic: TestClinic,
) -> None:
    client, code = browser(clinic), clinic.code()
    for _ in range(3):  # a mail scanner, a preview, a reload
        page = client.get("/signin", params={"code": code})
        assert page.status_code == 200
        assert "set-cookie" not in page.headers
    assert client.post("/signin", data={"code": code}, headers=HERE).status_code == 303
    again = browser(clinic).post("/signin", data={"code": code}, headers=HERE)
    assert again.status_code == 403
    assert "used before" in again.text
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize("code", ["", "nonsense", "a.b.c", "<script>alert(1)</script>"])
def test_a_code_that_is_none_is_refused_in_words(clinic: TestClinic, code: str) -> None:
    answer = browser(clinic).post("/signin", data={"code": code}, headers=HERE)
    assert answer.status_code == 403
    assert "You are not signed in" in answer.text
    assert "<script>alert" not in answer.text


def test_an_access_token_is_no_session_and_no_sign_in_code(clinic: TestClinic) -> None:
    lifetime = timedelta(hours=1)
    token = clinic.sessions.tokens.issue("dr-lee", "clinician", now=NOW, lifetime=lifetime)
    client = browser(clinic)
    assert client.post("/signin", data={"code": token}, headers=HERE).status_code == 403
    client.cookies.set("euthymia", token)
    assert client.get("/").headers["location"] == "/signin"


@pytest.mark.parametrize(
    ("base", "name", "secure"),
    [("http://127.0.0.1:8080", "euthymia", False), ("https://clinic", "__Host-euthymia", True)],
)
def test_the_cookie_is_closed_to_scripts_and_other_sites(
    clinic: TestClinic, base: str, name: str, secure: bool
) -> None:
    answer = browser(clinic, base).post("/signin", data={"code": clinic.code()}, headers=HERE)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(name + "=")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/", "max-age=28800"} <= parts
    assert ("secure" in parts) is secure


def test_a_session_ends_after_a_shift(clinic: TestClinic) -> None:
    client = signed_in(clinic)
    assert client.get("/").status_code == 200
    later = replace(clinic.sessions, clock=lambda: NOW + timedelta(hours=8))
    clinic.sessions = later
    assert client.get("/").headers["location"] == "/signin"


def test_signing_out_ends_the_session_on_the_server_too(clinic: TestClinic) -> None:
    client = signed_in(clinic)
    kept = client.cookies["euthymia"]
    csrf = csrf_of(client.get("/").text)
    answer = client.post("/signout", data={"csrf": csrf}, headers=HERE)
    assert answer.status_code == 303
    assert 'euthymia=""' in answer.headers["set-cookie"]
    client.cookies.set("euthymia", kept)
    assert client.get("/").headers["location"] == "/signin"


@pytest.mark.parametrize("path", ["/", "/patients/" + STRANGER, "/models"])
def test_nobody_sees_a_page_without_a_session(clinic: TestClinic, path: str) -> None:
    client = browser(clinic)
    assert client.get(path).headers["location"] == "/signin"
    part = client.get(path, headers={"hx-request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (204, "/signin")
    assert not actions(clinic)


# -- forms -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1:8080"},
        {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:8080"},
    ],
)
def test_a_form_from_elsewhere_is_refused_and_uses_nothing_up(
    clinic: TestClinic, headers: dict[str, str]
) -> None:
    client, code = browser(clinic), clinic.code()
    assert client.post("/signin", data={"code": code}, headers=headers).status_code == 403
    inside = signed_in(clinic)
    csrf = csrf_of(inside.get("/").text)
    assert inside.post("/signout", data={"csrf": csrf}, headers=headers).status_code == 403
    assert inside.get("/").status_code == 200
    assert client.post("/signin", data={"code": code}, headers=HERE).status_code == 303


def test_origin_stands_in_where_the_browser_sends_no_fetch_metadata(clinic: TestClinic) -> None:
    here = {"origin": "http://127.0.0.1:8080"}
    answer = browser(clinic).post("/signin", data={"code": clinic.code()}, headers=here)
    assert answer.status_code == 303


@pytest.mark.parametrize("csrf", ["", "0" * 64, "é"])
def test_a_form_needs_this_sessions_own_token(clinic: TestClinic, csrf: str) -> None:
    client = signed_in(clinic)
    assert client.post("/signout", data={"csrf": csrf}, headers=HERE).status_code == 403
    other = csrf_of(signed_in(clinic).get("/").text)
    assert client.post("/signout", data={"csrf": other}, headers=HERE).status_code == 403
    assert client.get("/").status_code == 200


def test_a_form_of_another_kind_or_size_is_refused(clinic: TestClinic) -> None:
    client = browser(clinic)
    assert client.post("/signin", json={"code": clinic.code()}, headers=HERE).status_code == 403
    assert client.post("/signin", data={"code": "x" * 9000}, headers=HERE).status_code == 403
    plain = HERE | {"content-type": "text/plain"}  # what a page elsewhere can send unasked
    code = clinic.code()
    assert client.post("/signin", content=f"code={code}", headers=plain).status_code == 403
    padded = {"code": code, "pad": "x" * 9000}
    assert client.post("/signin", data=padded, headers=HERE).status_code == 403
    raw = HERE | {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/signin", content=b"\xff=\xfe", headers=raw).status_code == 403
    assert client.post("/signin", content=b"a=1&" * 20, headers=raw).status_code == 403


# -- what everybody is sent ------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/", "/signin", "/models", "/nothing", "/patients/" + STRANGER])
def test_every_page_has_the_safe_headers(clinic: TestClinic, path: str) -> None:
    for client in (browser(clinic), signed_in(clinic)):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == CSP
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "strict-transport-security" not in headers


def test_a_failure_tells_a_reference_and_nothing_else(
    clinic: TestClinic, caplog: pytest.LogCaptureFixture
) -> None:
    client = signed_in(clinic)
    clinic.breaks = RuntimeError("Amara Okafor, born 1960")
    answer = client.get("/")
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == CSP
    reference = re.search(r"Reference: <code>([0-9a-f]{8})</code>", answer.text)[1]
    assert reference in caplog.text
    for text in (answer.text, caplog.text):
        assert "Okafor" not in text
        assert "Traceback" not in text


def test_pages_hold_nothing_that_the_policy_forbids(clinic: TestClinic) -> None:
    client = signed_in(clinic)
    pages = [client.get(path).text for path in ("/", "/models", "/signin?code=x", "/nothing")]
    pages += [client.get(f"/patients/{subject}").text for subject in clinic.people]
    for page in pages:
        assert not re.search(r"<[^>]*\s(style|on[a-z]+)\s*=", page)
        scripts = re.findall(r"<script([^>]*)>", page)
        assert all("src=" in s or 'type="application/json"' in s for s in scripts)
        assert not re.search(r"""(src|href|action)=["']?(https?:)?//""", page)


def test_static_files_are_kept_for_ever_under_their_digest_only(clinic: TestClinic) -> None:
    client = browser(clinic)
    digest = static_files()["euthymia.css"][1]
    kept = client.get(f"/static/euthymia.css?v={digest}")
    assert kept.headers["content-type"].startswith("text/css")
    assert "immutable" in kept.headers["cache-control"]
    assert client.get("/static/euthymia.css").headers["cache-control"] == "no-cache"
    for path in ("../pages.py", "vendor/../euthymia.css", "nothing.css", "vendor"):
        assert client.get(f"/static/{quote(path, safe='')}").status_code == 404


@pytest.mark.parametrize(
    "folder", ["src/euthymia/app/web/static/vendor", "tests/e2e/vendor/axe-core"]
)
def test_vendored_files_are_those_of_the_manifest_and_have_their_licence(folder: str) -> None:
    place = Path(__file__).parents[2] / folder
    lines = (place / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    there = {path.name for path in place.iterdir()} - {"SHA256SUMS"}
    assert set(listed) == there
    for name, digest in listed.items():
        assert hashlib.sha256((place / name).read_bytes()).hexdigest() == digest
    assert any("LICENSE" in name for name in there)


# -- the worklist and a person ---------------------------------------------------------------------
def test_each_person_shown_on_the_worklist_is_in_the_ledger(clinic: TestClinic) -> None:
    client = signed_in(clinic)
    page = client.get("/", params={"view": "everyone"}).text
    shown = re.findall(r'href="/patients/(p-[a-z2-7]{16})"', page)
    assert set(shown) == set(clinic.people)
    assert actions(clinic) == [("view on worklist", who) for who in shown] + [
        ("view worklist", None)
    ]
    assert re.search(r"ledger entry\s+<code>L-", page)


def test_a_filtered_list_is_a_part_of_the_page_and_tells_only_whom_it_shows(
    clinic: TestClinic,
) -> None:
    client = signed_in(clinic)
    part = client.get(
        "/", params={"q": "okafor", "view": "everyone"}, headers={"hx-request": "true"}
    )
    assert "<html" not in part.text
    assert "Amara Okafor" in part.text
    assert "1 person shown" in part.text
    assert len([a for a, _ in actions(clinic) if a == "view on worklist"]) == 1


def test_a_long_list_comes_in_pages_and_only_those_shown_are_in_the_ledger(
    clinic: TestClinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "PAGE_ROWS", 4)
    client = signed_in(clinic)
    seen = []
    for page, rows, way in ((1, 4, "page=2"), (2, 2, "view=everyone")):
        before = sum(e.action == "view on worklist" for e in clinic.ledger.entries())
        shown = client.get(f"/?view=everyone&page={page}").text
        after = sum(e.action == "view on worklist" for e in clinic.ledger.entries())
        names = re.findall(r'href="/patients/(p-[a-z]+)"', shown)
        assert len(names) == after - before == rows
        assert f"Page {page} of 2" in shown
        assert way in re.search(r'<nav class="pages".*?</nav>', shown, re.DOTALL)[0]
        seen += names
    assert len(set(seen)) == 6
    beyond = client.get("/?view=everyone&page=99").text
    assert "Page 2 of 2" in beyond
    assert "Page " not in client.get("/?q=Amara").text


def test_the_patients_page_shows_few_trends_and_a_kind_in_full_when_asked(
    clinic: TestClinic,
) -> None:
    client = signed_in(clinic)
    path = f"/patients/{next(iter(clinic.people))}"
    first = client.get(path).text
    assert first.count('<article class="trend') == TRENDS_FIRST
    way = re.search(r'<ul class="groups".*?href="([^"#]+)', first, re.DOTALL)[1]
    assert way == f"{path}?group=Rest%20and%20activity"
    whole = client.get(way).text
    assert whole.count('<article class="trend') == TRENDS_FIRST + len(FEATURES)
    assert 'aria-current="true">Rest and activity' in whole
    unknown = client.get(f"{path}?group=<b>").text
    assert unknown.count('<article class="trend') == TRENDS_FIRST
    assert "<b>group" not in unknown


def test_a_patients_page_is_in_the_ledger_and_says_so(clinic: TestClinic) -> None:
    client = signed_in(clinic)
    subject = next(iter(clinic.people))
    page = client.get(f"/patients/{subject}")
    assert page.status_code == 200
    assert actions(clinic) == [("view patient", subject)]
    _, line = clinic.ledger.entries()
    assert line.id in page.text
    assert (line.actor, line.role) == ("dr-lee", "clinician")
    for words in ("Amara Okafor", "Suggested next step", "Simulated training data", "unproven"):
        assert words in page.text
    assert "&lt;b&gt;since&lt;/b&gt;" in page.text


def test_a_patient_of_others_and_an_unknown_one_are_told_in_the_same_words(
    clinic: TestClinic,
) -> None:
    there = next(iter(clinic.people))
    stranger = signed_in(clinic, user="dr-cole")
    theirs, unknown = (stranger.get(f"/patients/{p}") for p in (there, STRANGER))
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.text == unknown.text
    assert "Nobody is in your care yet" in stranger.get("/").text
    assert not [who for _, who in actions(clinic) if who]


@pytest.mark.parametrize("role", ["scientist", "it", "patient"])
def test_other_roles_see_no_patient(clinic: TestClinic, role: str) -> None:
    client = signed_in(clinic, user="dr-lee", role=role)
    assert client.get(f"/patients/{next(iter(clinic.people))}").status_code == 403
    assert "view patient" not in [action for action, _ in actions(clinic)]


@pytest.mark.parametrize("role", ["scientist", "it"])
def test_a_role_without_a_worklist_begins_at_the_models(clinic: TestClinic, role: str) -> None:
    client = signed_in(clinic, role=role)
    answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/models")
    refused = client.get(f"/patients/{next(iter(clinic.people))}").text
    assert 'Go to: <a href="/models">Models</a>' in refused
    for page in (refused, client.get("/models").text):
        assert ">Worklist</a>" not in page
        assert "Sign out" in page


def test_a_patient_begins_at_their_own_page(clinic: TestClinic) -> None:
    answer = signed_in(clinic, role="patient").get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")


def test_the_role_is_shown_once_where_it_is_the_users_name(clinic: TestClinic) -> None:
    assert "</span>dr-lee, clinician</a>" in signed_in(clinic).get("/models").text
    shown = signed_in(clinic, user="clinician").get("/models").text
    assert "</span>clinician</a>" in shown


def test_names_cannot_break_out_of_the_page(clinic: TestClinic) -> None:
    bad = make_patient(7, '<script>alert("x")</script>', "high")
    clinic.people[bad.who.subject] = bad
    client = signed_in(clinic)
    for page in (client.get("/").text, client.get(f"/patients/{bad.who.subject}").text):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_a_data_block_cannot_be_ended_from_inside() -> None:
    assert island({"title": "</script><script>&"}) == (
        '{"title":"\\u003c/script\\u003e\\u003cscript\\u003e\\u0026"}'
    )


def test_words_of_the_pages_never_say_that_a_machine_decided(clinic: TestClinic) -> None:
    client = signed_in(clinic)
    pages = [client.get(path).text for path in ("/", "/models")]
    pages += [client.get(f"/patients/{subject}").text for subject in clinic.people]
    for page in pages:
        words = re.sub(r"<[^>]+>", " ", page).lower()
        assert not re.search(r"(model|system|algorithm|computer|ai) (decide|diagnos)", words)


def test_the_page_without_a_model_says_that_there_is_none(clinic: TestClinic) -> None:
    clinic.model = None
    client = signed_in(clinic)
    assert "No model is released" in client.get("/").text
    assert "No model is released" in client.get("/models").text


# -- parts -----------------------------------------------------------------------------------------
def test_a_query_is_read_leniently() -> None:
    assert Filter.read({"view": "x", "owner": "y", "q": "  a" + "b" * 99}) == Filter("a" + "b" * 79)
    assert Filter.read({}) == Filter()
    assert Filter.read({"view": "now", "owner": "mine"}) == Filter("", "now", "mine")


def test_a_token_is_used_once_however_many_ask_at_the_same_time(tmp_path: Path) -> None:
    once = Once(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: once.redeem("ab" * 16, 10), range(32)))
    assert won.count(True) == 1
    assert Once(tmp_path).used("ab" * 16, 10)
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [0]


def test_used_tokens_are_forgotten_when_they_have_expired_by_themselves(tmp_path: Path) -> None:
    once = Once(tmp_path, timedelta(0))
    second = int(NOW.timestamp())
    once.redeem("aa" * 16, second - 1)
    once.redeem("bb" * 16, second + 60)
    (tmp_path / "not-ours").write_text("1")
    assert once.tidy(NOW) == 1
    assert not once.used("aa" * 16, second - 1)
    assert once.used("bb" * 16, second + 60)
    assert (tmp_path / "not-ours").exists()


@pytest.mark.parametrize("restored", [0, 2**31])
def test_a_restore_that_loses_file_times_forgets_no_used_token(
    tmp_path: Path, restored: int
) -> None:
    once = Once(tmp_path, timedelta(0))
    second = int(NOW.timestamp())
    once.redeem("aa" * 16, second - 1)
    once.redeem("bb" * 16, second + 60)
    for path in tmp_path.iterdir():
        os.utime(path, (restored, restored))
    assert once.tidy(NOW) == 1
    assert not once.redeem("bb" * 16, second + 60)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "AB" * 16, "a/b"])
def test_a_token_id_is_never_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(AccessError):
        Once(tmp_path).redeem(name, 1)


def test_a_session_token_of_a_sign_in_is_of_the_session_kind(clinic: TestClinic) -> None:
    token, claims = clinic.sign_in(clinic.code())
    assert token.startswith(Kind.SESSION.prefix)
    assert (claims.user, claims.role) == ("dr-lee", "clinician")
    assert SubjectId(next(iter(clinic.people))) in clinic.people


def test_instants_are_told_by_the_clinics_own_clock(clinic: TestClinic) -> None:
    clinic.zone = ZoneInfo("Europe/Madrid")
    assert "12 June 2026, 11:00 CEST" in signed_in(clinic).get("/").text
    clinic.zone = UTC
    assert "12 June 2026, 09:00 UTC" in signed_in(clinic).get("/").text


def test_an_alert_that_stands_alone_is_never_beside_the_words_that_nothing_was_found(
    clinic: TestClinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = caseload([one.summary for one in clinic.people.values()], to_micros(NOW))
    calm = next(c.item.subject for c in cases if c.item.urgency is Urgency.NONE)
    address, plain = f"/patients/{calm}/episodes/worsening-1", clinic.patient
    page = signed_in(clinic).get(f"/patients/{calm}").text
    assert "no new silence" in page
    told = ((address, "No phone or watch data for days"),)
    monkeypatch.setattr(clinic, "patient", lambda *asked: replace(plain(*asked), alerts=told))
    page = signed_in(clinic).get(f"/patients/{calm}").text
    assert page.count(f'href="{address}"') == 1
    assert "no new silence" not in page
    assert "No finding" not in page
