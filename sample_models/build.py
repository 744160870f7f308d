"""Build the sample models: `python -m sample_models.build [NAME ...]`.

Every builder is seeded and runs on one thread, so building again gives the same tables and the
same predictions. A sample's folder appears whole or not at all.
"""

import argparse
import hashlib
import importlib
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from sample_models.sample import BUILT, SAMPLES, Sample, sample_named
from sample_models.score import Score

RECORD = "build.json"


def build_sample(sample: Sample, built: Path = BUILT) -> Score:
    """Build one sample under `built` and return how good its model is.

    Args:
        sample: which one.
        built: the folder that holds a folder per sample.

    Returns:
        The score, also written to build.json beside the digests of the files.
    """
    builder: Callable[[Path], Score] = importlib.import_module(f"sample_models.{sample.name}").build
    built.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built, prefix=f".{sample.name}-") as scratch:
        folder = Path(scratch) / sample.name
        folder.mkdir()
        # One thread: sums come out in the same order on every machine, and two builds at once do
        # not wait for each other.
        with threadpool_limits(limits=1):
            score = builder(folder)
        digests = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.iterdir())
        }
        record = {"sample": sample.name, "score": score._asdict(), "sha256": digests}
        (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        target = built / sample.name
        if target.exists():
            # Moved aside first: a reader finds the old folder or the new one, never a mixture.
            target.rename(Path(scratch) / "old")
        folder.rename(target)
    return score


def main(arguments: Sequence[str] | None = None, *, built: Path = BUILT) -> None:
    """Build the named samples, or all of them, and say what came out."""
    parser = argparse.ArgumentParser(prog="sample_models.build", description="Build the samples.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which samples; all where none")
    names = parser.parse_args(arguments).names
    samples = [sample_named(name) for name in names] if names else list(SAMPLES)
    for sample in samples:
        print(f"{sample.name}: fitting ...", flush=True)
        start = time.perf_counter()
        score = build_sample(sample, built)
        seconds = time.perf_counter() - start
        size = sum(path.stat().st_size for path in (built / sample.name).iterdir())
        print(
            f"{sample.name}: {score.metric} {score.held_out:.3f} on {score.n_held_out:,} held-out "
            f"rows, {score.training:.3f} on {score.n_training:,} training rows; "
            f"{size / 1e6:.1f} MB in {seconds:.1f} s"
        )


if __name__ == "__main__":
    main()
