"""What every test runs under."""

import os

from hypothesis import settings

# The same examples each time, so that a change is judged by itself and not by luck; and no
# deadline, for a busy machine may take seconds over what takes none. `ASSAY_EXPLORE=1 make test`
# looks at new examples.
settings.register_profile(
    "gate", deadline=None, derandomize=not os.environ.get("ASSAY_EXPLORE"), print_blob=True
)
settings.load_profile("gate")
