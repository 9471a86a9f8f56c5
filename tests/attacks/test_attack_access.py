"""Other people's records: guessed identifiers, other roles, fields that nobody asked for."""

import json
import re
import statistics
from urllib.parse import quote, urlencode

import httpx
import pytest
from starlette.routing import Route

from api_calls import URL, Api, slug, token
from attack_help import FORM, session_cookie, steps
from euthymia.app.config import load
from euthymia.app.http.routes import ROUTES
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.pages import build_site
from euthymia.ground.errors import EuthymiaError
from euthymia.security.policy import ROLES
from small_clinic import DOCTOR, MINE, OTHER_DOCTOR, OTHERS, TASK, decide_consent, subject_of

NOBODY = "MRN-404"
EVIL = "dr-nobody"


def answer_of(response: httpx.Response) -> tuple[object, ...]:
    """Return all of an answer but the numbers that differ from call to call by themselves."""
    headers = {k: v for k, v in response.headers.items() if k not in {"x-request-id", "date"}}
    text = re.sub(r"L-\d+-[0-9a-f]{8}", "L", response.text)
    headers.pop("content-length", None)
    return response.status_code, headers, text


def ask(api: Api, patient: object, **more: object) -> httpx.Response:
    body = {"patient_id": patient, "model": TASK} | more
    return api.send(content=json.dumps(body).encode())


def forms_of(api: Api, identifier: str) -> list[str]:
    """Return every way in which an address or a body may name a person."""
    subject = subject_of(api.clinic, identifier) if identifier != NOBODY else "p-" + "a" * 16
    return [subject, identifier, f"urn:euthymia:mrn|{identifier}", subject.upper(), f" {subject}"]


def test_idor_in_every_body_of_the_api(api: Api):
    """Is a clinician, names another's patient in every way there is; wants the answer or a hint."""
    bodies = {path for path, row in ROUTES.items() if "POST" in row}
    assert bodies == {URL}  # a new one belongs in this attack
    assert ask(api, MINE).status_code == 200
    for theirs, nobodys in zip(forms_of(api, OTHERS), forms_of(api, NOBODY), strict=True):
        answer = ask(api, theirs)
        assert slug(answer) == "care-relationship"
        assert answer_of(answer) == answer_of(ask(api, nobodys))


def addresses_of_records(api: Api) -> list[tuple[str, str]]:
    """Return every (method, address) of the pages that takes a patient, as the site has them."""
    site = build_site(ClinicBackend.of(api.clinic))
    found = [
        (method, r.path)
        for r in site.routes
        if isinstance(r, Route) and "{" in r.path and r.path != "/static/{path:path}"
        for method in sorted((r.methods or set()) - {"HEAD"})
    ]
    assert all(path.startswith("/patients/{pid}") for _, path in found)  # others: their own attack
    assert {("GET", "/patients/{pid}"), ("POST", "/patients/{pid}/notes")} <= set(found)
    return found


FILLED = {
    "text": "x", "step": "ask", "instrument": "phq9", "avoid": "", "prefer": "", "ruled_out": "",
    "purpose": "research", "permit": "1", "because": "said so", "move": "acknowledge",
    "reason": "will-contact", "words": "", **{f"a{n}": "0" for n in range(1, 10)},
}  # fmt: skip
"""A form that every address of a record takes, for somebody who may."""


def put(
    api: Api, method: str, path: str, who: str, cookie: dict[str, str], csrf: str
) -> httpx.Response:
    address = path.format(pid=quote(who, safe=""), alert="x")
    if method == "GET":
        return api.many([(method, address, None, cookie)])[0]
    headers = cookie | {"content-type": FORM, "sec-fetch-site": "same-origin"}
    body = urlencode(FILLED | {"csrf": csrf}).encode()
    return api.many([(method, address, body, headers)])[0]


def csrf_of(api: Api, cookie: dict[str, str]) -> str:
    page = api.many([("GET", "/account", None, cookie)])[0].text
    return re.search(r'name="csrf" value="([0-9a-f]+)"', page)[1]


def test_idor_in_every_address_of_the_pages(api: Api):
    """Is signed in, puts another's patient into every address that takes one, by every method."""
    taking = addresses_of_records(api)
    cookie = session_cookie(api.clinic, DOCTOR)
    csrf, mine = csrf_of(api, cookie), subject_of(api.clinic, MINE)
    for method, path in taking:  # what is sent would pass for one's own; only an alert is not there
        status = put(api, method, path, mine, cookie, csrf).status_code
        assert status in ({404} if "{alert}" in path else {200, 303}), (method, path)
    before = api.clinic.store.version()
    pairs = list(zip(forms_of(api, OTHERS), forms_of(api, NOBODY), strict=True))
    for method, path in taking:
        for theirs, nobodys in pairs if path == "/patients/{pid}" else pairs[:1]:
            got = [put(api, method, path, one, cookie, csrf) for one in (theirs, nobodys)]
            assert [answer.status_code for answer in got] == [404, 404], (method, path)
            texts = [
                re.sub(re.escape(one), "WHO", re.sub(r"[0-9a-f]{8,}", "N", a.text))
                for one, a in zip((theirs, nobodys), got, strict=True)
            ]
            assert texts[0] == texts[1]
    assert api.clinic.store.version() == before


@pytest.mark.parametrize("role", sorted(ROLES - {"clinician", "coordinator"}))
def test_idor_in_every_address_by_every_other_role(api: Api, role: str):
    """Is a patient, or runs the machine: wants a record's pages, or to learn who is on record."""
    me = subject_of(api.clinic, MINE)
    cookie = session_cookie(api.clinic, me if role == "patient" else DOCTOR, role)
    csrf, before = csrf_of(api, cookie), api.clinic.store.version()
    everybody = (me, subject_of(api.clinic, OTHERS), "p-" + "a" * 16)
    for method, path in addresses_of_records(api):
        got = {put(api, method, path, who, cookie, csrf).status_code for who in everybody}
        assert len(got) == 1, (method, path)
        assert got <= {403, 404}, (method, path)
    assert api.clinic.store.version() == before


def test_static_files_of_other_folders(api: Api):
    """Asks the address of the pages' style for the clinic's keys."""
    for path in ("../../../keys/master.key", "..%2f..%2fkeys%2fmaster.key", "/etc/passwd",
                 "vendor/../../pages.py", "%2e%2e/euthymia.toml", "app.css%00.key"):  # fmt: skip
        for method in ("GET", "HEAD"):
            answer = api.many([(method, f"/static/{path}", None, {})])[0]
            assert answer.status_code == 404
            assert b"root:" not in answer.content


@pytest.mark.parametrize(
    "probe",
    ["*", "%", "MRN-%", "MRN-_", "MRN-?", "MRN-.", "' OR '1'='1", "MRN-1' --", "MRN-1;", "|MRN-1",
     "urn:euthymia:mrn|", "urn:euthymia:mrn|*", "Person 1", "1980-01-01", "dr-lind",
     "Patient/MRN-1", "../MRN-1", "MRN-1\n", "MRN-1\u0000", "\uff2d\uff32\uff2e-1", "mrn-1", "0",
     "null"],
)  # fmt: skip
def test_identifier_with_a_wild_card_or_a_name(api: Api, probe: str):
    """Searches by pattern, name, birth date or SQL where only whole identifiers are looked up."""
    assert answer_of(ask(api, probe)) == answer_of(ask(api, NOBODY))


@pytest.mark.parametrize("probe", [["MRN-1"], {"$ne": ""}, None, 1, True, "", "M" * 257])
def test_identifier_of_another_type(api: Api, probe: object):
    """Sends a list, an operator or nothing as the patient, wants everybody."""
    answer = ask(api, probe)
    assert answer.status_code == 422
    assert "MRN" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/Patient", "/fhir/Patient?_include=*", "/v1/Patient?_revinclude=Observation:subject",
     "/v1/patients", "/v1/analyze?patient_id=MRN-1&_include=*", "/Observation?subject:x.name=P",
     "/patients", "/patients/", "/patients?_count=1000", "/v1/models?expand=people", "/graphql",
     "/$export", "/.git/config", "/keys/master.key", "/clinic.db", "/debug", "/admin", "/backup"],
)  # fmt: skip
def test_search_that_is_not_there(api: Api, path: str):
    """Knows FHIR servers: tries `_include`, `$export`, chained search and files of the home."""
    cookie = session_cookie(api.clinic, DOCTOR)
    bearer = {"authorization": f"Bearer {api.token}"}
    secrets = ("Person ", "MRN-", "1980-", *(subject_of(api.clinic, m) for m in (MINE, OTHERS)))
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
        answer = api.many([(method, path, None, cookie | bearer)])[0]
        assert answer.status_code in {200, 403, 404, 405, 415}
        if answer.status_code == 200:
            assert path.startswith("/v1/models")
        assert [s for s in secrets if s in answer.text] == []


def test_unknown_patient_and_anothers_take_equally_long(api: Api):
    """Times refusals, wants to tell an unknown number from one that the clinic has."""
    taken: dict[str, list[int]] = {OTHERS: [], NOBODY: []}
    for _ in range(5):
        for who, lengths in taken.items():
            lengths.append(steps(lambda one=who: ask(api, one)))
            assert ask(api, who).status_code == 403
    theirs, nobodys = (statistics.median(lengths) for lengths in taken.values())
    assert theirs > 100
    assert abs(theirs - nobodys) < 0.02 * nobodys


def test_withdrawn_consent_is_not_told_to_strangers(api: Api):
    """Is not in the care team, wants to learn from the refusal that consent was withdrawn."""
    before = answer_of(ask(api, OTHERS))
    decide_consent(api.clinic, OTHERS, permit=False)
    assert answer_of(ask(api, OTHERS)) == before


@pytest.mark.parametrize("role", sorted(ROLES - {"clinician"}))
def test_role_that_may_not_ask(api: Api, role: str):
    """Holds a true token of another role, wants a clinician's answer with it."""
    api.token = token(api.clinic, DOCTOR, role)
    mine, theirs = ask(api, MINE), ask(api, OTHERS)
    assert mine.status_code == 403
    assert answer_of(mine) == answer_of(theirs)  # nor does it say whose patient it is
    assert "probability" not in mine.text


@pytest.mark.parametrize(
    "name",
    [
        "role",
        "x-role",
        "x-user",
        "x-forwarded-user",
        "remote-user",
        "x-original-url",
        "x-http-method-override",
        "x-euthymia-role",
    ],
)
def test_role_in_a_header(api: Api, name: str):
    """Adds a header that proxies set, wants to be another user or role."""
    api.token = token(api.clinic, EVIL, "clinician")
    for value in (DOCTOR, "it", "supervisor", "/metrics", "GET"):
        answer = api.send(
            content=json.dumps({"patient_id": MINE, "model": TASK}).encode(),
            headers={name: value},
        )
        assert slug(answer) == "care-relationship"
    entry = api.lines()[-1]
    assert (entry.actor, entry.role) == (EVIL, "clinician")


def test_metrics_by_pretending_to_be_this_machine(api: Api):
    """Is far away, claims to call from the loopback to read the metrics without a token."""
    for claim in ({"x-forwarded-for": "127.0.0.1"}, {"x-real-ip": "::1"}, {"host": "localhost"},
                  {"forwarded": "for=127.0.0.1"}, {"origin": "http://127.0.0.1"}):  # fmt: skip
        assert api.many([("GET", "/metrics", None, claim)])[0].status_code == 401
    behind = Api(api.clinic, client=("127.0.0.1", 9))
    got = behind.many([("GET", "/metrics", None, {"x-forwarded-for": "198.51.100.7"})])[0]
    assert got.status_code == 401


@pytest.mark.parametrize(
    "more",
    [{"role": "it"}, {"user": OTHER_DOCTOR}, {"purpose": "research"}, {"consent": True},
     {"threshold": 0.0}, {"emergency": True}, {"__class__": "x"}, {"version": 1}, {"Model": "x"}],
)  # fmt: skip
def test_mass_assignment_in_a_body(api: Api, more: dict[str, object]):
    """Adds fields to a body that the server has elsewhere, wants them taken over."""
    answer = ask(api, MINE, **more)
    assert slug(answer) == "schema"
    assert next(iter(more)) not in answer.json()["detail"].split("known are")[0]


def test_field_given_twice(api: Api):
    """Names their own patient first and another's last, wants check and use to differ."""
    raw = f'{{"patient_id":"{MINE}","model":"{TASK}","patient_id":"{OTHERS}"}}'
    assert slug(api.send(content=raw.encode())) in {"care-relationship", "schema", "bad-request"}
    raw = f'{{"patient_id":"{OTHERS}","model":"{TASK}","patient_id":"{MINE}"}}'
    answer = api.send(content=raw.encode())
    if answer.status_code == 200:
        assert answer.json()["patient_id"] == subject_of(api.clinic, MINE)


def test_mass_assignment_in_every_form(api: Api):
    """Adds user, role and others' fields to every form of the pages, wants to act as them."""
    cookie = session_cookie(api.clinic, EVIL)
    page = api.many([("GET", "/account", None, cookie)])[0].text
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page)[1]
    before = api.clinic.accounts.file.now()
    site = build_site(ClinicBackend.of(api.clinic))
    posts = [r.path for r in site.routes if isinstance(r, Route) and "POST" in (r.methods or ())]
    assert len(posts) >= 9
    theirs = session_cookie(api.clinic, OTHER_DOCTOR)
    form = {"csrf": csrf, "user": OTHER_DOCTOR, "role": "supervisor", "actor": OTHER_DOCTOR,
            "minutes": "9999", "patient": OTHERS, "subject": OTHERS}  # fmt: skip
    headers = cookie | {"content-type": FORM, "sec-fetch-site": "same-origin"}
    for path in posts:
        if path == "/signout":
            continue
        answer = api.many([("POST", path, urlencode(form).encode(), headers)])[0]
        assert answer.status_code in {303, 401, 403, 404, 422}, path
        told = answer.headers.get("set-cookie", "")
        ended = not told or "max-age=0" in told.lower()
        assert ended or told.startswith("euthymia-language=en;"), path  # says nothing of who asks
    assert OTHER_DOCTOR not in {line.actor for line in api.clinic.ledger.entries()}
    assert api.many([("GET", "/", None, theirs)])[0].status_code == 200  # theirs was not ended
    after = api.clinic.accounts.file.now()
    assert {u: a.role for u, a in after.accounts.items()} == {
        u: a.role for u, a in before.accounts.items()
    }


def test_too_many_or_repeated_form_fields(api: Api):
    """Sends thousands of fields or one twice, wants time, or another value than was checked."""
    headers = {"content-type": FORM, "sec-fetch-site": "same-origin"}
    for body in (urlencode([(f"f{i}", "x") for i in range(500)]), "code=" + "x" * 100_000,
                 "user=a&user=b&password=c&otp=1"):  # fmt: skip
        answer = api.many([("POST", "/signin/password", body.encode(), headers)])[0]
        assert answer.status_code in {400, 403, 413}
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "line",
    ['everyone_on_care_team = ["dr-evil"]', 'admin = "dr-evil"', "[clinic.more]\nrole = 1",
     '[backdoor]\nopen = true', '__proto__ = 1', 'Name = "x"'],
)  # fmt: skip
def test_mass_assignment_in_the_settings(api: Api, line: str):
    """Adds a line to the settings, wants it taken over quietly."""
    path = api.clinic.home.config_file
    text = path.read_text(encoding="utf-8")
    known = line.partition(" ")[0] in text
    path.write_text(
        re.sub(r"(?m)^everyone_on_care_team.*$", line, text) if known else f"{line}\n{text}",
        encoding="utf-8",
    )
    if known:
        load(path)  # fits the schema: what stops it is the seal
    else:
        with pytest.raises(EuthymiaError):
            load(path)
    from euthymia.app.clinic import Clinic

    with pytest.raises(EuthymiaError):
        Clinic.open(api.clinic.home.path)
