"""Kinds of rows whose explanations are worth comparing: groups of people, outcomes, mistakes."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.workbench import Workbench
from analyzers.explanation.records import GROUP_COLUMNS, Scene, importance_line
from analyzers.explanation.tables import TABLES
from analyzers.toolkit.groups import attribute_of

OUTCOME, ANSWER, CORRECTNESS = "true outcome", "model's answer", "right or wrong"
_MOST_CLASSES = 12


class Cohort(NamedTuple):
    """Some of the rows.

    Attributes:
        attribute: a sensitive column, or one of the three ways above.
        group: its group, class or kind.
        members: `(n_rows,)` which rows belong to it.
    """

    attribute: str
    group: str
    members: NDArray[np.bool_]


def cohorts_of(bench: Workbench, positions: NDArray[np.int64]) -> list[Cohort]:
    """List the cohorts among rows, people first; cohorts without a row are left out.

    Args:
        bench: the subject, its data and predictions.
        positions: `(n_rows,)` positions in the data.
    """
    subject, found = bench.subject, []
    table = bench.data.frame.iloc[positions]
    for column in subject.sensitive:
        if column.name not in table.columns:
            continue
        try:
            attribute = attribute_of(table[column.name])
        except UnsuitableSubject:
            continue
        found += [
            Cohort(column.name, group, attribute.codes == code)
            for code, group in enumerate(attribute.levels)
        ]
    if subject.task != "regression":
        predictions = bench.need_predictions()
        predicted = predictions.predicted[positions].astype(np.int64)
        found += _classes(ANSWER, predicted, subject.classes)
        if predictions.labels is not None:
            labels = predictions.labels[positions].astype(np.int64)
            found += _classes(OUTCOME, labels, subject.classes)
            known = labels >= 0
            found += [
                Cohort(CORRECTNESS, "right", known & (labels == predicted)),
                Cohort(CORRECTNESS, "wrong", known & (labels != predicted)),
            ]
    return [cohort for cohort in found if cohort.members.any()]


def _classes(attribute: str, codes: NDArray[np.int64], classes: tuple[str, ...]) -> list[Cohort]:
    counts = np.bincount(codes[codes >= 0], minlength=len(classes))
    frequent = np.sort(np.argsort(-counts, kind="stable")[:_MOST_CLASSES])
    return [Cohort(attribute, classes[code], codes == code) for code in frequent]


def cohort_importance_table(scene: Scene, cohorts: list[Cohort]) -> pa.Table:
    """The most important columns again, for each cohort, with intervals over its rows."""
    lines = []
    for cohort in cohorts:
        members = scene.attribution.values[cohort.members]
        for at in scene.order[:GROUP_COLUMNS]:
            line = importance_line(str(scene.frame.columns[at]), members[:, at])
            del line["mean"]
            lines.append({"attribute": cohort.attribute, "group": cohort.group, **line})
    return pa.Table.from_pylist(lines, schema=TABLES["group_importance"])
