"""Small uploads: a good model, and TorchScript programs that misbehave when they predict."""

import io
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import skops.io
import torch
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from analyzers.core.subject import FileRef, Files, Subject
from analyzers.inspection import InspectionParams, propose_subject
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from tests.benches import credit_frame


class Looping(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = x.sum()
        while bool(total == total):
            total = total * 0.5
        return x


class Hoarding(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = [torch.ones(1)]
        while len(kept) < 100000:
            kept.append(torch.ones(4_000_000) + x.sum())
        return x + kept[len(kept) // 2][0]


class Printing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = x.sum()
        while bool(total == total):
            print("a line that a model prints again and again without end", x)  # noqa: T201
        return x


class Halves(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[:, 0] * 0 + 0.5, x[:, 0] * 0 + 0.5], dim=1)


def script(module: torch.nn.Module) -> bytes:
    buffer = io.BytesIO()
    # `torch.jit.script` says it is deprecated; the files it makes are still what people upload.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(module.eval()), buffer)
    return buffer.getvalue()


def numeric_csv(n_rows: int = 40) -> bytes:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=n_rows), rng.normal(size=n_rows)
    lines = [f"{x:.4f},{z:.4f},{int(x + z > 0)}" for x, z in zip(a, b, strict=True)]
    return "\n".join(["a,b,outcome", *lines]).encode()


def program_files(store: Store, module: torch.nn.Module) -> Files:
    return Files(
        data=store.add_file(numeric_csv(), "data.csv"),
        model=store.add_file(script(module), "model.pt"),
    )


@cache
def credit_model() -> bytes:
    frame = credit_frame(600, 1)
    features = ["income", "age", "sex", "region"]
    estimator = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["sex", "region"]), remainder="passthrough"
        ),
        LogisticRegression(max_iter=1000),
    ).fit(frame[features], frame["granted"])
    return skops.io.dumps(estimator)


def credit_files(store: Store, *, n_rows: int = 200, training: bool = False) -> Files:
    def table(seed: int, n: int) -> bytes:
        return credit_frame(n, seed).to_csv(index=False).encode()

    def keep(content: bytes, name: str) -> FileRef:
        return store.add_file(content, name)

    return Files(
        data=keep(table(0, n_rows), "credit.csv"),
        model=keep(credit_model(), "model.skops"),
        training_data=keep(table(1, 300), "training.csv") if training else None,
    )


def credit_subject(runner: Runner, store: Store, **choices: object) -> Subject:
    files = credit_files(store, **choices)  # type: ignore[arg-type]
    params = InspectionParams(target="granted", positive_class="yes", sensitive=("sex", "age"))
    job_id = runner.inspect(files, params)
    state = runner.wait(job_id, timeout=60)
    assert state.state == "done", state
    subject = propose_subject(runner.result(job_id), files, name="credit")
    store.save_subject(subject)
    return subject


def leftovers(store: Store) -> list[Path]:
    return list((store.folder / "work").iterdir())
