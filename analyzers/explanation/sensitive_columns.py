"""How much of an explanation falls on columns that say who a person is, or give that away.

A column is a proxy where it removes at least a twentieth of the uncertainty about a sensitive one,
with the whole interval. That limit is a choice, so the table has the number of every column.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.result import Estimate
from analyzers.core.workbench import Workbench
from analyzers.explanation.records import Scene
from analyzers.explanation.tables import TABLES
from analyzers.toolkit.association import what_tells
from analyzers.toolkit.groups import Attribute, attribute_of
from analyzers.toolkit.sampling import sample_rows, sampling_note

LEAST_TOLD = 0.05
MOST_ROWS = 4_000
MOST_COLUMNS = 100
_DRAWS = 200
_ROW_DRAWS = 500


class SensitiveColumns(NamedTuple):
    """What was found.

    Attributes:
        estimates: shares of |SHAP| on sensitive columns, one by one and together, and on proxies.
        table: how much each column tells of each sensitive one.
        proxies: the proxies in words; empty where there are none.
        note: which rows were searched for proxies; empty where all were.
    """

    estimates: dict[str, Estimate]
    table: pa.Table
    proxies: str
    note: str


def measure_sensitive(bench: Workbench, scene: Scene, rng: np.random.Generator) -> SensitiveColumns:
    """Measure the shares of attribution on sensitive columns and on their proxies.

    Args:
        bench: says which columns are sensitive.
        scene: the explanation.
        rng: draws rows anew for the intervals.
    """
    sensitive = [column.name for column in bench.subject.sensitive]
    sampling, counting, drawing = rng.spawn(3)
    frame = bench.data.frame
    if sensitive and len(frame) > MOST_ROWS:
        frame = frame.iloc[sample_rows(bench.data, MOST_ROWS, sampling)]
    table, proxies = _proxies(frame, scene, sensitive, counting)
    inside = [name for name in sensitive if name in scene.frame.columns]
    shares = _Shares(scene, drawing)
    if inside:
        estimates = {"sensitive_share": shares.of(inside)}
        estimates |= {f"sensitive_share.{name}": shares.of([name]) for name in inside}
    else:
        reason = "No sensitive column is among those the model sees."
        estimates = {"sensitive_share": Estimate.unmeasured(reason)}
    estimates["proxy_share"] = (
        shares.of([name for name in proxies if name not in inside])
        if table.num_rows
        else Estimate.unmeasured("There is no sensitive column that another could give away.")
    )
    words = ", ".join(f"{name} ({', '.join(about)})" for name, about in proxies.items())
    note = sampling_note(len(frame), len(bench.data), "Rows searched for proxies")
    return SensitiveColumns(estimates, table, words, note)


class _Shares:
    """Shares of all |SHAP| that fall on some columns, with intervals from the same drawn rows."""

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        n = len(scene.attribution.values)
        self.sizes = np.abs(scene.attribution.values)
        self.places = {name: at for at, name in enumerate(scene.frame.columns)}
        self.draws = rng.multinomial(n, np.full(n, 1 / n), size=_ROW_DRAWS)

    def of(self, names: Sequence[str]) -> Estimate:
        """The share on these columns."""
        total = self.sizes.sum()
        if total == 0:
            return Estimate.unmeasured("No column moves the output at all.")
        part = self.sizes[:, [self.places[name] for name in names]].sum(axis=1)
        drawn = np.maximum(self.draws @ self.sizes.sum(axis=1), np.finfo(float).tiny)
        low, high = np.quantile(self.draws @ part / drawn, [0.025, 0.975])
        return Estimate(
            value=float(part.sum() / total),
            low=float(low),
            high=float(high),
            n=len(self.sizes),
            method=f"bootstrap over rows, {_ROW_DRAWS} draws",
        )


def _proxies(
    frame: pd.DataFrame, scene: Scene, sensitive: list[str], rng: np.random.Generator
) -> tuple[pa.Table, dict[str, list[str]]]:
    """How much each of the model's columns tells of each sensitive one, and which are proxies."""
    sizes = np.abs(scene.attribution.values).mean(axis=0)
    shares = sizes / (sizes.sum() or 1.0)
    columns = {str(scene.frame.columns[at]): shares[at] for at in scene.order[:MOST_COLUMNS]}
    groups = {name: _groups_of(frame[name]) for name in dict.fromkeys([*sensitive, *columns])}
    lines: list[dict[str, object]] = []
    proxies: dict[str, list[str]] = {}
    for attribute in sensitive:
        about = groups[attribute]
        if about is None or len(about.levels) < 2:
            continue
        for name, share in columns.items():
            own = groups[name]
            if name == attribute or own is None:
                continue
            told = what_tells(about, own, n_draws=_DRAWS, rng=rng)
            is_proxy = told.low is not None and told.low >= LEAST_TOLD
            if is_proxy:
                proxies.setdefault(name, []).append(attribute)
            lines.append(
                {
                    "attribute": attribute, "feature": name, "told": told.value,
                    "low": told.low, "high": told.high, "share": share, "is_proxy": is_proxy,
                    "n": len(frame),
                }
            )  # fmt: skip
    return pa.Table.from_pylist(lines, schema=TABLES["proxies"]), proxies


def _groups_of(column: pd.Series) -> Attribute | None:
    """The column as groups; None where it has too many levels to count."""
    try:
        return attribute_of(column)
    except UnsuitableSubject:
        return None
