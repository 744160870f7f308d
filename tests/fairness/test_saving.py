"""What is saved, uploaded again, decides as it was measured to."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from fairlearn.postprocessing import ThresholdOptimizer
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from analyzers.core.errors import RefusedFile
from analyzers.core.subject import FileRef, Files
from analyzers.fairness import ANALYZER, FairnessParams
from analyzers.fairness import saving as saving_module
from analyzers.fairness.retraining import one_model
from analyzers.fairness.saving import downloads, ruled_model, write_model
from analyzers.fairness.thresholding import Rows, _stand_in, own_rule, propose_thresholds
from analyzers.inspection import InspectionParams, propose_subject
from analyzers.jobs.launcher import launcher
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from analyzers.jobs.workspaces import new_workspace
from analyzers.loaders.model_files import load_model
from analyzers.predictions import PREDICTIONS
from analyzers.toolkit.groups import attribute_of
from analyzers.toolkit.recipes import GroupRule, Recipe, Step, read_recipe, steps_of
from tests.benches import credit_bench
from tests.fairness.benches import bench_of
from tests.fairness.test_mitigation import RETRAIN, unfair
from tests.jobs.uploads import credit_files


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store", workspace=new_workspace())


@pytest.fixture
def runner(store):
    runner = Runner(store)
    assert launcher().wait_warm(120)
    yield runner
    runner.close()


def inspected(runner, store, files, positive):
    params = InspectionParams(target="granted", positive_class=positive, sensitive=("sex", "age"))
    job = runner.inspect(files, params)
    state = runner.wait(job, timeout=60)
    assert state.state == "done", state
    subject = propose_subject(runner.result(job), files, name="credit")
    store.save_subject(subject)
    return subject


def measured(runner, analyzer, subject, **params):
    job = runner.submit(analyzer, subject, analyzer.params(**params))
    state = runner.wait(job, timeout=120)
    assert state.state == "done", state
    return runner.result(job).measurements


@pytest.mark.sandbox
@pytest.mark.parametrize("positive", ["yes", "no"])
def test_every_saved_model_uploaded_again_decides_as_it_was_measured_to(runner, store, positive):
    files = credit_files(store, n_rows=240, training=True)
    subject = inspected(runner, store, files, positive)
    result = measured(
        runner, ANALYZER, subject, mitigate=RETRAIN, rounds=2, draws=200, search=False,
        smallest_group=10,
    )  # fmt: skip
    decided = result.tables["mitigated_decisions"].to_pandas()

    offered = [item for item in downloads(result) if item.label != "Recipe"]
    assert not any(item.reason for item in offered)
    fixed = 0
    kinds = set()
    for item in offered:
        rows = decided[
            (decided["attribute"] == item.attribute) & (decided["mitigation"] == item.mitigation)
        ]
        kind = (item.attribute, item.mitigation.split(":")[0])
        if rows["selected_when_saved"].isna().any() or kind in kinds:
            continue
        kinds.add(kind)
        again = Files(data=files.data, model=store.add_file(item.build(), f"model{item.ending}"))
        uploaded = inspected(runner, store, again, positive)
        answers = measured(runner, PREDICTIONS, uploaded).tables["predictions"].to_pandas()
        selected = answers["predicted"].to_numpy() == uploaded.positive_index
        assert selected.tolist() == rows["selected_when_saved"].tolist(), item.mitigation
        if item.label == "Model":
            assert selected.tolist() == rows["selected"].tolist()
        fixed += 1
    assert fixed >= 5


def test_a_recipe_gives_fairlearns_chances():
    sex, labels, scores = unfair(600)
    rows = Rows(("f", "m"), (sex == "m").astype(int), labels, (scores > 0.5).astype(int), scores)
    proposals = list(propose_thresholds(rows, np.random.default_rng(0), smallest=20))
    constraints = {
        "demographic parity": "demographic_parity",
        "equal opportunity": "true_positive_rate_parity",
        "equalised odds": "equalized_odds",
        "predictive equality": "false_positive_rate_parity",
    }
    compared = 0
    for proposal in proposals:
        kind, _, criterion = proposal.name.partition(": ")
        if not kind.startswith("randomised"):
            continue
        peer = ThresholdOptimizer(
            estimator=_stand_in(), constraints=constraints[criterion], prefit=True,
            predict_method="predict_proba",
        ).fit(scores[:, None], labels, sensitive_features=rows.groups)  # fmt: skip
        theirs = peer._pmf_predict(scores[:, None], sensitive_features=rows.groups)[:, 1]
        recipe = recipe_from(proposal.rules, own_rule(rows))
        again = read_recipe(recipe.model_dump_json().encode())
        assert again == recipe
        assert again.chances(pd.Series(sex), scores) == pytest.approx(theirs, abs=1e-12)
        compared += 1
    assert compared == 4


def recipe_from(rules, own, **more):
    return Recipe(
        name="equal rates", attribute="sex", groups=rules, otherwise=own, selected="yes",
        rejected="no", **more,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.integers(0, 3), st.sampled_from([0.5, 17.0, 40.0, 1e6])),
        min_size=11, max_size=40,
    ),
    st.sampled_from([(), (1.0,), (0.5, 2.0, 17.0)]),
)  # fmt: skip
def test_a_recipe_finds_every_row_in_the_group_it_was_measured_in(values, edges):
    column = pd.Series(values, name="age", dtype="float64")
    if column.notna().sum() == 0:
        return
    attribute = attribute_of(column, edges=edges)
    rules = tuple(
        GroupRule(group=name, always=place / 100) for place, name in enumerate(attribute.levels)
    )
    recipe = Recipe(
        name="x", attribute="age", edges=attribute.edges, has_missing=bool(column.isna().any()),
        groups=rules, otherwise=GroupRule(group="", always=1.0), selected="yes", rejected="no",
    )  # fmt: skip

    found = recipe.chances(column, np.zeros(len(column)))

    assert found == pytest.approx(attribute.codes / 100)


def test_a_value_that_was_never_seen_gets_the_models_own_decision():
    own = steps_of([("above", 0.5, 1.0)], group="")
    recipe = recipe_from((steps_of([("at least", 0.2, 1.0)], group="f"),), own)

    found = recipe.chances(pd.Series(["f", "x", None]), np.array([0.3, 0.3, 0.6]))

    assert found.tolist() == [1, 0, 1]


def test_thresholds_at_infinity_select_everyone_or_nobody():
    everyone = steps_of([("above", -np.inf, 0.25), ("below", np.inf, 0.5)], group="f")
    nobody = steps_of([("above", np.inf, 1.0), ("at least", np.inf, 1.0)], group="m")

    assert (everyone.always, everyone.steps) == (0.75, ())
    assert (nobody.always, nobody.steps) == (0.0, ())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"assay_decision_recipe": 2}, "form 1"),
        ({"edges": [3.0, 2.0]}, "cut points increase"),
        ({"edges": [3.0]}, "2 rules"),
        ({"groups": []}, "with rules"),
        ({"groups": [{"group": "f", "steps": [{"side": "over", "threshold": 0, "chance": 1}]}]},
         "wrong at 'groups.0.steps.0.side'"),
        ({"program": "import os"}, "wrong at 'program'"),
    ],
)  # fmt: skip
def test_what_is_no_recipe_is_refused_in_a_sentence(change, words):
    plain = recipe_from((GroupRule(group="f"),), GroupRule(group=""))
    content = json.dumps(plain.model_dump() | change).encode()

    with pytest.raises(RefusedFile, match="Expected a decision recipe") as refusal:
        read_recipe(content)
    assert words in str(refusal.value)


def opened(path: Path, content: bytes):
    path.write_bytes(content)
    return load_model(path, FileRef(sha256="0" * 64, size=len(content), name=path.name))[0]


def test_archives_that_hold_anything_else_are_refused(tmp_path):
    recipe = recipe_from((GroupRule(group="f"),), GroupRule(group="")).model_dump_json().encode()
    rng = np.random.default_rng(0)
    estimator = LogisticRegression().fit(
        pd.DataFrame(rng.random((40, 2)), columns=["a", "b"]), rng.choice(["no", "yes"], 40)
    )
    model = skops.io.dumps(estimator)
    whole = ruled_model(recipe, model, ".skops")

    assert opened(tmp_path / "m.zip", whole).kind.endswith("with a decision recipe")
    for content, words in (
        (ruled_model(recipe, whole, ".skops"), "got model with a decision recipe"),
        (ruled_model(recipe, model, ".pkl"), "other entries"),
        (ruled_model(recipe.replace(b'"yes"', b'"granted"'), model, ".skops"), "two classes"),
        (ruled_model(recipe[:-1], model, ".skops"), "decision recipe of form 1"),
        (ruled_model(recipe, b"not a model", ".skops"), "not a model|Expected"),
    ):
        with pytest.raises(RefusedFile, match=words):
            opened(tmp_path / "m.zip", content)


@pytest.mark.parametrize("classes", [["bad", "good"], [0, 1], [1, 2]])
def test_fits_put_together_vote_with_their_shares_and_keep_the_classes(classes):
    rng = np.random.default_rng(0)
    inputs = pd.DataFrame(rng.random((60, 2)), columns=["a", "b"])
    outcomes = rng.integers(0, 2, 60)
    native = LogisticRegression().fit(inputs, np.array(classes)[outcomes])
    fits = [RandomForestClassifier(5, random_state=seed).fit(inputs, outcomes) for seed in range(3)]
    shares = np.array([0.2, 0.5, 0.3])

    voting = one_model(native, fits, shares)
    single = one_model(native, fits[:1], np.ones(1))

    votes = shares @ np.array([fit.predict(inputs) for fit in fits])
    expected = np.array(classes)[(votes > 0.5 + 1e-12).astype(int)]
    clear = np.abs(votes - 0.5) > 1e-9
    assert (voting.predict(inputs) == expected)[clear].all()
    assert single.predict(inputs).tolist() == np.array(classes)[fits[0].predict(inputs)].tolist()
    assert single.predict_proba(inputs) == pytest.approx(fits[0].predict_proba(inputs))
    assert single.classes_.tolist() == classes


def test_the_same_model_is_the_same_bytes_and_what_cannot_be_saved_says_why(monkeypatch):
    native = credit_bench(100).model.native
    assert write_model(native).content == write_model(native).content
    names = zipfile.ZipFile(io.BytesIO(write_model(native).content)).namelist()
    assert "schema.json" in names

    class Own:
        pass

    assert "no form that carries data only" in write_model(Own()).reason
    monkeypatch.setattr(saving_module, "MOST_BYTES", 10)
    assert "may carry" in write_model(native).reason


def test_a_table_of_predictions_still_gives_the_open_recipe():
    sex, labels, scores = unfair(500)
    bench = bench_of({"sex": sex}, labels, scores=scores)
    result = ANALYZER.measure(bench, FairnessParams(draws=200, search=False))

    offered = downloads(result)
    assert {item.label for item in offered} == {"Recipe"}
    recipe = read_recipe(offered[0].build())
    assert recipe.attribute == "sex"
    assert {rule.group for rule in recipe.groups} == {"f", "m"}
    assert recipe.groups[0].steps[0] == Step(
        side="at least", threshold=recipe.groups[0].steps[0].threshold, chance=1.0
    )


def test_what_does_not_fit_a_result_leaves_its_reason(monkeypatch):
    sex, labels, scores = unfair(500)
    bench = bench_of({"sex": sex}, labels, scores=scores)
    monkeypatch.setattr(saving_module, "MOST_BYTES_TOGETHER", 1500)
    result = ANALYZER.measure(bench, FairnessParams(draws=200, search=False))

    offered = downloads(result)
    assert offered[0].reason == ""
    assert "together take more" in offered[-1].reason
