"""Charts that only pictures have, and robustness group by group."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.by_group import ANSWER, CLASS
from analyzers.adversarial.units import standing_words
from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import PALETTE, SEQUENTIAL, figure, plain

MOST_GROUPS = 24
MOST_PATHS = 12
_BAND = "rgba(0,114,178,0.15)"
CLEAR = 0.05
PAINTED = "What do a few pixels or a patch do?"


def draw_attacks(table: pa.Table, measurements: Measurements) -> Chart:
    """Accuracy left after each attack of a cascade."""
    n = table["n"][0].as_py()
    accuracy = measurements.estimates.get("accuracy")
    left, low, high = (_numbers(table, name) for name in ("robust_accuracy", "low", "high"))
    names = [f"{plain(row['attack'])} ({row['access']})" for row in table.to_pylist()]
    counts = np.c_[_numbers(table, "n_broken"), _numbers(table, "n_tried")]
    if accuracy is not None and accuracy.value is not None:
        names = ["before any attack", *names]
        left = np.r_[accuracy.value, left]
        low, high = np.r_[accuracy.low or 0, low], np.r_[accuracy.high or 1, high]
        counts = np.r_[[[0, n]], counts]
    traces = _bars(left, low, high, names, counts, "%{customdata[0]} of %{customdata[1]} fell")
    size, more = table["size"][0].as_py(), ""
    robust = measurements.estimates.get("robust_accuracy")
    n_more = 0 if robust is None or robust.value is None else round((left[-1] - robust.value) * n)
    if n_more and robust is not None:
        more = (
            f" Random changes and attacks at other sizes flip {n_more:,} more, which leaves the "
            f"{robust.value:.0%} of the finding."
        )
    return Chart(
        name="attacks",
        title="What is left after each attack, one after the other",
        caption=f"Share of {n:,} rows that {standing_words(measurements)} at size {size:g}, from "
        f"the top down; each attack is run on what the others left. 95 % intervals.{more}",
        alt=f"{len(names)} bars; the last leaves {left[-1]:.0%} of {n:,} rows.",
        table="attacks",
        figure=figure(
            traces, x="Share answered correctly", y="", height=140 + 34 * len(names),
            xaxis={"range": [0, 1.15], "tickformat": ".0%"},
            yaxis={"type": "category", "autorange": "reversed"},
        ),
    )  # fmt: skip


def _who(rows: list[dict[str, Any]]) -> str:
    """Say for every sensitive column whether its groups differ by more than chance."""
    asked: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["attribute"] not in (CLASS, ANSWER) and row["chance"] is not None:
            asked.setdefault(row["attribute"], []).append(row)
    said = []
    for attribute, groups in asked.items():
        chance, known = groups[0]["chance"], [row for row in groups if row["n_correct"]]
        most = max(known, key=lambda row: row["success_rate"])
        least = min(known, key=lambda row: row["success_rate"])
        # Several columns are looked at, so each has to be that much clearer.
        if chance * len(asked) <= CLEAR:
            said.append(
                f"By {plain(attribute)}, right answers about {plain(most['group'])} fall most "
                f"({most['success_rate']:.0%} of {most['n_correct']:,}) and about "
                f"{plain(least['group'])} least ({least['success_rate']:.0%} of "
                f"{least['n_correct']:,}); chance alone makes groups differ this much in "
                f"{chance:.1%} of cases."
            )
        else:
            many = f", and {len(asked)} columns were looked at" if len(asked) > 1 else ""
            said.append(
                f"By {plain(attribute)}, what is seen does not settle it: right answers about "
                f"{plain(most['group'])} fall most ({most['success_rate']:.0%} of "
                f"{most['n_correct']:,}) and about {plain(least['group'])} least "
                f"({least['success_rate']:.0%} of {least['n_correct']:,}), but chance alone makes "
                f"groups differ this much in {chance:.1%} of cases{many}."
            )
    return " ".join(said)


def draw_groups(table: pa.Table, measurements: Measurements) -> Chart | None:
    """Accuracy before the attack, and the share of right answers that fall, group by group."""
    rows = [row for row in table.to_pylist() if row["n_correct"]]
    if not rows:
        return None
    shown = rows[:MOST_GROUPS]
    many = len({row["attribute"] for row in shown}) > 1
    names = [
        plain(f"{row['attribute']}: {row['group']}" if many else row["group"])
        + f" (n = {row['n']:,})"
        for row in shown
    ]
    traces = []
    for place, (name, words) in enumerate(
        (("accuracy", "right before the attack"), ("success_rate", "of these, fall to it"))
    ):
        low, high = (f"{name.removesuffix('_rate')}_{end}" for end in ("low", "high"))
        value, below, above = (
            np.array([row[key] for row in shown], dtype=np.float64) for key in (name, low, high)
        )
        traces.append(
            {
                "type": "scatter", "mode": "markers", "x": value, "y": names, "name": words,
                "marker": {"color": PALETTE[1 - place], "size": 9,
                           "symbol": "circle-open" if place == 0 else "circle"},
                "error_x": {"type": "data", "symmetric": False, "array": above - value,
                            "arrayminus": value - below, "thickness": 1.2},
                "hovertemplate": f"%{{y}}: %{{x:.0%}}<extra>{words}</extra>",
            }
        )  # fmt: skip
    worst = max(shown, key=lambda row: row["success_rate"])
    is_cut = len(rows) > len(shown)
    cut = f"; the first {len(shown)} of {len(rows)} shown" if is_cut else ""
    what = plain(shown[0]["attribute"]) if not many else "class and group"
    facts = measurements.facts
    after = f"changes of at most {facts.get('budget')} {facts.get('budget_unit', '')}".strip()
    if facts.get("modality") == "text":
        after = "the attack"
    return Chart(
        name="by_group",
        title=f"Who is easier to attack: right answers that fall, by {what}",
        caption=f"Share of each group answered correctly before (rings), and share of these right "
        f"answers that fall to {after} (dots), with 95 % intervals{cut}; dots whose intervals "
        "overlap widely show no difference.",
        alt=f"Dots for {len(shown)} groups; right answers fall most for "
        f"{plain(worst['group'])} with {worst['success_rate']:.0%}.",
        table="by_group",
        sentence=_who(table.to_pylist()),
        section="Who is easier to attack?",
        figure=figure(
            traces, x="Share", y="", height=140 + 28 * len(shown),
            xaxis={"range": [-0.02, 1.02], "tickformat": ".0%"},
            yaxis={"type": "category", "autorange": "reversed"},
        ),
    )  # fmt: skip


def draw_corruptions(table: pa.Table, measurements: Measurements) -> Chart:
    """Accuracy by kind of damage and severity."""
    frame = table.to_pandas()
    wide = frame.pivot_table(index="corruption", columns="severity", values="accuracy", sort=False)
    low = frame.pivot_table(index="corruption", columns="severity", values="low", sort=False)
    high = frame.pivot_table(index="corruption", columns="severity", values="high", sort=False)
    values = wide.to_numpy(np.float64)
    words = [[f"{share:.0%}" for share in line] for line in values]
    n = int(frame["n"].iloc[0])
    worst = frame.loc[frame["accuracy"].idxmin()]
    clean = measurements.estimates.get("accuracy")
    before = ""
    if clean is not None and clean.value is not None:
        before = f", against {clean.value:.0%} undamaged"
    traces: list[dict[str, Any]] = [
        {
            "type": "heatmap", "z": np.round(values, 4), "x": [str(at) for at in wide.columns],
            "y": [plain(name) for name in wide.index], "zmin": 0, "zmax": 1, "text": words,
            "texttemplate": "%{text}", "customdata": np.dstack([low, high]),
            "colorscale": [[at / (len(SEQUENTIAL) - 1), colour]
                           for at, colour in enumerate(SEQUENTIAL)],
            "colorbar": {"tickformat": ".0%"},
            "hovertemplate": "%{y}, severity %{x}: %{z:.0%} (95 % interval %{customdata[0]:.0%} "
            "to %{customdata[1]:.0%})<extra></extra>",
        }
    ]  # fmt: skip
    return Chart(
        name="corruptions",
        title="Accuracy under damage that nobody chose",
        caption=f"Share of {n:,} rows answered correctly for each kind of damage, severity 1 "
        f"(mild) to 5{before}; intervals and strengths are in the table.",
        alt=f"Heat map of {len(wide)} kinds by 5 severities; the lowest is {worst['corruption']} "
        f"at severity {worst['severity']} with {worst['accuracy']:.0%}.",
        table="corruptions",
        section="What happens without an attacker?",
        figure=figure(
            traces, x="Severity", y="", height=140 + 26 * len(wide),
            xaxis={"type": "category"}, yaxis={"type": "category", "autorange": "reversed"},
        ),
    )  # fmt: skip


def draw_certified(table: pa.Table, measurements: Measurements) -> Chart:
    """Share proven to stay right within each radius."""
    n = table["n"][0].as_py()
    radius, value, low, high = (
        _numbers(table, name) for name in ("radius", "certified_accuracy", "low", "high")
    )
    noise = measurements.facts.get("certify_noise", "")
    copies = measurements.facts.get("certify_copies", "")
    traces = [
        {
            "type": "scatter", "mode": "lines", "x": np.r_[radius, radius[::-1]],
            "y": np.r_[high, low[::-1]], "fill": "toself", "fillcolor": _BAND,
            "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False,
        },
        {
            "type": "scatter", "mode": "lines+markers", "x": radius, "y": value,
            "line": {"color": PALETTE[0]}, "showlegend": False,
            "hovertemplate": "radius %{x:.3g}: %{y:.0%}<extra></extra>",
        },
    ]  # fmt: skip
    return Chart(
        name="certified",
        title="How far no attack can reach, proven for the model with noise",
        caption=f"Share of {n:,} rows that the vote over {copies:,} copies with noise of {noise} "
        "answers correctly and provably keeps, with 95 % intervals. It holds for that vote, not "
        "for the model alone.",
        alt=f"A falling line from {value[0]:.0%} at radius 0 to {value[-1]:.0%} at "
        f"{radius[-1]:.3g}.",
        table="certified",
        section="How far is it proven?",
        figure=figure(
            traces, x="Radius: Euclidean length of the change (1 = one pixel from black to white)",
            y="Share right and proven", yaxis={"range": [0, 1.02], "tickformat": ".0%"},
            xaxis={"rangemode": "tozero"},
        ),
    )  # fmt: skip


def draw_other_budgets(table: pa.Table, measurements: Measurements) -> Chart:
    """Accuracy left when a few pixels or a square may take any colour."""
    n = table["n"][0].as_py()
    left, low, high = (_numbers(table, name) for name in ("robust_accuracy", "low", "high"))
    names = [f"{plain(row['budget'])} ({row['share']:.1%})" for row in table.to_pylist()]
    accuracy = measurements.estimates.get("accuracy")
    if accuracy is not None and accuracy.value is not None:
        names = ["no change", *names]
        left = np.r_[accuracy.value, left]
        low, high = np.r_[accuracy.low or 0, low], np.r_[accuracy.high or 1, high]
    traces = _bars(left, low, high, names, np.c_[left, left], "")
    return Chart(
        name="other_budgets",
        title="What is left when a few pixels or a square may take any colour",
        caption=f"Share of {n:,} rows that {standing_words(measurements)}, with 95 % intervals; in "
        "brackets the share of the picture that changes. Such changes are seen, and can be put up "
        "in the world.",
        alt=f"{len(names)} bars; the last leaves {left[-1]:.0%} of {n:,} rows.",
        table="other_budgets",
        section=PAINTED,
        figure=figure(
            traces, x="Share answered correctly", y="", height=150 + 34 * len(names),
            xaxis={"range": [0, 1.15], "tickformat": ".0%"},
            yaxis={"type": "category", "autorange": "reversed"},
        ),
    )  # fmt: skip


def draw_steps(table: pa.Table, measurements: Measurements) -> Chart:
    """How the confidence in the first answer falls along the attack."""
    frame = table.to_pandas()
    traces = []
    shown = sorted(frame["example"].unique())[:MOST_PATHS]
    for place, example in enumerate(shown):
        part = frame[frame["example"] == example]
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": part["step"].to_numpy(),
                "y": part["score_before"].to_numpy(np.float64),
                "name": f"row {part['row'].iloc[0]}",
                "line": {"color": PALETTE[place % len(PALETTE)], "width": 1.5},
                "marker": {"size": 5},
                "customdata": [plain(answer) for answer in part["answer"]],
                "hovertemplate": "step %{x}: %{y:.0%}, read as %{customdata}<extra></extra>",
            }
        )  # fmt: skip
    steps = int(frame["step"].max())
    is_line = measurements.facts.get("followed") == "straight line"
    way = "equal parts of the straight line to the changed picture" if is_line else "gradient steps"
    return Chart(
        name="attack_steps",
        title="How the score of the right answer falls, step by step",
        caption=f"{len(shown)} examples over {steps} {way}, within the stated size.",
        alt=f"{len(shown)} lines over {steps} steps.",
        table="attack_steps",
        section="How does an attack go?",
        figure=figure(
            traces, x="Step", y="Score of the right answer",
            yaxis={"range": [-0.02, 1.02], "tickformat": ".0%"}, xaxis={"rangemode": "tozero"},
        ),
    )  # fmt: skip


def has_scores(table: pa.Table) -> bool:
    """Whether the model gave scores along the way; without them there is no line to draw."""
    return bool(table["score_before"].null_count < table.num_rows)


def _bars(
    value: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    names: list[str],
    customdata: NDArray[np.float64],
    hover: str,
) -> list[dict[str, Any]]:
    bars = {
        "type": "bar", "orientation": "h", "x": value, "y": names, "customdata": customdata,
        "marker": {"color": PALETTE[0]}, "showlegend": False,
        "error_x": {"type": "data", "symmetric": False, "array": high - value,
                    "arrayminus": value - low},
        "hovertemplate": "%{y}: %{x:.0%}" + (f", {hover}" if hover else "") + "<extra></extra>",
    }  # fmt: skip
    # Beside the interval: a bar of 0 % has no room for its number, which is the worst there is.
    numbers = {
        "type": "scatter", "mode": "text", "x": high, "y": names, "showlegend": False,
        "text": [f" {share:.0%}" for share in value], "textposition": "middle right",
        "hoverinfo": "skip",
    }  # fmt: skip
    return [bars, numbers]


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)
