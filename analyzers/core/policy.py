"""A pack of limits, dated and tagged, against which findings are judged."""

from pydantic import Field

from analyzers.core.finding import Threshold
from analyzers.core.value import Value


class Policy(Value):
    """A named, versioned set of limits. Its digest goes into every report."""

    name: str
    version: str
    title: str
    description: str = ""
    as_of: str
    jurisdiction: str = ""
    thresholds: tuple[Threshold, ...] = Field(default=())

    def threshold(self, indicator: str) -> Threshold | None:
        """Return the limit for `indicator`, such as "fairness.demographic_parity_ratio"."""
        for threshold in self.thresholds:
            if threshold.indicator == indicator:
                return threshold
        return None
