"""An attack that is ended early keeps what it found, says so, and never passes a limit for it."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.blocks import Extent, attack_blocks, blocks_of
from analyzers.adversarial.judging import REACHED
from analyzers.adversarial.robustness import WITHIN
from analyzers.core.finding import Threshold, Verdict
from analyzers.core.policy import Policy
from analyzers.core.workbench import Workbench
from tests.adversarial.benches import digits_bench, plane_bench, reviews_bench, value_bench
from tests.benches import credit_bench

QUICK = {"budget": 3.0, "queries": 120, "examples": 3}


class Ending:
    """A tracker that ends the loops it may end, or only those named, after `steps` items."""

    def __init__(self, steps: int, only: str = "") -> None:
        self.only = only
        self.left, self.said, self.ended = steps, [], False

    def __call__(self, iterable, what, *, total=None, so_far=None) -> Iterator:
        items = list(iterable)
        for done, item in enumerate(items, start=1):
            yield item
            if so_far is None or (self.only and what != self.only):
                continue
            self.said.append(so_far())
            self.left -= 1
            if self.left <= 0 and done < len(items):
                self.ended = True
                return

    def was_ended(self) -> bool:
        return self.ended


def ended(bench: Workbench, steps: int, *, only: str = "") -> tuple[Workbench, Ending]:
    tracker = Ending(steps, only)
    return replace(bench, track=tracker, was_ended=tracker.was_ended), tracker


def at_least(value: float, indicator: str = "adversarial.robust_accuracy") -> Policy:
    return Policy(
        name="own", version="1", title="Own limits", as_of="2026-11-01",
        thresholds=(
            Threshold(
                indicator=indicator, direction="at_least", warn=value, fail=value,
                status="organisation",
                source="Our own rule.", holds="Here.", as_of="2026-11-01",
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("n_rows", [1, 20, 777, 5000])
@pytest.mark.parametrize("questions", [1, 600, 50_000, 10**7])
def test_blocks_cover_all_rows_once(n_rows, questions):
    blocks = blocks_of(n_rows, questions)

    assert np.concatenate([np.arange(n_rows)[block] for block in blocks]).tolist() == [
        *range(n_rows)
    ]


def test_a_whole_attack_is_not_cut_short():
    measured = ANALYZER.measure(plane_bench([1.0, 1.0]), AdversarialParams(rows=30, **QUICK))

    assert measured.cut_short == ""


def test_rows_never_begun_are_in_no_number():
    bench, tracker = ended(plane_bench([1.0, 1.0], n_rows=150), 4)
    params = AdversarialParams(rows=150, queries=50_000, budget=3.0)
    assert len(blocks_of(150, params.queries)) > 3

    measured = ANALYZER.measure(bench, params)

    n = measured.estimates["robust_accuracy"].n
    assert tracker.ended
    assert 0 < n < 150
    assert measured.tables["rows"].num_rows <= n
    assert f"{n:,} of 150 rows were attacked" in measured.cut_short
    assert measured.estimates["queries"].n <= n


def test_what_was_found_is_kept_and_still_obeys_the_model():
    full = ANALYZER.measure(plane_bench([1.0, 1.0]), AdversarialParams(rows=60, **QUICK))
    bench, _ = ended(plane_bench([1.0, 1.0]), 2)
    cut = ANALYZER.measure(bench, AdversarialParams(rows=60, **QUICK))

    flipped = [row for row in cut.tables["rows"].to_pylist() if row["size"] is not None]
    assert flipped
    assert all(row["after"] != row["before"] for row in flipped)
    assert cut.estimates["robust_accuracy"].value >= full.estimates["robust_accuracy"].value


def test_the_best_so_far_is_said_in_words():
    bench, tracker = ended(plane_bench([1.0, 1.0]), 10_000)
    ANALYZER.measure(bench, AdversarialParams(rows=60, **QUICK))

    assert "right answers flipped, the least by" in tracker.said[-1].words
    shares = [said.done / said.total for said in tracker.said]
    assert all(0 <= share <= 1 for share in shares)
    assert shares == sorted(shares)


def test_predicted_numbers_keep_what_was_moved():
    bench, _ = ended(value_bench([2.0, 1.0]), 3)

    measured = ANALYZER.measure(bench, AdversarialParams(rows=40, budget=1.0, queries=60))

    assert measured.cut_short
    assert measured.estimates["median_change"].value > 0


def test_an_attack_ended_early_passes_no_limit_and_may_fail_one():
    whole = ANALYZER.measure(plane_bench([0.01, 0.01]), AdversarialParams(rows=60, budget=0.01))
    cut = replace(whole, cut_short="30 of 60 rows were attacked.")
    passing, failing = at_least(0.0), at_least(1.0, "adversarial.attack_success_rate")

    def verdict(measured, policy, name):
        found = {item.indicator: item for item in ANALYZER.judge(measured, policy)}
        return found[f"adversarial.{name}"]

    assert verdict(whole, passing, "robust_accuracy").verdict == Verdict.PASS
    weaker = verdict(cut, passing, "robust_accuracy")
    assert weaker.verdict == Verdict.INCONCLUSIVE
    assert "ended early" in weaker.reason
    assert "ended early" in weaker.headline
    same = verdict(whole, failing, "attack_success_rate").verdict
    assert verdict(cut, failing, "attack_success_rate").verdict == same == Verdict.FAIL


def test_an_end_between_blocks_says_that_the_blocks_were_finished():
    seen = []

    def attack(block, track):
        seen.append(block)

    bench, _ = ended(plane_bench([1.0]), 2)
    extent = attack_blocks(bench, blocks_of(100, 10**6), attack, found=lambda: "nothing yet")

    assert extent == Extent(100, 40, 40)
    assert extent.note.startswith("40 of 100 rows were attacked. The numbers rest")


def test_pictures_never_begun_are_in_no_number_and_what_was_left_out_is_named():
    params = AdversarialParams(
        rows=60, epsilon=0.2, image_attack="AutoAttack (four attacks)", steps=5, pixels=1,
    )  # fmt: skip
    bench, tracker = ended(digits_bench(), 2)

    measured = ANALYZER.measure(bench, params)

    n = measured.estimates["robust_accuracy"].n
    assert tracker.ended
    assert 0 < n < 60
    assert f"{n} of 60 rows were attacked" in measured.cut_short
    assert "Left out: few pixels and patch, common damage." in measured.cut_short
    assert "corruptions" not in measured.tables
    assert all(line["n"] == n for line in measured.tables["attacks"].to_pylist())


def test_pictures_attacked_in_several_blocks_are_all_attacked(monkeypatch):
    params = AdversarialParams(rows=60, epsilon=0.2, steps=4, restarts=1, corruptions=False)
    whole = ANALYZER.measure(digits_bench(), params)
    monkeypatch.setattr("analyzers.adversarial.blocks.QUESTIONS_A_BLOCK", 1)

    parts = ANALYZER.measure(digits_bench(), params)

    assert parts.cut_short == ""
    lines = [measured.tables["attacks"].to_pylist()[0] for measured in (whole, parts)]
    assert lines[0]["n_tried"] == lines[1]["n_tried"]
    difference = lines[0]["robust_accuracy"] - lines[1]["robust_accuracy"]
    assert abs(difference) < 0.1  # other random starts, the same attack


def test_proofs_never_begun_are_in_no_number():
    params = AdversarialParams(rows=60, queries=60, knowledge="whole model", effort=200)
    whole = ANALYZER.measure(credit_bench(), params)
    bench, _ = ended(credit_bench(), 7, only="Proving the smallest change")

    measured = ANALYZER.measure(bench, params)

    tried = measured.tables["proof"].num_rows
    assert tried == 7 < whole.tables["proof"].num_rows
    assert f"Proofs were tried for {tried:,} of" in measured.cut_short
    proved, all_ = measured.estimates["proved_robust"], whole.estimates["proved_robust"]
    assert tried <= proved.n < all_.n
    # The rows that were tried are proved as they are in a whole run.
    lines = whole.tables["proof"].to_pylist()[:tried]
    n_proved = sum(
        line["no_smaller_than"] is None or line["no_smaller_than"] > params.budget * WITHIN
        for line in lines
    )
    assert round(proved.value * proved.n) == n_proved
    assert measured.tables["proof_curve"]["n"][0].as_py() == proved.n
    said = {item.indicator: item.headline for item in ANALYZER.judge(measured, at_least(0.0))}
    assert said["adversarial.proved_robust"].endswith(REACHED)


def test_texts_keep_what_was_flipped_and_count_only_those_begun():
    params = AdversarialParams(rows=40, behaviour=False, compare_recipes=True)
    bench, tracker = ended(reviews_bench(40), 3)

    measured = ANALYZER.measure(bench, params)

    n = measured.estimates["robust_accuracy"].n
    assert tracker.ended
    assert 3 <= n <= 40
    assert "of 40 rows were attacked" in measured.cut_short
    assert "comparison of recipes was left out" in measured.cut_short
    assert "finished texts flipped" in tracker.said[-1].words
