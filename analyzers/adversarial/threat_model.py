"""Who attacks, with what, to what end: said before any number.

The words are those of NIST AI 100-2 E2025 (Adversarial Machine Learning: a taxonomy): evasion
attack, white-box and black-box, query access, integrity violation.
"""

import pyarrow as pa

from analyzers.adversarial.attacked import count_open, has_labels
from analyzers.adversarial.tables import table_of
from analyzers.core.workbench import Workbench

SOURCE = "NIST AI 100-2 E2025"


def goal_words(bench: Workbench, wanted: str) -> str:
    """Say what counts as success, and for how many rows it can be had.

    Args:
        bench: the data.
        wanted: the class the attacker wants; empty where any other answer will do.

    Raises:
        InvalidParameter: there is no such class.
    """
    if wanted:
        return f"the answer {wanted!r}.{count_open(bench, wanted)}"
    return "any wrong answer." if has_labels(bench) else "any other answer."


def threat_model_table(
    *,
    knows: str,
    may_change: str,
    budget: str,
    goal: str,
    access: str,
    is_targeted: bool = False,
    has_queries: bool = True,
    is_test: bool = False,
    asked: str = "",
) -> pa.Table:
    """State the threat model, one aspect a row.

    Args:
        knows: what the attacker sees of the model.
        may_change: which parts of a row.
        budget: by how much.
        goal: what counts as success.
        access: "white-box" or "black-box".
        is_targeted: whether the attacker wants one answer of their choosing.
        is_test: whether nobody is deceived, and the model only put to the test.
        has_queries: whether the attack asks the model; gradients alone do not.
        asked: who answered the attack's questions, in sentences; left out where empty.
    """
    # Changing what the model is shown is control of its test data.
    capability = "Testing data control" + (" and query access" if has_queries else "")
    rows: list[dict[str, object]] = [
        {"aspect": "Kind of attack", "statement": "None: a test of what the model reads."
         if is_test else "Evasion: rows are changed after training."},
        {"aspect": "Attacker's goal", "statement": goal[:1].upper() + goal[1:] if is_test
         else f"Integrity violation, {'' if is_targeted else 'un'}targeted: {goal}"},
        {"aspect": "Attacker's knowledge", "statement": f"{access.capitalize()}: {knows}"},
        {"aspect": "Attacker's capability", "statement": f"{capability}. {may_change}"},
        {"aspect": "Budget", "statement": budget},
        {"aspect": "Questions", "statement": asked},
        {"aspect": "Terms", "statement": f"The words are those of {SOURCE}."},
    ]  # fmt: skip
    rows = [row for row in rows if row["statement"]]
    return table_of("threat_model", rows)
