"""The samples are what their cards say, and building them again gives the same."""

import json
import re
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
import torch

from sample_models import SAMPLES, sample_named
from sample_models.build import RECORD, build_sample, main
from sample_models.sample import BUILT

# People still bring TorchScript, so one sample is in it although torch recommends torch.export.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated:DeprecationWarning")
every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda item: item.name)
TRUSTED = [
    "sklearn.tree._tree.Tree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
]
STATED = re.compile(r"^Held out: (accuracy|R squared) ([\d.]+) on ([\d,]+) rows\. "
                    r"Training: \1 ([\d.]+) on ([\d,]+) rows\.$", re.MULTILINE)  # fmt: skip


@pytest.fixture(scope="session")
def rebuilt(tmp_path_factory):
    """Every sample, built twice over in fresh folders."""
    folders = [tmp_path_factory.mktemp("built") for _ in range(2)]
    scores = [{sample.name: build_sample(sample, folder) for sample in SAMPLES}
              for folder in folders]  # fmt: skip
    return folders, scores


def answers(sample, folder: Path) -> np.ndarray:
    """What the model in `folder` says of its held-out rows, read with the library of its format."""
    model, data = folder / sample.name / sample.model_file, folder / sample.name / sample.data_file
    target = sample.params.target
    match model.suffix:
        case ".skops":
            table = pd.read_csv(data)
            fitted = skops.io.load(model, trusted=TRUSTED)
            return fitted.predict_proba(table.drop(columns=target))
        case ".joblib":
            return joblib.load(model).predict_proba(pd.read_csv(data)["text"])
        case ".txt":
            table = pd.read_parquet(data)
            return lightgbm.Booster(model_file=model).predict(table.drop(columns=target))
        case _:
            images = torch.from_numpy(np.load(data)["images"][:, None].astype(np.float32) / 255)
            with torch.no_grad():
                return torch.jit.load(model)(images).softmax(dim=1).numpy()


def held_out_score(sample, folder: Path) -> float:
    """Accuracy or R squared worked out here, from the files alone."""
    data = folder / sample.name / sample.data_file
    said = answers(sample, folder)
    if sample.name == "bike_rental":
        truth = pd.read_parquet(data)["bikers"].to_numpy()
        return 1 - ((truth - said) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
    if sample.name == "digits":
        return (said.argmax(axis=1) == np.load(data)["labels"]).mean()
    truth = pd.read_csv(data)[sample.params.target]
    return (np.unique(truth)[said.argmax(axis=1)] == truth).mean()


@every_sample
def test_data_files_are_the_same_bytes_every_time(sample, rebuilt):
    (first, second), _ = rebuilt

    for name in (sample.data_file, sample.training_file):
        assert (first / sample.name / name).read_bytes() == (
            second / sample.name / name
        ).read_bytes()


@every_sample
def test_models_answer_the_same_every_time(sample, rebuilt):
    (first, second), _ = rebuilt

    np.testing.assert_array_equal(answers(sample, first), answers(sample, second))


@every_sample
def test_the_card_states_the_accuracy_the_files_give(sample, rebuilt):
    (folder, _), (scores, _) = rebuilt
    score = scores[sample.name]

    stated = STATED.search(sample.card.read_text(encoding="utf-8"))

    assert stated is not None
    assert stated[1] == score.metric
    assert float(stated[2]) == pytest.approx(score.held_out, abs=0.005)
    assert float(stated[4]) == pytest.approx(score.training, abs=0.005)
    assert int(stated[3].replace(",", "")) == score.n_held_out
    assert int(stated[5].replace(",", "")) == score.n_training
    assert held_out_score(sample, folder) == pytest.approx(score.held_out, abs=1e-9)


@every_sample
def test_no_row_is_in_both_tables(sample, rebuilt):
    (folder, _), _ = rebuilt
    paths = [folder / sample.name / name for name in (sample.data_file, sample.training_file)]
    if sample.data_file.endswith(".npz"):
        held_out, training = (
            {picture.tobytes() for picture in np.load(path)["images"]} for path in paths
        )
    else:
        read = pd.read_parquet if sample.data_file.endswith(".parquet") else pd.read_csv
        held_out, training = (set(read(path).itertuples(index=False, name=None)) for path in paths)

    assert held_out.isdisjoint(training)


@every_sample
def test_the_card_names_its_risk_its_data_and_its_licence(sample):
    card = sample.card.read_text(encoding="utf-8")

    assert card.startswith(f"# {sample.title}\n")
    assert sample.shows[1:] in card
    assert f"## Risk it shows\n{sample.area.capitalize()}: " in card
    for heading in ("## Data", "## Model", "## What to look for", "## Limits"):
        assert heading in card
    assert "LICENSES.md" in card


@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if not sample.data_file.endswith(".npz")],
    ids=lambda item: item.name,
)
def test_the_columns_an_expert_named_are_there(sample, rebuilt):
    (folder, _), _ = rebuilt
    path = folder / sample.name / sample.data_file
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    params = sample.params

    assert {params.target, *params.sensitive, *params.immutable} <= set(table.columns)
    assert params.positive_class in ("", *map(str, table[params.target].unique()))


def test_german_credit_grants_the_young_less_than_its_card_says_the_old(rebuilt):
    (folder, _), _ = rebuilt
    sample = sample_named("german_credit")
    age = pd.read_csv(folder / sample.name / sample.data_file)["age"]
    is_granted = answers(sample, folder)[:, 1] > 0.5

    assert is_granted[age <= 25].mean() == pytest.approx(0.64, abs=0.005)
    assert is_granted[(age > 35) & (age <= 50)].mean() == pytest.approx(0.93, abs=0.005)


def test_breast_cancer_is_surer_of_rows_it_has_learned(rebuilt):
    (folder, _), _ = rebuilt
    sample = sample_named("breast_cancer")
    model = skops.io.load(folder / sample.name / sample.model_file, trusted=TRUSTED)

    def confidence(name: str) -> np.ndarray:
        table = pd.read_csv(folder / sample.name / name)
        scores = model.predict_proba(table.drop(columns="diagnosis"))
        return scores[np.arange(len(table)), np.searchsorted(model.classes_, table["diagnosis"])]

    members, others = confidence(sample.training_file), confidence(sample.data_file)
    wins = (members[:, None] > others).mean() + (members[:, None] == others).mean() / 2

    assert wins == pytest.approx(0.62, abs=0.01)


def test_a_builder_that_breaks_leaves_the_old_sample(tmp_path, monkeypatch):
    sample = sample_named("bike_rental")
    (tmp_path / sample.name).mkdir()
    (tmp_path / sample.name / "model.txt").write_text("old")

    def broken(folder: Path) -> None:
        (folder / "model.txt").write_text("half")
        raise RuntimeError("out of luck")

    monkeypatch.setattr("sample_models.bike_rental.build", broken)
    with pytest.raises(RuntimeError, match="out of luck"):
        build_sample(sample, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [sample.name]
    assert (tmp_path / sample.name / "model.txt").read_text() == "old"


def test_building_replaces_the_old_folder_whole(tmp_path):
    sample = sample_named("bike_rental")
    (tmp_path / sample.name).mkdir()
    (tmp_path / sample.name / "stale").write_text("old")

    build_sample(sample, tmp_path)

    names = {path.name for path in (tmp_path / sample.name).iterdir()}
    assert names == {sample.model_file, sample.data_file, sample.training_file, RECORD}
    record = json.loads((tmp_path / sample.name / RECORD).read_text())
    assert set(record["sha256"]) == names - {RECORD}


def test_the_command_says_what_it_built(tmp_path, capsys):
    main(["bike_rental"], built=tmp_path)

    assert re.search(r"R squared 0\.9\d\d on 2,609 held-out rows", capsys.readouterr().out)


def test_an_unknown_name_is_answered_with_those_that_exist():
    with pytest.raises(KeyError, match="german_credit, breast_cancer"):
        sample_named("titanic")


def test_the_committed_data_stay_small_and_licensed():
    folder = BUILT.parent / "data"
    licences = (folder / "LICENSES.md").read_text(encoding="utf-8")
    tables = sorted(folder.glob("*.csv"))

    assert sum(path.stat().st_size for path in tables) < 3_000_000
    assert len(tables) == 3
    for path in tables:
        assert f"`{path.name}`" in licences
