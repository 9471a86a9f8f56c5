"""Features without a clinic: of a bare folder, or of a cohort in shards."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from errno import EISDIR
from os import strerror
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from euthymia.app.present import wall_clock
from euthymia.app.sheets import write_sheet
from euthymia.app.shell import Progress
from euthymia.features.executors import Executor, Inline, Pool
from euthymia.features.likely_units import doubts
from euthymia.features.recordings import Recordings, read
from euthymia.features.segments import segment
from euthymia.features.shards import run_shards, shards_in, write_shards
from euthymia.features.table import chosen, codes_of, features_of, streams_of
from euthymia.ground.clock import to_micros
from euthymia.ground.errors import MissingError, SchemaError

_MARKS = "1_min_after_event_marks"  # no family looks at these; segments may


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to compute: families (None: all) and segments, by name, and whose zone to take."""

    families: tuple[str, ...] | None
    segments: tuple[str, ...]
    tz: str


def features_of_folder(
    folder: Path, out: Path, wanted: Wanted, progress: Progress
) -> dict[str, Any]:
    """Compute the features of everybody in a folder into one Parquet or CSV file."""
    if out.suffix not in {".parquet", ".csv"}:
        raise SchemaError(f"{out.name}: the name must end in .parquet or .csv")
    families = chosen(wanted.families)
    segments = [segment(name) for name in wanted.segments]
    if not folder.exists():
        raise MissingError(f"{folder} does not exist; check the path")
    part = _place_for(out)
    try:
        recordings = _read(folder, wanted, progress)
        table = features_of(recordings, families, segments)
        if out.suffix == ".csv":
            write_sheet(part, table)
        else:
            pq.write_table(table, part, compression="zstd")
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return {
        "rows": table.num_rows,
        "families": {f.name: _filled(table, f.name) for f in families},
        "subjects": len(recordings.people),
        "out": out,
        **_accounts(recordings),
    }


def _place_for(out: Path) -> Path:
    """Make the empty file that becomes `out`: one that takes none says so before hours of reading.

    Raises
    ------
    MissingError
        If there can be no file of this name, with what the system says of it.
    """
    part = out.with_name(f".{out.name}.part")
    try:
        if out.is_dir():
            raise IsADirectoryError(EISDIR, strerror(EISDIR))
        out.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    except OSError as problem:
        raise MissingError(
            f"{out}: no file can be written there ({problem.strerror}): name another path, or give "
            "your user the right to write to it"
        ) from problem
    return part


def _filled(table: pa.Table, family: str) -> int:
    """Return how many rows a family says something in."""
    coverage = table[f"{family}_coverage"].to_numpy()
    return int((coverage > 0).sum())


def _read(folder: Path, wanted: Wanted, progress: Progress) -> Recordings:
    families = chosen(wanted.families)
    streams = streams_of(families, [segment(name) for name in wanted.segments])
    now, codes = to_micros(wall_clock()), codes_of(families)
    found = read(folder, tz=wanted.tz, streams=streams, codes=codes, now=now, progress=progress)
    if found.rows_in == 0:
        raise MissingError(
            f"{folder} holds no file with data: --input takes the folder that the recordings are "
            "in, or a file of them"
        )
    return found


def _accounts(recordings: Recordings) -> dict[str, Any]:
    kinds: Counter[tuple[str, str]] = Counter()
    for line in recordings.refused:
        kinds[line.file, line.reason] += line.rows
    return {
        "rows_in": recordings.rows_in,
        "rejected": sum(kinds.values()),
        "duplicates": recordings.duplicates,
        "rejects": [{"file": f, "reason": r, "rows": n} for (f, r), n in kinds.most_common()],
        "doubtful_units": list(doubts(recordings.people)),
    }


def make_shards(
    folder: Path, out: Path, people: int, wanted: Wanted, progress: Progress
) -> dict[str, Any]:
    """Write the recordings of a folder as shards of some people each."""
    marked = replace(wanted, segments=(*wanted.segments, _MARKS))
    recordings = _read(folder, marked, progress)
    written = write_shards(recordings, out, people)
    return {"shards": len(written), "subjects": len(recordings.people), "out": out} | _accounts(
        recordings
    )


@contextmanager
def executor(
    kind: str, workers: int, scheduler: str | None, certificates: Path | None
) -> Iterator[Executor]:
    """Give the executor of a kind: inline, pool or dask."""
    if kind == "inline":
        yield Inline()
    elif kind == "pool":
        yield Pool(workers)
    else:
        from euthymia.app.cluster import dask_at, dask_here
        from euthymia.security.certificates import make_certificates

        with TemporaryDirectory() as folder:
            if certificates is None and scheduler is None:
                make_certificates(Path(folder), now=wall_clock())
            given = certificates or Path(folder)
            cluster = dask_at(scheduler, given) if scheduler else dask_here(workers, given)
            with cluster as dask:
                yield dask


def features_of_shards(
    folder: Path, out: Path, wanted: Wanted, run_on: Executor, progress: Progress
) -> dict[str, Any]:
    """Compute the features of a folder of shards into one Parquet file a shard."""
    summary = run_shards(
        shards_in(folder),
        out,
        run_on,
        families=wanted.families,
        segments=wanted.segments,
        progress=progress,
    )
    return {
        "shards": summary.shards,
        "rows": summary.rows,
        "digest": summary.digest,
        "out": out,
    }


def catalogue_page(families: Sequence[str] | None) -> str:
    """Return the catalogue of the families named, or of all, as Markdown."""
    from euthymia.features.catalogue_page import page

    return page({family.name: family for family in chosen(families)})


def catalogue(families: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return one record a feature of the families named, or of all."""
    from euthymia.features.catalogue import describe

    names = {family.name for family in chosen(families)}
    return [row for row in describe() if row["family"] in names]
