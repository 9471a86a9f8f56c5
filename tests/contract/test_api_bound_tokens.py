"""Tokens bound to a key, and tokens for one call, through the application."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from api_calls import URL, Api, slug, token
from euthymia.app.clinic import Clinic
from euthymia.app.home import accept_config
from euthymia.security.token import More
from proofs import Holder
from small_clinic import DOCTOR, NOW, copied_clinic

HERE = f"http://here{URL}"
BODY = b'{"patient_id": "MRN-1", "model": "relapse-30d"}'


@pytest.fixture
def clinic(tmp_path: Path):
    with copied_clinic(tmp_path) as made:
        yield made


def issue(clinic: Clinic, more: More) -> str:
    life = timedelta(hours=1)
    return clinic.tokens.issue(DOCTOR, "clinician", now=clinic.clock(), lifetime=life, more=more)


def send(api: Api, scheme: str, text: str, *proofs: str):
    headers = {"authorization": f"{scheme} {text}", "content-type": "application/json"}
    if proofs:
        headers["dpop"] = proofs[0]
    return api.many([("POST", URL, BODY, headers)])[0]


@pytest.mark.parametrize("kind", ["EdDSA", "ES256"])
def test_a_bound_token_answers_with_its_proof_and_not_without(clinic: Clinic, kind: str):
    api, holder, thief = Api(clinic), Holder(kind), Holder(kind)
    text, second = issue(clinic, More(key=holder.thumbprint)), int(NOW.timestamp())
    proof = holder.proof(text, "POST", HERE, second)
    assert send(api, "DPoP", text, proof).status_code == 200
    for refused in (
        send(api, "DPoP", text, proof),  # replayed
        send(api, "DPoP", text),
        send(api, "Bearer", text),
        send(api, "Bearer", text, holder.proof(text, "POST", HERE, second)),
        send(api, "DPoP", text, thief.proof(text, "POST", HERE, second)),
        send(api, "DPoP", text, holder.proof(text, "POST", "http://here/v1/models", second)),
        send(api, "DPoP", text, holder.proof("other", "POST", HERE, second)),
        send(api, "DPoP", token(clinic), holder.proof(token(clinic), "POST", HERE, second)),
        send(api, "DPoP", text, "x.y.z"),
    ):
        assert slug(refused) == "token"
        assert refused.status_code == 401
        assert "DPoP algs=" in refused.headers["www-authenticate"]


def test_a_proof_replayed_at_another_worker_is_refused(clinic: Clinic):
    first, second, holder = Api(clinic), Api(clinic), Holder()
    text = issue(clinic, More(key=holder.thumbprint))
    proof = holder.proof(text, "POST", HERE, int(NOW.timestamp()))
    assert send(first, "DPoP", text, proof).status_code == 200
    assert slug(send(second, "DPoP", text, proof)) == "token"


def test_two_proofs_in_one_call_are_refused(clinic: Clinic):
    api, holder = Api(clinic), Holder()
    text = issue(clinic, More(key=holder.thumbprint))
    proofs = [holder.proof(text, "POST", HERE, int(NOW.timestamp())) for _ in range(2)]
    headers = [("authorization", f"DPoP {text}"), ("content-type", "application/json")]
    headers += [("dpop", proof) for proof in proofs]
    assert slug(api.many([("POST", URL, BODY, headers)])[0]) == "token"  # type: ignore[list-item]


def test_where_it_is_configured_a_bare_token_is_refused(tmp_path: Path):
    with copied_clinic(tmp_path) as made:
        home = made.home
        text = home.config_file.read_text(encoding="utf-8")
        text = text.replace("sender_constrained = false", "sender_constrained = true")
        home.config_file.write_text(text, encoding="utf-8")
        accept_config(home, made.keyring)
    with Clinic.opened(home.path, lambda: NOW) as clinic:
        api, holder = Api(clinic), Holder()
        assert slug(send(api, "Bearer", token(clinic))) == "token"
        bound = issue(clinic, More(key=holder.thumbprint))
        proof = holder.proof(bound, "POST", HERE, int(NOW.timestamp()))
        assert send(api, "DPoP", bound, proof).status_code == 200
    shutil.rmtree(home.path)


def test_a_token_for_one_call_holds_one_call_also_at_two_workers(clinic: Clinic):
    first, second = Api(clinic), Api(clinic)
    text = issue(clinic, More(once=True))
    assert send(first, "Bearer", text).status_code == 200
    assert slug(send(first, "Bearer", text)) == "token"
    assert slug(send(second, "Bearer", text)) == "token"


def test_marks_of_old_proofs_are_swept(clinic: Clinic):
    proofs = Api(clinic).app.services.proofs
    second = int(NOW.timestamp())
    assert proofs.mark("0a" * 32, second - 10, NOW)
    assert not proofs.mark("0a" * 32, second - 10, NOW)
    assert proofs.mark("00" * 32, second + 10, NOW)
    assert [path.name[:2] for path in proofs.folder.iterdir()] == ["00"]
