import numpy as np

from analyzers.core.finding import Verdict
from analyzers.fairness import ANALYZER, FairnessParams
from analyzers.fairness.definitions import DEFINITIONS, definition_of
from analyzers.policies import load_policy
from tests.benches import credit_bench
from tests.fairness.benches import number_bench

PARAMS = FairnessParams(draws=200)
CONVENTIONS = load_policy("conventions")


def metrics_of(result):
    return {
        metric
        for table in ("groups", "disparities")
        for metric in result.tables[table]["metric"].to_pylist()
    }


def test_every_number_in_the_tables_is_explained_and_nothing_else_is():
    rng = np.random.default_rng(0)
    numbers = number_bench({"sex": rng.choice(["f", "m"], 200)}, rng.random(200), rng.random(200))
    found = metrics_of(ANALYZER.measure(credit_bench(200), PARAMS))
    found |= metrics_of(ANALYZER.measure(numbers, PARAMS))

    explained = {definition_of(metric) for metric in found}

    assert explained == set(DEFINITIONS)
    for item in DEFINITIONS:
        assert item.right_when.endswith(".")
        assert item.misleads_when.endswith(".")


def test_a_ratio_that_is_a_rate_of_its_own_is_not_taken_for_a_disparity():
    assert definition_of("treatment_ratio").title == "Treatment ratio"
    assert definition_of("roc_auc_difference").title == "Area under the ROC curve"


def test_findings_come_severest_first_and_do_not_repeat_a_group_before_all_had_their_turn():
    findings = ANALYZER.judge(ANALYZER.measure(credit_bench(600), PARAMS), CONVENTIONS)

    rank = [Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.PASS, Verdict.NOT_TESTED]
    places = [rank.index(finding.verdict) for finding in findings]
    assert places == sorted(places)
    for verdict in set(places):
        about = [
            finding.code.removeprefix(finding.indicator)
            for finding in findings
            if rank.index(finding.verdict) == verdict
        ]
        first_round = about[: len(set(about))]
        assert len(set(first_round)) == len(first_round)


def test_a_finding_says_what_was_computed_and_when_it_misleads():
    findings = ANALYZER.judge(ANALYZER.measure(credit_bench(200), PARAMS), CONVENTIONS)
    found = next(f for f in findings if f.indicator == "fairness.equal_opportunity_difference")

    assert "true positive rate" in found.reference
    assert "misleads when" in found.reference
    assert "Hardt" in found.reference


def test_a_chart_of_a_rate_carries_its_definition():
    charts = ANALYZER.draw(ANALYZER.measure(credit_bench(200), PARAMS))
    chart = next(chart for chart in charts if chart.name == "groups_selection_rate")

    assert "divided by all rows of the group" in chart.caption
