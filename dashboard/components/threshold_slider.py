"""One slider that moves the decision threshold: an exact look-up, nothing is run again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from analyzers.core.result import Measurements
from analyzers.report.words import VERDICTS
from dashboard import engine
from dashboard.analysis_page import Shown
from dashboard.components.chart_view import chart_view
from dashboard.components.finding_list import verdict_counts

STEP = 0.01


@dataclass(frozen=True, kw_only=True)
class ThresholdControls:
    """What a threshold moves on a page.

    Attributes:
        decide: the whole result at another threshold.
        charts: names of the charts to draw beside the slider.
        table: the table to show below.
        columns: its columns in order, each with its heading.
        where: values that its rows must have.
    """

    decide: Callable[[Measurements, float], Measurements]
    charts: tuple[str, ...]
    table: str
    columns: Mapping[str, str]
    where: Mapping[str, object] = field(default_factory=dict)

    def show(self, shown: Shown) -> None:
        """Show the slider and what it moves; nothing where the result holds no scores."""
        scores = shown.measurements.tables.get("scores")
        if shown.subject.task != "binary" or scores is None or scores.num_rows == 0:
            return
        st.header("What if the threshold were another?", anchor=False)
        self._moved(shown)

    @st.fragment
    def _moved(self, shown: Shown) -> None:
        used = float(shown.measurements.facts.get("threshold") or 0.5)
        area = shown.analyzer.name
        threshold = st.slider(
            "A row is selected where its score is at least",
            min_value=0.0,
            max_value=1.0,
            value=used,
            step=STEP,
            key=f"{area}-threshold",
            help=f"The result was measured at {used:g}. Moving the slider runs nothing again.",
        )
        moved = self.decide(shown.measurements, threshold)
        answer = engine.judged(shown.analyzer, moved)
        words = ", ".join(words.word.lower() for words in VERDICTS.values())
        st.caption(f"Verdicts at {threshold:.2f} ({words}):", help="As above, at this threshold.")
        verdict_counts(answer.findings)
        drawn = [chart for chart in answer.charts if chart.name in self.charts]
        if drawn:
            for column, chart in zip(st.columns(len(drawn)), drawn, strict=True):
                with column:
                    chart_view(chart, moved, area=area, place="moved")
        st.dataframe(self._rows(moved), hide_index=True)

    def _rows(self, moved: Measurements) -> pa.Table:
        table = moved.tables[self.table]
        for name, value in self.where.items():
            table = table.filter(pc.equal(table[name], value))
        return table.select(list(self.columns)).rename_columns(list(self.columns.values()))
