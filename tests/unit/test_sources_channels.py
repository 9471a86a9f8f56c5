"""Recordings with several channels of one kind: none is mixed with another."""

from pathlib import Path

import numpy as np
import pytest

from euthymia.sources.edf_header import write_edf
from euthymia.sources.physiology import channel_of
from euthymia.sources.xdf_chunks import write_xdf
from reading import assert_accounted, read, rejects, samples_of

SECONDS = np.repeat(np.arange(3.0), 4)


def test_belts_and_leads_of_a_night_are_not_one_curve(tmp_path: Path) -> None:
    signals = [
        *(("Airflow", "", 4, SECONDS), ("Thorax", "", 4, SECONDS + 100)),
        *(("Abdomen", "", 4, SECONDS + 200), ("ECG I", "mV", 4, SECONDS)),
        ("ECG II", "mV", 4, SECONDS + 5),
    ]
    write_edf(tmp_path / "night.edf", signals)
    [(reading, items)] = read(tmp_path)
    for stream in ("respiration", "electrocardiogram"):
        table = samples_of(items, stream)
        assert table.num_rows == SECONDS.size
        assert table.column("value").to_numpy() == pytest.approx(SECONDS, abs=0.01)
    assert sum("further channel" in reason for reason in rejects(items)) == 2
    assert_accounted(reading, items)


def test_channels_of_an_eeg_without_names_are_told_apart(tmp_path: Path) -> None:
    at = 100 + np.arange(50) / 50
    force = np.full((50, 3), 9.80665)
    write_xdf(
        tmp_path / "sub-03.xdf",
        [
            ("EEG", 50.0, ("", ""), "microvolts", at, np.stack([at, -at], 1)),
            ("EEG", 50.0, ("",), "microvolts", at, at[:, None]),
            ("ACC", 50.0, ("x", "y", "z"), "m/s2", at, force),
            ("ACC", 50.0, ("x", "y", "z"), "m/s2", at, 3 * force),
        ],
        recorded="2024-05-01T10:00:00+0200",
        offsets=[[], [], [], []],
    )
    [(reading, items)] = read(tmp_path)
    brain = samples_of(items, "electroencephalogram").to_pylist()
    assert {row["channel"] for row in brain} == {"EEG", "EEG-2", "EEG-3"}
    assert all((row["value"] < 0) == (row["channel"] == "EEG-2") for row in brain)
    assert set(samples_of(items, "accelerometer").column("x").to_pylist()) == {1.0}
    assert any("further sensor" in reason for reason in rejects(items))
    assert_accounted(reading, items)


@pytest.mark.parametrize(
    ("label", "unit"),
    [("Temp rectal", "DegC"), ("Temp body", "C"), ("Resp Rate", "/min"), ("Resp rate", "bpm")],
)
def test_what_is_not_the_skin_or_a_breath_is_not_taken_for_it(label: str, unit: str) -> None:
    assert isinstance(channel_of(label, unit), str)


def test_a_stage_without_a_length_is_told(tmp_path: Path) -> None:
    stages = [(0.0, 30.0, "Sleep stage N2"), (1.0, 0.0, "Sleep stage R")]
    write_edf(tmp_path / "night.edf", [("ECG", "mV", 4, SECONDS)], annotations=stages)
    [(reading, items)] = read(tmp_path)
    assert samples_of(items, "sleep_stages").column("duration").to_pylist() == [30.0]
    assert any("without its length" in reason for reason in rejects(items))
    assert_accounted(reading, items)
