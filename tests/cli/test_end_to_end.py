"""A true audit of a tiny model through the sandbox, twice judged and once measured."""

import json

import pytest

from analyzers.cli import main
from tests.benches import CREDIT_COLUMNS, credit_frame

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
FEATURES = [column.name for column in CREDIT_COLUMNS if column.is_feature]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    folder = tmp_path_factory.mktemp("credit")
    training, data = credit_frame(200, 1), credit_frame(150, 2)
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["sex", "region"]), remainder="passthrough"
        ),
        LogisticRegression(max_iter=2000),
    ).fit(training[FEATURES], training["granted"])
    skops.io.dump(model, folder / "model.skops")
    training.to_csv(folder / "training.csv", index=False)
    data.to_csv(folder / "data.csv", index=False)
    scores = data.assign(score=model.predict_proba(data[FEATURES])[:, 1])
    scores[["score", "granted", "sex"]].to_csv(folder / "scores.csv", index=False)
    return folder


def audit(files, store, *words):
    return main(
        ["audit", str(files / "model.skops"), str(files / "data.csv"), "--target", "granted",
         "--positive", "yes", "--sensitive", "sex", "--training-data", str(files / "training.csv"),
         "--analyzers", "performance,fairness,privacy", "--store", str(store), *words]
    )  # fmt: skip


def test_a_model_is_audited_and_judged_again_under_other_limits(files, tmp_path, capsys):
    store, out = tmp_path / "store", tmp_path / "out"

    code = audit(files, store, "--out", str(out), "--json")

    written = capsys.readouterr()
    record = json.loads(written.out)
    areas = {area["analyzer"]: area for area in record["areas"]}
    assert written.err == ""
    assert code in (0, 1)
    for name in ("performance", "fairness", "privacy"):
        assert areas[name]["findings"], areas[name]["obstacle"]
    assert (out / "report.html").exists()
    assert (out / "tables" / "privacy-roc.csv").exists()

    again = main(
        ["report", str(out), "--policy", "organisation_blank", "--store", str(store), "--json"]
    )
    judged_anew = json.loads(capsys.readouterr().out)
    assert again == 0
    assert judged_anew["policy"]["name"] == "organisation_blank"
    assert judged_anew["areas"][0]["estimates"] == record["areas"][0]["estimates"]


def test_a_table_of_predictions_is_a_full_citizen(files, tmp_path, capsys):
    code = main(
        ["audit", str(files / "scores.csv"), "--score-column", "score", "--target", "granted",
         "--positive", "yes", "--sensitive", "sex", "--analyzers", "performance,fairness",
         "--store", str(tmp_path / "store"), "--fail-on", "inconclusive"]
    )  # fmt: skip

    written = capsys.readouterr()
    assert code in (0, 1), written.err
    assert "Performance:" in written.out
    assert "Fairness:" in written.out


def test_inspecting_shows_columns_and_measures_nothing(files, tmp_path, capsys):
    code = main(
        ["inspect", str(files / "model.skops"), str(files / "data.csv"), "--json",
         "--store", str(tmp_path / "store")]
    )  # fmt: skip

    shown = json.loads(capsys.readouterr().out)
    assert code == 0
    assert {column["name"] for column in shown["subject"]["columns"]} >= set(FEATURES)


def test_a_truncated_model_ends_in_a_sentence(files, tmp_path, capsys):
    broken = tmp_path / "model.skops"
    broken.write_bytes((files / "model.skops").read_bytes()[:500])

    code = main(["audit", str(broken), str(files / "data.csv"), "--store", str(tmp_path / "store")])

    written = capsys.readouterr()
    assert code == 2
    assert written.err.startswith("assay: ")
    assert "Traceback" not in written.err
