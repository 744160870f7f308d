"""The Arrow schemas of everything the adversarial analyzer returns."""

import pyarrow as pa

_FLOAT, _INT, _TEXT = pa.float64(), pa.int64(), pa.string()

TABLES: dict[str, pa.Schema] = {
    # What the attacker knows, may change, by how much, and wants.
    "threat_model": pa.schema([("aspect", _TEXT), ("statement", _TEXT)]),
    # Accuracy that is left at each size of the change, under attack and under random change.
    "curve": pa.schema(
        [
            ("size", _FLOAT), ("robust_accuracy", _FLOAT), ("low", _FLOAT), ("high", _FLOAT),
            ("noise_accuracy", _FLOAT), ("noise_low", _FLOAT), ("noise_high", _FLOAT), ("n", _INT),
        ]
    ),
    # Regression: how far the prediction can be moved at each size.
    "movement": pa.schema(
        [
            ("size", _FLOAT), ("median_change", _FLOAT), ("low", _FLOAT), ("high", _FLOAT),
            ("noise_median_change", _FLOAT), ("noise_low", _FLOAT), ("noise_high", _FLOAT),
            ("n", _INT),
        ]
    ),
    # One row for every attacked row; null where no change was found.
    "rows": pa.schema(
        [
            ("row", _INT), ("true", _TEXT), ("before", _TEXT), ("after", _TEXT),
            ("size", _FLOAT), ("n_changed", _INT), ("largest_change", _FLOAT),
            ("within_budget", pa.bool_()), ("queries", _INT), ("found_by", _TEXT),
        ]
    ),
    "size_histogram": pa.schema(
        [("size_from", _FLOAT), ("size_to", _FLOAT), ("rows", _INT)]
    ),
    # Which features or words are the weak ones.
    "weak_spots": pa.schema(
        [
            ("name", _TEXT), ("times_changed", _INT), ("share", _FLOAT), ("low", _FLOAT),
            ("high", _FLOAT), ("n", _INT), ("mean_change", _FLOAT),
        ]
    ),
    # Before and after, in the user's own units.
    "examples": pa.schema(
        [
            ("example", _INT), ("row", _INT), ("true", _TEXT), ("before", _TEXT),
            ("after", _TEXT), ("size", _FLOAT), ("within_budget", pa.bool_()), ("sentence", _TEXT),
        ]
    ),
    "changes": pa.schema(
        [
            ("example", _INT), ("row", _INT), ("feature", _TEXT), ("from", _TEXT), ("to", _TEXT),
            ("change", _FLOAT),
        ]
    ),
    # Tables, a tree model known from inside: where the smallest change of each row lies. A size
    # is null where it is infinite: nothing allowed flips the row, or nothing that does is known.
    "proof": pa.schema(
        [
            ("row", _INT), ("no_smaller_than", _FLOAT), ("smallest_known", _FLOAT),
            ("search_found", _FLOAT), ("verdict", _TEXT), ("boxes", _INT),
        ]
    ),
    # Regression on trees known from inside: how far each prediction can be moved within the budget.
    "reach": pa.schema(
        [
            ("row", _INT), ("no_more_than", _FLOAT), ("largest_known", _FLOAT),
            ("search_found", _FLOAT), ("verdict", _TEXT),
        ]
    ),
    # Classes: proofs size by size: share of all rows proved to stay right, and share not flipped.
    "proof_curve": pa.schema(
        [
            ("size", _FLOAT), ("proved", _FLOAT), ("proved_low", _FLOAT), ("proved_high", _FLOAT),
            ("not_flipped", _FLOAT), ("not_flipped_low", _FLOAT), ("not_flipped_high", _FLOAT),
            ("n", _INT),
        ]
    ),
    # Tables: how the search closed in on each kept example; step 0 is the original.
    "example_steps": pa.schema(
        [
            ("example", _INT), ("step", _INT), ("questions", _INT), ("found_by", _TEXT),
            ("size", _FLOAT), ("n_changed", _INT), ("changes", _TEXT), ("answer", _TEXT),
            ("score_before", _FLOAT),
        ]
    ),
    # Tables: how odd each kept example looks beside the data; shares are of n rows of it.
    "example_places": pa.schema(
        [
            ("example", _INT), ("distance_to_data", _FLOAT), ("closer_than_share", _FLOAT),
            ("isolated_share_before", _FLOAT), ("isolated_share", _FLOAT), ("n", _INT),
        ]
    ),
    # Tables: how every column may change, and how much of it counts 1.
    "columns": pa.schema(
        [
            ("feature", _TEXT), ("may_change", _TEXT), ("between", _TEXT), ("step", _TEXT),
            ("counts_one", _TEXT), ("why", _TEXT),
        ]
    ),
    "fixed_columns": pa.schema([("feature", _TEXT), ("reason", _TEXT)]),
    # What each attack of a cascade did, on the rows that still stood.
    "attacks": pa.schema(
        [
            ("attack", _TEXT), ("access", _TEXT), ("size", _FLOAT), ("n_tried", _INT),
            ("n_broken", _INT), ("robust_accuracy", _FLOAT), ("low", _FLOAT), ("high", _FLOAT),
            ("n", _INT),
        ]
    ),
    # Tables: relations between numbers; a changed row keeps each one that its original keeps.
    "relations": pa.schema(
        [("relation", _TEXT), ("from", _TEXT), ("rows_that_keep_it", _INT), ("n", _INT)]
    ),
    # Who is easier to attack.
    "by_group": pa.schema(
        [
            ("attribute", _TEXT), ("group", _TEXT), ("n", _INT), ("accuracy", _FLOAT),
            ("accuracy_low", _FLOAT), ("accuracy_high", _FLOAT), ("robust_accuracy", _FLOAT),
            ("low", _FLOAT), ("high", _FLOAT), ("success_rate", _FLOAT), ("success_low", _FLOAT),
            ("success_high", _FLOAT), ("n_correct", _INT), ("chance", _FLOAT),
        ]
    ),
    # Pictures: other ways to bound a change than by its size, such as how many pixels it touches.
    "other_budgets": pa.schema(
        [
            ("kind", _TEXT), ("budget", _TEXT), ("amount", _INT), ("share", _FLOAT),
            ("method", _TEXT), ("robust_accuracy", _FLOAT), ("low", _FLOAT), ("high", _FLOAT),
            ("n", _INT),
        ]
    ),
    # Pictures: accuracy under damage that nobody chose.
    "corruptions": pa.schema(
        [
            ("corruption", _TEXT), ("family", _TEXT), ("severity", _INT), ("strength", _FLOAT),
            ("unit", _TEXT), ("accuracy", _FLOAT), ("low", _FLOAT), ("high", _FLOAT), ("n", _INT),
        ]
    ),
    # Pictures: share answered rightly and proven to stay so within each radius.
    "certified": pa.schema(
        [
            ("radius", _FLOAT), ("radius_rms", _FLOAT), ("certified_accuracy", _FLOAT),
            ("low", _FLOAT), ("high", _FLOAT), ("n", _INT),
        ]
    ),
    # Pictures: an attack step by step, for the examples that are kept.
    "attack_steps": pa.schema(
        [
            ("example", _INT), ("row", _INT), ("step", _INT), ("answer", _TEXT), ("size", _FLOAT),
            ("score_before", _FLOAT), ("score_other", _FLOAT), ("other", _TEXT),
            ("picture", pa.list_(pa.float32())),
        ]
    ),
    "image_examples": pa.schema(
        [
            ("example", _INT), ("row", _INT), ("true", _TEXT), ("before", _TEXT),
            ("after", _TEXT), ("size", _FLOAT), ("found_by", _TEXT),
            ("survives_saving", pa.bool_()), ("height", _INT), ("width", _INT),
            ("channels", _INT), ("original", pa.list_(pa.float32())),
            ("adversarial", pa.list_(pa.float32())), ("difference", pa.list_(pa.float32())),
        ]
    ),
    # Pictures that a few pixels of any colour, or a patch, were enough for.
    "painted_examples": pa.schema(
        [
            ("kind", _TEXT), ("budget", _TEXT), ("row", _INT), ("true", _TEXT), ("before", _TEXT),
            ("after", _TEXT), ("n_pixels", _INT), ("height", _INT), ("width", _INT),
            ("channels", _INT), ("original", pa.list_(pa.float32())),
            ("adversarial", pa.list_(pa.float32())),
        ]
    ),
    "text_examples": pa.schema(
        [
            ("example", _INT), ("row", _INT), ("true", _TEXT), ("before", _TEXT),
            ("after", _TEXT), ("original", _TEXT), ("adversarial", _TEXT),
            # The last with control and direction marks written out, which no page shows.
            ("adversarial_exact", _TEXT), ("changed_words", pa.list_(_INT)),
            ("words_changed_share", _FLOAT), ("similarity", _FLOAT), ("meaning", _FLOAT),
            ("queries", _INT), ("found_by", _TEXT),
        ]
    ),
    # Texts: an attack step by step, for the examples that are kept.
    "text_steps": pa.schema(
        [
            ("example", _INT), ("row", _INT), ("step", _INT), ("text", _TEXT),
            ("changed_words", pa.list_(_INT)), ("answer", _TEXT), ("score_before", _FLOAT),
            ("score_other", _FLOAT), ("other", _TEXT),
        ]
    ),
    # Texts: what each recipe did to the same texts.
    "recipes": pa.schema(
        [
            ("recipe", _TEXT), ("paper", _TEXT), ("differs", _TEXT), ("needs", _TEXT),
            ("robust_accuracy", _FLOAT), ("low", _FLOAT), ("high", _FLOAT), ("n", _INT),
            ("success_rate", _FLOAT), ("success_low", _FLOAT), ("success_high", _FLOAT),
            ("n_correct", _INT), ("words_changed_share", _FLOAT), ("words_changed_low", _FLOAT),
            ("words_changed_high", _FLOAT), ("meaning", _FLOAT), ("meaning_low", _FLOAT),
            ("meaning_high", _FLOAT), ("n_flipped", _INT), ("queries", _FLOAT),
            ("queries_low", _FLOAT), ("queries_high", _FLOAT), ("n_attacked", _INT),
        ]
    ),
    # Texts: how often a change that should not matter changes the answer, or one that should
    # does not.
    "behaviour": pa.schema(
        [
            ("test", _TEXT), ("detail", _TEXT), ("source", _TEXT),
            ("n_changed", _INT), ("share", _FLOAT), ("low", _FLOAT), ("high", _FLOAT),
            ("n", _INT), ("example_before", _TEXT), ("example_after", _TEXT),
        ]
    ),
    # Whether the result can be believed.
    "checks": pa.schema(
        [
            ("check", _TEXT), ("holds", pa.bool_()), ("explanation", _TEXT), ("against", _INT),
            ("in_favour", _INT), ("n", _INT),
        ]
    ),
}  # fmt: skip


def table_of(name: str, rows: list[dict[str, object]]) -> pa.Table:
    """Build the table called `name` from rows as dictionaries."""
    return pa.Table.from_pylist(rows, schema=TABLES[name])
