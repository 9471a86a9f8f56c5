"""Kernels become machine code at their first call, linked to the kernels they call."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from euthymia.kernels import jit
from euthymia.kernels.jit import compiled, modules, needs


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


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_who_waits_for_the_first_compilation_is_told_why_and_later_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jit, "_kept_in", lambda *_: tmp_path)
    for told in ("compiling for this machine, once: up to a minute\n", ""):
        jit._say_why_it_takes_long.cache_clear()
        monkeypatch.setattr(sys, "stderr", Terminal())
        assert compiled("f8(f8)")(square.python)(3.0) == 9.0
        assert compiled("f8(f8)")(square.python)(4.0) == 16.0
        assert sys.stderr.getvalue() == told


def test_importing_every_family_does_not_import_numba():
    code = (
        "import sys; from euthymia.features.catalogue import families; families()\n"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_module_can_be_compiled_after_those_it_calls():
    waiting = {name: needs(name) for name in modules()}
    assert waiting["euthymia.kernels.hrv_entropy"] == {"euthymia.kernels.hrv_time"}
    while waiting:
        ready = {name for name, first in waiting.items() if not first & waiting.keys()}
        assert ready, f"these wait for each other: {sorted(waiting)}"
        waiting = {name: first for name, first in waiting.items() if name not in ready}
