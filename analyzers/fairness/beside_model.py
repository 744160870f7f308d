"""One other decision beside the model's, metric by metric, for a page to show as it stands."""

import pyarrow as pa

from analyzers.core.result import Measurements
from analyzers.fairness.definitions import definition_of
from analyzers.fairness.mitigation import BETWEEN, EVERYONE
from analyzers.fairness.tradeoffs import CURRENT

COLUMNS = (
    "Metric", "Of", "Now", "Now: low", "Now: high", "Then", "Then: low", "Then: high", "n",
)  # fmt: skip
_TAILS = ("_difference", "_ratio")


def proposals_of(measurements: Measurements) -> dict[str, tuple[str, ...]]:
    """Names of the measured decisions by attribute, the model's own left out."""
    table = measurements.tables.get("mitigations")
    found: dict[str, dict[str, None]] = {}
    if table is not None:
        for attribute, name in zip(
            table["attribute"].to_pylist(), table["mitigation"].to_pylist(), strict=True
        ):
            if name != CURRENT:
                found.setdefault(attribute, {})[name] = None
    return {attribute: tuple(names) for attribute, names in found.items()}


def beside_model(measurements: Measurements, attribute: str, mitigation: str) -> pa.Table:
    """Every metric of the model's decisions and of another one's, with 95 % intervals.

    Args:
        measurements: with the table "mitigations".
        attribute: whose groups are compared.
        mitigation: one of `proposals_of`.

    Returns:
        The columns of `COLUMNS`: between groups first, then everyone, then each group.
    """
    rows = [
        row
        for row in measurements.tables["mitigations"].to_pylist()
        if row["attribute"] == attribute and row["mitigation"] in (CURRENT, mitigation)
    ]
    now = {(r["metric"], r["group"]): r for r in rows if r["mitigation"] == CURRENT}
    then = [r for r in rows if r["mitigation"] == mitigation]
    order = {BETWEEN: 0, EVERYONE: 1}
    then.sort(key=lambda row: order.get(row["group"], 2))
    written = []
    for row in then:
        before = now.get((row["metric"], row["group"]), {})
        is_paired = row["metric"] == "accuracy_change"
        written.append(
            (
                "Change in accuracy, paired" if is_paired else _title(row["metric"]),
                row["group"], *((None,) * 3 if is_paired else _ends(before)), *_ends(row),
                row["n"],
            )
        )  # fmt: skip
    columns = list(zip(*written, strict=True)) if written else [()] * len(COLUMNS)
    kinds = [pa.string()] * 2 + [pa.float64()] * 6 + [pa.int64()]
    return pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)],
        names=list(COLUMNS),
    )


def _ends(row: dict[str, float | None]) -> tuple[float | None, ...]:
    return row.get("value"), row.get("low"), row.get("high")


def _title(metric: str) -> str:
    tail = next((tail for tail in _TAILS if metric.endswith(tail)), "")
    title = definition_of(metric).title
    return title if not tail or metric == "treatment_ratio" else f"{title}, {tail[1:]}"
