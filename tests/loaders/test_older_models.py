"""Real files of older scikit-learn versions: they open and answer as they did, or are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from analyzers.core.errors import ModelMisbehaved, RefusedFile
from analyzers.loaders import sklearn_versions
from tests.loaders.uploads import Upload

OLDER = Path(__file__).with_name("data") / "older"
TABLE = OLDER / "table.csv"
FILES = [path.relative_to(OLDER) for version in ("1.8", "1.7")
         for path in sorted((OLDER / version).iterdir()) if path.suffix != ".json"]  # fmt: skip


def test_several_kinds_of_models_of_both_versions_are_here():
    assert len(FILES) == 14


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_model_of_the_two_versions_before_opens_with_the_version_named(tmp_path, file):
    before = json.loads((OLDER / file.parts[0] / "scores.json").read_text())
    expected = before["scores"][file.stem]

    upload = Upload(TABLE, OLDER / file, target="granted")
    opened = upload.open()

    found = opened.model.predict_proba(opened.data.inputs)[:, 1]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    assert upload.said(f"saved by scikit-learn {before['scikit-learn']}")


@pytest.mark.parametrize("name", ["linear.joblib", "words.pkl"])
def test_a_model_of_an_older_version_is_refused_with_the_version_named(name):
    with pytest.raises(RefusedFile, match=r"saved by version '1\.6\.1'") as refusal:
        Upload(TABLE, OLDER / "1.6" / name, target="granted")

    assert "Fit and save it again" in refusal.value.remedy


def test_where_an_older_model_fails_the_version_is_named_first(monkeypatch):
    monkeypatch.setattr(sklearn_versions, "_ADDED", {})

    with pytest.raises(ModelMisbehaved, match="_fill_dtype") as failure:
        Upload(TABLE, OLDER / "1.7" / "linear.joblib", target="granted")

    assert "saved by scikit-learn 1.7.2" in failure.value.remedy
