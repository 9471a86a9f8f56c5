"""Calls that the API describes, and others: never an error of ours, always a described answer."""

import asyncio
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from euthymia.app.http.server import create_app
from small_clinic import DOCTOR, MINE, NOW, TASK, copied_clinic, give_features

WAYS = ("as described", "somebody in care", "any bytes")
EXAMPLES = int(os.environ.get("EUTHYMIA_FUZZ_EXAMPLES", "400"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # what schemathesis and its parts warn of is not ours
]


def test_every_operation_takes_whatever_comes(tmp_path: Path) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    # one loop for all calls, as in the server
    with copied_clinic(tmp_path) as clinic, asyncio.Runner() as runner:
        give_features(clinic, MINE)
        app = create_app(clinic)
        token = clinic.tokens.issue(DOCTOR, "clinician", now=NOW, lifetime=timedelta(hours=9))
        transport = httpx.ASGITransport(app)

        def send(method: str, url: str, **more: object) -> httpx.Response:
            async def once() -> httpx.Response:
                async with httpx.AsyncClient(transport=transport, base_url="http://c") as client:
                    return await client.request(method, url, **more)

            return runner.run(once())

        described = send("GET", "/openapi.json").json()
        schema = schemathesis.openapi.from_dict(described)
        for found in schema.get_all_operations():
            _try(found.ok(), send, token)


def _try(operation, send: Callable[..., httpx.Response], token: str) -> None:
    """Make many calls of one operation."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(operation.as_strategy(), st.sampled_from(WAYS), st.binary(max_size=500))
    def call(case, way: str, raw: bytes) -> None:
        body = None if type(case.body).__name__ == "NotSet" else case.body
        if way == "somebody in care" and isinstance(body, dict):
            body = body | {"patient_id": MINE, "model": TASK}
        more = {"json": body} if isinstance(body, dict | list | str | int) else {}
        if way == "any bytes" and more:
            more = {"content": json.dumps(body).encode()[: len(raw)] + raw}
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        path = operation.path.format(**(case.path_parameters or {}))
        reply = send(case.method, path, params=case.query or None, headers=headers, **more)
        assert reply.status_code < 500, (operation.label, reply.text)
        assert str(reply.status_code) in operation.definition.raw["responses"]

    call()
