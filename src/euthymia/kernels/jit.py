"""Compile a kernel to machine code: at its first call, kept on disk for the next process.

Numba is imported at the first call of a compiled kernel and not before, so that a command which
computes nothing starts quickly. A kernel may call compiled kernels of its own file and of others:
what is kept on disk is filed under a digest of every source file it was made from, so a change in
any of them compiles it anew.
"""

import hashlib
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


class Kernel(Generic[P, R]):
    """A function that becomes machine code when it is first called.

    `python` is the function as it is written: slow, and the same numbers.
    """

    def __init__(self, function: Callable[P, R], signature: str, lanes: bool) -> None:
        self.python = function
        self.signature = signature
        self.lanes = lanes
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the machine code."""
        return self.machine_code(*args, **kwargs)

    def _called(self) -> dict[str, "Kernel[..., Any]"]:
        """Return the kernels that this one names, by the name it uses."""
        function = _plain(self)
        found = {n: function.__globals__.get(n) for n in function.__code__.co_names}
        return {n: k for n, k in found.items() if isinstance(k, Kernel) and k is not self}

    def files(self) -> frozenset[Path]:
        """Return every source file that the machine code is made from."""
        own = frozenset({Path(_plain(self).__code__.co_filename)})
        return own.union(*(kernel.files() for kernel in self._called().values()))

    @property
    def _numba_type_(self) -> object:
        """What numba takes this for where another kernel calls it.

        Asked only while that one is compiled: machine code read from disk holds what it calls.
        """
        from numba import types

        compiled_one: Any = self.machine_code
        return types.Dispatcher(compiled_one)

    @cached_property
    def machine_code(self) -> Callable[P, R]:
        """The compiled function: read from disk, or compiled now."""
        import numba

        plain = _plain(self)
        function = FunctionType(  # numba marks what it compiles: not the one that stays as written
            plain.__code__,
            plain.__globals__,
            plain.__name__,
            plain.__defaults__,
            plain.__closure__,
        )
        function.__module__, function.__qualname__ = plain.__module__, plain.__qualname__
        folder = _kept_in(self.files(), numba.__version__)
        if folder is None or not any(folder.glob(f"*/*.{plain.__qualname__}-*.nbi")):
            _say_why_it_takes_long()
        numba.config.CACHE_DIR = str(folder or "")  # type: ignore[attr-defined]
        njit: Any = numba.njit  # what it takes is more than its types say
        compile_it = njit(
            [self.signature],
            cache=folder is not None,
            nogil=True,
            error_model="numpy",
            no_cfunc_wrapper=True,  # nothing calls a kernel from C
            forceinline=self.lanes,
            fastmath={"contract"} if self.lanes else False,
        )
        with _side_by_side(self.lanes):
            return cast("Callable[P, R]", compile_it(function))


@cache
def _say_why_it_takes_long() -> None:
    """Tell whoever waits at a terminal, once in a process; `make` compiles beforehand."""
    if sys.stderr.isatty():
        sys.stderr.write("compiling for this machine, once: up to a minute\n")


def _plain(kernel: Kernel[..., Any]) -> FunctionType:
    return cast("FunctionType", kernel.python)


@contextmanager
def _side_by_side(lanes: bool) -> Iterator[None]:
    """Let what is done alike to several numbers be done to them at once, while this lasts."""
    import numba

    config: Any = numba.config
    before = config.SLP_VECTORIZE
    config.SLP_VECTORIZE = int(lanes)
    try:
        yield
    finally:
        config.SLP_VECTORIZE = before


def compiled(signature: str, *, lanes: bool = False) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Declare a kernel to be compiled for one signature, such as ``"f8(f8[::1], i8)"``.

    One signature: a kernel that is handed float32 by mistake fails, and nothing is compiled
    behind a caller's back. No fast-math: sums are done in the order in which they are written.
    `lanes` is for kernels that work on four numbers side by side (`kernels.four`), and allows one
    thing more: a product that is added to something need not be rounded before.
    """

    def declare(function: Callable[P, R]) -> Kernel[P, R]:
        return Kernel(function, signature, lanes)

    return declare


def modules() -> list[str]:
    """Return the names of this room's modules that hold compiled kernels."""
    room = importlib.import_module(__package__)
    names = [f"{__package__}.{info.name}" for info in pkgutil.iter_modules(room.__path__)]
    return [name for name in names if _kernels_of(name)]


def needs(name: str) -> set[str]:
    """Return the names of the other modules whose kernels those of a module call."""
    files = frozenset[Path]().union(*(kernel.files() for kernel in _kernels_of(name)))
    return {f"{__package__}.{path.stem}" for path in files} - {name}


def compile_module(name: str) -> int:
    """Compile every kernel of a module now; return how many there are."""
    found = _kernels_of(name)
    for kernel in found:
        _ = kernel.machine_code
    return len(found)


def _kernels_of(name: str) -> list[Kernel[..., Any]]:
    known = vars(importlib.import_module(name)).values()
    return [k for k in known if isinstance(k, Kernel) and k.python.__module__ == name]


def _kept_in(files: frozenset[Path], numba_version: str) -> Path | None:
    """Return where the machine code of these files is kept; None where it cannot be.

    It cannot where no folder may be written to, and of code that is in no file (a notebook).
    """
    if not all(path.is_file() for path in files):
        return None
    content = hashlib.sha256(numba_version.encode())
    for path in sorted({*files, Path(__file__)}):  # how they are compiled is told here
        content.update(path.read_bytes())
    here = Path(__file__).parent / "__pycache__"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for folder in (here, home / "euthymia"):
        own = folder / f"kernels-{content.hexdigest()[:16]}"
        try:
            own.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        if os.access(own, os.W_OK) and own.stat().st_uid == os.getuid():
            return own
    return None
