import pytest

from analyzers.core.errors import PolicyError
from analyzers.core.finding import Verdict, judge_estimate
from analyzers.core.result import Estimate
from analyzers.policies import load_policy, policy_names

HEAD = 'name = "mine"\nversion = "1"\ntitle = "Mine"\nas_of = "2026-11-01"\n'


def limit(**changes: object) -> str:
    values = {
        "indicator": "fairness.demographic_parity_ratio",
        "direction": "at_least",
        "warn": 0.9,
        "fail": 0.8,
        "status": "organisation",
        "source": "the board",
        "as_of": "2026-11-01",
    } | changes
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in values.items()]
    return "\n[[threshold]]\n" + "\n".join(lines)


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_default_pack_comes_first_and_every_pack_is_valid():
    assert policy_names()[0] == "conventions"
    for name in policy_names():
        assert load_policy(name).name == name


def test_every_limit_of_the_default_pack_says_where_it_holds_since_when_and_what_it_is_worth():
    for threshold in load_policy("conventions").thresholds:
        assert "." in threshold.indicator
        assert threshold.source
        assert threshold.holds, threshold.indicator
        assert threshold.as_of.startswith("20")
        assert threshold.status != "none" or threshold.warn is None


def test_the_four_fifths_rule_is_called_a_convention_and_not_law():
    threshold = load_policy("conventions").threshold("fairness.demographic_parity_ratio")

    assert threshold is not None
    assert threshold.fail == 0.8
    assert threshold.status == "industry convention"
    assert "rescission" in threshold.holds


def test_the_blank_pack_measures_and_never_judges():
    policy = load_policy("organisation_blank")

    assert policy.thresholds == ()
    verdict, reason = judge_estimate(Estimate(value=0.5, n=100), policy.threshold("a.b"))
    assert verdict == Verdict.INCONCLUSIVE
    assert "no limit" in reason


def test_a_pack_of_ones_own_is_read_from_a_file(tmp_path):
    policy = load_policy(written(tmp_path, HEAD + limit()))

    threshold = policy.threshold("fairness.demographic_parity_ratio")
    assert threshold is not None
    assert threshold.warn == 0.9
    assert policy.digest != load_policy("conventions").digest


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name = ", "in TOML"),
        (HEAD + "colour = 3\n", "colour"),
        (HEAD + limit(direction="up"), "direction"),
        (HEAD + limit(warn="high"), "warn"),
        (HEAD + limit(status="truth"), "status"),
        (HEAD + limit() + limit(), "one limit for each indicator"),
        (HEAD + limit(warn=0.7), "before the failing one"),
        (HEAD + limit(source=""), "source and date"),
        ('name = "mine"\n', "version"),
    ],
)
def test_a_broken_pack_is_refused_with_a_sentence(tmp_path, text, sentence):
    with pytest.raises(PolicyError, match=sentence) as caught:
        load_policy(written(tmp_path, text))

    assert caught.value.remedy


def test_an_unknown_name_is_answered_with_those_that_exist(tmp_path):
    with pytest.raises(PolicyError, match="conventions"):
        load_policy("eu")
    with pytest.raises(PolicyError, match=r"path of a \.toml file"):
        load_policy(tmp_path)


def test_a_file_that_is_no_text_or_far_too_large_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyError, match="UTF-8"):
        load_policy(path)

    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(PolicyError, match="1,000,000 bytes"):
        load_policy(path)
