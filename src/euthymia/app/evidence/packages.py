"""The packages that the product runs on: which, their licences, and whether files changed."""

import base64
import hashlib
import re
import tomllib
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_PERMISSIVE: Final = re.compile(
    r"\b(MIT|BSD|Apache|PSF|Python Software Foundation|ISC|Zlib|MPL|Mozilla|Unlicense|0BSD|"
    r"CC0|public domain|any-OSI)\b",
    re.IGNORECASE,
)

_TEXTS: Final = {
    "Apache-2.0": "Apache License Version 2.0, January 2004",
    "MIT": "Permission is hereby granted, free of charge, to any person obtaining a copy",
    "BSD-3-Clause": "Redistribution and use in source and binary forms, with or without",
    "Zlib": "Permission is granted to anyone to use this software for any purpose, including",
}


@dataclass(frozen=True, slots=True)
class Package:
    """One installed package: what it needs, and its files that are not as they were installed."""

    name: str
    version: str
    licence: str
    needs: tuple[str, ...]
    changed: int
    unread: bool

    @property
    def permissive(self) -> bool:
        """Tell whether the licence is one of those that ask for no more than a notice."""
        return bool(_PERMISSIVE.search(self.licence))


def normal(name: str) -> str:
    """Return a package's name as the index has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(root: str = "euthymia") -> list[Package]:
    """Return the package `root` and all that it needs, by name; extras only where installed."""
    found: dict[str, Package] = {}
    todo = [root, *_of_source_tree(root)]
    while todo:
        name = normal(todo.pop())
        if name in found:
            continue
        try:
            package = _package(distribution(name))
        except PackageNotFoundError:
            continue
        found[name] = package
        todo += package.needs
    return [found[name] for name in sorted(found)]


def _of_source_tree(root: str) -> list[str]:
    """Return what a copy that runs from its sources needs: it is not installed as a package."""
    if any(True for _ in distributions(name=root)):
        return []
    file = Path(__file__).parents[4] / "pyproject.toml"
    if not file.is_file():
        return []
    needs = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["dependencies"]
    return [named[0] for named in map(_NAME.match, needs) if named is not None]


def _package(told: Distribution) -> Package:
    needs = set()
    for line in told.requires or []:
        name, _, marker = line.partition(";")
        named = _NAME.match(name.strip())
        if named is not None and "extra" not in marker:
            needs.add(normal(named[0]))
    changed, unread = _changed(told)
    return Package(
        normal(told.metadata["Name"]),
        told.version,
        _licence(told),
        tuple(sorted(needs)),
        changed,
        unread,
    )


def _licence(told: Distribution) -> str:
    given = told.metadata
    (expression, *_) = [*(given.get_all("License-Expression") or []), ""]
    if expression:
        return str(expression)
    classes = [
        line.rpartition("::")[2].strip()
        for line in given.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    (text, *_) = [*(given.get_all("License") or []), ""]
    first = str(text).strip().splitlines()
    said = ", ".join(classes) or (first[0][:80] if first else "")
    return said if _PERMISSIVE.search(said) else (_by_its_text(told) or said or "not told")


def _by_its_text(told: Distribution) -> str:
    """Return the licence that a package's own licence file is, by the sentence that makes it."""
    for file in told.files or []:
        if file.name.upper().startswith(("LICENSE", "LICENCE")):
            text = " ".join(file.read_text().split())
            for name, sentence in _TEXTS.items():
                if sentence in text:
                    return name
    return ""


def _changed(told: Distribution) -> tuple[int, bool]:
    """Count files whose SHA-256 is not that of the package's record; and tell if there is none."""
    files = [file for file in told.files or [] if file.hash is not None]
    changed = 0
    for file in files:
        assert file.hash is not None
        try:
            raw = file.locate().read_bytes()  # type: ignore[attr-defined]
        except OSError:
            changed += 1
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()
        changed += file.hash.mode == "sha256" and digest != file.hash.value
    return changed, not files
