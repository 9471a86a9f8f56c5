"""`euthymia crisis-page`: the page for a crisis as one file that needs nothing else."""

from pathlib import Path

import click

from euthymia.app.shell import Shell, everywhere


@click.command("crisis-page", epilog="Example: euthymia crisis-page --out crisis.html")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="The HTML file to write.",
)
@everywhere
@click.pass_obj
def crisis_page_command(shell: Shell, out: Path) -> None:
    """Write the crisis page with the clinic's numbers, for any web server, phone or printer."""
    from euthymia.app.web.crisis import crisis_page

    with shell.clinic() as clinic:
        config = clinic.config.clinic
        lines = config.crisis_lines()
        text = crisis_page(config.name, lines, simulated=config.simulated)
    out.write_text(text, encoding="utf-8")
    said = f"{out}: {len(text.encode()):,} bytes, {len(lines)} of the clinic's own numbers"
    if not lines:
        said += "; name some in the setting clinic.crisis"
    shell.emit({"file": str(out), "lines": len(lines), "bytes": len(text.encode())}, said)
