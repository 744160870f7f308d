"""The contract every risk analyzer fulfils."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import pyarrow as pa

from analyzers.core.chart import Chart
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.finding import Finding, Verdict
from analyzers.core.params import Params
from analyzers.core.policy import Policy
from analyzers.core.result import Measurements
from analyzers.core.subject import MODALITIES, TASKS, Modality, Subject, Task
from analyzers.core.value import Value
from analyzers.core.workbench import Workbench

P = TypeVar("P", bound=Params)


class Groundwork(NamedTuple):
    """A question whose answer another one builds on.

    Attributes:
        analyzer: answers it.
        params: of that analyzer.
    """

    analyzer: "Analyzer[Any]"
    params: Params


Need = Literal["unused", "optional", "required"]


class Needs(Value):
    """What must be there before `measure` can run; what is optional is used where it is there.

    Attributes:
        model_for: the modalities in which the model itself is used; for others it is never opened.
    """

    model: Need = "unused"
    model_for: tuple[Modality, ...] = MODALITIES
    predictions: bool = False
    labels: bool = False
    sensitive: bool = False
    training_data: Need = "unused"
    tasks: tuple[Task, ...] = TASKS
    modalities: tuple[Modality, ...] = MODALITIES

    def uses_model(self, subject: Subject) -> bool:
        """Return whether the model file has to be opened for this subject."""
        is_used = self.model != "unused" and subject.modality in self.model_for
        return is_used and subject.files.model is not None

    def obstacle(self, subject: Subject) -> str | None:
        """Return why the question does not apply to `subject`, in one sentence, or None."""
        if subject.task not in self.tasks:
            return f"It applies to {_or(self.tasks)} tasks; this one is {subject.task}."
        if subject.modality not in self.modalities:
            return f"It applies to {_or(self.modalities)} data; this is {subject.modality}."
        if self.model == "required" and subject.files.model is None:
            return "It needs the model itself, and only predictions were given."
        if self.labels and subject.target is None:
            return "It needs the true outcome, and no target column is set."
        if self.sensitive and not subject.sensitive:
            return "It needs a column that says who a person is, and none is marked sensitive."
        if self.training_data == "required" and subject.files.training_data is None:
            return "It needs the training data as a second table, and none was given."
        return None


def no_groundwork(subject: Subject, params: Params) -> tuple[Groundwork, ...]:
    """Build on nothing."""
    del subject, params
    return ()


def no_findings(measurements: Measurements, policy: Policy) -> list[Finding]:
    """Judge nothing: the answer is for other questions to build on."""
    del measurements, policy
    return []


def no_charts(measurements: Measurements) -> list[Chart]:
    """Draw nothing: the answer is for other questions to build on."""
    del measurements
    return []


@dataclass(frozen=True, kw_only=True)
class Analyzer(Generic[P]):
    """One question about a model: how to measure, judge and draw the answer.

    Attributes:
        name: the module's name and the page's address.
        version: raised whenever the same inputs would give other numbers; part of the job's id.
        title: two or three words for menus.
        question: one sentence a manager understands.
        about: the module docstring (Question, Method, Limits, References), shown on the page.
        params: the declared parameters.
        needs: what must be there.
        lead: names of the indicators that answer the question best, the best first; the page opens
            with the first that was measured, whatever its verdict.
        groundwork: which other questions are answered first and kept, so that a change of other
            parameters does not ask them again; `measure` finds the answers in
            `Workbench.groundwork` by the analyzer's name, and does without where there are none.
        tables: the Arrow schema of every table `measure` returns.
        measure: slow; runs in a sandboxed worker; the only part that may see a model.
        judge: pure and instant, so that moving a limit never re-runs the work.
        draw: pure; a chart is drawn only where its table is there and not empty.
    """

    name: str
    version: int
    title: str
    question: str
    about: str
    params: type[P]
    needs: Needs
    lead: tuple[str, ...] = ()
    groundwork: Callable[[Subject, P], tuple[Groundwork, ...]] = no_groundwork
    tables: Mapping[str, pa.Schema] = field(default_factory=dict)
    measure: Callable[[Workbench, P], Measurements]
    judge: Callable[[Measurements, Policy], list[Finding]]
    draw: Callable[[Measurements], list[Chart]]

    def leading(self, findings: Iterable[Finding]) -> Finding | None:
        """Return the finding that answers the question best, or None where none was measured."""
        first: dict[str, Finding] = {}
        for finding in findings:
            if finding.verdict != Verdict.NOT_TESTED:
                first.setdefault(finding.indicator, finding)
        return next((first[name] for name in self.lead if name in first), None)

    def require(self, subject: Subject) -> None:
        """Raise `UnsuitableSubject` with the reason where the question does not apply."""
        obstacle = self.needs.obstacle(subject)
        if obstacle is not None:
            raise UnsuitableSubject(f"{self.title} was not run. {obstacle}")


def _or(words: tuple[str, ...]) -> str:
    return " or ".join(words)
