"""Adversarial examples, with a viewer that shows each one before and after."""

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from analyzers.adversarial import ANALYZER
from analyzers.adversarial.bundle import bundle_pictures
from analyzers.adversarial.pictures import enlarged, magnified
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
    shape = (row["height"], row["width"], row["channels"])
    pictures = (
        (row["original"], f"Original: read as {as_text(row['before'])}"),
        (row["adversarial"], f"Changed: read as {as_text(row['after'])}"),
        (magnified(row["difference"]), f"Difference, magnified (size {row['size']:.3g})"),
    )
    with st.container(horizontal=True):
        for values, words in pictures:
            st.image(enlarged(values, shape, PICTURE_WIDTH), caption=words, width=PICTURE_WIDTH)
    saved = "still does its work" if row["survives_saving"] else "loses its effect"
    st.caption(f"Found by {as_text(row['found_by'])}; saved as a picture file, it {saved}.")
    _steps(row, shown, shape)
    st.download_button(
        f"All {shown.measurements.tables['image_examples'].num_rows:,} examples",
        data=partial(bundle_pictures, shown.measurements, shown.subject, shown.params),
        file_name="assay_adversarial_pictures.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        key="adversarial-pictures",
        help="Picture files, exact values, and the model, data and settings they come from.",
    )


def _steps(row: dict[str, Any], shown: Shown, shape: tuple[int, int, int]) -> None:
    """Follow the attack on this picture one step at a time."""
    table = shown.measurements.tables["attack_steps"]
    part = table.filter(pc.equal(table["example"], row["example"])).to_pylist()
    if len(part) < 2:
        return
    by_step = {line["step"]: line for line in part}
    step = st.select_slider(
        "Step of the attack",
        list(by_step),
        value=part[-1]["step"],
        key=f"adversarial-step-{row['example']}",
        help="Steps along the gradient from the original at the stated size, or equal parts of the "
        "straight line to the changed picture where the attacker has no gradients.",
    )
    line = by_step[step]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(enlarged(line["picture"], shape, PICTURE_WIDTH), width=PICTURE_WIDTH)
        lines = [f"**Read as {as_text(line['answer'])}** at size {line['size']:.3g}"]
        if line["score_before"] is not None:
            lines.append(f"{as_text(row['before'])}: {line['score_before']:.1%}")
            lines.append(f"{as_text(line['other'])}: {line['score_other']:.1%}")
        st.markdown("\n\n".join(lines))


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
