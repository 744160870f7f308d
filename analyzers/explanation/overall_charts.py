"""Charts of pairs of columns, of moved columns, of proxies and of typical reasons."""

import numpy as np

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.explanation.chart_words import COLUMNS_SHOWN, interval_bars, is_filled, scale_of
from analyzers.toolkit.plots import DIVERGING, PALETTE, SEQUENTIAL, figure, plain


def draw_interactions(measurements: Measurements) -> Chart | None:
    """How strongly each pair of the most important columns acts together."""
    if not is_filled(measurements, "interactions"):
        return None
    table = measurements.tables["interactions"].to_pandas()
    names = list(dict.fromkeys([*table["feature"], *table["other"]]))
    place = {name: at for at, name in enumerate(names)}
    grid = np.full((len(names), len(names)), np.nan)
    one, two = table["feature"].map(place), table["other"].map(place)
    grid[one, two] = grid[two, one] = table["strength"].to_numpy()
    shown = [plain(name, longest=30) for name in names]
    trace = {
        "type": "heatmap",
        "x": shown,
        "y": shown,
        "z": [[None if np.isnan(cell) else float(cell) for cell in line] for line in grid],
        "text": [["" if np.isnan(cell) else f"{cell:.2g}" for cell in line] for line in grid],
        "texttemplate": "%{text}",
        "colorscale": [[at / 9, colour] for at, colour in enumerate(SEQUENTIAL)],
        "colorbar": {"title": {"text": "strength"}, "thickness": 10},
        "hovertemplate": "%{x} with %{y}: %{z:.3g}<extra></extra>",
    }
    first, n = table.iloc[0], int(table["n"].max())
    pair = f"{plain(first['feature'], longest=30)} and {plain(first['other'], longest=30)}"
    is_there = first["low"] is not None and first["low"] > 0
    how = plain(measurements.facts.get("interactions") or "")
    return Chart(
        name="interactions",
        title=f"{pair} act together most" if is_there else "No two columns clearly act together",
        caption=f"Typical size of what two columns move the output together beyond their sum "
        f"({scale_of(measurements)}, root of the mean square over {n:,} rows; {how}); 0 where the "
        "model adds them up. Intervals are in the table.",
        alt=f"Heat map of the strengths of {len(table)} pairs of columns, led by {pair} with "
        f"{first['strength']:.3g}.",
        table="interactions",
        figure=figure([trace], x="", y="", height=180 + 34 * len(names), showlegend=False),
    )


def draw_permutation(measurements: Measurements) -> Chart | None:
    """How much worse the answers get when a column's values change rows."""
    if not is_filled(measurements, "permutation"):
        return None
    table = measurements.tables["permutation"].to_pandas()
    table = table[table["attribute"] == ""].sort_values("increase", ascending=False, kind="stable")
    table = table.iloc[:COLUMNS_SHOWN][::-1]
    names = [
        plain(name, longest=40) + (" (together)" if columns > 1 else "")
        for name, columns in zip(table["feature"], table["columns"], strict=True)
    ]
    loss, n = plain(measurements.facts.get("permutation_loss") or "loss"), int(table["n"].max())
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": table["increase"].to_numpy(),
        "y": names,
        "marker": {"color": [PALETTE[1] if at > 1 else PALETTE[0] for at in table["columns"]]},
        "error_x": interval_bars(table, "increase"),
        "hovertemplate": "%{y}: %{x:.3g}<extra></extra>",
    }
    return Chart(
        name="permutation",
        title=f"Answers get worst without {names[-1]}",
        caption=f"Mean increase of the {loss} over {n:,} rows when a column takes other rows' "
        "values, mean of five shuffles, with 95 % intervals over rows; orange: columns that go "
        "together, moved together. By group and class in the table.",
        alt=f"Bars of the increase of the {loss}, led by {', '.join(names[::-1][:3])}.",
        table="permutation",
        figure=figure(
            [trace], x=f"increase of the {loss}", y="",
            height=140 + 24 * len(names), showlegend=False,
        ),
    )  # fmt: skip


def draw_proxies(measurements: Measurements) -> Chart | None:
    """How much the columns the model sees tell of the sensitive ones."""
    if not is_filled(measurements, "proxies"):
        return None
    table = measurements.tables["proxies"].to_pandas()
    table = table.sort_values("told", ascending=False, kind="stable").iloc[:COLUMNS_SHOWN][::-1]
    names = [
        f"{plain(line.feature, longest=30)} tells of {plain(line.attribute, longest=20)}"
        for line in table.itertuples()
    ]
    most, n = table.iloc[-1], int(table["n"].max())
    is_any = bool(table["is_proxy"].any())
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": table["told"].to_numpy(),
        "y": names,
        "marker": {"color": [PALETTE[1] if proxy else PALETTE[0] for proxy in table["is_proxy"]]},
        "error_x": interval_bars(table, "told"),
        "customdata": table["share"].to_numpy(),
        "hovertemplate": "%{y}: %{x:.1%}, with %{customdata:.1%} of all attribution<extra></extra>",
    }
    return Chart(
        name="proxies",
        title=f"{plain(most['feature'], longest=30)} tells most of "
        f"{plain(most['attribute'], longest=30)}"
        if is_any
        else "No single column gives a sensitive one away",
        caption=f"Share of the uncertainty about a sensitive column that another column removes (0 "
        f"is nothing, 100 % all), n = {n:,} rows, with 95 % intervals; orange: counted as a proxy, "
        "as the whole interval is at least 5 %.",
        alt=f"Bars of what columns tell of sensitive ones, led by {names[-1]} with "
        f"{most['told']:.1%}.",
        table="proxies",
        figure=figure(
            [trace], x="share of the uncertainty removed", y="",
            height=140 + 24 * len(names), showlegend=False,
            xaxis={"tickformat": ".0%", "rangemode": "tozero"},
        ),
    )  # fmt: skip


def draw_reasons(measurements: Measurements) -> Chart | None:
    """A few typical reasons, their sizes and what moves the output of their rows."""
    if not is_filled(measurements, "reasons") or not is_filled(measurements, "reason_parts"):
        return None
    table = measurements.tables["reasons"].to_pandas()
    parts = measurements.tables["reason_parts"].to_pandas()
    names = list(dict.fromkeys(parts["feature"]))
    grid = parts.pivot(index="feature", columns="reason", values="mean").loc[names]
    most = float(np.abs(grid.to_numpy()).max()) or 1.0
    trace = {
        "type": "heatmap",
        "x": [f"reason {at} ({share:.0%})" for at, share in zip(table["reason"], table["share"],
                                                              strict=True)],
        "y": [plain(name, longest=30) for name in names][::-1],
        "z": grid.to_numpy()[::-1],
        "text": [[f"{cell:+.2g}" for cell in line] for line in grid.to_numpy()[::-1]],
        "texttemplate": "%{text}",
        "zmin": -most,
        "zmax": most,
        "colorscale": [[at / 9, colour] for at, colour in enumerate(DIVERGING[::-1])],
        "colorbar": {"title": {"text": "mean SHAP"}, "thickness": 10},
        "hovertemplate": "%{x}, %{y}: %{z:.3g}<extra></extra>",
    }  # fmt: skip
    words = " ".join(
        f"Reason {line.reason}: {plain(line.words, longest=240)}." for line in table.itertuples()
    )
    n = int(table["n"].max())
    silhouette = measurements.facts.get("reasons_silhouette")
    return Chart(
        name="reasons",
        title=f"{len(table)} typical reasons cover the {n:,} explained rows",
        caption=f"Mean SHAP value ({scale_of(measurements)}) of each column over the rows whose "
        f"explanations are alike; share of all {n:,} rows in brackets. How far apart they are "
        f"(silhouette, 1 is well, 0 not at all): {silhouette:.2f}.",
        alt=f"Heat map of mean SHAP values of {len(names)} columns for {len(table)} reasons. "
        f"{words}",
        table="reasons",
        sentence=words,
        figure=figure([trace], x="", y="", height=160 + 28 * len(names), showlegend=False),
    )
