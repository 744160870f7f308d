"""Membership attacks and the check for shared rows, against what a user would call today.

ART's black-box and shadow attacks need their own environment and are not run here.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from analyzers.core.dataset import Dataset
from analyzers.core.subject import Column, FileRef, Files, Role, Subject
from analyzers.privacy.calibration import attack_by_halves
from analyzers.privacy.evidence import Side, fingerprints
from analyzers.privacy.measuring import operating_points
from analyzers.privacy.signals import log_odds, signals_of

QUICK_ROWS, FULL_ROWS = 100_000, 1_000_000


def main() -> None:
    """Print one JSON line for each comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    n_rows = QUICK_ROWS if parser.parse_args().quick else FULL_ROWS
    compare_attack(n_rows)
    compare_overlap(n_rows)


def compare_attack(n_rows: int) -> None:
    """Six attacks with choice, thresholds and intervals, against scikit-learn's ROC and AUC."""
    members, non_members = _side(n_rows, 1.0, 0), _side(n_rows, 0.0, 1)

    def ours() -> float:
        signals = signals_of(members, non_members)
        attack = attack_by_halves(signals, None, None, np.random.default_rng(0))
        operating_points(attack, "loss")
        return attack.auc.value or 0.0

    def peer() -> float:
        is_member = np.repeat([1, 0], n_rows)
        areas = []
        for signal in signals_of(members, non_members):
            values = np.concatenate([signal.members, signal.non_members])
            roc_curve(is_member, values)
            areas.append(float(roc_auc_score(is_member, values)))
        return max(areas)

    def limit() -> int:
        values = np.concatenate([_loss(members), _loss(non_members)])
        return int(np.argsort(values)[0])

    _print(
        "6 membership attacks, choice, thresholds, intervals", f"2 x {n_rows:,} rows", ours,
        "scikit-learn: their ROC and AUC, no choice, no intervals", peer, limit,
        agree=lambda mine, theirs: abs(mine - theirs) < 0.01,
    )  # fmt: skip


def compare_overlap(n_rows: int) -> None:
    """Rows that stand in both of two tables of eight columns."""
    rng = np.random.default_rng(0)
    first = pd.DataFrame({f"c{place}": rng.normal(size=n_rows) for place in range(6)})
    first["region"] = rng.choice(["north", "south", "east"], n_rows)
    first["sex"] = rng.choice(["female", "male"], n_rows)
    second = first.sample(frac=1.0, random_state=0).reset_index(drop=True)
    second.loc[: n_rows // 2, "c0"] += 1.0

    def ours() -> int:
        return int(np.isin(fingerprints(first, None), fingerprints(second, None)).sum())

    def peer() -> int:
        return len(first.merge(second, how="inner", on=list(first.columns)))

    def limit() -> int:
        return int(np.isin(first["c0"], second["c0"]).sum())

    _print(
        "rows shared by two tables", f"{n_rows:,} x 8", ours, "pandas merge on all columns", peer,
        limit, agree=lambda mine, theirs: mine == theirs,
    )  # fmt: skip


def _print(
    work: str,
    size: str,
    ours: Callable[[], Any],
    peer_name: str,
    peer: Callable[[], Any],
    limit: Callable[[], Any],
    *,
    agree: Callable[[Any, Any], bool],
) -> None:
    mine, ours_s = _timed(ours)
    theirs, peer_s = _timed(peer)
    _, limit_s = _timed(limit)
    line = {
        "work": work, "size": size, "ours_s": round(ours_s, 4), "peer": peer_name,
        "peer_s": round(peer_s, 4), "limit_s": round(limit_s, 4),
        "ratio": round(peer_s / ours_s, 2), "agree": bool(agree(mine, theirs)),
        "extrapolated": False,
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    found = call()
    return found, time.perf_counter() - start


def _loss(side: Side) -> NDArray[np.float64]:
    assert side.scores is not None
    return log_odds(side.scores, np.asarray(side.labels, dtype=np.int64))


def _side(n_rows: int, distance: float, seed: int) -> Side:
    rng = np.random.default_rng(seed)
    true = 1 / (1 + np.exp(-rng.normal(distance, 1, n_rows)))
    labels = rng.integers(0, 2, n_rows)
    scores = np.stack([1 - true, true], axis=1)
    scores[labels == 0] = scores[labels == 0][:, ::-1]
    columns = (Column(name="y", kind="integer", role=Role.LABEL),)
    data = FileRef(sha256="d" * 64, size=1, name="data.csv")
    subject = Subject(
        name="benchmark", files=Files(data=data), task="binary", modality="tabular", target="y",
        classes=("0", "1"), positive_class="1", columns=columns, n_rows=n_rows,
    )  # fmt: skip
    rows = Dataset(
        subject=subject, frame=pd.DataFrame({"y": labels}), labels=labels, rows=np.arange(n_rows)
    )
    return Side(data=rows, labels=labels, predicted=scores.argmax(axis=1), scores=scores)


if __name__ == "__main__":
    main()
