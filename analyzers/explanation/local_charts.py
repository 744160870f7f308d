"""Charts of one row or one column; the page draws two of them again when either is chosen."""

from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.explanation.chart_words import (
    COLUMNS_SHOWN,
    STEPS_SHOWN,
    amount,
    is_filled,
    named,
    output_of,
    scale_of,
    slug,
    waterfall,
)
from analyzers.explanation.partners import colour_by, partner_of
from analyzers.explanation.things import things_of
from analyzers.toolkit.plots import PALETTE, figure, plain

MOST_POINTS = 5000


def local_chart(measurements: Measurements, row: int) -> Chart | None:
    """Draw how the columns of one explained row lead from the base value to its output.

    Args:
        measurements: of this analyzer.
        row: row number in the file.

    Returns:
        A waterfall, or None where the row was not explained.
    """
    if not is_filled(measurements, "values"):
        return None
    table = measurements.tables["values"].to_pandas()
    part = table[table["row"] == row]
    lines = measurements.tables["explained_rows"].to_pandas()
    line = lines[lines["row"] == row]
    if part.empty or line.empty:
        return None
    base, output = float(line["base"].iloc[0]), float(line["output"].iloc[0])
    n_all = max(int(measurements.facts.get("n_features") or 0), len(part))
    size = part["phi"].abs().to_numpy(copy=True)
    if n_all > len(part):
        # The sum of the columns that were not kept one by one is no step of its own.
        size[-1] = -1.0
    order = np.argsort(-size, kind="stable")
    names = [
        named(feature, value)
        for feature, value in zip(
            part["feature"].iloc[order], part["value"].iloc[order], strict=True
        )
    ]
    phi = part["phi"].to_numpy()[order]
    half = 1.96 * part["error"].fillna(0.0).to_numpy()[order]
    if len(names) > STEPS_SHOWN:
        names = [*names[: STEPS_SHOWN - 1], f"{n_all - STEPS_SHOWN + 1:,} further columns"]
        phi = np.append(phi[: STEPS_SHOWN - 1], phi[STEPS_SHOWN - 1 :].sum())
        # Errors along one order are not independent, so none is said of a sum of values.
        half = np.append(half[: STEPS_SHOWN - 1], 0.0)
    output_name = output_of(measurements)
    start, end = amount(base, output_name), amount(output, output_name)
    predicted, label = line["predicted"].iloc[0], line["label"].iloc[0]
    truth = "" if pd.isna(label) else f"; the truth is {plain(label, longest=30)}"
    texts = [_step(*pair) for pair in zip(phi[::-1], half[::-1], strict=True)]
    return Chart(
        name="local",
        title=f"Row {row:,}: from {start} to {end}, column by column",
        caption=(
            f"Starting at the base value {start}, each of the {n_all:,} columns raises "
            f"(orange) or lowers (blue) the {output_name} of row {row:,} until {end}."
            + (
                " ± is the 95 % half-width of a value, from the random orders it is sampled in."
                if half.any()
                else ""
            )
        ),
        alt=(
            f"Waterfall of row {row}: predicted {plain(predicted, longest=30)}{truth}. Largest "
            "steps: "
            + ", ".join(f"{name} {value:+.3g}" for name, value in zip(names[:3], phi, strict=False))
            + "."
        ),
        table="values",
        figure=waterfall(
            names[::-1],
            phi[::-1].tolist(),
            texts,
            base=base,
            output=output_name,
            height=120 + 26 * len(names),
            connector={"line": {"color": "#9AA5B1", "width": 1}},
        ),
    )


def _step(value: float, half: float) -> str:
    return f"{value:+.2g} ± {half:.1g}" if half else f"{value:+.3g}"


def dependence_chart(measurements: Measurements, feature: str) -> Chart | None:
    """Draw the SHAP values of one column against its values.

    Args:
        measurements: of this analyzer.
        feature: one of `explained_features`.

    Returns:
        Points for a number, boxes for a category; None where the column was not kept.
    """
    if not is_filled(measurements, "values"):
        return None
    table = measurements.tables["values"].to_pandas()
    part = table[table["feature"] == feature].iloc[:MOST_POINTS]
    if part.empty:
        return None
    name, output = plain(feature, longest=40), output_of(measurements)
    known = part.dropna(subset=["number"])
    partner, beside = partner_of(measurements, feature), ""
    colour: dict[str, Any] = {"color": PALETTE[0]}
    if partner is not None:
        other = plain(partner.name, longest=40)
        beside = f" It acts together most with {other} (typical size {partner.strength:.2g})."
        coloured = colour_by(partner, table, known["row"]) if len(known) else None
        if coloured is not None:
            colour = coloured
            beside = f"{beside[:-1]}, whose rank is the colour."
    if len(known):
        traces = [
            {
                "type": "scattergl" if len(known) > 1000 else "scatter",
                "mode": "markers",
                "x": known["number"].to_numpy(),
                "y": known["phi"].to_numpy(),
                "marker": {"size": 5, "opacity": 0.6, **colour},
                "hovertemplate": f"{name} %{{x}}: %{{y:.3g}}<extra></extra>",
            }
        ]
        n, missing = len(known), len(part) - len(known)
        left_out = f" {missing:,} rows without a value are left out." if missing else ""
    else:
        levels = part["value"].value_counts().index[:COLUMNS_SHOWN]
        traces = [
            {
                "type": "box",
                "name": plain(level, longest=30),
                "y": part.loc[part["value"] == level, "phi"].to_numpy(),
                "marker": {"color": PALETTE[0]},
                "boxpoints": False,
            }
            for level in levels
        ]
        n, left_out = int(part["value"].isin(levels).sum()), ""
        if n < len(part):
            left_out = f" The {len(part) - n:,} rows of rarer categories are left out."
    return Chart(
        name=f"dependence_{slug(feature)}",
        title=f"How the value of {name} moves the output",
        caption=(
            f"Each of {n:,} explained rows: above 0 its value of {name} raises the {output}, below "
            f"0 it lowers it.{left_out}{beside}"
        ),
        alt=f"SHAP values of {name} from {part['phi'].min():.3g} to {part['phi'].max():.3g}.",
        table="values",
        figure=figure(traces, x=name, y=f"SHAP value ({scale_of(measurements)})", showlegend=False),
    )


def rows_with_lime(measurements: Measurements) -> int:
    """How many rows LIME was run on."""
    if not is_filled(measurements, "lime"):
        return 0
    return len(set(measurements.tables["lime"]["row"].to_pylist()))


def draw_beside_lime(measurements: Measurements, row: int | None = None) -> Chart | None:
    """SHAP and LIME of one row, side by side.

    Args:
        measurements: of this analyzer.
        row: number in the file; None for the shown one.

    Returns:
        None where LIME was not run on the row.
    """
    if not is_filled(measurements, "lime"):
        return None
    table = measurements.tables["lime"].to_pandas()
    table = table[table["row"] == (table["row"].iloc[0] if row is None else row)]
    table = table.iloc[:COLUMNS_SHOWN]
    if table.empty:
        return None
    order = np.argsort(-table["phi"].abs().to_numpy(), kind="stable")[:STEPS_SHOWN][::-1]
    table = table.iloc[order]
    names = [named(*pair) for pair in zip(table["feature"], table["value"], strict=True)]
    traces = []
    methods = [("phi", "SHAP", PALETTE[0]), ("weight", "LIME", PALETTE[1])]
    has_owen = bool(table["owen"].notna().any())
    if has_owen:
        methods.append(("owen", "SHAP in groups (Owen)", PALETTE[2]))
    for column, label, colour in methods:
        values = table[column].to_numpy()
        # The two are in different units: each is shown as a share of its own largest.
        unit = float(np.abs(values).max()) or 1.0
        trace: dict[str, Any] = {
            "type": "bar",
            "orientation": "h",
            "name": label,
            "y": names,
            "x": values / unit,
            "hovertext": [f"{value:+.3g}" for value in values],
            "marker": {"color": colour},
            "hovertemplate": f"{label} %{{y}}: %{{hovertext}}<extra></extra>",
        }
        if column == "weight" and table["high"].notna().all():
            trace["error_x"] = {
                "type": "data", "symmetric": False, "thickness": 1, "color": "#374151",
                "array": (table["high"].to_numpy() - values) / unit,
                "arrayminus": (values - table["low"].to_numpy()) / unit,
            }  # fmt: skip
        traces.append(trace)
    row, n = int(table["row"].iloc[0]), int(table["n"].iloc[0])
    runs = f"the mean of {n} runs with its smallest and largest" if n > 1 else "one run"
    parts = things_of(measurements).parts
    opposite = int((table["phi"] * table["weight"] < 0).sum())
    return Chart(
        name="shap_and_lime",
        title=f"Row {row:,}: SHAP and LIME push {opposite} of {len(table)} "
        f"{parts} in opposite directions",
        caption=(
            f"Each method's values as a share of its own largest; LIME is {runs}. Where the two "
            "disagree, trust neither alone."
            + (" Owen values hide neighbouring words together (shap library)." if has_owen else "")
        ),
        alt=f"SHAP and LIME bars side by side for {len(table)} {parts}.",
        table="lime",
        figure=figure(
            traces, x="share of the method's largest value", y="",
            height=140 + (46 if has_owen else 34) * len(table), barmode="group",
        ),
    )  # fmt: skip
