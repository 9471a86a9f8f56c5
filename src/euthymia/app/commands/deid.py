"""De-identification: deid."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from euthymia.app.shell import Shell, everywhere

if TYPE_CHECKING:
    from euthymia.gateway.deid.contract import Lang

_WITHHELD = (
    "withheld: {n} uncertain {spans}; --review shows them between << and >>, and --accept takes "
    "them out too"
)
_PASSAGE = "\n  PASSAGE: in neither English nor Spanish, so it is not searched: it goes out whole"


@click.command(
    epilog="Examples: euthymia deid note.txt --subject p-abcdefghijklmnop; "
    "euthymia deid --evaluate meddocan/dev.tar.gz --json"
)
@click.argument("files", nargs=-1)
@click.option("--lang", type=click.Choice(["en", "es"]), help="Default: what the text looks like.")
@click.option(
    "--known",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSON with what is known: {"names": ["Ana Ruiz"], "ids": ["4711"], ...}.',
)
@click.option("--subject", help="Take what is known, and the key, from the clinic's own store.")
@click.option(
    "--mode",
    type=click.Choice(["tags", "surrogates"]),
    default="tags",
    show_default=True,
    help="[PERSON], or made-up values that stay the same for a person.",
)
@click.option("--accept", is_flag=True, help="A person has looked: take uncertain spans out too.")
@click.option("--review", is_flag=True, help="Show what is uncertain, for a person who may see it.")
@click.option("--strict", is_flag=True, help="Take out ages up to 89 and professions as well.")
@click.option(
    "--evaluate",
    type=click.Path(path_type=Path),
    help="Measure on marked notes: a BRAT folder or archive, or a JSON list.",
)
@everywhere
@click.pass_obj
def deid(
    shell: Shell,
    files: tuple[str, ...],
    lang: str | None,
    known: Path | None,
    subject: str | None,
    mode: str,
    accept: bool,
    review: bool,
    strict: bool,
    evaluate: Path | None,
) -> None:
    """Take out of notes what identifies anybody in them; nothing leaves this machine.

    FILES are texts in UTF-8, "-" is standard input. A note with uncertain places is withheld until
    a person has looked (--accept).
    """
    from euthymia.app import deid as work

    if evaluate is not None:
        if files or known or subject:
            raise click.UsageError("--evaluate measures; it takes no files, --known or --subject")
        from euthymia.gateway.deid.evaluate import printed

        result = work.evaluate_gold(evaluate)
        shell.emit(result, printed(result))
        return
    if not files:
        raise click.UsageError("name a file, or - for standard input, or use --evaluate")
    if known and subject:
        raise click.UsageError("--known and --subject are two sources of one thing: use one")
    facts, key = None if known is None else work.read_known(known), b""
    if subject:
        with shell.clinic() as clinic:
            facts, key = work.known_of(clinic, subject)
    chosen: Lang | None = "es" if lang == "es" else "en" if lang else None
    if review:
        shown = [
            {"file": file, "review": work.for_review(file, chosen, facts, place)}
            for place, file in enumerate(files, 1)
        ]
        shell.emit({"notes": shown}, _apart([(n["file"], n["review"]) for n in shown]))
        return
    notes = work.deid_files(
        files,
        lang=chosen,
        known=facts,
        key=key,
        mode="surrogates" if mode == "surrogates" else "tags",
        accept=accept,
        strict=strict,
    )
    _tell(shell, notes)


def _apart(texts: list[tuple[str, str]]) -> str:
    """Return one text as it is, several each under its file's name, as `head` does."""
    if len(texts) == 1:
        return texts[0][1]
    return "\n".join(f"==> {name} <==\n{text}" for name, text in texts)


def _tell(shell: Shell, notes: list[dict[str, Any]]) -> None:
    waiting = [n for n in notes if n["needs_review"]]
    words: list[tuple[str, str]] = []
    for note in notes:
        if note["needs_review"]:
            count = len(note["uncertain"])
            spans = "span" if count == 1 else "spans"
            places = ", ".join(f"{s['kind']} {s['start']}-{s['end']}" for s in note["uncertain"])
            said = f"{note['file']}: {_WITHHELD.format(n=count, spans=spans)}\n  {places}"
            said += _PASSAGE if any(s["kind"] == "PASSAGE" for s in note["uncertain"]) else ""
        else:
            said = note["text"]
        words.append((note["file"], said))
    result = {"needs_review": bool(waiting), "notes": notes}
    if len(notes) == 1:
        result |= notes[0]
    shell.emit(result, _apart(words))
    if waiting:
        shell.exit_code = 1
