"""Coverage-guided fuzzing of every parser: two minutes in all, longer where one asks for it.

EUTHYMIA_FUZZ_SECONDS=120 pytest -m slow tests/fuzz/test_fuzz.py   # of each parser
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.targets import targets

HERE = Path(__file__).resolve().parent
SECONDS = int(os.environ.get("EUTHYMIA_FUZZ_SECONDS", "4"))

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", sorted(targets()))
def test_nothing_breaks_a_parser(name: str) -> None:
    pytest.importorskip("atheris", reason="atheris has no build for this machine")
    command = [sys.executable, str(HERE / "fuzz.py"), name, str(SECONDS)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS + 300, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
