"""A load client: many kept-alive connections that repeat one request for some seconds.

`wrk` where it is installed (it costs the server's machine least), else a client of our own on raw
sockets. Either runs in a process of its own and says how many answers a second it got, how slow
the slowest in a hundred was, and how many were not 2xx.
"""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Load:
    """What the client saw."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int
    client: str


def put_under_load(
    url: str, body: str, headers: dict[str, str], *, connections: int, seconds: int
) -> Load:
    """Repeat a POST over `connections` connections for `seconds`."""
    if shutil.which("wrk"):
        return _with_wrk(url, body, headers, connections, seconds)
    job = json.dumps([url, body, headers, connections, seconds])
    done = subprocess.run(
        [sys.executable, __file__], input=job, capture_output=True, text=True, check=True
    )
    return Load(**json.loads(done.stdout))


def _with_wrk(url: str, body: str, headers: dict[str, str], connections: int, seconds: int) -> Load:
    lines = ['wrk.method = "POST"', f"wrk.body = {json.dumps(body)}"]
    lines += [f"wrk.headers[{json.dumps(k)}] = {json.dumps(v)}" for k, v in headers.items()]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text("\n".join(lines), encoding="utf-8")
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--latency",
            "--timeout",
            "10s",
            "-s",
            script,
            url,
        ]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return Load(
        per_second=float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
        p50_ms=_percentile(text, 50),
        p99_ms=_percentile(text, 99),
        failed=int(failed[1] if failed else 0) + sum(map(int, broken.groups() if broken else ())),
        client="wrk",
    )


def _percentile(text: str, rank: int) -> float:
    found = re.search(rf"^\s+{rank}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"wrk said nothing of its percentile {rank}:\n{text}")
    return float(found[1]) * UNITS_MS[found[2]]


class _Connection(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, request: bytes, times: list[float], failed: list[int], until: float) -> None:
        self.request, self.times, self.failed, self.until = request, times, failed, until
        self.buffer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self.start = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, gap, rest = self.buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if length and len(rest) < int(length[1]):
            return
        if not length and not rest.endswith(b"0\r\n\r\n"):
            return
        self.buffer = b""
        self.times.append(time.perf_counter() - self.start)
        self.failed[0] += head[9:10] != b"2"
        if time.perf_counter() < self.until:
            self._ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.failed[0] += error is not None
        if not self.done.done():
            self.done.set_result(None)


async def _measure(
    url: str, body: str, headers: dict[str, str], connections: int, seconds: int
) -> Load:
    place = urlsplit(url)
    lines = [f"POST {place.path} HTTP/1.1", f"Host: {place.netloc}"]
    lines += [f"{k}: {v}" for k, v in headers.items()]
    lines += [f"Content-Length: {len(body.encode())}", "", ""]
    request = "\r\n".join(lines).encode() + body.encode()
    times: list[float] = []
    failed = [0]
    loop = asyncio.get_running_loop()
    begin = time.perf_counter()
    pairs = [
        await loop.create_connection(
            lambda: _Connection(request, times, failed, begin + seconds),
            place.hostname,
            place.port,
        )
        for _ in range(connections)
    ]
    await asyncio.wait_for(asyncio.gather(*(p.done for _, p in pairs)), seconds + 60)
    took = time.perf_counter() - begin
    times.sort()
    return Load(
        per_second=len(times) / took,
        p50_ms=times[len(times) // 2] * 1000,
        p99_ms=times[int(len(times) * 0.99)] * 1000,
        failed=failed[0],
        client="sockets",
    )


if __name__ == "__main__":
    import uvloop

    load = uvloop.run(_measure(*json.loads(sys.stdin.read())))
    print(json.dumps(vars(load)))
