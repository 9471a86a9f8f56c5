"""The reader of plain tables: the same table from every kind of source, and errors that place."""

import gzip

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from euthymia.ground.errors import MissingError, SchemaError, SourceError
from euthymia.models.tables import is_number, labels, numbers, read_frame, require, texts

TEXT = "id,score,sex\na,3,F\nb,,M\nc,4.5,NA\n"
WANTED = {"id": ["a", "b", "c"], "score": [3.0, None, 4.5], "sex": ["F", "M", None]}


def _sources(folder):
    plain = folder / "t.csv"
    plain.write_text(TEXT)
    yield plain
    semicolon = folder / "s.csv"
    semicolon.write_text(TEXT.replace(",", ";"))
    yield str(semicolon)
    packed = folder / "t.csv.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()))
    yield packed
    table = pa.table(WANTED)
    pq.write_table(table, folder / "t.parquet")
    yield folder / "t.parquet"
    yield table
    yield pd.DataFrame(WANTED)
    yield pd.DataFrame(WANTED, index=[5, 2, 9]).astype({"sex": "category"})
    yield pl.DataFrame(WANTED).with_columns(pl.col("score").fill_null(float("nan")))
    yield WANTED
    numbered = folder / "r.csv"
    lines = TEXT.splitlines()
    numbered.write_text("\n".join(f"{n or ''},{line}" for n, line in enumerate(lines)))
    yield numbered


def test_every_source_gives_the_same_table(tmp_path):
    for source in _sources(tmp_path):
        assert read_frame(source).to_pydict() == WANTED


def test_types_are_inferred_from_all_rows_and_texts_kept_where_asked(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("id,x\n" + "001,1\n" * 200_000 + "01,word\n")
    table = read_frame(path, as_text=("id", "absent"))
    assert table.schema.field("x").type == pa.string()
    assert np.unique(texts(table, "id")).tolist() == ["001", "01"]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_decimal_comma_is_read_where_commas_separate_nothing(tmp_path, separator):
    path = tmp_path / "de.csv"
    rows = ("id x code dose small", "0,5 -1,25 a,b 1,200 -7,161e-05", "1,5 NA c,d 2,000 1,041")
    path.write_text("\n".join(rows).replace(" ", separator))
    table = read_frame(path, as_text=("id",))
    assert table["x"].to_pylist() == [-1.25, None]
    assert table["small"].to_pylist() == [-7.161e-05, 1.041]
    # names stay names, and 1,200 may be a thousand: nobody guesses
    assert [table.schema.field(n).type for n in ("id", "code", "dose")] == [pa.string()] * 3


def test_a_point_beside_decimal_commas_may_stand_between_thousands(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("a;b;c\n1.200;0,5;1.200\n987;1,5;72.5\nNA;2,5;\n")
    found = read_frame(file)
    assert texts(found, "a").tolist() == ["1'200", "987", ""]
    with pytest.raises(SchemaError, match="column a, row 1: not a number"):
        numbers(found, "a")
    assert numbers(found, "b").tolist() == [0.5, 1.5, 2.5]
    assert numbers(found, "c")[:2].tolist() == [1.2, 72.5]
    file.write_text("a;a\n1.5;0,5\n")
    with pytest.raises(SchemaError, match="two columns are called a"):
        read_frame(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\n1\n", "line 3: 1 values where the header names 2"),
        (b"a,b\n1,\xff\n", "line 2: not UTF-8"),
        (b"a,b\n1,\x00\n", "line 2: holds a zero byte"),
        (b"\n1,2\n", "line 1: there is no header"),
        (b"", "line 1: there is no header"),
        (b"a,a\n1,2\n", "two columns are called a"),
        (b"a,\n1,2\n", "column 2 has no name"),
        (b"a,b\n", "has no rows"),
        (b"a,b\n1,inf\n", "column b, row 1: infinite"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_no_value(tmp_path, content, words):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises((SourceError, SchemaError)) as refused:
        read_frame(path)
    assert "bad.csv" in str(refused.value)
    assert words in str(refused.value)


def test_other_broken_sources_are_refused(tmp_path):
    with pytest.raises(MissingError, match=r"no file gone\.csv"):
        read_frame(tmp_path / "gone.csv")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(TEXT.encode())[:20])
    with pytest.raises(SourceError, match="not a whole gzip"):
        read_frame(tmp_path / "cut.csv.gz")
    (tmp_path / "no.parquet").write_bytes(b"nothing")
    with pytest.raises(SourceError, match="not a whole Parquet"):
        read_frame(tmp_path / "no.parquet")
    for frame in (pd.DataFrame({"x": [1, "Ann"]}), {"x": [1, "Ann"]}):
        with pytest.raises(SchemaError, match="several kinds") as refused:
            read_frame(frame)
        assert "Ann" not in str(refused.value)
    with pytest.raises(SchemaError, match="one length"):
        read_frame({"x": [1], "y": [1, 2]})
    with pytest.raises(SchemaError, match="give a pandas"):
        read_frame([1, 2])
    with pytest.raises(SchemaError, match="give numbers"):
        read_frame({"x": [[1], [2]]})


def test_columns_as_numbers_texts_and_labels():
    table = read_frame(
        {
            "n": ["1", None, "2.5"],
            "site": [1.0, 2.0, None],
            "kept": [True, None, False],
            "answer": ["Yes", "no", None],
            "arm": ["drug", "placebo", "drug"],
        }
    )
    np.testing.assert_equal(numbers(table, "n"), [1.0, np.nan, 2.5])
    assert texts(table, "site").tolist() == ["1", "2", ""]
    np.testing.assert_equal(labels(table, "kept"), [1.0, np.nan, 0.0])
    np.testing.assert_equal(labels(table, "answer"), [1.0, 0.0, np.nan])
    np.testing.assert_equal(labels(table, "arm", positive="drug"), [1.0, 0.0, 1.0])
    assert is_number(table, "site")
    assert not is_number(table, "arm")
    with pytest.raises(SchemaError, match="row 1: not a number") as refused:
        numbers(table, "arm")
    assert "drug" not in str(refused.value)
    with pytest.raises(SchemaError, match="2 different values; say which counts as 1"):
        labels(table, "arm")
    with pytest.raises(SchemaError, match="did you mean answer"):
        require(table, ["anwser"])
