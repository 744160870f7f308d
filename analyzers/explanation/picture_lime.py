"""LIME of pictures: one set of hidden patches for many pictures, and the package on the shown one.

The package draws which patches to hide whatever the picture, so one draw serves all; what remains
for each picture is its questions and one ridge regression. Distances and weights are the package's.

References: Ribeiro, Singh and Guestrin 2016.
"""

import contextlib
import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.result import Estimate
from analyzers.core.workbench import Tracker
from analyzers.explanation.agreement import Agreement, compare, mean_known, stability_estimate
from analyzers.explanation.local import weighted_ridge
from analyzers.explanation.picture_values import Ask, Pictures
from analyzers.toolkit.intervals import mean_estimate

# The package's own; its distances between pictures run from 0 to 1.
WIDTH = 0.25
RUNS = 3
MOST_SAMPLES = 1_000
PICTURES, SAMPLES = 20, 500
_FLAT = "The model answers the same whatever is hidden."


class PatchRun(NamedTuple):
    """One run of LIME on one picture: `(n_patches,)` weights and the fit of its line."""

    weights: NDArray[np.float64]
    r_squared: float


class PictureLime(NamedTuple):
    """LIME of some pictures.

    Attributes:
        places: of the pictures among those explained, the shown one first.
        weights: `(n_pictures, n_patches)` from one shared draw of hidden patches.
        agreement: of SHAP and LIME of each.
        r_squared: `(n_pictures,)`; NaN where the model answers the same whatever is hidden.
        runs: the package's on the shown picture, with other seeds.
        widths: the package's on it, with half and with twice the kernel width.
    """

    places: list[int]
    weights: NDArray[np.float64]
    agreement: Agreement
    r_squared: NDArray[np.float64]
    runs: list[PatchRun]
    widths: tuple[PatchRun, PatchRun]

    @property
    def shown(self) -> NDArray[np.float64]:
        """Mean weights of the shown picture over the package's runs."""
        mean: NDArray[np.float64] = np.mean([run.weights for run in self.runs], axis=0)
        return mean


def lime_of_pictures(
    ask_of: Callable[[int], Ask],
    pictures: Pictures,
    sums: NDArray[np.float64],
    shown: int,
    hidden: Pictures,
    patches: NDArray[np.int64],
    *,
    n_samples: int,
    rng: np.random.Generator,
    track: Tracker,
) -> PictureLime:
    """Run LIME on some pictures, and again on the shown one.

    Args:
        ask_of: for the place of a picture, what returns `(n,)` outputs for n copies of it.
        pictures: `(n_pictures, height, width, n_channels)`.
        sums: `(n_pictures, n_patches)` their SHAP values.
        shown: place of the shown one.
        hidden: what a hidden patch shows, shaped like one picture.
        patches: `(height, width)` numbers of the patches.
        n_samples: pictures with patches hidden, for each run of the package.
        rng: gives the seeds and the shared draw.
        track: progress.
    """
    drawing, seeding = rng.spawn(2)
    places = [shown, *[at for at in range(len(pictures)) if at != shown]][:PICTURES]
    keeps = drawing.integers(0, 2, (min(SAMPLES, n_samples), int(patches.max()) + 1))
    few = track(places, "Running LIME on pictures", total=len(places))
    fits = [shared_lime_of(ask_of(at), pictures[at], hidden, patches, keeps) for at in few]
    seeds = [int(seed) for seed in seeding.integers(0, 2**31, RUNS)]
    n_samples = min(n_samples, MOST_SAMPLES)

    def run(seed: int, width: float = WIDTH) -> PatchRun:
        return lime_of_patches(
            ask_of(shown), pictures[shown], hidden, patches, n_samples, seed, width=width
        )

    runs = [run(seed) for seed in track(seeds, "Running LIME on the shown picture", total=RUNS)]
    narrow, wide = (
        run(seeds[0], width)
        for width in track((WIDTH / 2, WIDTH * 2), "Changing LIME's width", total=2)
    )
    weights = np.array([fit.weights for fit in fits])
    return PictureLime(
        places=places,
        weights=weights,
        agreement=compare(sums[places], weights),
        r_squared=np.array([fit.r_squared for fit in fits]),
        runs=runs,
        widths=(narrow, wide),
    )


def shared_lime_of(
    ask: Ask,
    picture: Pictures,
    hidden: Pictures,
    patches: NDArray[np.int64],
    keeps: NDArray[np.int64],
) -> PatchRun:
    """Explain a picture from patches drawn beforehand.

    Args:
        ask: returns `(n,)` outputs for n pictures.
        picture: `(height, width, n_channels)`.
        hidden: what a hidden patch shows.
        patches: `(height, width)` numbers of the patches.
        keeps: `(n_samples, n_patches)` 1 where a patch stays. The whole picture comes before them,
            as in the package.
    """
    keeps = np.vstack([np.ones(keeps.shape[1], dtype=np.int64), keeps])
    seen = keeps.astype(bool)[:, patches][..., None]
    answers = ask(np.where(seen, picture, hidden).astype(np.float32))
    n_kept = keeps.sum(axis=1)
    # Cosine distance to a row of ones; nothing kept is as far as can be.
    distances = 1 - np.sqrt(n_kept / keeps.shape[1])
    shares = np.sqrt(np.exp(-(distances**2) / WIDTH**2))
    fit = weighted_ridge(keeps.astype(np.float64), answers, shares)
    return PatchRun(fit.weights, fit.r_squared)


def lime_of_patches(
    ask: Ask,
    picture: Pictures,
    hidden: Pictures,
    patches: NDArray[np.int64],
    n_samples: int,
    seed: int,
    *,
    width: float = WIDTH,
) -> PatchRun:
    """Run the package; what it hides shows the mean picture, as for SHAP."""
    from lime.lime_image import LimeImageExplainer

    n_channels = picture.shape[2]

    # The package takes three channels; a grey picture is repeated and read back from the first.
    def coloured(grey: Pictures) -> NDArray[np.float64]:
        full = np.repeat(grey, 3, axis=2) if n_channels == 1 else grey[:, :, :3]
        return full.astype(np.float64)

    def answer(asked: NDArray[np.float64]) -> NDArray[np.float64]:
        return ask(np.asarray(asked, dtype=np.float32)[:, :, :, :n_channels])[:, None]

    # The package draws a progress bar on the error stream and cannot be told not to.
    with contextlib.redirect_stderr(io.StringIO()):
        found = LimeImageExplainer(kernel_width=width, random_state=seed).explain_instance(
            coloured(picture),
            answer,
            hide_color=coloured(hidden),
            labels=(0,),
            top_labels=None,
            num_samples=n_samples,
            batch_size=256,
            segmentation_fn=lambda _: patches,
        )
    weights = np.zeros(int(patches.max()) + 1)
    for place, weight in found.local_exp[0]:
        weights[place] = weight
    return PatchRun(weights, float(found.score))


def picture_lime_estimates(
    found: PictureLime, shown: NDArray[np.float64], owen: NDArray[np.float64]
) -> dict[str, Estimate]:
    """How well LIME fits, how steady it is, and how far it agrees with SHAP.

    Args:
        found: LIME of some pictures.
        shown: `(n_patches,)` SHAP values of the shown one.
        owen: `(n_patches,)` its Owen values.
    """
    n_patches = len(shown)
    over_patches = "Spearman correlation over the patches of the shown picture"
    narrow, wide = (run.weights for run in found.widths)

    def number(value: float, n: int, method: str) -> Estimate:
        if np.isnan(value):
            return Estimate.unmeasured(_FLAT)
        return Estimate(value=float(value), n=n, method=method)

    return {
        "shap_lime_correlation": mean_known(found.agreement.spearman, _FLAT),
        "shap_lime_overlap": mean_estimate(found.agreement.overlap),
        "lime_r_squared": mean_known(found.r_squared, _FLAT),
        "lime_stability": stability_estimate(np.array([run.weights for run in found.runs]), _FLAT),
        "lime_width_stability": number(
            compare(narrow[None], wide[None]).spearman[0], n_patches, over_patches
        ),
        "owen_correlation": number(
            compare(shown[None], owen[None]).spearman[0], n_patches, over_patches
        ),
    }
