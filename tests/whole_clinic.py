"""A whole clinic made by the command line itself, and a way to call it."""

import contextlib
import io
from pathlib import Path
from typing import Any

import msgspec

from euthymia.app.cli import main

SUBJECTS, DAYS, SEED = 6, 35, 11


def call(home: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run one command with --json; return its exit code and the one object it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["--home", str(home), "--json", *arguments])
    assert out.getvalue().count("\n") == 1, "exactly one object on standard output"
    return code, msgspec.json.decode(out.getvalue())


def run(home: Path, *arguments: str) -> dict[str, Any]:
    """Run one command that must succeed, and return its object."""
    code, result = call(home, *arguments)
    assert code == 0, result
    return result


def build(home: Path) -> None:
    """Make, simulate, ingest and compute."""
    incoming = home.parent / "incoming"
    run(home, "init", "--name", "Test clinic")
    size = ["--subjects", str(SUBJECTS), "--days", str(DAYS), "--seed", str(SEED)]
    run(home, "simulate", *size, "--profile", "demo", "--out", str(incoming))
    run(home, "ingest", str(incoming))
    run(home, "features")
