"""Making, serving and checking a clinic: init, serve, token, verify, demo."""

import os
from datetime import timedelta
from pathlib import Path

import click
from click.core import ParameterSource

from euthymia.app.commands.keys import KEY_FILE, chosen_vault, root_options
from euthymia.app.shell import Shell, everywhere


@click.command(epilog="Example: euthymia init --home /srv/clinic --name 'North Clinic'")
@click.option("--name", default="Clinic", show_default=True, help="The clinic's name.")
@click.option(
    "--consent-for-clinical-records",
    is_flag=True,
    help="Clinical records need a patient's consent too (default: the clinic's own legal basis).",
)
@click.option(
    "--master-key",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the master key in this file, off the disk that holds the data.",
)
@click.option(
    "--store",
    metavar="postgresql://USER@HOST/DATABASE",
    help="Keep the data on a PostgreSQL server instead of a file in the home: docs/store.md.",
)
@root_options
@everywhere
@click.pass_obj
def init(
    shell: Shell,
    name: str,
    consent_for_clinical_records: bool,
    master_key: Path | None,
    root: str | None,
    root_settings: tuple[str, ...],
    secret_file: Path | None,
    secret_fd: int | None,
    store: str | None,
) -> None:
    """Make a clinic, or accept its settings (and published evidence) after you edited them."""
    from euthymia.app.config import ClinicConfig, Config, KeyConfig, StoreConfig
    from euthymia.app.database import store_settings
    from euthymia.app.setup import accept_settings, make_clinic
    from euthymia.app.vaults import SECRET_FD

    path = shell.path()
    if (path / "keys").is_dir():
        _only_accepts(path)
        evidence = accept_settings(path)
        words = "settings and published evidence" if evidence else "settings"
        made = {"home": path, "made": False, "evidence": evidence}
        shell.emit(made, f"{words} of the clinic at {path} accepted")
        return
    if master_key is not None and root not in {None, KEY_FILE}:
        raise click.UsageError(
            f"--master-key names a key file, and a root of the kind {root} has none"
        )
    config = Config(
        clinic=ClinicConfig(name=name, clinical_basis=not consent_for_clinical_records),
        keys=KeyConfig(
            master=str(master_key.resolve()) if master_key else None,
            secret_file=str(secret_file.resolve()) if secret_file else None,
        ),
        store=store_settings(store) if store else StoreConfig(),
    )
    vault = chosen_vault(root, root_settings, secret_file, secret_fd)
    if secret_fd is not None:
        os.environ[SECRET_FD] = str(secret_fd)  # the new home is opened with it at once
    make_clinic(path, config, vault)
    shell.emit(
        {"home": path, "made": True},
        f"clinic made at {path}\nnext: euthymia --home {path} ingest PATH...",
    )


def _only_accepts(path: Path) -> None:
    """Refuse options that make a new clinic where one stands: they would change nothing of it."""
    context = click.get_current_context()
    given = [
        option.opts[0]
        for option in context.command.params
        if option.expose_value
        and context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(
            f"a clinic stands at {path}, and {', '.join(given)} would change nothing of it: edit "
            "its euthymia.toml, then run `euthymia init` alone; for another root key run "
            "`euthymia keys rotate --root KIND`"
        )


@click.command(epilog="Example: euthymia serve --port 8080")
@click.option("--host", help="Address to listen on. Default: the settings' (127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Default: the settings' (8080), or the next free."
)
@click.option("--user", default="clinician", show_default=True, help="Who the sign-in link is for.")
@click.option(
    "--workers", type=click.IntRange(1, 8), help="Processes that answer. Default: one a core."
)
@everywhere
@click.pass_obj
def serve(shell: Shell, host: str | None, port: int | None, user: str, workers: int | None) -> None:
    """Serve the API and the pages, and print a one-time sign-in link."""
    from euthymia.app.serving import address_of, serve_clinic

    with shell.clinic() as clinic:
        address = address_of(clinic, host=host, port=port, user=user)
        shell.emit({"url": address.url, "sign_in": address.sign_in}, "\n" + address.words())
        serve_clinic(clinic, address, workers)


@click.command(epilog="Example: TOKEN=$(euthymia token --role clinician --json | jq -r .token)")
@click.option(
    "--role", required=True, help="clinician, coordinator, supervisor, scientist, it or patient."
)
@click.option("--user", help="Who holds it. Default: the name of the role.")
@click.option("--hours", type=click.FloatRange(0.01, 24 * 30), default=8.0, show_default=True)
@click.option("--sign-in", is_flag=True, help="A one-time code for the pages instead of a token.")
@click.option(
    "--bind",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A public key (JWK file): the token holds only with proofs of it (DPoP).",
)
@click.option("--once", is_flag=True, help="The token holds one call.")
@everywhere
@click.pass_obj
def token(
    shell: Shell,
    role: str,
    user: str | None,
    hours: float,
    sign_in: bool,
    bind: Path | None,
    once: bool,
) -> None:
    """Issue a bearer token for the API (or a one-time sign-in code)."""
    from euthymia.app.setup import issue

    if sign_in and (bind or once):
        raise click.UsageError("a sign-in code holds once as it is, and cannot be bound to a key")
    life, key = timedelta(hours=hours), bind.read_bytes() if bind else None
    with shell.clinic() as clinic:
        made = issue(clinic, user or role, role, life, sign_in=sign_in, bind=key, once=once)
    shell.emit(made, made["token"])


@click.command(epilog="Example: euthymia verify --json")
@everywhere
@click.pass_obj
def verify(shell: Shell) -> None:
    """Check every stored byte: keys, settings, ledger, store, models, reports."""
    from euthymia.app.verify import verify_home
    from euthymia.care.words import count_words

    with shell.progress("verify") as progress:
        problems = verify_home(shell.path(), progress)
    shell.exit_code = 1 if problems else 0
    found = f"{count_words(len(problems), 'problem')}:"
    words = "\n".join([found, *problems]) if problems else "all is as written"
    shell.emit({"ok": not problems, "problems": problems}, words)


@click.command(epilog="Example: euthymia demo --no-serve")
@click.option("--no-serve", is_flag=True, help="Print the figures and end.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: 8080, or the next free.")
@click.option("--subjects", type=click.IntRange(30, 10_000), default=None, help="Default: 100.")
@click.option("--days", type=click.IntRange(60, 1000), default=None, help="Default: 120.")
@click.option("--seed", type=click.IntRange(0), default=None, help="Default: 1.")
@everywhere
@click.pass_obj
def demo(
    shell: Shell,
    no_serve: bool,
    port: int | None,
    subjects: int | None,
    days: int | None,
    seed: int | None,
) -> None:
    """Run a whole simulated clinic: simulate, ingest, features, train, release, serve."""
    from euthymia.app.demo import run_demo

    run_demo(shell, serve=not no_serve, port=port, subjects=subjects, days=days, seed=seed)
