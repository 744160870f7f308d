"""Attacks beside ART, foolbox, TextAttack and an integer program, in one run.

Each kind runs in a process of its own, since they limit their threads in ways that differ.
"""

import argparse
import subprocess
import sys

KINDS = ("labels_only", "pictures", "proofs", "texts")


def main() -> int:
    """Print one JSON line a comparison; return 1 if a kind failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS], help="all where none is named")
    arguments = parser.parse_args()
    quick = ["--quick"] * arguments.quick
    codes = [
        subprocess.run(
            [sys.executable, "-m", f"benchmarks.attacks.{kind}", *quick], check=False
        ).returncode
        for kind in arguments.kinds or KINDS
    ]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
