"""Guesses from names and values, in several languages, each with its reason."""

import pandas as pd
import pytest

from analyzers.loaders.guesses import (
    guess_id,
    guess_immutable,
    guess_positive,
    guess_sensitive,
    guess_target,
    guess_task,
    guess_time,
    words_of,
)


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("sex", "sex"), ("Gender", "sex"), ("Geschlecht", "sex"), ("applicant_sex", "sex"),
        ("性别", "sex"), ("客户性别", "sex"), ("sexo", "sex"),
        ("age", "age"), ("Age_Group", "age"), ("Alter", "age"), ("年龄", "age"), ("edad", "age"),
        ("race", "race or ethnic origin"), ("Ethnicity", "race or ethnic origin"),
        ("民族", "race or ethnic origin"),
        ("nationality", "nationality"), ("native-country", "nationality"),
        ("ForeignWorker", "nationality"), ("Staatsangehörigkeit", "nationality"),
        ("religion", "religion"), ("Konfession", "religion"), ("宗教", "religion"),
        ("disability", "disability"), ("Behinderung", "disability"),
        ("marital_status", "marital or family status"),
        ("Familienstand", "marital or family status"),
    ],
)  # fmt: skip
def test_protected_attributes_are_recognised(name, attribute):
    guess = guess_sensitive(name)

    assert guess.value == attribute
    assert attribute in guess.reason


@pytest.mark.parametrize(
    "name",
    ["income", "usage", "package", "wage", "mileage", "sextant", "country", "white_balance",
     "credit_amount", "trace", "percentage", "message", "x1", "收入"],
)  # fmt: skip
def test_names_that_only_look_alike_are_not(name):
    assert guess_sensitive(name).value == ""


def test_what_a_person_cannot_change():
    assert guess_immutable("age").value == "age"
    assert guess_immutable("religion").value == ""


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("customer_id", [1, 2, 3], True), ("Id", ["a", "b", "c"], True),
        ("编号", [1, 2, 3], True), ("income", [1, 2, 3], False),
        ("grid", [1, 2, 3], False), ("Unnamed: 0", [0, 1, 2], True),
    ],
)  # fmt: skip
def test_ids(name, values, expected):
    kind = "integer" if isinstance(values[0], int) else "text"

    assert bool(guess_id(name, pd.Series(values), kind).value) is expected


def test_times():
    assert guess_time("x", "time").value == "time"
    assert guess_time("Datum", "text").value == "time"
    assert guess_time("x", "number").value == ""


def test_the_target_is_found_by_name_or_place():
    kinds = {"a": "number", "target": "integer", "b": "category", "age": "integer"}
    levels = {"a": 90, "target": 2, "b": 3, "age": 50}

    def guess(names, **said):
        return guess_target(names, kinds, n_levels=levels, is_classifier=said.get("is_classifier"))

    assert guess(["a", "target", "b"]).value == "target"
    assert guess(["a", "b"]).value == "b"
    assert guess(["a", "b"], is_classifier=False).value == "a"
    assert guess(["b", "age"]).value == "b"
    assert guess([]).value == ""


@pytest.mark.parametrize(
    ("values", "kind", "is_classifier", "task"),
    [
        ([0, 1, 0], "integer", None, "binary"),
        (["a", "b", "c"], "category", None, "multiclass"),
        ([0.5, 1.7, 2.9], "number", None, "regression"),
        (list(range(50)), "integer", None, "regression"),
        (list(range(50)), "integer", True, "multiclass"),
        ([0, 1, 0], "integer", False, "regression"),
    ],
)
def test_the_task_follows_the_model_and_the_values(values, kind, is_classifier, task):
    found, reason = guess_task(pd.Series(values), kind, is_classifier=is_classifier)

    assert found == task
    assert reason


@pytest.mark.parametrize(
    ("classes", "positive"),
    [(("no", "yes"), "yes"), (("yes", "no"), "yes"), (("0", "1"), "1"), (("bad", "good"), "good"),
     (("nein", "ja"), "ja"), (("a", "b", "c"), "")],
)  # fmt: skip
def test_the_positive_class_means_yes_or_is_the_second(classes, positive):
    assert guess_positive(classes).value == positive


def test_words_of_a_name():
    assert words_of("ForeignWorker_2") == ["foreign", "worker", "2"]
