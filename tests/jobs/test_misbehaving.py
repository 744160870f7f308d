"""Uploaded models that misbehave when they predict: each ends in a state that says which."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from analyzers.core.job import Failed, Limits
from analyzers.core.subject import Files
from analyzers.inspection import InspectionParams, notes_of
from analyzers.jobs.store import Store
from tests.jobs.uploads import Halves, leftovers, numeric_csv, program_files

pytestmark = [pytest.mark.sandbox]
LOOK = InspectionParams(target="outcome")
LIMITS = Limits(wall_seconds=20, cpu_seconds=20, memory_bytes=800 * 2**20)


class NotANumber(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[:, 0] * float("nan"), x[:, 0]], dim=1)


class Infinite(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[:, 0] * 0 + float("inf"), x[:, 0]], dim=1)


class TooManyClasses(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros(x.size(0), 7)


class TooFewRows(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros(1, 2)


class NoRows(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros(3, 4, 5, 6)


class Complex(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.complex(x, x)


class Raising(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.size(0) > 0:
            raise RuntimeError("no answer today")
        return x


class MinuteARow(torch.nn.Module):
    """Takes about a minute of work for each row, in one long call after another."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = x.sum()
        for _ in range(x.size(0)):
            for _ in range(3_000_000_000):
                total = total * 0.5
        return torch.stack([total * x[:, 0], x[:, 0]], dim=1)


class OneTerabyte(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ones([x.size(0) * 1_000_000, 10_000])


class Changing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[:, 0], x[:, 1] + torch.rand(x.size(0))], dim=1)


class Booleans(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        yes = x[:, 0] > 0
        return torch.stack([yes == False, yes], dim=1)  # noqa: E712  TorchScript has no `~` here


@pytest.mark.parametrize(
    ("module", "kinds", "words"),
    [
        (NotANumber(), ("model",), "NaN or infinity"),
        (Infinite(), ("model",), "NaN or infinity"),
        (TooManyClasses(), ("refused", "model", "unsuitable"), "7"),
        (TooFewRows(), ("model",), "predictions, got 1"),
        (NoRows(), ("model",), "predictions, got 3"),
        (Complex(), ("model",), "complex"),
        (Raising(), ("model",), "no answer today"),
        (MinuteARow(), ("timeout",), "3 seconds"),
        (OneTerabyte(), ("memory",), "more memory"),
    ],
    ids=lambda item: type(item).__name__ if isinstance(item, torch.nn.Module) else "",
)
def test_a_program_that_misbehaves_ends_in_a_state_that_says_which(
    runner, store, module, kinds, words
):
    limits = Limits(wall_seconds=3) if isinstance(module, MinuteARow) else LIMITS
    job_id = runner.inspect(program_files(store, module), LOOK, limits=limits)

    state = runner.wait(job_id, timeout=60)

    assert isinstance(state, Failed), state
    assert state.kind in kinds, state
    assert words in state.message, state
    assert "Traceback" not in state.message
    assert leftovers(store) == []
    good = runner.inspect(program_files(store, Halves()), LOOK)
    assert runner.wait(good, timeout=60).state == "done"


def test_different_answers_each_time_are_said(runner, store):
    job_id = runner.inspect(program_files(store, Changing()), LOOK)

    assert runner.wait(job_id, timeout=60).state == "done", runner.state(job_id)
    assert any("different answers" in note for note in notes_of(runner.result(job_id)))


def test_answers_of_another_dtype_are_read_as_numbers(runner, store):
    job_id = runner.inspect(program_files(store, Booleans()), LOOK)

    assert runner.wait(job_id, timeout=60).state == "done", runner.state(job_id)


def graph_files(store: Store, node: onnx.NodeProto, kind: int, shape: list[int | None]) -> Files:
    graph = helper.make_graph(
        [node], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", kind, shape)],
        [helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return Files(
        data=store.add_file(numeric_csv(), "data.csv"),
        model=store.add_file(model.SerializeToString(), "model.onnx"),
    )


@pytest.mark.parametrize(
    ("node", "kind", "shape", "words"),
    [
        (helper.make_node("Div", ["x", "zero"], ["y"]), TensorProto.FLOAT, [None, 2], "infinity"),
        (helper.make_node("ReduceSum", ["x"], ["y"]), TensorProto.FLOAT, [1, 1], "got 1"),
    ],
    ids=["infinities", "one answer for all rows"],
)
def test_a_graph_that_misbehaves_ends_in_a_sentence(runner, store, node, kind, shape, words):
    job_id = runner.inspect(graph_files(store, node, kind, shape), LOOK, limits=LIMITS)

    state = runner.wait(job_id, timeout=60)

    assert isinstance(state, Failed), state
    assert state.kind == "model", state
    assert words in state.message, state


def test_a_pickled_model_with_missing_numbers_says_so(runner, store):
    import io

    import joblib
    from sklearn.linear_model import LogisticRegression

    made = LogisticRegression().fit(np.array([[0.0, 1.0], [1.0, 0.0]]), [0, 1])
    made.coef_[:] = np.nan
    buffer = io.BytesIO()
    joblib.dump(made, buffer)
    files = Files(
        data=store.add_file(numeric_csv(), "data.csv"),
        model=store.add_file(buffer.getvalue(), "model.joblib"),
    )

    state = runner.wait(runner.inspect(files, LOOK, limits=LIMITS), timeout=60)

    assert isinstance(state, Failed), state
    assert (state.kind, "NaN" in state.message) == ("model", True), state
