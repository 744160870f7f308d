"""What the size of a change to a table is measured in."""

from analyzers.adversarial.params import AdversarialParams
from analyzers.core.result import Measurements

_DEVIATIONS = "standard deviations"
# A change of one standard deviation costs 1 unless the settings say otherwise.
_COSTS = "units of cost"


def table_unit(params: AdversarialParams) -> str:
    """Name the unit: standard deviations, or cost where changes of some columns cost more."""
    return _COSTS if params.costs.strip() else _DEVIATIONS


def unit_of(measurements: Measurements) -> str:
    """The unit that a result on tables was measured in."""
    return str(measurements.facts.get("budget_unit") or _DEVIATIONS)
