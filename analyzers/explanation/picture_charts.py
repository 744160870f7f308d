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


def overlay_chart(measurements: Measurements) -> Chart | None:
    """Draw each kept picture with its attribution over it; the shown one with others beside it."""
    if not is_filled(measurements, "cells"):
        return None
    table = measurements.tables["cells"].to_pandas()
    shown = int(measurements.facts.get("shown_row") or 0)
    rows = list(dict.fromkeys(table["row"]))
    panels: list[tuple[str, pd.DataFrame, str]] = []
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
        heat = _grid(part, column)
        reach = float(np.nanmax(np.abs(heat))) or 1.0
        traces.append(
            {
                "type": "heatmap", "z": _grid(part, "brightness"), "colorscale": "Greys",
                "reversescale": True, "showscale": False, "hoverinfo": "skip", **axes,
            }
        )  # fmt: skip
        traces.append(
            {
                "type": "heatmap", "z": heat, "zmin": -reach, "zmax": reach, "opacity": 0.65,
                "colorscale": [[0, DIVERGING[8]], [0.5, "#F7F7F7"], [1, DIVERGING[1]]],
                "showscale": False, "hovertemplate": "%{y}, %{x}: %{z:.3g}<extra></extra>", **axes,
            }
        )  # fmt: skip
    output = plain(measurements.facts.get("explained_output") or "output", longest=60)
    return Chart(
        name="overlay",
        title="Which parts of the picture move the answer",
        caption=f"n = {len(rows)} pictures by SHAP, the first also by Owen values (patches hidden "
        f"together) and LIME; orange raises, blue lowers the {output}; each has its own colours.",
        alt=f"Attribution of {len(rows)} pictures laid over them, the first with Owen values and "
        "LIME beside it.",
        table="cells",
        figure={"data": traces, "layout": layout},
    )


def _grid(part: pd.DataFrame, column: str) -> np.ndarray:
    down, across = part["down"].to_numpy(), part["across"].to_numpy()
    grid = np.zeros((down.max() + 1, across.max() + 1), dtype=np.float32)
    grid[down, across] = part[column].fillna(0).to_numpy()
    return grid
