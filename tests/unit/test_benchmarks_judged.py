"""What `make bench` says of a claim: a goal that was missed by little is missed."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def _module(name):
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


run = _module("run")


def claim(ratio, goal):
    values = {"name": "n", "ours": 1, "peer": 1, "peer_name": "p", "unit": "u"}
    return run.judged(values | {"ratio": ratio, "goal": goal, "more": 1})


@pytest.mark.parametrize(
    ("ratio", "goal", "met", "printed"),
    [
        (996 / 1000, 1.0, False, 0.996),
        (0.999_96, 1.0, False, 0.999),
        (1.0, 1.0, True, 1.0),
        (29.96, 30.0, False, 29.9),
        (30.0, 30.0, True, 30.0),
        (1234.5, 50.0, True, 1230.0),
        (2.0, None, None, 2.0),
        (None, None, None, None),
    ],
)
def test_met_by_the_ratio_as_measured(ratio, goal, met, printed):
    said = claim(ratio, goal)
    assert (said["met"], said["ratio"], said["more"]) == (met, printed, 1)


@given(st.floats(1e-6, 1e9))
def test_the_printed_ratio_never_flatters(ratio):
    printed = run.cut(ratio)
    assert printed <= ratio < printed * 1.011
    assert len(f"{printed:.12g}".replace(".", "").strip("0").split("e")[0]) <= 3


def test_no_benchmark_rounds_a_ratio_itself():
    for path in BENCHMARKS.glob("*.py"):
        assert not re.search(r'"ratio": round', path.read_text(encoding="utf-8")), path.name


def test_a_table_tells_memory_of_both_and_where_the_time_goes():
    report = _module("report").report
    first = claim(4.0, 3.0) | {"peak_mb": 170, "peer_peak_mb": 220, "first_call_s": 0.5}
    parts = {"ms_by_family": {"b": 2.0, "a": 97.5, "c": 0.25, "d": 0.25}}
    again = first | {"ours": 1234, "met": False} | parts
    lines = report(map(json.dumps, (first, again))).splitlines()
    assert lines[2] == "| n | 1,234 u | 1 p | 4.0 | 3.0 | no | 170 (220) | 0.5 s |"
    assert lines[3:] == ["", "* n [ms]: a 97.5, b 2.0, the rest 0.5"]
    alone = claim(None, None) | {"peer": None, "peer_name": None}
    assert report([json.dumps(alone)]).splitlines()[2] == "| n | 1 u |  |  |  |  |  |  |"
