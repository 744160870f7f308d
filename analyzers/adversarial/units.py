"""What results are measured in, in words: the units of changes, and what it is to withstand."""

from analyzers.adversarial.params import AdversarialParams
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import plain

_DEVIATIONS = "standard deviations"
# A change of one standard deviation costs 1 unless the settings say otherwise.
_COSTS = "units of cost"


def column_unit(params: AdversarialParams) -> str:
    """Name the unit of one column: standard deviations, or cost where some columns cost more."""
    return _COSTS if params.costs.strip() else _DEVIATIONS


def size_unit(params: AdversarialParams) -> str:
    """Say what the size of a row's whole change is: the Euclidean length over its columns."""
    return f"(Euclidean, in {column_unit(params)})"


def standing_words(measurements: Measurements) -> str:
    """Say what became of rows that withstood the attack: "are still answered correctly"."""
    wanted = measurements.facts.get("wanted")
    if not wanted:
        return "are still answered correctly"
    return f"are answered correctly or at least not {plain(wanted)!r}, which was wanted"


def column_unit_of(measurements: Measurements) -> str:
    """The unit that single columns of a result on tables were measured in."""
    return str(measurements.facts.get("column_unit") or _DEVIATIONS)


def size_unit_of(measurements: Measurements) -> str:
    """What the sizes of a result on tables are."""
    return str(measurements.facts.get("budget_unit") or f"(Euclidean, in {_DEVIATIONS})")
