"""The full call beside the same model served bare: `make bench ONLY=serving`.

Ours checks token, role, care relationship, consent and schema, asks the model, explains it, and
writes a durable, chained, signed ledger entry before it answers. The peers (MLServer, LitServe,
BentoML, FastAPI) serve the same ONNX file and do nothing else. One client, the same connections,
the same cores, in turns. Peers are installed from hashed locks into `bench-venvs/`.

Processes: ours is as `euthymia serve` starts it, one a core that answers and a parent that only
watches. MLServer runs twice: as by default, one process that takes requests and one that computes;
and all in one. LitServe: one that takes requests and one that computes. BentoML: one worker and its
supervisor. FastAPI under uvicorn: one. So requests a second are of servers as they are run, while
`ours_cpu_us` and `peer_cpu_us` are the processor's time a request over all processes of a server:
they say what an answer costs, however many processes share the work.
"""

import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))

from load import Load, put_under_load  # noqa: E402
from peers_env import PEERS, python_of  # noqa: E402

from euthymia.app.analyze import Analyzer, _in_order, _Trace  # noqa: E402
from euthymia.app.clinic import Clinic, wall_clock  # noqa: E402
from euthymia.app.http.exchange import json_reply  # noqa: E402
from euthymia.app.http.recorder import Recorder  # noqa: E402
from euthymia.app.http.server import create_app  # noqa: E402
from euthymia.app.question import read_question  # noqa: E402
from euthymia.ground.clock import to_micros  # noqa: E402
from euthymia.models.registry import Registry  # noqa: E402
from small_clinic import DOCTOR, MINE, TASK, give_features, make_clinic  # noqa: E402

CONNECTIONS = int(os.environ.get("EUTHYMIA_BENCH_CONNECTIONS", "64"))
CALM_CONNECTIONS = (16, 32)  # for p99: callers that never pause, as many as a clinic has screens
SECONDS = int(os.environ.get("EUTHYMIA_BENCH_SECONDS", "5"))
ROUNDS = int(os.environ.get("EUTHYMIA_BENCH_ROUNDS", "3"))
P99_LIMIT_MS = 20.0
OURS = "Euthymia"
JSON = {"Content-Type": "application/json"}

SERVE = (
    "import sys; from pathlib import Path\n"
    "from euthymia.app.workers import serve_from_workers, workers_wanted\n"
    "if __name__ == '__main__':\n"
    "    serve_from_workers(Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2]), workers_wanted(0))"
)


@dataclass(frozen=True)
class Contender:
    """A server to start, and the one request that is repeated to it."""

    name: str
    goal: float | None
    command: tuple[str, ...]
    path: str
    body: str
    headers: dict[str, str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Peer:
    """A peer: its package, our file that serves with it, its path, its body from a vector."""

    name: str
    package: str
    goal: float | None
    path: str
    body: Callable[[list[float]], object]
    environment: dict[str, str]


def _v2(vector: list[float]) -> object:
    tensor = {"name": "x", "shape": [1, len(vector)], "datatype": "FP64", "data": vector}
    return {"inputs": [tensor]}


def _plain(vector: list[float]) -> object:
    return {"feature_vector": vector}


_V2_PATH = "/v2/models/relapse/infer"
ALL = (
    Peer("MLServer", "mlserver", 4.0, _V2_PATH, _v2, {"EUTHYMIA_BENCH_WORKERS": "1"}),
    Peer("MLServer, in process", "mlserver", None, _V2_PATH, _v2, {"EUTHYMIA_BENCH_WORKERS": "0"}),
    Peer("LitServe", "litserve", 6.0, "/predict", _plain, {}),
    Peer("BentoML", "bentoml", 10.0, "/predict", _plain, {}),
    Peer("FastAPI", "fastapi", None, "/predict", _plain, {}),
)


def _free_port() -> int:
    """Return a port that is free, and two more after it."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 60_000:
            return port


def _answers(url: str, contender: Contender) -> bool:
    request = urllib.request.Request(url, contender.body.encode(), contender.headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return b"probability" in answer.read()
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def _started(contender: Contender, folder: Path) -> Iterator[tuple[str, int]]:
    """Start a server with its children in a group of their own; end the whole group."""
    port = _free_port()
    command = [word.replace("{port}", str(port)) for word in contender.command]
    environment = os.environ | contender.environment | {"EUTHYMIA_BENCH_PORT": str(port)}
    log = (folder / "server.log").open("wb")
    process = subprocess.Popen(
        command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}{contender.path}"
    try:
        for _ in range(600):
            if _answers(url, contender):
                break
            if process.poll() is not None:
                break
            time.sleep(0.1)
        else:
            process.kill()
        if process.poll() is not None:
            said = (folder / "server.log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{contender.name} does not answer:\n{said}")
        yield url, process.pid
    finally:
        _end(process)
        log.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    for what in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, what)
        except ProcessLookupError:
            break
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue
        time.sleep(0.5)  # its children end by themselves, or by the next signal
    process.wait(5)


@dataclass(frozen=True)
class Seen:
    """One turn of one server: at many connections, at fewer, and its CPU time a request [us]."""

    busy: Load
    calm: dict[int, Load]
    cpu_us: float


def _cpu_seconds(root: int) -> float:
    """Return the CPU time used so far by a process and all that descend from it."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        pid = int(stat.parent.name)
        parents[pid], ticks[pid] = int(fields[1]), int(fields[11]) + int(fields[12])

    def descends(pid: int) -> bool:
        while pid not in {0, 1, root}:
            pid = parents.get(pid, 0)
        return pid == root

    return sum(n for pid, n in ticks.items() if descends(pid)) / os.sysconf("SC_CLK_TCK")


def _measure(contender: Contender, folder: Path) -> Seen:
    with _started(contender, folder) as (url, pid):

        def ask(connections: int, seconds: int) -> Load:
            return put_under_load(
                url, contender.body, contender.headers, connections=connections, seconds=seconds
            )

        ask(CONNECTIONS, 1)  # warm
        before = _cpu_seconds(pid)
        busy = ask(CONNECTIONS, SECONDS)
        cpu_us = (_cpu_seconds(pid) - before) / (busy.per_second * SECONDS) * 1e6
        calm = {connections: ask(connections, SECONDS) for connections in CALM_CONNECTIONS}
    failed = busy.failed + sum(turn.failed for turn in calm.values())
    if failed:
        raise RuntimeError(f"{contender.name}: {failed} answers were not 2xx")
    return Seen(busy, calm, cpu_us)


def _clinic(folder: Path) -> tuple[list[float], str]:
    """Make our clinic and export its model; return a vector and a token."""
    clinic = make_clinic(folder / "home", clock=wall_clock)
    try:
        give_features(clinic, MINE)
        bundle, _ = Registry(clinic.home.models, clinic.keyring).load_released(TASK)
        (folder / "model.onnx").write_bytes(bundle.onnx)
        # a quarter up: of the middle, a PHQ-9 of 13.5, the model abstains
        vector = [0.75 * (f.seen_low or 0.0) + 0.25 * (f.seen_high or 0.0) for f in bundle.features]
        lifetime = timedelta(hours=2)
        token = clinic.tokens.issue(DOCTOR, "clinician", now=wall_clock(), lifetime=lifetime)
        return vector, token
    finally:
        clinic.close()


def _ours(folder: Path, vector: list[float], token: str) -> Contender:
    body = {"patient_id": MINE, "feature_vector": vector, "model": TASK}
    return Contender(
        name=OURS,
        goal=None,
        command=(sys.executable, "-c", SERVE, str(folder / "home"), "{port}"),
        path="/v1/analyze",
        body=json.dumps(body),
        headers=JSON | {"Authorization": f"Bearer {token}"},
        environment={"PYTHONPATH": str(ROOT / "src")},
    )


def _theirs(folder: Path, vector: list[float]) -> list[Contender]:
    shared = {
        "EUTHYMIA_BENCH_ONNX": str(folder / "model.onnx"),
        "EUTHYMIA_BENCH_FOLDER": str(folder),
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(folder / "bentoml"),
    }
    return [
        Contender(
            name=peer.name,
            goal=peer.goal,
            command=(python_of(peer.package), str(PEERS / f"serve_with_{peer.package}.py")),
            path=peer.path,
            body=json.dumps(peer.body(vector)),
            headers=JSON,
            environment=shared | peer.environment,
        )
        for peer in ALL
    ]


def _claims(contenders: list[Contender], seen: dict[str, list[Seen]]) -> Iterator[dict]:
    """Compare medians over the rounds."""

    def middle(name: str, what: Callable[[Seen], float]) -> float:
        return statistics.median(what(turn) for turn in seen[name])

    ours = middle(OURS, lambda turn: turn.busy.per_second)
    for contender in contenders:
        theirs = middle(contender.name, lambda turn: turn.busy.per_second)
        yield {
            "name": "serving",
            "ours": round(ours),
            "peer": round(theirs),
            "peer_name": contender.name,
            "unit": "requests/s",
            "ratio": ours / theirs,
            "goal": contender.goal,
            "ours_cpu_us": round(middle(OURS, lambda turn: turn.cpu_us)),
            "peer_cpu_us": round(middle(contender.name, lambda turn: turn.cpu_us)),
            "peer_p99_ms": round(middle(contender.name, lambda turn: turn.busy.p99_ms), 1),
            "connections": CONNECTIONS,
            "client": seen[OURS][0].busy.client,
        }
    for connections in (*CALM_CONNECTIONS, CONNECTIONS):

        def load(turn: Seen, connections: int = connections) -> Load:
            return turn.calm.get(connections, turn.busy)

        slow = middle(OURS, lambda turn, load=load: load(turn).p99_ms)
        yield {
            "name": "serving-p99",
            "ours": round(slow, 2),
            "peer": P99_LIMIT_MS,
            "peer_name": "the limit we set",
            "unit": "ms",
            "ratio": P99_LIMIT_MS / slow,
            "goal": 1.0,
            "connections": connections,
            "requests_per_s": round(middle(OURS, lambda turn, load=load: load(turn).per_second)),
        }


def _microseconds(step: Callable[[], object], repeats: int = 300, rounds: int = 15) -> float:
    """Return the CPU time of one call on this thread [us], the best of some rounds."""
    step()
    best = float("inf")
    for _ in range(rounds):
        start = time.thread_time_ns()
        for _ in range(repeats):
            step()
        best = min(best, (time.thread_time_ns() - start) / repeats / 1000)
    return best


def _steps(clinic: Clinic, token: str, body: bytes) -> dict[str, Callable[[], object]]:
    """Return each check of the call as a function, after everything was looked up once."""
    analyzer = Analyzer(clinic)
    claims = analyzer.authenticate(token)
    asked = read_question(body)
    model = analyzer.shelf.get(TASK)
    assert model is not None
    assert asked.request is not None
    vector = asked.request.feature_vector or []
    verdict = analyzer.judge(asked, claims)
    x, now = _in_order(vector, model), to_micros(wall_clock())

    return {
        "token": lambda: analyzer.authenticate(token),
        "role": lambda: analyzer.require_role(claims),
        "schema": lambda: read_question(body),
        "relation, policy and consent": lambda: analyzer._in_care(MINE, model, now, _Trace(claims)),
        "released model": lambda: analyzer.shelf.get(TASK),
        "vector": lambda: _in_order(vector, model),
        "model, limits and reasons, asked alone": lambda: model.predict(x, None, None),
        "of that, reasons": lambda: model.served._reasons(x[None]),
        "encode": lambda: json_reply(verdict.answer),
    }


def _together(clinic: Clinic, body: bytes, calls: int = 16) -> float:
    """Return the CPU time a call [us] of a model that is asked by several calls at once."""
    model = Analyzer(clinic).shelf.get(TASK)
    request = read_question(body).request
    assert model is not None
    assert request is not None
    vectors = [_in_order(request.feature_vector or [], model)] * calls
    known = [(None, None)] * calls
    return _microseconds(lambda: model.predict_many(vectors, known), repeats=50) / calls


async def _ledger_cost(clinic: Clinic, token: str, body: bytes, calls: int = 3200) -> float:
    """Return the process's CPU time an entry [us]: submit, chain, sign, write, sync, wake."""
    analyzer = Analyzer(clinic)
    entry = analyzer.judge(read_question(body), analyzer.authenticate(token)).entry
    recorder = Recorder(clinic.ledger)

    async def one() -> None:
        for _ in range(calls // CONNECTIONS):
            await recorder.record(entry)

    await recorder.record(entry)
    start = time.process_time_ns()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return (time.process_time_ns() - start) / calls / 1000


async def _whole_cost(clinic: Clinic, token: str, body: bytes, calls: int = 3200) -> float:
    """Return the CPU time of the whole call without the HTTP server [us]."""
    app = create_app(clinic)
    headers = [
        (b"content-type", b"application/json"),
        (b"authorization", b"Bearer " + token.encode()),
    ]
    scope = {
        "type": "http",
        "scheme": "http",
        "method": "POST",
        "path": "/v1/analyze",
        "raw_path": b"/v1/analyze",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> dict:
        return {"type": "http.request", "body": body}

    async def send(_: object) -> None:
        return None

    async def one() -> None:
        for _ in range(calls // CONNECTIONS):
            await app(scope, receive, send)

    await one()
    start = time.process_time_ns()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return (time.process_time_ns() - start) / calls / 1000


def _costs(folder: Path, token: str, ask: str) -> Iterator[dict]:
    body = ask.encode()
    with Clinic.opened(folder / "home") as clinic:
        found = {name: _microseconds(step) for name, step in _steps(clinic, token, body).items()}
        together = _together(clinic, body)
        found["model, limits and reasons, a call of 16 asked together"] = together
        found["ledger"] = asyncio.run(_ledger_cost(clinic, token, body))
        found["the whole call, without the HTTP server"] = asyncio.run(
            _whole_cost(clinic, token, body)
        )
    for name, cost in found.items():
        yield {
            "name": f"serving-cost: {name}",
            "ours": round(cost, 1),
            "peer": None,
            "peer_name": None,
            "unit": "us",
            "ratio": None,
            "goal": None,
        }


def run() -> Iterator[dict]:
    """Yield the claims: requests a second against each peer, p99, and the cost of each check."""
    with tempfile.TemporaryDirectory(prefix="euthymia-bench-") as name:
        folder = Path(name)
        vector, token = _clinic(folder)
        ours, theirs = _ours(folder, vector, token), _theirs(folder, vector)
        seen: dict[str, list[Seen]] = {}
        for _ in range(ROUNDS):
            for contender in (ours, *theirs):
                seen.setdefault(contender.name, []).append(_measure(contender, folder))
        yield from _claims(theirs, seen)
        yield from _costs(folder, token, ours.body)
