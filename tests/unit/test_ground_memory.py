"""What was freed is used again, and not asked of the system anew."""

import subprocess
import sys

import pytest

COUNT = """
import resource, sys
import numpy as np
from euthymia.ground.memory import keep_memory
if sys.argv[1] == "keep" and not keep_memory():
    sys.exit(3)
def new_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        np.ones(5_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
new_pages()
print(new_pages())
"""


def pages(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", COUNT, how], capture_output=True, text=True, check=False
    )
    if done.returncode == 3:
        pytest.skip("the C library of this machine is not glibc")
    return int(done.stdout)


def test_arrays_that_come_again_cost_no_new_pages():
    assert pages("keep") < pages("give back") / 4
