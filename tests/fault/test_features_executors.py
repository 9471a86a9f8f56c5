"""The same result on every executor, also when a worker is killed in the middle."""

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from euthymia.app.clinic import wall_clock
from euthymia.app.cluster import dask_here
from euthymia.features.executors import Inline, Pool
from euthymia.features.recordings import Recordings, from_frames
from euthymia.features.shards import read_shard, run_shards, shards_in, write_shards
from euthymia.ground.clock import Timeline
from euthymia.ground.errors import BusyError, MissingError, SchemaError
from euthymia.security.certificates import make_certificates, require_certificates
from feature_cases import DAY0, recording
from lost_workers import always_dies, dies_once


@pytest.fixture(scope="module")
def cohort() -> Recordings:
    parts = []
    for n in range(6):
        columns = recording("screen", Timeline(), DAY0, 4, np.random.default_rng(n))
        who = pa.array([f"person {n}"] * columns["time"].size)
        time = pa.array(columns["time"]).cast(pa.timestamp("us", "UTC"))
        parts.append(pa.table({"subject_id": who, "time": time, "state": columns["state"]}))
    return from_frames({"screen": pa.concat_tables(parts)})


@pytest.fixture
def shards(cohort, tmp_path):
    return write_shards(cohort, tmp_path / "shards", people_a_shard=2)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder, now=wall_clock())
    return folder


def test_shards_come_back_as_they_were(cohort, shards):
    for shard in shards:
        again = read_shard(shard, ["screen", "location"])
        for name, streams in again.people.items():
            assert streams["screen"].equals(cohort.people[name]["screen"])
            assert again.zones[name] == cohort.zones[name]
    assert shards_in(shards[0].parent) == shards
    with pytest.raises(SchemaError, match="exists"):
        write_shards(cohort, shards[0].parent)
    with pytest.raises(MissingError, match="no shard"):
        read_shard(shards[0].parent, ["screen"])
    (shards[0] / "people.json").write_text('{"person 0": [[0, "UTC"]]}')
    with pytest.raises(SchemaError, match=r"screen\.parquet holds people whose zones people\.json"):
        read_shard(shards[0], ["screen"])


def test_what_a_run_that_was_cut_off_left_is_in_no_shard(cohort, tmp_path):
    left = tmp_path / "shards" / "shard-00000.part"
    left.mkdir(parents=True)
    (left / "light.parquet").touch()
    [shard] = write_shards(cohort, tmp_path / "shards")
    assert sorted(path.name for path in shard.iterdir()) == ["people.json", "screen.parquet"]


def test_pool_and_inline_and_dask_give_the_same(shards, tmp_path, certificates):
    with dask_here(2, certificates) as dask:
        everywhere = {"inline": Inline(), "pool": Pool(2), "dask": dask}
        found = {
            name: run_shards(shards, tmp_path / name, executor, segments=("day", "night"))
            for name, executor in everywhere.items()
        }
        (tmp_path / "marks").mkdir()
        task = partial(dies_once, marks=tmp_path / "marks")
        assert sorted(dask.map(task, shards)) == sorted(s.name for s in shards)
        assert (tmp_path / "marks" / "died").exists()
        assert dask.client.scheduler.address.startswith("tls://")
    assert len({summary.digest for summary in found.values()}) == 1
    tables = [
        [pq.read_table(path) for path in sorted((tmp_path / name).glob("*.parquet"))]
        for name in everywhere
    ]
    assert len(tables[0]) == len(shards)
    for others in tables[1:]:
        assert all(a.equals(b) for a, b in zip(tables[0], others, strict=True))
    assert not list(tmp_path.glob("*/.*.part"))


def test_a_killed_worker_of_a_pool_loses_and_doubles_nothing(shards, tmp_path):
    task = partial(dies_once, marks=tmp_path)
    assert sorted(Pool(2).map(task, shards)) == sorted(s.name for s in shards)
    assert (tmp_path / "died").exists()


def test_work_that_always_kills_its_worker_ends_with_a_reason(shards):
    with pytest.raises(BusyError, match="more memory"):
        list(Pool(1).map(always_dies, shards[:1]))


def test_certificates_are_for_their_owner_and_asked_for(certificates, tmp_path):
    assert {oct(p.stat().st_mode & 0o777) for p in certificates.iterdir()} == {"0o600"}
    with pytest.raises(MissingError, match=r"node\.key"):
        require_certificates(tmp_path)
