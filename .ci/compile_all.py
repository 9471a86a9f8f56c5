"""Compile our modules and every kernel once, so that the first command does not wait for it."""

import compileall
import os
import pathlib
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from euthymia.kernels.jit import compile_module, modules


def main() -> None:
    """Compile on all cores."""
    source = pathlib.Path(__file__).resolve().parent.parent / "src"
    compileall.compile_dir(source, quiet=1)  # also where the environment forbids it on import
    todo = modules()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(compile_module, todo), 1):
            if sys.stderr.isatty():
                end = "\n" if done == len(todo) else ""
                sys.stderr.write(f"\rcompiling kernels {done}/{len(todo)}{end}")


if __name__ == "__main__":
    main()
