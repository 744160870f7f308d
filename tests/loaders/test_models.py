"""Every model format: its answers are the library's own; renamed and cut files are refused."""

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from analyzers.core.errors import ModelMisbehaved, RefusedFile
from analyzers.core.model import Capability, DifferentiableModel, Model
from analyzers.loaders.model_files import load_model
from tests.loaders.models import ESTIMATORS, FEATURES, SAVERS, credit, save_estimator
from tests.loaders.uploads import Upload, reference


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "credit.csv"
    credit().to_csv(path, index=False)
    return path


def test_every_format_answers_as_its_library_does(tmp_path, table, subtests):
    for name, (file, save) in SAVERS.items():
        with subtests.test(name):
            made = save(tmp_path / file)

            opened = Upload(table, made.path).open()

            assert isinstance(opened.model, Model)
            found = opened.model.predict_proba(opened.data.inputs)
            np.testing.assert_allclose(found, made.scores, atol=2e-5)
            np.testing.assert_array_equal(
                opened.model.predict(opened.data.inputs), made.scores.argmax(axis=1)
            )


@pytest.mark.parametrize("suffix", [".joblib", ".skops"])
@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_every_kind_of_pipeline_opens(tmp_path, table, name, suffix):
    made = save_estimator(name, tmp_path / f"model{suffix}")

    opened = Upload(table, made.path).open()

    found = opened.model.predict_proba(opened.data.inputs)
    np.testing.assert_allclose(found, made.scores, atol=1e-6)


def test_columns_in_another_order_give_the_same_answers(tmp_path, table):
    made = save_estimator("forest", tmp_path / "model.skops")
    credit()[["granted", "region", "age", "sex", "income"]].to_csv(table, index=False)

    upload = Upload(table, made.path)

    assert upload.said("order the model was fitted on")
    opened = upload.open()
    np.testing.assert_allclose(opened.model.predict_proba(opened.data.inputs), made.scores)


def test_columns_and_levels_spelled_differently_are_matched_with_a_note(tmp_path, table):
    made = save_estimator("linear", tmp_path / "model.skops")
    frame = credit().rename(columns={"income": "Income "})
    frame["sex"] = frame["sex"].str.upper()
    frame.to_csv(table, index=False)

    upload = Upload(table, made.path)

    assert upload.said('"Income" is used as')
    assert upload.said('"MALE" as "male"')
    opened = upload.open()
    np.testing.assert_allclose(opened.model.predict_proba(opened.data.inputs), made.scores)


def test_missing_columns_are_refused_by_name(tmp_path, table):
    made = save_estimator("linear", tmp_path / "model.skops")
    credit().drop(columns=["age", "region"]).to_csv(table, index=False)

    with pytest.raises(RefusedFile, match='"age", "region"'):
        Upload(table, made.path)


def test_labels_the_model_does_not_know_are_refused_by_name(tmp_path, table):
    made = save_estimator("linear", tmp_path / "model.skops")
    credit().assign(granted="maybe").to_csv(table, index=False)

    with pytest.raises(RefusedFile, match="maybe"):
        Upload(table, made.path, target="granted")


@pytest.mark.parametrize("labels", [(0, 1), (False, True), ("n", "y")])
def test_labels_as_numbers_booleans_or_letters_find_their_class(tmp_path, table, labels):
    made = save_estimator("linear", tmp_path / "model.skops")
    plain = Upload(table, made.path).open()
    frame = credit()
    frame["granted"] = [labels[int(word == "yes")] for word in frame["granted"]]
    frame.to_csv(table, index=False)

    upload = Upload(table, made.path)

    assert upload.said("matched to the model's classes")
    np.testing.assert_array_equal(upload.open().data.labels, plain.data.labels)


def test_levels_that_are_numbers_are_given_back_as_numbers(tmp_path, table):
    frame = pd.DataFrame({"code": [1, 2, 3, 1, 2, 3], "y": ["a", "b", "a", "a", "b", "a"]})
    model = make_pipeline(OneHotEncoder(handle_unknown="error"), LogisticRegression())
    model.fit(frame[["code"]], frame["y"].astype(object))
    skops.io.dump(model, tmp_path / "model.skops")
    frame.to_csv(table, index=False)

    upload = Upload(table, tmp_path / "model.skops")

    assert upload.subject.column("code").levels == ("1", "2", "3")
    opened = upload.open()
    np.testing.assert_allclose(
        opened.model.predict_proba(opened.data.inputs), model.predict_proba(frame[["code"]])
    )


def test_a_text_model_takes_the_column_of_texts(tmp_path, table):
    texts = ["good film with heart", "bad film without sense", "fine and good", "bad, just bad"] * 5
    labels = np.array(["up", "down", "up", "down"] * 5, dtype=object)
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression())
    joblib.dump(model.fit(texts, labels), tmp_path / "m.joblib")
    pd.DataFrame({"review": texts, "verdict": labels}).to_csv(table, index=False)

    upload = Upload(table, tmp_path / "m.joblib")

    assert upload.subject.modality == "text"
    opened = upload.open()
    assert opened.data.inputs == texts
    found = opened.model.predict_proba(opened.data.inputs)
    np.testing.assert_allclose(found, model.predict_proba(texts))


def test_a_regression_gives_values(tmp_path, table):
    frame = credit()[["income", "age"]]
    model = LinearRegression().fit(frame[["age"]], frame["income"])
    skops.io.dump(model, tmp_path / "m.skops")
    frame.to_csv(table, index=False)

    upload = Upload(table, tmp_path / "m.skops")

    assert (upload.subject.task, upload.subject.target) == ("regression", "income")
    opened = upload.open()
    assert Capability.PREDICT_PROBA not in opened.model.capabilities
    np.testing.assert_allclose(
        opened.model.predict(opened.data.inputs), model.predict(frame[["age"]])
    )


def test_wrappers_of_boosters_answer_as_they_do(tmp_path, table, subtests):
    import catboost
    import lightgbm
    import xgboost

    frame = credit()
    codes = (frame["granted"] == "yes").astype(int)
    rows = frame[FEATURES]
    as_category = rows.astype({"sex": "category", "region": "category"})
    cases = [
        (
            xgboost.XGBClassifier(n_estimators=3, n_jobs=1, enable_categorical=True),
            as_category,
            codes,
        ),
        (lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1), as_category, codes),
        (
            catboost.CatBoostClassifier(
                iterations=3, verbose=0, cat_features=["sex", "region"], allow_writing_files=False
            ),
            rows,
            frame["granted"],
        ),
    ]
    for model, inputs, labels in cases:
        with subtests.test(type(model).__name__):
            joblib.dump(model.fit(inputs, labels), tmp_path / "m.joblib")
            opened = Upload(table, tmp_path / "m.joblib").open()
            found = opened.model.predict_proba(opened.data.inputs)
            np.testing.assert_allclose(found, model.predict_proba(inputs), atol=1e-5)


@pytest.mark.parametrize("name", list(SAVERS))
def test_a_cut_file_is_refused(tmp_path, name):
    file, save = SAVERS[name]
    path = save(tmp_path / file).path
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    with pytest.raises(RefusedFile, match=r"^Expected "):
        load_model(path, reference(path))


@pytest.mark.parametrize("name", ["skops", "lightgbm", "catboost", "xgboost json", "joblib"])
def test_a_renamed_model_is_opened_as_what_it_is(tmp_path, table, name):
    file, save = SAVERS[name]
    made = save(tmp_path / file)
    renamed = made.path.rename(tmp_path / "model.bin")

    opened = Upload(table, renamed).open()

    found = opened.model.predict_proba(opened.data.inputs)
    np.testing.assert_allclose(found, made.scores, atol=2e-5)


@pytest.mark.parametrize("suffix", [".skops", ".joblib", ".onnx", ".json", ".ubj", ".cbm", ".pt"])
def test_a_table_under_a_models_name_is_refused(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    path.write_text("a,b\n1,2\n")

    with pytest.raises(RefusedFile, match="Expected a model"):
        load_model(path, reference(path))


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "model.skops"
    path.write_bytes(b"")

    with pytest.raises(RefusedFile, match="empty"):
        load_model(path, reference(path))


def test_a_classifier_of_one_class_is_refused(tmp_path):
    path = tmp_path / "model.skops"
    rows = np.arange(6.0).reshape(3, 2)
    path.write_bytes(skops.io.dumps(DecisionTreeClassifier().fit(rows, [7, 7, 7])))

    with pytest.raises(RefusedFile, match="at least two classes apart, got one fitted on '7'"):
        load_model(path, reference(path))


def test_an_unfitted_model_is_refused(tmp_path):
    joblib.dump(LogisticRegression(), tmp_path / "m.joblib")

    with pytest.raises(RefusedFile, match="never fitted"):
        load_model(tmp_path / "m.joblib", reference(tmp_path / "m.joblib"))


@pytest.mark.parametrize(
    ("version", "is_opened"), [("1.8.2", True), ("1.7.0", True), ("1.6.1", False), ("2.0", False)]
)
def test_models_of_other_versions_open_with_a_note_or_are_refused_by_version(
    tmp_path, table, version, is_opened, monkeypatch
):
    made = save_estimator("linear", tmp_path / "m.joblib")
    import sklearn

    content = made.path.read_bytes()
    padded = version.ljust(len(sklearn.__version__), ".").replace("..", ".0").encode()
    assert len(padded) == len(sklearn.__version__)
    made.path.write_bytes(content.replace(sklearn.__version__.encode(), padded))

    if is_opened:
        assert Upload(table, made.path).said(f"saved by scikit-learn {version}")
    else:
        with pytest.raises(RefusedFile, match=padded.decode()):
            Upload(table, made.path)


class TestTorch:
    @pytest.fixture
    def numbers(self, tmp_path):
        path = tmp_path / "numbers.csv"
        frame = credit()[["income", "age"]].assign(kind=np.arange(240) % 3)
        frame.to_csv(path, index=False)
        return path

    def saved(self, tmp_path, module, example, suffix=".pt"):
        import warnings

        import torch

        path = tmp_path / f"net{suffix}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if suffix == ".pt":
                torch.jit.trace(module.eval(), example).save(str(path))
            else:
                rows = {0: torch.export.Dim("n", min=1, max=1_000_000)}
                program = torch.export.export(module.eval(), (example,), dynamic_shapes=(rows,))
                torch.export.save(program, path)
        return path

    @pytest.mark.parametrize("suffix", [".pt", ".pt2"])
    @pytest.mark.parametrize("last", ["logits", "probabilities", "log-probabilities"])
    def test_outputs_are_told_and_become_probabilities(self, tmp_path, numbers, suffix, last):
        import torch

        torch.manual_seed(0)
        ends = {
            "probabilities": [torch.nn.Softmax(1)],
            "log-probabilities": [torch.nn.LogSoftmax(1)],
        }
        base = [torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 3)]
        net = torch.nn.Sequential(*base, *ends.get(last, []))
        path = self.saved(tmp_path, net, torch.zeros(2, 2), suffix)

        opened = Upload(numbers, path).open()

        assert opened.model.outputs == last
        rows = torch.tensor(opened.data.inputs.to_numpy(np.float32))
        expected = torch.softmax(net[1](net[0](rows)), dim=1).detach().numpy()
        np.testing.assert_allclose(
            opened.model.predict_proba(opened.data.inputs), expected, atol=1e-5
        )

    def test_gradients_agree_with_differences(self, tmp_path, numbers):
        import torch

        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 3), torch.nn.Tanh())
        path = self.saved(tmp_path, net, torch.zeros(2, 2))
        opened = Upload(numbers, path).open()
        model = opened.model
        assert isinstance(model, DifferentiableModel)
        rows, codes = opened.data.inputs.iloc[:5].astype(float), np.array([0, 1, 2, 0, 1])

        gradient = model.gradient(rows, codes)

        step = 1e-2
        for at, name in enumerate(rows.columns):
            up, down = rows.copy(), rows.copy()
            up[name] += step
            down[name] -= step
            loss = [
                -np.log(model.predict_proba(moved)[np.arange(5), codes]) for moved in (up, down)
            ]
            np.testing.assert_allclose(gradient[:, at], (loss[0] - loss[1]) / (2 * step), atol=2e-4)

    def test_pictures_go_in_with_channels_first(self, tmp_path, monkeypatch):
        import torch

        from analyzers.loaders import bounds

        rng = np.random.default_rng(0)
        images = rng.random((30, 8, 8, 3), dtype=np.float32)
        np.savez(tmp_path / "d.npz", images=images, label=np.arange(30) % 2)
        net = torch.nn.Sequential(
            torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 2)
        )
        path = self.saved(tmp_path, net, torch.zeros(2, 3, 8, 8))

        opened = Upload(tmp_path / "d.npz", path).open()

        assert opened.model.tensor_of(opened.data.inputs).shape == (30, 3, 8, 8)
        expected = torch.softmax(net(torch.tensor(images.transpose(0, 3, 1, 2))), 1)
        np.testing.assert_allclose(
            opened.model.predict_proba(opened.data.inputs), expected.detach().numpy(), atol=1e-5
        )
        starts = []
        ask = opened.model._ask
        monkeypatch.setattr(bounds, "BATCH_PICTURES", 7)
        monkeypatch.setattr(
            opened.model, "_ask", lambda rows, start: starts.append(start) or ask(rows, start)
        )
        np.testing.assert_allclose(
            opened.model.predict_proba(opened.data.inputs), expected.detach().numpy(), atol=1e-5
        )
        assert starts == [0, 7, 14, 21, 28]

    def test_weights_alone_are_refused_with_what_to_save(self, tmp_path):
        import torch

        path = tmp_path / "weights.pt"
        torch.save(torch.nn.Linear(2, 2).state_dict(), path)

        with pytest.raises(RefusedFile, match=r"torch\.jit\.trace"):
            load_model(path, reference(path))

    def test_words_for_a_network_are_refused_by_name(self, tmp_path):
        import torch

        path = self.saved(tmp_path, torch.nn.Linear(2, 2), torch.zeros(2, 2))
        credit()[["income", "sex", "granted"]].to_csv(tmp_path / "w.csv", index=False)

        with pytest.raises(RefusedFile, match='"sex"'):
            Upload(tmp_path / "w.csv", path)


class TestMisbehaviour:
    """A model that answers nonsense ends in a sentence that says which."""

    def matched(self, tmp_path, answer, *, task="binary"):
        from analyzers.core.subject import Trust
        from analyzers.loaders.loaded_model import LoadedModel
        from analyzers.loaders.matched_model import MatchedModel
        from tests.benches import CREDIT_COLUMNS, subject_of

        loaded = LoadedModel(
            kind="odd",
            native=None,
            trust=Trust.DATA,
            answer=answer,
            capabilities=frozenset({Capability.PREDICT_PROBA}),
        )
        subject = subject_of(CREDIT_COLUMNS, n_rows=240, task=task)
        return MatchedModel(loaded, subject, credit()[FEATURES])

    @pytest.mark.parametrize(
        ("scores", "said"),
        [
            (lambda n: np.full((n, 2), np.nan), "NaN or infinity in 240 of 240"),
            (lambda n: np.full((n, 2), np.inf), "NaN or infinity"),
            (lambda n: np.full((n, 3), 1 / 3), "2 scores per row"),
            (lambda n: np.full((n, 2, 2), 0.5), "2 scores per row"),
            (lambda n: np.full((n, 2), 2.0), "between 0 and 1"),
            (lambda n: np.full((n, 2), 0.9), "sum to 1"),
            (lambda n: np.full((n - 1, 2), 0.5), "Expected 240 predictions, got 239"),
            (lambda n: np.full((n, 2), "x", dtype=object), "Expected numbers"),
        ],
    )
    def test_scores_that_are_no_probabilities(self, tmp_path, scores, said):
        from analyzers.loaders.loaded_model import Answer

        model = self.matched(tmp_path, lambda rows: Answer(scores=scores(len(rows))))

        with pytest.raises(ModelMisbehaved, match=said):
            model.predict_proba(credit()[FEATURES])

    def test_an_exception_becomes_a_sentence(self, tmp_path):
        def fail(rows):
            raise KeyError("<script>\x00secret")

        model = self.matched(tmp_path, fail)

        with pytest.raises(ModelMisbehaved, match="KeyError") as error:
            model.predict(credit()[FEATURES])
        assert "\x00" not in error.value.message

    def test_labels_of_no_class(self, tmp_path):
        from analyzers.loaders.loaded_model import Answer

        model = self.matched(tmp_path, lambda rows: Answer(labels=np.full(len(rows), "perhaps")))

        with pytest.raises(ModelMisbehaved, match="perhaps"):
            model.predict(credit()[FEATURES])

    def test_big_data_go_in_batches(self, tmp_path, monkeypatch):
        from analyzers.loaders import bounds
        from analyzers.loaders.loaded_model import Answer

        sizes = []

        def answer(rows):
            sizes.append(len(rows))
            return Answer(scores=np.tile([0.4, 0.6], (len(rows), 1)))

        monkeypatch.setattr(bounds, "BATCH_CELLS", 400)
        model = self.matched(tmp_path, answer)

        assert model.predict_proba(credit()[FEATURES]).shape == (240, 2)
        assert max(sizes) == 100
