"""The patient's own page: what was concluded about them, and who was refused their record."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from alerts_clinic import put_scores
from euthymia.app.alerts.desk import Alerts
from euthymia.app.clinic import Clinic
from euthymia.app.snapshots import consenting
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.pages import build_site
from euthymia.security.token import Kind
from page_browser import Browser
from small_clinic import DOCTOR, MINE, OTHER_DOCTOR, TASK, Hands, copied_clinic, subject_of

SAME = {"sec-fetch-site": "same-origin"}
SPANISH = {"accept-language": "es"}
QUIET = "No rule applies"


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def clinic(tmp_path: Path, hands: Hands) -> Iterator[Clinic]:
    with copied_clinic(tmp_path, hands) as opened:
        yield opened


def signed_in(clinic: Clinic, user: str, role: str) -> Browser:
    now = clinic.clock()
    code = clinic.tokens.issue(user, role, now=now, lifetime=timedelta(minutes=5), kind=Kind.SIGNIN)
    client = Browser(build_site(ClinicBackend.of(clinic)))
    assert client.post("/signin", data={"code": code}, headers=SAME).status_code == 303
    return client


def test_a_patient_reads_the_reason_that_their_care_team_reads(
    clinic: Clinic, hands: Hands
) -> None:
    put_scores(clinic, MINE, [0.2, 1.4, 2.0, 2.2])
    alerts = Alerts(clinic)
    alerts.run()
    hands.turn(timedelta(days=1))
    alerts.run()
    who = str(subject_of(clinic, MINE))
    team = signed_in(clinic, DOCTOR, "clinician").get(f"/patients/{who}").text
    reason = "Days drift towards worse than usual for them"
    assert reason in team
    own = signed_in(clinic, who, "patient").get("/me").text
    concluded = own[own.index('id="said-h"') : own.index('id="look-h"')]
    assert reason in concluded
    assert "Ask what has changed" in concluded
    assert QUIET not in concluded
    assert "/episodes/" not in own, "the alert's own page is not theirs to open"


def test_a_patient_reads_what_was_concluded_and_not_how_the_team_handed_it_on(
    clinic: Clinic, hands: Hands
) -> None:
    put_scores(clinic, MINE, [0.2, 1.4, 2.0, 2.2])
    alerts = Alerts(clinic)
    alerts.run()
    hands.turn(timedelta(days=4))
    alerts.run()
    who = str(subject_of(clinic, MINE))
    assert any(one.escalations for one in alerts.every() if one.subject == who)
    assert "because nobody had taken it" in (
        signed_in(clinic, DOCTOR, "clinician").get(f"/patients/{who}").text
    )
    own = signed_in(clinic, who, "patient").get("/me").text
    assert "Days drift towards worse" in own
    assert "because nobody had taken it" not in own


def test_a_switch_that_was_turned_on_the_own_page_says_so_in_the_language_of_the_page(
    clinic: Clinic,
) -> None:
    who = str(subject_of(clinic, MINE))
    patient = signed_in(clinic, who, "patient")
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', patient.get("/me").text)[1]
    form = {"csrf": csrf, "purpose": "research", "permit": "1"}
    assert patient.post("/me/consent", data=form, headers=SAME).status_code == 200
    assert "por la persona, en su propia página" in patient.get("/me", headers=SPANISH).text
    typed = {"csrf": csrf, "purpose": "research", "permit": "0", "because": "por teléfono"}
    doctor = signed_in(clinic, DOCTOR, "clinician")
    page = f"/patients/{who}/consent"
    typed["csrf"] = re.search(r'name="csrf" value="([0-9a-f]+)"', doctor.get(page).text)[1]
    doctor.post(page, data=typed, headers=SAME)
    assert "; por teléfono<" in doctor.get(page, headers=SPANISH).text, "as it was typed"


def test_who_was_refused_a_record_is_not_told_as_somebody_who_had_it(clinic: Clinic) -> None:
    who = str(subject_of(clinic, MINE))
    signed_in(clinic, OTHER_DOCTOR, "clinician").get(f"/patients/{who}")
    consenting(clinic, TASK, lambda done, of: None)  # nobody here consented to training
    patient = signed_in(clinic, who, "patient")
    rows = re.findall(r"<tr>.*?</tr>", patient.get("/me").text)
    for action in ("view patient", "release to training"):
        (row,) = [r for r in rows if action in r and "<td>you</td>" not in r]
        assert "refused, it was not done" in row
    (own,) = [r for r in rows if "<td>you</td>" in r]
    assert "refused" not in own
    page = patient.get("/me", headers=SPANISH).text
    assert "entregó datos para enseñar un modelo: <strong>denegado, no se hizo</strong>" in page


def test_the_page_of_alerts_promises_nothing_below_where_nothing_is_held_back(
    clinic: Clinic,
) -> None:
    Alerts(clinic).run()
    page = signed_in(clinic, DOCTOR, "clinician").get("/alerts").text
    assert "No alert stands now." in page
    assert "is below" not in page
    assert "/static/rows.js" in page, "arrow keys move here as on the worklist"
