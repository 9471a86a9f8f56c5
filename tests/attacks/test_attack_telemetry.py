"""A library that tells its maker of each start: ONNX Runtime does, unless told not to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("module", ["euthymia.models.serve", "euthymia.app.cli"])
def test_nothing_that_is_loaded_keeps_a_number_of_this_machine(module: str, tmp_path: Path) -> None:
    places = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    code = f"import {module}, onnxruntime, time; time.sleep(0.5)"
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **places, "ORT_DISABLE_TELEMETRY": "0"},
        check=True,
        timeout=120,
    )
    told = [path for path in tmp_path.rglob("*") if path.name in {".ses", "deviceid"}]
    assert told == []
    assert not (tmp_path / ".cache" / "Microsoft").exists()
