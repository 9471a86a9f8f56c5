"""Debian's Chromium for the browser tests, or the reason why they are skipped."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
AXE = Path(__file__).parent / "e2e" / "vendor" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--mute-audio",
)

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or os.environ.get("EUTHYMIA_NO_BROWSER") == "1",
    reason="EUTHYMIA_NO_BROWSER=1"
    if os.environ.get("EUTHYMIA_NO_BROWSER") == "1"
    else "no chromium here (apt-get install chromium); the browser tests need one",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start one browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


def violations(page: Page, *, colours_alone: bool = False) -> list[str]:
    """Return what axe-core finds on the page: rule, help and where.

    `colours_alone`: for a page that has been looked at in other colours already.
    """
    page.evaluate(AXE.read_text(encoding="utf-8"))
    rules = {"type": "tag", "values": TAGS}
    if colours_alone:
        rules = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
    wanted = {"runOnly": rules, "resultTypes": ["violations"]}
    found = page.evaluate("wanted => axe.run(document, wanted)", wanted)
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
