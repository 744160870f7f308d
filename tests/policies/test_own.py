import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.core.errors import PolicyError
from analyzers.core.finding import Threshold, Verdict, judge_estimate
from analyzers.core.policy import Policy
from analyzers.core.result import Estimate
from analyzers.policies import load_policy, policy_from_toml, policy_to_toml
from analyzers.policies.own import Limit, own_policy

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def policies(draw):
    names = draw(st.lists(words.filter(bool), max_size=4, unique=True))
    limits = [
        Threshold(
            indicator=name,
            direction=draw(st.sampled_from(["at_least", "at_most"])),
            fail=draw(numbers),
            n_min=draw(st.integers(0, 2**40)),
            status="organisation",
            source=draw(words.filter(bool)),
            holds=draw(words),
            as_of="2026-11-23",
        )
        for name in names
    ]
    return Policy(
        name=draw(words), version=draw(words), title=draw(words), as_of=draw(words),
        thresholds=tuple(limits),
    )  # fmt: skip


@given(policies())
def test_a_pack_written_and_read_again_is_the_same_pack(policy):
    assert policy_from_toml(policy_to_toml(policy)) == policy


@pytest.mark.parametrize("name", ["conventions", "organisation_blank"])
def test_the_shipped_packs_survive_the_round_trip(name):
    assert policy_from_toml(policy_to_toml(load_policy(name))) == load_policy(name)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 10_000, "a = ", "\x00"])
def test_text_that_is_no_policy_is_a_sentence(text):
    with pytest.raises(PolicyError, match="Expected a"):
        policy_from_toml(text)


def typed(policy):
    return [
        Limit(item.indicator, item.direction, item.warn, item.fail, item.n_min)
        for item in policy.thresholds
    ]


def made(limits, *, decided="Risk committee"):
    base = load_policy("conventions")
    return own_policy(base, limits, title="Ours", decided=decided, as_of="2026-11-23")


def test_a_limit_left_as_it_is_keeps_its_source_and_needs_nobody_to_decide():
    base = load_policy("conventions")

    assert made(typed(base), decided="").thresholds == base.thresholds


def test_a_limit_of_ones_own_judges_and_says_who_decided():
    policy = made([Limit("adversarial.robust_accuracy", "at_least", 0.6, 0.4, 50)])

    (limit,) = policy.thresholds
    assert (limit.status, limit.source, limit.as_of) == (
        "organisation", "Risk committee", "2026-11-23",
    )  # fmt: skip
    low = Estimate(value=0.2, low=0.1, high=0.3, n=100)
    assert judge_estimate(low, limit).verdict == Verdict.FAIL


def test_a_row_without_a_number_sets_no_limit():
    assert made([Limit("privacy.advantage", None, None, None, 1)]).thresholds == ()


@pytest.mark.parametrize(
    ("limit", "decided", "said"),
    [
        (Limit("a.b", None, 0.1, None, 1), "us", "more or less"),
        (Limit("a.b", "at_most", float("inf"), None, 1), "us", "infinite"),
        (Limit("a.b", "at_most", 0.1, None, 1), "  ", "who decided"),
        (Limit("a.b", "at_most", 0.3, 0.1, 1), "us", "warning limit"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_in_a_sentence(limit, decided, said):
    with pytest.raises(PolicyError, match=said):
        made([limit], decided=decided)
