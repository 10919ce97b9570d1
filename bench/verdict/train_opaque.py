"""Train and evaluate the tables of `wiretropy.verdict.opaque` on the corpus of public captures.

python -m bench.verdict.train_opaque [--evaluate]

Clear samples are the first bytes of directions that the corpus calls plaintext, as wiretropy itself
reassembles them: TCP with its SYN, and labels that do not rest on a file name or are contested. Equal heads
count once. Opaque samples are random bytes, which is what ciphertext is. Sources
are weighted by the square root of how much each has of a protocol, so that DNS is not all there is.
--evaluate leaves whole sources out in turn and prints the balanced accuracy on them; without it, all of them
train the tables that are shipped. Needs lightgbm.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wiretropy import read_flows
from wiretropy.errors import RefusedError
from wiretropy.verdict import opaque
from wiretropy.verdict.head_statistics import STATISTICS, head_statistics

REPOSITORY = Path(__file__).resolve().parents[2]
OUT = REPOSITORY / "src" / "wiretropy" / "verdict" / "opaque.json"

RANDOM_TO_CLEAR = 12
"""Random heads for each clear one: they cost nothing."""

FOLDS = 8
"""Parts of the sources that are left out in turn."""

NOT_CLEAR = {"ETHEREUM"}
"""Labelled plaintext, but the packets of its discovery begin with a hash and a signature: random bytes."""

TREES = {
    "num_leaves": 2, "n_estimators": 500, "learning_rate": 0.1, "min_child_samples": 30, "reg_lambda": 5.0,
    "subsample": 0.8, "subsample_freq": 1, "colsample_bytree": 0.4, "random_state": 1, "n_jobs": 2, "verbose": -1,
    "deterministic": True, "force_row_wise": True,
}  # fmt: skip
"""Trees of two leaves: their sum is a sum over single statistics."""


@dataclass(frozen=True, slots=True)
class Head:
    """First bytes of one direction of a flow whose payload is clear."""

    bytes: bytes
    source: str
    label: str


def corpus() -> Path:
    """Folder of the labelled captures."""
    named = os.environ.get("WIRETROPY_CORPUS")
    return (Path(named) if named else REPOSITORY.parent / "shared" / "corpus") / "traffic"


def clear_heads(folder: Path) -> Iterator[Head]:
    """Heads of clear directions."""
    with (folder / "manifest.csv").open(newline="") as file:
        sources = {row["path"]: row["source_repo"] for row in csv.DictReader(file)}
    wanted: dict[str, dict[tuple[Any, ...], str]] = {}
    with (folder / "flows.csv").open(newline="") as file:
        for row in filter(_is_clear, csv.DictReader(file)):
            ends = frozenset([(row["client_ip"], row["client_port"]), (row["server_ip"], row["server_port"])])
            wanted.setdefault(row["file"], {})[(row["transport"].lower(), ends)] = row["label"]
    for name, labels in sorted(wanted.items()):
        try:
            flows = read_flows(folder / name)
        except RefusedError:
            continue
        for flow in flows.to_arrow().to_pylist():
            ends = frozenset((flow[f"{side}_ip"], str(flow[f"{side}_port"])) for side in ("orig", "resp"))
            label = labels.get((flow["proto"], ends))
            if label is None or flow["is_midstream"]:
                continue
            for side in ("orig", "resp"):
                gaps = flow[f"{side}_gap_offsets"]
                yield Head(flow[f"{side}_head"][: gaps[0] if gaps else None], sources[name], label)


def _is_clear(row: dict[str, str]) -> bool:
    is_doubtful = row["label_src"] == "filename" or row["agree"] == "0" or row["label"] in NOT_CLEAR
    return row["coarse"] == "plaintext" and not is_doubtful


@dataclass(frozen=True, slots=True)
class Samples:
    """Clear heads of one length, each once, with sources as numbers and weights."""

    statistics: NDArray[np.int32]
    groups: NDArray[np.int64]
    weights: NDArray[np.float64]
    labels: list[str]


def samples(heads: list[Head], length: int) -> Samples:
    """Those of at least `length` bytes."""
    unique = {head.bytes[:length]: head for head in heads if len(head.bytes) >= length}
    matrix = np.frombuffer(b"".join(unique), dtype=np.uint8).reshape(-1, length)
    often = Counter((head.source, head.label) for head in unique.values())
    names = sorted({head.source for head in unique.values()})
    return Samples(
        head_statistics(matrix),
        np.array([names.index(head.source) for head in unique.values()]),
        np.array([often[head.source, head.label] ** -0.5 for head in unique.values()]),
        [head.label for head in unique.values()],
    )


def random_statistics(count: int, length: int, seed: int) -> NDArray[np.int32]:
    """Statistics of random heads."""
    drawn = np.random.default_rng(seed).integers(0, 256, (count, length), dtype=np.uint8)
    return head_statistics(drawn)


def fitted(clear: NDArray[np.int32], weights: NDArray[np.float64], length: int, seed: int) -> dict[str, Any]:
    """Tables for heads of one length, as `opaque.json` holds them."""
    import lightgbm

    drawn = random_statistics(RANDOM_TO_CLEAR * len(clear), length, seed)
    x = np.concatenate([clear, drawn]).astype(np.float64)
    y = np.concatenate([np.zeros(len(clear)), np.ones(len(drawn))])
    w = np.concatenate([weights / weights.sum() * len(drawn), np.ones(len(drawn))])
    booster = lightgbm.LGBMClassifier(**TREES).fit(x, y, sample_weight=w).booster_
    return _tables(booster.dump_model()["tree_info"])


def _tables(trees: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up trees of two leaves for each statistic."""
    steps: dict[str, dict[float, float]] = {}
    base: dict[str, float] = {}
    intercept = 0.0
    for tree in trees:
        root = tree["tree_structure"]
        if "split_feature" not in root:
            intercept += root["leaf_value"]
            continue
        name, at = STATISTICS[root["split_feature"]], float(np.floor(root["threshold"]))
        left, right = root["left_child"]["leaf_value"], root["right_child"]["leaf_value"]
        base[name] = base.get(name, 0.0) + left
        steps.setdefault(name, {})[at] = steps.get(name, {}).get(at, 0.0) + right - left
    tables = {}
    for name in STATISTICS:
        if name in steps:
            bounds = sorted(steps[name])
            scores = base[name] + np.concatenate([[0.0], np.cumsum([steps[name][at] for at in bounds])])
            tables[name] = {"bounds": [int(at) for at in bounds], "scores": [round(float(s), 4) for s in scores]}
    return {"intercept": round(intercept, 4), "statistics": tables}


@dataclass(frozen=True, slots=True)
class Judged:
    """Heads of one length, judged by tables that do not know their source.

    Attributes
    ----------
    length : int
    is_right : ndarray of shape (n,), bool
        For each clear head.
    sources : ndarray of shape (n,)
        Number of its source.
    labels : list of str
        Its protocol.
    random_right : float
        Share of random heads that are called opaque.
    """

    length: int
    is_right: NDArray[np.bool_]
    sources: NDArray[np.int64]
    labels: list[str]
    random_right: float


def judged(heads: list[Head], length: int) -> Judged:
    """Judge every clear head of a length by tables of the other sources."""
    have = samples(heads, length)
    is_right = np.zeros(len(have.groups), dtype=bool)
    right_random = []
    for fold in range(FOLDS):
        test = have.groups % FOLDS == fold
        tables = fitted(have.statistics[~test], have.weights[~test], length, seed=fold)
        is_right[test] = _log_odds(tables, length, have.statistics[test]) < 0
        drawn = random_statistics(40_000, length, seed=1_000 + fold)
        right_random.append(float((_log_odds(tables, length, drawn) >= 0).mean()))
    return Judged(length, is_right, have.groups, have.labels, float(np.mean(right_random)))


def evaluate(heads: list[Head]) -> None:
    """Print the balanced accuracy on sources that training did not see, for each length."""
    print("length  heads  sources  clear    random   balanced  most often wrong")
    for length in opaque.HEAD_LENGTHS:
        one = judged(heads, length)
        clear = float(one.is_right.mean())
        wrong = Counter(label for label, right in zip(one.labels, one.is_right, strict=True) if not right)
        worst = ", ".join(f"{label} {count}" for label, count in wrong.most_common(4))
        print(
            f"{length:6} {len(one.is_right):6} {one.sources.max() + 1:8}  {clear:.4f}   {one.random_right:.4f}   "
            f"{(clear + one.random_right) / 2:.4f}    {worst}"
        )


def _log_odds(tables: dict[str, Any], length: int, statistics: NDArray[np.int32]) -> NDArray[np.float64]:
    parsed = opaque.parse({"format": opaque.FORMAT, "lengths": {str(length): tables}})
    return parsed[length].log_odds_of(statistics)


def main() -> int:
    """Train, and write or evaluate."""
    parser = argparse.ArgumentParser(description="Train or evaluate the tables for first bytes.")
    parser.add_argument("--evaluate", action="store_true", help="leave sources out in turn and write nothing")
    options = parser.parse_args()
    heads = list(clear_heads(corpus()))
    if options.evaluate:
        evaluate(heads)
        return 0
    lengths = {}
    for length in opaque.HEAD_LENGTHS:
        have = samples(heads, length)
        lengths[str(length)] = fitted(have.statistics, have.weights, length, seed=length)
        lengths[str(length)]["clear_heads"] = len(have.groups)
    stored = {
        "format": opaque.FORMAT,
        "made_by": "make train-verdict",
        "clear": "first bytes of plaintext directions of the corpus of public captures",
        "opaque": "random bytes",
        "lengths": lengths,
    }
    OUT.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
