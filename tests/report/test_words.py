"""Numbers and limits in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.core.finding import Finding, Threshold, Verdict, judge_estimate
from analyzers.core.result import Estimate
from analyzers.core.subject import Trust
from analyzers.report.words import (
    NO_LIMIT,
    TRUST,
    VERDICTS,
    estimate_words,
    limit_words,
    number,
    plural,
    words_for,
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "not measured"), (0.0, "0"), (1.0, "1"), (0.64211, "0.642"), (-0.5, "-0.500"),
        (123.4, "123"), (999.6, "1,000"), (99.94, "99.9"), (99.96, "100"), (0.99996, "1.00"),
        (1234.56, "1,235"), (12.345, "12.3"), (4.14e-6, "4.1e-06"), (1e6, "1,000,000"),
    ],
)  # fmt: skip
def test_numbers(value, words):
    assert number(value) == words


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_is_within_a_percent_of_the_number(value):
    written = float(number(value).replace(",", ""))

    assert written == pytest.approx(value, rel=0.05)
    if abs(value) >= 0.0005:
        assert written == pytest.approx(value, rel=0.006)


@pytest.mark.parametrize(
    ("direction", "warn", "fail", "n_min", "words"),
    [
        ("at_least", 0.9, 0.8, 1, "at least 0.9; fails below 0.8"),
        ("at_most", 0.1, 0.2, 30, "at most 0.1; fails above 0.2; needs 30 rows"),
        ("at_least", 0.8, 0.8, 1, "at least 0.8; fails below it"),
        ("at_most", 0.1, None, 1, "at most 0.1; nothing fails"),
        ("at_least", None, 0.5, 1, "at least 0.5, fails below it"),
        ("at_least", None, None, 50, "none set"),
    ],
)
def test_limits(direction, warn, fail, n_min, words):
    limit = Threshold(indicator="a.b", direction=direction, warn=warn, fail=fail, n_min=n_min)

    assert limit_words(limit) == words


def test_no_limit_and_no_number_are_said():
    assert limit_words(None) == "none set"
    assert estimate_words(Estimate.unmeasured("No rows.")) == "not measured"
    assert estimate_words(Estimate(value=0.5, n=3)) == "0.500"


def test_every_verdict_and_every_level_of_trust_has_words():
    assert set(VERDICTS) == set(Verdict)
    assert len({words.sign for words in VERDICTS.values()}) == len(Verdict)
    assert set(TRUST) == set(Trust)


def test_counts():
    assert plural(1, "row") == "1 row"
    assert plural(1200, "row") == "1,200 rows"
    assert plural(0, "index", "indices") == "0 indices"


def test_measured_without_a_limit_is_told_apart_from_unclear():
    estimate = Estimate(value=0.5, low=0.4, high=0.6, n=20)
    limit = Threshold(
        indicator="a.b", direction="at_least", warn=0.4, n_min=30, status="paper",
        source="s", holds="h", as_of="2026-01-01",
    )  # fmt: skip

    def finding(threshold):
        verdict, reason = judge_estimate(estimate, threshold)
        return Finding(
            code="a.b", area="a", indicator="a.b", headline="h", estimate=estimate,
            verdict=verdict, threshold=threshold, reason=reason, remedy="r", reference="r",
        )  # fmt: skip

    assert words_for(finding(None)) == NO_LIMIT
    assert words_for(finding(limit)) == VERDICTS[Verdict.INCONCLUSIVE]
    assert words_for(finding(limit.model_copy(update={"n_min": 5}))) == VERDICTS[Verdict.PASS]
