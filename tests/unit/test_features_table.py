"""Features of folders and frames, without a clinic."""

import warnings
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import euthymia as eu
from euthymia.ground.clock import DAY_US
from euthymia.ground.errors import MissingError, SchemaError
from feature_cases import DAY0, recording

ZONE = "Europe/Oslo"


@pytest.fixture(scope="module")
def screen():
    from euthymia.ground.clock import Timeline

    columns = recording("screen", Timeline(((0, ZONE),)), DAY0, 5, np.random.default_rng(1))
    return pa.table(
        {
            "time": pa.array(columns["time"]).cast(pa.timestamp("us", "UTC")),
            "state": pa.array(columns["state"]),
        }
    )


def test_a_column_of_another_name_is_not_left_out_in_silence():
    frame = {"time": [1.7e9, 1.7e9 + 60], "latitude": [51.5, 51.5], "longitude": [0.1, 0.1]}
    with pytest.warns(UserWarning, match=r"not read: `accuracy_m`; .*`accuracy` \[m\]"):
        eu.features.from_frames({"location": pa.table(frame | {"accuracy_m": [5.0, 6.0]})})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        eu.features.from_frames({"location": pa.table(frame)})


def test_every_kind_of_frame_gives_the_same_and_comes_back_as_it_was(screen):
    arrow = eu.features.compute(screen, tz=ZONE)
    assert isinstance(arrow, pa.Table)
    assert arrow.num_rows >= 5
    polars = eu.features.compute(pl.from_arrow(screen), tz=ZONE)
    assert isinstance(polars, pl.DataFrame)
    assert polars.to_dicts() == arrow.to_pylist()
    pandas = eu.features.compute(screen.to_pandas(), tz=ZONE)
    assert isinstance(pandas, pd.DataFrame)
    back = pa.Table.from_pandas(pandas, preserve_index=False)
    assert back.num_rows == arrow.num_rows
    for name in arrow.column_names[3:]:
        np.testing.assert_array_equal(
            arrow[name].to_numpy(), back[name].cast(pa.float64()).to_numpy()
        )


def test_order_and_duplicates_do_not_matter(screen):
    shuffled = pa.concat_tables([screen, screen]).take(
        np.random.default_rng(0).permutation(2 * screen.num_rows)
    )
    assert eu.features.compute(shuffled, tz=ZONE).equals(eu.features.compute(screen, tz=ZONE))
    assert eu.features.from_frames({"screen": shuffled}).duplicates == screen.num_rows


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_numbers_are_epochs_by_their_size(screen, unit):
    scale = {"s": 1e-6, "ms": 1e-3, "us": 1, "ns": 1000}[unit]
    number = screen["time"].cast(pa.int64()).to_numpy() * scale
    frame = pl.DataFrame({"time": number, "state": screen["state"].to_numpy()})
    read = eu.features.from_frames({"screen": frame}).people["subject"]["screen"]
    np.testing.assert_array_equal(
        read["time"].cast(pa.int64()).to_numpy() // 1_000_000,
        screen["time"].cast(pa.int64()).to_numpy() // 1_000_000,
    )


def test_wall_clock_times_are_read_in_the_zone():
    frame = pd.DataFrame({"time": [datetime(2024, 7, 1, 12, 0)], "state": [1]})  # noqa: DTZ001
    read = eu.features.from_frames({"screen": frame}, tz=ZONE).people["subject"]["screen"]
    assert read["time"].to_pylist()[0] == datetime(2024, 7, 1, 10, 0, tzinfo=UTC)


def test_no_minute_is_lost_or_moved_where_the_clock_is_put_back():
    utc = pd.date_range("2024-10-26T21:00", "2024-10-27T05:00", freq="1min", tz="UTC")
    wall = utc.tz_convert("Europe/Oslo").tz_localize(None)
    frame = pd.DataFrame({"time": wall, "level": 1.0})
    both = pd.concat([frame.assign(subject_id=name) for name in ("a", "b")])
    mixed = both.iloc[np.argsort(np.arange(len(both)) % len(wall), kind="stable")]
    read = eu.features.from_frames({"light": mixed}, tz="Europe/Oslo")
    for name in ("a", "b"):
        found = read.people[name]["light"]["time"].to_pylist()
        assert found == utc.to_pydatetime().tolist()
    assert (read.duplicates, read.refused) == (0, [])


def test_a_time_in_the_repeated_hour_that_nothing_places_is_refused_and_so_is_one_missing():
    times = [datetime(2024, 10, 27, 2, 30), None, datetime(2024, 10, 28, 12)]  # noqa: DTZ001
    frame = pl.DataFrame({"time": times, "level": [1.0, 2.0, 3.0]})
    read = eu.features.from_frames({"light": frame}, tz="Europe/Oslo")
    assert read.people["subject"]["light"]["level"].to_pylist() == [3.0]
    assert [(line.row, line.reason[:8]) for line in read.refused] == [
        (1, "the cloc"),
        (2, "time is "),
    ]
    numbers = pl.DataFrame({"time": [1.7e9, None, float("nan")], "level": [1.0, 2.0, 3.0]})
    read = eu.features.from_frames({"light": numbers}, tz="Europe/Oslo")
    assert read.people["subject"]["light"]["level"].to_pylist() == [1.0]
    assert sum(line.rows for line in read.refused) == 2


def test_people_are_kept_apart(screen):
    both = pa.concat_tables(
        [screen.append_column("subject_id", pa.array([n] * screen.num_rows)) for n in ("a", "b")]
    )
    rows = eu.features.compute(both, tz=ZONE).to_pylist()
    alone = eu.features.compute(screen, tz=ZONE).to_pylist()
    for name in ("a", "b"):
        own = [r | {"subject_id": "subject"} for r in rows if r["subject_id"] == name]
        assert own == alone


def test_a_frame_that_fits_nothing_or_too_much_is_refused(screen):
    with pytest.raises(SchemaError, match="no stream"):
        eu.features.compute(screen.rename_columns(["time", "colour"]))
    with pytest.raises(SchemaError, match="say which"):
        eu.features.compute(
            pl.DataFrame({"time": [1.7e9], "x": [0.0], "y": [0.0], "z": [1.0]})  # rotation, too
        )
    with pytest.raises(SchemaError, match="there is no stream"):
        eu.features.compute({"smell": screen})
    with pytest.raises(SchemaError, match="column `time`"):
        eu.features.compute({"screen": screen.drop_columns("time")})
    with pytest.raises(SchemaError, match=r"screen\.state must be whole numbers"):
        eu.features.compute({"screen": pl.DataFrame({"time": [1.7e9], "state": ["open"]})})
    with pytest.raises(SchemaError, match="no families 'astrology'; there are activity"):
        eu.features.compute(screen, ["astrology"])
    with pytest.raises(SchemaError, match="did you mean mobility"):
        eu.features.compute(screen, ["mobilty"])
    with pytest.raises(SchemaError, match="no time zone"):
        eu.features.compute(screen, tz="Mars/Olympus")
    with pytest.raises(MissingError):
        eu.features.compute("no/such/folder")


@pytest.mark.parametrize(
    ("columns", "family"),
    [({"rate": 70.0}, "heart_rate"), ({"level": 12.0}, "light"), ({"value": 33.0}, "temperature")],
)
def test_a_frame_that_fits_several_streams_is_the_one_the_families_look_at(columns, family):
    time = pl.Series([DAY0 * DAY_US + 60_000_000 * k for k in range(600)])
    frame = pl.DataFrame({"time": time}).with_columns(**{k: pl.lit(v) for k, v in columns.items()})
    with pytest.raises(SchemaError, match="say which"):
        eu.features.compute(frame)
    assert eu.features.compute(frame, [family])[f"{family}_coverage"].to_list()[0] > 0
    assert eu.features.compute(frame, family)["date"].len() == 1


def test_rows_that_cannot_be_true_are_left_out_and_said():
    frame = {
        "time": [DAY0 * DAY_US, DAY0 * DAY_US + 1],
        "latitude": [95.0, 10],
        "longitude": [0, 0],
    }
    with pytest.warns(UserWarning, match=r"1 of 2 rows were refused.*latitude"):
        eu.features.compute({"location": pl.DataFrame(frame)})


def test_the_table_says_what_its_columns_are(screen):
    table = eu.features.compute(screen, tz=ZONE)
    names = table.column_names
    assert names[:3] == ["subject_id", "date", "segment"]
    for name in names[3:]:
        metadata = table.schema.field(name).metadata
        assert metadata[b"unit"]
        assert metadata[b"definition"]


def test_rows_of_the_time_around_events(screen):
    first = screen["time"].cast(pa.int64()).to_numpy()[0]
    marks = pl.DataFrame({"time": [(first + 60_000_000) / 1e6]})
    frames = {"screen": pl.from_arrow(screen), "event_marks": marks}
    name = "10_min_around_event_marks"
    [row] = eu.features.compute(frames, ["screen_use"], tz=ZONE, segments=[name]).to_dicts()
    assert row["segment"] == name
    assert 0 < row["screen_use_screen_on_h"] <= 1 / 3
    without = eu.features.compute(
        {"screen": frames["screen"]}, ["screen_use"], tz=ZONE, segments=[name]
    )
    assert without.is_empty()


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize("value", [1.5, 300, -129, float("inf")])
def test_a_number_that_a_whole_field_cannot_hold_is_refused_and_not_altered(kind, value):
    time = pa.array([1_720_000_000_000_000, 1_720_000_060_000_000]).cast(pa.timestamp("us", "UTC"))
    frame = kind({"time": time.to_pylist(), "state": [type(value)(1), value]})
    with pytest.raises(
        SchemaError, match=r"screen\.state must be whole numbers from 0 to 3 \(.*\);"
    ):
        eu.features.from_frames({"screen": frame})


def test_whole_numbers_that_pandas_made_decimal_are_taken_and_its_gaps_stay_gaps():
    time = pd.date_range("2024-07-01", periods=3, freq="1min", tz="UTC")
    frame = pd.DataFrame({"time": time, "level": 50.0, "status": [2, None, 3]})
    read = eu.features.from_frames({"battery": frame}).people["subject"]["battery"]
    assert read["status"].to_pylist() == [2, None, 3]
    nan = pl.DataFrame({"time": time, "level": 50.0, "status": [2, float("nan"), 3]}, strict=False)
    with pytest.raises(SchemaError, match="null"):
        eu.features.from_frames({"battery": nan})


def test_text_in_a_field_of_numbers_is_refused_by_name():
    frame = pl.DataFrame({"time": [1.72e9], "state": ["on"]})
    with pytest.raises(SchemaError, match=r"screen\.state"):
        eu.features.from_frames({"screen": frame})


def test_row_labels_that_pandas_keeps_of_a_filtered_frame_are_no_column(screen):
    whole = screen.to_pandas()
    some = whole[whole.index % 2 == 0].sample(frac=1, random_state=1)  # labels 0, 2, 4, ... mixed
    plain = eu.features.compute(some.reset_index(drop=True), ["screen_use"])
    pd.testing.assert_frame_equal(eu.features.compute(some, ["screen_use"]), plain)


def test_one_name_and_a_list_of_files_are_taken_as_they_are_meant(screen, tmp_path):
    listed = eu.features.compute(screen, ["screen_use"], segments=["night"])
    assert eu.features.compute(screen, "screen_use", segments="night").equals(listed)
    assert eu.features.compute([tmp_path], "screen_use").num_rows == 0
    with pytest.raises(MissingError):
        eu.features.compute([tmp_path, tmp_path / "absent"], "screen_use")


def test_a_column_more_than_a_stream_has_does_not_hide_which_stream_it_is(screen):
    more = screen.append_column("note", pa.nulls(screen.num_rows, pa.string()))
    plain = eu.features.compute({"screen": screen}, ["screen_use"])
    assert eu.features.compute({"screen": more}, ["screen_use"]).equals(plain)


def test_times_in_words_are_refused_with_what_to_do(screen):
    words = screen.to_pandas().assign(time=lambda frame: frame["time"].astype(str))
    with pytest.raises(SchemaError, match="to_datetime"):
        eu.features.compute({"screen": words}, ["screen_use"])


def test_words_for_a_column_of_codes_are_told_the_codes(screen):
    words = screen.set_column(1, "state", pa.array(["on"] * screen.num_rows))
    with pytest.raises(SchemaError, match="0 off, 1 on, 2 locked, 3 unlocked"):
        eu.features.compute({"screen": words}, tz=ZONE)


@pytest.mark.parametrize("given", [None, [1, 2], 7])
def test_what_is_no_table_is_told_in_words(given):
    with pytest.raises(SchemaError, match="is no table: give a folder"):
        eu.features.compute(given)


def test_rows_that_are_nobodys_are_refused_and_those_of_others_stay(screen):
    who = pa.array(["a"] * (screen.num_rows - 4) + [None, None, "", ""])
    found = eu.features.from_frames({"screen": screen.append_column("subject_id", who)}, tz=ZONE)
    assert list(found.people) == ["a"]
    assert [(line.rows, line.reason[:21]) for line in found.refused] == [
        (4, "subject_id is missing")
    ]
    assert found.people["a"]["screen"].num_rows == screen.num_rows - 4


@pytest.mark.parametrize("name", ["pid", "participant_id", "Subject", "user", "Patient ID"])
def test_people_told_apart_by_another_column_are_not_mixed_into_one(screen, name):
    half = pa.array([n % 2 for n in range(screen.num_rows)])
    with pytest.raises(SchemaError, match=rf"rename `{name}` to `subject_id`"):
        eu.features.compute({"screen": screen.append_column(name, half)}, ["screen_use"])
    alone = screen.append_column(name, pa.array([7] * screen.num_rows))
    assert eu.features.compute({"screen": alone}, ["screen_use"]).num_rows


@pytest.mark.parametrize(
    ("stream", "family", "right", "wrong", "word"),
    [
        ("beat_intervals", "hrv", {"interval": 812.0}, {"interval": 0.812}, "give ms"),
        (
            "accelerometer",
            "activity",
            {"x": 0.1, "y": -0.2, "z": 0.98},
            {"x": 0.9, "y": -1.9, "z": 9.6},
            "give g",
        ),
        ("skin_temperature", "temperature", {"value": 33.1}, {"value": 58.6}, "give Celsius"),
        ("heart_rate", "heart_rate", {"rate": 71.0}, {"rate": 1.2}, "beats a minute"),
        ("oxygen_saturation", "respiration", {"value": 97.0}, {"value": 1.0}, "give %"),
    ],
)
def test_values_that_look_like_another_unit_are_told_and_right_ones_are_not(
    stream, family, right, wrong, word
):
    time = [1.7e9 + n for n in range(40)]
    frames = [
        {stream: pa.table({"time": time} | {name: [value] * 40 for name, value in one.items()})}
        for one in (right, wrong)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        eu.features.compute(frames[0], [family])
    with pytest.warns(UserWarning, match=word):
        eu.features.compute(frames[1], [family])


def test_warm_skin_in_fahrenheit_is_refused():
    time = [1.7e9 + n for n in range(40)]
    frame = {"skin_temperature": pa.table({"time": time, "value": [91.6] * 40})}
    with pytest.warns(UserWarning, match=r"40 of 40 rows were refused.*outside -40..60 Cel"):
        eu.features.compute(frame, ["temperature"])
