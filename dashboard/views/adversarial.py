"""Adversarial examples, with a viewer that shows each one before and after."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from analyzers.adversarial import ANALYZER
from dashboard.analysis_page import Shown, show_analysis
from dashboard.components.words import as_text

PICTURE_WIDTH = 220


@st.fragment
def look(shown: Shown) -> None:
    """Choose an example and see what was changed."""
    tables = shown.measurements.tables
    kinds = {"image_examples": _picture, "text_examples": _text, "examples": _table}
    name = next((name for name in kinds if name in tables and tables[name].num_rows), None)
    if name is None:
        return
    examples = {row["example"]: row for row in tables[name].to_pylist()}
    st.header("Look at one example", anchor=False)
    chosen = st.selectbox(
        "Example",
        list(examples),
        format_func=lambda number: _label(examples[number]),
        key="adversarial-example",
        help=f"{len(examples):,} of the changes that flip an answer were kept to be looked at.",
    )
    with st.container(border=True):
        kinds[name](examples[chosen], shown)


def _label(row: dict[str, Any]) -> str:
    return f"Row {row['row']}: {row['before']} becomes {row['after']} (truth: {row['true']})"


def _table(row: dict[str, Any], shown: Shown) -> None:
    st.markdown(as_text(row["sentence"]))
    changes = shown.measurements.tables["changes"]
    part: pa.Table = changes.filter(pc.equal(changes["example"], row["example"]))
    st.dataframe(
        part.select(["feature", "from", "to", "change"]).rename_columns(
            ["Column", "Before", "After", "Change in standard deviations"]
        ),
        hide_index=True,
        alt="The columns that were changed, before and after.",
    )


def _picture(row: dict[str, Any], shown: Shown) -> None:
    del shown
    shape = (row["height"], row["width"], row["channels"])
    with st.container(horizontal=True):
        for name, words in (("original", row["before"]), ("adversarial", row["after"])):
            pixels = np.asarray(row[name], dtype=np.float32).reshape(shape)
            # Enlarged here, because a browser would blur small pictures.
            times = max(1, PICTURE_WIDTH // shape[1])
            pixels = pixels.repeat(times, axis=0).repeat(times, axis=1).squeeze()
            st.image(
                pixels,
                caption=f"{name.capitalize()}: read as {as_text(words)}",
                width=PICTURE_WIDTH,
                clamp=True,
            )


def _text(row: dict[str, Any], shown: Shown) -> None:
    del shown
    before, after = st.columns(2)
    with before:
        st.caption(f"Original: {as_text(row['before'])}")
        st.text(str(row["original"]))
    with after:
        st.caption(f"Changed: {as_text(row['after'])}")
        st.text(str(row["adversarial"]))


show_analysis(ANALYZER, live=look)
