"""Charts of what belongs to texts alone: swaps by rule, and recipes side by side."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from analyzers.adversarial.behaviour import ALL
from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import PALETTE, figure, plain

_ENOUGH_FLIPS = 10
LONGEST_NEED = 40
_FULL = {"range": [0, 1.02], "tickformat": ".0%"}


def draw_behaviour(table: pa.Table, measurements: Measurements) -> Chart:
    """Show how often each swap changes the answer."""
    del measurements
    part = table.filter(pc.equal(table["detail"], ALL)).to_pylist()[::-1]
    traces = [_bars([row["test"] for row in part], part, "share", "low", "high", "n")]
    most = max(row["n"] for row in part)
    return Chart(
        name="behaviour",
        title="How often a swap of names, identity terms or negation changes the answer",
        caption=(
            f"Share of up to {most:,} texts whose answer changed under at least one of the swaps, "
            "with 95 % intervals; the day matters to nobody and shows what any "
            "sentence does, and negation should often matter."
        ),
        alt=f"Bars for {len(part)} kinds of swaps.",
        table="behaviour",
        figure=figure(
            traces, x="Share of texts", y="", xaxis=_FULL,
            yaxis={"type": "category"}, height=140 + 36 * len(part),
        ),
    )  # fmt: skip


def draw_recipes(table: pa.Table, measurements: Measurements) -> Chart:
    """Show what each recipe leaves standing."""
    del measurements
    part = [row for row in table.to_pylist() if row["robust_accuracy"] is not None]
    part.sort(key=lambda row: -row["robust_accuracy"])
    missing = [
        f"{row['recipe'].partition(' (')[0]} (needs {_short(row['needs'])})"
        for row in table.to_pylist()
        if row["robust_accuracy"] is None
    ]
    absent = f" Not run: {', '.join(missing)}." if missing else ""
    absent += " Genetic and swarm searches and input reduction are not compared."
    names = [row["recipe"] for row in part]
    traces = [_bars(names, part, "robust_accuracy", "low", "high", "n")]
    n = part[0]["n"] if part else 0
    return Chart(
        name="recipes",
        title=f"{plain(part[-1]['recipe'])} leaves the least: {part[-1]['robust_accuracy']:.0%}"
        if part
        else "No recipe could run",
        caption=f"Share of {n:,} texts still answered rightly after each recipe, with 95 % "
        f"intervals; less is worse for the model.{absent}",
        alt=f"Bars for {len(part)} recipes.",
        table="recipes",
        figure=figure(
            traces, x="Share answered correctly", y="", xaxis=_FULL, yaxis={"type": "category"},
            height=140 + 30 * len(part),
        ),
    )  # fmt: skip


def _short(needs: str) -> str:
    """What a recipe lacks, in a few words: a model's name, or gradients."""
    return needs if len(needs) <= LONGEST_NEED and needs else "gradients, or a model that opens"


def draw_recipe_efforts(table: pa.Table, measurements: Measurements) -> Chart | None:
    """Show how much of a text each recipe changed where it flipped the answer."""
    del measurements
    part = [row for row in table.to_pylist() if row["words_changed_low"] is not None]
    if not part:
        return None
    part.sort(key=lambda row: -row["words_changed_share"])
    names = [f"{row['recipe']}, n = {row['n_flipped']:.0f}" for row in part]
    bars = _bars(
        names, part, "words_changed_share", "words_changed_low", "words_changed_high", "n_flipped",
    )  # fmt: skip
    bars["customdata"] = [[row["n_flipped"], row["meaning"], row["queries"]] for row in part]
    bars["hovertemplate"] = (
        "%{y}: %{x:.1%} of the words (n = %{customdata[0]}), meaning kept %{customdata[1]:.2f}, "
        "%{customdata[2]:.0f} questions a text<extra></extra>"
    )
    return Chart(
        name="recipe_efforts",
        title=_fewest_words(part),
        caption="Share of the words that had to change in the n texts whose answer each recipe "
        "flipped, mean with 95 % intervals; the table has meaning and questions too.",
        alt=f"Bars for {len(part)} recipes.",
        table="recipes",
        figure=figure(
            [bars], x="Share of the words", y="", yaxis={"type": "category"},
            xaxis={"tickformat": ".0%", "rangemode": "tozero", "nticks": 4, "tickangle": 0},
            height=140 + 30 * len(part),
        ),
    )  # fmt: skip


def _fewest_words(part: list[dict[str, Any]]) -> str:
    """Name the recipe that changes the fewest words, among those that flipped enough texts."""
    told = [row for row in part if row["n_flipped"] >= _ENOUGH_FLIPS]
    if not told:
        return "How many words each recipe changes"
    least = min(told, key=lambda row: row["words_changed_share"])
    among = (
        "" if len(told) == len(part) else f"Of recipes that flip at least {_ENOUGH_FLIPS} texts, "
    )
    return (
        f"{among}{plain(least['recipe'])} changes the fewest words: "
        f"{least['words_changed_share']:.0%}"
    )


def _bars(
    names: list[str],
    rows: list[dict[str, Any]],
    value: str,
    low: str,
    high: str,
    n: str,
) -> dict[str, Any]:
    return {
        "type": "bar", "orientation": "h", "x": [row[value] for row in rows],
        "y": [plain(name) for name in names], "marker": {"color": PALETTE[0]},
        "customdata": [row[n] for row in rows],
        "error_x": {
            "type": "data", "symmetric": False,
            "array": [row[high] - row[value] for row in rows],
            "arrayminus": [row[value] - row[low] for row in rows],
        },
        "hovertemplate": "%{y}: %{x:.1%} (n = %{customdata})<extra></extra>",
    }  # fmt: skip
