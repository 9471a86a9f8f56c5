"""The command line. Exit code 0; 1 for a refusal; 2 for wrong usage."""

import errno
import os
import sys
import traceback
from pathlib import Path
from typing import Final

import click

from euthymia import __version__
from euthymia.app.commands import COMMANDS
from euthymia.app.shell import Shell
from euthymia.ground.errors import EuthymiaError

_FULL: Final = "make room, then run the command again"
_OWNER: Final = "run the command as the user who owns it, or give that user the right"
SYSTEM_SAYS: Final = {
    errno.EACCES: ("permission denied", _OWNER),
    errno.EPERM: ("permission denied", _OWNER),
    errno.EROFS: ("the file system is read-only", "write somewhere else, or mount it for writing"),
    errno.ENOSPC: ("the disk is full", _FULL),
    errno.EDQUOT: ("the disk quota is used up", _FULL),
    errno.EFBIG: ("the file would be larger than is allowed", "raise the limit (ulimit -f)"),
    errno.EIO: ("the disk cannot be read or written", "check the disk, then `euthymia verify`"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "name another path"),
    errno.EISDIR: ("the path is a folder, not a file", "name another path"),
    errno.EEXIST: ("the path exists already", "name another path"),
    errno.ENAMETOOLONG: ("the path is too long", "name another path"),
    errno.EMFILE: ("too many files are open", "raise the limit (ulimit -n)"),
    errno.ENOMEM: ("there is not enough memory", "close something, or use a larger machine"),
}
"""What the machine may refuse, in words, and what to do. Anything else is a fault of ours."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: euthymia demo",
)
@click.version_option(__version__, message="%(version)s")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="The clinic's directory. Default: EUTHYMIA_HOME, else ~/.euthymia.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def cli(context: click.Context, home: Path | None, as_json: bool) -> None:
    """Euthymia: who is getting worse, on what evidence, and did it help.

    Everything stays on this machine. Each command takes --home DIR and --json.
    """
    shell = context.ensure_object(Shell)
    shell.take(home, as_json=as_json)


for _command in COMMANDS:
    cli.add_command(_command)


def _unexpected(error: BaseException) -> str:
    """Describe a bug without its message or variables: either may hold a person's data."""
    places = [
        f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)
    ]
    return (
        f"a bug in Euthymia: {type(error).__name__} at {' > '.join(places[-4:])}; nothing was lost"
    )


def _system(error: OSError, home: Path) -> str:
    """Say what the machine refused. Paths outside the home are not shown: they may name people."""
    if error.errno not in SYSTEM_SAYS:
        return _unexpected(error)
    what, fix = SYSTEM_SAYS[error.errno]
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    named = path is not None and (path == home or path in home.parents or home in path.parents)
    return f"{what}{f': {path}' if named else ''}; {fix}"


def _wants_json(shell: Shell, arguments: list[str] | None) -> bool:
    """Tell whether JSON was asked for, also where the rest of the line could not be read."""
    return shell.as_json or "--json" in (sys.argv[1:] if arguments is None else arguments)


def _guard() -> None:
    from euthymia.app.logs import keep_to_allow_list
    from euthymia.app.outbound import guard
    from euthymia.security.enclosure import keep_memory_private

    keep_memory_private()
    keep_to_allow_list()
    guard()


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    The real command line (`arguments` None) also guards its process: nothing leaves the machine
    but to where the settings say, logs keep to an allow-list, and no crash dumps its memory.
    """
    shell = Shell()
    if arguments is None:
        _guard()
    try:
        cli.main(args=arguments, prog_name="euthymia", standalone_mode=False, obj=shell)
    except click.exceptions.Exit as end:
        shell.exit_code = int(end.exit_code)
    except click.exceptions.Abort:
        shell.refuse("stopped before the end; what was stored stays, run the command again")
    except click.ClickException as wrong:
        wrong.show()
        shell.as_json = _wants_json(shell, arguments)
        shell.tell_json(wrong.format_message())
        shell.exit_code = int(wrong.exit_code)
    except EuthymiaError as refusal:
        shell.refuse(str(refusal))
    except BrokenPipeError:
        # the reader of our output left (`| head`): no error; Python's exit must not complain either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        shell.refuse(_system(error, shell.path()))
    except Exception as error:  # noqa: BLE001 - the very top: no value of a person on the screen
        shell.refuse(_unexpected(error))
    return shell.exit_code
