"""Page configuration and navigation, built from the catalog."""

from collections import Counter
from pathlib import Path

import streamlit as st

from analyzers.catalog import ANALYZERS
from dashboard import engine, session
from dashboard.components.words import as_text
from dashboard.limits import packs_in

VIEWS = Path(__file__).with_name("views")
ICONS = {
    "performance": ":material/speed:",
    "explanation": ":material/psychology:",
    "fairness": ":material/balance:",
    "adversarial": ":material/security:",
    "privacy": ":material/visibility_lock:",
}


def pages() -> dict[str, list[st.Page]]:
    """Return every page by section; one for each analyzer of the catalog."""
    risks = [
        st.Page(
            VIEWS / f"{analyzer.name}.py",
            title=analyzer.title,
            icon=ICONS.get(analyzer.name, ":material/search:"),
            url_path=analyzer.name,
        )
        for analyzer in ANALYZERS
    ]
    return {
        "Start": [
            _page("home", "Home", ":material/home:", is_first=True),
            _page("subject", "Model and data", ":material/dataset:"),
        ],
        "Risks": risks,
        "Results": [
            _page("overview", "Overview", ":material/dashboard:"),
            _page("report", "Report", ":material/description:"),
            _page("limits", "Limits", ":material/rule:"),
            _page("runs", "Runs", ":material/history:"),
        ],
    }


def _page(name: str, title: str, icon: str, *, is_first: bool = False) -> st.Page:
    return st.Page(VIEWS / f"{name}.py", title=title, icon=icon, url_path=name, default=is_first)


def _sidebar() -> None:
    with st.sidebar:
        known = {subject.digest: subject.name for subject in engine.store().subjects()}
        names_used = Counter(known.values())
        current = session.subject_digest()
        if known:
            digests = list(known)
            chosen = st.selectbox(
                "Examining",
                digests,
                index=digests.index(current) if current in known else None,
                # The digest only where it is needed to tell two of one name apart.
                format_func=lambda digest: (
                    known[digest]
                    if names_used[known[digest]] == 1
                    else f"{digest[:6]} · {known[digest]}"
                ),
                placeholder="Choose a model",
                help="Everything opened in this workspace, the newest first.",
            )
            if chosen is not None and chosen != current:
                session.choose_subject(chosen)
                st.rerun()
        names = packs_in(engine.store())
        policy = st.selectbox(
            "Limits",
            names,
            index=names.index(engine.policy_name()),
            format_func=lambda name: name.replace("_", " ").capitalize(),
            help="The pack of limits that verdicts are held against. Changing it runs nothing "
            "again. A limit is a convention with a source and a date.",
        )
        if policy != engine.policy_name():
            session.choose_policy(policy)
            st.rerun()


st.set_page_config(
    page_title="Assay",
    page_icon=str(Path(__file__).with_name("icon.png")),
    layout="wide",
)
session.open_session()
st.logo(str(Path(__file__).with_name("wordmark.svg")), size="large")
page = st.navigation(pages())
_sidebar()
notice = session.take_notice()
if notice:
    st.info(as_text(notice), icon=":material/info:")
page.run()
