"""Merkle trees by RFC 6962, section 2.1: roots, inclusion proofs and consistency proofs. Pure.

A tree of n leaves is known by its frontier: the roots of the largest whole subtrees from left to
right, one for each bit that is set in n. With it a leaf can be added in O(log n), and nothing else
has to be kept.
"""

import hashlib
from collections.abc import Iterable, Sequence

Hashes = Sequence[bytes]

_sha256 = hashlib.sha256
EMPTY_ROOT = _sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return _sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return _sha256(b"\1" + left + right).digest()


class Tree:
    """A tree that leaves are added to: how many there are, and the frontier."""

    __slots__ = ("frontier", "size")

    def __init__(self, size: int = 0, frontier: Iterable[bytes] = ()) -> None:
        self.size = size
        self.frontier = list(frontier)
        if len(self.frontier) != size.bit_count():
            raise ValueError("a tree's frontier has one hash for each bit set in its size")

    def push(self, leaf: bytes) -> None:
        """Add a leaf's hash at the right."""
        rest, frontier = self.size, self.frontier
        while rest & 1:
            leaf = _sha256(b"\1" + frontier.pop() + leaf).digest()
            rest >>= 1
        frontier.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root."""
        if not self.frontier:
            return EMPTY_ROOT
        root = self.frontier[-1]
        for left in self.frontier[-2::-1]:
            root = node_hash(left, root)
        return root

    def copy(self) -> "Tree":
        """Return a tree that can be added to without changing this one."""
        return Tree(self.size, self.frontier)


class Growth:
    """The inclusion proofs of leaves that were just added to a tree, without reading the rest."""

    def __init__(self, before: Tree, leaves: Hashes) -> None:
        self._before = before
        self._leaves = leaves
        self._levels: list[tuple[int, list[bytes]]] | None = None
        self._edges: list[bytes] = []
        self._above: dict[tuple[int, int], tuple[bytes, ...]] = {}

    def path(self, number: int) -> tuple[bytes, ...]:
        """Return the proof of the `number`-th of the added leaves, in the tree after all of them.

        From the leaf's sibling up to the root's child, as RFC 6962 2.1.1 has it.
        """
        if number == len(self._leaves) - 1 == 0:
            return tuple(self._before.frontier[::-1])
        if self._levels is None:
            self._build()
        assert self._levels is not None
        last = self._before.size + len(self._leaves) - 1
        return self._path(self._before.size + number, last, 0)

    def _path(self, index: int, last: int, level: int) -> tuple[bytes, ...]:
        """Return the proof from a node upwards; neighbours share what lies above them."""
        if not last:
            return ()
        found = self._above.get((level, index))
        if found is None:
            assert self._levels is not None
            first, nodes = self._levels[level]
            beside: tuple[bytes, ...] = ()
            if index & 1:
                beside = (nodes[index - 1 - first],)
            elif index < last:
                beside = (self._edges[level] if index + 1 == last else nodes[index + 1 - first],)
            found = beside + self._path(index >> 1, last >> 1, level + 1)
            self._above[level, index] = found
        return found

    def _build(self) -> None:
        """Hash each level from the one below; what is left of it comes from the old frontier."""
        size, old = self._before.size, self._before.frontier[::-1]
        nodes, first, taken = list(self._leaves), size, 0
        last, edge = size + len(nodes) - 1, self._leaves[-1]
        self._levels = []
        while True:
            if first & 1:
                first, nodes = first - 1, [old[taken], *nodes]
                taken += 1
            self._levels.append((first, nodes))
            self._edges.append(edge)
            if not last:
                return
            if last & 1:
                edge = node_hash(nodes[last - 1 - first], edge)
            whole = len(nodes) // 2 * 2
            nodes = [node_hash(nodes[i], nodes[i + 1]) for i in range(0, whole, 2)]
            first, last = first >> 1, last >> 1


def root_of(leaves: Hashes) -> bytes:
    """Return the root over the hashes of all leaves."""
    tree = Tree()
    for leaf in leaves:
        tree.push(leaf)
    return tree.root()


def inclusion_proof(index: int, leaves: Hashes) -> tuple[bytes, ...]:
    """Return the proof that leaf `index` is in the tree over `leaves`."""
    if not 0 <= index < len(leaves):
        raise ValueError("there is no such leaf")
    before = Tree()
    for leaf in leaves[:index]:
        before.push(leaf)
    return Growth(before, leaves[index:]).path(0)


def consistency_proof(old: int, leaves: Hashes) -> list[bytes]:
    """Return the proof that the tree over the first `old` leaves is a beginning of all of them."""
    if not 0 <= old <= len(leaves):
        raise ValueError("the older tree is not the smaller one")
    return [] if old in {0, len(leaves)} else _subproof(old, leaves, whole=True)


def _subproof(old: int, leaves: Hashes, *, whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*_subproof(old, leaves[:split], whole=whole), root_of(leaves[split:])]
    return [*_subproof(old - split, leaves[split:], whole=False), root_of(leaves[:split])]


def includes(leaf: bytes, index: int, size: int, proof: Hashes, root: bytes) -> bool:
    """Tell whether `proof` shows that `leaf` is number `index` of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last = leaf, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and node == root


def extends(old: int, old_root: bytes, new: int, new_root: bytes, proof: Hashes) -> bool:
    """Tell whether `proof` shows that the new tree begins with the old one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old & (old - 1) == 0:
        path = [old_root, *path]
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    was = now = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root
