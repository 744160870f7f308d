"""Who attacks, with what, to what end: said before any number.

The words are those of NIST AI 100-2 E2025 (Adversarial Machine Learning: a taxonomy): evasion
attack, white-box and black-box, query access, integrity violation.
"""

import pyarrow as pa

from analyzers.adversarial.tables import table_of

SOURCE = "NIST AI 100-2 E2025"


def goal_words(wanted: str, *, has_labels: bool) -> str:
    """Say what counts as success.

    Args:
        wanted: the class the attacker wants; empty where any other answer will do.
        has_labels: whether it is known which answers are right.
    """
    if wanted:
        return f"the answer {wanted!r}."
    return "any wrong answer." if has_labels else "any other answer."


def threat_model_table(
    *,
    knows: str,
    may_change: str,
    budget: str,
    goal: str,
    access: str,
    is_targeted: bool = False,
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
        asked: who answered the attack's questions, in sentences; left out where empty.
    """
    # Changing what the model is shown is control of its test data; whoever has the model itself
    # needs no access to ask it.
    capability = "Testing data control" + ("" if access == "white-box" else " and query access")
    rows: list[dict[str, object]] = [
        {"aspect": "Kind of attack", "statement": "Evasion: rows are changed after training."},
        {"aspect": "Attacker's goal",
         "statement": f"Integrity violation, {'' if is_targeted else 'un'}targeted: {goal}"},
        {"aspect": "Attacker's knowledge", "statement": f"{access.capitalize()}: {knows}"},
        {"aspect": "Attacker's capability", "statement": f"{capability}. {may_change}"},
        {"aspect": "Budget", "statement": budget},
        {"aspect": "Questions", "statement": asked},
        {"aspect": "Terms", "statement": f"The words are those of {SOURCE}."},
    ]  # fmt: skip
    rows = [row for row in rows if row["statement"]]
    return table_of("threat_model", rows)
