"""What the API answers: the keys, the three ways to give features, metrics, health, concurrency."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from api_calls import Api, slug, token
from euthymia.app.analyze import Analyzer
from euthymia.app.clinic import Clinic
from euthymia.app.http.health import Health, Readiness
from euthymia.app.http.models import ModelList
from euthymia.app.http.openapi import document
from euthymia.app.http.routes import ROUTES
from euthymia.app.problems import KINDS, Problem
from euthymia.app.question import AnalyzeRequest, Answer
from euthymia.app.shelf import Model
from euthymia.security.receipt import open_receipt
from small_clinic import (
    DOCTOR,
    MINE,
    TASK,
    Hands,
    copied_clinic,
    give_features,
    subject_of,
    trained,
)

KEYS = [
    "patient_id",
    "model",
    "model_version",
    "model_digest",
    "synthetic",
    "probability",
    "interval",
    "decision",
    "abstained_because",
    "outcomes",
    "reasons",
    "coverage",
    "data_age_hours",
    "ledger_entry",
    "receipt",
]


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def clinic(tmp_path: Path, clock: Hands) -> Iterator[Clinic]:
    with copied_clinic(tmp_path, clock) as clinic:
        give_features(clinic, MINE)
        yield clinic


@pytest.fixture
def api(clinic: Clinic) -> Api:
    return Api(clinic)


@pytest.fixture
def model(api: Api) -> Model:
    return api.app.services.analyzer.shelf.all()[0]


def middle(model: Model) -> list[float | None]:
    """Return a vector well inside what was seen, not in an episode, its last feature not known."""
    known: list[float | None] = [
        0.75 * (f.seen_low or 0) + 0.25 * (f.seen_high or 0) for f in model.bundle.features
    ]
    return [*known[:-1], None]


def without_entry(response: Any) -> dict[str, Any]:
    answer: dict[str, Any] = response.json()
    answer.pop("ledger_entry")
    answer.pop("receipt")
    return answer


def test_the_answer_has_exactly_the_keys_that_scripts_rely_on(api: Api, model: Model) -> None:
    response = api.ask(feature_vector=middle(model))
    assert response.status_code == 200
    answer = response.json()
    assert list(answer) == KEYS
    assert (answer["model"], answer["model_version"]) == (TASK, "1")
    assert answer["model_digest"] == model.digest
    assert answer["patient_id"] == subject_of(api.clinic, MINE)
    assert 0 <= answer["interval"][0] <= answer["probability"] <= answer["interval"][1] <= 1
    assert answer["abstained_because"] is None
    assert answer["data_age_hours"] is None
    size = len(model.position)
    assert answer["coverage"] == pytest.approx((size - 1) / size)
    pushes = [abs(r["contribution"]) for r in answer["reasons"]]
    assert pushes
    assert pushes == sorted(pushes, reverse=True)
    assert all((r["contribution"] > 0) == (r["direction"] == "raises") for r in answer["reasons"])


def test_the_same_features_by_name_and_by_place_are_the_same_question(
    api: Api, model: Model
) -> None:
    vector = middle(model)
    named = {n: v for n, v in zip(model.position, vector, strict=True) if v is not None}
    shuffled = dict(reversed(named.items()))
    told = [
        without_entry(api.ask(feature_vector=vector)),
        without_entry(api.ask(features=named)),
        without_entry(api.ask(features=shuffled | {list(model.position)[-1]: None})),
    ]
    assert told[0] == told[1] == told[2]


def test_every_identifier_of_the_patient_asks_about_the_same_person(api: Api, model: Model) -> None:
    vector = middle(model)
    by_number = api.ask(feature_vector=vector)
    by_pseudonym = api.ask(patient_id=subject_of(api.clinic, MINE), feature_vector=vector)
    assert without_entry(by_number) == without_entry(by_pseudonym)


def test_without_features_the_stored_ones_are_taken_and_their_age_is_told(
    api: Api, model: Model, clock: Hands
) -> None:
    first = api.ask().json()
    assert first["probability"] is not None
    assert first["coverage"] == 1.0
    clock.turn(timedelta(minutes=4))
    later = api.ask().json()
    assert later["data_age_hours"] == pytest.approx(first["data_age_hours"] + 4 / 60)
    assert later["probability"] == first["probability"]
    data = api.clinic.subject_data(subject_of(api.clinic, MINE), _audit(api))
    from euthymia.ground.clock import to_micros

    vector, _, _ = model.describe(data, to_micros(clock()))
    given = api.ask(feature_vector=[None if np.isnan(v) else float(v) for v in vector]).json()
    assert given["probability"] == pytest.approx(first["probability"], abs=1e-9)


def _audit(api: Api) -> Any:
    from euthymia.ground.audit import Entry, Purpose
    from small_clinic import TEST

    return Entry(TEST, "describe patient", Purpose.CARE, subject_of(api.clinic, MINE))


def test_old_features_are_described_anew(api: Api, clock: Hands) -> None:
    api.ask()
    clock.turn(timedelta(minutes=50))
    again = api.ask().json()
    assert again["data_age_hours"] > 12.8
    described = [e for e in api.clinic.ledger.entries() if e.action == "describe patient"]
    assert {line.actor for line in described} == {"dr-lind"}


def test_new_features_are_seen_at_once(api: Api) -> None:
    before = api.ask().json()
    give_features(api.clinic, MINE, days=3)
    after = api.ask().json()
    assert after["coverage"] == before["coverage"]
    give_features(api.clinic, "MRN-4")
    assert api.ask(patient_id="MRN-4").json()["probability"] is not None


def test_a_person_without_data_gets_an_abstention_that_says_why(api: Api) -> None:
    answer = api.ask(patient_id="MRN-4").json()
    assert (answer["probability"], answer["interval"], answer["decision"]) == (
        None,
        None,
        "abstain",
    )
    assert "coverage 0%" in answer["abstained_because"]
    assert answer["reasons"] == []


def test_the_decision_follows_the_cards_threshold(api: Api, model: Model) -> None:
    told = api.ask(feature_vector=middle(model)).json()
    for threshold, decision in ((0.0, "review"), (1.0, "no action")):
        model.threshold = threshold
        assert api.ask(feature_vector=middle(model)).json()["decision"] == decision
    model.threshold = told["probability"]
    assert api.ask(feature_vector=middle(model)).json()["decision"] == "review"


def test_a_release_holds_from_the_next_call(api: Api) -> None:
    assert api.ask().json()["model_version"] == "1"
    api.clinic.registry.add(trained(seed=2))
    assert api.ask().json()["model_version"] == "1"
    api.clinic.registry.release(TASK)
    assert api.ask().json()["model_version"] == "2"
    assert api.ask(model=f"{TASK}@2").status_code == 200
    assert slug(api.ask(model=f"{TASK}@1")) == "model-not-found"


def test_everybody_on_the_care_team_by_setting_may_ask(api: Api) -> None:
    api.token = token(api.clinic, user="somebody")
    assert slug(api.ask()) == "care-relationship"
    object.__setattr__(api.clinic.config.clinic, "everyone_on_care_team", ("somebody",))
    assert api.ask().status_code == 200


def test_a_changed_care_team_holds_from_the_next_call(api: Api) -> None:
    who = subject_of(api.clinic, MINE)
    assert api.ask().status_code == 200
    api.clinic.store.put_care_team(who, ["dr-berg"], _audit(api))
    assert slug(api.ask()) == "care-relationship"


def test_a_hundred_calls_at_once_have_a_hundred_entries(api: Api, model: Model) -> None:
    content = msgspec.json.encode(
        {"patient_id": MINE, "model": TASK, "feature_vector": middle(model)}
    )
    headers = {"authorization": f"Bearer {api.token}", "content-type": "application/json"}
    told = api.many([("POST", "/v1/analyze", content, headers)] * 100)
    assert {r.status_code for r in told} == {200}
    ids = {r.json()["ledger_entry"] for r in told}
    assert len(ids) == 100
    assert ids == {line.id for line in api.lines()}
    assert len({r.headers["x-request-id"] for r in told}) == 100
    assert api.clinic.ledger.verify() == []


def test_an_answer_waits_for_its_entry_to_be_durable(api: Api, model: Model) -> None:
    """When the answer can be read, its entry is below the signed head on disk."""
    from euthymia.security.ledger import Ledger

    entry = api.ask(feature_vector=middle(model)).json()["ledger_entry"]
    other = Ledger.open(api.clinic.home.ledger, api.clinic.keyring, clock=api.clinic.clock)
    try:
        assert entry in {line.id for line in other.entries()}
        assert other.head()[0] >= int(entry.split("-")[1])
    finally:
        other.close()


def test_the_command_line_asks_the_same_and_gets_the_same(api: Api, model: Model) -> None:
    analyzer = Analyzer(api.clinic)
    claims = analyzer.authenticate(api.token)
    vector = middle(model)
    answer = analyzer.ask(AnalyzeRequest(MINE, TASK, vector), claims)
    over_http = without_entry(api.ask(feature_vector=vector))
    told = msgspec.to_builtins(answer)
    assert told.pop("ledger_entry") == api.lines()[0].id
    receipt = open_receipt(told.pop("receipt"), api.clinic.keyring.verifier("ledger"))
    assert receipt.entry.action == "analyze patient"
    assert DOCTOR not in receipt.entry.user  # the clinic alone reads who it was
    assert api.lines()[0].actor == DOCTOR
    assert msgspec.json.decode(msgspec.json.encode(told)) == over_http
    refused = analyzer.ask(AnalyzeRequest("nobody", TASK), claims)
    assert isinstance(refused, Problem)
    assert refused.status == 403
    assert refused.instance.endswith(api.lines()[-1].id)


# -- the other addresses ---------------------------------------------------------------------


def test_models_are_listed_with_their_features_in_order(api: Api, model: Model) -> None:
    for role in ("clinician", "coordinator", "scientist", "it"):
        api.token = token(api.clinic, role=role)
        response = api.send("GET", "/v1/models")
        assert response.status_code == 200
    (told,) = response.json()["models"]
    assert [f["name"] for f in told["features"]] == list(model.position)
    assert (told["model"], told["purposes"]) == (TASK, ["monitoring"])
    assert told["synthetic"] is True
    assert api.lines()[-1].id == response.json()["ledger_entry"]


def test_models_are_for_those_who_may_see_them(api: Api) -> None:
    api.token = token(api.clinic, role="patient")
    assert slug(api.send("GET", "/v1/models")) == "role"
    assert slug(api.send("GET", "/v1/models", headers={"authorization": ""})) == "token"
    assert [line.detail["outcome"] for line in api.lines()] == ["role", "token"]


def test_health_needs_no_token_and_touches_nobody(api: Api) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
        response = api.send("GET", path, headers={"authorization": "", "content-type": ""})
        assert response.status_code == 200
        head = api.send("HEAD", path)
        assert head.status_code == 200
        assert head.content == b""
    assert api.lines() == []


def test_a_warm_server_has_opened_its_models_and_pages(api: Api, monkeypatch) -> None:
    api.app.warm()
    monkeypatch.setattr(type(api.clinic.registry), "load", None)  # nobody is to wait for it now
    assert api.ask().status_code == 200
    assert api.app._pages is not None


def test_metrics_count_and_name_nobody(api: Api) -> None:
    api.ask()
    api.ask(patient_id="Mary Smith")
    text = api.send("GET", "/metrics").text
    assert 'route="/v1/analyze",method="POST",status="200"} 1' in text
    assert 'outcome="care-relationship"} 1' in text
    who = subject_of(api.clinic, MINE)
    assert not [word for word in ("Mary", MINE, who, "dr-lind") if word in text]
    assert "euthymia_models_released 1" in text
    assert "euthymia_ledger_up 1" in text


def test_metrics_from_afar_need_a_token_of_it(clinic: Clinic) -> None:
    afar = Api(clinic, client=("192.0.2.7", 4))
    assert slug(afar.send("GET", "/metrics", headers={"authorization": ""})) == "token"
    assert slug(afar.send("GET", "/metrics")) == "role"
    afar.token = token(clinic, role="it")
    assert afar.send("GET", "/metrics").status_code == 200
    near = Api(clinic)
    proxied = {"x-forwarded-for": "127.0.0.1", "authorization": ""}
    assert slug(near.send("GET", "/metrics", headers=proxied)) == "token"


def test_the_log_names_our_routes_and_nothing_that_was_sent(clinic: Clinic) -> None:
    api = Api(clinic)
    api.ask(patient_id="Mary Smith")
    api.send("GET", "/v1/patients/Mary?born=1980")
    api.send("GET", "/healthz")
    lines = [line.split(" ", 1)[1] for line in api.app.services.log.lines]
    assert [line.rsplit(" ", 1)[0] for line in lines] == [
        "POST /v1/analyze 403",
        "GET none 404",
        "GET /healthz 200",
    ]


# -- the description and the real answers ------------------------------------------------------


def fits(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Hold a value to the part of JSON Schema that our description uses."""
    if "$ref" in schema:
        fits(value, schemas[schema["$ref"].rpartition("/")[2]], schemas)
        return
    if "anyOf" in schema:
        assert any(_fits(value, part, schemas) for part in schema["anyOf"])
        return
    if "enum" in schema:
        assert value in schema["enum"]
        return
    kind = schema.get("type")
    types = {"string": str, "integer": int, "boolean": bool, "null": type(None)}
    if kind == "number":
        assert isinstance(value, int | float)
    elif kind in types:
        assert isinstance(value, types[kind])
    elif kind == "array":
        assert isinstance(value, list)
        for i, part in enumerate(value):
            inner = schema.get("prefixItems")
            fits(part, inner[i] if inner else schema["items"], schemas)
    elif kind == "object" and "properties" in schema:
        assert set(schema.get("required", ())) <= set(value) <= set(schema["properties"])
        for name, part in value.items():
            fits(part, schema["properties"][name], schemas)


def _fits(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> bool:
    try:
        fits(value, schema, schemas)
    except AssertionError:
        return False
    return True


def test_real_answers_fit_the_description(api: Api, model: Model) -> None:
    whole = document(ROUTES)
    schemas = whole["components"]["schemas"]
    calls = [
        ("POST", "/v1/analyze", api.ask(feature_vector=middle(model)), Answer),
        ("POST", "/v1/analyze", api.ask(patient_id="MRN-4"), Answer),
        ("POST", "/v1/analyze", api.ask(model="none"), Problem),
        ("POST", "/v1/analyze", api.ask(patient_id="nobody"), Problem),
        ("POST", "/v1/analyze", api.send(content=b"{"), Problem),
        ("GET", "/v1/models", api.send("GET", "/v1/models"), ModelList),
        ("GET", "/healthz", api.send("GET", "/healthz"), Health),
        ("GET", "/readyz", api.send("GET", "/readyz"), Readiness),
    ]
    for method, path, response, kind in calls:
        told = whole["paths"][path][method.lower()]["responses"][str(response.status_code)]
        media = response.headers["content-type"]
        fits(response.json(), told["content"][media]["schema"], schemas)
        strict = msgspec.json.decode(response.content, type=kind)
        assert msgspec.json.decode(msgspec.json.encode(strict)) == response.json()
    assert not _fits({"patient_id": 1}, schemas["Answer"], schemas)


def test_each_refusal_of_the_call_is_described(api: Api) -> None:
    told = document(ROUTES)["paths"]["/v1/analyze"]["post"]["responses"]
    outside = {"not-found"}  # of an address that is none
    assert {KINDS[k].status for k in set(KINDS) - outside} <= {int(s) for s in told}
    assert api.ask(model="none").status_code == 404
