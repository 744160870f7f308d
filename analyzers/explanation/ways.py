"""Counterfactuals of any editable row under rules set on the page, asked of the live model.

The search is the one of the run; the rules of the data come back from the result's own tables, and
the model's answers from a sandbox that keeps it open. So the page may set other directions and
ranges and search again without a new run.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import Predictions
from analyzers.core.errors import InvalidParameter
from analyzers.core.result import Measurements
from analyzers.core.subject import Subject
from analyzers.explanation.changing import ANOTHER, Reach, Start, across, changes_table
from analyzers.explanation.chart_words import amount
from analyzers.explanation.constraints import Constraint, broken, constrained
from analyzers.explanation.counterfactuals import find_counterfactuals
from analyzers.explanation.editing import typed_level
from analyzers.toolkit.feasible import FeasibleSpace, Field, Rule
from analyzers.toolkit.markup import shown as tamed

AskLive = Callable[[pd.DataFrame], Predictions]


def find_ways(
    measurements: Measurements,
    subject: Subject,
    row: int,
    constraints: Sequence[Constraint],
    ask: AskLive,
    *,
    wanted: str | Reach | None = None,
) -> Measurements:
    """Search the smallest changes of a row that lead to another answer, and check them again.

    Args:
        measurements: of this analyzer.
        subject: names the classes.
        row: one of `editable_rows`.
        constraints: for some columns; the others follow the data's own rules. A constraint on a
            column that was fixed in the run does not free it.
        ask: the model.
        wanted: the class to reach, or for a regression the number; None for any other class, or
            across the median of a regression.

    Returns:
        Table `counterfactuals` as in the run; facts `n_found`, `n_questions`, `n_free`,
        `n_columns`, `counterfactual_goal`, `predicted_now`, `output_now` and `asked_output`.

    Raises:
        InvalidParameter: a rule that makes no sense, or the row has the wanted answer already.
    """
    numbers, frame = rows_at_hand(measurements)
    start_row = frame.iloc[[numbers.index(row)]].reset_index(drop=True)
    rules = rules_of(measurements)
    space = constrained(rules, constraints, start_row)
    outputs = measurements.tables["explained_rows"]["output"].to_numpy()
    start = Start(start_row, row, float(np.median(outputs)))
    own = ask(start_row)
    reach = None if subject.classes else _reach(start, own, wanted)
    found = find_counterfactuals(
        _margins(subject, start, own, ask, wanted if reach is None else reach),
        start_row,
        space,
        frame,
        _order(measurements, space),
    )
    origin = rules.encode(start_row)[0]
    for point in found.points:
        wrong = broken(rules, constraints, origin, point)
        if wrong:  # never seen; a change that breaks a rule must not reach the page
            raise InvalidParameter(
                f"Expected a change within the rules, got one that breaks that of "
                f"{tamed(wrong[0])}.",
                remedy="Leave the rule out and report this.",
            )
    answers = ask(found.rows) if len(found.rows) else None
    table = changes_table(
        start,
        found,
        np.zeros(0) if answers is None else _outputs(measurements, subject, answers),
        () if answers is None else np.asarray(answers.predicted).astype(np.int64),
        subject.classes,
    )
    return Measurements(
        tables={"counterfactuals": table},
        facts={
            "n_found": len(found.rows),
            "n_questions": found.n_questions,
            "n_free": int(space.is_free.sum()),
            "n_columns": len(space.fields),
            "counterfactual_goal": (
                ANOTHER
                if reach is None
                else reach.words(measurements.facts.get("asked_output") or "the answer")
            ),
            "predicted_now": _named(own.predicted[0], subject),
            "output_now": float(_outputs(measurements, subject, own)[0]),
            "asked_output": measurements.facts.get("asked_output"),
        },
    )


def middle_output(measurements: Measurements) -> float:
    """The median output over the explained rows, to four digits."""
    outputs = measurements.tables["explained_rows"]["output"].to_numpy()
    return float(f"{np.median(outputs):.4g}")


def way_words(found: Measurements) -> tuple[str, ...]:
    """Each change in one sentence, smallest first: what changes, and the answer it leads to."""
    table, words = found.tables["counterfactuals"].to_pandas(), []
    for _, part in table.groupby("number", sort=True):
        changes = ", and ".join(
            f"{tamed(line.feature)} from {tamed(line.before, longest=40)} to "
            f"{tamed(line.after, longest=40)}"
            for line in part.itertuples()
        )
        words.append(f"Change {changes}: the model then says {_answer_words(found, part.iloc[0])}.")
    return tuple(words)


def answer_now(found: Measurements) -> str:
    """The row's own answer, in words."""
    facts = found.facts
    return _said(facts["predicted_now"], facts["output_now"], facts["asked_output"])


def kept_columns(measurements: Measurements) -> tuple[tuple[str, str], ...]:
    """The columns no search may change, each with the reason."""
    fields = rules_of(measurements).fields
    return tuple((field.name, field.reason) for field in fields if field.rule == "fixed")


def _answer_words(found: Measurements, line: pd.Series) -> str:
    return _said(line["predicted"], line["output"], found.facts["asked_output"])


def _said(predicted: object, output: object, asked: object) -> str:
    name = tamed(predicted, longest=60)
    if not str(asked).startswith("probability of"):
        return f"{name}"
    number = amount(output, asked) if isinstance(output, float) else ""
    return f"{name}, {tamed(asked, longest=80)} {number}"


def _named(predicted: float, subject: Subject) -> str:
    return subject.classes[int(predicted)] if subject.classes else f"{predicted:.6g}"


def rules_of(measurements: Measurements) -> FeasibleSpace:
    """Rebuild the data's own rules from the table that describes the columns."""
    fields = tuple(_field(line) for line in measurements.tables["fields"].to_pylist())
    return FeasibleSpace(fields=fields)


def rows_at_hand(measurements: Measurements) -> tuple[list[int], pd.DataFrame]:
    """The rows whose values were kept, as the model takes them, and their numbers in the file."""
    table = measurements.tables["row_values"].to_pandas()
    types = {
        line["feature"]: line["value_type"] for line in measurements.tables["fields"].to_pylist()
    }
    columns: dict[str, Any] = {}
    numbers: list[int] = []
    for name, part in table.groupby("feature", sort=False):
        kind = types[str(name)]
        numbers = part["row"].tolist()
        if kind in ("integer", "number"):
            values = part["number"].to_numpy(np.float64)
            is_whole = kind == "integer" and not np.isnan(values).any()
            columns[str(name)] = values.astype(np.int64) if is_whole else values
        else:
            levels = [None if pd.isna(text) else typed_level(text, kind) for text in part["text"]]
            is_known = kind == "boolean" and None not in levels
            columns[str(name)] = pd.Series(levels, dtype=bool if is_known else object)
    return numbers, pd.DataFrame(columns)


def _field(line: dict[str, Any]) -> Field:
    levels = tuple(typed_level(level, line["value_type"]) for level in line["levels"])
    low, high = line["low"], line["high"]
    rule: Rule = "level" if levels else "integer" if line["decimals"] == 0 else "number"
    if line["fixed"]:
        rule = "fixed"
    return Field(
        line["feature"],
        rule,
        line["scale"],
        0.0 if levels else np.nan if low is None else low,
        float(len(levels) - 1) if levels else np.nan if high is None else high,
        decimals=line["decimals"],
        levels=levels,
        reason=line["fixed"],
    )


def _order(measurements: Measurements, space: FeasibleSpace) -> NDArray[np.int64]:
    important = measurements.tables["importance"]["feature"].to_pylist()
    rank = {name: place for place, name in enumerate(important)}
    names = [field.name for field in space.fields]
    return np.argsort([rank.get(name, len(rank)) for name in names], kind="stable")


def _reach(start: Start, own: Predictions, wanted: str | Reach | None) -> Reach:
    """What the answer of a regression has to reach, refused where it is there already."""
    now = float(own.predicted[0])
    if not isinstance(wanted, Reach):
        return across(start.middle, now)
    if wanted.margins(np.array([now]))[0] > 0:
        side = "above" if wanted.is_upward else "below"
        raise InvalidParameter(
            f"Expected a number that the answer to row {start.number} does not reach, got {side} "
            f"{wanted.value:.6g}: the model answers {now:.6g} already.",
            remedy="Choose a number further away.",
        )
    return wanted


def _margins(
    subject: Subject, start: Start, own: Predictions, ask: AskLive, wanted: str | Reach | None
) -> Callable[[pd.DataFrame], NDArray[np.float64]]:
    if isinstance(wanted, Reach):
        return lambda rows: wanted.margins(np.asarray(ask(rows).predicted, np.float64))
    code = int(own.predicted[0])
    goal = None if wanted is None else subject.classes.index(wanted)
    if goal == code:
        raise InvalidParameter(
            f"Expected a class that row {start.number} does not have, got {tamed(str(wanted))}, "
            "which the model predicts already.",
            remedy="Choose another class.",
        )

    def margins(rows: pd.DataFrame) -> NDArray[np.float64]:
        answers = ask(rows)
        is_there = answers.predicted == goal if goal is not None else answers.predicted != code
        if answers.scores is None:
            return np.where(is_there, 1.0, -1.0)
        scores = np.asarray(answers.scores, dtype=np.float64)
        first, second = (
            (np.delete(scores, code, axis=1).max(axis=1), scores[:, code])
            if goal is None
            else (scores[:, goal], np.delete(scores, goal, axis=1).max(axis=1))
        )
        # Scores lead the search; what counts is the class the model itself names.
        lead = first - second
        tiny = np.finfo(np.float64).tiny
        return np.where(is_there, np.maximum(lead, tiny), np.minimum(lead, 0.0))

    return margins


def _outputs(
    measurements: Measurements, subject: Subject, answers: Predictions
) -> NDArray[np.float64]:
    if not subject.classes:
        return np.asarray(answers.predicted, dtype=np.float64)
    place = subject.classes.index(str(measurements.facts["class"]))
    if answers.scores is None:
        return (answers.predicted == place).astype(np.float64)
    return np.asarray(answers.scores[:, place], dtype=np.float64)
