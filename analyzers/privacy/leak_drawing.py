"""Charts of what leaks beside membership."""

from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.privacy.audit_drawing import draw_audit
from analyzers.privacy.extraction import STRATEGIES
from analyzers.privacy.memorised import N_CANDIDATES
from analyzers.privacy.property_drawing import draw_property
from analyzers.privacy.prototype_drawing import draw_prototypes
from analyzers.privacy.singling_out_drawing import (
    draw_combination_sizes,
    draw_identifying_columns,
)
from analyzers.toolkit.plots import INK, PALETTE, figure, limit_line, plain


def draw_leaks(measurements: Measurements) -> list[Chart]:
    """Draw attribute inference and the copies, where they were measured."""
    charts = []
    for name, chart in (
        ("attribute_inference", _attributes), ("extraction", _copies),
        ("shadow_models", _shadows), ("memorised_values", _memorised),
        ("prototypes", draw_prototypes), ("combination_sizes", draw_combination_sizes),
        ("identifying_columns", draw_identifying_columns), ("audit", draw_audit),
        ("property_models", draw_property),
    ):  # fmt: skip
        table = measurements.tables.get(name)
        if table is not None and table.num_rows:
            charts.append(chart(table.to_pandas(), measurements))
    return charts


def _attributes(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    del measurements
    names = list(dict.fromkeys(rows["attribute"]))
    places = np.arange(len(names))[::-1]
    traces: list[dict[str, Any]] = []
    for shift, side in enumerate(dict.fromkeys(rows["side"])):
        mine = rows[rows["side"] == side]
        value, low, high = (mine[name].to_numpy(np.float64) for name in ("value", "low", "high"))
        colour = PALETTE[shift]
        traces.append(
            {
                "type": "scatter", "mode": "markers", "x": value, "y": places + 0.2 * (1 - shift),
                "name": plain(side), "marker": {"color": colour, "size": 9},
                "hovertemplate": "%{x:.1%} more often right<extra></extra>",
                "error_x": {
                    "type": "data", "symmetric": False, "array": high - value,
                    "arrayminus": value - low, "color": colour, "thickness": 1.5, "width": 3,
                },
            }
        )  # fmt: skip
    n = int(rows["n"].min())
    return Chart(
        name="attribute_inference",
        title="What the model adds to guessing an attribute",
        caption=(
            "How much more often the guess is right with the model than without it, with 95 % "
            f"bootstrap intervals; {len(names)} attributes, n = {n:,} rows or more on each side. "
            "Only the difference between members and non-members is memory of persons."
        ),
        alt=f"Points with intervals for {len(names)} attributes, members and non-members apart.",
        table="attribute_inference",
        figure=figure(
            traces, x="Right guesses, with the model minus without", y="",
            height=max(260, 70 * len(names) + 120), shapes=[limit_line(0.0, axis="x", label="")],
            xaxis={"tickformat": ".0%"},
            yaxis={
                "tickvals": places, "ticktext": [plain(name, longest=40) for name in names],
                "range": [-0.7, len(names) - 0.3],
            },
        ),
    )  # fmt: skip


def _memorised(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    del measurements
    names = list(dict.fromkeys(rows["attribute"]))
    places = np.arange(len(names))[::-1]
    traces: list[dict[str, Any]] = []
    for shift, side in enumerate(("members", "non-members")):
        mine = rows[rows["side"] == side]
        value, low, high = (mine[name].to_numpy(np.float64) for name in ("value", "low", "high"))
        colour = PALETTE[shift]
        traces.append(
            {
                "type": "scatter", "mode": "markers", "x": value, "y": places + 0.15 - 0.3 * shift,
                "name": side, "marker": {"color": colour, "size": 9},
                "hovertemplate": "%{x:.2f} bits<extra></extra>",
                "error_x": {
                    "type": "data", "symmetric": False, "array": high - value,
                    "arrayminus": value - low, "color": colour, "thickness": 1.5, "width": 3,
                },
            }
        )  # fmt: skip
    n = int(rows["n"].min())
    return Chart(
        name="memorised_values",
        title="How far single values stand out, for members and for others",
        caption=(
            f"Mean exposure in bits with 95 % intervals; n = {n:,} records or more on each side. "
            f"{np.log2(N_CANDIDATES):.0f} bits: the true value always comes first among "
            f"{N_CANDIDATES}. Only what members have beyond non-members is memory."
        ),
        alt=f"Points with intervals for {len(names)} kinds of values, members beside non-members.",
        table="memorised_values",
        figure=figure(
            traces, x="Exposure (bits)", y="", height=max(260, 70 * len(names) + 120),
            yaxis={
                "tickvals": places, "ticktext": [plain(name, longest=40) for name in names],
                "range": [-0.7, len(names) - 0.3],
            },
        ),
    )  # fmt: skip


def _copies(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    traces = []
    for place, (strategy, mine) in enumerate(rows.groupby("strategy", sort=False)):
        value, low, high = (mine[name].to_numpy(np.float64) for name in ("value", "low", "high"))
        colour = PALETTE[place]
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "y": value,
                "x": mine["queries"].to_numpy(np.int64), "name": STRATEGIES[str(strategy)],
                "line": {"color": colour},
                "hovertemplate": "%{x:,} questions: %{y:.1%}<extra></extra>",
                "error_y": {
                    "type": "data", "symmetric": False, "array": high - value,
                    "arrayminus": value - low, "color": colour, "thickness": 1.2, "width": 4,
                },
            }
        )  # fmt: skip
    n = int(rows["n"].iloc[0])
    constant = measurements.estimates.get("agreement_of_a_constant")
    shapes = []
    if constant is not None and constant.value is not None:
        shapes.append(limit_line(constant.value, axis="y", label="always the usual answer"))
    budgets = sorted(set(rows["queries"].tolist()))
    return Chart(
        name="extraction",
        title="How well a copy agrees with the model, by questions asked",
        caption=(
            f"Share of n = {n:,} rows the copy never asked about on which both give the same "
            "answer, with 95 % intervals; the dashed line is what no questions at all would give."
        ),
        alt=f"Agreement of copies with the model at {len(budgets)} numbers of questions.",
        table="extraction",
        figure=figure(
            traces, x="Questions asked", y="Agreement with the model", shapes=shapes,
            xaxis={"type": "log", "tickvals": budgets}, yaxis={"tickformat": ".0%"},
        ),
    )  # fmt: skip


def _shadows(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    del measurements
    traces = []
    for is_target, name, colour, symbol in (
        (False, "shadow models", PALETTE[0], "circle"),
        (True, "the model", INK, "diamond"),
    ):
        mine = rows[rows["is_target"] == is_target]
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": name,
                "x": mine["training_accuracy"].to_numpy(np.float64),
                "y": mine["held_out_accuracy"].to_numpy(np.float64),
                "marker": {"color": colour, "size": 10, "symbol": symbol, "opacity": 0.8},
                "hovertemplate": "%{x:.1%} on its own rows, %{y:.1%} on others<extra></extra>",
            }
        )  # fmt: skip
    n_models, n_rows = int((~rows["is_target"]).sum()), int(rows["n_training"].iloc[0])
    return Chart(
        name="shadow_models",
        title="Whether the shadow models are made like the model",
        caption=(
            f"Accuracy on the rows each was fitted on and on others, {n_models} shadow models and "
            f"the model itself ({n_rows:,} training rows); a model far from its shadows was made "
            "in another way, and the attack is weaker than it could be."
        ),
        alt=f"Points for {n_models} shadow models and the model by training and other accuracy.",
        table="shadow_models",
        figure=figure(
            traces, x="Accuracy on its own training rows", y="Accuracy on other rows",
            xaxis={"tickformat": ".0%"}, yaxis={"tickformat": ".0%"},
        ),
    )  # fmt: skip
