"""Every refusal of the API: its status, its order, its words, and its line in the ledger."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from api_calls import Api, slug, token
from euthymia.app.clinic import Clinic
from euthymia.ground.errors import EuthymiaError
from euthymia.models.serve import Served
from euthymia.security.token import Kind
from small_clinic import (
    MINE,
    NO_CONSENT,
    OTHERS,
    TASK,
    Hands,
    copied_clinic,
    decide_consent,
    subject_of,
)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def clinic(tmp_path: Path, clock: Hands) -> Iterator[Clinic]:
    with copied_clinic(tmp_path, clock) as clinic:
        yield clinic


@pytest.fixture
def api(clinic: Clinic) -> Api:
    return Api(clinic)


# -- token -----------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["", "Basic ZHI6cHc=", "Bearer", "Bearer x"])
def test_without_a_token_nothing_is_answered(api: Api, header: str) -> None:
    response = api.send(content=b"{}", headers={"authorization": header})
    assert (response.status_code, slug(response)) == (401, "token")
    assert response.headers["www-authenticate"].startswith("Bearer ")


def test_an_expired_token_is_refused(api: Api, clock: Hands) -> None:
    assert api.ask().status_code == 200
    clock.turn(timedelta(hours=1))
    assert slug(api.ask()) == "token"


def test_a_token_of_another_kind_is_refused(api: Api) -> None:
    for kind in (Kind.SESSION, Kind.SIGNIN):
        other = token(api.clinic, kind=kind, hours=0.1)
        response = api.send(content=b"{}", headers={"authorization": f"Bearer {other}"})
        assert (response.status_code, slug(response)) == (401, "token")


def test_a_token_of_another_clinic_is_refused(api: Api, tmp_path: Path) -> None:
    from small_clinic import make_clinic

    other = make_clinic(tmp_path / "other", people=1)
    try:
        foreign = token(other)
    finally:
        other.close()
    assert slug(api.send(content=b"{}", headers={"authorization": f"Bearer {foreign}"})) == "token"


def test_every_changed_character_of_a_token_is_noticed(api: Api) -> None:
    good = api.token
    for at in range(0, len(good), 7):
        letter = "A" if good[at] != "A" else "B"
        api.token = good[:at] + letter + good[at + 1 :]
        assert slug(api.ask()) == "token"


# -- role ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["coordinator", "scientist", "it", "patient"])
def test_a_role_that_may_not_analyze_is_refused(api: Api, role: str) -> None:
    api.token = token(api.clinic, role=role)
    response = api.ask()
    assert (response.status_code, slug(response)) == (403, "role")


# -- patient ---------------------------------------------------------------------------------


def masked(body: bytes) -> bytes:
    return re.sub(rb"L-\d+-[0-9a-f]{8}", b"L", body)


def test_unknown_and_unrelated_patients_cannot_be_told_apart(api: Api) -> None:
    strangers = [OTHERS, subject_of(api.clinic, OTHERS), "nobody", "p-aaaaaaaaaaaaaaaa", "MRN-99"]
    told = [api.ask(patient_id=who) for who in strangers]
    assert {(r.status_code, slug(r)) for r in told} == {(403, "care-relationship")}
    assert len({masked(r.content) for r in told}) == 1
    names = [[k for k, _ in r.headers.multi_items()] for r in told]
    assert all(name == names[0] for name in names)


def test_a_strangers_consent_body_and_model_cannot_be_told_either(api: Api) -> None:
    bodies = [
        {"patient_id": who, **more}
        for who in (OTHERS, "nobody")
        for more in ({}, {"model": "none"}, {"feature_vector": [1]}, {"unknown": 1}, {"model": 3})
    ]
    told = [api.ask(**body) for body in bodies]
    assert len({masked(r.content) for r in told}) == 1


def test_an_erased_patient_is_as_one_who_never_was(api: Api) -> None:
    from euthymia.ground.audit import Entry, Purpose
    from small_clinic import TEST

    unknown = api.ask(patient_id="nobody")
    who = subject_of(api.clinic, MINE)
    assert api.ask().status_code == 200
    api.clinic.store.erase(who, Entry(TEST, "erase subject", Purpose.CARE, who))
    for identifier in (MINE, who):
        assert masked(api.ask(patient_id=identifier).content) == masked(unknown.content)


# -- consent ---------------------------------------------------------------------------------


def test_without_consent_to_monitoring_nothing_is_computed(api: Api) -> None:
    response = api.ask(patient_id=NO_CONSENT)
    assert (response.status_code, slug(response)) == (403, "consent")
    assert "monitoring" in response.json()["detail"]


def test_a_withdrawal_holds_from_the_next_call_and_so_does_a_new_consent(api: Api) -> None:
    vector = [None] * len(api.app.services.analyzer.shelf.all()[0].position)
    for body in ({}, {"feature_vector": vector}, {"features": {}}):
        assert api.ask(**body).status_code == 200
        decide_consent(api.clinic, MINE, permit=False)
        assert slug(api.ask(**body)) == "consent"
        api.clinic.clock.turn(timedelta(seconds=1))  # type: ignore[attr-defined]
        decide_consent(api.clinic, MINE, permit=True)
        assert api.ask(**body).status_code == 200


def test_a_consent_that_ends_ends_without_any_write(api: Api, clock: Hands) -> None:
    from euthymia.gateway.contract import GrantRecord
    from euthymia.ground.audit import Entry, Purpose
    from euthymia.ground.clock import to_micros
    from small_clinic import TEST

    who = subject_of(api.clinic, NO_CONSENT)
    now = to_micros(clock())
    grant = GrantRecord(Purpose.MONITORING, True, now, now + 60_000_000, "a minute")
    api.clinic.store.put_grant(who, grant, Entry(TEST, "set consent", Purpose.CARE, who))
    assert api.ask(patient_id=NO_CONSENT).status_code == 200
    clock.turn(timedelta(seconds=60))
    assert slug(api.ask(patient_id=NO_CONSENT)) == "consent"


# -- schema ----------------------------------------------------------------------------------


def body(**fields: object) -> bytes:
    return msgspec.json.encode({"patient_id": MINE, "model": TASK} | fields)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null x",
        b"\xff\xfe{}",
        b'{"patient_id": "MRN-1", "model": "m", "feature_vector": [NaN]}',
        b'{"patient_id": "MRN-1", "model": "m", "feature_vector": [Infinity]}',
        b'{"patient_id": "MRN-1", "model": "m", "feature_vector": [-Infinity]}',
        b'{"patient_id": "\\ud800", "model": "m"}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"patient_id": "MRN-1", "x": ' + b"[" * 60_000,
    ],
)
def test_what_is_not_json_is_refused(api: Api, content: bytes) -> None:
    response = api.send(content=content)
    assert (response.status_code, slug(response)) == (400, "bad-request")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"[]", "object"),
        (b"null", "object"),
        (b'"MRN-1"', "object"),
        (b"{}", "patient_id"),
        (body(patient_id=1), "patient_id"),
        (body(patient_id=""), "patient_id"),
        (body(patient_id="x" * 257), "patient_id"),
        (body(model=None), "model"),
        (body(model=""), "model"),
        (body(feature_vector="1,2"), "feature_vector"),
        (body(feature_vector=["1"]), "feature_vector"),
        (body(feature_vector=[[1]]), "feature_vector"),
        (body(feature_vector=[True]), "feature_vector"),
        (body(feature_vector=[0.0] * 4097), "feature_vector"),
        (body(features=[1]), "features"),
        (body(features={"phq9.last": "1"}), "features"),
        (body(feature_vector=[1], features={"phq9.last": 1}), "not both"),
        (b'{"patient_id":"MRN-1","model":"' + TASK.encode() + b'","feature_vector":[1e999]}', ""),
    ],
)
def test_what_does_not_fit_the_schema_is_refused(api: Api, content: bytes, word: str) -> None:
    response = api.send(content=content)
    assert (response.status_code, slug(response)) == (422, "schema")
    assert word in response.json()["detail"]


def test_an_unknown_field_is_refused_and_not_repeated(api: Api) -> None:
    response = api.ask(Mary_Smith="1980-01-01")
    assert slug(response) == "schema"
    assert "Mary" not in response.text
    assert "feature_vector" in response.json()["detail"]


def test_the_names_of_features_are_not_repeated_where_a_value_is_wrong(api: Api) -> None:
    response = api.ask(features={"Mary Smith": "x"})
    assert slug(response) == "schema"
    assert "Mary" not in response.text


def test_a_vector_of_another_length_is_refused(api: Api) -> None:
    size = len(api.app.services.analyzer.shelf.all()[0].position)
    for wrong in (0, 1, size - 1, size + 1):
        response = api.ask(feature_vector=[0.0] * wrong)
        assert (response.status_code, slug(response)) == (422, "features")
        assert str(size) in response.json()["detail"]


def test_a_model_whose_features_are_made_otherwise_now_gives_no_estimate(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Served, "matches", lambda *_: False)
    response = api.ask()
    assert (response.status_code, slug(response)) == (422, "features")
    assert "must be trained and released anew" in response.json()["detail"]
    assert "probability" not in response.json()


def test_names_that_the_model_does_not_know_are_refused_with_those_it_knows(api: Api) -> None:
    response = api.ask(features={"phq9.last": 3, "Mary Smith": 4})
    assert (response.status_code, slug(response)) == (422, "features")
    assert "phq9.last" in response.json()["detail"]
    assert "Mary" not in response.text


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(api: Api, kind: str) -> None:
    response = api.send(content=body(), headers={"content-type": kind})
    assert (response.status_code, slug(response)) == (415, "media-type")


def test_a_huge_body_is_refused(api: Api) -> None:
    response = api.send(content=b'{"patient_id": "' + b"x" * 70_000 + b'"}')
    assert (response.status_code, slug(response)) == (413, "too-large")


# -- model -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["none", f"{TASK}@2", "../index", TASK.upper()])
def test_a_model_that_is_not_released_is_not_found(api: Api, name: str) -> None:
    response = api.ask(model=name)
    assert (response.status_code, slug(response)) == (404, "model-not-found")
    assert name not in response.text


def test_models_that_do_not_verify_are_not_asked(api: Api) -> None:
    bundle = next(api.clinic.home.models.glob("*.bundle"))
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.write_bytes(content)
    response = api.ask()
    assert (response.status_code, slug(response)) == (503, "integrity")
    assert api.send("GET", "/v1/models").status_code == 503


# -- the order -------------------------------------------------------------------------------


def test_the_first_check_that_fails_is_told(api: Api) -> None:
    """Start with everything wrong, mend one thing after the other."""
    wrong = {"patient_id": OTHERS, "model": "none", "feature_vector": [0.0], "more": 1}

    def told(**mended: object) -> str:
        return slug(api.ask(**(wrong | mended)))

    good, api.token = api.token, "none"
    assert told() == "token"
    api.token = token(api.clinic, role="it")
    assert told() == "role"
    api.token = good
    assert told() == "care-relationship"
    assert told(patient_id=NO_CONSENT) == "consent"
    assert told(patient_id=MINE) == "schema"
    assert told(patient_id=MINE, more=...) == "model-not-found"
    assert told(patient_id=MINE, more=..., model=TASK) == "features"
    assert api.ask(patient_id=MINE).status_code == 200


# -- the ledger ------------------------------------------------------------------------------


def test_every_call_is_in_the_ledger_with_what_came_of_it(api: Api) -> None:
    good = api.token
    who, other = subject_of(api.clinic, MINE), subject_of(api.clinic, OTHERS)
    api.token = "x"
    told = [api.ask()]
    api.token = good
    told += [
        api.ask(patient_id="nobody"),
        api.ask(patient_id=OTHERS),
        api.ask(model="none"),
        api.ask(feature_vector=[1.0]),
        api.send(content=b"{"),
        api.ask(features={}),
        api.ask(),
    ]
    lines = api.lines()
    assert [(line.actor, line.subject, line.detail["outcome"]) for line in lines] == [
        ("unknown", None, "token"),
        ("dr-lind", None, "care-relationship"),
        ("dr-lind", other, "care-relationship"),
        ("dr-lind", who, "model-not-found"),
        ("dr-lind", who, "features"),
        ("dr-lind", None, "bad-request"),
        ("dr-lind", who, "abstained"),
        ("dr-lind", who, "abstained"),
    ]
    ids = [
        r.json().get("ledger_entry", r.json().get("instance", "")).rpartition(":")[2] for r in told
    ]
    assert ids == [line.id for line in lines]
    assert [line.detail["request"] for line in lines] == [r.headers["x-request-id"] for r in told]
    assert api.clinic.ledger.verify() == []


def test_without_the_ledger_nothing_is_answered(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise EuthymiaError("the ledger could not be written (No space left on device)")

    assert api.ask().status_code == 200
    before = len(api.lines())
    with monkeypatch.context() as patch:
        patch.setattr(api.clinic.ledger, "_commit", full)
        for response in (api.ask(), api.ask(model="none"), api.send("GET", "/v1/models")):
            assert (response.status_code, slug(response)) == (503, "ledger")
            assert "retry-after" in response.headers
            assert "probability" not in response.text
        patch.setattr(api.clinic.ledger, "sync", full)
        assert api.send("GET", "/readyz").status_code == 503
    assert api.send("GET", "/readyz").status_code == 200
    assert api.ask().status_code == 200
    assert len(api.lines()) == before + 1


# -- methods, paths, failures ----------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_another_method_is_refused_with_those_allowed(api: Api, method: str) -> None:
    response = api.send(method)
    assert response.status_code == 405
    assert response.headers["allow"] == "OPTIONS, POST"


def test_options_names_the_methods_and_lets_no_other_site_in(api: Api) -> None:
    response = api.send("OPTIONS", headers={"origin": "http://elsewhere"})
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["allow"] == "OPTIONS, POST"
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/analyse", "/v1/analyze/", "/v1/models/x"])
def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    response = api.send("POST", path, content=b"{}")
    assert (response.status_code, slug(response)) == (404, "not-found")


def test_a_failure_of_ours_is_told_without_its_cause_and_is_in_the_ledger(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise KeyError("Mary Smith, born 1980-01-01")

    monkeypatch.setattr(api.app.services.analyzer, "prepare", fails)
    response = api.ask()
    assert (response.status_code, slug(response)) == (500, "internal")
    request = response.headers["x-request-id"]
    assert "Mary" not in response.text + caplog.text
    assert f"{request} failed: KeyError" in caplog.text
    assert api.lines()[-1].detail == {"outcome": "internal", "request": request}
