"""The explained rows in the order in which someone looks for one, and as points to click on."""

from typing import Literal, get_args

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.explanation.chart_words import is_filled, output_of
from analyzers.toolkit.plots import PALETTE, figure, plain

RowOrder = Literal[
    "the most instructive first",
    "wrong answers, the surest first",
    "highest output first",
    "lowest output first",
    "nearest to the edge between answers",
    "as in the file",
]
ROW_ORDERS: tuple[RowOrder, ...] = get_args(RowOrder)


def rows_in_order(measurements: Measurements, order: RowOrder) -> dict[int, str]:
    """Row numbers of the explained rows with words that name each.

    Args:
        measurements: of this analyzer.
        order: how they are sorted; rows that are not wrong are left out of the wrong ones. For a
            regression the surest are those furthest from the truth.

    Returns:
        Words by row number: number, id where there is one, prediction and truth.
    """
    if not is_filled(measurements, "explained_rows"):
        return {}
    table = measurements.tables["explained_rows"].to_pandas()
    error = error_of(measurements, table)
    if order == "the most instructive first":
        table = table.sort_values(["is_shown", "row"], ascending=[False, True])
    elif order == "wrong answers, the surest first":
        table = table[error > 0].iloc[np.argsort(-error[error > 0], kind="stable")]
    elif order == "nearest to the edge between answers":
        distance = (table["output"] - _edge(table)).abs()
        table = table.iloc[np.argsort(distance.to_numpy(), kind="stable")]
    elif order == "as in the file":
        table = table.sort_values("row")
    else:
        is_up = order == "lowest output first"
        table = table.sort_values(["output", "row"], ascending=[is_up, True])
    return {int(line.row): _words(line) for line in table.itertuples()}


def error_of(measurements: Measurements, table: pd.DataFrame) -> np.ndarray:
    """How wrong each answer is, `(n_rows,)`; 0 where it is right or the truth is unknown."""
    known = table["label"].notna()
    if measurements.facts.get("class") is None:
        truth = pd.to_numeric(table["label"].where(known), errors="coerce")
        predicted = pd.to_numeric(table["predicted"], errors="coerce")
        return np.nan_to_num((predicted - truth).abs().to_numpy(np.float64))
    is_wrong = known & (table["label"] != table["predicted"])
    distance = 1e-9 + (table["output"] - _edge(table)).abs()
    return np.where(is_wrong, distance, 0.0)


def rows_chart(measurements: Measurements) -> Chart | None:
    """Draw every explained row as a point that can be clicked on; right and wrong apart."""
    if not is_filled(measurements, "explained_rows"):
        return None
    table = measurements.tables["explained_rows"].to_pandas().sort_values(["output", "row"])
    error, is_class = error_of(measurements, table), measurements.facts.get("class") is not None
    place = np.arange(1, len(table) + 1)
    known = table["label"].notna().to_numpy()
    parts = [("right", known & (error == 0), 0), ("wrong", error > 0, 1),
             ("truth unknown", ~known, 7)]  # fmt: skip
    if not is_class:
        parts = [("explained row", np.ones(len(table), dtype=bool), 0)]
    words = [_words(line) for line in table.itertuples()]
    traces = [
        {
            "type": "scattergl" if len(table) > 1000 else "scatter",
            "mode": "markers",
            "name": name,
            "x": place[mask],
            "y": table["output"].to_numpy()[mask],
            "customdata": table["row"].to_numpy()[mask],
            "text": [word for word, is_in in zip(words, mask, strict=True) if is_in],
            # Open crosses leave the points behind them to be seen.
            "marker": {
                "color": PALETTE[at % len(PALETTE)],
                "opacity": 0.8,
                "size": 6 if name == "wrong" else 7,
                "symbol": "x-thin-open" if name == "wrong" else "circle",
            },
            "hovertemplate": "%{text}: %{y:.3g}<extra></extra>",
        }
        for name, mask, at in parts
        if mask.any()
    ]
    n_wrong = int((error > 0).sum())
    wrong = f", {n_wrong:,} of them wrong" if is_class else ""
    return Chart(
        name="rows",
        title="Click on a row to look at it",
        caption=f"{len(table):,} explained rows{wrong}, from the lowest to the highest "
        f"{output_of(measurements)}.",
        alt=f"{len(table):,} points sorted by output{wrong}.",
        table="explained_rows",
        figure=figure(
            traces, x="explained rows, by output", y=output_of(measurements), height=300,
            clickmode="event+select",
        ),
    )  # fmt: skip


def _edge(table: pd.DataFrame) -> float:
    """The output between the class and the others, as far as these rows show it."""
    by_answer = table.groupby("predicted")["output"].agg(["min", "max"]).sort_values("min")
    if len(by_answer) != 2:
        return float(table["output"].median())
    return float((by_answer["max"].iloc[0] + by_answer["min"].iloc[1]) / 2)


def _words(line: pd.Series) -> str:
    identity = "" if pd.isna(line.id) else f", {plain(line.id, longest=30)}"
    truth = "" if pd.isna(line.label) else f", in truth {plain(line.label, longest=30)}"
    return f"row {line.row:,}{identity}: {plain(line.predicted, longest=30)}{truth}"
