"""The column that acts together most with a given one, and its values as a colour."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analyzers.core.result import Measurements
from analyzers.explanation.chart_words import is_filled
from analyzers.explanation.layout import value_shares
from analyzers.toolkit.plots import DIVERGING, plain


class Partner(NamedTuple):
    """A column whose interaction with another is beyond noise.

    Attributes:
        name: the column, as in the data.
        strength: typical size of the interaction, on the scale of the values.
    """

    name: str
    strength: float


def partner_of(measurements: Measurements, feature: str) -> Partner | None:
    """Find the strongest partner; None where no interaction is beyond noise or none was measured.

    Args:
        measurements: of this analyzer.
        feature: a column.
    """
    if not is_filled(measurements, "interactions"):
        return None
    for line in measurements.tables["interactions"].to_pylist():
        pair = (line["feature"], line["other"])
        if feature in pair and (line["low"] or 0.0) > 0:
            other = pair[1] if pair[0] == feature else pair[0]
            return Partner(other, float(line["strength"]))
    return None


def colour_by(partner: Partner, table: pd.DataFrame, rows: pd.Series) -> dict[str, Any] | None:
    """Marker settings that colour rows by the rank of the partner's value.

    Args:
        partner: the column.
        table: the table `values`.
        rows: row numbers in the order of the points.

    Returns:
        None where the partner is no column of numbers.
    """
    own = table[table["feature"] == partner.name].set_index("row")["number"]
    numbers = own.reindex(rows).to_numpy(dtype=np.float64)
    if np.isnan(numbers).all():
        return None
    return {
        "color": [None if np.isnan(share) else float(share) for share in value_shares(numbers)],
        "colorscale": [[0, DIVERGING[8]], [0.5, "#B8A9C9"], [1, DIVERGING[1]]],
        "cmin": 0,
        "cmax": 1,
        "colorbar": {
            "title": {"text": plain(partner.name, longest=20)},
            "tickvals": [0, 1],
            "ticktext": ["low", "high"],
            "thickness": 10,
        },
    }
