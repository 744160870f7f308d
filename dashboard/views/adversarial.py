"""Adversarial examples, with a viewer that shows each one before and after."""

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from analyzers.adversarial import ANALYZER
from analyzers.adversarial.bundle import bundle_pictures
from analyzers.adversarial.edits import changed_words
from analyzers.adversarial.image_drawing import PAINTED
from analyzers.adversarial.pictures import enlarged, magnified
from analyzers.adversarial.row_bundle import bundle_rows
from analyzers.adversarial.text_bundle import bundle_texts
from analyzers.adversarial.units import column_unit_of
from dashboard.analysis_page import Shown, show_analysis
from dashboard.components.threat_model import foretell_threat, threat_model
from dashboard.components.words import as_text

PICTURE_WIDTH = 220
# What takes the place of marks that act instead of show, on their way out of a worker.
HIDDEN = "\N{REPLACEMENT CHARACTER}"


def who_attacks(shown: Shown) -> None:
    """Say who attacks, with what and to what end, before any number."""
    st.header("Who attacks, and how", anchor=False)
    with st.container(border=True):
        threat_model(shown.measurements.tables)


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
        help=f"{len(examples):,} of the changes that did their work were kept to be looked at.",
    )
    with st.container(border=True):
        kinds[name](examples[chosen], shown)


def _label(row: dict[str, Any]) -> str:
    if row["before"] == row["after"]:
        return f"Row {row['row']}: still {row['before']} (truth: {row['true']})"
    beyond = "" if row.get("within_budget", True) else ", beyond the stated size"
    return (
        f"Row {row['row']}: {row['before']} becomes {row['after']} (truth: {row['true']}){beyond}"
    )


def _table(row: dict[str, Any], shown: Shown) -> None:
    st.markdown(as_text(row["sentence"]))
    changes = shown.measurements.tables["changes"]
    part: pa.Table = changes.filter(pc.equal(changes["example"], row["example"]))
    st.dataframe(
        part.select(["feature", "from", "to", "change"]).rename_columns(
            ["Column", "Before", "After", f"Change in {column_unit_of(shown.measurements)}"]
        ),
        hide_index=True,
        alt="The columns that were changed, before and after.",
    )
    _place(row, shown)
    _closing_in(row, shown)
    st.download_button(
        f"All {shown.measurements.tables['examples'].num_rows:,} examples",
        data=partial(bundle_rows, shown.measurements, shown.subject, shown.params),
        file_name="assay_adversarial_rows.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key="adversarial-rows",
        help="The changes, the way there, the rules, and the model, data and settings they come "
        "from.",
    )


def _place(row: dict[str, Any], shown: Shown) -> None:
    """Say how the changed row looks beside the data."""
    part = _of_example(row, shown, "example_places")
    if not part or part[0]["distance_to_data"] is None:
        return
    place = part[0]
    st.markdown(
        f"**How odd it looks.** The nearest other row of the data is "
        f"{place['distance_to_data']:.2f} away; {place['closer_than_share']:.0%} of {place['n']:,} "
        "rows of the data have their nearest neighbour farther off. An isolation forest calls "
        f"{place['isolated_share']:.0%} of the rows odder than the changed one, and "
        f"{place['isolated_share_before']:.0%} odder than the original."
    )


def _closing_in(row: dict[str, Any], shown: Shown) -> None:
    """Follow the search on this row, one nearer change after another."""
    steps = _of_example(row, shown, "example_steps")
    if len(steps) < 2:
        return
    by_number = {step["step"]: step for step in steps}
    is_number = shown.measurements.facts.get("task") == "regression"
    number = st.select_slider(
        "Size allowed, from the least" if is_number else "Step of the attack",
        list(by_number),
        value=steps[-1]["step"],
        key=f"adversarial-row-step-{row['example']}",
        help="0 is the original. Every further step is what a larger change reaches."
        if is_number
        else "0 is the original. Every further step is a smaller change that the search found, up "
        "to twelve of them.",
    )
    step = by_number[number]
    score = step["score_before"]
    sure = "" if score is None else f" ({as_text(row['before'])} at {score:.1%})"
    if not step["n_changed"]:
        st.markdown(f"**The original, answered {as_text(step['answer'])}**{sure}")
        return
    st.markdown(
        f"**Answered {as_text(step['answer'])}**{sure} after a change of size {step['size']:.3g}: "
        f"{as_text(step['changes'])}."
    )
    asked = f"after {step['questions']:,} questions about this row, " if step["questions"] else ""
    st.caption(f"Found {asked}{as_text(step['found_by'])}.")


def _of_example(row: dict[str, Any], shown: Shown, name: str) -> list[dict[str, Any]]:
    table = shown.measurements.tables.get(name)
    if table is None:
        return []
    part: list[dict[str, Any]] = table.filter(
        pc.equal(table["example"], row["example"])
    ).to_pylist()
    return part


def _picture(row: dict[str, Any], shown: Shown) -> None:
    shape = (row["height"], row["width"], row["channels"])
    pictures = (
        (row["original"], f"Original: read as {as_text(row['before'])}"),
        (row["adversarial"], f"Changed: read as {as_text(row['after'])}"),
        (
            magnified(row["difference"]),
            f"Difference, magnified (largest {_largest(row):.3g} of 1; grey is unchanged)",
        ),
    )
    with st.container(horizontal=True):
        for values, words in pictures:
            st.image(enlarged(values, shape, PICTURE_WIDTH), caption=words, width=PICTURE_WIDTH)
    saved = "still does its work" if row["survives_saving"] else "loses its effect"
    st.caption(
        f"The smallest change found (size {row['size']:.3g}), by {as_text(row['found_by'])}; saved "
        f"as a picture file, it {saved}."
    )
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


def _largest(row: dict[str, Any]) -> float:
    return max(map(abs, row["difference"]), default=0.0)


def painted(shown: Shown) -> None:
    """Show pictures that a few pixels or a patch were enough for."""
    table = shown.measurements.tables.get("painted_examples")
    if table is None or not table.num_rows:
        return
    rows = table.to_pylist()
    budgets = list(dict.fromkeys(row["budget"] for row in rows))
    chosen = st.segmented_control(
        "Pictures that fell to",
        budgets,
        default=budgets[0],
        key="adversarial-painted",
        help="A few for each budget; the rest are counted in the chart.",
    )
    for row in rows:
        if row["budget"] == chosen:
            shape = (row["height"], row["width"], row["channels"])
            with st.container(horizontal=True):
                for values, words in (
                    (row["original"], f"Row {row['row']}: read as {as_text(row['before'])}"),
                    (row["adversarial"], f"Changed: read as {as_text(row['after'])}"),
                ):
                    picture = enlarged(values, shape, PICTURE_WIDTH)
                    st.image(picture, caption=words, width=PICTURE_WIDTH)


def _steps(row: dict[str, Any], shown: Shown, shape: tuple[int, int, int]) -> None:
    """Follow the attack on this picture one step at a time."""
    table = shown.measurements.tables["attack_steps"]
    part = table.filter(pc.equal(table["example"], row["example"])).to_pylist()
    if len(part) < 2:
        return
    by_step = {line["step"]: line for line in part}
    is_line = shown.measurements.facts.get("followed") == "straight line"
    step = st.select_slider(
        "Part of the way to the changed picture"
        if is_line
        else "Step of the attack at the full size that was allowed",
        list(by_step),
        value=part[-1]["step"],
        key=f"adversarial-step-{row['example']}",
        help="Equal parts of the straight line to the changed picture, since the attacker has no "
        "gradients."
        if is_line
        else "Steps along the gradient from the original at the stated size.",
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
    before, after = st.columns(2)
    gone = changed_words(row["adversarial"], row["original"])
    with before:
        st.caption(f"Original: {as_text(row['before'])}")
        st.markdown(_marked(row["original"], gone))
    with after:
        st.caption(f"Changed: {as_text(row['after'])}")
        st.markdown(_marked(row["adversarial"], row["changed_words"]))
    done = "left out" if row["before"] == row["after"] else "changed"
    st.caption(
        f"{row['words_changed_share']:.0%} of the words {done} in {row['queries']:,} queries; "
        f"agreement of the letters {row['similarity']:.2f}, of averaged word vectors "
        f"{row['meaning']:.2f}. Found by {as_text(row['found_by'])}."
        + (f" {HIDDEN} stands for a mark that does not show; the download holds the marks."
           if HIDDEN in row["adversarial"] else "")
    )  # fmt: skip
    table = shown.measurements.tables["text_steps"]
    steps = table.filter(pc.equal(table["example"], row["example"])).to_pylist()
    if len(steps) > 1:
        by_number = {step["step"]: step for step in steps}
        number = st.select_slider(
            "Step of the attack", list(by_number), value=steps[-1]["step"],
            key=f"adversarial-text-step-{row['example']}",
            help="The texts the search kept on its way, from the original to the changed one.",
        )  # fmt: skip
        step = by_number[number]
        st.markdown(_marked(step["text"], step["changed_words"]))
        score = step["score_before"]
        said = "" if score is None else f", {as_text(row['before'])} at {score:.1%}"
        st.caption(f"Read as {as_text(step['answer'])}{said}")
    st.download_button(
        f"All {shown.measurements.tables['text_examples'].num_rows:,} examples",
        data=partial(bundle_texts, shown.measurements, shown.subject, shown.params),
        file_name="assay_adversarial_texts.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key="adversarial-texts",
        help="The texts before and after, and the model, data and settings they come from.",
    )


def _marked(text: str, places: list[int]) -> str:
    """Show a text as it is, the words at `places` in bold."""
    chosen = set(places)
    words = []
    for place, word in enumerate(text.split()):
        # Invisible characters are the whole change; they are shown as a dotted circle.
        visible = as_text("".join(char if char.isprintable() else "◌" for char in word))
        words.append(f"**{visible}**" if place in chosen and visible else visible)
    return " ".join(words)


show_analysis(
    ANALYZER, first=who_attacks, live=look, beside={PAINTED: painted}, foretell=foretell_threat
)
