"""Merkle trees against the vectors that Certificate Transparency publishes for RFC 6962."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.merkle import (
    EMPTY_ROOT,
    Growth,
    Tree,
    consistency_proof,
    extends,
    includes,
    inclusion_proof,
    leaf_hash,
    root_of,
)
from ledgers import entry, stepping_clock

LEAVES = [
    leaf_hash(bytes.fromhex(data))
    for data in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 8): "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 "
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    (5, 8): "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b "
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 "
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
}
CONSISTENCY = {
    (2, 5): "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    (6, 7): "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a "
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f "
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
}


def test_roots():
    assert root_of([]) == EMPTY_ROOT
    assert [root_of(LEAVES[:n]).hex() for n in range(1, 9)] == ROOTS


@pytest.mark.parametrize("case", INCLUSION)
def test_inclusion_proofs(case):
    index, size = case
    assert [node.hex() for node in inclusion_proof(index, LEAVES[:size])] == INCLUSION[case].split()


@pytest.mark.parametrize("case", CONSISTENCY)
def test_consistency_proofs(case):
    old, new = case
    assert [node.hex() for node in consistency_proof(old, LEAVES[:new])] == CONSISTENCY[
        case
    ].split()


@given(st.integers(0, 70), st.integers(1, 40))
def test_growth_gives_the_same_proofs_as_the_whole_tree(before, added):
    leaves = [leaf_hash(bytes([n])) for n in range(before + added)]
    tree = Tree()
    for leaf in leaves[:before]:
        tree.push(leaf)
    growth, root = Growth(tree, leaves[before:]), root_of(leaves)
    for number in range(added):
        path = growth.path(number)
        assert path == inclusion_proof(before + number, leaves)
        assert includes(leaves[before + number], before + number, len(leaves), path, root)
        assert not includes(leaf_hash(b"other"), before + number, len(leaves), path, root)
        assert not includes(
            leaves[before + number], before + number, len(leaves), path, leaf_hash(b"")
        )
        for cut in range(len(path)):
            broken = [*path[:cut], leaf_hash(b"x"), *path[cut + 1 :]]
            assert not includes(leaves[before + number], before + number, len(leaves), broken, root)


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_tree_that_does_not_continue_the_other_has_no_proof(old, more):
    leaves = [leaf_hash(bytes([n])) for n in range(old + more)]
    was, now = root_of(leaves[:old]), root_of(leaves)
    proof = consistency_proof(old, leaves)
    assert extends(old, was, old + more, now, proof)
    if old:
        assert not extends(old, leaf_hash(b"forged"), old + more, now, proof)
        assert not extends(old, was, old + more, leaf_hash(b"forged"), proof)
    for cut in range(len(proof)):
        broken = [*proof[:cut], leaf_hash(b"x"), *proof[cut + 1 :]]
        assert not extends(old, was, old + more, now, broken)


def test_a_ledger_of_format_1_is_read_verified_and_goes_on(tmp_path):
    """Files as the version before wrote them: two sessions of three entries."""
    held = json.loads((Path(__file__).parent / "ledger_format_1.json").read_text())
    for name, text in held.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(base64.b64decode(text))
    keyring = Keyring.open(tmp_path / "keys")
    ledger = Ledger.open(tmp_path / "ledger", keyring, clock=stepping_clock())
    assert ledger.verify() == []
    old = [line.id for line in ledger.entries()]
    assert len(old) == 9
    written = ledger.record(Entry(Actor("ada", "clinician"), "view patient", Purpose.CARE))
    assert "index 10\n" in written.receipt()  # after "begin format 2"
    ledger.append(entry(2))
    ledger.close()
    again = Ledger.open(tmp_path / "ledger", keyring, clock=stepping_clock())
    assert again.verify() == []
    lines = list(again.entries())
    assert [line.id for line in lines[:9]] == old
    assert [line.action for line in lines[9:]] == [
        "begin format 2",
        "view patient",
        "view patient",
        "checkpoint",
    ]
    assert again.audit().unchecked == 0
