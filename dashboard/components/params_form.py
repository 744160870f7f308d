"""A form from declared parameters: the same declaration makes the command line's flags."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from analyzers.core.analyzer import Analyzer
from analyzers.core.errors import AssayError
from analyzers.core.params import Parameter, Params, check_params, parameters_of
from analyzers.core.subject import Column, Subject
from analyzers.toolkit.markup import shown
from dashboard.components.words import as_text

SHOWN_AT_ONCE = 3


def params_form(
    analyzer: Analyzer[Any],
    subject: Subject,
    *,
    initial: Params,
    label: str,
    foretell: Callable[[Subject, Params], bool] | None = None,
) -> Params | None:
    """Show the form; return the chosen parameters when Run was pressed, else None.

    Args:
        analyzer: declares the parameters.
        subject: its columns are the choices of column parameters.
        initial: what the fields show at first.
        label: of the button.
        foretell: shows what a run with the values shown would do, and returns whether it would be
            refused; it follows every change.

    Raises:
        InvalidParameter: a text field holds what its declaration does not allow.
    """
    # What means nothing for this kind of data keeps its value and is not shown.
    every = parameters_of(analyzer.params)
    declared = [
        item
        for item in every
        if (not item.only or subject.modality in item.only)
        and (item.kind != "class" or subject.classes)
    ]
    first, more = declared[:SHOWN_AT_ONCE], declared[SHOWN_AT_ONCE:]
    values: dict[str, Any] = initial.model_dump(mode="json")
    # A form tells its values only when it is sent; a forecast needs them at once.
    frame = st.container(border=True) if foretell else st.form(f"{analyzer.name}-params")
    with frame:
        if first:
            for column, parameter in zip(st.columns(len(first)), first, strict=True):
                with column:
                    values[parameter.name] = _field(analyzer.name, parameter, subject, initial)
        if more:
            with st.expander(f"More settings ({len(more)}); the defaults are fine to begin with"):
                for parameter in more:
                    values[parameter.name] = _field(analyzer.name, parameter, subject, initial)
        button: dict[str, Any] = {
            "label": label, "icon": ":material/play_arrow:", "key": f"{analyzer.name}-run",
            "type": "primary",
        }  # fmt: skip
        if foretell is None:
            pressed = st.form_submit_button(**button)
        else:
            is_refused = _foretell(foretell, analyzer, subject, values)
            pressed = st.button(**button, disabled=is_refused)
    return check_params(analyzer.params, values) if pressed else None


def _foretell(
    foretell: Callable[[Subject, Params], bool],
    analyzer: Analyzer[Any],
    subject: Subject,
    values: dict[str, Any],
) -> bool:
    """Foretell the run, or say at once which value does not fit; return whether it is refused."""
    try:
        params = check_params(analyzer.params, values)
    except AssayError as error:
        st.warning(as_text(error), icon=":material/rule:")
        return True
    return foretell(subject, params)


def _field(owner: str, parameter: Parameter, subject: Subject, initial: Params) -> Any:  # noqa: ANN401  each kind has its own type
    value = getattr(initial, parameter.name)
    named: dict[str, Any] = {
        "label": parameter.short_label,
        "help": _help(parameter),
        "key": f"{owner}-param-{parameter.name}",
    }
    if parameter.kind == "columns":
        choices = [column.name for column in _columns(parameter, subject)]
        chosen = [name for name in value if name in choices]
        picked = st.multiselect(**named, options=choices, default=chosen, format_func=shown)
        return list(picked)
    if parameter.kind == "choice":
        choices = list(parameter.choices)
        return st.selectbox(
            **named, options=choices, index=choices.index(value), format_func=_sentence_case
        )
    if parameter.kind == "flag":
        return st.toggle(**named, value=value)
    if parameter.kind == "class":
        classes = ["", *subject.classes]
        return st.selectbox(
            **named,
            options=classes,
            index=classes.index(value) if value in classes else 0,
            format_func=lambda name: shown(name) if name else _sentence_case(parameter.none),
        )
    # Without bounds of its own a field passes every number on, and a wrong one gets a sentence; a
    # field with bounds keeps it to itself, and the run starts with the number before.
    if parameter.kind == "integer":
        return st.number_input(
            **named,
            value=None if value is None else int(value),
            placeholder="chosen for you" if parameter.default is None else None,
            step=1,
        )
    if parameter.kind == "number":
        return st.number_input(**named, value=float(value), format="%g")
    return st.text_input(**named, value=value, max_chars=500)


def _sentence_case(words: str) -> str:
    """Write the first letter large and leave names as they are."""
    return words[:1].upper() + words[1:]


def _help(parameter: Parameter) -> str:
    if parameter.minimum is None or parameter.maximum is None:
        return parameter.help
    return f"{parameter.help} From {parameter.minimum:,g} to {parameter.maximum:,g}."


def _columns(parameter: Parameter, subject: Subject) -> tuple[Column, ...]:
    by_group = {"sensitive": subject.sensitive, "feature": subject.features}
    return by_group.get(parameter.among or "any", subject.columns)
