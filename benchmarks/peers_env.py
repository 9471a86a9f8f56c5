"""Each peer has an environment of its own in `bench-venvs/`, made from its hashed lock."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
VENVS = ROOT / "bench-venvs"
PEERS = HERE / "peers"
ONE_CORE = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


def python_of(package: str) -> str:
    """Return the interpreter of a peer's own environment, made from its lock where it is not."""
    folder = VENVS / package
    python = folder / "bin" / "python"
    lock = PEERS / f"{package}.lock"
    stamp = folder / ".from"
    if stamp.is_file() and stamp.read_bytes() == lock.read_bytes():
        return str(python)
    print(f"installing {package} into {folder} (once)", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, folder], check=True)
        install = ["uv", "pip", "install", "-q", "--python", str(python)]
    else:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*install, "--require-hashes", "-r", str(lock)], check=True)
    stamp.write_bytes(lock.read_bytes())
    return str(python)


def on_one_core(command: list[str]) -> str:
    """Run a command on one core, with one thread, and return what it printed."""
    core = {min(os.sched_getaffinity(0))}
    found = subprocess.run(
        command,
        env=os.environ | ONE_CORE | {"PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, core),
    )
    return found.stdout
