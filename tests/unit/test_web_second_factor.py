"""A clinic whose own policy asks everybody for a second factor, for everything."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from api_calls import Api, slug
from euthymia.app.alerts.desk import Alerts
from euthymia.app.alerts.rights import takers
from euthymia.app.clinic import Clinic
from euthymia.app.entries import filled_in, write_entry
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.contract import Visitor
from euthymia.app.web.pages import build_site
from euthymia.app.web.reader import may_see_estimates
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.ids import SubjectId
from euthymia.instruments.catalogue import instruments
from euthymia.security.policy import Policies
from euthymia.security.token import Kind, More
from page_browser import Browser
from small_clinic import DOCTOR, MINE, TEST, Hands, copied_clinic, subject_of

EVERYBODY = """@id("second-factor")
forbid (principal, action, resource) unless { context.second_factor };
"""
SAME = {"sec-fetch-site": "same-origin"}
GRAVE = {"instrument": "phq9", **{f"a{n}": "3" for n in range(1, 10)}}


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """A clinic in which a patient has just said that they think of harming themselves."""
    with copied_clinic(tmp_path, Hands()) as made:
        made.policies = Policies(EVERYBODY)
        Alerts(made).run()
        who = subject_of(made, MINE)
        person = made.store.person(who, Entry(TEST, "read", Purpose.CARE, who))
        facts = filled_in(instruments(), dict(GRAVE)).facts
        write_entry(
            made, Actor(DOCTOR, "clinician"), who, person.identifiers[0], facts,
            action="check in", source="test", once="",
        )  # fmt: skip
        Alerts(made).heed([who])
        yield made


def signed_in(clinic: Clinic, role: str, *proofs: str) -> Browser:
    now = clinic.clock()
    more = More(began=int(now.timestamp()), proofs=proofs)
    life = timedelta(minutes=15)
    token = clinic.tokens.issue(DOCTOR, role, now=now, lifetime=life, kind=Kind.SESSION, more=more)
    browser = Browser(build_site(ClinicBackend.of(clinic)))
    browser.cookies.set("euthymia", token)
    return browser


def standing(clinic: Clinic, who: SubjectId) -> str:
    alerts = [a for a in Alerts(clinic).every() if a.subject == who and a.shown]
    return f"/patients/{who}/episodes/{alerts[0].id}"


def test_who_has_proved_a_second_factor_sees_and_takes_every_alert(clinic: Clinic):
    doctor, who = signed_in(clinic, "clinician", "pwd", "otp"), subject_of(clinic, MINE)
    page = standing(clinic, who)
    for address in ("/", "/alerts", f"/patients/{who}"):
        assert page in doctor.get(address).text or "self-harm" in doctor.get(address).text, address
    shown = doctor.get(page).text
    assert "Acknowledge" in shown
    csrf = ClinicBackend.of(clinic).visitor(doctor.cookies["euthymia"]).csrf
    wanted = {"csrf": csrf, "move": "acknowledge", "reason": "will-contact", "once": "a1"}
    assert doctor.post(page, data=wanted, headers=SAME).status_code == 303
    assert takers(clinic, who) == (DOCTOR,)


def test_who_has_not_sees_none_and_takes_none(clinic: Clinic):
    doctor, who = signed_in(clinic, "clinician", "link"), subject_of(clinic, MINE)
    page = standing(clinic, who)
    for address in ("/", "/alerts", f"/patients/{who}", page):
        assert "self-harm" not in doctor.get(address).text, address
        assert "Acknowledge" not in doctor.get(address).text, address


def test_the_other_boards_open_with_it_and_not_without(clinic: Clinic):
    for role, address in (("supervisor", "/alert-policy"), ("supervisor", "/quality")):
        assert signed_in(clinic, role, "pwd", "otp").get(address).status_code == 200, address
        assert signed_in(clinic, role, "link").get(address).status_code == 403, address


def test_no_estimate_is_shown_and_no_emergency_signed_off_without_it(clinic: Clinic):
    for factor in (True, False):
        who = Visitor(DOCTOR, "clinician", "0" * 32, 2**40, "csrf", second_factor=factor)
        assert may_see_estimates(clinic.policies, who) is factor
    chief = signed_in(clinic, "supervisor", "link")
    csrf = ClinicBackend.of(clinic).visitor(chief.cookies["euthymia"]).csrf
    form = {"csrf": csrf, "number": "none"}
    assert chief.post("/emergencies/seen", data=form, headers=SAME).status_code == 403


def test_a_token_of_the_api_proves_none(clinic: Clinic):
    api = Api(clinic)
    assert slug(api.ask()) == slug(api.send("GET", "/v1/models")) == "role"
