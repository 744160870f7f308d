"""`python -m analyzers`, the same as the command `assay`."""

import sys

from analyzers.cli import main

if __name__ == "__main__":
    sys.exit(main())
