"""Pictures with what moved the answer laid over them."""

from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.explanation.chart_words import is_filled
from analyzers.toolkit.plots import DIVERGING, plain

# Pixels of a picture, and of a page across.
_SIDE, _WIDTH = 240, 960
PICTURES_SHOWN = 4


def picture_rows(measurements: Measurements) -> list[int]:
    """Row numbers of the pictures whose cells were kept, the shown one first."""
    if not is_filled(measurements, "cells"):
        return []
    return list(dict.fromkeys(measurements.tables["cells"]["row"].to_pylist()))


def overlay_chart(measurements: Measurements, only: int | None = None) -> Chart | None:
    """Draw pictures with their attribution over them; the shown one with others beside it.

    Args:
        measurements: of this analyzer.
        only: one of `picture_rows`, drawn beside its original; None for the first few of all.

    Returns:
        None where nothing was kept.
    """
    kept = picture_rows(measurements)
    if not kept or (only is not None and only not in kept):
        return None
    table = measurements.tables["cells"].to_pandas()
    shown = int(measurements.facts.get("shown_row") or 0)
    rows = kept[:PICTURES_SHOWN] if only is None else [only]
    panels: list[tuple[str, pd.DataFrame, str]] = []
    if only is not None:
        panels.append(("original", table[table["row"] == only], ""))
    for row in rows:
        part = table[table["row"] == row]
        panels.append((f"row {row}, SHAP", part, "phi"))
        for column, name in (("owen", "in groups (Owen)"), ("lime", "LIME")):
            if row == shown and part[column].notna().any():
                panels.append((name, part, column))
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": min(_SIDE, _WIDTH // len(panels)) + 60,
        "margin": {"l": 10, "r": 10, "t": 40, "b": 10},
        "annotations": [],
        "showlegend": False,
    }
    width = 1 / len(panels)
    for at, (title, part, column) in enumerate(panels):
        suffix = "" if at == 0 else str(at + 1)
        left = at * width
        layout[f"xaxis{suffix}"] = {
            "domain": [left + 0.005, left + width - 0.005], "visible": False,
            "anchor": f"y{suffix}", "constrain": "domain",
        }  # fmt: skip
        layout[f"yaxis{suffix}"] = {
            "autorange": "reversed", "visible": False, "anchor": f"x{suffix}",
            "scaleanchor": f"x{suffix}", "constrain": "domain",
        }  # fmt: skip
        layout["annotations"].append(
            {
                "text": plain(title), "x": 0.5, "y": 1.02, "xref": f"x{suffix} domain",
                "yref": f"y{suffix} domain", "showarrow": False, "yanchor": "bottom",
            }
        )  # fmt: skip
        axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        traces.append(
            {
                "type": "heatmap", "z": _grid(part, "brightness"), "colorscale": "Greys",
                "reversescale": True, "showscale": False, "hoverinfo": "skip", **axes,
            }
        )  # fmt: skip
        if not column:
            continue
        heat = _grid(part, column)
        reach = float(np.nanmax(np.abs(heat))) or 1.0
        traces.append(
            {
                "type": "heatmap", "z": heat, "zmin": -reach, "zmax": reach, "opacity": 0.65,
                "colorscale": [[0, DIVERGING[8]], [0.5, "#F7F7F7"], [1, DIVERGING[1]]],
                "showscale": False, "hovertemplate": "%{y}, %{x}: %{z:.3g}<extra></extra>", **axes,
            }
        )  # fmt: skip
    output = plain(measurements.facts.get("explained_output") or "output", longest=60)
    many = (
        f"n = {len(rows)} pictures by SHAP, the first" if only is None else "n = 1 picture by SHAP"
    )
    also = "also by Owen values (patches hidden together) and LIME"
    has_more = shown in rows
    return Chart(
        name="overlay",
        title="Which parts of the picture move the answer"
        if only is None
        else f"Row {only:,}: which parts of the picture move the answer",
        caption=many
        + (f"{'' if only is None else ','} {also}" if has_more else "")
        + f"; orange raises, blue lowers the {output}; each has its own colours."
        + ("" if only is None else _answer_of(measurements, only)),
        alt=f"Attribution of {len(rows)} pictures laid over them"
        + (", the first with Owen values and LIME beside it." if has_more else "."),
        table="cells",
        figure={"data": traces, "layout": layout},
    )


def _answer_of(measurements: Measurements, row: int) -> str:
    table = measurements.tables["explained_rows"].to_pandas().set_index("row")
    if row not in table.index:
        return ""
    line = table.loc[row]
    truth = "" if pd.isna(line["label"]) else f", in truth {plain(line['label'], longest=30)}"
    return (
        f" The model reads {plain(line['predicted'], longest=30)}{truth}; all cells together lead "
        f"from {line['base']:.3g} to {line['output']:.3g}."
    )


def _grid(part: pd.DataFrame, column: str) -> np.ndarray:
    down, across = part["down"].to_numpy(), part["across"].to_numpy()
    grid = np.zeros((down.max() + 1, across.max() + 1), dtype=np.float32)
    grid[down, across] = part[column].fillna(0).to_numpy()
    return grid
