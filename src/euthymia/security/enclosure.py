"""What a process of ours may reach, taken away by itself and for good: Landlock and seccomp.

After `enclose` the kernel lets the process, and whatever it starts, read the named folders and
nothing else: no other file can be opened, none written, and no process outside the enclosure be
traced or its memory read, under whatever user it runs. Of networks Landlock (Linux >= 5.13) knows
TCP alone, so a filter of system calls (seccomp) takes away sockets of every kind: a datagram would
carry data out, and Landlock lets the socket file of a local database or daemon be connected to. It
cannot be undone. See https://docs.kernel.org/userspace-api/landlock.html, seccomp_filter.html.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_VERSION_FLAG: Final = 1
_BENEATH: Final = 1
_NO_NEW_PRIVILEGES: Final = 38
_NO_DUMPS: Final = 4
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILES: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights over files each version knows: all of them are taken away."""
_TCP: Final = 0b11
_SIGNALS_AND_SOCKETS: Final = 0b11


_ARCHITECTURES: Final = {
    "x86_64": (0xC000003E, 317, 41),
    "aarch64": (0xC00000B7, 277, 198),
}
"""By machine: what the kernel calls it, and the numbers of `seccomp` and `socket`."""
_IO_URING_SETUP: Final = 425  # it makes sockets by another way
_OTHER_ABI: Final = 0x40000000  # x32: the same calls under other numbers
_LOAD, _EQUAL, _AT_LEAST, _END = 0x20, 0x15, 0x35, 0x06
_ALLOW, _FORBID, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_FILTER, _ALL_THREADS = 1, 1


class _Step(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("true", ctypes.c_uint8),
        ("false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("steps", ctypes.POINTER(_Step)))


class _Rules(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _system() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Return the version of Landlock that the kernel has; 0: none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, int(_system().syscall(_CREATE, None, 0, _VERSION_FLAG)))


def keep_memory_private() -> None:
    """Let no crash write this process's memory to a disk, and no program of its user read it.

    Linux: then only root may trace it or open its files under /proc. Elsewhere nothing is done.
    """
    if sys.platform.startswith("linux"):
        _system().prctl(_NO_DUMPS, 0, 0, 0, 0)


def enclose(readable: Iterable[Path]) -> bool:
    """Let this process read these folders and nothing else, for good; False: the kernel cannot.

    Also where it cannot: no core dump, no program with more rights can be started, and no socket
    is made (on x86-64 and ARM64).
    """
    if not sys.platform.startswith("linux"):
        return False
    keep_memory_private()
    system = _system()
    system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _without_sockets(system)
    known = version()
    if not known:
        return False
    files = (1 << _FILES.get(known, max(_FILES.values()))) - 1
    rules = _Rules(files, _TCP if known >= 4 else 0, _SIGNALS_AND_SOCKETS if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    handle = system.syscall(_CREATE, ctypes.byref(rules), size, 0)
    if handle < 0:
        return False
    try:
        for folder in readable:
            _allow(system, handle, folder)
        return int(system.syscall(_RESTRICT, handle, 0)) == 0
    finally:
        os.close(handle)


def _without_sockets(system: ctypes.CDLL) -> None:
    """Have the kernel refuse every new socket, in all threads, where it can."""
    found = _ARCHITECTURES.get(os.uname().machine)
    if found is None:
        return
    machine, seccomp, socket = found
    steps = (
        _Step(_LOAD, 0, 0, 4),  # the architecture of the call
        _Step(_EQUAL, 1, 0, machine),
        _Step(_END, 0, 0, _KILL),
        _Step(_LOAD, 0, 0, 0),  # its number
        _Step(_AT_LEAST, 3, 0, _OTHER_ABI),
        _Step(_EQUAL, 2, 0, socket),
        _Step(_EQUAL, 1, 0, _IO_URING_SETUP),
        _Step(_END, 0, 0, _ALLOW),
        _Step(_END, 0, 0, _FORBID),
    )
    program = _Program(len(steps), (_Step * len(steps))(*steps))
    system.syscall(seccomp, _FILTER, _ALL_THREADS, ctypes.byref(program))


def _allow(system: ctypes.CDLL, handle: int, folder: Path) -> None:
    try:
        place = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there need not be read
    try:
        rights = _READ_FILE | (_READ_DIR if folder.is_dir() else 0)
        rule = _Beneath(rights, place)
        system.syscall(_ADD_RULE, handle, _BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(place)
