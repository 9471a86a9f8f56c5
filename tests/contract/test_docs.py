"""The documents are true: every local link leads somewhere, every Python block runs."""

import re
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_local_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [t for t in targets if not re.match(r"[a-z]+:", t)]
    broken = [t for t in local if not (page.parent / t).exists()]
    assert broken == []


def _python_blocks(page: Path) -> list[tuple[int, str]]:
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return [
        (token.map[0] + 2, token.content)
        for token in tokens
        if token.type == "fence" and token.info.strip() == "python" and token.map
    ]


@pytest.mark.parametrize("page", [p for p in PAGES if _python_blocks(p)], ids=_name)
def test_python_blocks_run_in_order(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_process(_self: BaseProcess) -> None:
        raise AssertionError("as a script this block would be begun anew by each process it starts")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(BaseProcess, "start", no_process)
    namespace: dict[str, object] = {"__name__": "docs"}
    for line, block in _python_blocks(page):
        code = compile("\n" * (line - 1) + block, _name(page), "exec")
        exec(code, namespace)


def test_every_page_is_reachable_from_the_readme() -> None:
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        text = page.read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)#\s:]+\.md)(?:#[^)]*)?\)", text)
        todo += [(page.parent / link).resolve() for link in links]
    assert [_name(p) for p in PAGES if p.resolve() not in seen] == []
