"""Compile our modules and every kernel once, so that the first command does not wait for it.

A module waits for those whose kernels it calls: else two processes would compile these twice.
"""

import compileall
import os
import pathlib
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

from euthymia.kernels.jit import compile_module, modules, needs


def main() -> None:
    """Compile on all cores."""
    source = pathlib.Path(__file__).resolve().parent.parent / "src"
    compileall.compile_dir(source, quiet=1)  # also where the environment forbids it on import
    waiting = {name: needs(name) for name in modules()}
    number, done = len(waiting), 0
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        running: dict[Future[int], str] = {}
        while waiting or running:
            for name in [name for name, first in waiting.items() if not first]:
                del waiting[name]
                running[pool.submit(compile_module, name)] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                future.result()
                name = running.pop(future)
                for first in waiting.values():
                    first.discard(name)
                done += 1
            if sys.stderr.isatty():
                end = "\n" if done == number else ""
                sys.stderr.write(f"\rcompiling kernels {done}/{number}{end}")


if __name__ == "__main__":
    main()
