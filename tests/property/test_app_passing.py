"""Files of a feature-only stream in any parts, orders, repeats: one run sees them as one file."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from euthymia.app.passing import Passing
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.made_from import is_from_dropped, of_stored
from fixes import FIRST, HOME_AT, WORK_AT, make
from stores import ALL, samples, times

AUDIT = Entry(Actor("test", "job"), "read", Purpose.MONITORING)
POINTS = 3 * 24 * 6
AT = times(to_micros(FIRST), POINTS, 600)
AT_WORK = (np.arange(POINTS) // 6 % 24 >= 9) & (np.arange(POINTS) // 6 % 24 < 17)


def _item(points: list[int], who: str):  # type: ignore[no-untyped-def]
    rows = np.array(points)
    latitude, longitude = (
        np.where(AT_WORK[rows], w, h) for w, h in zip(WORK_AT, HOME_AT, strict=True)
    )
    given_values = {"latitude": latitude, "longitude": longitude, "accuracy": 5.0}
    return samples("location", AT[rows], who=who, **given_values)


def _run(folder: Path, parts: list[tuple[str, list[int]]], most_rows: int = 10**6):  # type: ignore[no-untyped-def]
    """Let parts pass in one run; return the counts and the rows of two people."""
    clinic = make(folder, "location")
    passing = Passing(clinic, most_rows=most_rows)
    settled = []
    for n, (who, points) in enumerate(parts):
        batch = clinic.gateway().admit(
            [_item(points, who)], source="t", file_name="f", file_digest=str(n), batch_consent=ALL
        )
        settled += passing.add(batch, AUDIT)
    settled += passing.settle()
    assert passing.waiting == []
    assert len(settled) == len(parts)
    tables: dict[str, pa.Table] = {}
    for who in ("A1", "B2"):
        if clinic.store.resolve(who):
            tables[who] = clinic.store.features(clinic.resolve(who), "mobility", AUDIT)
    clinic.close()
    return settled, tables


@given(
    cuts=st.lists(st.integers(1, POINTS - 1), max_size=5, unique=True),
    order=st.randoms(use_true_random=False),
    repeats=st.integers(0, 2),
    few=st.booleans(),
)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_run_is_one_view(cuts, order, repeats, few) -> None:  # type: ignore[no-untyped-def]
    edges = [0, *sorted(cuts), POINTS]
    own = [list(range(a, b)) for a, b in pairwise(edges)]
    parts = [(who, part) for who in ("A1", "B2") for part in own]
    if not few:  # held all at once, so that order and repeats do not matter
        parts += order.sample(parts, min(repeats, len(parts)))
        order.shuffle(parts)
    with TemporaryDirectory() as folder:
        # with few: person after person, and settled as soon as the second begins
        settled, found = _run(Path(folder) / "parts", parts, POINTS if few else 10**6)
        _, whole = _run(
            Path(folder) / "whole", [(who, list(range(POINTS))) for who in ("A1", "B2")]
        )
    for batch, receipt in settled:
        assert receipt.rows_in == receipt.stored == receipt.feature_only
        assert receipt.rows_in == sum(t.num_rows for t in batch.passing.values())
    for who, table in whole.items():
        plain = [t.drop_columns(["subject_id", "input_digest"]) for t in (found[who], table)]
        assert plain[0].equals(plain[1])
        digests = found[who]["input_digest"].to_pylist()
        assert all(map(is_from_dropped, digests))
        assert list(map(of_stored, digests)) == list(
            map(of_stored, table["input_digest"].to_pylist())
        )
