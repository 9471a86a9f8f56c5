"""Pages of one record on a real clinic: what is kept, under whose name, and who may not."""

import dataclasses
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from euthymia.app.alerts.desk import Alerts
from euthymia.app.clinic import Clinic
from euthymia.app.people import change_care_team
from euthymia.app.setup import accept_settings
from euthymia.app.web.alerts import _REPLAYED, happening, replayed_rows
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.me import plainly
from euthymia.app.web.pages import build_site
from euthymia.app.web.quality import (
    HALVES,
    NAMES,
    SECTIONS,
    Groups,
    groups_of,
    name_of,
    rows_of,
    untold_of_all,
)
from euthymia.app.web.retold import retold
from euthymia.care.alerts.card import headline
from euthymia.care.alerts.contract import Card, Change, Rule
from euthymia.care.alerts.quality import OF_GROUPS, TOO_FEW
from euthymia.care.alerts.replay import Figures
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import to_micros
from euthymia.models.matching import evidence
from euthymia.security.consent import consent_covers
from euthymia.security.token import Kind
from page_browser import Browser
from small_clinic import DOCTOR, MINE, OTHERS, Hands, copied_clinic, subject_of

SAME = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with copied_clinic(tmp_path_factory.mktemp("record")) as opened:
        yield opened


@pytest.fixture(scope="module")
def site(clinic: Clinic):
    return build_site(ClinicBackend.of(clinic))


def signed_in(clinic: Clinic, site, user: str, role: str) -> Browser:
    code = clinic.tokens.issue(
        user, role, now=clinic.clock(), lifetime=timedelta(minutes=5), kind=Kind.SIGNIN
    )
    client = Browser(site)
    answer = client.post("/signin", data={"code": code}, headers=SAME)
    assert answer.status_code == 303
    return client


def send(client: Browser, page: str, address: str, **fields: str):
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get(page).text)[1]
    answer = client.post(address, data={"csrf": csrf, **fields}, headers=SAME)
    return client.get(answer.headers["location"]) if answer.status_code == 303 else answer


def told(clinic: Clinic, action: str) -> list[tuple[str, str]]:
    return [(e.actor, e.role) for e in clinic.ledger.entries() if e.action == action]


def test_what_is_typed_is_kept_under_a_name_and_shown(clinic: Clinic, site) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "clinician")
    base = f"/patients/{subject_of(clinic, MINE)}"
    texts = {
        "notes": ({"text": "Slept <b>badly</b>"}, "/measures", "write note"),
        "plan": ({"text": "Walk daily; look again in May"}, "/plan", "write plan"),
        "safety": ({"text": "Call Ada", "step": "ask"}, "/safety", "write safety plan"),
        "options": (
            {"avoid": "weight_gain=2", "prefer": "", "ruled_out": ""},
            "/options",
            "write preferences",
        ),
    }
    for name, (fields, page, action) in texts.items():
        answer = send(doctor, base + page, f"{base}/{name}", **fields)
        assert answer.status_code == 200, name
        assert "Kept in the record" in answer.text
        assert told(clinic, action) == [(DOCTOR, "clinician")]
    assert "Slept &lt;b&gt;badly&lt;/b&gt;\n(dr-lind)" in doctor.get(f"{base}/measures").text
    assert 'value="weight_gain=2"' in doctor.get(f"{base}/options").text
    assert "No published evidence" in doctor.get(f"{base}/options").text
    for fields in ({"text": " "}, {"text": "x" * 4001}):
        refused = send(doctor, base + "/plan", f"{base}/plan", **fields)
        assert refused.status_code == 422
        assert "Not kept:" in refused.text


def test_treatments_are_ranked_by_evidence_that_somebody_accepted(tmp_path: Path):
    """A file that anybody could have written into the folder moves no treatment up."""
    with copied_clinic(tmp_path) as opened:
        home, site = opened.home.path, build_site(ClinicBackend.of(opened))
        page = f"/patients/{subject_of(opened, MINE)}/options"
        doctor, trials = signed_in(opened, site, DOCTOR, "clinician"), home / "evidence"
        trials.mkdir()
        made = Path(evidence.__file__).with_name("evidence_template.csv")
        shutil.copy(made, trials / "depression.csv")
        assert "nobody has accepted it" in doctor.get(page).text
        accept_settings(home)
        ranked = doctor.get(page).text
        assert "nobody has accepted" not in ranked
        assert "No ranking can be shown" not in ranked
        (trials / "depression.csv").write_bytes(made.read_bytes() + b"\n")
        assert "nobody has accepted it" in doctor.get(page).text


def test_a_questionnaire_is_scored_and_a_wrong_answer_is_refused(clinic: Clinic, site) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "coordinator")
    base = f"/patients/{subject_of(clinic, 'MRN-4')}"
    good = {f"a{n}": "1" for n in range(1, 10)} | {"instrument": "phq9"}
    page = send(doctor, f"{base}/measures?fill=phq9", f"{base}/measures", **good)
    assert page.status_code == 200
    assert "<td>9</td>" in page.text
    assert "self-harm" in doctor.get("/").text
    for wrong in ({"a1": "7"}, {"instrument": "none"}, {f"a{n}": "" for n in range(1, 10)}):
        assert (
            send(doctor, f"{base}/measures", f"{base}/measures", **good | wrong).status_code == 422
        )


def test_two_questionnaires_of_one_day_are_not_made_into_one(tmp_path: Path) -> None:
    hands = Hands()
    with copied_clinic(tmp_path, hands) as clinic:
        doctor = signed_in(clinic, build_site(ClinicBackend.of(clinic)), DOCTOR, "clinician")
        base = f"/patients/{subject_of(clinic, 'MRN-4')}"
        for answers in ("300000001", "030000000"):
            hands.turn(timedelta(minutes=5))
            given = {f"a{n}": answer for n, answer in enumerate(answers, 1)}
            sent = given | {"instrument": "phq9"}
            send(doctor, f"{base}/measures?fill=phq9", f"{base}/measures", **sent)
        page = doctor.get(f"{base}/measures").text
        assert "<li>Feeling down, depressed, or hopeless " in page, "without pointing at a number"
        assert "; 3 Nearly every day" in page
        rows = [re.findall(r"<td>([^<]*)</td>", row) for row in page.split("<tr>")]
        told = ["".join(row[2:]) for row in rows if len(row) == 11]
        assert told[:2] == ["030000000", "300000001"]
        asked = re.findall(r"<td>(\d): ", doctor.get(f"{base}/safety").text)
        assert asked[:2] == ["0", "1"]


def test_a_patient_sees_and_switches_only_themselves(clinic: Clinic, site) -> None:
    who, other = subject_of(clinic, MINE), subject_of(clinic, OTHERS)
    patient = signed_in(clinic, site, str(who), "patient")
    assert patient.get("/").headers["location"] == "/me"
    page = patient.get("/me")
    assert "My page" in page.text
    assert "Person 1" in page.text
    for path in (f"/patients/{who}", f"/patients/{other}", f"/patients/{other}/plan", "/alerts"):
        assert patient.get(path).status_code in {403, 404}
    fields = {"purpose": "monitoring", "permit": "0", "because": ""}
    done = send(patient, "/me", "/me/consent", **fields)
    assert "refused from now on: all data that rest on this permission" in done.text
    assert "activity_counts" not in done.text, "names of code are no words for a patient"
    switched = plainly("refused from now on: calls, screen, steps")
    assert retold(switched, "es").endswith("de 3 clases")
    kept = plainly("kept, and read by nobody but the person: steps; `euthymia erase` removes, too")
    assert kept == "kept, and read by nobody but you: what came before, 1 kind of data"
    for one in (kept, plainly("refused from now on: steps")):
        assert "una clase" in retold(one, "es")
    now = to_micros(clinic.clock())
    assert not consent_covers(clinic.store.grants(who), Purpose.MONITORING, now)
    assert told(clinic, "withdraw consent") == [(str(who), "patient")]
    answers = {f"a{n}": "0" for n in range(1, 9)} | {"instrument": "phq9", "a9": "1"}
    said = send(patient, "/me/check-in", "/me/check-in", **answers)
    assert "Please talk to somebody today" in said.text
    assert told(clinic, "check in") == [(str(who), "patient")]
    assert signed_in(clinic, site, "somebody", "patient").get("/me").status_code == 403


def test_a_stranger_writes_nothing_and_the_try_is_told(clinic: Clinic, site) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "clinician")
    mine, theirs = subject_of(clinic, MINE), subject_of(clinic, OTHERS)
    before = clinic.store.version()
    for name in ("notes", "plan", "safety", "consent", "measures", "episodes/x"):
        address = f"/patients/{theirs}/{name}"
        assert send(doctor, f"/patients/{mine}/plan", address, text="x").status_code == 404
    assert clinic.store.version() == before
    assert (DOCTOR, "clinician") in told(clinic, "write record")


def test_the_pages_speak_the_language_that_is_asked_for(clinic: Clinic, site) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "clinician")
    page = doctor.get("/", headers={"accept-language": "es-MX,en;q=0.5"}).text
    assert '<html lang="es" dir="ltr">' in page
    assert "Lista de trabajo" in page
    chosen = doctor.post("/language", data={"language": "es", "back": "/plan"}, headers=SAME)
    assert chosen.headers["location"] == "/plan"
    assert "Lista de trabajo" in doctor.get("/").text


def test_a_patient_reads_who_looked_before_what_programs_did_in_their_language(
    clinic: Clinic, site
) -> None:
    who = str(subject_of(clinic, MINE))
    signed_in(clinic, site, DOCTOR, "clinician").get(f"/patients/{who}")
    Alerts(clinic).run()
    patient = signed_in(clinic, site, who, "patient")
    patient.get("/me")
    page = patient.get("/me", headers={"accept-language": "es"}).text
    looked = page[page.index('id="look-h"') :]
    people, _, programs = looked.partition("<details>")
    assert f"<td>{DOCTOR}</td>" in people
    assert "<td>usted</td>" in people
    assert who not in people
    assert "alerts job" not in people
    assert "alerts job" in programs
    assert '<span lang="en">' not in looked[: looked.index("</section>")]


def test_news_say_that_something_changed_and_never_what(clinic: Clinic, site) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "clinician")
    page = doctor.get("/worklist/changes")
    assert page.headers["content-type"].startswith("text/event-stream")
    assert re.fullmatch(r"retry: \d+\nevent: state\ndata: [\d.]+\n\n", page.text)
    assert Browser(site).get("/worklist/changes").status_code == 303


def test_the_crisis_page_is_open_to_anybody_and_may_be_kept(site) -> None:
    page = Browser(site).get("/crisis")
    assert page.status_code == 200
    assert page.headers["cache-control"].startswith("public")
    assert "script-src" not in page.headers["content-security-policy"]


def test_what_was_typed_is_still_there_when_it_is_refused(clinic: Clinic, site) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "clinician")
    base = f"/patients/{subject_of(clinic, MINE)}"
    long = "Walks " + "x" * 4000
    for name, page, more in (
        ("notes", "/measures", {}),
        ("plan", "/plan", {}),
        ("safety", "/safety", {"step": "ask"}),
    ):
        refused = send(doctor, base + page, f"{base}/{name}", text=long, **more)
        assert refused.status_code == 422
        assert long in refused.text
    answers = {f"a{n}": "2" for n in range(1, 7)} | {"a7": "9", "instrument": "gad7"}
    for path, page, who in (
        (f"{base}/measures", f"{base}/measures?fill=gad7", doctor),
        ("/me/check-in", "/me/check-in", None),
    ):
        asker = who or signed_in(clinic, site, str(subject_of(clinic, MINE)), "patient")
        refused = send(asker, page, path, **answers)
        assert refused.status_code == 422
        assert 'name="instrument" value="gad7"' in refused.text
        assert refused.text.count(" checked>") == 6
    wrong = {"avoid": "insomnia=2", "prefer": "x;y", "ruled_out": ""}
    refused = send(doctor, f"{base}/options", f"{base}/options", **wrong)
    assert refused.status_code == 422
    assert 'value="insomnia=2"' in refused.text
    assert 'value="x;y"' in refused.text
    wrong = {"purpose": "none", "permit": "1", "because": "said on the phone"}
    assert send(doctor, f"{base}/consent", f"{base}/consent", **wrong).status_code == 422


def test_what_was_typed_into_a_session_that_is_over_is_given_back(clinic: Clinic, site) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "clinician")
    base = f"/patients/{subject_of(clinic, MINE)}"
    before = clinic.store.version()
    stale = doctor.post(
        f"{base}/notes", data={"csrf": "0", "text": "An <hour> of work"}, headers=SAME
    )
    assert stale.status_code == 403
    gone = Browser(site).post(
        f"{base}/measures",
        data={"csrf": "0", "a2": "3", "words": "An <hour> of work"},
        headers=SAME,
    )
    assert gone.status_code == 401
    for page in (stale, gone):
        assert "An &lt;hour&gt; of work</textarea>" in page.text
    assert "2: 3" in gone.text
    empty = Browser(site).post(f"{base}/notes", data={"csrf": "0", "text": " "}, headers=SAME)
    assert empty.status_code == 401
    assert 'href="/signin"' in empty.text
    assert clinic.store.version() == before


def test_a_switch_pressed_in_a_session_that_is_over_is_not_passed_over_in_silence(
    clinic: Clinic, site
) -> None:
    who = subject_of(clinic, MINE)
    before = clinic.store.version()
    pressed = {"csrf": "0", "purpose": "monitoring", "permit": "0"}
    gone = Browser(site).post("/me/consent", data=pressed, headers=SAME)
    patient = signed_in(clinic, site, str(who), "patient")
    stale = patient.post("/me/consent", data=pressed, headers=SAME)
    assert (gone.status_code, stale.status_code) == (401, 403)
    for page in (gone, stale):
        assert "so what you chose was not done" in page.text
    assert clinic.store.version() == before


def test_a_grave_answer_that_did_not_arrive_says_whom_to_call(clinic: Clinic, site) -> None:
    answers = {"csrf": "0", "instrument": "phq9"} | {f"a{n}": "1" for n in range(1, 9)}
    grave = Browser(site).post("/me/check-in", data=answers | {"a9": "2"}, headers=SAME).text
    assert "Nobody on your care team has seen this answer" in grave
    calm = Browser(site).post("/me/check-in", data=answers | {"a9": "0"}, headers=SAME).text
    assert "Nobody on your care team" not in calm
    staff = Browser(site).post("/patients/x/measures", data=answers | {"a9": "2"}, headers=SAME)
    assert "Nobody on your care team" not in staff.text  # "you" is the patient


def test_a_new_plan_begins_as_the_last_one_without_the_name_below_it(clinic: Clinic, site) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "clinician")
    base = f"/patients/{subject_of(clinic, 'MRN-4')}"
    send(doctor, base + "/plan", f"{base}/plan", text="Walk daily")
    page = send(doctor, base + "/safety", f"{base}/safety", text="Call Ada", step="ask").text
    assert ">Call Ada</textarea>" in page
    page = doctor.get(base + "/plan").text
    assert ">Walk daily</textarea>" in page
    assert "Walk daily\n(dr-lind)" in page
    title = re.search(r"<title>([^<]*)</title>", page)[1]
    assert "Person" not in title  # a browser keeps titles in its history


def test_every_answer_about_self_harm_is_on_the_safety_page(clinic: Clinic, site) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "clinician")
    base = f"/patients/{subject_of(clinic, 'MRN-4')}"
    rated = {f"a{n}": "0" for n in range(1, 10)} | {"a10": "4", "instrument": "madrs"}
    assert (
        send(doctor, f"{base}/measures?fill=madrs", f"{base}/measures", **rated).status_code == 200
    )
    rows = re.findall(r'<tr class="flagged">.*?</tr>', doctor.get(f"{base}/safety").text)
    assert [row for row in rows if "Montgomery" in row and "4: " in row]
    days = re.findall(r'<th scope="row" class="nowrap">([^<]+)</th>', " ".join(rows))
    assert days
    assert all(re.fullmatch(r"\d{1,2} [A-Z][a-z]+( \d{4})?", day) for day in days), days


def test_a_switch_that_is_none_records_nothing(clinic: Clinic, site) -> None:
    who = subject_of(clinic, MINE)
    patient = signed_in(clinic, site, str(who), "patient")
    before = len(clinic.store.grants(who))
    for purpose in ("", "care", "monitoring,research", "none"):
        answer = send(patient, "/me", "/me/consent", purpose=purpose, permit="0")
        assert answer.status_code == 422
        assert "Recorded" not in answer.text
    assert len(clinic.store.grants(who)) == before


def test_an_alert_that_stands_is_a_click_from_the_overview_and_the_time_line(
    clinic: Clinic, site, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "clinician")
    base, other = (f"/patients/{subject_of(clinic, who)}" for who in ("MRN-4", "MRN-3"))
    answers = {f"a{n}": "1" for n in range(1, 10)} | {"instrument": "phq9"}
    send(doctor, f"{base}/measures?fill=phq9", f"{base}/measures", **answers)
    Alerts(clinic).run()
    link = re.search(rf'href="({base}/episodes/[^"]+)"', doctor.get(base).text)[1]
    assert f'href="{link}"' in doctor.get(f"{base}/timeline").text
    every = Alerts(clinic).every()
    bare = next(a for a in every if link == f"/patients/{a.subject}/episodes/{a.id}")
    assert happening(dataclasses.replace(bare, words=()), 0).words == f"{headline(bare)} (Open)"
    rests, drifted = "No measured change belongs to this alert", "the drift was on earlier days"
    page = doctor.get(link).text
    assert rests in page
    assert drifted not in page
    plain = Alerts.card
    beside = Change("sleep_phone.sleep_onset_h", "Fell asleep: later", 3.0, worse=True)

    def told(*rules: Rule, changes: tuple[Change, ...] = ()) -> str:
        """Return the page of the same alert with other rules and changes."""

        def other(self: Alerts, *asked: str, second_factor: bool) -> Card:
            card = plain(self, *asked, second_factor=second_factor)
            alert = dataclasses.replace(card.alert, rules=rules or card.alert.rules)
            return dataclasses.replace(card, alert=alert, changes=changes)

        with monkeypatch.context() as with_other:
            with_other.setattr(Alerts, "card", other)
            return doctor.get(link).text

    for rule in (Rule.DRIFT, Rule.FROZEN, Rule.PATTERN):
        page = told(Rule.ANSWER, rule)
        assert drifted in page  # the page does not deny that anything was measured
        assert rests not in page
        assert "it is not why" not in told(Rule.ANSWER, rule, changes=(beside,))
    assert "A model's estimate raised this alert. No single" in told(Rule.ESTIMATE)
    assert "need not be why" in told(Rule.ESTIMATE, changes=(beside,))
    assert "it is not why" in told(changes=(beside,))  # an answer alone
    assert "What follows changed" not in told(Rule.ANSWER), "nothing follows"
    fields = {"move": "snooze", "reason": "other", "days": "7", "words": " "}
    refused = send(doctor, link, link, **fields)
    assert refused.status_code == 422
    form = refused.text[refused.text.index('value="snooze"') :]
    assert form.index('value="other" selected') < form.index("</form>")
    assert form.index('value="7" selected') < form.index("</form>")
    done = send(doctor, link, link, **fields | {"words": "Ada calls on Monday"})
    assert "Ada calls on Monday" in done.text
    assert doctor.get(link.replace(base, other)).status_code == 404
    stranger = signed_in(clinic, site, "dr-nobody", "clinician")
    assert stranger.get(link).status_code == 404
    assert send(stranger, "/account", link, **fields).status_code == 404


def test_who_acts_on_a_page_that_another_overtook_is_told_before_anything_is_kept(
    tmp_path: Path,
) -> None:
    with copied_clinic(tmp_path, Hands()) as clinic:
        who = subject_of(clinic, "MRN-4")
        change_care_team(clinic, who, add=("ana",), remove=())
        site = build_site(ClinicBackend.of(clinic))
        doctor = signed_in(clinic, site, DOCTOR, "clinician")
        ana = signed_in(clinic, site, "ana", "coordinator")
        answers = {f"a{n}": "1" for n in range(1, 10)} | {"instrument": "phq9"}
        send(doctor, f"/patients/{who}/measures", f"/patients/{who}/measures", **answers)
        Alerts(clinic).run()
        link = f"/patients/{who}/episodes/{Alerts(clinic).every()[0].id}"
        page = doctor.get(link).text  # both have it open
        form = {"move": "acknowledge", "reason": "will-contact"}
        first = ana.get(link).text
        seen = [re.search(r'name="seen" value="(\d+)"', text)[1] for text in (page, first)]
        assert "Kept in the record" in send(ana, link, link, **form, seen=seen[1]).text
        late = send(doctor, link, link, **form, seen=seen[0])
        assert late.status_code == 422
        assert "while this page was open, ana did something with this alert (ack" in late.text
        assert len(told(clinic, "acknowledge alert")) == 1
        again = re.search(r'name="seen" value="(\d+)"', late.text)[1]
        assert send(doctor, link, link, **form, seen=again).status_code == 200
        assert len(told(clinic, "acknowledge alert")) == 2
        own = {"move": "resolve", "reason": "contacted"}
        kept = send(doctor, link, link, **own, seen=again)
        assert kept.status_code == 200, "what they did themselves they know"


def test_an_old_link_to_an_alert_that_is_gone_says_so_and_tells_nothing_of_it(
    clinic: Clinic, site
) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "clinician")
    mine, theirs = subject_of(clinic, MINE), subject_of(clinic, OTHERS)
    gone = f"/patients/{mine}/episodes/drift-0123456789ab"
    page = doctor.get(gone)
    assert page.status_code == 404
    assert "This alert is not here any more" in page.text
    assert "drift-0123456789ab" not in page.text.replace(gone, "")
    form = {"move": "acknowledge", "reason": "will-contact"}
    answer = send(doctor, f"/patients/{mine}/plan", gone, **form)
    assert answer.status_code == 404
    assert "not here any more" in answer.text
    stranger = doctor.get(gone.replace(mine, theirs))
    assert stranger.status_code == 404
    assert "not here any more" not in stranger.text


def test_the_board_tells_a_figure_and_its_interval_in_one_line() -> None:
    ratio = {"estimate": 0.16512, "low": 0.101, "high": 0.238, "of": 109}
    assert rows_of({"ppv": ratio}) == [
        ("alerts followed by a worsening (PPV)", "16.5% (10.1% to 23.8%) of 109")
    ]
    assert rows_of({"p90": ratio | {"high": None}})[0][1] == "0.165 (from 0.101) of 109"
    assert rows_of({"p90": ratio | {"low": None, "high": None}})[0][1] == "0.165 of 109"
    few = {"alerts": 3, "per_30_days": None, "because": "fewer than 20 alerts"}
    assert rows_of(few, "ana") == [("ana", "not told: fewer than 20 alerts")]
    assert retold("not told: fewer than 20 alerts", "es") == "no se dice: menos de 20 avisos"
    figure = {"estimate": 0.16512, "low": 0.101, "high": 0.238, "of": 10920}
    assert rows_of(figure, "alerts") == [("alerts", "0.165 (0.101 to 0.238) of 10,920")]
    assert rows_of(figure | {"estimate": None}, "caught") == [("caught", "")]
    assert rows_of({"a": {"suppressed": True}}, "by") == [("by: a", "suppressed")]
    seen = {"view": {"done": 1, "of": 44, "median": 2.5, "p90": None}}
    assert rows_of(seen) == [
        ("seen", "1 of 44"),
        ("seen: median hours, of those that were", "2.5"),
        ("seen: 90th percentile of hours, of those that were", ""),
    ]
    assert rows_of({"felt": None, "halves": [{"alerts": 0}, {"alerts": 3}]}) == [
        ("how they feel since", ""),
        ("first half: alerts", "0"),
        ("second half: alerts", "3"),
    ]
    assert rows_of({"session-rating": {"people": None, "of": [0, 16]}}) == [
        ("session rating: people", ""),
        ("session rating: scale", "0 to 16"),
    ]


def test_every_figure_of_the_board_has_its_name_in_spanish() -> None:
    for name in {*map(name_of, [*NAMES, *(key for _, keys in SECTIONS for key in keys)]), *HALVES}:
        assert retold(name, "es"), name
    assert retold("second half: with a contact", "es") == "segunda mitad: con contacto"
    assert retold("0.165 (0.101 to 0.238) of 10,920", "es")
    assert retold("1 of 44", "es") == "1 de 44"
    assert retold("16.5% (10.1% to 23.8%) of 109", "es") == "16.5% (de 10.1% a 23.8%) de 109"
    assert retold("22.5 (from 4.2) of 109", "es") == "22.5 (desde 4.2) de 109"
    assert all(retold(name_of(name), "es") for name in OF_GROUPS)


def test_groups_stand_side_by_side_and_what_is_left_out_is_said() -> None:
    ratio = {"estimate": 0.5, "low": 0.25, "high": 0.75, "of": 40}
    told = {"people": 30, **dict.fromkeys(OF_GROUPS, ratio), "caught": {"suppressed": True}}
    found = groups_of("sex", {"female": told, TOO_FEW: {"suppressed": True}})
    assert (found.titles, found.small) == (("female",), True)
    cells = dict(found.rows)
    assert cells["people"] == ("30",)
    assert found.untold == ("caught, share",)
    assert "caught, share" not in cells
    assert cells["taken within a day, share"] == ("50% (25% to 75%) of 40",)
    assert groups_of("age", {TOO_FEW: {"suppressed": True}}) == Groups(
        "age", (), (), (), small=True
    )


def test_what_no_table_of_groups_tells_is_said_once() -> None:
    made = [
        Groups("sex", ("female",), (), ("caught, share", "taken within a day, share"), small=True),
        Groups("age", ("30 to 44",), (), ("caught, share",), small=True),
        Groups("race", (), (), (), small=True),
    ]
    once, groups = untold_of_all(made)
    assert once == ("caught, share",)
    assert [group.untold for group in groups] == [("taken within a day, share",), (), ()]
    assert untold_of_all(made[:1]) == ((), made[:1])


def test_what_is_not_known_yet_is_said_once_in_each_part_of_the_board(clinic: Clinic, site) -> None:
    page = signed_in(clinic, site, DOCTOR, "clinician").get("/quality").text
    words = "Nothing to count yet, or too few"
    for part in page.split("<section")[1:]:
        assert part.count(words) <= 1
    assert words in page
    benefit = page[page.index("Benefit") :]
    assert "median lead days" in benefit[: benefit.index("</section>")], "it is named all the same"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("from=31.3.2026", "a date is written as 2026-03-31"),
        ("from=0001-01-01&to=9999-12-31", "a year lies between"),
        ("from=2030-01-01", "shown is the last quarter"),
    ],
)
def test_days_that_cannot_be_shown_are_told_on_the_board(
    clinic: Clinic, site, asked: str, told: str
) -> None:
    doctor = signed_in(clinic, site, DOCTOR, "clinician")
    page = doctor.get(f"/quality?{asked}")
    assert page.status_code == 422
    assert told in page.text


def test_the_pages_of_an_alert_say_the_newest_answer_and_stay_as_urgent(tmp_path: Path) -> None:
    hands = Hands()
    with copied_clinic(tmp_path, hands) as clinic:
        doctor = signed_in(clinic, build_site(ClinicBackend.of(clinic)), DOCTOR, "clinician")
        base = f"/patients/{subject_of(clinic, 'MRN-4')}"
        Alerts(clinic).run()
        for answer, words in (("1", "several days"), ("3", "nearly every day")):
            hands.turn(timedelta(minutes=1))
            given = {f"a{n}": "0" for n in range(1, 9)} | {"instrument": "phq9", "a9": answer}
            send(doctor, f"{base}/measures?fill=phq9", f"{base}/measures", **given)
            Alerts(clinic).run()
            row = re.search(r"An answer about self-harm.*", doctor.get("/alerts").text)[0]
            assert words in row
        hands.turn(timedelta(days=10))
        doctor = signed_in(clinic, build_site(ClinicBackend.of(clinic)), DOCTOR, "clinician")
        calm = {f"a{n}": "0" for n in range(1, 10)} | {"instrument": "phq9"}
        send(doctor, f"{base}/measures?fill=phq9", f"{base}/measures", **calm)
        Alerts(clinic).run()
        row = next(r for r in doctor.get("/").text.split("<tr")[1:] if base in r)
        assert "Today" in row
        why = re.search(r'<section class="why.*?</section>', doctor.get(base).text, re.DOTALL)[0]
        assert 'class="why u-now"' in why  # its first page is no calmer than the list
        assert re.search(r'<p class="lead">.*?nearly every day', why)


def test_a_replay_names_each_figure_and_says_what_only_one_policy_held_back() -> None:
    live = {"policy": "a 1", "sha256": "0" * 64, "alerts": 5, "by_tier": {"now": 1, "digest": 4}}
    live |= {"caught": 3, "caught_share": 0.75, "held_back": {"admitted": 2}}
    other = live | {"held_back": {"silenced": 1}, "caught_share": None}
    assert replayed_rows({"live": live, "replayed": other}) == [
        ("alerts", "5", "5"),
        ("by tier: today", "1", "1"),
        ("by tier: weekly summary", "4", "4"),
        ("caught, in time", "3", "3"),
        ("caught, share", "75%", ""),
        (f"held back: {name_of('admitted')}", "2", "0"),
        (f"held back: {name_of('silenced')}", "0", "1"),
    ]
    names = [
        *(f.name for f in dataclasses.fields(Figures)),
        "per_100_patient_days",
        "caught_share",
        "missed",
    ]
    untold = {"policy", "digest", "held", "per_100_days", "true_alerts", "judged_alerts"}
    for name in {*names, "held_back"} - untold - {"chance", "lead_days"}:
        assert retold(_REPLAYED.get(name) or name_of(name), "es"), name
