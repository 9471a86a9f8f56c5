"""Signing in through a real OpenID provider (node's oidc-provider), from button to session."""

import asyncio
import fcntl
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from euthymia.app.config import OidcConfig
from euthymia.app.oidc import Oidc
from euthymia.app.web.pages import build_site
from web_clinic import TestClinic

HERE = "http://127.0.0.1:8080"
CALLBACK = f"{HERE}/signin/oidc/callback"
CACHE = Path(tempfile.gettempdir()) / "euthymia-oidc-provider-9"


def installed() -> str:
    """Install the provider once a machine; return why not, or ""."""
    if os.environ.get("EUTHYMIA_NO_NODE") == "1":
        return "EUTHYMIA_NO_NODE=1"
    if not shutil.which("node") or not shutil.which("npm"):
        return "no node and npm here (apt-get install nodejs npm); the provider needs them"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (CACHE / "node_modules" / "oidc-provider").is_dir():
            command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "oidc-provider@9"]
            done = subprocess.run(command, cwd=CACHE, capture_output=True, timeout=240, check=False)
            if done.returncode:
                return "npm could not install oidc-provider"
    return ""


@pytest.fixture(scope="module", params=["RS256", "ES256"])
def provider(request: pytest.FixtureRequest) -> Iterator[str]:
    reason = installed()
    if reason:
        pytest.skip(reason)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = CACHE / f"provider-{os.getpid()}.mjs"
    shutil.copy(Path(__file__).parents[1] / "oidc" / "provider.mjs", script)
    node = subprocess.Popen(
        ["node", script, str(port), CALLBACK, request.param],
        cwd=CACHE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert node.stdout is not None
    assert "listening" in node.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    node.terminate()
    node.wait(10)
    node.stdout.close()
    script.unlink()


@pytest.fixture
def clinic(tmp_path: Path, provider: str) -> Iterator[TestClinic]:
    made = TestClinic.make(tmp_path, people=1)

    def clock() -> datetime:
        return datetime.now(UTC)

    made.accounts.clock = clock
    made.sessions = replace(made.sessions, clock=clock)
    secret = tmp_path / "secret"
    secret.write_text("a secret of the clinic's own, long enough\n", encoding="utf-8")
    config = OidcConfig(
        issuer=provider, client_id="euthymia", client_secret_file=str(secret),
        roles=("heads=supervisor", "doctors=clinician"),
    )  # fmt: skip
    held = made.sessions
    made.oidc = Oidc(config, held.tokens, held.once, held.key, clock)
    yield made
    made.ledger.close()


def there(address: str, name: str) -> str:
    """Sign in at the provider as a browser would; return where it sends the browser back to."""
    with httpx.Client() as browser:
        answer = browser.get(address)
        for _ in range(12):
            if answer.is_redirect:
                following = str(answer.next_request.url)
                if following.startswith(HERE):
                    return following
                answer = browser.get(following)
                continue
            action = re.search(r'action="([^"]+)"', answer.text)[1]
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)[1]
            form = {"prompt": prompt} | (
                {"login": name, "password": "x"} if prompt == "login" else {}
            )
            answer = browser.post(httpx.URL(str(answer.url)).join(action), data=form)
    raise AssertionError("the provider never sent us back")


class Visitor:
    """A browser at our pages."""

    def __init__(self, clinic: TestClinic) -> None:
        transport = httpx.ASGITransport(build_site(clinic), client=("192.0.2.9", 1))
        self._client = httpx.AsyncClient(transport=transport, base_url=HERE)
        self.cookies = self._client.cookies

    def get(self, path: str) -> httpx.Response:
        # in a thread of its own: the browser tests leave a loop running in this one
        with ThreadPoolExecutor(1) as aside:
            return aside.submit(asyncio.run, self._client.get(path)).result()


def test_from_the_button_to_a_session_with_a_role(clinic: TestClinic, provider: str):
    visitor = Visitor(clinic)
    assert 'href="/signin/oidc"' in visitor.get("/signin").text
    answer = visitor.get("/signin/oidc")
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert answer.headers["location"].startswith(provider)
    assert asked["code_challenge_method"] == ["S256"]
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    back = there(answer.headers["location"], "dr-lee")
    arrived = visitor.get(back)
    assert arrived.status_code == 200, arrived.text
    assert 'content="0;url=/"' in arrived.text
    assert visitor.get("/").status_code == 200
    assert "clinician" in visitor.get("/account").text
    told = [e for e in clinic.ledger.entries() if e.action == "sign in"]
    assert [(e.actor, e.role, e.detail["kind"]) for e in told] == [
        ("dr-lee", "clinician", "provider")
    ]
    ended = clinic.oidc.sign_out_address(f"{HERE}/signin")
    assert ended.startswith(provider)
    assert httpx.get(ended).status_code in {200, 303}
    assert "sign out there too" in visitor.get("/signin?out=1").text
    # the same answer again, with and without its ticket, opens nothing
    visitor.cookies.clear()
    assert visitor.get(back).status_code == 403


def test_an_answer_of_another_sign_in_is_refused(clinic: TestClinic):
    """Login CSRF: somebody else's answer, brought to this browser."""
    victim, attacker = Visitor(clinic), Visitor(clinic)
    victim.get("/signin/oidc")
    back = there(attacker.get("/signin/oidc").headers["location"], "mallory")
    assert victim.get(back).status_code == 403
    assert "euthymia" not in victim.cookies


def test_a_code_and_a_state_are_good_once(clinic: TestClinic):
    visitor = Visitor(clinic)
    back = there(visitor.get("/signin/oidc").headers["location"], "dr-lee")
    ticket = visitor.cookies["euthymia-sso"]
    arrived = visitor.get(back)
    assert arrived.status_code == 200, arrived.text
    again = Visitor(clinic)
    again.cookies.set("euthymia-sso", ticket)
    assert again.get(back).status_code == 403


def test_whoever_has_no_role_here_is_not_signed_in(clinic: TestClinic):
    visitor = Visitor(clinic)
    back = there(visitor.get("/signin/oidc").headers["location"], "visitor")
    refused = visitor.get(back)
    assert refused.status_code == 403
    assert "no role" in refused.text


def test_a_disabled_account_of_that_name_is_not_let_in(clinic: TestClinic):
    from accounts_help import SHELL, enrolled

    enrolled(clinic.accounts, clinic.sessions.tokens, "dr-lee")
    tokens = clinic.sessions.tokens
    tokens._revoked = clinic.accounts.ended
    clinic.accounts.disable("dr-lee", SHELL)
    visitor = Visitor(clinic)
    back = there(visitor.get("/signin/oidc").headers["location"], "dr-lee")
    assert visitor.get(back).status_code == 403
