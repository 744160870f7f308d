"""What is left where there is no Linux kernel: resource limits, and nothing that contains code."""

import os

from analyzers.jobs.sandbox.cell import Cell, Protection
from analyzers.jobs.sandbox.limits import limit_resources
from analyzers.jobs.sandbox.privileges import close_descriptors
from analyzers.jobs.sandbox.trial import try_out


class LimitsOnly:
    """Closed descriptors, an empty environment and resource limits."""

    def available(self) -> Protection:
        """Try the limits in a throw-away process and say which took effect."""
        return try_out()

    def lock(self, cell: Cell) -> Protection:
        """Limit the calling process; files, network and programs stay within its reach."""
        close_descriptors(cell.keep)
        os.environ.clear()
        os.environ.update({"TMPDIR": str(cell.scratch), "HOME": str(cell.scratch)})
        os.umask(0o077)
        limit_resources(cell.limits, counts_own_processes=False)
        return Protection(
            layers=("limits",), missing=("everything else: this system is not Linux",)
        )
