"""How many rows the parts of a run ask the model about, counted from its settings.

The parts are counted here as they ask, and a test holds the counts to those of real runs. The
search for counterfactuals ends when it has found enough, so it is counted by its usual length.
"""

from typing import NamedTuple

from analyzers.explanation import owen, picture_lime, pictures, tabular, word_lime, words
from analyzers.explanation.faithfulness import DEEPEST, RANDOM_ORDERS, REPLACEMENTS
from analyzers.explanation.off_manifold import count_questions
from analyzers.explanation.permutation import MOST_MOVED, REPEATS, affordable_rows
from analyzers.explanation.word_choice import MOST_MASKED_TEXTS

# Of deletion: the explanation's and the random ones.
_ORDERS = 1 + RANDOM_ORDERS
# LIME is run with two more widths on 30 rows.
_WIDTHS, _WIDTH_ROWS = 2, 30
# Effects: columns, rows and values tried; rows of the accumulated effects, both ends.
_COLUMNS_TRIED, _ROWS_TRIED, _VALUES_TRIED, _ENDS = 4, 100, 20, 1000
_CHANGES, _CHANGE_CALLS = 1_500, 36
_CALLS = 30
_PLAYERS, _PATCHES, _PAIRS = 40, 64, 32


class Counts(NamedTuple):
    """What a run asks.

    Attributes:
        explained: rows, texts or pictures it explains.
        rows: it asks the model about.
        calls: in which it asks.
        neighbours: LIME's, over all rows it explains: each is one line of a regression.
    """

    explained: int
    rows: int
    calls: int
    neighbours: int

    def plus(self, rows: int) -> "Counts":
        """Count more rows, asked about in large batches."""
        return self._replace(rows=self.rows + rows, calls=self.calls + 1 + rows // 20_000)


def count_tests(n_columns: int, *, explained: int, drawn: int, lime_samples: int) -> Counts:
    """Count what a run on a table asks beside explaining and pairing columns.

    Args:
        n_columns: the model's.
        explained: rows explained.
        drawn: rows drawn, of which only some may be explained.
        lime_samples: neighbours of each run of LIME.
    """
    compared = min(tabular.MOST_COMPARED, explained)
    steps = min(DEEPEST, max(1, n_columns - 1))
    # Each order is tried by deletion and by insertion.
    replaced = compared * (1 + 2 * _ORDERS * steps * REPLACEMENTS)
    # Sets of columns that go together come on top; a third more is usual.
    sets = max(1, round(min(n_columns, MOST_MOVED) * 4 / 3))
    moved = affordable_rows(sets, drawn) * (1 + sets * REPEATS)
    tried = min(_COLUMNS_TRIED, n_columns)
    effects = tried * (min(_ROWS_TRIED, explained) * _VALUES_TRIED + min(_ENDS, 2 * explained))
    # The shown row's runs and the one that all rows share.
    lime = (tabular.LIME_RUNS + 1 + _WIDTHS) * lime_samples + compared + _WIDTHS * _WIDTH_ROWS
    return Counts(
        explained=explained,
        rows=2 * explained
        + replaced
        + moved
        + effects
        + lime
        + count_questions(n_columns)
        + _CHANGES,
        calls=_CALLS + sets * REPEATS + _CHANGE_CALLS,
        neighbours=(compared + tabular.LIME_RUNS + _WIDTHS * _WIDTH_ROWS) * lime_samples,
    )


def count_texts(
    drawn: int,
    sampled_rows: int,
    lime_samples: int,
    n_words: float,
    *,
    is_asking: bool,
    is_slow: bool,
) -> Counts:
    """Count what a run on texts of `n_words` words asks.

    Args:
        drawn: texts drawn, of which only some may be explained.
        sampled_rows: most texts where each takes long.
        lime_samples: neighbours of each run of LIME.
        n_words: of a text.
        is_asking: whether the explainer asks the model.
        is_slow: whether it takes long for another reason.
    """
    is_few = is_asking or is_slow
    explained = min(drawn, sampled_rows, MOST_MASKED_TEXTS) if is_few else drawn
    texts = min(word_lime.TEXTS_OF_SLOW if is_few else word_lime.TEXTS, explained)
    runs = texts + word_lime.RUNS + 2 * min(word_lime.WIDTH_TEXTS, texts)
    neighbours = runs * lime_samples
    rows = (
        2 * explained
        + neighbours
        + owen.MOST_QUESTIONS
        + min(words.MOST_DELETED, explained) * 2 * _ORDERS * DEEPEST
    )
    players = min(_PLAYERS, max(1, round(n_words)))
    if is_asking:
        rows += explained * _PAIRS * 2 * players
    return Counts(explained, rows, _CALLS + explained * is_asking, neighbours)


def count_pictures(drawn: int, sampled_rows: int, lime_samples: int, *, is_asking: bool) -> Counts:
    """Count what a run on pictures asks."""
    explained = (
        min(drawn, sampled_rows, pictures.MOST_MASKED_PICTURES)
        if is_asking
        else min(drawn, pictures.MOST_GRADIENT_PICTURES)
    )
    shared = min(picture_lime.PICTURES, explained) * min(lime_samples, picture_lime.SAMPLES)
    neighbours = (picture_lime.RUNS + 2) * min(lime_samples, picture_lime.MOST_SAMPLES)
    rows = neighbours + shared + owen.MOST_QUESTIONS + explained * (2 + 2 * _ORDERS * DEEPEST)
    calls = _CALLS + neighbours // 256 + 2 * _ORDERS * DEEPEST
    if is_asking:
        rows += explained * _PAIRS * 2 * _PATCHES
        calls += explained * _PAIRS
    return Counts(explained, rows, calls, neighbours)
