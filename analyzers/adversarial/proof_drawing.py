"""Charts of what is proved about a tree model, and how near the search came to it."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.units import size_unit_of
from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import PALETTE, figure, limit_line, plain

_BANDS = ("rgba(0,158,115,0.15)", "rgba(0,114,178,0.15)")
MOST_POINTS = 2000


def draw_proof_curve(table: pa.Table, measurements: Measurements) -> Chart:
    """Share proved to stay right at each size, below the share that was not flipped."""
    n = table["n"][0].as_py()
    size, proved, standing = (_numbers(table, name) for name in ("size", "proved", "not_flipped"))
    traces: list[dict[str, Any]] = []
    for place, (name, words, value) in enumerate(
        (("proved", "proved to stay right", proved), ("not_flipped", "not flipped", standing))
    ):
        low, high = (_numbers(table, f"{name}_{end}") for end in ("low", "high"))
        traces += [
            {
                "type": "scatter", "mode": "lines", "x": np.r_[size, size[::-1]],
                "y": np.r_[high, low[::-1]], "fill": "toself", "fillcolor": _BANDS[place],
                "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False,
            },
            {
                "type": "scatter", "mode": "lines", "x": size, "y": value, "name": words,
                "line": {
                    "color": PALETTE[2 if place == 0 else 0], "shape": "hv",
                    "dash": "solid" if place == 0 else "dash",
                },
                "hovertemplate": f"size %{{x:.3g}}: %{{y:.1%}}<extra>{words}</extra>",
            },
        ]  # fmt: skip
    budget = measurements.facts.get("budget")
    shapes = []
    if isinstance(budget, float):
        shapes = [limit_line(budget, axis="x", label="stated budget")]
    widest = float((standing - proved).max())
    said = (
        "the two lines lie on each other, so nothing is open"
        if widest <= 0
        else f"between the lines, at most {widest:.0%} of the rows, nothing is known"
    )
    return Chart(
        name="proof_curve",
        title="How many answers are proved to stay right, size by size",
        caption=f"Share of {n:,} rows that are answered correctly and that no change up to each "
        f"size within the rules flips, with 95 % intervals; {said}.",
        alt=f"Two falling lines over {len(size)} sizes, {n:,} rows; at most {widest:.0%} apart.",
        table="proof_curve",
        figure=figure(
            traces, x=f"Size of the change {size_unit_of(measurements)}",
            y="Share answered correctly",
            yaxis={"range": [0, 1.02], "tickformat": ".0%"}, xaxis={"rangemode": "tozero"},
            shapes=shapes,
        ),
    )  # fmt: skip


def draw_search_gap(table: pa.Table, measurements: Measurements) -> Chart:
    """The change the search found for each row against the smallest one known, or the bound."""
    shown = [
        row for row in table.to_pylist()
        if row["search_found"] is not None and row["smallest_known"] is not None
    ][:MOST_POINTS]  # fmt: skip
    traces: list[dict[str, Any]] = []
    most = max([float(row["search_found"]) for row in shown], default=1.0)
    for place, (is_proved, words) in enumerate(
        ((True, "proved smallest"), (False, "smallest known, a smaller one not ruled out"))
    ):
        rows = [row for row in shown if row["verdict"].startswith("proved") == is_proved]
        if not rows:
            continue
        trace: dict[str, Any] = {
            "type": "scattergl" if len(shown) > 1000 else "scatter", "mode": "markers",
            "x": np.array([row["smallest_known"] for row in rows]),
            "y": np.array([row["search_found"] for row in rows]),
            "name": words, "customdata": np.array([row["row"] for row in rows]),
            "marker": {
                "color": PALETTE[2 if place == 0 else 1],
                "symbol": "circle" if place == 0 else "circle-open", "size": 8,
            },
            "hovertemplate": "row %{customdata}: smallest %{x:.3g}, search %{y:.3g}"
            "<extra></extra>",
        }  # fmt: skip
        traces.append(trace)
    traces.append(
        {
            "type": "scatter", "mode": "lines", "x": np.array([0.0, most]),
            "y": np.array([0.0, most]), "name": "the search found the smallest",
            "line": {"color": "#777777", "dash": "dot"}, "hoverinfo": "skip",
        }
    )  # fmt: skip
    near = measurements.estimates.get("search_within_5_percent")
    said = ""
    if near is not None and near.value is not None:
        said = f" Of {near.n:,} rows with a proof, the search came within 5 % for {near.value:.0%}."
    return Chart(
        name="search_gap",
        title="How near the search by questions came to the smallest change",
        caption=f"{len(shown):,} rows for which the search found a change; a point far above the "
        f"dotted line needs far less than the search knew.{said}",
        alt=f"Scatter of {len(shown)} rows: the smallest change known against the one found.",
        table="proof",
        figure=figure(
            traces, x=f"Smallest change known {size_unit_of(measurements)}",
            y="Size found by the search",
            xaxis={"rangemode": "tozero"}, yaxis={"rangemode": "tozero"},
        ),
    )  # fmt: skip


def draw_reach_gap(table: pa.Table, measurements: Measurements) -> Chart:
    """The movement the search found for each row against the largest one known."""
    shown = table.to_pylist()[:MOST_POINTS]
    outcome = plain(measurements.facts.get("outcome", "prediction"))
    most = max(float(row["largest_known"]) for row in shown)
    traces: list[dict[str, Any]] = []
    for place, words in enumerate(("proved largest", "between the two")):
        rows = [row for row in shown if row["verdict"] == words]
        if not rows:
            continue
        traces.append(
            {
                "type": "scattergl" if len(shown) > 1000 else "scatter", "mode": "markers",
                "x": np.array([row["largest_known"] for row in rows]),
                "y": np.array([row["search_found"] for row in rows]),
                "name": words if place == 0 else "largest known, a larger one not ruled out",
                "customdata": np.array([[row["row"], row["no_more_than"]] for row in rows]),
                "marker": {
                    "color": PALETTE[2 if place == 0 else 1],
                    "symbol": "circle" if place == 0 else "circle-open", "size": 8,
                },
                "hovertemplate": "row %{customdata[0]}: largest %{x:.4g}, search %{y:.4g}, no more "
                "than %{customdata[1]:.4g}<extra></extra>",
            }
        )  # fmt: skip
    traces.append(
        {
            "type": "scatter", "mode": "lines", "x": np.array([0.0, most]),
            "y": np.array([0.0, most]), "name": "the search found the largest",
            "line": {"color": "#777777", "dash": "dot"}, "hoverinfo": "skip",
        }
    )  # fmt: skip
    n_proved = sum(row["verdict"] == "proved largest" for row in shown)
    return Chart(
        name="search_gap",
        title="How near the search by questions came to the largest movement",
        caption=f"Change of the predicted {outcome} within the budget for {len(shown):,} rows, "
        f"proved largest for {n_proved:,}; a point far below the dotted line can be moved much "
        "further than the search knew.",
        alt=f"Scatter of {len(shown)} rows: the largest movement known against the one found.",
        table="reach",
        figure=figure(
            traces, x=f"Largest change of the predicted {outcome} known",
            y="Found by the search", xaxis={"rangemode": "tozero"}, yaxis={"rangemode": "tozero"},
        ),
    )  # fmt: skip


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)
