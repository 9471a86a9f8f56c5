"""Proofs about a ledger that read all of it: receipts of old entries, requests to witnesses."""

from euthymia.ground.errors import IntegrityError, MissingError
from euthymia.security.ledger import Ledger
from euthymia.security.ledger_format import entry_number
from euthymia.security.merkle import consistency_proof, inclusion_proof, leaf_hash, root_of
from euthymia.security.notes import read_note
from euthymia.security.receipt import open_receipt, receipt_text
from euthymia.security.witness import request_text


def receipt_of(ledger: Ledger, entry: str) -> str:
    """Return the receipt of any entry, by its id.

    Raises
    ------
    MissingError
        The ledger has no such entry.
    """
    number = entry_number(entry)
    note = ledger.signed_checkpoint()
    size = read_note(note).checkpoint.size
    if not 0 <= number < size or all(
        line.id != entry for line in ledger.entries() if line.seq == number
    ):
        raise MissingError("the ledger has no such entry: `euthymia ledger show` lists them")
    leaves, wanted = [], b""
    for index, body in enumerate(ledger.bodies(size)):
        leaves.append(leaf_hash(body))
        wanted = body if index == number else wanted
    text = receipt_text(wanted, number, inclusion_proof(number, leaves), note)
    open_receipt(text, ledger.verifier)  # what is handed out holds
    return text


def witness_request(ledger: Ledger, old: int) -> bytes:
    """Return what a witness is asked that saw the first `old` entries.

    Raises
    ------
    IntegrityError
        The ledger is shorter than that: it was set back.
    """
    note = ledger.signed_checkpoint()
    found = read_note(note).checkpoint
    if old > found.size:
        raise IntegrityError(
            f"a witness saw {old} entries, and the ledger has {found.size}: it was set back to an "
            "older state, or cut"
        )
    leaves = [leaf_hash(body) for body in ledger.bodies(found.size)]
    if root_of(leaves) != found.root:
        raise IntegrityError("the log is not the one that the head signs: run `euthymia verify`")
    return request_text(old, consistency_proof(old, leaves), note)
