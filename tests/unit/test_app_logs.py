"""What a log line may hold: of libraries no message, of errors no text but our own."""

import logging
import sys
import threading
from types import SimpleNamespace

from euthymia.app.logs import AllowList, keep_to_allow_list
from euthymia.ground.errors import MissingError

SENTINEL = "Zelda-Quimby-1931"


def _line(name: str, message: str, *values: object, error: Exception | None = None) -> str:
    told = None
    if error is not None:
        try:
            raise error
        except type(error):
            told = sys.exc_info()
    record = logging.LogRecord(name, logging.ERROR, "x.py", 1, message, values, told)
    return AllowList().format(record)


def test_a_library_cannot_log_a_value() -> None:
    for line in (
        _line("asyncio", f"task of {SENTINEL} failed"),
        _line("uvicorn.error", "answer to %s", SENTINEL),
        _line("uvicorn.error", "Invalid HTTP request received.", SENTINEL),
        _line("py.warnings", "%s", SENTINEL),
        _line("other", "failed", error=ValueError(SENTINEL)),
        _line("euthymia.http", "failed", error=KeyError(SENTINEL)),
        _line("euthymiaX", SENTINEL),
    ):
        assert SENTINEL not in line
    assert _line("other", "x", error=ValueError(SENTINEL)).startswith("other error ValueError at ")


def test_what_is_ours_can_be_read() -> None:
    assert _line("euthymia.http", "b1-7 failed") == "euthymia.http error b1-7 failed"
    assert "no such model" in _line("asyncio", "x", error=MissingError("no such model"))
    assert _line("uvicorn.error", "Exceeded concurrency limit.").endswith("concurrency limit.")


def test_one_record_is_one_line() -> None:
    assert "\n" not in _line("euthymia.http", "a\r\nforged line\x1b[2J")
    assert "\x1b" not in _line("euthymia.http", "a\x1b[2J")


def test_what_nobody_catches_is_told_by_class_and_place(capsys, monkeypatch) -> None:
    """Python itself would print the text of the error, and with it what a note or a name held."""
    for hook in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, hook, getattr(sys, hook))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
    handlers, level = list(logging.root.handlers), logging.root.level
    try:
        keep_to_allow_list()
        for hook in (sys.excepthook, _as_thread, _as_unraisable):
            for error in (ValueError(SENTINEL), MissingError("no such\nmodel\x1b[2J")):
                hook(type(error), error, None)
                told = capsys.readouterr().err
                assert type(error).__name__ in told
                assert SENTINEL not in told
                assert told.count("\n") == 1
                assert "\x1b" not in told
        _as_thread(SystemExit, SystemExit(SENTINEL), None)
        assert capsys.readouterr().err == ""
    finally:
        logging.captureWarnings(capture=False)
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)


def _as_thread(kind: type[BaseException], error: BaseException, trace: None) -> None:
    threading.excepthook(threading.ExceptHookArgs((kind, error, trace, None)))


def _as_unraisable(kind: type[BaseException], error: BaseException, trace: None) -> None:
    held = SimpleNamespace(
        exc_type=kind, exc_value=error, exc_traceback=trace, err_msg=SENTINEL, object=SENTINEL
    )
    sys.unraisablehook(held)  # type: ignore[arg-type]
