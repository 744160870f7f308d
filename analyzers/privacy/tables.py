"""Schemas of the tables, and rows with their interval."""

from typing import Any

import pyarrow as pa

from analyzers.core.result import Estimate

_RATE = [
    pa.field("value", pa.float64()),
    pa.field("low", pa.float64()),
    pa.field("high", pa.float64()),
    pa.field("reason", pa.string(), nullable=False),
]

TABLES = {
    "operating_points": pa.schema(
        [
            pa.field("attack", pa.string(), nullable=False),
            pa.field("accepted_rate", pa.float64(), nullable=False),
            pa.field("false_positives", pa.int64(), nullable=False),
            pa.field("n_non_members", pa.int64(), nullable=False),
            pa.field("false_positive_rate", pa.float64(), nullable=False),
            pa.field("false_positive_low", pa.float64(), nullable=False),
            pa.field("false_positive_high", pa.float64(), nullable=False),
            pa.field("true_positives", pa.int64(), nullable=False),
            pa.field("n_members", pa.int64(), nullable=False),
            pa.field("true_positive_rate", pa.float64(), nullable=False),
            pa.field("true_positive_low", pa.float64(), nullable=False),
            pa.field("true_positive_high", pa.float64(), nullable=False),
            pa.field("n_needed", pa.int64(), nullable=False),
            pa.field("n_comfortable", pa.int64(), nullable=False),
            pa.field("is_enough", pa.bool_(), nullable=False),
        ]
    ),
    "attacks": pa.schema(
        [
            pa.field("attack", pa.string(), nullable=False),
            pa.field("title", pa.string(), nullable=False),
            *_RATE,
            pa.field("n_members", pa.int64(), nullable=False),
            pa.field("n_non_members", pa.int64(), nullable=False),
            pa.field("is_chosen", pa.bool_(), nullable=False),
        ]
    ),
    "roc": pa.schema(
        [
            pa.field("attack", pa.string(), nullable=False),
            pa.field("title", pa.string(), nullable=False),
            pa.field("threshold", pa.float64()),
            pa.field("false_positive_rate", pa.float64(), nullable=False),
            pa.field("true_positive_rate", pa.float64(), nullable=False),
            pa.field("n_non_members", pa.int64(), nullable=False),
            pa.field("n_members", pa.int64(), nullable=False),
        ]
    ),
    "score_histogram": pa.schema(
        [
            pa.field("attack", pa.string(), nullable=False),
            pa.field("title", pa.string(), nullable=False),
            pa.field("low", pa.float64(), nullable=False),
            pa.field("high", pa.float64(), nullable=False),
            pa.field("members", pa.int64(), nullable=False),
            pa.field("non_members", pa.int64(), nullable=False),
        ]
    ),
    "groups": pa.schema(
        [
            pa.field("attribute", pa.string(), nullable=False),
            pa.field("group", pa.string(), nullable=False),
            pa.field("found", pa.int64(), nullable=False),
            pa.field("n_members", pa.int64(), nullable=False),
            *_RATE,
            pa.field("falsely_accused", pa.int64(), nullable=False),
            pa.field("n_non_members", pa.int64(), nullable=False),
            pa.field("is_small", pa.bool_(), nullable=False),
        ]
    ),
    "group_gaps": pa.schema(
        [
            pa.field("attribute", pa.string(), nullable=False),
            pa.field("lowest", pa.string(), nullable=False),
            pa.field("highest", pa.string(), nullable=False),
            pa.field("lowest_value", pa.float64(), nullable=False),
            pa.field("highest_value", pa.float64(), nullable=False),
            *_RATE,
            pa.field("n", pa.int64(), nullable=False),
            pa.field("p_value", pa.float64(), nullable=False),
            pa.field("n_left_out", pa.int64(), nullable=False),
        ]
    ),
    "exposed_records": pa.schema(
        [
            pa.field("rank", pa.int64(), nullable=False),
            pa.field("training_row", pa.int64(), nullable=False),
            pa.field("attack", pa.string(), nullable=False),
            pa.field("score", pa.float64(), nullable=False),
            pa.field("p_value", pa.float64(), nullable=False),
        ]
    ),
    "shadow_models": pa.schema(
        [
            pa.field("model", pa.int64(), nullable=False),
            pa.field("is_target", pa.bool_(), nullable=False),
            pa.field("training_accuracy", pa.float64(), nullable=False),
            pa.field("n_training", pa.int64(), nullable=False),
            pa.field("held_out_accuracy", pa.float64(), nullable=False),
            pa.field("n_held_out", pa.int64(), nullable=False),
        ]
    ),
    "structure": pa.schema(
        [
            pa.field("rule", pa.string(), nullable=False),
            pa.field("title", pa.string(), nullable=False),
            pa.field("value", pa.float64(), nullable=False),
            pa.field("limit", pa.float64(), nullable=False),
            pa.field("direction", pa.string(), nullable=False),
            pa.field("is_broken", pa.bool_(), nullable=False),
            pa.field("n", pa.int64(), nullable=False),
        ]
    ),
    "combination_sizes": pa.schema(
        [
            pa.field("size", pa.string(), nullable=False),
            pa.field("combinations", pa.int64(), nullable=False),
            pa.field("records", pa.int64(), nullable=False),
            pa.field("n_records", pa.int64(), nullable=False),
        ]
    ),
    "audit": pa.schema(
        [
            pa.field("guesses", pa.int64(), nullable=False),
            pa.field("right", pa.int64(), nullable=False),
            pa.field("value", pa.float64(), nullable=False),
            pa.field("low", pa.float64(), nullable=False),
            pa.field("high", pa.float64(), nullable=False),
            pa.field("epsilon", pa.float64(), nullable=False),
            pa.field("allowed", pa.float64()),
            pa.field("n_records", pa.int64(), nullable=False),
        ]
    ),
    "identifying_columns": pa.schema(
        [
            pa.field("column", pa.string(), nullable=False),
            pa.field("alone_with_all", pa.int64(), nullable=False),
            pa.field("alone_without_it", pa.int64(), nullable=False),
            pa.field("alone_by_it_only", pa.int64(), nullable=False),
            pa.field("n_records", pa.int64(), nullable=False),
        ]
    ),
    "attribute_inference": pa.schema(
        [
            pa.field("attribute", pa.string(), nullable=False),
            pa.field("side", pa.string(), nullable=False),
            pa.field("imputed_rightly", pa.float64()),
            pa.field("guessed_rightly", pa.float64()),
            *_RATE,
            pa.field("n", pa.int64(), nullable=False),
        ]
    ),
    "memorised_values": pa.schema(
        [
            pa.field("attribute", pa.string(), nullable=False),
            pa.field("side", pa.string(), nullable=False),
            *_RATE,
            pa.field("n", pa.int64(), nullable=False),
        ]
    ),
    "prototypes": pa.schema(
        [
            pa.field("class", pa.string(), nullable=False),
            pa.field("place", pa.int64(), nullable=False),
            pa.field("feature", pa.string(), nullable=False),
            pa.field("made", pa.float64(), nullable=False),
            pa.field("real", pa.float64(), nullable=False),
            pa.field("score", pa.float64(), nullable=False),
            pa.field("nearest_class", pa.string(), nullable=False),
            pa.field("n_members", pa.int64(), nullable=False),
        ]
    ),
    "property_models": pa.schema(
        [
            pa.field("is_target", pa.bool_(), nullable=False),
            pa.field("share", pa.float64(), nullable=False),
            pa.field("read_share", pa.float64(), nullable=False),
            pa.field("low", pa.float64()),
            pa.field("high", pa.float64()),
        ]
    ),
    "extraction": pa.schema(
        [
            pa.field("strategy", pa.string(), nullable=False),
            pa.field("queries", pa.int64(), nullable=False),
            *_RATE,
            pa.field("n", pa.int64(), nullable=False),
        ]
    ),
    "column_differences": pa.schema(
        [
            pa.field("column", pa.string(), nullable=False),
            pa.field("distance", pa.float64(), nullable=False),
            pa.field("measure", pa.string(), nullable=False),
            pa.field("p_value", pa.float64(), nullable=False),
            pa.field("n_members", pa.int64(), nullable=False),
            pa.field("n_non_members", pa.int64(), nullable=False),
        ]
    ),
}


def rated(estimate: Estimate) -> dict[str, Any]:
    """The columns that hold a value with its interval; n has columns of its own."""
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "reason": estimate.reason,
    }


def table_of(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Build one of the declared tables."""
    return pa.Table.from_pylist(rows, schema=TABLES[name])
