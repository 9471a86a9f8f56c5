"""A model on its way out of the clinic, and as whoever is given it opens it: without a home."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.privacy import released
from euthymia.app.witnesses import public_key
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import EuthymiaError, IntegrityError, SchemaError
from euthymia.ground.new_file import new_file
from euthymia.models.privacy.outgoing import (
    MOST_BYTES,
    Outgoing,
    outgoing,
    pack_outgoing,
    read_outgoing,
)

GRAPH, REST = "model.onnx", "model.json"


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key, in groups that two people can compare by telephone."""
    digest = hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()
    return " ".join(digest[at : at + 4] for at in range(0, 32, 4))


def give_out(clinic: Clinic, model: str, target: Path) -> dict[str, Any]:
    """Write a model for others into a new file, if it may leave; the ledger says that it did.

    The public key that its signature is checked with is written beside it, `.pub` after the name.

    Raises
    ------
    EuthymiaError
        It may not leave (see `models.privacy.outgoing`), or the account does not know its claim.
    """
    bundle, entry = clinic.registry.load(model, for_use=False)
    made = outgoing(bundle)
    name = f"{entry.name}@{entry.version}"
    claim = bundle.card["differential_privacy"]
    paid = [line["epsilon"] for line in released(clinic) if line["model"] == name]
    if not paid or abs(paid[-1] - float(claim["epsilon"])) > 1e-3:
        raise IntegrityError(
            f"{name} claims an epsilon that the ledger of epsilon does not know: train it again"
        )
    content = pack_outgoing(made, clinic.keyring.signer("model"))
    digest = hashlib.sha256(content).hexdigest()
    detail = {"model": name, "digest": digest, "epsilon": claim["epsilon"]}
    beside = target.with_name(f"{target.name}.pub")
    key = clinic.keyring.verifier("model")
    public = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with _new_files(target, beside) as (file, file_beside):
        told = clinic.ledger.append(
            Entry(shell_actor(), "release model to others", Purpose.TRAINING, detail=detail)
        )
        file.write(content)
        file_beside.write(public)
    return {
        "model": name,
        "file": target,
        "public_key": beside,
        "fingerprint": fingerprint(key),
        "sha256": digest,
        "epsilon": claim["epsilon"],
        "delta": claim["delta"],
        "ledger_entry": told,
    }


@contextmanager
def _new_files(*paths: Path) -> Iterator[list[BinaryIO]]:
    """Create files for the length of a `with` block; where it fails, they are gone again."""
    made: list[Path] = []
    try:
        with ExitStack() as opened:
            files = []
            for path in paths:
                files.append(opened.enter_context(new_file(path, "models")))
                made.append(path)
            yield files
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def open_given(file: Path, key: Path, out: Path | None) -> dict[str, Any]:
    """Check a model that a clinic gave out, and say what it is; write its parts into a new folder.

    Parameters
    ----------
    key : Path
        The clinic's public key, as `give_out` wrote it.
    out : Path or None
        There `model.onnx` is written, and `model.json` with all the rest.

    Raises
    ------
    IntegrityError
        It is not a model that the owner of that key signed, or not as it was signed.
    EuthymiaError
        The folder is there already.
    """
    verifier = public_key(key, "it is the .pub file that privacy export wrote")
    if file.stat().st_size > MOST_BYTES:
        raise SchemaError(f"{file.name} is larger than any model that a clinic gives out")
    made = read_outgoing(file.read_bytes(), verifier)
    if out is not None:
        _write_parts(made, out)
    return {
        "model": f"{made.name}@{made.version}",
        "task": made.task,
        "horizon_days": made.horizon_days,
        "threshold": made.threshold,
        "features": [feature.name for feature in made.features],
        "synthetic": made.synthetic,
        "card": made.card,
        "fingerprint": fingerprint(verifier),
        "folder": out,
    }


def _write_parts(made: Outgoing, out: Path) -> None:
    try:
        out.mkdir(parents=True)
    except FileExistsError:
        raise EuthymiaError("there is something at that place already: name a new folder") from None
    rest = msgspec.to_builtins(made)
    del rest["onnx"]
    (out / GRAPH).write_bytes(made.onnx)
    text = msgspec.json.encode(rest, order="sorted")
    (out / REST).write_bytes(msgspec.json.format(text, indent=2) + b"\n")
