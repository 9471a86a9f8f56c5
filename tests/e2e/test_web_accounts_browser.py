"""Accounts in a real browser: passkeys by a virtual authenticator, and how the pages look."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, CDPSession, Page

from accounts_help import PASSWORD, SHELL, code_of, enrolled
from browser import chromium, needs_browser, violations
from euthymia.app.web.pages import build_site
from web_clinic import NOW, TestClinic

pytestmark = needs_browser
SIZES = ({"width": 1280, "height": 800}, {"width": 390, "height": 844})
REASON = "found confused at the station, called in by the police"


@dataclass
class Served:
    clinic: TestClinic
    url: str


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    clinic = TestClinic.make(tmp_path, people=3)
    enrolled(clinic.accounts, clinic.sessions.tokens, "dr-berg")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(build_site(clinic), log_level="error", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield Served(clinic, f"http://localhost:{listening.getsockname()[1]}")
        server.should_exit = True
        thread.join(10)
    clinic.ledger.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=SIZES[0])
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def authenticator(page: Page, *, verified: bool = True) -> tuple[CDPSession, str]:
    """Give the page a device that holds passkeys and knows its user by finger."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": verified,
        "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools, made["authenticatorId"]


def enrol(page: Page, served: Served, user: str = "dr-lee") -> None:
    accounts, tokens = served.clinic.accounts, served.clinic.sessions.tokens
    page.goto(f"{served.url}/enrol#code={accounts.add(user, 'clinician', SHELL, tokens)}")
    page.click("text=Use a passkey")
    page.wait_for_url("**/signin?enrolled=1")


def test_a_passkey_is_enrolled_and_signs_in_and_its_uses_are_counted(page: Page, served: Served):
    devtools, device = authenticator(page)
    enrol(page, served)
    (key,) = served.clinic.accounts.file.now().accounts["dr-lee"].passkeys
    page.click("text=Sign in with a passkey")
    page.wait_for_selector("h1:has-text('Worklist')")
    page.goto(f"{served.url}/account")
    assert "with a second factor" in page.inner_text("main")
    (used,) = served.clinic.accounts.file.now().accounts["dr-lee"].passkeys
    assert used.uses > key.uses
    page.click("text=Add a passkey")  # this device holds one already, so it offers none
    page.wait_for_selector("text=No passkey was used")
    devtools.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": device})


def test_a_copied_key_with_an_older_count_is_refused(page: Page, served: Served):
    authenticator(page)
    enrol(page, served)
    served.clinic.accounts.file.change(
        lambda book: setattr(book.accounts["dr-lee"].passkeys[0], "uses", 1000)
    )
    page.click("text=Sign in with a passkey")
    page.wait_for_selector("text=does not hold here")


def test_without_finger_or_pin_there_is_no_sign_in(page: Page, served: Served):
    devtools, device = authenticator(page)
    enrol(page, served)
    options = {"authenticatorId": device, "isUserVerified": False}
    devtools.send("WebAuthn.setUserVerified", options)
    page.click("text=Sign in with a passkey")
    page.wait_for_selector("text=No passkey was used")


def test_a_disabled_user_and_a_replayed_answer_are_refused(page: Page, served: Served):
    authenticator(page)
    enrol(page, served)
    sent: list[str] = []
    page.on(
        "request",
        lambda r: sent.append(r.post_data) if "passkey" in r.url and r.post_data else None,
    )
    page.click("text=Sign in with a passkey")
    page.wait_for_selector("h1:has-text('Worklist')")
    again = page.context.request.post(
        f"{served.url}/signin/passkey", data=sent[0], max_redirects=0,
        headers={"content-type": "application/x-www-form-urlencoded", "origin": served.url},
    )  # fmt: skip
    assert again.status == 403
    served.clinic.accounts.disable("dr-lee", SHELL)
    page.context.clear_cookies()
    page.goto(f"{served.url}/signin")
    page.click("text=Sign in with a passkey")
    page.wait_for_selector("text=does not hold here")


def test_under_an_address_without_a_name_no_passkey_is_offered(page: Page, served: Served):
    page.goto(served.url.replace("localhost", "127.0.0.1") + "/signin")
    assert page.locator("form[data-passkey]").count() == 0
    assert page.locator("text=User name").count() == 1


def shot(page: Page, name: str) -> None:
    """Check a page at both widths; keep a picture where EUTHYMIA_SHOTS says so.

    In the dark the colours are another matter, and nothing else: all the rest is the light page's.
    """
    dark = name.endswith("-dark")
    for size in SIZES[:1] if dark else SIZES:
        page.set_viewport_size(size)
        assert violations(page, colours_alone=dark) == [], name
        wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert page.evaluate(wide), f"{name} scrolls sideways at {size['width']}"
        folder = os.environ.get("EUTHYMIA_SHOTS")
        if folder:
            page.screenshot(path=f"{folder}/{name}-{size['width']}.png", full_page=True)
    page.set_viewport_size(SIZES[0])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_accounts_is_accessible_and_fits(browser: Browser, served: Served, scheme):
    clinic = served.clinic
    tokens = clinic.sessions.tokens
    page = browser.new_context(color_scheme=scheme, viewport=SIZES[0]).new_page()
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text))
    page.goto(f"{served.url}/signin")
    shot(page, f"signin-{scheme}")
    page.goto(f"{served.url}/enrol#code={clinic.accounts.add('dr-new', 'it', SHELL, tokens)}")
    page.wait_for_selector("text=An authenticator app")
    shot(page, f"enrol-{scheme}")
    page.goto(f"{served.url}/enrol")
    shot(page, f"enrol-by-hand-{scheme}")
    page.fill("#code", "not a link of ours")
    page.click("text=Go on")
    page.wait_for_selector("text=This link does not hold")
    shot(page, f"enrol-refused-{scheme}")
    page.goto(f"{served.url}/signin")
    page.fill("#user", "dr-berg")
    page.fill("#password", PASSWORD)
    page.fill("#otp", code_of(clinic.accounts, "dr-berg", NOW))
    page.click("button.main:has-text('Sign in')")
    page.wait_for_selector("h1:has-text('Worklist')")
    page.goto(f"{served.url}/account")
    shot(page, f"account-{scheme}")
    page.goto(f"{served.url}/emergency")
    shot(page, f"emergency-{scheme}")
    page.fill("#patient", "p-" + "a" * 16)
    page.fill("#why", REASON)
    page.fill("#otp", code_of(clinic.accounts, "dr-berg", NOW, 1))
    page.click("text=Open the patient")
    page.context.clear_cookies()
    page.goto(f"{served.url}/signin#code={clinic.code('dr-head', 'supervisor')}")
    page.click("button.main")
    page.wait_for_selector("h1:has-text('Emergencies')")
    shot(page, f"emergencies-{scheme}")
    assert [line for line in said if "404" not in line and "403" not in line] == []
    page.context.close()
