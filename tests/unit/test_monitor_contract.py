from dataclasses import replace

import numpy as np
import pytest

from euthymia.care.monitor.contract import FAMILY, Lines, ScoreStream, from_table, to_table
from euthymia.care.monitor.stream import episodes_of, judged
from euthymia.ground.errors import SchemaError
from euthymia.store.derived import checked

DAYS = 40


def stream() -> ScoreStream:
    rng = np.random.default_rng(1)

    def some() -> np.ndarray:
        values = rng.normal(size=DAYS)
        values[rng.random(DAYS) < 0.3] = np.nan
        return values

    names = [
        "coverage",
        "composite",
        "frozen",
        "mewma",
        "log_e",
        "unseen_days",
        "probability",
        "baseline_days",
        "excused",
        "composite_line",
        "mewma_line",
        "probability_line",
        "episode",
    ]
    arrays = {name: some() for name in names} | {"coverage": rng.random(DAYS)}
    return ScoreStream(
        subject="p-abcdefghijklmnop",
        day=np.arange(20_000, 20_000 + DAYS),
        z={"sleep.hours": some(), "mobility.home": some()},
        digest=tuple(f"{i:064d}" for i in range(DAYS)),
        **arrays,
    )


def test_a_stream_comes_back_with_the_same_bits() -> None:
    made = stream()
    table = checked(made.subject, FAMILY, to_table(made))
    again = from_table(table)
    assert _same(made, again)
    assert again.digest == made.digest
    assert again.version == made.version


def _same(a: ScoreStream, b: ScoreStream) -> bool:
    pairs = [(a.day, b.day), *((a.z[n], b.z[n]) for n in a.z)]
    names = ("coverage", "composite", "frozen", "mewma", "log_e", "unseen_days", "episode")
    pairs += [(getattr(a, n), getattr(b, n)) for n in names]
    return all(x.tobytes() == y.tobytes() for x, y in pairs)


def test_drivers_are_those_furthest_towards_worse() -> None:
    made = stream()
    at = int(
        np.flatnonzero(np.isfinite(made.z["sleep.hours"]) & np.isfinite(made.z["mobility.home"]))[0]
    )
    first, second = made.drivers(at, {"sleep.hours": -1, "mobility.home": 1})
    assert first.z * first.worse >= second.z * second.worse


def test_rows_that_are_no_stream_are_refused() -> None:
    table = to_table(stream())
    with pytest.raises(SchemaError, match="composite"):
        from_table(table.drop_columns(["composite"]))
    with pytest.raises(SchemaError, match="one person"):
        from_table(table.slice(0, 0))


def test_a_models_probability_over_its_line_opens_an_episode() -> None:
    made = stream()
    quiet = np.zeros(DAYS)
    calm = replace(made, composite=quiet, frozen=quiet, mewma=quiet, probability=quiet + np.nan)
    lines = Lines(composite=4.0, mewma=3.0, probability=0.3)
    assert episodes_of(judged(calm, lines)) == ()
    calm.probability[-1] = 0.4
    (found,) = episodes_of(judged(calm, lines))
    assert (found.kind, found.opened, found.closed) == ("probability", made.day[-1], None)
    assert found.peak == pytest.approx(0.4 / 0.3)


def test_the_same_stream_under_lower_lines_has_longer_episodes() -> None:
    made, rise = stream(), np.concatenate([np.zeros(30), np.linspace(0, 6, DAYS - 30)])
    calm = replace(
        made, composite=rise, frozen=rise * np.nan, mewma=rise * 0, probability=rise * np.nan
    )
    days = [
        np.isfinite(judged(calm, Lines(composite=line, mewma=3.0)).episode).sum()
        for line in (1.0, 3.0, 9.0)
    ]
    assert days[0] > days[1] > days[2] == 0
