"""The one ordered list of analyzers. A file that is not named here does not run; a test says so."""

from typing import Any

from analyzers.adversarial import ANALYZER as ADVERSARIAL
from analyzers.core.analyzer import Analyzer
from analyzers.core.errors import InvalidParameter
from analyzers.explanation import ANALYZER as EXPLANATION
from analyzers.fairness import ANALYZER as FAIRNESS
from analyzers.performance import ANALYZER as PERFORMANCE
from analyzers.privacy import ANALYZER as PRIVACY

ANALYZERS: tuple[Analyzer[Any], ...] = (PERFORMANCE, EXPLANATION, FAIRNESS, ADVERSARIAL, PRIVACY)


def analyzer_named(name: str) -> Analyzer[Any]:
    """Return the analyzer called `name`.

    Raises:
        InvalidParameter: no analyzer has that name; the message lists those that exist.
    """
    for analyzer in ANALYZERS:
        if analyzer.name == name:
            return analyzer
    names = ", ".join(analyzer.name for analyzer in ANALYZERS)
    raise InvalidParameter(
        f"Expected the name of an analyzer, got {name!r}.", remedy=f"Choose one of: {names}."
    )
