"""Simulate how compressed random payloads look to the model of `verdict.coding`: limits of `is_fully_encrypted`.

    python -m bench.verdict.train_full_encryption

Nothing is learnt from data: random bytes of each length enter, the quantile of their log-odds leaves. To be run again
whenever `coding.json` changes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from wiretropy.verdict.coding import coding_statistics, model

OUT = Path(__file__).resolve().parents[2] / "src/wiretropy/verdict/full_encryption.json"
SEED = 31
EXCEEDED = 0.007
"""Share of random payloads above the limit: with those whose head looks clear it stays below one in a hundred."""

LENGTHS = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1460, 2048, 4096, 8192, 16_384, 65_536)
BYTES = 12_000_000
MOST = 20_000
"""Payloads of a length: as many as make `BYTES`, at most this many."""


def limit(length: int) -> float:
    """The limit for payloads of one length."""
    draw = np.random.default_rng([SEED, length])
    count = min(MOST, BYTES // length)
    log_odds = []
    for start in range(0, count, 512):
        payloads = [draw.bytes(length) for _ in range(min(512, count - start))]
        log_odds.append(model("wide").log_odds(coding_statistics(payloads), np.full(len(payloads), length)))
    return float(np.quantile(np.concatenate(log_odds), 1 - EXCEEDED))


def main() -> int:
    """Simulate and write the file."""
    stored = {
        "format": 1,
        "provenance": {
            "made_by": "make train-verdict (bench/verdict/train_full_encryption.py)",
            "meaning": f"log-odds of compressed that {EXCEEDED:.1%} of random payloads exceed",
            "seed": SEED,
        },
        "log2_length": [round(float(np.log2(length)), 4) for length in LENGTHS],
        "log_odds": [round(limit(length), 4) for length in LENGTHS],
    }
    OUT.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
