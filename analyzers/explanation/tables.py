"""The schema of every table the explanation analyzer returns."""

import pyarrow as pa

_TEXT, _WHOLE, _NUMBER = pa.string(), pa.int64(), pa.float64()

TABLES: dict[str, pa.Schema] = {
    # How much each column moves the output, over all explained rows.
    "importance": pa.schema(
        [
            ("feature", _TEXT), ("mean_abs", _NUMBER), ("low", _NUMBER), ("high", _NUMBER),
            ("mean", _NUMBER), ("n", _WHOLE),
        ]
    ),
    # One line for each explained row.
    "explained_rows": pa.schema(
        [
            ("row", _WHOLE), ("output", _NUMBER), ("base", _NUMBER), ("predicted", _TEXT),
            ("label", _TEXT), ("is_shown", pa.bool_()), ("id", _TEXT),
        ]
    ),
    # One line for each explained row and column: its value and how far it moved the output.
    "values": pa.schema(
        [
            ("row", _WHOLE), ("feature", _TEXT), ("value", _TEXT), ("number", _NUMBER),
            ("phi", _NUMBER), ("error", _NUMBER),
        ]
    ),
    # The points of the beeswarm, with their height already laid out; share is the value's rank.
    "beeswarm": pa.schema(
        [
            ("feature", _TEXT), ("row", _WHOLE), ("value", _TEXT), ("share", _NUMBER),
            ("phi", _NUMBER), ("height", _NUMBER),
        ]
    ),
    # Rows explained twice, the shown one first; low and high are LIME's smallest and largest over
    # its runs, and null for the other rows, of which there is one.
    "lime": pa.schema(
        [
            ("row", _WHOLE), ("feature", _TEXT), ("value", _TEXT), ("phi", _NUMBER),
            ("weight", _NUMBER), ("low", _NUMBER), ("high", _NUMBER), ("owen", _NUMBER),
            ("n", _WHOLE),
        ]
    ),
    # SHAP against LIME, row by row.
    "agreement": pa.schema(
        [
            ("row", _WHOLE), ("spearman", _NUMBER), ("kendall", _NUMBER), ("overlap", _NUMBER),
            ("conflicts", _WHOLE), ("lime_r_squared", _NUMBER),
        ]
    ),
    # How far the answer is from the own one when columns are replaced (deletion) or put back
    # (insertion) in the explanation's or a random order.
    "deletion": pa.schema(
        [
            ("test", _TEXT), ("order", _TEXT), ("replaced", _WHOLE), ("change", _NUMBER),
            ("low", _NUMBER), ("high", _NUMBER), ("n", _WHOLE),
        ]
    ),
    # How much of the uncertainty about a sensitive column each of the model's columns removes.
    "proxies": pa.schema(
        [
            ("attribute", _TEXT), ("feature", _TEXT), ("told", _NUMBER), ("low", _NUMBER),
            ("high", _NUMBER), ("share", _NUMBER), ("is_proxy", pa.bool_()), ("n", _WHOLE),
        ]
    ),
    # What moves the output for the people of each group.
    "group_importance": pa.schema(
        [
            ("attribute", _TEXT), ("group", _TEXT), ("feature", _TEXT), ("mean_abs", _NUMBER),
            ("low", _NUMBER), ("high", _NUMBER), ("n", _WHOLE),
        ]
    ),
    # How strongly two columns act together: root of the mean square over rows.
    "interactions": pa.schema(
        [
            ("feature", _TEXT), ("other", _TEXT), ("strength", _NUMBER), ("low", _NUMBER),
            ("high", _NUMBER), ("n", _WHOLE),
        ]
    ),
    # How much worse the answers get when a column, or several together, change rows; by cohort.
    "permutation": pa.schema(
        [
            ("attribute", _TEXT), ("group", _TEXT), ("feature", _TEXT), ("columns", _WHOLE),
            ("increase", _NUMBER), ("low", _NUMBER), ("high", _NUMBER), ("n", _WHOLE),
        ]
    ),
    # Rows explained by alike reasons.
    "reasons": pa.schema(
        [
            ("reason", _WHOLE), ("words", _TEXT), ("rows", _WHOLE), ("share", _NUMBER),
            ("low", _NUMBER), ("high", _NUMBER), ("output", _NUMBER), ("n", _WHOLE),
        ]
    ),
    # What moves the output of the rows of one reason.
    "reason_parts": pa.schema(
        [
            ("reason", _WHOLE), ("feature", _TEXT), ("mean", _NUMBER), ("low", _NUMBER),
            ("high", _NUMBER), ("n", _WHOLE),
        ]
    ),
    # The mean answer as one column takes one value after the other, over rows or accumulated.
    "effects": pa.schema(
        [
            ("feature", _TEXT), ("kind", _TEXT), ("value", _TEXT), ("number", _NUMBER),
            ("effect", _NUMBER), ("low", _NUMBER), ("high", _NUMBER), ("n", _WHOLE),
        ]
    ),
    # The same for single rows (individual conditional expectation).
    "ice": pa.schema(
        [
            ("feature", _TEXT), ("row", _WHOLE), ("value", _TEXT), ("number", _NUMBER),
            ("output", _NUMBER),
        ]
    ),
    # Feasible changes of the shown row that change the answer; one line for each changed column.
    "counterfactuals": pa.schema(
        [
            ("number", _WHOLE), ("row", _WHOLE), ("feature", _TEXT), ("before", _TEXT),
            ("after", _TEXT), ("number_before", _NUMBER), ("number_after", _NUMBER),
            ("step", _NUMBER), ("predicted", _TEXT), ("output", _NUMBER),
        ]
    ),
    # What each column may hold, for editing a row; fixed says why a column should stay as it is.
    "fields": pa.schema(
        [
            ("feature", _TEXT), ("value_type", _TEXT), ("low", _NUMBER), ("high", _NUMBER),
            ("decimals", _WHOLE), ("has_missing", pa.bool_()), ("levels", pa.list_(_TEXT)),
            ("fixed", _TEXT), ("scale", _NUMBER),
        ]
    ),
    # Explained rows as the model gets them; number or text, none where the value is missing.
    "row_values": pa.schema(
        [("row", _WHOLE), ("feature", _TEXT), ("number", _NUMBER), ("text", _TEXT)]
    ),
    # SP-LIME's rows in the order they were picked, and prototypes of each answer.
    "telling_rows": pa.schema(
        [
            ("kind", _TEXT), ("answer", _TEXT), ("rank", _WHOLE), ("row", _WHOLE),
            ("output", _NUMBER), ("covered", _NUMBER), ("words", _TEXT), ("n", _WHOLE),
        ]
    ),
    # Texts as the model got them, where they are short enough to be edited on a page.
    "texts": pa.schema([("row", _WHOLE), ("text", _TEXT)]),
    # Texts in reading order.
    "tokens": pa.schema(
        [("row", _WHOLE), ("position", _WHOLE), ("token", _TEXT), ("phi", _NUMBER)]
    ),
    # Pictures, cell by cell; a cell is one pixel where the picture is small.
    "cells": pa.schema(
        [
            ("row", _WHOLE), ("down", _WHOLE), ("across", _WHOLE), ("brightness", _NUMBER),
            ("phi", _NUMBER), ("lime", _NUMBER), ("owen", _NUMBER),
        ]
    ),
}  # fmt: skip
