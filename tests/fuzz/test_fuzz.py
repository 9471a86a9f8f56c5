"""Two minutes of coverage-guided fuzzing of every parser, and of calls that the API describes."""

import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.targets import targets

HERE = Path(__file__).resolve().parent
SECONDS = 4

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", sorted(targets()))
def test_nothing_breaks_a_parser(name: str) -> None:
    pytest.importorskip("atheris", reason="atheris has no build for this machine")
    command = [sys.executable, str(HERE / "fuzz.py"), name, str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
