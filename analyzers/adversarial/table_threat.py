"""The threat model of a table: what may change by the rules read from the data, and how far."""

import pyarrow as pa

from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.threat_model import threat_model_table
from analyzers.toolkit.feasible import FeasibleSpace

INSIDE_IF_POSSIBLE = (
    "the whole model where its trees or its gradients can be used, else only its answers to "
    "questions; the result says which."
)


def table_threat_model(
    params: AdversarialParams,
    space: FeasibleSpace,
    *,
    knows: str,
    is_inside: bool,
    goal: str,
    asked: str = "",
) -> pa.Table:
    """State the threat model.

    Args:
        params: what was asked for.
        space: the rules that changes keep.
        knows: what the attacker sees of the model.
        is_inside: whether that is more than answers to questions.
        goal: what counts as success.
        asked: who answers the attack's questions, in sentences.
    """
    return threat_model_table(
        knows=knows,
        access="white-box" if is_inside else "black-box",
        may_change=f"{int(space.is_free.sum())} of {len(space.fields)} columns may change, within "
        "the ranges, units and categories the data shows; missing values stay missing."
        + _rules_in_words(params, len(space.relations)),
        budget=_budget_in_words(params, is_inside=is_inside),
        goal=goal,
        is_targeted=bool(params.wanted),
        asked=asked,
    )


def _budget_in_words(params: AdversarialParams, *, is_inside: bool) -> str:
    """Say how large a change may be, what counts as 1, and how many questions it may take."""
    costs = "; ".join(part.strip() for part in params.costs.split(";") if part.strip())
    times = f", times what was set ({costs})" if costs else ""
    return (
        f"A Euclidean change of {params.budget:g}, where one standard deviation of a number or "
        f"another category counts 1{times}; {params.queries:,} queries a row."
        + (" Those that go with the model's inside come on top." if is_inside else "")
    )


def _rules_in_words(params: AdversarialParams, n_relations: int) -> str:
    said = []
    if params.rising or params.falling:
        n = len(params.rising) + len(params.falling)
        said.append(f"{n} {'number changes' if n == 1 else 'numbers change'} one way only")
    if n_relations:
        many = (
            "relation between columns is kept by every row that keeps it"
            if n_relations == 1
            else "relations between columns are kept by every row that keeps them"
        )
        said.append(f"{n_relations} {many} before")
    return f" {'; '.join(said)}." if said else ""
