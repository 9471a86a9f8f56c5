"""No sentence of a page stands outside the catalogue: whatever a template shows goes through it."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from jinja2 import nodes

from euthymia.app.web.rendering import environment
from euthymia.app.web.speech import LANGUAGES, words_of

ELSEWHERE = {"crisis.html", "plot.html"}
"""In every language at once, by `say`; a report of the command line, in English."""
NO_WORDS = {"Euthymia", "YAML", "PHQ-9", "Español"}
READ_ALOUD = {"aria-label", "title", "alt", "placeholder", "data-label", "content"}
PAGES = sorted(set(environment().list_templates(extensions=["html"])) - ELSEWHERE)


def shown(node: nodes.Node) -> Iterator[str]:
    """Return the texts that an output may show as they stand in the template."""
    if isinstance(node, nodes.TemplateData):
        yield node.data
    elif isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.Filter | nodes.CondExpr | nodes.Or | nodes.And | nodes.Concat):
        parts = list(node.iter_child_nodes())
        kept = parts[:1] if isinstance(node, nodes.Filter) else parts
        for part in kept:
            yield from shown(part)


class Words(HTMLParser):
    """Collects what a page says, to the eye and to the ear."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.quiet += tag in {"script", "style", "code"}
        if tag != "meta":
            self.said += [value or "" for name, value in attrs if name in READ_ALOUD]

    def handle_endtag(self, tag: str) -> None:
        self.quiet -= tag in {"script", "style", "code"}

    def handle_data(self, data: str) -> None:
        if not self.quiet:
            self.said.append(data)


def bare(source: str) -> list[str]:
    """Return the sentences of a template that no catalogue sees."""
    tree = environment().parse(source)
    parts = [text for out in tree.find_all(nodes.Output) for n in out.nodes for text in shown(n)]
    parser = Words()
    parser.feed("".join(parts))
    said = [" ".join(text.split()) for text in parser.said]
    cited = [re.sub(r"[A-Z][\w, ]+\d{4}, doi:\S+|doi:|\W", " ", text) for text in said]
    words = [
        " ".join(w for w in text.split() if not re.fullmatch(r"[\d_]+|.", w)) for text in cited
    ]
    known = {re.sub(r"\W", " ", word) for word in NO_WORDS}
    return [text for text in words if text and text not in known]


@pytest.mark.parametrize("name", PAGES)
def test_every_sentence_of_a_template_goes_through_the_catalogue(name: str) -> None:
    loader = environment().loader
    assert loader is not None
    assert bare(loader.get_source(environment(), name)[0]) == []


def test_a_sentence_beside_the_catalogue_is_found() -> None:
    assert bare("<p>Not {{ x }} translated</p>") == ["Not translated"]
    assert bare('<a aria-label="Spoken">{{ _("fine") }}</a>') == ["Spoken"]
    assert bare('<td>{{ "late" if x else _("fine") }}</td>') == ["late"]


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_everything_counted_has_its_noun(language: str) -> None:
    loader = environment().loader
    assert loader is not None
    found: set[str] = set()
    for name in PAGES:
        tree = environment().parse(loader.get_source(environment(), name)[0])
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "count_words":
                found.add(call.args[1].as_const())
    assert sorted(found - set(words_of(language).nouns)) == []
