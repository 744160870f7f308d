"""Tables of every format: what is written is what is read, and what is odd is said."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzers.core.errors import RefusedFile
from analyzers.loaders.cells import MISSING_WORDS, settle
from analyzers.loaders.csv_table import read_csv
from analyzers.loaders.headers import tame_names
from analyzers.loaders.table_files import load_table
from tests.loaders.hostile_tables import png
from tests.loaders.uploads import reference


def opened(path):
    table, found = load_table(path, reference(path))
    settled = {name: settle(name, column) for name, column in table.columns.items()}
    changes = [*table.changes, *(note for made in settled.values() for note in made.changes)]
    return found.name, settled, changes


def written(tmp_path, text, *, name="t.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return path


PEOPLE = "name,age,city\nÀnna,30,Köln\nBob,41,\n"
CHINESE = "姓名,年龄,城市\n张伟,30,北京市\n王芳,41,上海市\n李娜,28,广州市\n"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_separator(tmp_path, separator):
    _, settled, _ = opened(written(tmp_path, PEOPLE.replace(",", separator)))

    assert list(settled) == ["name", "age", "city"]
    assert settled["age"].values.tolist() == [30, 41]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_any_encoding(tmp_path, encoding):
    _, settled, _ = opened(written(tmp_path, PEOPLE, encoding=encoding))

    assert settled["name"].values.tolist() == ["Ànna", "Bob"]
    assert settled["city"].n_missing == 1


def test_chinese_in_its_own_encoding(tmp_path):
    _, settled, changes = opened(written(tmp_path, CHINESE * 5, encoding="gb18030"))

    assert list(settled) == ["姓名", "年龄", "城市"]
    assert any("gb18030" in change for change in changes)


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "2"], "integer", [1, 2]),
        (["1", ""], "integer", [1.0, None]),
        (["1.5", "?"], "number", [1.5, None]),
        (["1e3", "-2.5"], "number", [1000.0, -2.5]),
        (["1,5", "22,75"], "number", [1.5, 22.75]),
        (["1.234,5", "2,25"], "number", [1234.5, 2.25]),
        (["1,234.50", "12"], "number", [1234.5, 12.0]),
        (["True", "false"], "boolean", [True, False]),
        (["2024-01-31", "2024-02-01"], "time", None),
        (["31.01.2024", "01.02.2024"], "time", None),
        (["a", "b"], "category", ["a", "b"]),
        (["inf", "1.5"], "number", [None, 1.5]),
        (["00123", "4"], "integer", [123, 4]),
    ],
)
def test_cells_are_recognised(tmp_path, cells, kind, values):
    _, settled, _ = opened(written(tmp_path, "x;y\n" + "".join(f"{cell};q\n" for cell in cells)))

    assert settled["x"].kind == kind
    if values is not None:
        found = [None if pd.isna(item) else item for item in settled["x"].values.tolist()]
        assert found == values


@pytest.mark.parametrize("cells", [["1,234", "5,678"], ["01/02/2024", "03/04/2024"]])
def test_what_could_mean_two_things_stays_text(tmp_path, cells):
    _, settled, _ = opened(written(tmp_path, "x;y\n" + "".join(f"{cell};q\n" for cell in cells)))

    assert settled["x"].kind == "category"


def test_words_for_missing_are_said_and_kept_where_the_model_knows_them(tmp_path):
    table = read_csv(written(tmp_path, "x,y\n?,1\na,2\nNA,3\n"))

    made = settle("x", table.columns["x"])
    assert (made.n_missing, made.levels) == (2, ("a",))
    assert any('"?"' in change and '"NA"' in change for change in made.changes)
    kept = settle("x", table.columns["x"], keep=frozenset({"?"}))
    assert (kept.n_missing, kept.levels) == (1, ("?", "a"))


def test_ragged_lines_are_left_out_and_counted(tmp_path):
    text = "a,b\n" + "1,2\n" * 200 + "1,2,3\n" + "4\n"

    _, settled, changes = opened(written(tmp_path, text))

    assert len(settled["a"].values) == 200
    assert any(change.startswith("2 lines were left out") for change in changes)


def test_a_table_without_a_header_gets_names(tmp_path):
    _, settled, changes = opened(written(tmp_path, "1,2,x\n3,4,y\n5,6,z\n" * 3))

    assert list(settled) == ["column_1", "column_2", "column_3"]
    assert len(settled["column_1"].values) == 9
    assert any("first line holds values" in change for change in changes)


def test_formulas_and_markup_stay_the_strings_they_are(tmp_path):
    _, settled, _ = opened(written(tmp_path, '<b>x</b>,y\n"=1+1",a\n"@SUM(A1)",b\n'))

    assert settled["<b>x</b>"].values.tolist() == ["=1+1", "@SUM(A1)"]


def test_names_are_whole_different_and_short():
    names, changes = tame_names(["a", "a", "", None, "x\u202ey", "n" * 5000, " b ", "a_2"])

    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 200
    assert names[:4] == ("a", "a_2", "column_3", "column_4")
    assert names[4] == "xy"
    assert changes


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\ufeff", exclude_categories=["Cs"]),
    max_size=12,
).filter(lambda cell: cell.strip() == cell)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=2, max_size=12),
    separator=st.sampled_from([",", ";", "\t", "|"]),
)
def test_what_python_writes_is_what_is_read(tmp_path, rows, separator):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["first", "second", "third"])
    writer.writerows(rows)
    path = written(tmp_path, buffer.getvalue())

    table = read_csv(path)

    assert list(table.columns) == ["first", "second", "third"]
    found = list(zip(*(column.to_pylist() for column in table.columns.values()), strict=True))
    assert found == [tuple(row) for row in rows]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(min_size=1, max_size=300))
def test_any_bytes_are_read_or_refused_with_a_sentence(tmp_path, content):
    path = written(tmp_path, content)
    try:
        table, _ = load_table(path, reference(path))
        for name, column in table.columns.items():
            settle(name, column)
    except RefusedFile as refusal:
        assert refusal.message.startswith("Expected ")  # noqa: PT017  not every noise is refused


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1))
def test_numbers_keep_every_digit(numbers):
    import pyarrow as pa

    made = settle("x", pa.chunked_array([pa.array([repr(number) for number in numbers])]))

    np.testing.assert_array_equal(made.values.to_numpy(float), numbers)


def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [30, 41, 28],
            "pay": [1.5, np.nan, 2.5],
            "city": ["x", None, "z"],
            "is_new": [True, False, True],
            "when": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
        }
    )


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx", ".csv"])
def test_typed_tables_agree_with_csv(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    frame = people()
    writers = {".parquet": frame.to_parquet, ".xlsx": frame.to_excel, ".csv": frame.to_csv}
    writers[suffix](path, index=False)

    _, settled, _ = opened(path)

    kinds = {name: made.kind for name, made in settled.items()}
    assert kinds == {
        "age": "integer", "pay": "number", "city": "category", "is_new": "boolean", "when": "time",
    }  # fmt: skip
    assert settled["pay"].n_missing == settled["city"].n_missing == 1
    assert settled["age"].values.tolist() == [30, 41, 28]


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx", ".npz", ".zip"])
def test_a_cut_table_is_refused(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    if suffix == ".npz":
        np.savez(path, images=np.zeros((5, 8, 8)), label=np.arange(5))
    elif suffix == ".zip":
        save_zip(path, ["a/1.png", "b/2.png"])
    else:
        getattr(people(), {".parquet": "to_parquet", ".xlsx": "to_excel"}[suffix])(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    with pytest.raises(RefusedFile, match=r"^Expected "):
        opened(path)


def test_a_renamed_table_is_opened_as_what_it_is(tmp_path):
    path = tmp_path / "t.csv"
    people().to_parquet(path)

    assert opened(path)[0] == "Parquet"


def test_a_model_for_a_table_is_refused(tmp_path):
    path = written(tmp_path, b"\x80\x04N.", name="t.csv")

    with pytest.raises(RefusedFile, match="which is pickle"):
        opened(path)


def save_zip(path, names, *, labels=None):
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, png())
        if labels is not None:
            archive.writestr("labels.csv", labels)


def test_folders_are_classes(tmp_path):
    path = tmp_path / "t.zip"
    save_zip(path, ["dog/2.png", "cat/1.png", "__MACOSX/cat/1.png"])

    table, _ = load_table(path, reference(path))

    assert table.images.shape == (2, 8, 8, 1)
    assert table.columns["label"].to_pylist() == ["cat", "dog"]


def test_a_labels_file_names_the_classes(tmp_path):
    path = tmp_path / "t.zip"
    save_zip(path, ["p/2.png", "p/1.png"], labels="file,kind\n2.png,dog\n1.png,cat\n")

    table, _ = load_table(path, reference(path))

    assert table.columns["kind"].to_pylist() == ["cat", "dog"]


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        (np.zeros((4, 8, 8), np.uint8), (4, 8, 8, 1)),
        (np.full((4, 8, 8, 3), 255, np.uint8), (4, 8, 8, 3)),
        (np.ones((4, 3, 8, 9), np.float32), (4, 8, 9, 3)),
        (np.full((4, 64), 16.0), (4, 8, 8, 1)),
    ],
)
def test_pictures_come_in_one_form(tmp_path, images, shape):
    np.savez(tmp_path / "t.npz", images=images, y=np.arange(4))

    table, _ = load_table(tmp_path / "t.npz", reference(tmp_path / "t.npz"))

    assert table.images.shape == shape
    assert table.images.dtype == np.float32
    assert 0 <= table.images.min() <= table.images.max() <= 1
    assert table.columns["label"].to_pylist() == [0, 1, 2, 3]


def test_pictures_that_were_normalised_are_refused(tmp_path):
    np.savez(tmp_path / "t.npz", images=np.random.default_rng(0).normal(size=(4, 8, 8)))

    with pytest.raises(RefusedFile, match="brightness"):
        load_table(tmp_path / "t.npz", reference(tmp_path / "t.npz"))


def test_missing_words_are_those_of_pandas():
    from pandas._libs.parsers import STR_NA_VALUES

    assert set(MISSING_WORDS) == STR_NA_VALUES | {"?"}
