"""The morning's list of 500 people: `make bench ONLY=worklist`.

A clinic with 500 people (EUTHYMIA_BENCH_SUBJECTS) in one person's care: PHQ-9s, two months of the
watch's scores, a released model, alerts that stand. Measured is the whole answer of the server,
from the request to the page, with its ledger entries on disk:

* the first view: a server that has read ahead, as it does soon after the night's jobs;
* the same where somebody asks before it could: every summary kept by the night's jobs, nobody read;
* after one person's record changed;
* a later view.

Times are CPU time of all threads of one process on one core, the best of five. The peer of each is
the budget of 100 ms; what the reading ahead costs, and the first view without summaries, every
record read, stand beside it.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "tests"))

from peers_env import on_one_core  # noqa: E402

BUDGET_MS = 100.0
PEOPLE = int(os.environ.get("EUTHYMIA_BENCH_SUBJECTS", "500"))
CHANGED = 0.08  # of them, in an open episode
ROUNDS = 5
View = Callable[[], object]


def fill(home: Path, people: int) -> None:
    """Make the clinic, score it, raise its alerts, and keep everybody's summary."""
    from alerts_clinic import put_scores
    from euthymia.app.alerts.desk import Alerts
    from small_clinic import NO_CONSENT, make_clinic

    make_clinic(home, people=people).close()
    with _opened(home) as clinic:
        clinic.home.watch.touch()
        with clinic.store.grouped():
            for n in range(1, people + 1):
                high = 1.6 if n <= 1 + people * CHANGED else 0.2
                if f"MRN-{n}" != NO_CONSENT:
                    put_scores(clinic, f"MRN-{n}", [0.3, high, high, high, high, high])
        Alerts(clinic).run()


@contextmanager
def _opened(home: Path):
    from euthymia.app.clinic import Clinic
    from small_clinic import NOW

    with Clinic.opened(home, lambda: NOW) as clinic:
        yield clinic


@contextmanager
def served(home: Path) -> Iterator[tuple[object, View, View]]:
    """Open the clinic in a server that has read nobody; yield it, how to ask, how to read ahead."""
    from euthymia.app.web.ahead import Ahead
    from euthymia.app.web.backend import ClinicBackend
    from euthymia.app.web.pages import build_site
    from small_clinic import DOCTOR

    with _opened(home) as clinic:
        backend = ClinicBackend.of(clinic)
        session, _ = backend.sessions.open(DOCTOR, "clinician", ("link",))
        site = build_site(backend)
        yield clinic, lambda: asyncio.run(_ask(site, session)), Ahead(backend).look


async def _ask(site: object, session: str) -> None:
    cookie = f"euthymia={session}".encode()
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": "/",
        "raw_path": b"/", "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"127.0.0.1"), (b"cookie", cookie)], "server": ("127.0.0.1", 80),
    }  # fmt: skip
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await site(scope, receive, send)
    page = b"".join(message.get("body", b"") for message in sent)
    if sent[0]["status"] != 200 or b"Person 1" not in page:
        raise RuntimeError(f"the list was not shown: {sent[0]['status']}")


def timed(view: View) -> float:
    began = time.process_time()
    view()
    return 1000 * (time.process_time() - began)


def ours(people: int) -> dict[str, float]:
    """Measure; called in a process of its own."""
    from euthymia.app.summaries import Summaries
    from euthymia.ground.audit import Entry, Purpose
    from euthymia.ground.clock import to_micros
    from euthymia.store.lines import Line
    from small_clinic import TEST, subject_of

    best = dict.fromkeys(("ahead", "first", "early", "changed", "later"), float("inf"))
    with tempfile.TemporaryDirectory() as name:
        home, few = Path(name) / "home", Path(name) / "few"
        fill(few, 12)
        with served(few) as (_, view, _):
            view()  # what a server loads once
        fill(home, people)
        for nth in range(ROUNDS):
            with served(home) as (clinic, view, _):
                best["early"] = min(best["early"], timed(view))
            with served(home) as (clinic, view, ahead):
                for key, part in (("ahead", ahead), ("first", view), ("later", view)):
                    best[key] = min(best[key], timed(part))
                who = subject_of(clinic, f"MRN-{20 + nth}")
                line = Line(to_micros(clinic.clock()), f"bench-{nth}", "{}")
                clinic.store.put_lines(who, "plan", [line], Entry(TEST, "plan", Purpose.CARE, who))
                best["changed"] = min(best["changed"], timed(view))
                Summaries.of(clinic).keep(TEST)
        with served(home) as (clinic, view, _):
            clinic.store.summaries = lambda *_: {}
            best["without"] = timed(view)
    return best


def run() -> Iterator[dict[str, object]]:
    """Yield the claims."""
    command = [sys.executable, str(Path(__file__).resolve()), str(PEOPLE)]
    own = json.loads(on_one_core(command).splitlines()[-1])
    names = {
        "first": "the first view of the day",
        "early": "the first view, asked for before the server has read ahead",
        "changed": "after one person's record changed",
        "later": "a later view",
    }
    for key, title in names.items():
        yield {
            "name": f"worklist of {PEOPLE}: {title}",
            "ours": round(own[key], 1),
            "peer": BUDGET_MS,
            "peer_name": "the budget",
            "unit": "ms of CPU",
            "ratio": BUDGET_MS / own[key],
            "goal": 1.0,
            "read_ahead_ms": round(own["ahead"]),
            "every_record_read_ms": round(own["without"]),
        }


if __name__ == "__main__":
    print(json.dumps(ours(int(sys.argv[1]))))
