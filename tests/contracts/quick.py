"""Parameters that keep the contract tests quick; every analyzer still does its whole work."""

from typing import Any

QUICK: dict[str, dict[str, Any]] = {
    "adversarial": {"rows": 30, "queries": 200},
}
