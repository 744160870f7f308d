"""The address finds everything again, strangers' addresses find nothing, and only text is kept."""

from analyzers.jobs.workspaces import new_workspace
from tests.dashboard.conftest import words_of


def test_a_first_visit_gets_a_workspace_nobody_can_guess(empty_app):
    first, second = (empty_app("home").query_params["workspace"] for _ in range(2))

    assert first != second
    assert len(first) >= 32


def test_an_address_finds_workspace_and_subject_in_another_tab(workspace):
    app = workspace.open("fairness")

    assert app.query_params["workspace"] == workspace.store.workspace
    assert app.query_params["subject"] == workspace.subject.digest
    assert app.session_state["workspace"] == workspace.store.workspace


def test_an_address_finds_the_very_run_it_names(workspace):
    job = workspace.done("performance")
    app = workspace.open("performance")
    assert app.query_params["job"] == job


def test_a_deleted_or_made_up_workspace_is_not_taken_over(workspace):
    made_up = new_workspace()
    workspace = workspace._replace(
        store=type("Gone", (), {"workspace": made_up})()  # nothing on disk has this token
    )

    app = workspace.open()

    assert app.query_params["workspace"] != made_up
    assert "was deleted or has expired" in words_of(app)


def test_a_path_is_no_workspace(workspace):
    workspace = workspace._replace(store=type("Path", (), {"workspace": "../../../../tmp/x"})())

    app = workspace.open()

    assert not app.exception
    assert "/" not in app.query_params["workspace"]


def test_a_damaged_subject_in_the_address_is_no_subject(workspace):
    broken = type("Subject", (), {"digest": "f" * 64})()

    app = workspace._replace(subject=broken).open("performance")

    assert not app.exception
    assert "Nothing to examine yet" in words_of(app)


def test_our_own_session_values_are_text(workspace):
    workspace.done("performance")
    app = workspace.open("performance")

    ours = ("workspace", "subject", "policy", "notice", "pending_upload", "upload_round")
    for key in ours:
        if key in app.session_state:
            assert isinstance(app.session_state[key], str), key
