"""The command line. Exit code 0; 1 for a refusal; 2 for wrong usage."""

import os
import sys
import traceback
from pathlib import Path

import click

from euthymia.app.commands import COMMANDS
from euthymia.app.shell import Shell
from euthymia.ground.errors import EuthymiaError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: euthymia demo",
)
@click.version_option(package_name=None, version=None, message="%(version)s")
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


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    shell = Shell()
    try:
        cli.main(args=arguments, prog_name="euthymia", standalone_mode=False, obj=shell)
    except click.exceptions.Exit as end:
        shell.exit_code = int(end.exit_code)
    except click.exceptions.Abort:
        shell.refuse("stopped before the end; what was stored stays, run the command again")
    except click.ClickException as wrong:
        wrong.show()
        shell.exit_code = int(wrong.exit_code)
    except EuthymiaError as refusal:
        shell.refuse(str(refusal))
    except BrokenPipeError:
        # the reader of our output left (`| head`): no error; Python's exit must not complain either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:  # noqa: BLE001 - the very top: no value of a person on the screen
        shell.refuse(_unexpected(error))
    return shell.exit_code
