"""A browser without a socket: it keeps its cookies and follows nothing."""

import asyncio

import httpx
from starlette.types import ASGIApp


class Browser:
    """One browser: it keeps its cookies."""

    def __init__(self, pages: ASGIApp) -> None:
        transport = httpx.ASGITransport(pages, client=("192.0.2.9", 1))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")
        self.cookies = self._client.cookies

    def get(self, path: str, **more) -> httpx.Response:
        return asyncio.run(self._client.get(path, **more))

    def post(self, path: str, **more) -> httpx.Response:
        return asyncio.run(self._client.post(path, **more))
