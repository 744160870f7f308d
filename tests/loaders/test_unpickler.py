"""The allow-list unpickler: what it may rebuild it rebuilds exactly; noise never gets through."""

import pickle

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.utils import all_estimators

from analyzers.core.errors import RefusedFile
from analyzers.loaders import allowed_objects
from analyzers.loaders.pickle_model import read_pickle
from tests.loaders.models import fitted

quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@quick
@given(content=st.binary(max_size=200), protocol=st.integers(2, 5))
def test_noise_is_refused_and_never_runs(tmp_path, content, protocol):
    path = tmp_path / "m.pkl"
    path.write_bytes(b"\x80" + bytes([protocol]) + content)

    try:
        read_pickle(path)
    except RefusedFile as refusal:
        assert refusal.message.startswith("Expected ")  # noqa: PT017  not every noise is refused


@quick
@given(data=st.data())
def test_a_model_with_some_bytes_changed_opens_or_is_refused(tmp_path, data):
    content = bytearray(MODEL)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "m.pkl"
    path.write_bytes(bytes(content))

    try:
        read_pickle(path)
    except RefusedFile as refusal:
        assert refusal.message.startswith("Expected ")  # noqa: PT017  not every noise is refused


@quick
@given(
    array=hnp.arrays(
        dtype=st.one_of(
            hnp.integer_dtypes(), hnp.floating_dtypes(sizes=(32, 64)), hnp.boolean_dtypes(),
            hnp.unicode_string_dtypes(max_len=5), hnp.byte_string_dtypes(max_len=5),
            hnp.datetime64_dtypes(), hnp.complex_number_dtypes(),
        ),
        shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    how=st.sampled_from([2, 3, 4, 5, "joblib", "gzip"]),
    is_turned=st.booleans(),
)  # fmt: skip
def test_arrays_come_back_as_they_were(tmp_path, array, how, is_turned):
    array = np.asfortranarray(array) if is_turned else array
    path = tmp_path / "m.pkl"
    if isinstance(how, int):
        path.write_bytes(pickle.dumps(array, how))
    else:
        joblib.dump(array, path, compress=0 if how == "joblib" else ("gzip", 3))

    found, _ = read_pickle(path)

    # numpy itself brings bytes into the machine's order when it unpickles.
    assert found.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, array)


@quick
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
        | st.binary(),
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner)
        | st.frozensets(st.text()) | st.sets(st.integers()),
        max_leaves=10,
    ),
    st.integers(0, 5),
)  # fmt: skip
def test_plain_values_come_back_as_they_were(tmp_path, value, protocol):
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(value, protocol))

    assert read_pickle(path)[0] == value


def test_structured_arrays_of_trees_come_back(tmp_path):
    tree = fitted("tree")[-1].tree_
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(tree))

    found, _ = read_pickle(path)

    np.testing.assert_array_equal(found.__getstate__()["nodes"], tree.__getstate__()["nodes"])


def test_the_shared_dtypes_of_numpy_stay_untouched(tmp_path):
    before = {code: np.dtype(code).__reduce__() for code in ("f8", "i8", "O", "?")}
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps([np.zeros(2, ">f8"), np.array([1], ">i4")]))

    read_pickle(path)

    assert {code: np.dtype(code).__reduce__() for code in before} == before


@pytest.mark.parametrize(
    "name",
    [
        ("os", "system"), ("builtins", "getattr"), ("builtins", "eval"), ("builtins", "type"),
        ("scipy.stats", "norm"), ("sklearn.base", "os.system"), ("joblib.memory", "Memory"),
        ("numpy.testing._private.utils", "runstring"), ("operator", "attrgetter"),
        ("sklearn.datasets", "fetch_openml"), ("skops.io", "dump"), ("sklearn", "_pipeline"),
        ("sklearn.utils._testing", "raises"), ("functools", "reduce"), ("types", "CodeType"),
    ],
)  # fmt: skip
def test_names_outside_the_table_are_unknown(name):
    from analyzers.loaders.construction import resolve

    with pytest.raises(KeyError):
        resolve(*name)


def test_every_public_estimator_is_in_the_table_and_every_name_exists():
    public = {(cls.__module__, cls.__name__) for _, cls in all_estimators()}

    assert public - allowed_objects.CLASS_NAMES == set()
    installed = [
        pair for pair in allowed_objects.CLASS_NAMES if allowed_objects.allowed_object(*pair)
    ]
    assert len(installed) == len(allowed_objects.CLASS_NAMES)


MODEL = pickle.dumps(fitted("linear"), 4)
