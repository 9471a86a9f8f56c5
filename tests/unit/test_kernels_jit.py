"""Kernels become machine code at their first call, linked to the kernels they call."""

import subprocess
import sys

import numpy as np
import pytest

from euthymia.kernels.jit import compiled


@compiled("f8(f8)")
def square(x):
    return x * x


@compiled("f8(f8[::1])")
def sum_of_squares(values):
    total = 0.0
    for value in values:
        total += square(value)
    return total


def test_a_kernel_calls_another():
    assert sum_of_squares(np.arange(4.0)) == 14.0
    assert square.python(3.0) == square(3.0) == 9.0
    assert {path.name for path in sum_of_squares.files()} == {"test_kernels_jit.py"}


def test_another_type_is_refused_and_not_compiled():
    with pytest.raises(TypeError, match="No matching definition"):
        sum_of_squares(np.arange(4, dtype=np.float32))


def test_importing_every_family_does_not_import_numba():
    code = (
        "import sys; from euthymia.features.catalogue import families; families()\n"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
