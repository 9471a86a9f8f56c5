"""Calls to the API in this process: the ASGI application itself, without a socket."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import msgspec

from euthymia.app.clinic import Clinic
from euthymia.app.http.server import Server, create_app
from euthymia.security.token import Kind
from small_clinic import DOCTOR, MINE, TASK

URL = "/v1/analyze"


def token(clinic: Clinic, user: str = DOCTOR, role: str = "clinician", **more: Any) -> str:
    """Issue a token; `hours` is its lifetime, `kind` its kind."""
    return clinic.tokens.issue(
        user,
        role,
        now=clinic.clock(),
        lifetime=timedelta(hours=more.get("hours", 1)),
        kind=more.get("kind", Kind.ACCESS),
    )


class Api:
    """The API of a clinic, called as `dr-lind` unless a call says otherwise."""

    def __init__(self, clinic: Clinic, client: tuple[str, int] = ("127.0.0.1", 1)) -> None:
        self.clinic = clinic
        self.app: Server = create_app(clinic)
        self.client = client
        self.token = token(clinic)

    def ask(self, **body: Any) -> httpx.Response:
        """Ask about one's own patient; `None` leaves a field out."""
        asked = {"patient_id": MINE, "model": TASK} | body
        return self.send(
            content=msgspec.json.encode({k: v for k, v in asked.items() if v is not ...})
        )

    def send(
        self,
        method: str = "POST",
        path: str = URL,
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send one request; headers given replace the usual ones, an empty one drops it."""
        usual = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        merged = {k: v for k, v in (usual | (headers or {})).items() if v != ""}
        return self.many([(method, path, content, merged)])[0]

    def many(
        self, requests: Sequence[tuple[str, str, bytes | None, dict[str, str]]]
    ) -> list[httpx.Response]:
        """Send requests at once on one event loop."""

        async def run() -> list[httpx.Response]:
            self.app.services.recorder._loop = None  # a loop of its own for each test call
            transport = httpx.ASGITransport(self.app, client=self.client)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                calls = [
                    client.request(method, path, content=content, headers=headers)
                    for method, path, content, headers in requests
                ]
                return list(await asyncio.gather(*calls))

        return asyncio.run(run())

    def lines(self) -> list[Any]:
        """Return the ledger's lines about calls of the API."""
        told = {"analyze patient", "list models"}
        return [line for line in self.clinic.ledger.entries() if line.action in told]


def slug(response: httpx.Response) -> str:
    """Return which kind of problem a refusal is."""
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert list(problem) == ["type", "title", "status", "detail", "instance"]
    assert problem["status"] == response.status_code
    return str(problem["type"]).removeprefix("urn:euthymia:problem:")
