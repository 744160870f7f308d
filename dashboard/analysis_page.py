"""The standard page of an analyzer: settings, job, findings, charts, tables, method."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import streamlit as st
from pydantic import JsonValue

from analyzers.catalog import ANALYZERS
from analyzers.core.analyzer import Analyzer
from analyzers.core.errors import AssayError
from analyzers.core.job import Done, Failed, Job, JobState, Queued, Running, Stopped
from analyzers.core.params import Params, check_params
from analyzers.core.result import Measurements, Result
from analyzers.core.subject import Subject
from dashboard import engine, session
from dashboard.components.chart_sections import chart_sections
from dashboard.components.finding_list import finding_list, verdict_counts
from dashboard.components.job_panel import job_panel
from dashboard.components.method import method_section, provenance_section
from dashboard.components.params_form import params_form
from dashboard.components.subject_header import no_subject, subject_header
from dashboard.components.table_view import table_section
from dashboard.components.words import as_text


class Shown(NamedTuple):
    """What a view's live controls get.

    Attributes:
        params: what was asked for, as plain values.
    """

    analyzer: Analyzer[Any]
    subject: Subject
    measurements: Measurements
    params: Mapping[str, JsonValue] = MappingProxyType({})


LiveControls = Callable[[Shown], None]
Forecast = Callable[[Subject, Params], bool]


def show_analysis(
    analyzer: Analyzer[Any],
    *,
    first: LiveControls | None = None,
    live: LiveControls | None = None,
    beside: Mapping[str, LiveControls] | None = None,
    foretell: Forecast | None = None,
) -> None:
    """Show the page of an analyzer.

    Args:
        analyzer: of the catalog.
        first: draws what a reader must know before the findings.
        live: draws the controls that answer at once from a finished result.
        beside: the same, by the section of charts whose question they belong to.
        foretell: shows what a run with given parameters would do and about how long it takes, and
            returns whether it would be refused.
    """
    st.title(analyzer.title, anchor=False)
    st.markdown(f"*{as_text(analyzer.question)}*")
    examined = engine.subject()
    if examined is None:
        no_subject()
        method_section(analyzer)
        return
    subject_header(examined)
    obstacle = analyzer.needs.obstacle(examined)
    if obstacle is not None:
        st.warning(f"**Not possible here.** {as_text(obstacle)}", icon=":material/block:")
        st.page_link("views/subject.py", label="Change what is examined", icon=":material/edit:")
        method_section(analyzer)
        return
    asked = _asked(analyzer, examined)
    job_id = _job(asked)
    state = engine.state_of(job_id) if job_id else None
    result = _finished(job_id, state)
    chosen = _settings(analyzer, examined, asked.get(job_id), state, foretell)
    if chosen is not None:
        session.remember_job(engine.runner().submit(analyzer, examined, chosen))
        st.rerun()
    if state is not None and job_panel(job_id, state, what=analyzer.title):
        if result is None:
            _show_damage(job_id)
        else:
            _show_result(analyzer, examined, result, first, live, beside or {})
    elif isinstance(state, Failed | Stopped):
        last = next(filter(None, (_finished(one, engine.state_of(one)) for one in asked)), None)
        if last is not None:
            _say_last()
            _show_result(analyzer, examined, last, first, live, beside or {})
    method_section(analyzer)


def _asked(analyzer: Analyzer[Any], examined: Subject) -> dict[str, Job]:
    """What was asked on this page about the subject by its id, the newest first."""
    return {
        record.job.id: record.job
        for record in engine.store().history()
        if record.analyzer == analyzer.name and record.job.subject == examined.digest
    }


def _job(asked: Mapping[str, Job]) -> str:
    """The job of the address where it is this page's, else the one asked last."""
    named = session.job_in_address()
    job_id = named if named in asked else next(iter(asked), "")
    if job_id:
        session.remember_job(job_id)
    else:
        session.forget_job()
    return job_id


def _finished(job_id: str, state: JobState | None) -> Result | None:
    if not isinstance(state, Done):
        return None
    try:
        return engine.answer_to(job_id)
    except AssayError:
        return None


def _say_nothing(subject: Subject, params: Params) -> bool:
    """Stand in for a forecast that is folded up."""
    del subject, params
    return False


def _say_last() -> None:
    """Say that what follows is older: a refused setting costs nobody what was there before."""
    st.info(
        "**The last result, with its own settings.** What follows is not of the run above.",
        icon=":material/history:",
    )


def _show_damage(job_id: str) -> None:
    try:
        engine.answer_to(job_id)
    except AssayError as error:
        st.error(as_text(error), icon=":material/error:")


def _settings(
    analyzer: Analyzer[Any],
    examined: Subject,
    asked: Job | None,
    state: JobState | None,
    foretell: Forecast | None,
) -> Params | None:
    if isinstance(state, Queued | Running):
        return None
    initial = analyzer.params()
    if asked is not None:
        # Of a job that failed too: who mends one setting keeps the others.
        with suppress(AssayError):  # an earlier version asked for something else
            initial = check_params(analyzer.params, dict(asked.params))
    is_done = isinstance(state, Done)
    label = f"Run {analyzer.title.lower()}" if state is None else "Run again with these settings"
    try:
        if state is None:
            return params_form(analyzer, examined, initial=initial, label=label, foretell=foretell)
        folded = st.expander(
            "Settings",
            icon=":material/tune:",
            expanded=not is_done,
            key=f"{analyzer.name}-settings-{'done' if is_done else 'open'}",
            on_change="rerun",
        )
        if foretell is not None and not folded.open:
            foretell = _say_nothing  # what nobody sees needs no worker
        with folded:
            return params_form(
                analyzer,
                examined,
                initial=initial,
                label=label if is_done else "Try again",
                foretell=foretell,
            )
    except AssayError as error:
        st.error(as_text(error), icon=":material/error:")
        return None


def _show_result(
    analyzer: Analyzer[Any],
    examined: Subject,
    result: Result,
    first: LiveControls | None,
    live: LiveControls | None,
    beside: Mapping[str, LiveControls],
) -> None:
    measurements = result.measurements
    answer = engine.judged(analyzer, measurements)
    if measurements.cut_short:
        st.warning(
            f"**Ended early.** {as_text(measurements.cut_short)}", icon=":material/content_cut:"
        )
    shown = Shown(analyzer, examined, measurements, result.job.params)
    if first is not None:
        first(shown)
    st.header("Findings", anchor=False)
    if measurements.sampling:
        st.caption(as_text(" ".join(measurements.sampling)))
    verdict_counts(answer.findings)
    finding_list(answer.findings, leading=analyzer.leading(answer.findings))
    if live is not None:
        live(shown)
    if answer.charts:
        st.header("Charts", anchor=False)
        chart_sections(
            answer.charts,
            measurements,
            area=analyzer.name,
            beside={name: partial(draw, shown) for name, draw in beside.items()},
        )
    st.header("Behind the numbers", anchor=False)
    table_section(measurements, area=analyzer.name)
    provenance_section(analyzer, result)
    _point_onwards(analyzer)


def _point_onwards(analyzer: Analyzer[Any]) -> None:
    """Say where to go next: the next question of the catalog, and all answers on one page."""
    names = [other.name for other in ANALYZERS]
    if analyzer.name not in names:
        return
    st.header("Next", anchor=False)
    with st.container(horizontal=True):
        for other in ANALYZERS[names.index(analyzer.name) + 1 :][:1]:
            label = f"{other.title}: {other.question}"
            st.page_link(f"views/{other.name}.py", label=label, icon=":material/arrow_forward:")
        st.page_link(
            "views/overview.py", label="All risks on one page", icon=":material/dashboard:"
        )
