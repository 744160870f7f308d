"""The chart of the one-run audit."""

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import PALETTE, figure, limit_line


def draw_audit(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    """Draw the share of right guesses against chance and against what a claim allows."""
    del measurements
    value, low, high = (rows[name].to_numpy(np.float64) for name in ("value", "low", "high"))
    n_records, best = int(rows["n_records"].iloc[0]), float(rows["epsilon"].max())
    allowed = rows["allowed"].iloc[0]
    sharpest = rows.iloc[int(rows["epsilon"].to_numpy().argmax())]
    right, guesses = int(sharpest["right"]), int(sharpest["guesses"])
    lines = [limit_line(0.5, axis="y", label="tossing a coin")]
    if pd.notna(allowed):
        lines.append(limit_line(float(allowed), axis="y", label="what the claim allows on average"))
    return Chart(
        name="audit",
        title=f"{right:,} of {guesses:,} guesses at what was trained on are right",
        caption=(
            f"Share of right guesses about the records that look most and least known, of "
            f"n = {n_records:,} put in or left out by coin, with 95 % intervals. Beside each is "
            f"the lower bound of epsilon it proves, {best:.2f} at most; all three hold together."
        ),
        alt=f"Share of right guesses at {len(rows)} numbers of guesses, with the line of a coin.",
        table="audit",
        figure=figure(
            [
                {
                    "type": "scatter", "mode": "markers+text", "y": value,
                    "x": [f"{count:,}" for count in rows["guesses"]],
                    "text": [f"epsilon ≥ {item:.2f}" for item in rows["epsilon"]],
                    "textposition": "middle right", "cliponaxis": False,
                    "marker": {"color": PALETTE[0], "size": 10},
                    "customdata": rows["right"].tolist(),
                    "hovertemplate": "%{customdata:,} right, %{y:.1%}<extra></extra>",
                    "error_y": {
                        "type": "data", "symmetric": False, "array": high - value,
                        "arrayminus": value - low, "color": PALETTE[0], "thickness": 1.5,
                        "width": 4,
                    },
                }
            ],
            x="Guesses made", y="Share of right guesses", shapes=lines,
            xaxis={"type": "category", "range": [-0.4, len(rows) - 0.4]},
            yaxis={"tickformat": ".0%", "range": [0.3, 1.05]}, showlegend=False,
        ),
    )  # fmt: skip
