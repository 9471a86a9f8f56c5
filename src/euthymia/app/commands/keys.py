"""Keys and copies: keys status, keys rotate, backup, restore."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from euthymia.app.shell import Shell, everywhere, table

if TYPE_CHECKING:
    from euthymia.security.roots import Vault

F = TypeVar("F", bound=Callable[..., Any])

KEY_FILE: Final = "key-file"
SETTINGS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    KEY_FILE: (),
    "passphrase": (),
    "pkcs11": ("module", "token", "key"),
    "openbao": ("address", "key", "mount", "ca_file"),
}
KINDS: Final = tuple(SETTINGS_OF)
ZONES: Final = ("live", "research", "train", "model", "ledger")


def root_options(function: F) -> F:
    """Give a command the options that choose where the root key rests."""
    kind = click.option(
        "--root", type=click.Choice(KINDS), help="Where the root key rests: docs/keys.md."
    )
    settings = click.option(
        "--root-setting",
        "root_settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="pkcs11: module, token, key. openbao: address, key, mount, ca_file.",
    )
    file = click.option(
        "--secret-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A file with the passphrase, PIN or token; the settings remember its path.",
    )
    descriptor = click.option(
        "--secret-fd", type=click.IntRange(0), help="An open descriptor to read it from instead."
    )
    return kind(settings(file(descriptor(function))))


def chosen_vault(
    root: str | None, settings: tuple[str, ...], file: Path | None, descriptor: int | None
) -> "Vault | None":
    """Return the vault that a command's options name; None for a key file.

    An option that this root has no use for is wrong usage: somebody who gives a passphrase believes
    that it is asked for from then on.
    """
    from euthymia.app.vaults import asker, vault_of

    pairs = [setting.partition("=") for setting in settings]
    if any(not (name and equals and value) for name, equals, value in pairs):
        raise click.BadParameter("write NAME=VALUE", param_hint="--root-setting")
    kind = root or KEY_FILE
    if kind == KEY_FILE and (file is not None or descriptor is not None):
        raise click.UsageError(
            "--secret-file and --secret-fd go with --root passphrase, pkcs11 or openbao: a key "
            "file asks for no secret"
        )
    stray = [name for name, _, _ in pairs if name not in SETTINGS_OF[kind]]
    if stray:
        takes = ", ".join(SETTINGS_OF[kind]) or "none"
        raise click.UsageError(
            f"--root-setting {stray[0]}: a root of the kind {kind} has no such setting "
            f"(its own: {takes})"
        )
    named: dict[str, str | int] = {name: value for name, _, value in pairs}
    ask = asker(str(file) if file else None, descriptor, given=True)
    return vault_of(kind, named, ask)


@click.group(epilog="Example: euthymia keys status")
def keys() -> None:
    """Show the clinic's keys, begin new epochs, change where the root key rests."""


@keys.command(epilog="Example: euthymia keys status --json")
@everywhere
@click.pass_obj
def status(shell: Shell) -> None:
    """Say where the root key rests, and what is under each zone's epochs."""
    from euthymia.app.keys import status as say

    with shell.clinic() as clinic:
        result = say(clinic)
    rows = [
        (
            zone,
            str(epoch["epoch"]),
            _state(held, epoch),
            str(epoch["subjects"]),
            str(epoch["blocks"]),
        )
        for zone, held in result["zones"].items()
        for epoch in held["epochs"]
    ]
    text = table(rows, ("zone", "epoch", "state", "subjects", "blocks"))
    shell.emit(result, f"root: {result['root']['kind']}\n{text}")


def _state(held: dict[str, Any], epoch: dict[str, Any]) -> str:
    if epoch["epoch"] != held["epoch"]:
        return "old: run `euthymia keys rotate`"
    return "in use"


@keys.command(epilog="Example: euthymia keys rotate --zone live")
@click.option(
    "--zone", "zones", multiple=True, type=click.Choice(ZONES), help="Default: all with keys."
)
@root_options
@everywhere
@click.pass_obj
def rotate(
    shell: Shell,
    zones: tuple[str, ...],
    root: str | None,
    root_settings: tuple[str, ...],
    secret_file: Path | None,
    secret_fd: int | None,
) -> None:
    """Begin a new epoch: new keys, everything sealed anew, the old keys destroyed.

    Everybody may go on working meanwhile. Stopped at any moment, it goes on at the next call.
    With --root the root key is changed instead, and no data is sealed anew.
    """
    from euthymia.app import keys as work

    if root is None and (root_settings or secret_file or secret_fd is not None):
        raise click.UsageError("--root-setting, --secret-file and --secret-fd go with --root")
    if root is not None and zones:
        raise click.UsageError("--root changes the root alone: leave out --zone")
    with shell.clinic() as clinic:
        if root is not None:
            vault = chosen_vault(root, root_settings, secret_file, secret_fd)
            changed = work.change_root(clinic, vault, secret_file)
            words = f"the root is a {changed['root']} now; the old one opens nothing: back up anew"
            shell.emit(changed, words)
            return
        with shell.progress("sealing anew") as progress:
            result = work.rotate(clinic, zones, progress)
    words = "\n".join(
        f"{zone}: epoch {z['epoch']}, {z['subjects']} subjects, {z['blocks']} blocks"
        for zone, z in result["zones"].items()
    )
    shell.emit(result, words)


@click.command(epilog="Example: euthymia backup /mnt/backup/monday")
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--with-root", is_flag=True, help="Put the key file into it too: it opens the rest.")
@everywhere
@click.pass_obj
def backup(shell: Shell, target: Path, with_root: bool) -> None:
    """Copy the whole clinic into a new folder, encrypted as it is. The server may go on."""
    from euthymia.app.backup import back_up

    with shell.clinic() as clinic, shell.progress("copying") as progress:
        result = back_up(clinic, target, with_root=with_root, progress=progress)
    words = f"{result['files']} files, {result['bytes']:,} bytes in {result['backup']}"
    if not with_root:
        words += "\nthe root key is not in it: keep that apart, for without it nothing opens"
    shell.emit(result, words)


@click.command(epilog="Example: euthymia restore /mnt/backup/monday --home /srv/clinic")
@click.argument("source", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--tombstones",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The newest HOME/tombstones: whoever is on it stays erased.",
)
@click.option(
    "--master-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The key file, where it is neither in the backup nor in the home.",
)
@click.option("--replace", is_flag=True, help="Take the place of the home that is there.")
@click.option(
    "--store",
    metavar="postgresql://USER@HOST/DATABASE",
    help="Put the data on a PostgreSQL server instead of a file in the home: docs/store.md.",
)
@everywhere
@click.pass_obj
def restore(
    shell: Shell,
    source: Path,
    tombstones: tuple[Path, ...],
    master_key: Path | None,
    replace: bool,
    store: str | None,
) -> None:
    """Make a home from a backup, after all of it was verified. Who was erased since stays erased.

    Where the home that the backup is of is still there, its list of erased people is taken too, and
    its accounts, and what consents were withdrawn, and what records taken back, since.
    """
    from euthymia.app.database import store_settings
    from euthymia.app.restore import Wish
    from euthymia.app.restore import restore as bring_back
    from euthymia.care.words import count_words

    with shell.progress("verifying") as progress:
        on = store_settings(store) if store else None
        wish = Wish(tombstones, master_key, replace, on)
        result = bring_back(source, shell.path(), wish, progress)
    words = f"restored {result['home']} as of {result['made_at']}"
    if result["entries_rolled_back"]:
        behind = count_words(result["entries_rolled_back"], "entry", "entries")
        words += f"\nthe ledger is rolled back by {behind}: it ends at {result['ledger_seq']}"
    if result["erased_again"]:
        people = count_words(result["erased_again"], "person", "people")
        words += f"\nerased since the backup, erased again: {people}"
    if result["withdrawn_again"]:
        words += f"\n{result['withdrawn_again']} consents withdrawn since then were withdrawn again"
    if result["retracted_again"]:
        words += f"\n{result['retracted_again']} records taken back since were taken back again"
    if result["retracted_by_hand"]:
        words += (
            f"\n{result['retracted_by_hand']} files' rows were taken back by hand since then: run "
            "`euthymia retract SUBJECT --file` on them again"
        )
    if result["retracted_of_several"]:
        words += (
            f"\n{result['retracted_of_several']} records taken back since are of several people in "
            "the backup and stayed: run `euthymia retract SUBJECT --record` on them again"
        )
    if result["accounts_kept"]:
        words += "\nthe accounts are those of the home that was there, and not the backup's"
    if not result["newer_home"]:
        words += (
            "\nno newer home of this clinic was there to ask: consents that were withdrawn, and"
            " accounts that were disabled, since the backup are as they were then; go through them"
        )
    elif not result["newer_ledger"]:
        words += (
            "\nthe ledger of the home that was there is damaged: of the consents that were"
            " withdrawn since the backup only those it still tells of are withdrawn again; go"
            " through them"
        )
    if result["from_server_to_file"]:
        words += "\nits data was on a server and is in a file of the home now (or add --store)"
    if result["kept_beside"]:
        words += f"\nwhat was there is kept at {result['kept_beside']}"
    shell.emit(result, words)
