"""One declaration drives form, flags and checks."""

from typing import Literal

import pytest

from analyzers.core.errors import InvalidParameter
from analyzers.core.params import Params, check_params, column_choice, parameter, parameters_of
from analyzers.explanation.params import ExplanationParams


class Knobs(Params):
    """Parameters of every kind."""

    size: int = parameter(30, label="Size", help="How many.", minimum=1, maximum=100)
    rate: float = parameter(0.5, label="Rate", help="Share.", minimum=0.0, maximum=1.0)
    method: Literal["fast", "exact"] = parameter("fast", label="Method", help="Which.")
    is_deep: bool = parameter(False, label="Deep", help="Also deep.")
    groups: tuple[str, ...] = column_choice(label="Groups", help="Columns.", among="sensitive")


def test_kinds_bounds_and_choices_come_from_the_declaration():
    described = {item.name: item for item in parameters_of(Knobs)}

    assert [item.kind for item in described.values()] == [
        "integer", "number", "choice", "flag", "columns",
    ]  # fmt: skip
    assert (described["size"].minimum, described["size"].maximum) == (1, 100)
    assert described["method"].choices == ("fast", "exact")
    assert described["groups"].among == "sensitive"


def test_values_from_a_form_become_parameters():
    built = check_params(Knobs, {"size": 3, "groups": ["sex", "年龄"]})

    assert built == Knobs(size=3, groups=("sex", "年龄"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"size": 0}, "'size'"),
        ({"size": "many"}, "'size'"),
        ({"method": "magic"}, "'method'"),
        ({"rate": float("nan")}, "'rate'"),
        ({"unknown": 1}, "'unknown'"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(values, said):
    with pytest.raises(InvalidParameter, match=said):
        check_params(Knobs, values)


def test_a_number_out_of_bounds_is_told_the_bounds():
    with pytest.raises(InvalidParameter, match=r"'Size' \('size'\) to be from 1 to 100, got 101\."):
        check_params(Knobs, {"size": 101})


def test_a_class_and_a_number_left_open_are_declared():
    declared = {item.name: item for item in parameters_of(ExplanationParams)}

    assert (declared["output_class"].kind, declared["row"].kind) == ("class", "integer")
    assert declared["row"].default is None
    assert check_params(ExplanationParams, {"row": None}).row is None
    assert check_params(ExplanationParams, {"row": 3}).row == 3
    with pytest.raises(InvalidParameter, match="from 0 to"):
        check_params(ExplanationParams, {"row": -1})
