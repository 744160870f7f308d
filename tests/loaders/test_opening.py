"""From files to a proposed subject, and from the subject back to the same rows."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from analyzers.core.errors import ModelMisbehaved, RefusedFile
from analyzers.core.subject import Role, Trust
from analyzers.inspection import INSPECTION_TABLES, edit_positive_class, edit_sensitive
from tests.loaders.models import FEATURES, credit, save_estimator
from tests.loaders.uploads import Upload


@pytest.fixture
def folder(tmp_path):
    credit().to_csv(tmp_path / "data.csv", index=False)
    credit().sample(frac=0.5, random_state=0).to_csv(tmp_path / "training.csv", index=False)
    return tmp_path


@pytest.fixture
def model(folder):
    return save_estimator("linear", folder / "model.skops").path


def test_an_upload_becomes_a_subject_with_a_reason_for_every_column(folder, model):
    subject = Upload(folder / "data.csv", model, folder / "training.csv").subject

    assert (subject.task, subject.modality, subject.target) == ("binary", "tabular", "granted")
    assert (subject.classes, subject.positive_class) == (("no", "yes"), "yes")
    assert [column.name for column in subject.features] == FEATURES
    assert [column.name for column in subject.sensitive] == ["age", "sex"]
    assert subject.column("sex").is_immutable
    assert subject.column("income").minimum == credit()["income"].min()
    assert all(column.reason for column in subject.columns)
    assert subject.trust == Trust.DATA


def test_tables_obey_their_declared_schemas(folder, model):
    upload = Upload(folder / "data.csv", model)

    for name, schema in INSPECTION_TABLES.items():
        table = upload.result.measurements.tables[name]
        assert table.schema == schema
        table.validate(full=True)
    assert set(upload.result.measurements.tables) == set(INSPECTION_TABLES)
    counts = upload.result.measurements.tables["classes"]["n_rows"].to_pylist()
    assert counts == credit()["granted"].value_counts().sort_index().tolist()


def test_opening_reads_the_same_rows_in_the_same_form(folder, model):
    upload = Upload(folder / "data.csv", model, folder / "training.csv")

    opened = upload.open()

    assert len(opened.data) == 240
    assert len(opened.training_data) == 120
    np.testing.assert_array_equal(opened.data.labels, credit()["granted"] == "yes")
    np.testing.assert_allclose(opened.data.frame["income"], credit()["income"])
    assert opened.data.frame["sex"].tolist() == credit()["sex"].tolist()
    np.testing.assert_array_equal(opened.data.rows, np.arange(240))


def test_without_training_data_it_says_what_that_forbids(folder, model):
    assert Upload(folder / "data.csv", model).said("membership inference")
    assert not Upload(folder / "data.csv", model, folder / "training.csv").said(
        "membership inference"
    )


def test_what_the_user_said_wins(folder, model):
    upload = Upload(
        folder / "data.csv", model,
        target="granted", positive_class="no", sensitive=("region",), immutable=("age",),
    )  # fmt: skip

    assert upload.subject.positive_class == "no"
    assert [column.name for column in upload.subject.sensitive] == ["region"]
    assert [column.name for column in upload.subject.columns if column.is_immutable] == ["age"]


@pytest.mark.parametrize(
    "said",
    [
        {"target": "nonsense"}, {"sensitive": ("nonsense",)}, {"ids": ("nonsense",)},
        {"positive_class": "nonsense"}, {"score_column": "nonsense"}, {"target": "income"},
    ],
)  # fmt: skip
def test_names_that_do_not_fit_are_refused(folder, model, said):
    with pytest.raises(RefusedFile, match="Expected"):
        Upload(folder / "data.csv", model, **said)


def test_a_training_table_without_the_models_columns_is_refused(folder, model):
    credit().drop(columns="age").to_csv(folder / "training.csv", index=False)

    with pytest.raises(RefusedFile, match=r'training table.*"age"'):
        Upload(folder / "data.csv", model, folder / "training.csv")


def test_a_table_with_scores_needs_no_model(folder):
    credit().assign(score=0.25).to_csv(folder / "data.csv", index=False)

    upload = Upload(folder / "data.csv")

    assert upload.subject.column("score").role == Role.PREDICTION
    assert upload.subject.features == ()
    assert upload.said("No model was given")
    assert upload.open().model is None


def test_a_table_without_scores_and_model_is_refused(folder):
    with pytest.raises(RefusedFile, match="scores in a column"):
        Upload(folder / "data.csv")


def test_predicted_names_take_the_spelling_of_the_classes(folder):
    frame = credit()
    frame.assign(prediction=frame["granted"].str.upper()).to_csv(folder / "data.csv", index=False)

    opened = Upload(folder / "data.csv").open()

    assert opened.data.frame["prediction"].tolist() == frame["granted"].tolist()


def test_rows_without_a_label_are_kept_and_said(folder, model):
    frame = credit()
    frame.loc[:9, "granted"] = None
    frame.to_csv(folder / "data.csv", index=False)

    upload = Upload(folder / "data.csv", model)

    assert upload.said("10 rows have no label")
    assert (upload.open().data.labels == -1).sum() == 10


def test_a_model_that_fails_on_missing_values_is_said_before_anything_runs(folder):
    frame = credit()[["income", "age", "granted"]]
    skops.io.dump(
        LogisticRegression().fit(frame[["income", "age"]], frame["granted"]), folder / "m.skops"
    )
    frame.loc[0, "income"] = None
    frame.to_csv(folder / "data.csv", index=False)

    with pytest.raises(ModelMisbehaved, match="NaN"):
        Upload(folder / "data.csv", folder / "m.skops")


def test_a_model_that_changes_its_mind_is_noted(folder):
    import torch

    class Fickle(torch.nn.Module):
        def forward(self, rows):
            return torch.nn.functional.dropout(rows, 0.5, True)

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(Fickle(), torch.rand(4, 2), check_trace=False).save(str(folder / "m.pt"))
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"]).assign(y=[0, 1] * 30)
    frame.to_csv(folder / "data.csv", index=False)

    assert Upload(folder / "data.csv", folder / "m.pt").said("gave different answers")


def test_hostile_names_stay_content(folder):
    frame = credit().rename(columns={"region": "<img src=x onerror=alert(1)>\u202e"})
    names = [*FEATURES[:3], "<img src=x onerror=alert(1)>"]
    fitted = frame.rename(columns=lambda name: name.rstrip("\u202e"))
    codes = fitted[names].apply(lambda column: pd.factorize(column)[0])
    skops.io.dump(LogisticRegression().fit(codes, fitted["granted"]), folder / "m.skops")
    codes.assign(granted=fitted["granted"]).to_csv(folder / "data.csv", index=False)

    upload = Upload(folder / "data.csv", folder / "m.skops")

    assert [column.name for column in upload.subject.features] == names
    assert all(note.isprintable() for note in upload.notes)


def test_edits_apply_to_what_is_opened(folder, model):
    upload = Upload(folder / "data.csv", model)
    edited = edit_positive_class(edit_sensitive(upload.subject, ["region"]), "no")

    opened = upload.open(edited)

    assert opened.data.subject.positive_class == "no"
    assert pa.array(opened.data.frame["region"]).null_count == 0
