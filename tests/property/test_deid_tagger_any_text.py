"""Whatever the text, spans lie inside it, in order, apart, with no white space at their ends."""

from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.gateway.deid import tagger_text
from euthymia.gateway.deid.contract import Lang
from euthymia.gateway.deid.tagger import OnnxTagger

WORDS = st.sampled_from([
    "Dr", "Smith", "María", "12/03/2020", "555-0142", "\n", "a@b.org", "the", "Hamilton", "(", ",",
    "C/ Mayor 3", "José-Luis", "O'Neill", "28012", "  ", "ÅSE", "İpek", "ß", "王", "\u0301",
])  # fmt: skip
TEXTS = st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=40).map(" ".join))


@cache
def tagger() -> OnnxTagger:
    return OnnxTagger.load()


@settings(deadline=None)  # the first example loads the weights
@given(text=TEXTS, lang=st.sampled_from(["en", "es"]), floor=st.floats(0.05, 0.95))
def test_spans_are_well_formed(text: str, lang: Lang, floor: float) -> None:
    last = 0
    for span in tagger().spans(text, lang, floor=floor):
        assert last <= span.start < span.end <= len(text)
        assert text[span.start : span.end].strip() == text[span.start : span.end]
        assert 0.0 <= span.confidence <= 1.0
        assert span.source == "tagger"
        last = span.end


@given(text=TEXTS)
def test_words_are_the_text_in_order(text: str) -> None:
    tokens = tagger_text.tokenize(text)
    assert [text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True)] == tokens.words
    left = "".join(sign for sign in text if not sign.isspace())
    assert "".join(word for word in tokens.words if word != "\n") == left


@given(text=TEXTS)
def test_features_are_rows_of_the_table(text: str) -> None:
    tokens = tagger_text.tokenize(text)
    ids = tagger_text.features(tokens, "en", bytes(tagger_text.WORD_BITS // 8))
    assert ids.shape == (len(tokens.words), tagger_text.WIDTH)
    assert np.all((ids >= 0) & (ids < tagger_text.BUCKETS))
