"""The map of data by stream and day: what is missing is told by lines, not by colour alone."""

from euthymia.app.web.charts import PATTERNS
from euthymia.app.web.rendering import environment
from euthymia.care.coverage_map import REASONS, Cell, StreamCoverage


def test_every_reason_has_lines_of_its_own() -> None:
    assert set(PATTERNS) == set(REASONS)
    assert len(set(PATTERNS.values())) == len(PATTERNS)


def test_the_map_and_its_legend_show_a_reason_by_the_same_lines() -> None:
    cells = (Cell(0, 0.0, "consent"), Cell(1, 0.0, "not_worn"), Cell(2, 14.0))
    row = StreamCoverage("activity_counts", "Activity counts", cells, "1 of 3 days")
    source = '{% from "_coverage.html" import coverage_map with context %}{{ coverage_map([row]) }}'
    page = environment("en").from_string(source).render(row=row)
    for why in ("consent", "not_worn"):
        assert page.count(f'fill="url(#why-{why})"') == 2  # a day, and the legend
        assert page.count(f'id="why-{why}"') == 1
        assert PATTERNS[why] in page
    assert "why-unknown" not in page
    assert 'class="level-much"' in page
