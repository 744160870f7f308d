"""Which scikit-learn versions' files are opened: the installed one, and the two before it."""

import re
from typing import Any

from analyzers.core.errors import RefusedFile
from analyzers.loaders.formats import SAVE_ANY

MINOR_VERSIONS_BACK = 2
# Attributes that later versions read and earlier ones did not store, with the attribute that held
# the same value then.
_ADDED = {("sklearn.impute._base", "SimpleImputer"): {"_fill_dtype": "_fit_dtype"}}


def check_version(saved: str) -> str:
    """Judge the version stored in an estimator.

    Args:
        saved: such as "1.8.0".

    Returns:
        A sentence for the user where the version differs; empty where it does not.

    Raises:
        RefusedFile: older than the two minor versions before the installed one, newer, or none.
    """
    import sklearn

    installed = _parts(sklearn.__version__)
    found = _parts(saved)
    if found is None or installed is None or found[0] != installed[0]:
        raise _refuse(saved, sklearn.__version__)
    steps = installed[1] - found[1]
    if steps == 0:
        return ""
    if steps < 0 or steps > MINOR_VERSIONS_BACK:
        raise _refuse(saved, sklearn.__version__)
    return (
        f"CHECK THIS: the model was saved by scikit-learn {saved[:20]} and opened by "
        f"{sklearn.__version__}. It may predict differently than it did; compare a few predictions "
        "with the original, or save it again with the version here."
    )


def complete_state(cls: type, state: dict[str, Any]) -> dict[str, Any]:
    """Return an estimator's state with what the installed version reads beside what was stored."""
    added = _ADDED.get((cls.__module__, cls.__name__), {})
    missing = {new: state[old] for new, old in added.items() if new not in state and old in state}
    return {**state, **missing}


def _parts(version: str) -> tuple[int, int] | None:
    match = re.match(r"(\d{1,3})\.(\d{1,3})(\D|$)", version)
    return (int(match[1]), int(match[2])) if match else None


def _refuse(saved: str, installed: str) -> RefusedFile:
    return RefusedFile(
        f"Expected a model of scikit-learn {installed} or the two minor versions before it, got "
        f"one saved by version {saved[:20]!r}; such a model can load and predict nonsense.",
        remedy=f"Fit and save it again with scikit-learn {installed}. {SAVE_ANY}",
    )
