"""Compile every kernel once, so that the first command does not wait for it."""

import sys

from euthymia.kernels.jit import compile_all


def _report(done: int, total: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\rcompiling kernels {done}/{total}")
        if done == total:
            sys.stderr.write("\n")


compile_all(_report)
