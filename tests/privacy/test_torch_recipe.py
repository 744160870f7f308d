"""Torch networks trained anew from their saved programs."""

import io
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import make_classification

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Capability
from analyzers.privacy.campaign import make_plan, train
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.refitting import Pool, answered
from analyzers.privacy.stacks import Training
from analyzers.privacy.torch_program import Chain, chain_of, read_program
from analyzers.privacy.torch_recipe import NetworkRecipe
from tests.benches import EstimatorModel, predictions_of
from tests.privacy.networks import network_bench

torch = pytest.importorskip("torch")
nn = torch.nn

ROWS, CODES = make_classification(120, 10, n_informative=6, n_classes=3, random_state=0)
POOL = Pool(ROWS.astype(np.float32), CODES.astype(np.int64), ("0", "1", "2"))
TRAINING = Training("adam", 0.01, 16, 12)


class Branched(nn.Module):
    """A network that is no chain: a detour, a scale, a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.scale, self.last = nn.Linear(10, 8), nn.LayerNorm(8), nn.Linear(8, 3)
        self.register_buffer("shift", torch.arange(8.0))

    def forward(self, rows):
        hidden = self.first(rows)
        return self.last(torch.relu(self.scale(hidden + self.shift)) + 0.5 * hidden)


def chain(*hidden, final=()):
    sizes = (10, *hidden, 3)
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1], *final)


def saved(network, kind, rows=POOL.rows):
    """The network as its file gives it back."""
    example = torch.tensor(rows[:3])
    network = network.eval()
    with warnings.catch_warnings():
        # TorchScript is announced as superseded; people still bring such files.
        warnings.simplefilter("ignore")
        if kind == "exported":
            free = {0: torch.export.Dim.AUTO}
            return torch.export.export(network, (example,), dynamic_shapes=(free,)).module()
        content = io.BytesIO()
        torch.jit.save(torch.jit.trace(network, example), content)
        content.seek(0)
        return torch.jit.load(content)


def plan_of(n_models=6):
    return make_plan(len(POOL.codes), n_models, 0.5, np.random.default_rng(0))


def recipe_of(module, *, outputs="logits", enough=None):
    program = read_program(module)
    return NetworkRecipe(program, chain_of(program), outputs, TRAINING, enough)


@pytest.mark.parametrize("kind", ["traced", "exported"])
@pytest.mark.parametrize("make", [lambda: chain(8, 6), Branched], ids=["chain", "branched"])
def test_a_program_with_its_own_weights_says_what_the_network_says(make, kind):
    network = make()
    module = saved(network, kind)

    given = read_program(module).call(dict(module.named_parameters()), torch.from_numpy(POOL.rows))

    torch.testing.assert_close(given, network(torch.from_numpy(POOL.rows)))


@pytest.mark.parametrize("kind", ["traced", "exported"])
def test_a_plain_perceptron_is_told_from_other_networks(kind):
    def found(network):
        return chain_of(read_program(saved(network, kind)))

    assert found(chain(8, final=[nn.Softmax(dim=1)])) == Chain(
        (("0.weight", "0.bias"), ("2.weight", "2.bias")), "relu"
    )
    mixed = nn.Sequential(nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))
    for other in (Branched(), mixed, nn.Sequential(chain(8), nn.ReLU()),
                  nn.Sequential(nn.Linear(10, 8), nn.Linear(8, 3))):  # fmt: skip
        assert found(other) is None


def test_a_stack_is_what_torch_gives_one_after_another():
    from analyzers.privacy.torch_recipe import _first_weights

    recipe, plan = recipe_of(saved(chain(8), "exported")), plan_of()
    order = list(recipe.program.shapes)
    alone = []
    for seed, part in zip(plan.seeds, plan.inside, strict=True):
        rng = np.random.default_rng(int(seed))
        network = chain(8)
        laid = ["0.weight", "0.bias", "2.weight", "2.bias"]
        first = torch.from_numpy(_first_weights(recipe.program.shapes, laid, rng, is_turned=False))
        torch.nn.utils.vector_to_parameters(first.float(), network.parameters())
        optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
        positions = np.flatnonzero(part)
        for _ in range(TRAINING.epochs):
            rng.shuffle(positions)
            for start in range(0, len(positions), TRAINING.batch):
                chosen = positions[start : start + TRAINING.batch]
                optimiser.zero_grad()
                said = network(torch.from_numpy(POOL.rows[chosen]))
                nn.functional.cross_entropy(said, torch.from_numpy(POOL.codes[chosen])).backward()
                optimiser.step()
        scores = network(torch.from_numpy(POOL.rows)).softmax(dim=1).detach().double().numpy()
        alone.append(answered(scores, POOL.codes).log_odds)

    together = train(recipe, POOL, plan)
    differentiated = train(recipe._replace(chain=None), POOL, plan)

    assert sorted(order) == sorted(laid)
    np.testing.assert_allclose(together.answers, alone, atol=2e-3)
    np.testing.assert_allclose(differentiated.answers, alone, atol=2e-3)


@pytest.mark.parametrize("outputs", ["probabilities", "log-probabilities"])
def test_what_the_outputs_are_makes_no_difference(outputs):
    last = nn.Softmax(dim=1) if outputs == "probabilities" else nn.LogSoftmax(dim=1)
    plain = train(recipe_of(saved(chain(8), "exported")), POOL, plan_of())
    module = saved(chain(8, final=[last]), "exported")

    together = train(recipe_of(module, outputs=outputs), POOL, plan_of())
    general = recipe_of(module, outputs=outputs)._replace(chain=None)

    np.testing.assert_allclose(together.answers, plain.answers, atol=2e-3)
    np.testing.assert_allclose(train(general, POOL, plan_of()).answers, plain.answers, atol=2e-3)


@pytest.mark.parametrize("kind", ["traced", "exported"])
def test_threads_with_other_weights_do_not_meet(kind):
    program = read_program(saved(chain(8), kind))
    rows = torch.from_numpy(POOL.rows)
    weights = []
    for seed in range(4):
        torch.manual_seed(seed)
        weights.append(dict(chain(8).named_parameters()))
    alone = [program.call(own, rows).detach() for own in weights]

    def ask(place):
        return [program.call(weights[place], rows).detach() for _ in range(60)]

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(ask, range(4)))
    finally:
        sys.setswitchinterval(before)

    for answers, expected in zip(found, alone, strict=True):
        assert all(torch.equal(answer, expected) for answer in answers)


def test_a_picture_network_is_trained_too():
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 2)
    )
    codes = np.arange(80) % 2
    pictures = np.random.default_rng(0).random((80, 1, 4, 4), dtype=np.float32) / 4
    pictures[codes == 1, :, :2] += 0.5
    pool = Pool(pictures, codes, ("0", "1"))
    plan = make_plan(80, 4, 0.5, np.random.default_rng(0))

    scripted = train(recipe_of(saved(network, "traced", pictures)), pool, plan)
    exported = train(recipe_of(saved(network, "exported", pictures)), pool, plan)

    np.testing.assert_allclose(scripted.answers, exported.answers, atol=1e-3)
    assert scripted.is_right.mean() > 0.9


def test_training_goes_on_until_the_loss_is_the_targets():
    recipe = recipe_of(saved(chain(32), "exported"))._replace(
        training=TRAINING._replace(epochs=200)
    )

    soon, late = (train(recipe._replace(enough=loss), POOL, plan_of()) for loss in (0.8, 0.05))

    own = plan_of().inside
    assert soon.is_right[own].mean() < 0.85
    assert late.is_right[own].mean() > 0.97


def test_one_core_or_many_the_bytes_are_the_same():
    recipe = recipe_of(saved(Branched(), "traced"))

    one, many = (train(recipe, POOL, plan_of(), cores=cores) for cores in (1, 3))

    assert one.answers.tobytes() == many.answers.tobytes()


@pytest.mark.parametrize("kind", ["traced", "exported"])
def test_batch_normalisation_is_refused_with_its_name(kind):
    network = nn.Sequential(nn.Linear(10, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))

    with pytest.raises(UnsuitableSubject, match="batch norm, whose form in training"):
        read_program(saved(network, kind))


def test_a_program_that_branches_and_one_without_weights_are_refused():
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(10, 3)

        def forward(self, rows):
            if rows.sum() > 0:
                rows = rows * 2
            return self.last(rows)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(Branches())
    with pytest.raises(UnsuitableSubject, match="one run of tensor operations, got one with"):
        read_program(scripted)
    with pytest.raises(UnsuitableSubject, match="a network with weights"):
        read_program(saved(nn.ReLU(), "traced"))


def test_missing_values_are_refused():
    rows = POOL.rows.copy()
    rows[0, 0] = np.nan

    with pytest.raises(UnsuitableSubject, match="without missing values"):
        train(recipe_of(saved(chain(8), "exported")), POOL._replace(rows=rows), plan_of())


class TorchModel(EstimatorModel):
    """A torch module behind the protocol of models with gradients."""

    outputs = "logits"

    def tensor_of(self, inputs):
        return torch.tensor(inputs.to_numpy(np.float32))

    def gradient(self, inputs, codes):
        raise NotImplementedError

    def predict_proba(self, inputs):
        with torch.no_grad():
            return self.native(self.tensor_of(inputs)).double().softmax(dim=1).numpy()

    def predict(self, inputs):
        return self.predict_proba(inputs).argmax(axis=1)


def test_the_whole_attack_on_a_torch_network_that_learned_by_heart():
    bench = network_bench(150, refit=False)
    rows, codes = bench.training_data.inputs, bench.training_data.labels
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 3))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.005)
    tensor, truth = torch.tensor(rows.to_numpy(np.float32)), torch.from_numpy(codes)
    for _ in range(80):
        for chosen in torch.randperm(150).split(32):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(tensor[chosen]), truth[chosen]).backward()
            optimiser.step()
    module = saved(network, "exported", rows.to_numpy(np.float32))
    model = TorchModel(module, Capability.PREDICT_PROBA, Capability.GRADIENT)
    bench = replace(
        bench, model=model, predictions=predictions_of(model, bench.data),
        training_predictions=predictions_of(model, bench.training_data),
    )  # fmt: skip

    measured = measure(bench, PrivacyParams(shadow_models="16", network_rate=0.005))

    areas = {row["attack"]: row["value"] for row in measured.tables["attacks"].to_pylist()}
    assert measured.facts["auditor_grade"] == 2
    assert "Adam (rate 0.005, batches of 32, until its loss is" in measured.facts["recipe"]
    assert measured.facts["shadow_doubt"] == ""
    assert areas["lira_online"] > 0.75
    assert {"lira_online_own", "lira_offline_own", "rmia_online"} <= set(areas)
