"""`euthymia evidence`: run the checks, and write what they found, signed."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.evidence import bom, oscal
from euthymia.app.evidence.checks import Place, run
from euthymia.app.evidence.items import attestations, stands
from euthymia.app.evidence.packages import installed
from euthymia.app.shell import Progress
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import IntegrityError, MissingError

RESULTS: Final = "assessment-results.json"
SBOM: Final = "sbom.cdx.json"
MODELS: Final = "models.cdx.json"
PUBLIC: Final = "evidence.pub"
SIGNATURE: Final = ".sig"
_SIGNED: Final = b"euthymia evidence 1\0"


def write_evidence(
    clinic: Clinic, out: Path, vouched: Path | None, progress: Progress
) -> dict[str, Any]:
    """Check the clinic and write the documents, each with a detached signature, into `out`.

    `vouched`: a TOML file of attestations. The signature is Ed25519 by the clinic's ledger key over
    the name of the file and its bytes, under a prefix of its own; `evidence.pub` is the public key.
    """
    given = attestations(vouched)
    now = clinic.clock()
    packages = tuple(installed())
    outcomes = run(Place(clinic, packages, now), progress)
    found = stands(outcomes, given, now.date())
    released = [m for m in clinic.registry.list() if m.state == "released"]
    bundles = [clinic.registry.load(f"{m.name}@{m.version}")[0] for m in released]
    documents = {
        RESULTS: oscal.document(clinic.config.clinic.name, outcomes, found, now),
        SBOM: bom.software(packages, now),
        MODELS: bom.models(bundles, now),
    }
    _write(clinic, out, documents)
    wrong = {name: outcome.problem for name, outcome in outcomes.items() if not outcome.fine}
    counts = dict(Counter(stand.state for stand in found))
    entry = Entry(shell_actor(), "write evidence", Purpose.CARE, detail=counts)
    return {
        "out": out,
        "checks": len(outcomes),
        "problems": wrong,
        "items": counts,
        "packages": len(packages),
        "models": len(bundles),
        "ledger_entry": clinic.ledger.append(entry),
    }


def _write(clinic: Clinic, out: Path, documents: Mapping[str, dict[str, Any]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    signer = clinic.keyring.signer("ledger")
    for name, document in documents.items():
        raw = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
        (out / name).write_bytes(raw)
        (out / (name + SIGNATURE)).write_bytes(signer.sign(_signed(name, raw)))
    public = clinic.keyring.verifier("ledger")
    (out / PUBLIC).write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _signed(name: str, raw: bytes) -> bytes:
    return _SIGNED + name.encode() + b"\0" + raw


def verify_evidence(folder: Path, public: Ed25519PublicKey | None = None) -> None:
    """Check the signatures of a folder of evidence, by its own key or one known from elsewhere.

    Raises
    ------
    IntegrityError, MissingError
        A document is not as it was signed; a file is not there.
    """
    try:
        key = public or load_pem_public_key((folder / PUBLIC).read_bytes())
        assert isinstance(key, Ed25519PublicKey)
        for name in (RESULTS, SBOM, MODELS):
            raw = (folder / name).read_bytes()
            key.verify((folder / (name + SIGNATURE)).read_bytes(), _signed(name, raw))
    except FileNotFoundError as error:
        raise MissingError("the folder lacks a document, its signature or the key") from error
    except InvalidSignature as error:
        raise IntegrityError("a document is not as it was signed") from error
