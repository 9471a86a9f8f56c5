"""Every address of the API and the pages x role x relation x consent, through the application.

The table below says which action each address asks the policies for. An address that is not in it
fails the first test, so a new one cannot be forgotten. What is expected comes from the plain
evaluator of `policy_oracle`, not from the policies. Every address asks for the purpose of care; the
other purposes are asked of the policies themselves in `test_security_policy.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from urllib.parse import urlencode

import pytest
from starlette.routing import Route

import policy_oracle
from api_calls import URL, Api, token
from euthymia.app.clinic import Clinic
from euthymia.app.http.routes import ROUTES
from euthymia.app.web.backend import ClinicBackend
from euthymia.app.web.pages import build_site
from euthymia.security.token import Kind, More
from small_clinic import DOCTOR, OTHER_DOCTOR, TASK, copied_clinic, subject_of

PUBLIC = None
OWN = ""  # one's own account: signed in is enough
OWN_RECORD = "the record of the patient who asks"  # these askers are nobody's patient: never
ACTIONS = {
    ("POST", "/v1/analyze"): "analyze",
    ("GET", "/v1/models"): "view model list",
    ("GET", "/metrics"): "view metrics",  # from afar; this machine's own caller is let in
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/openapi.json"): PUBLIC,
    ("GET", "/docs"): PUBLIC,
    ("GET", "/"): "view worklist",
    ("GET", "/patients/{pid}"): "view patient",
    ("GET", "/models"): "view model list",
    ("GET", "/worklist/changes"): "view worklist",
    ("GET", "/patients/{pid}/timeline"): "view patient",
    ("GET", "/patients/{pid}/measures"): "view patient",
    ("POST", "/patients/{pid}/measures"): "write record",
    ("POST", "/patients/{pid}/notes"): "write record",
    ("GET", "/patients/{pid}/options"): "view patient",
    ("POST", "/patients/{pid}/options"): "write record",
    ("GET", "/patients/{pid}/plan"): "view patient",
    ("POST", "/patients/{pid}/plan"): "write record",
    ("GET", "/patients/{pid}/safety"): "view patient",
    ("POST", "/patients/{pid}/safety"): "write record",
    ("GET", "/patients/{pid}/consent"): "view patient",
    ("POST", "/patients/{pid}/consent"): "change consent",
    ("GET", "/alerts"): "view worklist",
    ("GET", "/patients/{pid}/episodes/{alert}"): OWN,  # there is no alert here: test_web_record
    ("POST", "/patients/{pid}/episodes/{alert}"): OWN,
    ("GET", "/quality"): "view quality",
    ("GET", "/alert-policy"): "view quality",
    ("POST", "/alert-policy"): "view quality",
    ("GET", "/me"): OWN_RECORD,
    ("POST", "/me/consent"): OWN_RECORD,
    ("GET", "/me/check-in"): OWN_RECORD,
    ("POST", "/me/check-in"): OWN_RECORD,
    ("GET", "/crisis"): PUBLIC,
    ("POST", "/language"): PUBLIC,
    ("GET", "/signin"): PUBLIC,
    ("POST", "/signin"): PUBLIC,
    ("POST", "/signin/password"): PUBLIC,
    ("POST", "/signin/passkey"): PUBLIC,
    ("POST", "/enrol/passkey"): PUBLIC,
    ("POST", "/account/passkey"): OWN,
    ("GET", "/signin/oidc"): PUBLIC,
    ("GET", "/signin/oidc/callback"): PUBLIC,
    ("GET", "/enrol"): PUBLIC,
    ("POST", "/enrol"): PUBLIC,
    ("GET", "/emergency"): "break glass",
    ("POST", "/emergency"): "break glass",
    ("POST", "/emergency/end"): OWN,  # one's own emergency, which only a clinician has
    ("GET", "/emergencies"): "view emergencies",
    ("POST", "/emergencies/seen"): "view emergencies",
    ("GET", "/account"): OWN,
    ("POST", "/account/everywhere"): OWN,
    ("POST", "/account/password"): OWN,
    ("POST", "/signout"): PUBLIC,
    ("GET", "/static/{path:path}"): PUBLIC,
}
PUBLIC_FORMS = {
    "/signin",
    "/signin/password",
    "/signin/passkey",
    "/enrol",
    "/enrol/passkey",
    "/language",
}
WHO = {  # (in the care team, consent to monitoring): who asks about whom
    (True, True): (DOCTOR, "MRN-1"),
    (True, False): (DOCTOR, "MRN-3"),
    (False, True): (DOCTOR, "MRN-2"),
    (False, False): (OTHER_DOCTOR, "MRN-3"),
}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with copied_clinic(tmp_path_factory.mktemp("routes")) as opened:
        yield opened


def addresses(clinic: Clinic) -> set[tuple[str, str]]:
    """Return every method and path that the server answers, as the application has them."""
    found = {(method, path) for path, row in ROUTES.items() for method in row}
    for route in build_site(ClinicBackend.of(clinic)).routes:
        assert isinstance(route, Route)
        found |= {(method, route.path) for method in (route.methods or ()) if method != "HEAD"}
    return found


def test_every_address_has_its_row(clinic: Clinic):
    assert addresses(clinic) == set(ACTIONS)


@dataclass(frozen=True)
class Asker:
    user: str
    role: str
    subject: str


def session_of(clinic: Clinic, who: Asker) -> str:
    """Return a session token, as whoever signed in with a link has it."""
    now = clinic.clock()
    more = More(began=int(now.timestamp()), proofs=("link",))
    return clinic.tokens.issue(
        who.user, who.role, now=now, lifetime=timedelta(minutes=15), kind=Kind.SESSION, more=more
    )


def ask(api: Api, method: str, path: str, who: Asker) -> int:
    """Send what the address takes, as that user in that role; return the status."""
    if path in ROUTES:
        headers = {
            "authorization": f"Bearer {token(api.clinic, who.user, who.role)}",
            "content-type": "application/json",
        }
        body = None
        if path == URL:
            body = f'{{"patient_id": "{who.subject}", "model": "{TASK}"}}'.encode()
        return api.many([(method, path, body, headers)])[0].status_code
    session = session_of(api.clinic, who)
    headers = {"cookie": f"euthymia={session}"}
    address = path.format(pid=who.subject, alert="none")
    if method == "GET":
        return api.many([(method, address, None, headers)])[0].status_code
    csrf = ClinicBackend.of(api.clinic).visitor(session).csrf
    form = urlencode({"csrf": csrf, "patient": who.subject, "reason": "x" * 30, "number": "none"})
    headers |= {
        "content-type": "application/x-www-form-urlencoded",
        "sec-fetch-site": "same-origin",
    }
    status = api.many([(method, address, form.encode(), headers)])[0].status_code
    # past the policies the form itself is wanting: a code for the one, a number for the other
    wanting = {422} if "{pid}" in path else {404, 422}
    return 200 if status in wanting else status


CELLS = [
    (method, path, role, *relation)
    for (method, path), action in sorted(ACTIONS.items())
    if action
    for role, relation in product(policy_oracle.PEOPLE, WHO)
]


def test_the_matrix_is_whole():
    asked = sum(bool(action) for action in ACTIONS.values())
    assert len(CELLS) == asked * len(policy_oracle.PEOPLE) * 4


def test_every_cell_answers_as_the_plain_evaluator_says(clinic: Clinic):
    api = Api(clinic, client=("198.51.100.7", 1))
    wrong = []
    for method, path, role, related, consented in CELLS:
        user, identifier = WHO[related, consented]
        who = Asker(user, role, subject_of(clinic, identifier))
        expected = policy_oracle.allowed(
            role,
            ACTIONS[method, path],
            "care",
            care_team=related,
            consented=consented,
            reason=True,
            second_factor=True,
        )
        status = ask(api, method, path, who)
        if (status == 200) is not expected:
            wrong.append((method, path, role, related, consented, status))
        if not expected and status not in {303, 403, 404}:
            wrong.append((method, path, role, related, consented, status))
    assert wrong == []


def test_no_page_shows_a_person_without_a_durable_entry_about_them(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    api = Api(clinic, client=("198.51.100.7", 1))
    who = Asker(DOCTOR, "clinician", subject_of(clinic, "MRN-1"))
    pages = [p for method, p in ACTIONS if method == "GET" and "{pid}" in p and "{alert}" not in p]
    assert len(pages) >= 7
    for path in ("/", *pages):
        before = clinic.ledger.head()[0]
        assert ask(api, "GET", path, who) == 200, path
        told = [line for line in clinic.ledger.entries() if line.seq >= before]
        assert any((line.actor, line.subject) == (DOCTOR, who.subject) for line in told), path
        with monkeypatch.context() as patch:
            patch.setattr(clinic.ledger._files, "write_log", full)
            assert ask(api, "GET", path, who) == 503, path


def test_without_a_token_or_a_session_nothing_is_told(clinic: Clinic):
    api = Api(clinic, client=("198.51.100.7", 1))
    subject = subject_of(clinic, "MRN-1")
    for (method, path), action in ACTIONS.items():
        if action is PUBLIC:
            continue
        body = b'{"patient_id": "MRN-1"}' if method == "POST" else None
        address = path.format(pid=subject, alert="none")
        kind = "application/json" if path in ROUTES else "application/x-www-form-urlencoded"
        headers = {"content-type": kind, "sec-fetch-site": "same-origin"}
        answer = api.many([(method, address, body, headers)])[0]
        assert answer.status_code in {401, 303}, (method, path)


def test_a_form_from_another_site_is_refused_everywhere(clinic: Clinic):
    api = Api(clinic)
    who = Asker(DOCTOR, "clinician", subject_of(clinic, "MRN-1"))
    for method, path in ACTIONS:
        if method != "POST" or path in ROUTES:
            continue
        headers = {
            "cookie": f"euthymia={session_of(clinic, who)}",
            "content-type": "application/x-www-form-urlencoded",
        }
        for site in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}, {}):
            answer = api.many([(method, path, b"csrf=x", headers | site)])[0]
            assert answer.status_code == 403, (path, site)
        own = headers | {"sec-fetch-site": "same-origin"}
        if path not in PUBLIC_FORMS:  # these have no session yet
            assert api.many([(method, path, b"csrf=x", own)])[0].status_code == 403, path
