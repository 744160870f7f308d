import json
import os
import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import ipc

from analyzers.core.errors import ResultError
from analyzers.core.result import Estimate, Measurements, Provenance
from analyzers.jobs.arrow_stream import read_table, table_bytes
from analyzers.jobs.codec import RESULT_NAME, read_output, write_output
from analyzers.jobs.hostile_text import CUT_MARK, MOST_CHARACTERS, tame
from analyzers.jobs.strict_json import parse_strict

SCHEMA = pa.schema(
    [("group", pa.string()), ("rate", pa.float64()), ("tags", pa.list_(pa.string()))]
)
SCHEMAS = {"rates": SCHEMA}
MOST = 2**20


def a_table(groups=("a", "b"), rates=(0.5, None)) -> pa.Table:
    return pa.table({"group": groups, "rate": rates, "tags": [["x"], None]}, schema=SCHEMA)


def measurements() -> Measurements:
    return Measurements(
        estimates={"gap": Estimate(value=0.25, low=0.1, high=0.4, n=200, method="Wilson")},
        facts={"explainer": "trees", "rows": 200, "exact": True, "nothing": None},
        tables={"rates": a_table()},
        sampling=("Rows: 200 of 500.",),
    )


@pytest.fixture
def written(tmp_path):
    write_output(tmp_path, measurements(), Provenance(seed=3), SCHEMAS)
    return tmp_path


def edit(folder, **changes):
    path = folder / RESULT_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def stream_of(table: pa.Table, **options) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def test_what_was_written_is_read_back(written):
    output = read_output(written, SCHEMAS, most_bytes=MOST)

    assert dict(output.measurements.estimates) == dict(measurements().estimates)
    assert dict(output.measurements.facts) == dict(measurements().facts)
    assert output.measurements.tables["rates"].equals(a_table())
    assert output.measurements.sampling == ("Rows: 200 of 500.",)
    assert output.provenance.seed == 3


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 100, 300, -1, -9])
def test_a_truncated_table_is_refused(written, keep):
    path = written / "rates.arrow"
    content = path.read_bytes()
    path.write_bytes(content[:keep])
    if keep == -9:
        path.write_bytes(content[:-16])

    try:
        table = read_output(written, SCHEMAS, most_bytes=MOST).measurements.tables["rates"]
    except ResultError:
        return
    # Only the end mark was lost: the rows are all there.
    assert table.equals(a_table())


@pytest.mark.parametrize("keep", [0, 1, 50, -1])
def test_a_truncated_document_is_refused(written, keep):
    path = written / RESULT_NAME
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(ResultError):
        read_output(written, SCHEMAS, most_bytes=MOST)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "Infinity"),
        ('{"a": 1e999}', "too large"),
        ('{"a": 1, "a": 2}', "same key twice"),
        ('{"x": {"a": 1, "a": 1}}', "same key twice"),
        ("[" * 200 + "]" * 200, "nested deeper"),
        ("[" * 100_000, "nested deeper"),
        ('{"a": ' + "9" * 5000 + "}", "out of range"),
        ('{"a": 1', "syntax error"),
        ("", "syntax error"),
    ],
)
def test_json_that_others_take_is_refused(text, words):
    with pytest.raises(ResultError, match=words):
        parse_strict(text.encode(), what="the test")


def test_json_in_another_encoding_is_refused():
    with pytest.raises(ResultError, match="not UTF-8"):
        parse_strict('{"a": "é"}'.encode("latin-1"), what="the test")


def test_brackets_inside_strings_are_not_depth():
    assert parse_strict(json.dumps({"a": "[" * 1000 + '\\"{'}).encode(), what="x")["a"][0] == "["


def test_another_schema_version_is_said_with_what_to_do(written):
    edit(written, schema_version=99)

    with pytest.raises(ResultError, match="form 99") as caught:
        read_output(written, SCHEMAS, most_bytes=MOST)
    assert "run the analysis again" in caught.value.remedy


@pytest.mark.parametrize(
    "change",
    [
        {"estimates": {"gap": {"value": "0.25", "n": 2}}},
        {"estimates": {"gap": {"value": 0.25, "n": -1}}},
        {"facts": {"x": [1, 2]}},
        {"tables": "rates"},
        {"surprise": 1},
        {"provenance": {"trust": "perfect"}},
    ],
)
def test_a_forged_document_is_refused(written, change):
    edit(written, **change)

    with pytest.raises(ResultError):
        read_output(written, SCHEMAS, most_bytes=MOST)


@pytest.mark.parametrize("name", ["other", "../rates", "/etc/passwd", "rates\x00"])
def test_only_declared_tables_are_read(written, name):
    edit(written, tables=[name])

    with pytest.raises(ResultError):
        read_output(written, SCHEMAS, most_bytes=MOST)


def forged_schemas():
    plain = a_table()
    extension = pa.array(["[1]", "2"], pa.json_())
    yield "renamed", plain.rename_columns(["group", "rate", "labels"])
    yield "reordered", plain.select(["rate", "group", "tags"])
    yield "narrower", plain.set_column(1, "rate", plain["rate"].cast(pa.float32()))
    yield "dictionary", plain.set_column(0, "group", plain["group"].dictionary_encode())
    yield "extension", plain.set_column(0, "group", extension)
    yield "more", plain.append_column("more", pa.array([1, 2]))
    yield "fewer", plain.drop_columns(["tags"])
    yield "nested", plain.set_column(1, "rate", pa.array([{"a": 1.0}, None]))


@pytest.mark.parametrize(
    "table", [item[1] for item in forged_schemas()], ids=[item[0] for item in forged_schemas()]
)
def test_a_forged_schema_is_refused(table):
    with pytest.raises(ResultError):
        read_table(stream_of(table), SCHEMA, name="rates")


def test_an_extension_type_hidden_in_metadata_is_only_its_plain_storage():
    field = pa.field(
        "group",
        pa.string(),
        metadata={
            b"ARROW:extension:name": b"arrow.py_extension_type",
            b"ARROW:extension:metadata": b"\x80\x04\x95cos\nsystem\n",
        },
    )
    table = a_table().cast(pa.schema([field, SCHEMA.field("rate"), SCHEMA.field("tags")]))

    read = read_table(stream_of(table), SCHEMA, name="rates")

    assert read.schema.equals(SCHEMA, check_metadata=True)


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_compressed_body_is_refused_before_it_is_unpacked(codec):
    schema = pa.schema([("zeros", pa.int64())])
    bomb = pa.table({"zeros": np.zeros(2_000_000, dtype=np.int64)}, schema=schema)
    content = stream_of(bomb, compression=codec)
    assert len(content) < 2_000_000 * 8 / 100

    with pytest.raises(ResultError, match="compression"):
        read_table(content, schema, name="zeros")


def test_invalid_utf8_and_offsets_out_of_range_are_refused():
    good = table_bytes(a_table(("aaaaaaaa", "bbbbbbbb")), SCHEMA, name="rates")
    with pytest.raises(ResultError):
        read_table(good.replace(b"aaaaaaaa", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe"), SCHEMA, name="r")
    offsets = np.array([0, 8, 16], dtype=np.int32).tobytes()
    assert offsets in good
    forged = good.replace(offsets, np.array([0, 8, 2**30], dtype=np.int32).tobytes())
    with pytest.raises(ResultError):
        read_table(forged, SCHEMA, name="rates")


def test_more_bytes_than_allowed_are_not_read(written):
    with pytest.raises(ResultError, match="at most"):
        read_output(written, SCHEMAS, most_bytes=600)
    with (written / RESULT_NAME).open("wb") as stream:
        stream.truncate(10 * 2**30)
    with pytest.raises(ResultError, match="at most"):
        read_output(written, SCHEMAS, most_bytes=2**40)


@pytest.mark.parametrize("name", [RESULT_NAME, "rates.arrow"])
@pytest.mark.parametrize("what", ["symbolic link", "hard link", "folder", "pipe", "nothing"])
def test_only_ordinary_files_are_read(written, tmp_path_factory, name, what):
    path = written / name
    outside = tmp_path_factory.mktemp("outside") / "copy"
    outside.write_bytes(path.read_bytes())
    path.unlink()
    if what == "symbolic link":
        path.symlink_to(outside)
    elif what == "hard link":
        os.link(outside, path)
    elif what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)

    with pytest.raises(ResultError):
        read_output(written, SCHEMAS, most_bytes=MOST)


def test_long_strings_are_cut_with_a_mark_and_acting_characters_are_replaced():
    table = a_table(("x" * (MOST_CHARACTERS + 5), "a\x1b[31m\u202eb\tc"))

    groups = read_table(table_bytes(table, SCHEMA, name="rates"), SCHEMA, name="rates")["group"]

    assert groups[0].as_py() == "x" * MOST_CHARACTERS + CUT_MARK
    assert groups[1].as_py() == "a\ufffd[31m\ufffdb\tc"


def test_strings_inside_lists_are_tamed_and_nulls_stay():
    table = pa.table(
        {"group": ["a", "b", "c"], "rate": [1.0, 2.0, 3.0], "tags": [["\x07", "ok"], None, []]},
        schema=SCHEMA,
    )

    tags = read_table(table_bytes(table, SCHEMA, name="rates"), SCHEMA, name="rates")["tags"]

    assert tags.to_pylist() == [["\ufffd", "ok"], None, []]


def test_nan_becomes_missing():
    table = a_table(rates=(float("nan"), 1.0))

    read = read_table(table_bytes(table, SCHEMA, name="rates"), SCHEMA, name="rates")

    assert read["rate"].to_pylist() == [None, 1.0]


def test_an_analyzer_that_breaks_its_own_declaration_is_told_so(tmp_path):
    wrong = pa.table({"group": ["a"]})
    for tables in ({"rates": wrong}, {"undeclared": wrong}):
        with pytest.raises(ResultError, match="fault of the analyzer"):
            write_output(tmp_path, Measurements(tables=tables), Provenance(), SCHEMAS)
    with pytest.raises(ResultError, match="finite"):
        write_output(tmp_path, Measurements(facts={"x": float("nan")}), Provenance(), SCHEMAS)


@given(st.text())
def test_taming_leaves_nothing_that_acts_and_is_stable(text):
    tamed = tame(text)

    assert tame(tamed) == tamed
    assert tamed.encode().decode() == tamed
    assert not any(ord(letter) < 32 and letter not in "\t\n" for letter in tamed)


@settings(max_examples=200, deadline=None)
@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_flipped_byte_gives_a_valid_table_or_a_sentence(position, value):
    content = bytearray(table_bytes(a_table(), SCHEMA, name="rates"))
    content[position % len(content)] = value

    try:
        table = read_table(bytes(content), SCHEMA, name="rates")
    except ResultError:
        return
    table.validate(full=True)
    assert table.schema.equals(SCHEMA)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_sentence(content):
    for read in (
        lambda: read_table(content, SCHEMA, name="rates"),
        lambda: parse_strict(b"{" + content, what="the test"),
    ):
        try:
            read()
        except ResultError:
            continue


def test_a_pickle_sent_in_place_of_the_answer_is_refused_and_never_runs(written, tmp_path_factory):
    marker = tmp_path_factory.mktemp("marker") / "ran"

    class Gadget:
        def __reduce__(self):
            return (exec, (f"open({str(marker)!r}, 'w').close()",))

    for path in written.iterdir():
        path.write_bytes(pickle.dumps(Gadget()))

    with pytest.raises(ResultError):
        read_output(written, SCHEMAS, most_bytes=MOST)

    assert not marker.exists()
    pickle.loads(pickle.dumps(Gadget()))
    assert marker.exists(), "the gadget must work where it is loaded"


def test_what_was_cut_short_is_read_back_tamed_and_results_from_before_are_whole(written):
    assert read_output(written, SCHEMAS, most_bytes=MOST).measurements.cut_short == ""
    edit(written, cut_short="3 of 9 rows \u202e were attacked." + "x" * MOST_CHARACTERS)

    said = read_output(written, SCHEMAS, most_bytes=MOST).measurements.cut_short

    assert said.startswith("3 of 9 rows \N{REPLACEMENT CHARACTER} were attacked.")
    assert said.endswith(CUT_MARK)
    document = json.loads((written / RESULT_NAME).read_text())
    del document["cut_short"]
    (written / RESULT_NAME).write_text(json.dumps(document))
    assert read_output(written, SCHEMAS, most_bytes=MOST).measurements.cut_short == ""
