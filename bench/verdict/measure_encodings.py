"""How often encodings are found, and where there are none: the figures behind `encoding.PROBABILITIES`.

    python -m bench.verdict.measure_encodings [train|test]

Clear material of one side of the split enters, cut at random offsets; tables leave: the share of each kind of material
that is found encoded, by length, and how likely what is found as an encoding is one. There classes are alike, and in
each the kinds; one alarm that did not happen is added, so that no probability is 1.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from bench.verdict import samples
from wiretropy.verdict.encoding import decoded

LENGTHS = (16, 32, 64, 128, 512, 2048, 8192)

PER_KIND = {"text": 1000, "binary": 1000, "encoded": 200}
"""Fragments of each kind at each length."""

NOT_MEANT = "yenc"
"""What is none of the encodings that are looked for, of the material."""

SEED = 81

Found = Mapping[tuple[str, str], Sequence[str]]
"""For verdict and kind, the encoding found in each fragment, or nothing."""


def found(length: int, *, is_test: bool) -> Found:
    """What is found in fragments of one length."""
    draw = np.random.default_rng([SEED, length, is_test])
    by_kind: dict[tuple[str, str], list[str]] = {}
    for verdict, count in PER_KIND.items():
        for one in samples.clear((verdict,), count, draw, is_test=is_test, length=length):
            inside = decoded(one.octets)
            by_kind.setdefault((verdict, one.encoder), []).append(inside.encoding if inside else "")
    return by_kind


def precision(measured: Found) -> dict[str, float]:
    """How likely it is that what is found as an encoding is encoded, by encoding."""
    names = {name for answers in measured.values() for name in answers if name}
    return {name: _precision(measured, name) for name in sorted(names)}


def _precision(measured: Found, name: str) -> float:
    right = _share(measured, "encoded", name)
    text, binary = _share(measured, "text", name), _share(measured, "binary", name)
    one = 1 / sum(len(answers) for (verdict, _), answers in measured.items() if verdict != "encoded")
    return right / (right + text + binary + one) if right else 0.0


def _share(measured: Found, verdict: str, name: str) -> float:
    shares = [
        Counter(answers)[name] / len(answers)
        for (of, kind), answers in measured.items()
        if of == verdict and not kind.startswith(NOT_MEANT)
    ]
    return float(np.mean(shares))


def main() -> int:
    """Print the tables."""
    is_test = sys.argv[1:] == ["test"]
    tables = {length: found(length, is_test=is_test) for length in LENGTHS}
    print(f"{'found encoded, in percent':34}", *(f"{length:>7}" for length in LENGTHS))
    for key in sorted(set().union(*tables.values())):
        shares = [np.mean([bool(name) for name in table[key]]) if key in table else np.nan for table in tables.values()]
        print(f"{' '.join(key):34}", *(f"{100 * share:7.2f}" for share in shares))
    for verdict in ("text", "binary"):
        each = [[np.mean([bool(n) for n in table[k]]) for k in table if k[0] == verdict] for table in tables.values()]
        print(f"{'all ' + verdict:34}", *(f"{100 * np.mean(shares):7.2f}" for shares in each))
    exact = {length: precision(table) for length, table in tables.items()}
    print(f"{'how likely, by encoding':34}", *(f"{length:>7}" for length in LENGTHS))
    for name in sorted(set().union(*exact.values())):
        print(f"{name:34}", *(f"{exact[length].get(name, np.nan):7.4f}" for length in LENGTHS))
    alarms = Counter(
        (name, verdict, kind)
        for table in tables.values()
        for (verdict, kind), answers in table.items()
        for name in answers
        if name and verdict != "encoded"
    )
    for (name, verdict, kind), count in alarms.most_common():
        print(f"{count:6} times {name} in {verdict} of kind {kind}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
