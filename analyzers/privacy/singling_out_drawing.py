"""Charts of who stands alone in the training table by what others may know."""

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import PALETTE, figure, plain


def draw_combination_sizes(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    """Draw how many records share their values with how many others."""
    del measurements
    records = rows["records"].to_numpy(np.int64)
    n = int(rows["n_records"].iloc[0])
    alone = int(records[0])
    return Chart(
        name="combination_sizes",
        title=f"{alone:,} of {n:,} records stand alone by what others may know",
        caption=(
            "Records of the training table by how many records share their values in the columns "
            f"chosen; n = {n:,} records in {int(rows['combinations'].sum()):,} combinations. "
            "The smaller the group, the less one must know to find a person in it."
        ),
        alt=f"Bars: {alone} of {n} records stand alone, the others share their values.",
        table="combination_sizes",
        figure=figure(
            [
                {
                    "type": "bar", "x": rows["size"].tolist(), "y": records / n,
                    "customdata": np.stack([records, rows["combinations"]], axis=1).tolist(),
                    "marker": {"color": [PALETTE[1], *[PALETTE[0]] * (len(rows) - 1)]},
                    "hovertemplate": "%{customdata[0]:,} records in %{customdata[1]:,} groups"
                    "<extra></extra>",
                }
            ],
            x="Records that share all the values", y="Share of the records",
            xaxis={"type": "category"}, yaxis={"tickformat": ".0%", "rangemode": "tozero"},
            showlegend=False,
        ),
    )  # fmt: skip


def draw_identifying_columns(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    """Draw how many records would still stand alone if one column were left out."""
    del measurements
    rows = rows.sort_values(["alone_without_it", "column"], ascending=[False, True], kind="stable")
    n, alone = int(rows["n_records"].iloc[0]), int(rows["alone_with_all"].iloc[0])
    best = rows.iloc[-1]
    names = [plain(name, longest=40) for name in rows["column"]]
    traces = [
        {
            "type": "bar", "orientation": "h", "y": names, "name": name,
            "x": rows[column].to_numpy(np.int64) / n, "marker": {"color": colour},
            "customdata": rows[column].tolist(),
            "hovertemplate": "%{customdata:,} records stand alone<extra></extra>",
        }
        for column, name, colour in (
            ("alone_by_it_only", "by this column only", PALETTE[1]),
            ("alone_without_it", "by all but this column", PALETTE[0]),
        )
    ]  # fmt: skip
    return Chart(
        name="identifying_columns",
        title=f"Leaving out {plain(best['column'], longest=40)} would hide the most people",
        caption=(
            f"Share of n = {n:,} records that stand alone; by all columns together it is {alone:,} "
            f"({alone / n:.1%}), without {plain(best['column'], longest=40)} "
            f"{int(best['alone_without_it']):,}. All rows are counted."
        ),
        alt=f"Bars for {len(rows)} columns: records alone without the column, and by it only.",
        table="identifying_columns",
        figure=figure(
            traces, x="Share of the records that stand alone", y="",
            height=max(260, 46 * len(rows) + 140), barmode="group",
            xaxis={"tickformat": ".0%", "rangemode": "tozero"},
        ),
    )  # fmt: skip
