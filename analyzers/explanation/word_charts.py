"""Charts of one text: its words in reading order, coloured by what each adds, and as bars."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.explanation.chart_words import LOWERS, RAISES, is_filled, output_of, scale_of
from analyzers.toolkit.plots import figure, plain

MOST_WORDS = 300
_LINE_CELLS = 46
_LONGEST = 30
_PALEST, _DEEPEST = 0.06, 0.6
_LINE_PIXELS = 30


def coloured_words_chart(measurements: Measurements, row: int) -> Chart | None:
    """Draw a text with every word on a ground as deep as what it adds, or None where not kept."""
    part = _words_of(measurements, row)
    if part.empty:
        return None
    shown = part.iloc[:MOST_WORDS]
    words, phi = [plain(word, longest=_LONGEST) for word in shown["token"]], shown["phi"].to_numpy()
    places, n_lines = lay_out([str(word)[:_LONGEST] for word in shown["token"]])
    largest = float(np.abs(part["phi"]).max()) or 1.0
    trace = {
        "type": "scatter", "mode": "text", "x": [left + width / 2 for left, width, _ in places],
        "y": [-line for _, _, line in places], "text": words, "textposition": "middle center",
        "textfont": {"family": "DejaVu Sans Mono, Courier New, monospace", "size": 13},
        "customdata": phi.tolist(), "hovertemplate": "%{text}: %{customdata:.3g}<extra></extra>",
        "cliponaxis": False, "showlegend": False,
    }  # fmt: skip
    grounds = [
        {
            "type": "rect", "layer": "below", "line": {"width": 0},
            "x0": left, "x1": left + width, "y0": -line - 0.4, "y1": -line + 0.4,
            "fillcolor": _ground(value, largest),
        }
        for (left, width, line), value in zip(places, phi, strict=True)
    ]  # fmt: skip
    left_out = ""
    if len(part) > len(shown):
        left_out = f" The first {len(shown):,} of {len(part):,} words."
    top = part.iloc[int(np.abs(part["phi"].to_numpy()).argmax())]
    answer = _answer_of(measurements, row)
    return Chart(
        name="words",
        title=f"Row {row:,}: “{plain(top['token'], longest=_LONGEST)}” counts most",
        caption=(
            f"n = {len(part):,} words in reading order{answer}. Orange raises and blue lowers the "
            f"{output_of(measurements)}; the deeper, the more (up to {largest:.3g}).{left_out}"
        ),
        alt=f"The text of row {row} with its words coloured by what each adds.",
        table="tokens",
        figure=figure(
            [*_legend(), trace], x="", y="", height=110 + _LINE_PIXELS * n_lines,
            shapes=grounds, margin={"l": 10, "r": 10, "t": 20, "b": 10},
            xaxis={"visible": False, "range": [-0.5, _LINE_CELLS + 0.5], "fixedrange": True},
            yaxis={"visible": False, "range": [0.6 - n_lines, 0.6], "fixedrange": True},
        ),
    )  # fmt: skip


def word_steps_chart(measurements: Measurements, row: int) -> Chart | None:
    """Draw what each word of a text adds as bars in reading order, or None where not kept."""
    part = _words_of(measurements, row).iloc[:200]
    if part.empty:
        return None
    phi = part["phi"].to_numpy()
    trace = {
        "type": "bar",
        "x": part["position"].to_numpy(),
        "y": phi,
        "marker": {"color": np.where(phi >= 0, RAISES, LOWERS).tolist()},
        "hovertext": [plain(word, longest=40) for word in part["token"]],
        "hovertemplate": "%{hovertext}: %{y:.3g}<extra></extra>",
    }
    top = part.iloc[int(np.abs(phi).argmax())]
    return Chart(
        name="words_in_steps",
        title=f"Row {row:,}: what each word adds, in reading order",
        caption=(
            f"{len(part):,} words; orange raises, blue lowers the {output_of(measurements)}. "
            f"The largest step is {plain(top['token'], longest=30)}."
        ),
        alt=f"Bars of word attributions of row {row}; largest: {plain(top['token'], longest=30)}.",
        table="tokens",
        figure=figure(
            [trace],
            x="",
            y=f"SHAP value ({scale_of(measurements)})",
            showlegend=False,
            xaxis={
                "tickvals": part["position"].to_numpy(),
                "ticktext": [plain(word, longest=20) for word in part["token"]],
                "tickangle": -60,
            },
        ),
    )


def lay_out(words: Sequence[str]) -> tuple[list[tuple[float, float, int]], int]:
    """Place words in lines of equal cells, from the right where the text is written so.

    Args:
        words: in reading order; a letter of Chinese, Japanese or Korean takes two cells.

    Returns:
        For each word its left edge, its width (cells) and its line; and the number of lines.
    """
    is_leftwards = _is_written_leftwards(words)
    places: list[tuple[float, float, int]] = []
    used, line = 0.0, 0
    for word in words:
        n_cells = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in word)
        width = min(n_cells + 0.8, float(_LINE_CELLS))
        if used and used + width > _LINE_CELLS:
            used, line = 0.0, line + 1
        left = _LINE_CELLS - used - width if is_leftwards else used
        places.append((left, width, line))
        used += width + 0.3
    return places, line + 1


def _is_written_leftwards(words: Sequence[str]) -> bool:
    kinds = [unicodedata.bidirectional(letter) for word in words for letter in word]
    return sum(kind in ("R", "AL") for kind in kinds) > sum(kind == "L" for kind in kinds)


def _words_of(measurements: Measurements, row: int) -> pd.DataFrame:
    if not is_filled(measurements, "tokens"):
        return pd.DataFrame()
    table = measurements.tables["tokens"].to_pandas()
    return table[table["row"] == row].sort_values("position")


def _answer_of(measurements: Measurements, row: int) -> str:
    if not is_filled(measurements, "explained_rows"):
        return ""
    table = measurements.tables["explained_rows"].to_pandas()
    mine = table[table["row"] == row]
    if mine.empty:
        return ""
    return f"; together {mine['output'].iloc[0]:.3g} from {mine['base'].iloc[0]:.3g} without words"


def _ground(value: float, largest: float) -> str:
    depth = _PALEST + (_DEEPEST - _PALEST) * min(1.0, abs(value) / largest)
    colour = RAISES if value >= 0 else LOWERS
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{depth:.3f})"


def _legend() -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": name,
            "marker": {"color": colour, "size": 12, "symbol": "square"},
        }
        for name, colour in (("raises", RAISES), ("lowers", LOWERS))
    ]  # fmt: skip
