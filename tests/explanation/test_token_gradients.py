"""Networks of texts: integrated gradients of their words."""

import numpy as np
import pandas as pd
import pytest
import torch

from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.model import Capability, TokenNetwork, Tokens
from analyzers.core.workbench import Workbench, untracked
from analyzers.explanation import ANALYZER, coloured_words_chart
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.token_gradients import integrate_tokens
from tests.benches import predictions_of
from tests.loaders.test_text_network import TEXTS, archive
from tests.loaders.uploads import Upload

QUICK = ExplanationParams(rows=20, sampled_rows=8, lime_samples=200)
WEIGHTS = {"[MASK]": 0.0, "fine": 0.3, "dull": -0.2, "film": 0.05}


class Weighed:
    """Adds up one number for each word; pieces of a word are read one by one."""

    kind = "a sum of words"
    native = None
    capabilities = frozenset({Capability.PREDICT_PROBA})

    def __init__(self, shape=lambda total: total):
        self.shape = shape

    def tokens_of(self, text):
        names, spans, at = [], [], 0
        for word in text.split():
            start = text.index(word, at)
            at = start + len(word)
            # The mark at the end of a word is a piece of its own.
            name = word.rstrip("!")
            pieces = [(name, start, start + len(name))]
            pieces += [("!", start + len(name), at)] if name != word else []
            for piece, begin, end in pieces:
                names.append(piece)
                spans.append((begin, end))
        ids = np.array([self.number(name) for name in names], dtype=np.int64)
        return Tokens(ids, np.zeros_like(ids), np.array(spans).reshape(-1, 2), "[MASK]")

    @staticmethod
    def number(name):
        return [*WEIGHTS, "!"].index(name)

    def vectors_of(self, ids):
        return torch.tensor([[*WEIGHTS.values(), 0.1][at] for at in ids])[:, None]

    def scores_of(self, vectors):
        second = self.shape(0.5 + vectors.double().sum(dim=(1, 2)))
        return torch.stack([1 - second, second], dim=1)

    def predict_proba(self, texts):
        with torch.no_grad():
            parts = [self.scores_of(self.vectors_of(self.tokens_of(t).ids)[None]) for t in texts]
        return torch.cat(parts).numpy()

    def predict(self, texts):
        return self.predict_proba(texts).argmax(axis=1)


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    table = folder / "texts.csv"
    said = np.where(np.arange(len(TEXTS)) % 2, "yes", "no")
    pd.DataFrame({"remark": TEXTS, "granted": said}).to_csv(table, index=False)
    opened = Upload(table, archive(folder / "model.zip"), target="granted").open()
    return Workbench(
        subject=opened.data.subject,
        data=opened.data,
        predictions=predictions_of(opened.model, opened.data),
        model=opened.model,
        rng=np.random.default_rng(0),
    )


def test_a_sum_of_words_gives_each_its_own_weight():
    found = integrate_tokens(Weighed(), ["fine dull film", "  film fine! "], 1, untracked)

    np.testing.assert_allclose(found.values[0].phi, [0.3, -0.2, 0.05], atol=1e-6)
    assert found.values[1].words == ["film", "fine!"]
    np.testing.assert_allclose(found.values[1].phi, [0.05, 0.3 + 0.1], atol=1e-6)
    np.testing.assert_allclose(found.bases, 0.5)
    assert "[MASK]" in found.background


def test_the_other_class_gets_the_opposite_values():
    one, other = (integrate_tokens(Weighed(), ["fine dull"], at, untracked) for at in (0, 1))

    np.testing.assert_allclose(one.values[0].phi, -other.values[0].phi, atol=1e-9)


def test_a_square_shares_by_the_line_between():
    # Along the line every word rises in step, so each has its share of the squared total.
    found = integrate_tokens(Weighed(lambda total: (total - 0.5) ** 2), ["fine film"], 1, untracked)

    np.testing.assert_allclose(found.values[0].phi, [0.3 * 0.35, 0.05 * 0.35], atol=1e-6)


def test_a_text_without_tokens_is_refused():
    with pytest.raises(DoesNotFit, match="no token"):
        integrate_tokens(Weighed(), [""], 1, untracked)


def test_an_uploaded_network_offers_its_gradients(uploaded):
    model = uploaded.model
    assert isinstance(model, TokenNetwork)
    texts = uploaded.data.inputs[:4]

    found = integrate_tokens(model, texts, 1, untracked)

    np.testing.assert_allclose(found.rebuilt, model.predict_proba(texts)[:, 1], atol=1e-3)
    # The same integral by many small steps, one text at a time.
    tokens = model.tokens_of(texts[0])
    start, end = model.vectors_of(tokens.hidden), model.vectors_of(tokens.ids)
    total = torch.zeros(len(tokens.ids), dtype=torch.float64)
    n_steps = 2_000
    for part in torch.split((torch.arange(n_steps) + 0.5) / n_steps, 500):
        points = (start + part[:, None, None] * (end - start)).requires_grad_()
        (slope,) = torch.autograd.grad(model.scores_of(points)[:, 1].sum(), points)
        total += (slope * (end - start)).double().sum(dim=(0, 2)) / n_steps
    np.testing.assert_allclose(found.values[0].phi, total.numpy(), atol=5e-4)


def test_a_run_explains_an_uploaded_network_by_its_gradients(uploaded):
    found = ANALYZER.measure(uploaded, QUICK)

    assert found.facts["explainer"] == "integrated gradients of the words' vectors"
    assert found.facts["n_explained"] == QUICK.sampled_rows
    assert "in place of every token" in str(found.facts["background"])
    assert found.estimates["additivity_error"].value < 1e-3
    assert "sampling_error" not in found.estimates
    row = int(found.facts["shown_row"])
    assert coloured_words_chart(found, row) is not None


def test_where_gradients_do_not_add_up_words_are_left_out_instead(uploaded, monkeypatch):
    monkeypatch.setattr("analyzers.explanation.quadrature._STEPS", (1,))

    found = ANALYZER.measure(uploaded, QUICK)

    assert "left out" not in str(found.facts["explainer"])
    assert "sampled Shapley values" in str(found.facts["explainer"])
    assert "add up" in str(found.facts["explainers_refused"])
