"""Every chart of an explanation, in the order a reader needs them."""

from analyzers.core.chart import Chart, in_sections
from analyzers.core.result import Measurements
from analyzers.explanation.chart_words import is_filled
from analyzers.explanation.counterfactual_charts import draw_counterfactuals
from analyzers.explanation.effect_charts import effect_chart, tried_features
from analyzers.explanation.global_charts import (
    draw_agreement,
    draw_bars,
    draw_beeswarm,
    draw_deletion,
    draw_groups,
    draw_insertion,
)
from analyzers.explanation.local_charts import (
    dependence_chart,
    draw_beside_lime,
    local_chart,
)
from analyzers.explanation.overall_charts import (
    draw_interactions,
    draw_permutation,
    draw_proxies,
    draw_reasons,
)
from analyzers.explanation.picture_charts import overlay_chart
from analyzers.explanation.telling_rows import draw_prototypes, draw_representatives
from analyzers.explanation.word_charts import coloured_words_chart, word_steps_chart

DEPENDENCES = 2

OVERALL, ONE_ROW = "What counts overall?", "What counts for one row?"
COLUMNS, ROWS = "How does a column act?", "Which rows are typical?"
GROUPS, TRUST = "For whom?", "Can it be trusted?"
SECTIONS = {
    "importance": OVERALL,
    "beeswarm": OVERALL,
    "permutation": OVERALL,
    "words": ONE_ROW,
    "overlay": ONE_ROW,
    "local": ONE_ROW,
    "shap_and_lime": ONE_ROW,
    "counterfactuals": ONE_ROW,
    "dependence": COLUMNS,
    "effect": COLUMNS,
    "interactions": COLUMNS,
    "by_group": GROUPS,
    "proxies": GROUPS,
    "reasons": GROUPS,
    "representatives": ROWS,
    "prototypes": ROWS,
    "deletion": TRUST,
    "insertion": TRUST,
    "agreement": TRUST,
}


def draw(measurements: Measurements) -> list[Chart]:
    """Draw every chart whose table is there."""
    charts = [draw_bars(measurements), draw_beeswarm(measurements)]
    shown = measurements.facts.get("shown_row")
    if shown is not None and is_filled(measurements, "values"):
        charts.append(local_chart(measurements, int(shown)))
    if shown is not None:
        charts += [
            coloured_words_chart(measurements, int(shown)),
            word_steps_chart(measurements, int(shown)),
        ]
    charts += [
        overlay_chart(measurements),
        draw_beside_lime(measurements),
        draw_counterfactuals(measurements),
        draw_representatives(measurements),
        draw_prototypes(measurements),
    ]
    if is_filled(measurements, "values"):
        charts += [
            dependence_chart(measurements, name)
            for name in explained_features(measurements)[:DEPENDENCES]
        ]
    charts += [
        effect_chart(measurements, name) for name in tried_features(measurements)[:DEPENDENCES]
    ]
    charts += [
        draw_interactions(measurements),
        draw_reasons(measurements),
        draw_permutation(measurements),
    ]
    charts += [
        draw_groups(measurements),
        draw_proxies(measurements),
        draw_deletion(measurements),
        draw_insertion(measurements),
        draw_agreement(measurements),
    ]
    return in_sections([chart for chart in charts if chart is not None], SECTIONS)


def explained_features(measurements: Measurements) -> list[str]:
    """Columns from most to least important, as far as their values were kept."""
    if not is_filled(measurements, "importance"):
        return []
    names = measurements.tables["importance"]["feature"].to_pylist()
    if not is_filled(measurements, "values"):
        return names
    kept = set(measurements.tables["values"]["feature"].to_pylist())
    return [name for name in names if name in kept]


def explained_row_numbers(measurements: Measurements) -> list[int]:
    """Row numbers of the file whose explanation was kept."""
    if not is_filled(measurements, "explained_rows"):
        return []
    return sorted(measurements.tables["explained_rows"]["row"].to_pylist())
