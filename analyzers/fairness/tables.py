"""The tables this analyzer returns."""

from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa

_NUMBER, _COUNT, _WORD = pa.float64(), pa.int64(), pa.string()
_INTERVAL = [("value", _NUMBER), ("low", _NUMBER), ("high", _NUMBER)]

TABLES: Mapping[str, pa.Schema] = MappingProxyType(
    {
        # How each attribute became groups; `starts_at` is the lower end of a part of a number.
        "attributes": pa.schema(
            [
                ("attribute", _WORD), ("position", pa.int32()), ("level", pa.int32()),
                ("name", _WORD), ("n", _COUNT), ("made_by", _WORD), ("starts_at", _NUMBER),
            ]
        ),
        # n is the rate's denominator, n_group all rows of the group.
        "groups": pa.schema(
            [
                ("attributes", _WORD), ("depth", pa.int32()), ("group", _WORD),
                ("metric", _WORD), *_INTERVAL, ("n", _COUNT), ("n_group", _COUNT),
                ("is_small", pa.bool_()), ("method", _WORD), ("reason", _WORD),
            ]
        ),
        # n is the smallest denominator among the compared groups, n_rows their sum.
        "disparities": pa.schema(
            [
                ("attributes", _WORD), ("depth", pa.int32()), ("metric", _WORD),
                ("rate", _WORD), *_INTERVAL, ("n", _COUNT), ("n_rows", _COUNT),
                ("n_groups", _COUNT), ("n_left_out", _COUNT), ("highest", _WORD),
                ("highest_value", _NUMBER), ("lowest", _WORD), ("lowest_value", _NUMBER),
                ("p_value", _NUMBER), ("p_adjusted", _NUMBER), ("n_comparisons", _COUNT),
                ("method", _WORD), ("reason", _WORD),
            ]
        ),
        # Each group against everyone else, worst first.
        "against_rest": pa.schema(
            [
                ("attributes", _WORD), ("depth", pa.int32()), ("group", _WORD),
                ("metric", _WORD), ("rate", _NUMBER), ("rate_rest", _NUMBER), *_INTERVAL,
                ("ratio", _NUMBER), ("n", _COUNT), ("n_rest", _COUNT), ("rows_concerned", _NUMBER),
                ("standard_deviations", _NUMBER), ("p_value", _NUMBER), ("p_adjusted", _NUMBER),
                ("n_comparisons", _COUNT), ("test", _WORD),
            ]
        ),
        # New York City Local Law 144: selection or scoring rate over that of the highest category.
        "impact_ratios": pa.schema(
            [
                ("attributes", _WORD), ("category", _WORD), ("n", _COUNT), ("n_selected", _COUNT),
                ("rate", _NUMBER), ("impact_ratio", _NUMBER), ("is_below_two_percent", pa.bool_()),
                ("kind", _WORD),
            ]
        ),
        # The most against the least selected group among rows alike in one feature.
        "conditions": pa.schema(
            [
                ("attribute", _WORD), ("condition", _WORD), ("stratum", _WORD),
                ("highest", _WORD), ("lowest", _WORD), ("plain_difference", _NUMBER), *_INTERVAL,
                ("n_highest", _COUNT), ("n_lowest", _COUNT), ("flips", pa.bool_()),
            ]
        ),
        # Rows the model is wrong about most, described by one or two columns.
        "slices": pa.schema(
            [
                ("slice", _WORD), ("depth", pa.int32()), ("n", _COUNT), ("error_rate", _NUMBER),
                ("error_rate_rest", _NUMBER), *_INTERVAL, ("p_value", _NUMBER),
                ("p_adjusted", _NUMBER), ("n_comparisons", _COUNT),
            ]
        ),
        "proxies": pa.schema(
            [
                ("attribute", _WORD), ("feature", _WORD), ("measure", _WORD), *_INTERVAL,
                ("n", _COUNT), ("method", _WORD),
            ]
        ),
        # Shapley values of the difference in mean score between the two groups furthest apart.
        "attributions": pa.schema(
            [
                ("attribute", _WORD), ("feature", _WORD), ("highest", _WORD), ("lowest", _WORD),
                *_INTERVAL, ("n", _COUNT), ("all_rows_difference", _NUMBER), ("method", _WORD),
            ]
        ),
        # Accuracy against disparity: one threshold for all, or one for each group.
        "tradeoffs": pa.schema(
            [
                ("attribute", _WORD), ("kind", _WORD), ("criterion", _WORD), ("target", _NUMBER),
                ("accuracy", _NUMBER), ("difference", _NUMBER), ("is_best", pa.bool_()),
                ("groups", pa.list_(_WORD)), ("thresholds", pa.list_(_NUMBER)),
                ("n", _COUNT),
            ]
        ),
        # More than two classes: widest difference for each class against the rest, and on average.
        "classes": pa.schema(
            [
                ("attribute", _WORD), ("class", _WORD), ("metric", _WORD), *_INTERVAL,
                ("n", _COUNT), ("n_groups", _COUNT), ("highest", _WORD), ("lowest", _WORD),
                ("method", _WORD), ("reason", _WORD),
            ]
        ),
        # Other decisions, measured like the model's own; `group` is a group, "everyone" or
        # "between groups".
        "mitigations": pa.schema(
            [
                ("attribute", _WORD), ("kind", _WORD), ("mitigation", _WORD), ("group", _WORD),
                ("metric", _WORD), *_INTERVAL, ("n", _COUNT), ("method", _WORD), ("reason", _WORD),
            ]
        ),
        # `row` is the row number in the data file, from 0; `selected_when_saved` is what the file
        # in "saved_models" decides, null where it leaves the decision to chance or there is none.
        "mitigated_decisions": pa.schema(
            [
                ("attribute", _WORD), ("mitigation", _WORD), ("row", _COUNT),
                ("selected", pa.bool_()), ("selected_by_model", pa.bool_()),
                ("selected_when_saved", pa.bool_()),
            ]
        ),
        # Files to take away; `content` is null where there is none, and `reason` says why.
        "saved_models": pa.schema(
            [
                ("attribute", _WORD), ("mitigation", _WORD), ("form", _WORD), ("ending", _WORD),
                ("bytes", _COUNT), ("content", pa.large_binary()), ("note", _WORD),
                ("reason", _WORD),
            ]
        ),
        "cells": pa.schema(
            [
                ("cell", pa.int32()), ("levels", pa.list_(pa.int32())), ("outcome", pa.int8()),
                ("count", _COUNT),
            ]
        ),
        # Rows by score, ascending: any threshold is a look-up.
        "scores": pa.schema(
            [
                ("score", _NUMBER), ("cell", pa.int32()), ("label", pa.int8()), ("count", _COUNT),
            ]
        ),
        "roc": pa.schema(
            [
                ("attribute", _WORD), ("group", _WORD), ("threshold", _NUMBER),
                ("false_positive_rate", _NUMBER), ("true_positive_rate", _NUMBER),
                ("n_negatives", _COUNT), ("n_positives", _COUNT),
            ]
        ),
        "calibration": pa.schema(
            [
                ("attribute", _WORD), ("group", _WORD), ("bin_low", _NUMBER),
                ("bin_high", _NUMBER), ("mean_score", _NUMBER), ("observed", _NUMBER),
                ("low", _NUMBER), ("high", _NUMBER), ("n", _COUNT),
            ]
        ),
        "distributions": pa.schema(
            [
                ("attribute", _WORD), ("group", _WORD), ("bin_low", _NUMBER),
                ("bin_high", _NUMBER), ("count", _COUNT), ("share", _NUMBER),
            ]
        ),
    }
)  # fmt: skip
