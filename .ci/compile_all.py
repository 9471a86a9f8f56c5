"""Compile our modules and every kernel once, so that the first command does not wait for it."""

import compileall
import pathlib
import sys

from euthymia.kernels.jit import compile_all


def _report(done: int, total: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\rcompiling kernels {done}/{total}")
        if done == total:
            sys.stderr.write("\n")


source = pathlib.Path(__file__).resolve().parent.parent / "src"
compileall.compile_dir(source, quiet=1)  # also where the environment forbids writing it on import
compile_all(_report)
