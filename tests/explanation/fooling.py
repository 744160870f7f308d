"""Models built to fool SHAP and LIME, after Slack et al. 2020, and honest ones beside them.

`python -m tests.explanation.fooling 5` measures with five seeds how often the check notices the
first and suspects the second; docs/methods/explanation.md has the numbers.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from analyzers.explanation.off_manifold import off_manifold_gap
from sample_models.sample import HERE

Answer = Callable[[pd.DataFrame], NDArray[np.float64]]
Mixing = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def number_people(n_rows: int, n_columns: int, seed: int, *, common: float = 0.6) -> pd.DataFrame:
    """Numbers that hang together, a sensitive column that leans on the first, two unrelated ones.

    Args:
        n_rows: how many people.
        n_columns: numbers besides the three.
        seed: of everything.
        common: share of the numbers' variance that a few hidden causes explain.
    """
    rng = np.random.default_rng(seed)
    loads = rng.normal(size=(max(2, n_columns // 5), n_columns))
    hidden = rng.normal(size=(n_rows, len(loads))) @ (loads / np.linalg.norm(loads, axis=0))
    own = rng.normal(size=(n_rows, n_columns))
    numbers = np.sqrt(common) * hidden + np.sqrt(1 - common) * own
    frame = pd.DataFrame(numbers, columns=[f"x{place}" for place in range(n_columns)])
    frame["sensitive"] = (frame["x0"] + rng.normal(size=n_rows) > 0).astype(float)
    return with_harmless(frame, rng)


def german_people(seed: int) -> pd.DataFrame:
    """German credit in a random order, and two unrelated columns."""
    rng = np.random.default_rng(seed)
    table = pd.read_csv(HERE / "data" / "german_credit.csv").drop(columns="credit_risk")
    return with_harmless(table.iloc[rng.permutation(len(table))].reset_index(drop=True), rng)


def with_harmless(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    first, second = rng.integers(0, 2, (2, len(frame)))
    return frame.assign(first=first.astype(float), second=second.astype(float))


def lime_questions(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Every value from a row of its own."""
    return frame.apply(lambda column: rng.permutation(column.to_numpy())).astype(frame.dtypes)


def shap_questions(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A random set of each row's values from one other row."""
    donors = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
    kept = rng.random(frame.shape) < rng.random((len(frame), 1))
    return frame.where(kept, donors).astype(frame.dtypes)


def one_harmless(rows: pd.DataFrame) -> NDArray[np.float64]:
    return rows["first"].to_numpy(np.float64)


def two_harmless(rows: pd.DataFrame) -> NDArray[np.float64]:
    return (rows["first"] != rows["second"]).to_numpy(np.float64)


def by_sex(rows: pd.DataFrame) -> NDArray[np.float64]:
    return (rows["sex"] == "female").to_numpy(np.float64)


def by_sensitive(rows: pd.DataFrame) -> NDArray[np.float64]:
    return rows["sensitive"].to_numpy(np.float64)


class Scaffolding:
    """Answers rows that a forest takes for real by one rule, all others by another."""

    def __init__(
        self, people: pd.DataFrame, mixing: Mixing, rule: Answer, harmless: Answer, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        self.rule, self.harmless = rule, harmless
        self.words = [name for name in people if not pd.api.types.is_numeric_dtype(people[name])]
        self.coding = OrdinalEncoder().fit(people[self.words]) if self.words else None
        real = self.numbers(people)
        mixed = np.vstack([self.numbers(mixing(people, rng)) for _ in range(3)])
        known = {row.tobytes() for row in real}
        is_real = [True] * len(real) + [row.tobytes() in known for row in mixed]
        self.forest = RandomForestClassifier(50, class_weight="balanced", random_state=seed)
        self.forest.fit(np.vstack([real, mixed]), is_real)

    def numbers(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        if self.coding is None:
            return rows.to_numpy(np.float64)
        codes = dict(zip(self.words, self.coding.transform(rows[self.words]).T, strict=True))
        return rows.assign(**codes).to_numpy(np.float64)

    def __call__(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        is_real = self.forest.predict(self.numbers(rows))
        return np.where(is_real, self.rule(rows), self.harmless(rows))


HONEST: dict[str, Any] = {
    "forest": RandomForestClassifier(30, random_state=0),
    "shallow forest": RandomForestClassifier(30, max_depth=5, random_state=0),
    "extra trees": ExtraTreesClassifier(30, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=20, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=20, random_state=0),
    "tree": DecisionTreeClassifier(random_state=0),
    "line": LogisticRegression(max_iter=1000),
    "nearest row": KNeighborsClassifier(1),
    "five nearest rows": KNeighborsClassifier(5),
    "support vectors": SVC(random_state=0),
    "narrow support vectors": SVC(gamma=1.0, C=10, random_state=0),
    "network": MLPClassifier((30,), max_iter=30, random_state=0),
    "naive Bayes": GaussianNB(),
}


def honest_answer(
    name: str, people: pd.DataFrame, seed: int, *, is_bent: bool = True
) -> Callable[[pd.DataFrame], NDArray[np.float64]]:
    """Fit a model of the kind to people with noisy labels, of a line or of something bent."""
    rng = np.random.default_rng(seed)
    numbers = people.to_numpy(np.float64)
    if is_bent:
        lean = numbers[:, 0] + 1.5 * numbers[:, 1] * numbers[:, 2] + np.abs(numbers[:, 3])
    else:
        lean = numbers @ rng.normal(size=numbers.shape[1])
    lean = lean / lean.std() + 0.4 * rng.normal(size=len(lean))
    model = make_pipeline(StandardScaler(), HONEST[name])
    with warnings.catch_warnings():
        # A short training that has not converged is a model like any other.
        warnings.simplefilter("ignore")
        model.fit(people, lean > np.median(lean))
    if hasattr(model, "predict_proba"):
        return lambda rows: model.predict_proba(rows)[:, 1]
    return lambda rows: model.predict(rows).astype(np.float64)


class Try(NamedTuple):
    """One model under the check."""

    what: str
    rows: pd.DataFrame
    answer: Answer


def fooling_tries(seed: int) -> Iterator[Try]:
    """Models that fool, with the rows they were built on and with rows that are new to them."""
    tables = {
        "German credit": (german_people(seed), by_sex),
        "10 columns": (number_people(1600, 10, seed), by_sensitive),
        "20 columns": (number_people(1600, 20, seed), by_sensitive),
        "100 columns": (number_people(1600, 100, seed), by_sensitive),
    }
    for table, (people, rule) in tables.items():
        half = len(people) // 2
        known, fresh = people[:half].reset_index(drop=True), people[half:].reset_index(drop=True)
        for mixing in (lime_questions, shap_questions):
            for harmless in (one_harmless, two_harmless):
                model = Scaffolding(known, mixing, rule, harmless, seed)
                yield Try(f"{table}, {mixing.__name__}, {harmless.__name__}, known", known, model)
                yield Try(f"{table}, {mixing.__name__}, {harmless.__name__}, fresh", fresh, model)


def honest_tries(seed: int) -> Iterator[Try]:
    """Models of every kind on 5 to 100 columns that hang together a little and closely."""
    for n_columns in (5, 20, 100):
        for common in (0.3, 0.9):
            people = number_people(1200, n_columns, seed, common=common)
            known, fresh = people[:600], people[600:].reset_index(drop=True)
            for name in HONEST:
                answer = honest_answer(name, known, seed, is_bent=bool(seed % 2))
                yield Try(f"{name}, {n_columns} columns, {common}", known, answer)
                yield Try(f"{name}, {n_columns} columns, {common}, fresh", fresh, answer)


def main(n_seeds: int) -> None:
    """Write how often each kind is noticed: by an interval above 0, and by a value above 0.05."""
    say = sys.stdout.write
    for kind, tries in (("fooling", fooling_tries), ("honest", honest_tries)):
        found: dict[str, list[tuple[float, float]]] = {}
        for seed in range(n_seeds):
            for one in tries(seed):
                gap = off_manifold_gap(one.answer, one.rows, np.random.default_rng(seed)).gap
                assert gap.value is not None
                assert gap.low is not None
                found.setdefault(one.what, []).append((gap.value, gap.low))
        for what, pairs in found.items():
            values, lows = np.array(pairs).T
            if kind == "fooling" or lows.max() > 0:
                say(f"{what}: {values.mean():.3f} mean, {lows.min():.3f} least low end, "
                    f"{(lows > 0).mean():.0%} noticed\n")  # fmt: skip
        values, lows = np.array([pair for pairs in found.values() for pair in pairs]).T
        say(f"{kind}: {len(lows)} models, {(lows > 0).sum()} with the interval above 0, "
            f"largest low end {lows.max():.4f}, {(values > 0.05).sum()} values above 0.05, "
            f"largest value {values.max():.3f}\n")  # fmt: skip


if __name__ == "__main__":
    with threadpool_limits(1):
        main(int(sys.argv[1]))
