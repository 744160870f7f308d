"""What would lower the risk: named where its numbers call for it, and only there."""

from sklearn.tree import DecisionTreeClassifier

from analyzers.privacy import measures_for
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from tests.privacy.test_more_leaks import bench_with
from tests.privacy.worlds import gaussian_bench


def said(bench, **chosen):
    return {item.what: item for item in measures_for(measure(bench, PrivacyParams(**chosen)))}


def test_a_tree_grown_to_the_end_is_to_be_pruned_and_its_scores_kept_back():
    found = said(bench_with(DecisionTreeClassifier(random_state=0)))

    assert "the rule asks for at least 10" in found["Ask for larger leaves, or prune"].because
    gap = found["Regularise, or stop training earlier"].because
    assert "accuracy is higher by" in gap
    assert "n = " in gap
    assert "Train with differential privacy" in found


def test_a_model_without_memory_needs_nothing():
    assert said(gaussian_bench(distance=0.0)) == {}


def test_scores_that_tell_more_than_labels_are_to_be_kept_back():
    # Confidence gives members away, and every answer is right on both sides.
    found = said(gaussian_bench(distance=2.0))

    assert "labels" in " ".join(found)


def test_a_void_attack_calls_for_nothing():
    assert said(gaussian_bench(distance=2.0, shift=3.0)) == {}


def test_the_column_that_singles_out_is_named():
    found = said(gaussian_bench(200, 200), quasi_identifiers=("x", "sex"))

    (item,) = found.values()
    assert item.what.startswith("Coarsen x")
    assert item.because == (
        "200 of 200 records stand alone by what others may know, and 0 without it."
    )


def test_where_no_single_column_singles_out_several_are_to_be_coarsened():
    found = said(gaussian_bench(200, 200), quasi_identifiers=("x", "z"))

    (item,) = found.values()
    assert item.what.startswith("Coarsen several")
    assert item.because.endswith("and as many without any one of the columns.")
