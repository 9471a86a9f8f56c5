"""The house rules that a linter does not know."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = {p: p.read_text(encoding="utf-8") for p in sorted((ROOT / "src").rglob("*.py"))}
LONGEST_FUNCTION = 70
LONGEST_FILE = 500


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT / "src"))


def test_files_and_functions_are_short() -> None:
    long = []
    for path, text in TEXTS.items():
        long += [_name(path)] if text.count("\n") > LONGEST_FILE else []
        if text.count("\n") > LONGEST_FUNCTION:
            long += [
                f"{_name(path)}: {node.name}: {node.end_lineno - node.lineno + 1} lines"
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
            ]
    assert long == []


def test_nothing_is_unpickled_or_evaluated() -> None:
    pattern = re.compile(r"\b(?:pickle|joblib|marshal|shelve|dill|cloudpickle)\b|\beval\(|\bexec\(")
    assert [_name(path) for path, text in TEXTS.items() if pattern.search(text)] == []


def test_lock_files_name_no_host() -> None:
    for lock in [*ROOT.glob("*.lock"), *ROOT.glob("benchmarks/**/*.lock")]:
        assert not re.search(r"https?://", lock.read_text(encoding="utf-8")), lock.name


def test_every_locked_package_has_a_hash() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    packages = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(packages) > 20
    assert [p.split("\n")[0] for p in packages if "--hash=sha256:" not in p] == []


def test_only_the_app_reads_the_clock() -> None:
    pattern = re.compile(r"datetime\.now\(|\bdate\.today\(|time\.time\(\)|utcnow\(")
    readers = [_name(path) for path, text in TEXTS.items() if pattern.search(text)]
    assert [name for name in readers if not name.startswith("euthymia/app/")] == []


def _layers() -> dict[str, int]:
    """Return each room's height, as the import contract has it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(
        c["layers"] for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers"
    )
    return {
        room: -height for height, rooms in enumerate(layers) for room in re.split(r" \| ", rooms)
    }


def _rooms_named(tree: ast.AST) -> set[str]:
    """Return the rooms that texts name as modules, as `import_module` and plug-ins take them."""
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    found = (re.fullmatch(r"euthymia\.(\w+)(\.\w*)*", t) for t in texts if isinstance(t, str))
    return {match.group(1) for match in found if match}


def test_no_room_names_a_higher_one_to_import_it_by_its_name() -> None:
    """The import contract sees imports; this sees what `import_module` would be given."""
    height = _layers()
    assert _rooms_named(ast.parse('x = "euthymia.app.privacy"; y = f"euthymia.care.{x}"')) == {
        "app",
        "care",
    }
    upward = [
        f"{_name(path)} names {room}"
        for path, text in TEXTS.items()
        if re.search(r"[\"'}]euthymia\.", text)
        if (own := path.relative_to(ROOT / "src" / "euthymia").parts[0].removesuffix(".py"))
        in height
        for room in sorted(_rooms_named(ast.parse(text)))
        if height.get(room, height[own]) > height[own]
    ]
    assert upward == []


PLUG_INS = {
    "sources": "SOURCE",
    "features": "FAMILY",
    "instruments": "INSTRUMENT",
    "models/tasks": "TASK",
}


def _plug_ins(room: str, constant: str) -> list[Path]:
    folder = ROOT / "src" / "euthymia" / room
    return [
        p
        for p in sorted(folder.glob("*.py"))
        if re.search(rf"^{constant}\b", p.read_text(), re.MULTILINE)
    ]


@pytest.mark.parametrize(("room", "constant"), PLUG_INS.items(), ids=list(PLUG_INS))
def test_plug_ins_of_a_room_do_not_know_each_other(room: str, constant: str) -> None:
    found = _plug_ins(room, constant)
    assert len(found) >= 2
    package = f"euthymia.{room.replace('/', '.')}"
    modules = {f"{package}.{path.stem}" for path in found}
    for path in found:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert imported & modules == set(), path.name


# who may turn a pseudonym back into a name: the gateway's own desk, the page for the care team,
# the export that a patient has a right to, and what takes the person's name out of a note
MAY_NAME = {"euthymia/app/deid.py", "euthymia/app/export.py", "euthymia/app/web/reader.py"}


def test_only_named_places_ask_the_store_who_somebody_is() -> None:
    callers = {_name(path) for path, text in TEXTS.items() if "store.person(" in text}
    assert callers <= MAY_NAME
