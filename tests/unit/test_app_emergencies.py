"""Breaking the glass on a real small clinic: who may, for how long, and who is told."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from accounts_help import code_of, enrolled
from euthymia.app.accounts.emergencies import forget
from euthymia.app.clinic import Clinic
from euthymia.app.export import export_subject
from euthymia.app.people import erase_subject
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.contract import Visitor
from euthymia.app.web.pages import build_site
from euthymia.ground.audit import Actor
from euthymia.ground.errors import AccessError, MissingError
from euthymia.security.passwords import Stretch
from page_browser import Browser
from small_clinic import DOCTOR, Hands, copied_clinic, subject_of

REASON = "found confused at the station, called in by the police"
HERE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def clinic(tmp_path: Path, hands: Hands) -> Iterator[Clinic]:
    with copied_clinic(tmp_path, hands) as made:
        made.accounts._stretch = Stretch(1024, 1)
        enrolled(made.accounts, made.tokens, DOCTOR)
        enrolled(made.accounts, made.tokens, "dr-head", "supervisor")
        yield made


def visitor(user: str = DOCTOR, role: str = "clinician") -> Visitor:
    return Visitor(user, role, "0" * 32, 2**40, "csrf")


def break_glass(backend: ClinicBackend, **changed: str):
    code = code_of(backend.clinic.accounts, DOCTOR, backend.clinic.clock())
    asked = {"patient": "MRN-2", "reason": REASON, "code": code} | changed
    return backend.break_glass(visitor(), **asked)


def lines(clinic: Clinic, action: str) -> list:
    return [line for line in clinic.ledger.entries() if line.action == action]


def test_a_stranger_is_opened_for_an_hour_and_it_is_written_down(clinic: Clinic, hands: Hands):
    backend, other = ClinicBackend.of(clinic), subject_of(clinic, "MRN-2")
    with pytest.raises(MissingError):
        backend.patient(visitor(), other)
    opened = break_glass(backend)
    assert (opened.subject, opened.user, opened.reason) == (other, DOCTOR, REASON)
    page = backend.patient(visitor(), other)
    assert page.emergency == opened
    (told,) = [line for line in lines(clinic, "break glass") if line.subject == other]
    assert told.detail["reason"] == REASON
    seen = [line for line in lines(clinic, "view patient") if line.subject == other]
    assert seen[-1].detail["emergency"] == opened.id
    hands.turn(timedelta(minutes=59))
    assert backend.patient(visitor(), other)
    hands.turn(timedelta(minutes=1))
    with pytest.raises(MissingError):
        backend.patient(visitor(), other)


def test_it_opens_one_patient_to_one_clinician_and_no_model(clinic: Clinic):
    backend, other = ClinicBackend.of(clinic), subject_of(clinic, "MRN-2")
    break_glass(backend)
    for who in (visitor("dr-eve"), visitor(role="coordinator"), visitor(role="it")):
        with pytest.raises((MissingError, AccessError)):
            backend.patient(who, other)
    from api_calls import Api

    assert Api(clinic).ask(patient_id="MRN-2").status_code == 403


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"reason": "emergency"}, AccessError),
        ({"reason": " " * 40}, AccessError),
        ({"reason": "x" * 501}, AccessError),
        ({"code": "000000"}, AccessError),
        ({"code": ""}, AccessError),
        ({"patient": "MRN-999"}, MissingError),
        ({"patient": ""}, MissingError),
    ],
)
def test_without_reason_or_fresh_code_nothing_opens(clinic: Clinic, changed, error):
    backend, other = ClinicBackend.of(clinic), subject_of(clinic, "MRN-2")
    with pytest.raises(error):
        break_glass(backend, **changed)
    with pytest.raises(MissingError):
        backend.patient(visitor(), other)
    assert backend.emergencies.all() == []


def test_whether_there_is_such_a_patient_is_told_after_the_second_factor_only(clinic: Clinic):
    backend = ClinicBackend.of(clinic)
    refused = []
    for patient in ("MRN-2", "MRN-999"):
        with pytest.raises(AccessError) as error:
            break_glass(backend, patient=patient, code="000000")
        refused.append(str(error.value))
    assert refused[0] == refused[1]


def test_one_code_opens_once_and_other_roles_never(clinic: Clinic):
    backend = ClinicBackend.of(clinic)
    break_glass(backend)
    with pytest.raises(AccessError):
        break_glass(backend, patient="MRN-4")
    for role in ("coordinator", "supervisor", "scientist", "it", "patient"):
        code = code_of(clinic.accounts, "dr-head", clinic.clock())
        with pytest.raises(AccessError):
            backend.break_glass(visitor("dr-head", role), "MRN-2", REASON, code)


def test_it_can_be_ended_early_by_whoever_began_it(clinic: Clinic):
    backend, other = ClinicBackend.of(clinic), subject_of(clinic, "MRN-2")
    opened = break_glass(backend)
    with pytest.raises(MissingError):
        backend.emergencies.end(Actor("dr-eve", "clinician"), opened.id)
    backend.emergencies.end(visitor().actor, opened.id)
    with pytest.raises(MissingError):
        backend.patient(visitor(), other)


def test_the_supervisor_sees_it_until_it_is_read(clinic: Clinic):
    backend = ClinicBackend.of(clinic)
    opened = break_glass(backend)
    client = Browser(build_site(backend))
    session, _ = backend.sessions.open("dr-head", "supervisor", ("pwd", "otp"))
    client.cookies.set("euthymia", session)
    assert client.get("/").headers["location"] == "/emergencies"
    page = client.get("/emergencies").text
    assert REASON in page
    assert "1<span" in page.partition("</nav>")[0]
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page)[1]
    form = {"csrf": csrf, "number": opened.id}
    assert client.post("/emergencies/seen", data=form, headers=HERE).status_code == 303
    page = client.get("/emergencies").text
    assert "Seen by dr-head" in page
    assert "1<span" not in page.partition("</nav>")[0]
    assert client.get(f"/patients/{opened.subject}").status_code == 403
    assert len(lines(clinic, "view emergencies")) == 2


def test_the_pages_work_without_scripts(clinic: Clinic):
    backend, other = ClinicBackend.of(clinic), subject_of(clinic, "MRN-2")
    client = Browser(build_site(backend))
    session, _ = backend.sessions.open(DOCTOR, "clinician", ("pwd", "otp"))
    client.cookies.set("euthymia", session)
    assert 'href="/emergency"' in client.get(f"/patients/{other}").text
    page = client.get("/emergency").text
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page)[1]
    form = {"csrf": csrf, "patient": "MRN-2", "why": "short", "otp": "1"}
    refused = client.post("/emergency", data=form, headers=HERE)
    assert refused.status_code == 422
    assert 'value="MRN-2"' in refused.text
    form |= {"why": REASON, "otp": code_of(clinic.accounts, DOCTOR, clinic.clock())}
    assert client.post("/emergency", data=form | {"csrf": "0"}, headers=HERE).status_code == 403
    client.cookies.clear()
    late = client.post("/emergency", data=form, headers=HERE)
    assert (late.status_code, REASON in late.text) == (401, True), "what was typed is given back"
    assert lines(clinic, "break glass") == []
    client.cookies.set("euthymia", session)
    opened = client.post("/emergency", data=form, headers=HERE)
    assert opened.headers["location"] == f"/patients/{other}"
    page = client.get(f"/patients/{other}").text
    assert "Opened in an emergency" in page
    number = re.search(r'name="number" value="(\w+)"', page)[1]
    ended = client.post("/emergency/end", data={"csrf": csrf, "number": number}, headers=HERE)
    assert ended.status_code == 303
    assert client.get(f"/patients/{other}").status_code == 404


def test_the_patient_can_see_who_broke_the_glass(clinic: Clinic, tmp_path: Path):
    backend, other = ClinicBackend.of(clinic), subject_of(clinic, "MRN-2")
    break_glass(backend)
    backend.patient(visitor(), other)
    export_subject(clinic, other, tmp_path / "export")
    text = (tmp_path / "export" / "who-saw-it.csv").read_text(encoding="utf-8")
    assert f"{DOCTOR},clinician,break glass,care" in text
    assert REASON in text, "what was said of somebody is theirs to read"


def test_erasing_a_person_takes_the_reasons_along(clinic: Clinic, hands: Hands):
    backend, head = ClinicBackend.of(clinic), Actor("dr-head", "supervisor")
    backend.emergencies.see(head, break_glass(backend).id)
    hands.turn(timedelta(minutes=2))
    unread = break_glass(backend)
    erase_subject(clinic, "MRN-2")
    (left,) = backend.emergencies.all()
    assert (left.id, left.user, left.subject, left.reason) == (unread.id, DOCTOR, "", "")
    assert left.ended, "nothing is left to be open"
    client = Browser(build_site(backend))
    client.cookies.set("euthymia", backend.sessions.open("dr-head", "supervisor", ("otp",))[0])
    page = client.get("/emergencies").text
    assert DOCTOR in page
    assert "erased since" in page
    backend.emergencies.see(head, left.id)
    before = clinic.accounts.file.now().generation
    clinic.finish_erasures()
    forget(clinic.accounts, subject_of(clinic, "MRN-1"), Actor("test", "shell"))
    assert clinic.accounts.file.now().generation == before


def test_who_fails_to_sign_in_under_a_name_keeps_nobody_from_an_emergency(clinic: Clinic):
    """From anywhere, without a session: the clinician at the bedside still opens the record."""
    backend = ClinicBackend.of(clinic)
    for number in range(12):
        for name in (DOCTOR, f"again:{DOCTOR}"):
            with pytest.raises(AccessError):
                clinic.accounts.sign_in(name, "a guess of mine", "000000", f"far away {number}")
    assert break_glass(backend).subject == subject_of(clinic, "MRN-2")


def test_codes_typed_into_a_stolen_session_are_counted(clinic: Clinic, hands: Hands):
    for _ in range(7):
        assert not clinic.accounts.prove_again(DOCTOR, "000000")
    right = code_of(clinic.accounts, DOCTOR, hands.now)
    assert not clinic.accounts.prove_again(DOCTOR, right), "there is a pause"
    hands.turn(timedelta(minutes=16))
    assert clinic.accounts.prove_again(DOCTOR, code_of(clinic.accounts, DOCTOR, hands.now))
