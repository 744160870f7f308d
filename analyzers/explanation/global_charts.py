"""Charts over all explained rows."""

import numpy as np

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.explanation.chart_words import (
    COLUMNS_SHOWN,
    interval_bars,
    is_filled,
    scale_of,
)
from analyzers.explanation.things import things_of
from analyzers.toolkit.plots import DIVERGING, PALETTE, figure, plain

_OTHER = "#6B7280"


def draw_bars(measurements: Measurements) -> Chart | None:
    """Mean size of the SHAP values, largest first, with intervals."""
    if not is_filled(measurements, "importance"):
        return None
    table = measurements.tables["importance"].to_pandas().iloc[:COLUMNS_SHOWN][::-1]
    names = [plain(name, longest=40) for name in table["feature"]]
    size, n = table["mean_abs"].to_numpy(), int(table["n"].max())
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": size,
        "y": names,
        "marker": {"color": PALETTE[0]},
        "error_x": interval_bars(table, "mean_abs"),
        "hovertemplate": "%{y}: %{x:.3g}<extra></extra>",
    }
    things, top = things_of(measurements), names[-1]
    return Chart(
        name="importance",
        title=f"{top} moves the output most",
        caption=(
            f"Mean size of the SHAP values over {n:,} explained {things.wholes}, largest "
            f"{len(names)} {things.parts}, with 95 % intervals over {things.wholes}."
        ),
        alt=f"Bars of mean |SHAP|: {', '.join(f'{name}' for name in names[::-1][:5])} lead.",
        table="importance",
        figure=figure(
            [trace], x=f"mean |SHAP value| ({scale_of(measurements)})", y="",
            height=120 + 24 * len(names), showlegend=False,
        ),
    )  # fmt: skip


def draw_beeswarm(measurements: Measurements) -> Chart | None:
    """One point for each explained row and column."""
    if not is_filled(measurements, "beeswarm"):
        return None
    table = measurements.tables["beeswarm"].to_pandas()
    names = list(dict.fromkeys(table["feature"]))
    place = {name: len(names) - 1 - at for at, name in enumerate(names)}
    height = table["feature"].map(place).to_numpy() + table["height"].to_numpy()
    share = table["share"].to_numpy(dtype=float)
    is_number = ~np.isnan(share)
    kind = "scattergl" if len(table) > 1000 else "scatter"
    words = [plain(text, longest=40) for text in table["value"]]
    traces = []
    for mask, marker, label in (
        (~is_number, {"color": _OTHER}, "category or missing"),
        (
            is_number,
            {
                "color": share[is_number].astype(np.float32),
                "colorscale": [[0, DIVERGING[8]], [0.5, "#B8A9C9"], [1, DIVERGING[1]]],
                "cmin": 0,
                "cmax": 1,
                "colorbar": {
                    "title": {"text": "value"}, "tickvals": [0, 1], "ticktext": ["low", "high"],
                    "thickness": 10,
                },
            },
            "number",
        ),
    ):  # fmt: skip
        if mask.any():
            traces.append(
                {
                    "type": kind,
                    "mode": "markers",
                    "name": label,
                    "x": table["phi"].to_numpy()[mask].astype(np.float32),
                    "y": height[mask].astype(np.float32),
                    "text": [words[at] for at in np.flatnonzero(mask)],
                    "customdata": table["row"].to_numpy()[mask],
                    "marker": {"size": 4, "opacity": 0.7, **marker},
                    "hovertemplate": "row %{customdata}, value %{text}: %{x:.3g}<extra></extra>",
                }
            )
    n_rows = int(table["row"].nunique())
    return Chart(
        name="beeswarm",
        title="How each value moves the output, row by row",
        caption=(
            f"One point for each of {n_rows:,} explained rows and column; right of 0 the value "
            "raises the output; colour is the value's rank from low (blue) to high (orange)."
        ),
        alt=f"Beeswarm of SHAP values of {len(names)} columns, led by {plain(names[0])}.",
        table="beeswarm",
        figure=figure(
            traces,
            x=f"SHAP value ({scale_of(measurements)})",
            y="",
            height=140 + 28 * len(names),
            yaxis={
                "tickvals": list(place.values()),
                "ticktext": [plain(name, longest=40) for name in names],
            },
        ),
    )


def grouped_by(measurements: Measurements) -> list[str]:
    """What rows were told apart by: sensitive columns, the model's answer, the truth and so on."""
    if not is_filled(measurements, "group_importance"):
        return []
    return list(dict.fromkeys(measurements.tables["group_importance"]["attribute"].to_pylist()))


def draw_groups(measurements: Measurements, attribute: str | None = None) -> Chart | None:
    """Mean size of the SHAP values for each group.

    Args:
        measurements: of this analyzer.
        attribute: one of `grouped_by`; None for the first.

    Returns:
        None where no group was told apart.
    """
    attributes = grouped_by(measurements)
    if not attributes:
        return None
    attribute = attributes[0] if attribute is None else attribute
    table = measurements.tables["group_importance"].to_pandas()
    table = table[table["attribute"] == attribute]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": f"{plain(group, longest=30)}, n = {int(part['n'].iloc[0]):,}",
            "y": [plain(name, longest=40) for name in part["feature"]],
            "x": part["mean_abs"].to_numpy(),
            "error_x": interval_bars(part, "mean_abs"),
            "marker": {"color": PALETTE[at % len(PALETTE)]},
        }
        for at, (group, part) in enumerate(
            (group, part[::-1]) for group, part in table.groupby("group", sort=False)
        )
    ]
    n = int(table.groupby("group")["n"].first().sum())
    name = plain(attribute, longest=40)
    return Chart(
        name="by_group",
        title=f"What moves the output, by {name}",
        caption=f"Mean size of the SHAP values of {n:,} explained rows by group of {name}, with "
        "95 % intervals over rows.",
        alt=f"Bars of mean |SHAP| of the most important columns for each group of {name}.",
        table="group_importance",
        figure=figure(
            traces, x=f"mean |SHAP value| ({scale_of(measurements)})", y="",
            height=200 + 30 * int(table["feature"].nunique()), barmode="group",
        ),
    )  # fmt: skip


def draw_deletion(measurements: Measurements) -> Chart | None:
    """Change of the answer in the explanation's order against a random one."""
    return _order_chart(measurements, "deletion")


def draw_insertion(measurements: Measurements) -> Chart | None:
    """What is missing to the own answer when parts are put back in either order."""
    return _order_chart(measurements, "insertion")


def _order_chart(measurements: Measurements, test: str) -> Chart | None:
    if not is_filled(measurements, "deletion"):
        return None
    table = measurements.tables["deletion"].to_pandas()
    table = table[table["test"] == test]
    if table.empty:
        return None
    traces = []
    for at, (order, part) in enumerate(table.groupby("order", sort=False)):
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": "in SHAP's order" if order == "explanation" else "in random order",
                "x": part["replaced"].to_numpy(),
                "y": part["change"].to_numpy(),
                "error_y": interval_bars(part, "change"),
                "line": {"color": PALETTE[at], "dash": "solid" if at == 0 else "dash"},
            }
        )
    n = int(table["n"].max())
    thing, whole = things_of(measurements)
    over = f"over {n:,} {whole}s with 95 % intervals"
    title = f"Replacing what SHAP names first against replacing {thing} at random"
    caption = (
        f"Mean change of the model's answer after each number of replaced {thing}, {over}; a "
        "useful explanation lies above random."
    )
    axes = (f"{thing} replaced", "mean change of the answer")
    if test == "insertion":
        title = f"Putting back what SHAP names first against putting {thing} back at random"
        caption = (
            f"Mean distance from the {whole}'s own answer when all {thing} are replaced but those "
            f"put back, {over}; a useful explanation lies below random."
        )
        axes = (f"{thing} put back", "mean distance from the own answer")
    return Chart(
        name=test,
        title=title,
        caption=caption,
        alt=f"Two curves of the answer's distance against the number of {axes[0]}.",
        table="deletion",
        figure=figure(traces, x=axes[0], y=axes[1]),
    )


def draw_agreement(measurements: Measurements) -> Chart | None:
    """How alike SHAP and LIME rank, over rows."""
    if not is_filled(measurements, "agreement"):
        return None
    table = measurements.tables["agreement"].to_pandas()
    known = table["spearman"].dropna().to_numpy()
    if not len(known):
        return None
    wholes = things_of(measurements).wholes
    counts, edges = np.histogram(known, bins=20, range=(-1, 1))
    trace = {
        "type": "bar",
        "x": (edges[:-1] + edges[1:]) / 2,
        "y": counts,
        "width": 0.095,
        "marker": {"color": PALETTE[0]},
        "hovertemplate": "correlation %{x:.2f}: %{y}<extra></extra>",
    }
    return Chart(
        name="agreement",
        title=f"SHAP and LIME rank alike with a median correlation of {np.median(known):.2f}",
        caption=f"Rank correlation of the two explanations of each of {len(known):,} {wholes}; 1 "
        "is the same order, 0 is what random orders reach.",
        alt=f"Histogram of rank correlations from {known.min():.2f} to {known.max():.2f}.",
        table="agreement",
        figure=figure([trace], x="Spearman correlation", y=wholes, showlegend=False),
    )
