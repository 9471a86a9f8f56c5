"""The pages of a record and of alerts in a real browser, over a real clinic."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from browser import chromium, needs_browser, violations
from euthymia.app.alerts.desk import Alerts
from euthymia.app.clinic import Clinic
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.pages import build_site
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import to_micros
from euthymia.security.consent import consent_covers
from euthymia.security.token import Kind
from small_clinic import DOCTOR, MINE, NOW, Hands, copied_clinic, give_features, subject_of

pytestmark = [needs_browser, pytest.mark.slow]
PHONE = {"width": 390, "height": 844}


@dataclass
class Served:
    clinic: Clinic
    hands: Hands
    url: str

    def code(self, user: str, role: str) -> str:
        return self.clinic.tokens.issue(
            user, role, now=self.clinic.clock(), lifetime=timedelta(minutes=5), kind=Kind.SIGNIN
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    hands = Hands(NOW)
    with (
        copied_clinic(tmp_path_factory.mktemp("pages"), hands) as clinic,
        socket.socket() as listening,
    ):
        give_features(clinic, MINE)
        Alerts(clinic).run()
        listening.bind(("127.0.0.1", 0))
        site = build_site(ClinicBackend.of(clinic))
        config = uvicorn.Config(site, log_level="error", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield Served(clinic, hands, f"http://127.0.0.1:{listening.getsockname()[1]}")
        server.should_exit = server.force_exit = True
        thread.join(20)


@pytest.fixture
def tab(browser: Browser, served: Served) -> Iterator:
    contexts = []

    def open_tab(user: str, role: str, **options: object) -> Page:
        made = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
        made.set_default_timeout(20000)
        contexts.append(made)
        page = made.new_page()
        link = f"{served.url}/signin#code={served.code(user, role)}"
        page.goto(link)
        if options.get("java_script_enabled", True):
            page.click("main button.main")
        else:  # nothing takes the code out of the address: the link is pasted
            page.fill("#code", link)
            page.click("text=Sign in to")
        return page

    yield open_tab
    for context in contexts:
        context.close()


def sound(page: Page) -> None:
    """Hold a page to no violation and no scrolling sideways."""
    assert violations(page) == [], page.url
    wide = page.evaluate("document.documentElement.scrollWidth - document.body.clientWidth")
    assert wide <= 0, page.url


def addresses(served: Served) -> list[str]:
    base = f"/patients/{subject_of(served.clinic, MINE)}"
    tabs = ("", "/timeline", "/measures?fill=phq9", "/options", "/plan", "/safety", "/consent")
    return ["/alerts", "/quality", "/alert-policy", *(base + tab for tab in tabs)]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"viewport": {"width": 320, "height": 256}}, id="400-percent"),
        pytest.param({"color_scheme": "dark", "locale": "es-ES"}, id="dark-spanish"),
        pytest.param({"forced_colors": "active", "viewport": PHONE}, id="forced-colors-phone"),
    ],
)
def test_every_page_is_sound_everywhere(tab, served: Served, options: dict) -> None:
    page = tab(DOCTOR, "clinician", **options)
    for path in addresses(served):
        page.goto(served.url + path)
        page.eval_on_selector_all("details:not(.more)", "all => all.map(d => d.open = true)")
        sound(page)


def test_on_paper_no_row_of_a_table_is_cut_off(tab, served: Served) -> None:
    page = tab(DOCTOR, "clinician")
    page.goto(served.url + addresses(served)[4])
    page.emulate_media(media="print")
    page.eval_on_selector_all("details", "all => all.map(d => d.open = true)")
    cut = "all => all.filter(e => getComputedStyle(e).maxHeight != 'none').length"
    assert page.locator(".scroll").count() > 0
    assert page.eval_on_selector_all(".scroll", cut) == 0


def test_written_from_right_to_left_nothing_hangs_out(tab, served: Served) -> None:
    page = tab(DOCTOR, "clinician", viewport=PHONE)
    for path in ["/", *addresses(served)]:
        page.goto(served.url + path)
        page.evaluate("document.documentElement.dir = 'rtl'")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], path


def test_from_a_check_in_to_an_acknowledged_alert_and_a_snooze(tab, served: Served) -> None:
    who = subject_of(served.clinic, MINE)
    patient = tab(str(who), "patient", viewport=PHONE)
    sound(patient)
    patient.goto(f"{served.url}/me/check-in")
    for number in range(1, 9):
        patient.check(f'input[name=a{number}][value="1"]')
    patient.check('input[name=a9][value="2"]')
    patient.click("main button.main")
    expect(patient.locator("[role=alert]")).to_contain_text("talk to somebody today")
    sound(patient)
    served.hands.turn(timedelta(minutes=1))
    Alerts(served.clinic).run()
    page = tab(DOCTOR, "clinician", java_script_enabled=False)
    page.goto(f"{served.url}/alerts")
    page.click(".c-who a")
    assert "self-harm" in page.locator("#ep-h").inner_text()
    page.select_option("#r-acknowledge", "will-contact")
    page.click("form:has(input[value=acknowledge]) button")
    assert "Acknowledged" in page.locator(".why").inner_text()
    page.click("summary:has-text('Snooze')")
    page.select_option("#r-snooze", "waiting-for-answer")
    page.click("form:has(input[value=snooze]) button")
    assert "Snoozed" in page.locator(".why").inner_text()
    acts = [e.action for e in served.clinic.ledger.entries() if e.actor == DOCTOR]
    assert {"view alert", "acknowledge alert", "snooze alert"} <= set(acts)


def test_a_consent_is_withdrawn_by_the_patient(tab, served: Served) -> None:
    who = subject_of(served.clinic, "MRN-4")
    page = tab(str(who), "patient")
    row = page.locator(".switches li", has_text="Phone and watch data")
    row.get_by_role("button", name=re.compile("^Withdraw")).click()
    expect(page.locator(".switches li", has_text="Phone and watch data")).to_contain_text(
        "Not allowed"
    )
    now = to_micros(served.clinic.clock())
    grants = served.clinic.store.grants(who)
    assert not consent_covers(grants, Purpose.MONITORING, now)
    takes = """(at) => { const b = document.querySelector(".switches button");
        b.style.animation = "none"; b.offsetWidth; b.style.animation = "";  // as on a new page
        const [settling] = b.getAnimations(); settling.pause(); settling.currentTime = at;
        return getComputedStyle(b).pointerEvents; }"""
    assert page.evaluate(takes, 300) == "none", "a second click hits nothing"
    assert page.evaluate(takes, 701) == "auto"


def test_a_policy_is_replayed_and_only_a_supervisor_puts_one_into_force(
    tab, served: Served
) -> None:
    page = tab(DOCTOR, "clinician")
    page.goto(f"{served.url}/alert-policy")
    assert page.get_by_role("button", name="Put into force").count() == 0
    text = page.input_value("#text")
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".note")).to_have_count(1)  # the same text is the same policy
    page.fill("#text", text.replace("quiet_days: 28", "quiet_days: 42"))
    page.get_by_role("button", name=re.compile("^Replay")).click()
    expect(page.locator("#rep-h")).to_be_visible()
    expect(page.locator("th", has_text="In the editor")).to_contain_text("changed")
    expect(page.locator(".note", has_text="same name and version")).to_be_visible()
    sound(page)
    page.fill("#text", page.input_value("#text").replace("tier:", "tear:", 1))
    page.get_by_role("button", name="Check").click()
    expect(page.locator("[role=alert]")).to_contain_text("It cannot be used")


def test_arrow_keys_move_within_the_list_and_news_come_by_themselves(tab, served: Served) -> None:
    page = tab(DOCTOR, "clinician")
    page.goto(f"{served.url}/?view=everyone")
    links = page.locator(".c-who a")
    links.first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.href") == links.nth(1).evaluate("e => e.href")
    before = sum(e.action == "view worklist" for e in served.clinic.ledger.entries())
    page.wait_for_timeout(5500)
    give_features(served.clinic, MINE)
    expect(page.locator("#news")).to_be_visible(timeout=15000)  # something is pointed at
    with page.expect_response(lambda answer: "view=everyone" in answer.url):
        page.click("#news button")
    expect(page.locator("#news")).to_be_hidden()
    after = sum(e.action == "view worklist" for e in served.clinic.ledger.entries())
    assert after == before + 1


def test_a_list_that_hears_nothing_any_more_says_so(tab, served: Served) -> None:
    page = tab(DOCTOR, "clinician")
    page.goto(f"{served.url}/")
    lost = page.locator("#lost")
    expect(lost).to_be_hidden()
    asked = re.compile("[?&]q=")
    page.route(asked, lambda route: route.abort())
    page.fill("#q", "person")
    expect(lost).to_be_visible()
    page.unroute(asked)
    page.fill("#q", "perso")
    expect(lost).to_be_hidden()
    page.route("**/worklist/changes", lambda route: route.fulfill(status=502))
    page.reload()
    expect(lost).to_be_visible()
    assert violations(page) == []
