"""Whether gradients on pictures can be believed, by attacks whose order of strength is known.

References:
    Athalye, Carlini and Wagner 2018; Carlini et al. 2019 (section 3.1, 4.3 and 5); Croce and Hein
    2020; Tramèr, Carlini, Brendel and Madry 2020 (models that are random).
"""

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial import checks
from analyzers.adversarial.auto_pgd import self_stepping
from analyzers.adversarial.gradient import many_steps, one_step, slope_of
from analyzers.adversarial.losses import cross_entropy, difference_ratio
from analyzers.adversarial.nearest import Nearest
from analyzers.adversarial.network import Network
from analyzers.adversarial.noise import DRAWS
from analyzers.adversarial.params import PLAIN, AdversarialParams
from analyzers.adversarial.pixels import random_pictures
from analyzers.adversarial.robustness import WITHIN
from analyzers.adversarial.square import LEAST_SCORE, random_squares
from analyzers.core.model import Model
from analyzers.core.workbench import Workbench

HUGE = 1.0
MOST_CHECKED = 60
MOST_SQUARE_QUERIES = 300
SAME_ANSWER_ASKED = 3


def check_scores(model: Model, nearest: Nearest) -> list[checks.Check]:
    """Whether the scores leave an attacker without gradients anything to climb.

    Args:
        model: gives probabilities.
        nearest: holds the pictures.
    """
    originals = nearest.originals[:MOST_CHECKED]
    if not len(originals):
        return []
    aim = nearest.aim.take(np.arange(len(originals)))
    scores = model.predict_proba(originals)
    others = scores.copy()
    others[np.arange(len(scores)), aim.codes] = 0.0
    return [checks.scores_are_alive(others.max(axis=1) <= LEAST_SCORE)]


def check_attack(
    bench: Workbench,
    network: Network,
    nearest: Nearest,
    params: AdversarialParams,
    rng: np.random.Generator,
) -> list[checks.Check]:
    """Run attacks of known order of strength, each on its own from the beginning.

    Args:
        bench: tracks progress.
        network: the model with gradients.
        nearest: gives the pictures and keeps what the black box finds.
        params: size, steps and starts of the attack that is checked.
        rng: source of randomness.
    """
    originals = nearest.originals[:MOST_CHECKED]
    rows = np.arange(len(originals))
    aim, model = nearest.aim.take(rows), nearest.model
    if not len(originals):
        return []
    size, norm, steps = params.epsilon, params.norm, params.steps
    pgd_rng, few_rng, huge_rng, square_rng, noise_rng = rng.spawn(5)
    few_steps = max(1, steps // 4)
    n_queries = min(params.queries, MOST_SQUARE_QUERIES)

    # What is reported has to be believed; the ensemble climbs margins, which do not saturate.
    is_auto = params.image_attack != PLAIN
    name = "AutoAttack" if is_auto else f"PGD-{steps}"

    def climb(reach: float, n_steps: int, draw: np.random.Generator) -> NDArray[np.bool_]:
        if is_auto:
            return self_stepping(network, originals, aim, reach, norm, loss=difference_ratio,
                                 steps=n_steps, rng=draw).is_broken  # fmt: skip
        return many_steps(network, originals, aim, reach, norm, steps=n_steps,
                          restarts=params.restarts, rng=draw).is_broken  # fmt: skip

    made: list[checks.Check] = []
    strong = nearest.sizes[rows] <= size * WITHIN if is_auto else climb(size, steps, pgd_rng)
    for stage in bench.track(range(5), "Checking that the result can be believed"):
        if stage == 0:
            single = one_step(network, originals, aim, size, norm).is_broken
            made.append(
                checks.weaker_does_not_win(
                    "Many steps beat one step", strong, single, f"FGSM against {name}"
                )
            )
        elif stage == 1:
            few = climb(size, few_steps, few_rng)
            words = f"{few_steps} steps against {name}"
            made.append(checks.weaker_does_not_win("More steps do not hurt", strong, few, words))
        elif stage == 2:
            noisy = np.zeros(len(rows), dtype=bool)
            for draw in noise_rng.spawn(DRAWS):
                tried = random_pictures(originals, size, norm, draw)
                noisy |= aim.is_reached(model.predict(tried))
            made.append(
                checks.weaker_does_not_win(
                    "Gradients beat random noise", strong, noisy,
                    f"the worst of {DRAWS} random changes against {name}",
                )
            )  # fmt: skip
        elif stage == 3:
            squares = random_squares(
                model,
                originals,
                aim,
                size,
                norm,
                queries=n_queries,
                rng=square_rng,
                network=network,
            )
            # The answer is the worst of all attacks: what the black box breaks is broken.
            nearest.offer(squares, rows, source="Square (as a check)")
            made.append(
                checks.weaker_does_not_win(
                    "Gradients beat random squares", strong, squares.is_broken,
                    f"random squares ({n_queries} queries) against {name}",
                )
            )  # fmt: skip
        else:
            made.append(checks.large_budget_reaches_zero(climb(HUGE, steps, huge_rng), HUGE))
            loss = difference_ratio if is_auto else cross_entropy
            slope = slope_of(network, originals, aim, loss).reshape(len(originals), -1)
            made.append(checks.gradients_are_alive((slope == 0).all(axis=1)))
            first, *more = (model.predict_proba(originals) for _ in range(SAME_ANSWER_ASKED))
            differs = np.any([(other != first).any(axis=1) for other in more], axis=0)
            made.append(checks.answers_repeat(differs, SAME_ANSWER_ASKED))
    return made
