"""Plain data: frozen, strict, finite, and the same digest for the same content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from analyzers.core.job import JOB_STATE, Failed, Job, Limits, Progress, Running
from analyzers.core.result import Estimate
from analyzers.core.value import digest_of

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=4), JSON_VALUES, min_size=2))
def test_digest_ignores_key_order(value):
    assert digest_of(dict(reversed(value.items()))) == digest_of(value)


def test_digest_is_the_published_one():
    assert digest_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(ValidationError):
        Estimate(value=number, n=1)


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError):
        Progress.model_validate_json('{"what": "x", "extra": 1}')


def test_values_cannot_be_changed():
    limits = Limits()
    with pytest.raises(ValidationError):
        limits.wall_seconds = 1.0


def test_any_part_of_the_question_changes_the_job_id():
    job = Job(analyzer="fairness", version=1, subject="0" * 64, params={"a": 1})
    others = [
        job.model_copy(update={"version": 2}),
        job.model_copy(update={"seed": 1}),
        job.model_copy(update={"params": {"a": 2}}),
        job.model_copy(update={"subject": "1" * 64}),
        job.model_copy(update={"limits": Limits(threads=1)}),
    ]

    assert len({job.id, *(other.id for other in others)}) == 6


@pytest.mark.parametrize("state", [Running(), Failed(kind="memory", message="m")])
def test_states_survive_json(state):
    assert JOB_STATE.validate_json(JOB_STATE.dump_json(state)) == state


def test_time_left_is_a_proportion_of_time_spent():
    progress = Progress(done=25, total=100, elapsed_seconds=10.0)

    assert (progress.fraction, progress.seconds_left) == (0.25, 30.0)


def test_time_left_is_unknown_before_anything_is_done():
    assert Progress(total=100).seconds_left is None
