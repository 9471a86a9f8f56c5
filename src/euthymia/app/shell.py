"""What every command shares: which home, JSON or words, progress bars, how a refusal is said."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from euthymia.app.home import default_home

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from euthymia.app.clinic import Clinic

Progress = Callable[[int, int], None]
"""(done, of all): called now and then by long work."""

F = TypeVar("F", bound=Callable[..., Any])


_OBEYED: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)"
)
"""Escapes and other control characters, marks that turn the direction of writing, half letters."""


class Shell:
    """The state of one call of the command line."""

    def __init__(self) -> None:
        self.home: Path | None = None
        self.as_json = False
        self.exit_code = 0

    def take(self, home: Path | None, *, as_json: bool) -> None:
        """Take `--home` and `--json` from wherever they stood on the line."""
        self.home = home or self.home
        self.as_json = as_json or self.as_json

    def path(self) -> Path:
        """Return the home's path."""
        return self.home or default_home()

    @contextmanager
    def clinic(self) -> Iterator["Clinic"]:
        """Open the clinic for one command."""
        from euthymia.app.clinic import Clinic

        with Clinic.opened(self.path()) as clinic:
            yield clinic

    def emit(self, result: Mapping[str, Any], words: str) -> None:
        """Print the result: one JSON object, or words for a person."""
        if self.as_json:
            import msgspec

            click.echo(msgspec.json.encode(result, enc_hook=_encode).decode())
        else:
            click.echo(shown(words))

    def refuse(self, reason: str) -> None:
        """Say why nothing was done: on standard error, and as JSON where that was asked for."""
        self.exit_code = 1
        self.tell_json(reason)
        click.echo(f"refused: {shown(reason)}", err=True)

    def tell_json(self, reason: str) -> None:
        """Print an error as the one JSON object on standard output, where that was asked for."""
        if self.as_json:
            import msgspec

            click.echo(msgspec.json.encode({"error": reason}).decode())

    @contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """Show a progress bar on standard error: live on a terminal, else its last state."""
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        console = Console(stderr=True, soft_wrap=True)
        columns = (
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:>6.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=console, disable=self.as_json) as bars:
            task = bars.add_task(title, total=1)

            def report(done: int, total: int) -> None:
                bars.update(task, completed=done, total=max(total, 1))

            _BARS.append(bars)
            try:
                yield report
            except BaseException:
                if not bars.tasks[task].completed:  # "0 of 1" beside a refusal says nothing
                    bars.live.transient = True
                    console.quiet = not console.is_terminal
                raise
            finally:
                _BARS.remove(bars)


_BARS: Final[list["Bars"]] = []
"""The progress bars that are shown now."""


@contextmanager
def bars_held() -> Iterator[None]:
    """Take the bars away while somebody is asked: their next frame would wipe the question out."""
    held = list(_BARS)
    for bars in held:
        bars.live.transient = True
        bars.stop()
    try:
        yield
    finally:
        for bars in held:
            bars.live.transient = False
            bars.start()


def shown(text: str) -> str:
    """Return a text that a terminal shows and does not obey: names and reasons come from files."""
    return _OBEYED.sub("?", text)


def _encode(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"cannot print a {type(value).__name__}")


def _on_home(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    context.ensure_object(Shell).take(value, as_json=False)


def _on_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.ensure_object(Shell).take(None, as_json=value)


def everywhere(function: F) -> F:
    """Give a command `--home DIR` and `--json`, so that they may stand after its name as well."""
    home = click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        expose_value=False,
        callback=_on_home,
        help="The clinic's directory.",
    )
    as_json = click.option(
        "--json", is_flag=True, expose_value=False, callback=_on_json, help="Print one JSON object."
    )
    return home(as_json(function))


def table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """Lay out rows in columns for a terminal or a pipe."""
    if not rows:
        return "nothing to list"
    widths = [max(len(str(r[i])) for r in [header, *rows]) for i in range(len(header))]
    lines = [header, tuple("-" * w for w in widths), *rows]
    return "\n".join(
        "  ".join(str(c).ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def words(values: Mapping[str, Any]) -> str:
    """Lay out a result for a person: a line a value, what is inside a value under it."""
    lines = []
    for key, value in values.items():
        name = f"{key.replace('_', ' ')}:"
        inside = [f"  {k.replace('_', ' ')}: {_said(v)}" for k, v in _pairs(value)]
        inside += [f"  {_said(part)}" for part in value] if isinstance(value, list) else []
        if inside:
            lines += [name, *inside]
        else:
            lines.append(f"{name} {_said(value) or 'none'}")
    return "\n".join(lines)


def _pairs(value: object) -> Sequence[tuple[str, object]]:
    return list(value.items()) if isinstance(value, Mapping) else []


def _said(value: object) -> str:
    """Say one value: numbers as long as one reads them, several values beside each other."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k.replace('_', ' ')} {_said(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return " to ".join(_said(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return "none" if value is None else str(value)


def accounts(tally: Mapping[str, Any]) -> str:
    """Say what became of every row."""
    used = tally.get("feature_only", 0)
    kept_not = f" ({used:,} of them used for features and not kept)" if used else ""
    gone = tally.get("removed", 0)
    words = f"; {gone:,} observations removed, as their source says now" if gone else ""
    return (
        f"{tally['rows_in']:,} rows in = {tally['stored']:,} stored{kept_not} "
        f"+ {tally['rejected']:,} rejected + {tally['duplicates']:,} duplicates{words}"
    )


def interactive() -> bool:
    """Tell whether a person sits at this command."""
    return sys.stdin.isatty() and sys.stderr.isatty()
