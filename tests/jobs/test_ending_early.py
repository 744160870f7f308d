"""A long attack told to end early leaves what it found, marked, and its question open."""

import time

import pytest
import torch

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.core.job import Done, Limits, Running
from analyzers.inspection import InspectionParams, propose_subject
from tests.jobs.uploads import Looping, leftovers, program_files

pytestmark = [pytest.mark.sandbox]
LOOK = InspectionParams(target="outcome")
LONG = AdversarialParams(rows=40, queries=50_000)


class SlowPlane(torch.nn.Module):
    """Two classes split by a plane, after a few milliseconds of work for each call."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = x.sum()
        for _ in range(6000):
            total = total * 0.5
        margin = x[:, 0] + x[:, 1] + total * 0
        return torch.stack([-margin, margin], dim=1)


@pytest.fixture
def subject(runner, store):
    files = program_files(store, SlowPlane())
    looked = runner.inspect(files, LOOK)
    assert runner.wait(looked, timeout=60).state == "done", runner.state(looked)
    return propose_subject(runner.result(looked), files, name="A slow plane")


def until_it_offers(runner, job_id: str) -> Running:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        state = runner.state(job_id)
        if isinstance(state, Running) and state.progress.so_far is not None:
            return state
        assert state.state in ("queued", "running"), state
        time.sleep(0.05)
    raise AssertionError("no result was offered within a minute")


def test_an_attack_ended_early_keeps_what_it_found(runner, store, subject):
    job_id = runner.submit(ANALYZER, subject, LONG)
    offered = until_it_offers(runner, job_id)
    assert "flipped" in offered.progress.so_far

    assert runner.end_early(job_id)
    state = runner.wait(job_id, timeout=60)

    assert state == Done(is_cut_short=True), state
    result = runner.result(job_id)
    assert "of 40 rows were attacked" in result.measurements.cut_short
    assert result.measurements.cut_short in result.provenance.sampling
    assert result.measurements.tables["rows"].num_rows > 0
    assert leftovers(store) == []


def test_the_question_of_a_cut_answer_stays_open(runner, store, subject):
    job_id = runner.submit(ANALYZER, subject, LONG)
    until_it_offers(runner, job_id)
    assert runner.end_early(job_id)
    assert runner.wait(job_id, timeout=60).state == "done"

    assert runner.submit(ANALYZER, subject, LONG) == job_id

    assert runner.state(job_id).state in ("queued", "running")
    runner.cancel(job_id)
    assert runner.wait(job_id, timeout=60).state == "cancelled"


def test_a_full_answer_takes_the_place_of_a_cut_one(store, runner, subject):
    params = AdversarialParams(rows=40, queries=3000)
    job_id = runner.submit(ANALYZER, subject, params)
    until_it_offers(runner, job_id)
    assert runner.end_early(job_id)
    assert runner.wait(job_id, timeout=60) == Done(is_cut_short=True)

    runner.submit(ANALYZER, subject, params)

    assert runner.wait(job_id, timeout=60) == Done()
    assert runner.result(job_id).measurements.cut_short == ""


def test_an_attack_that_runs_out_of_time_keeps_what_it_found(runner, subject, monkeypatch):
    # As if most of the time had passed when the first result is offered.
    monkeypatch.setattr("analyzers.jobs.watching.END_AT_SHARE_OF_TIME", 0.0)
    job_id = runner.submit(ANALYZER, subject, LONG, limits=Limits(wall_seconds=500))

    state = runner.wait(job_id, timeout=120)

    assert state == Done(is_cut_short=True), state
    assert runner.result(job_id).measurements.cut_short


def test_work_that_offers_nothing_cannot_be_ended_early(runner, store):
    job_id = runner.inspect(program_files(store, Looping()), LOOK)

    assert not runner.end_early(job_id)

    runner.cancel(job_id)
    assert runner.wait(job_id, timeout=60).state == "cancelled"
    assert not runner.end_early(job_id)
