"""Reading an inspection's result, and edits that give a new subject."""

import subprocess
import sys

import pyarrow as pa
import pytest

from analyzers.core.errors import InvalidParameter, ResultError
from analyzers.core.job import Job
from analyzers.core.params import check_params
from analyzers.core.result import Measurements, Provenance, Result
from analyzers.core.subject import FileRef, Files, Role
from analyzers.inspection import (
    INSPECTION_TABLES,
    InspectionParams,
    edit_immutable,
    edit_name,
    edit_positive_class,
    edit_role,
    edit_sensitive,
    notes_of,
    propose_subject,
)
from tests.benches import CREDIT_COLUMNS, subject_of

FILES = Files(data=FileRef(sha256="d" * 64, size=1, name="d.csv"))
SUBJECT = subject_of(CREDIT_COLUMNS, n_rows=10)


def result(**changed) -> Result:
    facts = {
        "task": "binary", "modality": "tabular", "target": "granted", "target_reason": "",
        "positive_class": "yes", "positive_reason": "", "model_kind": "m", "trust": "data only",
        "data_format": "CSV", "model_format": "skops", "n_rows": 10, "n_training_rows": None,
    } | changed  # fmt: skip
    rows = [column.model_dump() | {"role": str(column.role)} for column in CREDIT_COLUMNS]
    tables = {
        "columns": pa.Table.from_pylist(rows, schema=INSPECTION_TABLES["columns"]),
        "classes": pa.Table.from_pylist(
            [{"code": 0, "label": "no", "n_rows": 4}, {"code": 1, "label": "yes", "n_rows": 6}],
            schema=INSPECTION_TABLES["classes"],
        ),
        "changes": pa.Table.from_pylist(
            [{"about": "table", "sentence": "One thing."}], schema=INSPECTION_TABLES["changes"]
        ),
    }
    return Result(
        job=Job(analyzer="inspection", version=1, subject="0" * 64),
        measurements=Measurements(facts=facts, tables=tables),
        provenance=Provenance(),
    )


def test_a_result_becomes_a_subject():
    subject = propose_subject(result(), FILES, name="n" * 500)

    assert subject.columns == CREDIT_COLUMNS
    assert (subject.classes, subject.positive_class) == (("no", "yes"), "yes")
    assert len(subject.name) == 200
    assert notes_of(result()) == ("One thing.",)


@pytest.mark.parametrize(
    "forged",
    [{"task": "magic"}, {"modality": "smell"}, {"n_rows": -1}, {"trust": "full"}, {"extra": 1},
     {"n_rows": "10"}],
)  # fmt: skip
def test_a_forged_result_is_refused(forged):
    with pytest.raises(ResultError):
        propose_subject(result(**forged), FILES, name="x")


def test_edits_give_a_new_subject_and_leave_the_old_one():
    before = SUBJECT.model_dump()

    edited = edit_immutable(edit_sensitive(SUBJECT, ["region"]), ["region", "age"])

    assert [column.name for column in edited.sensitive] == ["region"]
    assert edited.column("region").reason == "You said so."
    assert not edited.column("sex").is_immutable
    assert edited.column("region").is_feature
    assert SUBJECT.model_dump() == before
    assert edited.digest != SUBJECT.digest


def test_an_edit_back_gives_the_same_flags():
    names = [column.name for column in SUBJECT.sensitive]

    edited = edit_sensitive(edit_sensitive(SUBJECT, ["region"]), names)

    assert [column.name for column in edited.sensitive] == names


def test_the_positive_class_is_one_of_the_classes():
    assert edit_positive_class(SUBJECT, "no").positive_index == 0
    with pytest.raises(InvalidParameter, match="no, yes"):
        edit_positive_class(SUBJECT, "perhaps")


@pytest.mark.parametrize(
    "edit",
    [
        lambda: edit_sensitive(SUBJECT, ["nobody"]),
        lambda: edit_sensitive(SUBJECT, ["granted"]),
        lambda: edit_immutable(SUBJECT, ["nobody"]),
        lambda: edit_role(SUBJECT, "income", Role.ID),
        lambda: edit_role(SUBJECT, "granted", Role.ID),
        lambda: edit_role(SUBJECT, "income", Role.LABEL),
    ],
)
def test_edits_that_make_no_sense_are_refused(edit):
    with pytest.raises(InvalidParameter):
        edit()


def test_the_role_of_a_column_the_model_does_not_see_can_change():
    loose = CREDIT_COLUMNS[3].model_copy(update={"is_feature": False, "role": Role.IGNORED})
    subject = subject_of((*CREDIT_COLUMNS[:3], loose, CREDIT_COLUMNS[4]), n_rows=10)

    assert edit_role(subject, "region", Role.ID).column("region").role == Role.ID
    assert edit_role(subject, "region", Role.SENSITIVE).column("region").is_sensitive
    marked = edit_sensitive(subject, ["region"])
    assert marked.column("region").role == Role.SENSITIVE
    assert edit_sensitive(marked, []).column("region").role == Role.IGNORED


def test_a_name_is_never_empty():
    assert edit_name(SUBJECT, "  ").name == SUBJECT.name
    assert edit_name(SUBJECT, " Credit ").name == "Credit"


def test_parameters_come_from_plain_values():
    params = check_params(InspectionParams, {"target": "y", "sensitive": ["a", "b"]})

    assert (params.target, params.sensitive, params.ids) == ("y", ("a", "b"), ())


def test_importing_it_loads_no_loader_and_no_model_library():
    code = (
        "import sys, analyzers.inspection;"
        "print([name for name in sys.modules if name.startswith(('analyzers.loaders', 'sklearn',"
        " 'torch', 'xgboost', 'joblib', 'skops'))])"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert run.stdout.strip() == "[]", run.stderr
