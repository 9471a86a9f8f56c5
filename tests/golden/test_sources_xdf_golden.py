"""XDF on the recorder's clock, against numbers of pyxdf 1.17.5 on the same file.

Made with `pyxdf.load_xdf(path)` (its defaults: clock synchronisation and jitter removal).
"""

from pathlib import Path

import numpy as np
import pytest

from euthymia.sources.blob import Blob
from euthymia.sources.xdf_chunks import samples_in, survey, write_xdf

PYXDF = {
    "EEG": {
        0: 1734.4996477323855,
        1: 1734.5096489366954,
        399: 1738.4901282520507,
        400: 1764.500238439147,
        799: 1768.4907333242024,
    },
    "Markers": {0: 1740.25, 1: 1749.5},
}


def jittered(path: Path) -> None:
    """A drifting clock with an outlier, time stamps with jitter, a break, and markers."""
    rng = np.random.default_rng(7)
    true = 500 + np.concatenate([np.arange(400), np.arange(400) + 3000]) / 100
    stamped = true + rng.normal(0, 0.002, true.size)
    measured = 498.0 + 5 * np.arange(10)
    drift = 1234.5 + 2e-5 * (measured - 498) + rng.normal(0, 2e-5, 10)
    drift[4] += 0.05
    marks = 1740.0 + np.array([0.25, 9.5])
    write_xdf(
        path,
        [
            ("EEG", 100.0, ("Cz",), "microvolts", stamped, true[:, None]),
            ("Markers", 0.0, (), "", marks, ["a", "b"]),
        ],
        offsets=[list(zip(measured.tolist(), drift.tolist(), strict=True)), [(1733.0, 0.0)]],
    )


def test_times_are_those_of_pyxdf(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    jittered(path)
    blob = Blob(lambda: path.open("rb"), path.stat().st_size)
    times: dict[str, list[float]] = {}
    for stream, time_s, _ in samples_in(blob, survey(blob)):
        times.setdefault(stream.kind, []).extend(time_s.tolist())
    for kind, expected in PYXDF.items():
        assert [times[kind][i] for i in expected] == pytest.approx(
            list(expected.values()), abs=1e-9
        )
