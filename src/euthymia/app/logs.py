"""What may be written to a log: an allow-list. No message of a library, and no value of an error.

Our own loggers (`euthymia.*`) write words of ours: request numbers, routes of our tables, statuses,
classes and places of errors; errors of the `EuthymiaError` family, whose text is safe by rule. Of
any other logger a line holds its name, the level, and class and place of an error. So with what
Python itself would print when a thread, or an object's end, fails.
"""

import logging
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

from euthymia.ground.errors import EuthymiaError

OURS: Final = "euthymia"
_KNOWN: Final = frozenset(
    {
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
        "Exceeded concurrency limit.",
        "Exception in ASGI application\n",
    }
)
"""Texts of the server library without a value in them."""


def place_of(trace: TracebackType | None) -> str:
    """Return where an error came from: files and lines, the last first, and no variable."""
    frames = traceback.extract_tb(trace)[-6:]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))


def error_words(error: BaseException | None) -> str:
    """Return class and place of an error; the text only of our own family."""
    if error is None:
        return ""
    said = f": {error}" if isinstance(error, EuthymiaError) else ""
    return f"{type(error).__name__} at {place_of(error.__traceback__)}{said}"


class AllowList(logging.Formatter):
    """Format a record from what may be told, and from nothing else."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        ours = record.name == OURS or record.name.startswith(OURS + ".")
        message = ""
        if ours:
            message = record.getMessage()
        elif record.msg in _KNOWN and not record.args:
            message = str(record.msg).strip()
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        parts = (record.name, record.levelname.lower(), message, error_words(error))
        return " ".join(_one_line(part) for part in parts if part)


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def keep_to_allow_list() -> None:
    """Have everything that this process logs, or complains of, go through the allow-list."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(AllowList())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.lastResort = None
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _in_thread
    sys.unraisablehook = _unraisable


def _tell(what: str, error: BaseException | None) -> None:
    sys.stderr.write(_one_line(f"{what} {error_words(error)}") + "\n")


def _uncaught(
    _kind: type[BaseException], error: BaseException, _trace: TracebackType | None
) -> None:
    _tell("uncaught", error)


def _in_thread(told: "threading.ExceptHookArgs") -> None:
    if told.exc_type is not SystemExit:
        _tell("in a thread", told.exc_value)


def _unraisable(told: "sys.UnraisableHookArgs") -> None:
    _tell("ignored", told.exc_value)
