"""The pages: forms from elsewhere, script from names, frames, redirects, sessions, links."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from starlette.routing import Route

from accounts_help import PASSWORD, code_of, enrolled
from api_calls import Api, token
from attack_help import FORM, session_cookie
from euthymia.app.accounts import accounts
from euthymia.app.clinic import Clinic
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.pages import build_site
from euthymia.app.web.rendering import island
from euthymia.ground.errors import AccessError
from euthymia.security.token import Kind
from page_browser import Browser
from small_clinic import DOCTOR
from web_clinic import NOW, TestClinic

HERE = {"sec-fetch-site": "same-origin"}
SCRIPTS = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "'-alert(1)-'",
    "{{ 7*7 }}${7*7}<%= 7*7 %>",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "&#60;script&#62;alert(1)",
    "\u202egnp.exe <iframe srcdoc=x>",
)  # fmt: skip


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[TestClinic]:
    made = TestClinic.make(tmp_path, people=3)
    assert made.accounts is not None
    enrolled(made.accounts, made.sessions.tokens, "dr-lee")
    yield made
    made.ledger.close()


def post_routes(clinic: Clinic) -> list[str]:
    routes = build_site(ClinicBackend.of(clinic)).routes
    return [r.path for r in routes if isinstance(r, Route) and "POST" in (r.methods or ())]


def test_csrf_on_every_form(api: Api):
    """Has a page of their own that posts to the clinic from a signed-in doctor's browser."""
    cookie = session_cookie(api.clinic, DOCTOR)
    paths = post_routes(api.clinic)
    assert len(paths) >= 9
    before = api.clinic.ledger.head()
    for path in paths:
        for site in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "none"},
            {"origin": "null"},
            {"origin": "http://evil"},
            {"origin": "http://here.evil.example"},
            {"referer": "http://here/"},
            {},
        ):
            headers = cookie | site | {"content-type": FORM}
            answer = api.many([("POST", path, b"csrf=x&code=x", headers)])[0]
            assert answer.status_code == 403, (path, site)
            assert "set-cookie" not in answer.headers
    assert api.clinic.ledger.head() == before


def test_csrf_token_of_another_session(api: Api):
    """Has an account here, wants to send their own form token through another's browser."""
    mine = api.many([("GET", "/account", None, session_cookie(api.clinic, "dr-evil"))])[0].text
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', mine)[1]
    headers = session_cookie(api.clinic, DOCTOR) | {"content-type": FORM} | HERE
    for sent in (csrf, csrf.upper(), "", csrf[:-1]):
        body = urlencode({"csrf": sent}).encode()
        answer = api.many([("POST", "/account/everywhere", body, headers)])[0]
        assert answer.status_code == 403


def test_form_as_json_or_text(api: Api):
    """Sends a form as JSON or plain text, which other sites may do without a question before."""
    for kind in ("text/plain", "application/json", "multipart/form-data; boundary=x", ""):
        headers = session_cookie(api.clinic, DOCTOR) | HERE | {"content-type": kind}
        answer = api.many([("POST", "/account/everywhere", b"csrf=x", headers)])[0]
        assert answer.status_code == 403


class _Tags(HTMLParser):
    """Collects what a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.run: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"iframe", "object", "embed", "base", "meta"} and (
            tag != "meta" or "http-equiv" in given
        ):
            self.run.append(tag)
        if (tag == "script" and not (given.get("src") or "").startswith("/static/")
                and given.get("type") != "application/json"):  # fmt: skip
            self.run.append("script")
        self.run += [f"{tag} {k}" for k in given if k.startswith("on")]
        self.run += [
            f"{tag} {k}={v}"
            for k, v in attrs
            if k in {"href", "src", "action", "formaction"}
            and (v or "").strip().lower().startswith(("javascript:", "data:text", "//", "http"))
            and "www.w3.org" not in (v or "")
        ]


def runs(page: str) -> list[str]:
    parser = _Tags()
    parser.feed(page)
    return parser.run


def hostile(clinic: TestClinic, text: str) -> None:
    """Put the text into every field of a person that a page shows."""
    for made in clinic.people.values():
        made.who = replace(made.who, name=text, site=text, sex=text)
        made.owners = (*made.owners, text)
        table = made.observations
        column = table.column("text_value").to_pylist()
        place = table.schema.get_field_index("text_value")
        made.observations = table.set_column(
            place, table.schema.field(place), [[text if v else None for v in column]]
        )


@pytest.mark.parametrize("text", SCRIPTS)
def test_script_in_names_and_notes(pages: TestClinic, text: str):
    """Registers under a name that is a script; wants it to run in the doctor's browser."""
    hostile(pages, text)
    pages.clinic_name = text
    client = Browser(build_site(pages))
    client.post("/signin", data={"code": pages.code()}, headers=HERE)
    subject = next(iter(pages.people))
    addresses = ["/", "/?view=everyone", f"/?text={text}", f"/patients/{subject}", "/models",
                 "/account", "/emergency", "/signin", f"/signin?code={text}",
                 f"/enrol?code={text}", f"/{text}", f"/patients/{text}"]  # fmt: skip
    shown = 0
    for address in addresses:
        page = client.get(httpx.URL("http://127.0.0.1:8080").join(address.replace("#", "%23")))
        assert runs(page.text) == [], address
        assert "49" not in text or "7*7" in page.text or text not in page.text
        shown += page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
    assert shown >= 7


def test_script_typed_into_sign_in(pages: TestClinic):
    """Sends a link with script in it, wants the refusal to say it again."""
    client = Browser(build_site(pages))
    for text in SCRIPTS:
        form = {"user": text, "password": text, "otp": text, "code": text}
        for path in ("/signin", "/signin/password", "/enrol"):
            answer = client.post(path, data=form, headers=HERE)
            assert runs(answer.text) == []
            assert "alert(1)" not in answer.text


def test_data_island_that_ends_itself():
    """Has a value in a chart's data that closes the data block and opens a script."""
    for text in (*SCRIPTS, "<!--<script>", "\u2028", "]]>"):
        made = str(island({text: text}))
        assert not set(made) & set("<>&")


def test_clickjacking(api: Api):
    """Puts the clinic's page into a frame under a game."""
    cookie = session_cookie(api.clinic, DOCTOR)
    bearer = {"authorization": f"Bearer {api.token}"}
    for path in ("/", "/signin", "/models", "/emergency", "/account", "/none", "/v1/models",
                 "/docs", "/openapi.json", "/healthz", "/metrics"):  # fmt: skip
        answer = api.many([("GET", path, None, cookie | bearer)])[0]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["next", "url", "return_to", "redirect", "redirect_uri", "back",
                                  "continue", "out", "enrolled", "iss", "RelayState"])  # fmt: skip
def test_open_redirect(pages: TestClinic, name: str):
    """Sends a link to the sign-in page that should end on a page of theirs."""
    for evil in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"):
        client = Browser(build_site(pages))
        query = urlencode({name: evil})
        for path in (
            "/",
            "/signin",
            "/enrol",
            "/patients/x",
            "/signin/oidc",
            "/signin/oidc/callback",
        ):
            answer = client.get(f"{path}?{query}")
            assert answer.headers.get("location", "/").startswith("/")
            assert not answer.headers.get("location", "/").startswith(("//", "/\\"))
        code = pages.code()
        done = client.post(f"/signin?{query}", data={"code": code, name: evil}, headers=HERE)
        assert done.headers["location"] == "/"


def test_redirect_by_host_header(pages: TestClinic):
    """Poisons the `Host` header, wants links or redirects to lead to their own machine."""
    client = Browser(build_site(pages))
    for path in ("/", "/signin", "/none", "/enrol?code=x"):
        for name in ("host", "x-forwarded-host"):
            answer = client.get(path, headers={name: "evil.example"})
            assert "evil.example" not in answer.text
            assert "evil.example" not in answer.headers.get("location", "")


def test_session_fixation(pages: TestClinic):
    """Plants a cookie in the victim's browser, wants it to become their session."""
    client = Browser(build_site(pages))
    planted, _ = pages.sessions.open("dr-evil", "clinician", ("link",))
    for given in (planted, "x" * 40, token_like()):
        client.cookies.set("euthymia", given)
        answer = client.post("/signin", data={"code": pages.code()}, headers=HERE)
        assert answer.status_code == 303
        issued = re.match(r"euthymia=([^;]+)", answer.headers["set-cookie"])[1]
        assert issued != given
        victim, thief = pages.visitor(issued), given
        assert victim.user == "dr-lee"
        if thief == planted:
            assert pages.visitor(planted).user == "dr-evil"
            assert pages.visitor(planted).token_id != victim.token_id


def token_like() -> str:
    return "eyJhbGciOiJFZERTQSIsInR5cCI6InNlc3Npb24rand0In0.e30.AA"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cookie_that_scripts_or_other_sites_can_use(api: Api, scheme: str):
    """Has script on a page or another site, wants the session cookie to come along."""
    code = token(api.clinic, kind=Kind.SIGNIN, hours=0.1)
    headers = {"content-type": FORM} | HERE
    transport = httpx.ASGITransport(api.app)

    async def sign_in() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://here") as client:
            return await client.post(
                "/signin", content=urlencode({"code": code}).encode(), headers=headers
            )

    import asyncio

    answer = asyncio.run(sign_in())
    cookie = answer.headers["set-cookie"]
    assert {"httponly", "samesite=strict", "path=/"} <= {
        part.strip().lower() for part in cookie.split(";")
    }
    assert "domain=" not in cookie.lower()
    if scheme == "https":
        assert cookie.startswith("__Host-")
        assert "secure" in cookie.lower()
        assert "max-age" in answer.headers["strict-transport-security"]


def test_sign_in_link_replayed(api: Api):
    """Found a sign-in link in a mailbox, wants to use it after its owner, or at the same time."""
    code = token(api.clinic, kind=Kind.SIGNIN, hours=0.1)
    headers = {"content-type": FORM} | HERE
    body = urlencode({"code": code}).encode()
    for _ in range(3):  # looking at it (a mail scanner does) does not use it up
        page = api.many([("GET", f"/signin#code={code}", None, {})])[0]
        assert (page.status_code, page.headers["referrer-policy"]) == (200, "no-referrer")
    at_once = api.many([("POST", "/signin", body, headers)] * 6)
    assert sorted(a.status_code for a in at_once) == [303] + [403] * 5
    again = Api(api.clinic).many([("POST", "/signin", body, headers)])[0]
    assert again.status_code == 403


@pytest.mark.parametrize("days", [1, 2, 30])
def test_used_link_after_the_clock_was_turned(pages: TestClinic, days: int):
    """Used link found; has the machine's clock run ahead, so that its mark is swept, and back."""
    clock = [NOW]
    sessions = replace(pages.sessions, clock=lambda: clock[0])
    code = sessions.tokens.issue(
        "dr-lee", "clinician", now=NOW, lifetime=timedelta(hours=24), kind=Kind.SIGNIN
    )
    token, _ = sessions.sign_in(code)
    sessions.end(sessions.visitor(token))
    clock[0] = NOW + timedelta(days=days)
    sessions.open("dr-berg", "clinician", ("pwd", "otp"))  # a sign-in sweeps
    clock[0] = NOW
    with pytest.raises(AccessError, match="used before"):
        sessions.sign_in(code)
    with pytest.raises(AccessError, match="ended"):
        sessions.visitor(token)


def test_session_after_signing_out(pages: TestClinic):
    """Copied the cookie before its owner signed out, wants to go on with it."""
    client, thief = Browser(build_site(pages)), Browser(build_site(pages))
    client.post("/signin", data={"code": pages.code()}, headers=HERE)
    thief.cookies.set("euthymia", client.cookies["euthymia"])
    assert thief.get("/").status_code == 200
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/account").text)[1]
    client.post("/signout", data={"csrf": csrf}, headers=HERE)
    assert thief.get("/").headers["location"] == "/signin"


def test_sessions_by_guessing_codes(pages: TestClinic):
    """Knows name and password, tries codes of the authenticator until one fits."""
    client, got = Browser(build_site(pages)), []
    right = code_of(pages.accounts, "dr-lee", NOW)
    for n in range(40):
        code = f"{n:06d}"
        form = {"user": "dr-lee", "password": PASSWORD, "otp": code if code != right else "000041"}
        got.append(client.post("/signin/password", data=form, headers=HERE).status_code)
    form = {"user": "dr-lee", "password": PASSWORD, "otp": right}
    assert client.post("/signin/password", data=form, headers=HERE).status_code == 403  # locked
    assert set(got) == {403}


def test_users_by_the_words_or_time_of_a_refusal(
    pages: TestClinic, monkeypatch: pytest.MonkeyPatch
):
    """Tries names with any password, wants to learn which are those of users."""
    told, stretched = set(), {"dr-lee": [], "dr-none": []}
    for n in range(4):
        for user, costs in stretched.items():
            monkeypatch.setattr(
                accounts, "matches", lambda given, phc, c=costs: c.append(cost_of(phc))
            )
            client = Browser(build_site(pages))
            answer = client.post(
                "/signin/password",
                data={"user": user, "password": f"wrong wrong {n}", "otp": "000000"},
                headers=HERE,
            )
            told.add((answer.status_code, answer.text, tuple(sorted(
                (k, v) for k, v in answer.headers.items()))))  # fmt: skip
    assert len(told) == 1
    assert stretched["dr-lee"] == stretched["dr-none"]  # the one part that takes long
    assert len(stretched["dr-lee"]) == 4


def cost_of(phc: str) -> list[str]:
    """Return what a password's hash says of its cost: all but the salt and the digest."""
    return phc.split("$")[:-2]


def test_session_of_a_day_ago(pages: TestClinic):
    """Found a cookie in an old backup of a browser, wants it to hold still."""
    old, _ = pages.sessions.open("dr-lee", "clinician", ("pwd", "otp"))
    pages.sessions = replace(pages.sessions, clock=lambda: NOW + timedelta(days=1))
    client = Browser(build_site(pages))
    client.cookies.set("euthymia", old)
    assert client.get("/").headers["location"] == "/signin"


def test_pages_kept_by_a_shared_computer(api: Api):
    """Sits down at the ward's computer after the doctor, presses back."""
    cookie = session_cookie(api.clinic, DOCTOR)
    for path in ("/", "/account", "/models", "/v1/models"):
        bearer = {"authorization": f"Bearer {api.token}"}
        answer = api.many([("GET", path, None, cookie | bearer)])[0]
        assert answer.headers["cache-control"] == "no-store"
