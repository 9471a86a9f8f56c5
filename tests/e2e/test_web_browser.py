"""The pages in a real browser: no accessibility violation, no policy violation, keyboard, phone."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from browser import chromium, needs_browser, violations
from euthymia.app.web.pages import build_site
from web_clinic import TestClinic

pytestmark = needs_browser

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
FIRST = "p-" + "a" * 16
PAGES = [
    "/",
    "/?view=everyone",
    "/?q=nobody-has-this-name",
    f"/patients/{FIRST}",
    "/models",
    "/nope",
]


@dataclass
class Served:
    clinic: TestClinic
    url: str


@pytest.fixture(scope="module")  # it holds this thread's event loop: others come after
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    clinic = TestClinic.make(tmp_path_factory.mktemp("clinic"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(build_site(clinic), log_level="error", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield Served(clinic, f"http://127.0.0.1:{listening.getsockname()[1]}")
        server.should_exit = True
        thread.join(10)
    clinic.ledger.close()


@dataclass
class Tab:
    """A page, and everything it complained about."""

    page: Page
    url: str
    said: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, clinic: TestClinic, *, scripts: bool = True) -> "Tab":
        link = f"/signin#code={clinic.code()}"
        self.go(link)
        if not scripts:  # nothing takes the code out of the address: the link is pasted
            self.page.fill("#code", self.url + link)
        self.page.click("button.main" if scripts else "text=Sign in to")
        self.page.wait_for_selector("h1:has-text('Worklist')")
        return self


@pytest.fixture
def tab(browser: Browser, served: Served) -> Iterator:
    contexts = []

    def open_tab(**options: object) -> Tab:
        context = browser.new_context(**({"viewport": DESK} | options))
        context.set_default_timeout(8000)
        contexts.append(context)
        page = context.new_page()
        made = Tab(page, served.url)
        page.on("console", lambda m: made.said.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: made.said.append(f"error: {e}"))
        page.on("request", lambda r: made.said.append(r.url) if served.url not in r.url else None)
        return made

    yield open_tab
    for context in contexts:
        context.close()


def complaints(tab: Tab) -> list[str]:
    """Return what the console said, less the plain note that a page of ours is a 404."""
    return [line for line in tab.said if "404" not in line and not line.startswith("data:")]


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        pytest.param({}, PAGES, id="desk"),
        pytest.param({"viewport": PHONE, "has_touch": True}, PAGES[:4:3], id="phone"),
        pytest.param({"color_scheme": "dark"}, PAGES[:4:3], id="dark"),
        pytest.param({"forced_colors": "active"}, PAGES[:1], id="forced-colors"),
    ],
)
def test_no_accessibility_and_no_policy_violation(
    tab, served: Served, options: dict, paths: list[str]
) -> None:
    one = tab(**options).sign_in(served.clinic)
    dark = "color_scheme" in options
    for path in paths:
        page = one.go(path)
        page.eval_on_selector_all("details:not(.more)", "all => all.map(d => d.open = true)")
        assert violations(page, colours_alone=dark) == [], path
        wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert page.evaluate(wide), f"{path} scrolls sideways"
    assert complaints(one) == []


def test_everything_works_with_scripts_off(tab, served: Served) -> None:
    one = tab(java_script_enabled=False).sign_in(served.clinic, scripts=False)
    page = one.page
    page.fill("#q", "okafor")
    page.click("text=Filter")
    assert page.locator(".worklist tbody tr").count() == 1
    page.click("text=Amara Okafor")
    assert page.locator("h1").inner_text() == "Amara Okafor"
    assert page.locator("figure svg path.line").count() >= 7
    page.locator("summary", has_text="Table").first.click()
    assert page.locator("table.data tbody tr").first.is_visible()
    assert page.get_by_role("button", name="Zoom").count() == 0
    page.click("text=Sign out")
    page.wait_for_url("**/signin?out=1")
    assert one.go("/").url.endswith("/signin")


def test_twelve_people_fit_on_a_desk_screen(tab, served: Served) -> None:
    page = tab().sign_in(served.clinic).page
    bottoms = page.eval_on_selector_all(
        ".worklist tbody tr", "rows => rows.map(r => r.getBoundingClientRect().bottom)"
    )
    assert sum(bottom <= DESK["height"] for bottom in bottoms) >= 12


def test_rows_become_cards_on_a_phone_and_keep_their_labels(tab, served: Served) -> None:
    page = tab(viewport=PHONE).sign_in(served.clinic).page
    first = page.locator(".worklist tbody tr").first
    box = first.bounding_box()
    assert box
    assert box["width"] <= PHONE["width"]
    assert box["height"] > 120
    label = first.locator(".c-why").evaluate("e => getComputedStyle(e, '::before').content")
    assert label == '"Why now"'
    assert page.get_by_role("table").count() == 1
    assert page.get_by_role("columnheader").count() == 7


def test_the_filter_answers_without_a_reload_and_keeps_the_address(tab, served: Served) -> None:
    one = tab().sign_in(served.clinic)
    page = one.page
    page.evaluate("window.stayed = true")
    page.fill("#q", "tanaka")
    expect(page.locator(".worklist tbody tr")).to_have_count(1)
    assert page.evaluate("window.stayed")
    assert "q=tanaka" in page.url
    assert page.get_by_role("status").inner_text() == "1 person shown for “tanaka”"
    page.select_option("#owner", "nobody")
    page.wait_for_selector("text=Nobody fits this filter")
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "Tanaka" not in stored
    page.reload()
    assert page.input_value("#q") == "tanaka"
    assert complaints(one) == []


def test_a_link_works_once_and_only_when_its_button_is_pressed(tab, served: Served) -> None:
    code = served.clinic.code()
    sent: list[str] = []
    for _ in range(2):
        looking = tab()
        looking.page.on("request", lambda request: sent.append(request.url))
        looking.go(f"/signin#code={code}").wait_for_selector("button.main")
        assert looking.page.url.endswith("/signin")  # nor is it in the history
        assert looking.page.evaluate("history.length") <= 2
    assert sent
    assert not any(code in url.partition("#")[0] for url in sent)
    first = tab()
    first.go("/signin")
    first.go(f"/signin#code={code}").click("button.main")  # the same page, and another fragment
    first.page.wait_for_selector("text=Worklist")
    cookies = first.page.context.cookies()
    assert [(c["httpOnly"], c["sameSite"]) for c in cookies] == [(True, "Strict")]
    assert first.page.evaluate("document.cookie") == ""
    second = tab()
    second.go(f"/signin#code={code}").click("button.main")
    assert "used before" in second.page.locator("[role=alert]").inner_text()
    assert second.go("/").url.endswith("/signin")


def test_a_form_on_another_site_signs_nobody_out(tab, served: Served) -> None:
    one = tab().sign_in(served.clinic)
    elsewhere = one.url.replace("127.0.0.1", "localhost")
    one.page.goto(f"{elsewhere}/signin")
    csrf = "0" * 64
    one.page.evaluate(
        """([url, csrf]) => {
          const form = document.createElement('form');
          form.method = 'post'; form.action = url;
          const input = document.createElement('input');
          input.name = 'csrf'; input.value = csrf; form.append(input);
          document.body.append(form); form.submit();
        }""",
        [f"{one.url}/signout", csrf],
    )
    one.page.wait_for_timeout(300)
    assert one.go("/").locator("h1").inner_text() == "Worklist"


def test_the_whole_way_by_keyboard(tab, served: Served) -> None:
    page = tab().sign_in(served.clinic).page
    page.goto(page.url)
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.inner_text() == "Skip to the content"
    assert skip.bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(30):
        page.keyboard.press("Tab")
        if "/patients/" in (page.locator(":focus").get_attribute("href") or ""):
            break
        outline = page.locator(":focus").evaluate("e => getComputedStyle(e).outlineStyle")
        assert outline != "none"
    page.keyboard.press("Enter")
    page.wait_for_selector(".why")
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.innerText").strip())
    assert any(text.startswith("Zoom") for text in seen)
    assert any(text.startswith("Table") for text in seen)


def test_zoom_opens_moves_and_closes_by_keyboard_within_the_policy(tab, served: Served) -> None:
    one = tab().sign_in(served.clinic)
    page = one.go(f"/patients/{FIRST}")
    opener = page.get_by_role("button", name="Zoom PHQ-9")
    opener.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".uplot canvas")
    assert page.locator(":focus").inner_text() == "Nearer"
    page.keyboard.press("Enter")
    said = page.locator(".zoom .said").inner_text()
    assert re.fullmatch(r"\d+ \w+ to \d+ \w+", said)
    assert violations(page) == []
    page.get_by_role("button", name="Close").click()
    assert page.locator(".uplot").count() == 0
    assert page.locator("figure.large .plot").is_visible()
    assert complaints(one) == []


def test_zoomed_four_times_nothing_is_lost(tab, served: Served) -> None:
    page = tab(viewport={"width": 320, "height": 256}).sign_in(served.clinic).page
    for path in ("/", f"/patients/{FIRST}"):
        page.goto(f"{served.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        assert page.locator("h1").is_visible()


def test_printing_leaves_the_buttons_out(tab, served: Served) -> None:
    page = tab().sign_in(served.clinic).page
    page.goto(f"{served.url}/patients/{FIRST}")
    page.emulate_media(media="print")
    assert not page.get_by_role("button", name="Sign out").is_visible()
    assert page.locator(".why").is_visible()


def test_targets_are_large_enough_for_a_finger(tab, served: Served) -> None:
    page = tab(viewport=PHONE).sign_in(served.clinic).page
    small = page.eval_on_selector_all(
        "main a, main button, main input:not([type=hidden]), main select",
        """all => all.map(e => [e.textContent, e.getBoundingClientRect()])
             .filter(([_, r]) => r.height > 0 && r.height < 24).map(([t]) => t)""",
    )
    assert [text for text in small if "relapse-30d" not in text] == []


def test_each_view_in_the_browser_is_in_the_ledger(tab, served: Served) -> None:
    before = sum(1 for _ in served.clinic.ledger.entries())
    one = tab().sign_in(served.clinic)
    one.go(f"/patients/{FIRST}")
    entries = list(served.clinic.ledger.entries())[before:]
    shown = [line.subject for line in entries if line.action == "view on worklist"]
    assert len(shown) == len(set(shown)) == 15
    assert [line.subject for line in entries if line.action == "view patient"] == [FIRST]
    assert served.clinic.ledger.verify() == []


def test_the_tests_know_a_violation_when_they_see_one(tab, served: Served, tmp_path: Path) -> None:
    one = tab()
    page = one.go("/signin")
    page.evaluate(
        "document.querySelector('main').innerHTML += '<img src=x><a style=\"color:red\"></a>'"
    )
    assert any(line.startswith("image-alt") for line in violations(page))
    assert any("Content Security Policy" in line for line in one.said)
