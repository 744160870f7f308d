"""Charts of the tables; a chart is drawn only where its table has rows."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import INK, PALETTE, SEQUENTIAL, figure, plain

_SCALE = [[place / (len(SEQUENTIAL) - 1), colour] for place, colour in enumerate(SEQUENTIAL)]
_DIAGONAL = {"color": INK, "dash": "dot", "width": 1}


def draw(measurements: Measurements) -> list[Chart]:
    """Draw every table that is there and not empty."""
    drawers: tuple[tuple[str, Callable[[pa.Table, Measurements], Chart]], ...] = (
        ("roc", _roc),
        ("precision_recall", _precision_recall),
        ("calibration", _calibration),
        ("confusion", _confusion),
        ("score_histogram", _histogram),
        ("per_class", _per_class),
        ("predicted_actual", _predicted_actual),
        ("error_histogram", _error_histogram),
    )
    return [
        drawer(measurements.tables[name], measurements)
        for name, drawer in drawers
        if name in measurements.tables and measurements.tables[name].num_rows
    ]


def _roc(table: pa.Table, measurements: Measurements) -> Chart:
    area = measurements.estimates.get("roc_auc")
    value = "" if area is None or area.value is None else f" (area {area.value:.3f})"
    n_negatives, n_positives = table["n_negatives"][0].as_py(), table["n_positives"][0].as_py()
    false, true = _column(table, "false_positive_rate"), _column(table, "true_positive_rate")
    low, high = _column(table, "low"), _column(table, "high")
    traces = [
        {
            "type": "scatter", "mode": "lines", "x": np.r_[false, false[::-1]],
            "y": np.r_[high, low[::-1]], "fill": "toself", "fillcolor": "rgba(0,114,178,0.15)",
            "line": {"width": 0}, "hoverinfo": "skip", "name": "95 % interval, each point",
        },
        {
            "type": "scatter", "mode": "lines", "x": false, "y": true, "name": "model",
            "line": {"color": PALETTE[0], "shape": "hv"},
            "customdata": table["threshold"].to_pylist(),
            "hovertemplate": "threshold %{customdata:.3f}<br>false positives %{x:.1%}"
            "<br>true positives %{y:.1%}<extra></extra>",
        },
        {
            "type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "line": _DIAGONAL,
            "name": "guessing", "hoverinfo": "skip",
        },
    ]  # fmt: skip
    return Chart(
        name="roc",
        title=f"True against false positives at every threshold{value}",
        caption=(
            "Each point is one threshold; the further above the dotted line, the better the model "
            f"tells {n_positives:,} positive from {n_negatives:,} negative rows."
        ),
        alt=f"ROC curve over {n_positives + n_negatives:,} rows{value}.",
        table="roc",
        figure=figure(
            traces, x="False positive rate", y="True positive rate",
            xaxis={"range": [0, 1]}, yaxis={"range": [0, 1.01]},
        ),
    )  # fmt: skip


def _precision_recall(table: pa.Table, measurements: Measurements) -> Chart:
    found = measurements.estimates.get("average_precision")
    value = "" if found is None or found.value is None else f" (average {found.value:.3f})"
    base_rate = table["base_rate"][0].as_py()
    n = measurements.facts.get("n", 0)
    traces = [
        {
            "type": "scatter", "mode": "lines", "x": _column(table, "recall"),
            "y": _column(table, "precision"), "name": "model", "line": {"color": PALETTE[0]},
            "customdata": table["threshold"].to_pylist(),
            "hovertemplate": "threshold %{customdata:.3f}<br>recall %{x:.1%}"
            "<br>precision %{y:.1%}<extra></extra>",
        },
        {
            "type": "scatter", "mode": "lines", "x": [0, 1], "y": [base_rate, base_rate],
            "line": _DIAGONAL, "name": "selecting at random", "hoverinfo": "skip",
        },
    ]  # fmt: skip
    return Chart(
        name="precision_recall",
        title=f"Precision against recall at every threshold{value}",
        caption=(
            f"Selecting at random would give a precision of {base_rate:.1%} at any recall; "
            f"n = {n:,} rows."
        ),
        alt=f"Precision-recall curve over {n:,} rows{value}.",
        table="precision_recall",
        figure=figure(
            traces, x="Recall", y="Precision", xaxis={"range": [0, 1]}, yaxis={"range": [0, 1.01]}
        ),
    )


def _calibration(table: pa.Table, measurements: Measurements) -> Chart:
    observed, low, high = (_column(table, name) for name in ("observed", "low", "high"))
    n = _column(table, "n")
    limit = measurements.facts.get("calibration_error_if_calibrated")
    error = measurements.estimates.get("expected_calibration_error")
    compared = ""
    if error is not None and error.value is not None and limit is not None:
        compared = (
            f" The mean distance is {error.value:.3f}; a perfectly calibrated model would stay "
            f"below {limit:.3f} in 95 of 100 samples of this size."
        )
    traces = [
        {
            "type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "line": _DIAGONAL,
            "name": "perfect calibration", "hoverinfo": "skip",
        },
        {
            "type": "scatter", "mode": "markers+lines", "x": _column(table, "mean_score"),
            "y": observed, "name": "model, 95 % interval", "line": {"color": PALETTE[0]},
            "customdata": n,
            "error_y": {
                "type": "data", "symmetric": False, "array": high - observed,
                "arrayminus": observed - low,
            },
            "hovertemplate": "score %{x:.3f}<br>observed %{y:.1%}<br>n = %{customdata}"
            "<extra></extra>",
        },
    ]  # fmt: skip
    multiclass = measurements.facts.get("task") == "multiclass"
    what = "being right" if multiclass else "the positive outcome"
    return Chart(
        name="calibration",
        title=f"What scores promise against how often {what} was observed",
        caption=(
            f"On the dotted line scores mean what they say; {len(observed)} bins hold "
            f"{int(n.sum()):,} rows.{compared}"
        ),
        alt=f"Calibration plot with {len(observed)} bins over {int(n.sum()):,} rows.",
        table="calibration",
        figure=figure(
            traces, x="Mean score in the bin", y="Observed share",
            xaxis={"range": [0, 1]}, yaxis={"range": [0, 1]},
        ),
    )  # fmt: skip


def _confusion(table: pa.Table, measurements: Measurements) -> Chart:
    del measurements
    classes = list(dict.fromkeys(table["actual"].to_pylist()))
    size = len(classes)
    shares = np.array([np.nan if s is None else s for s in table["share_of_actual"].to_pylist()])
    counts = _column(table, "count").reshape(size, size)
    words = [plain(name, longest=24) for name in classes]
    # Positions, not names, on the axes: two long names may read the same once shortened.
    ticks = {"tickvals": list(range(size)), "ticktext": words}
    trace = {
        "type": "heatmap", "z": shares.reshape(size, size), "colorscale": _SCALE, "zmin": 0,
        "zmax": 1, "colorbar": {"title": {"text": "share of the true class"}, "tickformat": ".0%"},
        "customdata": counts,
        "hovertemplate": "%{customdata} rows, %{z:.1%} of the true class<extra></extra>",
    }  # fmt: skip
    if size <= 12:
        trace |= {"text": counts, "texttemplate": "%{text}"}
    n = int(counts.sum())
    right = int(np.trace(counts))
    return Chart(
        name="confusion",
        title="Which classes are mistaken for which",
        caption=f"Of {n:,} rows, {right:,} lie on the diagonal and are right; n is in each cell.",
        alt=f"Confusion matrix of {size} classes over {n:,} rows, {right:,} of them right.",
        table="confusion",
        figure=figure(
            [trace], x="Predicted class", y="True class", height=max(380, 24 * size + 120),
            xaxis=ticks, yaxis=ticks | {"autorange": "reversed"},
        ),
    )  # fmt: skip


def _histogram(table: pa.Table, measurements: Measurements) -> Chart:
    actual = np.array(table["actual"].to_pylist())
    low, high, counts = (_column(table, name) for name in ("bin_low", "bin_high", "count"))
    traces = []
    for place, name in enumerate(dict.fromkeys(actual.tolist())):
        mine = actual == name
        traces.append(
            {
                "type": "bar", "x": (low + high)[mine] / 2, "y": counts[mine],
                "name": f"truly {plain(name, longest=30)}", "opacity": 0.6,
                "marker": {"color": PALETTE[place]}, "width": (high - low)[mine],
                "hovertemplate": "score %{x:.3f}<br>%{y} rows<extra></extra>",
            }
        )  # fmt: skip
    n = int(counts.sum())
    threshold = measurements.facts.get("threshold")
    shapes = []
    if isinstance(threshold, float):
        shapes.append(
            {
                "type": "line", "x0": threshold, "x1": threshold, "y0": 0, "y1": 1,
                "yref": "paper", "line": {"color": INK, "dash": "dash"},
            }
        )  # fmt: skip
    return Chart(
        name="score_histogram",
        title="How the scores of the two classes lie apart",
        caption=f"The less they overlap, the fewer mistakes any threshold makes; n = {n:,} rows.",
        alt=f"Histogram of scores by true class over {n:,} rows.",
        table="score_histogram",
        figure=figure(
            traces, x="Score of the positive class", y="Rows", barmode="overlay", bargap=0,
            shapes=shapes,
        ),
    )  # fmt: skip


def _per_class(table: pa.Table, measurements: Measurements) -> Chart:
    metrics = table["metric"].to_pylist()
    traces = []
    for place, (metric, title) in enumerate(
        dict.fromkeys(zip(metrics, table["title"].to_pylist(), strict=True))
    ):
        mine = table.filter(pa.array([name == metric for name in metrics]))
        measured = mine.filter(mine["value"].is_valid())
        value = _column(measured, "value")
        low = np.array([low if low is not None else np.nan for low in measured["low"].to_pylist()])
        high = np.array(
            [end if end is not None else np.nan for end in measured["high"].to_pylist()]
        )
        traces.append(
            {
                "type": "scatter", "mode": "markers", "x": value,
                "y": [plain(name, longest=30) for name in measured["class"].to_pylist()],
                "name": title, "marker": {"color": PALETTE[place], "size": 8},
                "error_x": {
                    "type": "data", "symmetric": False, "array": high - value,
                    "arrayminus": value - low,
                },
                "customdata": measured["n"].to_pylist(),
                "hovertemplate": "%{y}: %{x:.3f}, n = %{customdata}<extra>" + title + "</extra>",
            }
        )  # fmt: skip
    n = measurements.facts.get("n", 0)
    n_classes = len(set(table["class"].to_pylist()))
    return Chart(
        name="per_class",
        title="How well each class is recognised",
        caption=f"Points are values, bars 95 % intervals; {n_classes} classes, n = {n:,} rows.",
        alt=f"Recall, precision, F1 and area by class for {n_classes} classes over {n:,} rows.",
        table="per_class",
        figure=figure(
            traces, x="Value", y="", height=max(320, 40 * n_classes + 120),
            xaxis={"range": [0, 1.01]}, scattermode="group",
        ),
    )  # fmt: skip


def _predicted_actual(table: pa.Table, measurements: Measurements) -> Chart:
    del measurements
    counts = _column(table, "count")
    x = (_column(table, "actual_low") + _column(table, "actual_high")) / 2
    y = (_column(table, "predicted_low") + _column(table, "predicted_high")) / 2
    ends = [float(min(x.min(), y.min())), float(max(x.max(), y.max()))]
    traces = [
        {"type": "scatter", "mode": "lines", "x": ends, "y": ends, "line": _DIAGONAL,
         "name": "perfect", "hoverinfo": "skip"},
        {
            "type": "scattergl", "mode": "markers", "x": x, "y": y, "name": "rows",
            "marker": {
                "color": np.log10(counts), "colorscale": _SCALE, "size": 8, "symbol": "square",
                "showscale": True, "colorbar": {"title": {"text": "rows, log10"}},
            },
            "customdata": counts,
            "hovertemplate": "true %{x:.3g}<br>predicted %{y:.3g}<br>%{customdata} rows"
            "<extra></extra>",
        },
    ]  # fmt: skip
    n = int(counts.sum())
    return Chart(
        name="predicted_actual",
        title="Predicted against true values",
        caption=f"On the dotted line predictions are right; dark squares hold more of {n:,} rows.",
        alt=f"Predicted against true values of {n:,} rows, counted in squares.",
        table="predicted_actual",
        figure=figure(traces, x="True value", y="Predicted value"),
    )


def _error_histogram(table: pa.Table, measurements: Measurements) -> Chart:
    low, high, counts = (_column(table, name) for name in ("bin_low", "bin_high", "count"))
    bias = measurements.estimates.get("mean_error")
    n = int(counts.sum())
    mean = "" if bias is None or bias.value is None else f" The mean error is {bias.value:.3g}."
    trace = {
        "type": "bar", "x": (low + high) / 2, "y": counts, "width": high - low,
        "marker": {"color": PALETTE[0]},
        "hovertemplate": "error %{x:.3g}<br>%{y} rows<extra></extra>",
    }  # fmt: skip
    return Chart(
        name="error_histogram",
        title="How large the errors are, and to which side",
        caption=f"Right of 0 the model predicts too much; n = {n:,} rows.{mean}",
        alt=f"Histogram of prediction errors of {n:,} rows.{mean}",
        table="error_histogram",
        figure=figure([trace], x="Prediction minus true value", y="Rows", bargap=0),
    )


def _column(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].to_numpy())
