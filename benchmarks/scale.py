"""The same shards on every executor: `make bench ONLY=scale`.

2,000 people x 30 days (EUTHYMIA_BENCH_SUBJECTS, EUTHYMIA_BENCH_DAYS) of location, screen and
activity counts. Ours and the peer run the same families on the same shards; the digests of what
they say must be equal. Dask runs once more with a worker killed in the middle.
"""

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from euthymia.app.clinic import wall_clock  # noqa: E402
from euthymia.app.cluster import dask_here  # noqa: E402
from euthymia.features.executors import Executor, Inline, Pool  # noqa: E402
from euthymia.features.recordings import Recordings  # noqa: E402
from euthymia.features.shards import Summary, run_shards, write_shards  # noqa: E402
from euthymia.ground.clock import Timeline  # noqa: E402
from euthymia.ground.schemas import STREAMS  # noqa: E402
from euthymia.security.certificates import make_certificates  # noqa: E402
from feature_cases import DAY0, recording  # noqa: E402

SUBJECTS = int(os.environ.get("EUTHYMIA_BENCH_SUBJECTS", "2000"))
DAYS = int(os.environ.get("EUTHYMIA_BENCH_DAYS", "30"))
WORKERS = 2
A_SHARD = 25
STREAMS_USED = ("activity_counts", "location", "screen")
FAMILIES = ("mobility", "rest_activity", "screen_use", "sleep_phone")


def _person(seed: int) -> dict[str, pa.Table]:
    rng = np.random.default_rng(seed)
    found = {}
    for name in STREAMS_USED:
        columns = recording(name, Timeline(), DAY0, DAYS, rng)
        stream = STREAMS[name]
        n = columns["time"].size
        arrays = [pa.array(columns["time"]).cast(stream.schema.field("time").type)]
        for field in stream.fields:
            values = columns.get(field.name)
            arrays.append(
                pa.nulls(n, field.type) if values is None else pa.array(values).cast(field.type)
            )
        found[name] = pa.Table.from_arrays(arrays, schema=stream.schema)
    return found


def _make_shards(folder: Path) -> tuple[list[Path], int]:
    shards: list[Path] = []
    rows = 0
    for start in range(0, SUBJECTS, A_SHARD):
        names = [f"s{n:06d}" for n in range(start, min(start + A_SHARD, SUBJECTS))]
        people = {name: _person(start + i) for i, name in enumerate(names)}
        rows += sum(t.num_rows for own in people.values() for t in own.values())
        zones = dict.fromkeys(names, Timeline())
        batch = Recordings(people=people, zones=zones)
        shards += write_shards(batch, folder, A_SHARD, first=len(shards))
    return shards, rows


def _timed(run: Callable[[], Summary]) -> tuple[float, Summary]:
    start = time.perf_counter()
    summary = run()
    return time.perf_counter() - start, summary


def _killer(client: object) -> threading.Thread:
    """Kill one worker of a Dask cluster after two seconds."""

    def kill() -> None:
        time.sleep(2)
        pids = client.run(os.getpid)
        os.kill(next(iter(pids.values())), signal.SIGKILL)

    return threading.Thread(target=kill, daemon=True)


def run() -> Iterator[dict]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards, rows = _make_shards(folder / "shards")

        def on(executor: Executor, what: str) -> tuple[float, Summary]:
            return _timed(lambda: run_shards(shards, folder / what, executor, families=FAMILIES))

        run_shards(shards[:1], folder / "warm", Inline(), families=FAMILIES)  # kernels compiled
        times: dict[str, float] = {}
        digests = {}
        times["inline"], first = on(Inline(), "inline")
        digests["inline"] = first.digest
        times["pool"], digests["pool"] = (s := on(Pool(WORKERS), "pool"))[0], s[1].digest
        make_certificates(folder / "certificates", now=wall_clock())
        start = time.perf_counter()
        with dask_here(WORKERS, folder / "certificates") as dask:
            begin_s = time.perf_counter() - start
            times["dask"], digests["dask"] = (s := on(dask, "dask"))[0], s[1].digest
            _killer(dask.client).start()
            times["killed"], digests["killed"] = (s := on(dask, "killed"))[0], s[1].digest
        written = {w: len(list((folder / w).glob("*.parquet"))) for w in ("dask", "killed")}
    if len(set(digests.values())) != 1 or set(written.values()) != {len(shards)}:
        raise RuntimeError(f"executors differ: {digests} {written}")
    for peer in ("pool", "dask", "killed"):
        yield {
            "name": "scale",
            "ours": round(SUBJECTS * DAYS / times[peer]),
            "peer": round(SUBJECTS * DAYS / times["inline"]),
            "peer_name": "one process",
            "unit": "person-days/s",
            "ratio": times["inline"] / times[peer],
            "goal": None,
            "executor": {"killed": "dask, a worker killed"}.get(peer, peer),
            "seconds": round(times[peer], 1),
            "cluster_start_s": round(begin_s, 1) if peer != "pool" else None,
            "shards": len(shards),
            "rows_in": rows,
            "rows_out": first.rows,
            "digest": digests[peer][:16],
        }
