"""Features of a cohort that outgrows one machine: the same shards, on a Dask cluster.

`distributed` is the extra `euthymia[scale]`. Between scheduler, workers and this process everything
goes over mutual TLS with the clinic's own certificates; no dashboard, no telemetry.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from euthymia.app.outbound import allow
from euthymia.ground.errors import BusyError, MissingError
from euthymia.security.certificates import AUTHORITY, KEY, NODE, require_certificates

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Dask:
    """Runs on the workers of a Dask cluster; what a lost worker was at is done again."""

    client: "Client"

    def map(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Yield the results as they come.

        Raises
        ------
        BusyError
            If workers are lost again and again over the same piece.
        """
        distributed = _dask()
        # pure=False: a result is a file that was written, not a value to be looked up
        futures = self.client.map(task, items, pure=False)
        for done in distributed.as_completed(futures):
            try:
                yield done.result()
            except distributed.KilledWorker as problem:
                raise BusyError(
                    "a piece of work ended its worker again and again: give workers more memory"
                ) from problem


def _security(folder: Path) -> Any:  # noqa: ANN401
    require_certificates(folder)
    ours: dict[str, Any] = {"tls_ca_file": str(folder / AUTHORITY)}
    for role in ("client", "scheduler", "worker"):
        ours |= {f"tls_{role}_cert": str(folder / NODE), f"tls_{role}_key": str(folder / KEY)}
    return _dask().Security(require_encryption=True, **ours)


QUIET: Final = {
    "logging": {"distributed": "critical"},  # a log could hold an error, an error a value
    "distributed": {"worker": {"memory": {"spill": False, "target": False}}},  # nor may a temp file
}


def _dask() -> ModuleType:
    """Import Dask, told to leave nothing behind."""
    try:
        import dask
    except ImportError as absent:
        raise MissingError(
            "Dask is not installed: pip install -e '.[scale]' in the software's folder"
        ) from absent
    dask.config.set(QUIET)
    return import_module("distributed")


@contextmanager
def dask_here(workers: int, certificates: Path) -> Iterator[Dask]:
    """Start a cluster of worker processes on this machine, for as long as it is used."""
    distributed = _dask()
    with (
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            protocol="tls",
            security=_security(certificates),
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster, security=_security(certificates)) as client,
    ):
        yield Dask(client)


@contextmanager
def dask_at(scheduler: str, certificates: Path) -> Iterator[Dask]:
    """Use a running cluster: `scheduler` is such as ``tls://10.0.0.5:8786``."""
    distributed = _dask()
    if not scheduler.startswith("tls://"):
        raise MissingError("a scheduler is spoken to over TLS only: its address begins with tls://")
    allow(urlsplit(scheduler).hostname)
    with distributed.Client(scheduler, security=_security(certificates), timeout=30) as client:
        yield Dask(client)
