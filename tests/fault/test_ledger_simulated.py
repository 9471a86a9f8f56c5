"""The ledger on a disk that fails, over many seeds: acknowledged means there, exactly once."""

import os
import random

import pytest

from euthymia.ground.errors import EuthymiaError
from euthymia.security.keys import Keyring
from ledger_simulator import FakeDisk, check, entry, opened, simulate

FEW, MANY = 150, 1_500


def seeds(few, many, first=0):
    """`EUTHYMIA_SEED` runs one seed alone."""
    one = os.environ.get("EUTHYMIA_SEED")
    if one is not None:
        return [pytest.param([int(one)], id=f"seed {one}")]
    return [
        pytest.param(range(first, first + few), id="few"),
        pytest.param(range(first + few, first + many), id="many", marks=pytest.mark.slow),
    ]


@pytest.fixture(scope="module")
def keyring(tmp_path_factory):
    return Keyring.create(tmp_path_factory.mktemp("home") / "keys")


def crash(disk, draw):
    disk.power = draw.randrange(400)


@pytest.mark.parametrize("span", seeds(FEW, MANY))
def test_power_cuts(keyring, span):
    """At a random system call of three writers that take turns at every system call."""
    acknowledged = cut = 0
    for seed in span:
        run = simulate(seed, keyring, prepare=crash)
        check(run, run.disk.after_power_cut(), keyring)
        acknowledged += len(run.acknowledged)
        cut += run.disk.off
    assert acknowledged > len(span)
    assert cut > len(span) / 2


@pytest.mark.parametrize("span", seeds(30, 300, first=100_000))
def test_killed_processes(keyring, span):
    """The kernel goes on: what a dead process wrote is there, torn where it was torn."""
    for seed in span:
        run = simulate(seed, keyring, prepare=crash)
        check(run, run.disk.after_kill(), keyring)


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_a_power_cut_at_every_system_call(keyring, step):
    """One history, from the first call to the last."""
    whole = simulate(7, keyring, writers=2)
    assert whole.disk.calls > 100
    for power in range(0, whole.disk.calls, step):

        def prepare(disk, draw, power=power):
            disk.power = power

        run = simulate(7, keyring, prepare=prepare, writers=2)
        check(run, run.disk.after_power_cut(), keyring)


@pytest.mark.parametrize("span", seeds(30, 300, first=200_000))
def test_calls_that_fail(keyring, span):
    """EIO from any call, and a cut on top: what failed may be there, what was said must be."""

    def prepare(disk, draw):
        disk.fail_share = draw.choice((0.01, 0.05))
        if draw.random() < 0.5:
            disk.power = draw.randrange(300)

    for seed in span:
        run = simulate(seed, keyring, prepare=prepare)
        found = run.disk.after_power_cut() if run.disk.off else run.disk.after_kill()
        check(run, found, keyring)


@pytest.mark.parametrize("span", seeds(30, 300, first=300_000))
def test_a_disk_that_fills_up(keyring, span):
    def prepare(disk, draw):
        disk.room = draw.randrange(20_000)

    for seed in span:
        run = simulate(seed, keyring, prepare=prepare)
        check(run, run.disk.after_kill(), keyring)


@pytest.mark.parametrize("span", seeds(30, 300, first=400_000))
def test_a_disk_that_lies_about_syncs(keyring, span):
    """What it lost is lost; no entry comes up twice, changed or from nowhere."""

    def prepare(disk, draw):
        disk.lie_share = 0.3
        disk.power = draw.randrange(250)

    for seed in span:
        run = simulate(seed, keyring, prepare=prepare)
        check(run, run.disk.after_power_cut(), keyring, may_lose=run.disk.lied)


@pytest.mark.parametrize("span", seeds(60, 600, first=500_000))
def test_bit_rot_is_found(keyring, span):
    """One bit of any file of the ledger that has bytes."""
    for seed in span:
        draw = random.Random(seed)
        disk = FakeDisk(draw)
        ledger = opened(disk, keyring, draw)
        for n in range(4):
            ledger.append(entry(n))
        ledger.close()
        path, bit = disk.rot()
        assert opened(disk, keyring, draw).verify(), f"seed {seed}: bit {bit} of {path.name}"


@pytest.mark.parametrize("span", seeds(30, 300, first=600_000))
def test_a_log_set_back_behind_its_keys_is_found(keyring, span):
    """Log and head from an older copy, the key file left: no witness is needed for that."""
    for seed in span:
        draw = random.Random(seed)
        disk = FakeDisk(draw)
        ledger = opened(disk, keyring, draw)
        for n in range(draw.randint(1, 4)):
            ledger.append(entry(n))
        old = disk.copy()
        ledger.append(entry(9))
        ledger.close()  # a checkpoint: the next epoch
        keys = {p: raw for p, raw in disk.copy().items() if p.name == "ledger.keys"}
        back = opened(disk.put_back(old | keys), keyring, draw)
        assert any("set back" in problem for problem in back.verify()), f"seed {seed}"
        with pytest.raises(EuthymiaError, match="set back"):
            back.append(entry(10))


def test_the_same_seed_gives_the_same_run(keyring):
    first, again = (simulate(11, keyring, prepare=crash) for _ in range(2))
    assert first.disk.calls == again.disk.calls
    assert first.tried == again.tried
    assert set(first.acknowledged) == set(again.acknowledged)
