"""Count which bytes cleartext has, and write the scores that the core finds segments with.

    python -m bench.verdict.train_segments

In: the public captures (cleartext flows, by repository and protocol), source code and programs of this machine. Out:
`crates/core/src/meter/segment_scores.rs`: sixteenths of a bit for each byte value and model, against random bytes.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.verdict import public

OUT = Path(__file__).resolve().parents[2] / "crates/core/src/meter/segment_scores.rs"
UNIT = 16
"""Of a bit."""
MOST_OF_FILE = 200_000
FILES = 60

SOURCES = ("/usr/lib/python3.11/*.py", "/usr/include/*.h", "/usr/share/common-licenses/*")
PROGRAMS = ("/usr/bin/*", "/usr/lib/x86_64-linux-gnu/*.so*")

Shares = NDArray[np.float64]
UNIFORM: Shares = np.full(256, 1 / 256)


def of_captures(detail: str, *, is_text: bool) -> Shares:
    """Mean shares of the cleartext of the captures, repositories and protocols by the root of their number of flows."""
    by_group: dict[tuple[str, str], list[Shares]] = defaultdict(list)
    for row in public.sides(counts=True):
        if (row.coarse, row.detail) == ("plaintext", detail) and (row.printable_share > 0.9) == is_text:
            by_group[row.repository, row.label].append(row.counts / row.counts.sum())
    total = np.zeros(256)
    for group in by_group.values():
        total += min(len(group), 20) ** 0.5 * np.mean(group, axis=0)
    return total / total.sum()


def of_files(patterns: Sequence[str]) -> Shares:
    """Mean shares of files of this machine."""
    found = [path for pattern in patterns for path in sorted(Path("/").glob(pattern[1:])) if path.is_file()]
    order = np.random.default_rng(0).permutation(len(found))[:FILES]
    shares = []
    for at in order.tolist():
        octets = np.frombuffer(found[at].read_bytes()[:MOST_OF_FILE], np.uint8)
        if len(octets) > 500:
            shares.append(np.bincount(octets, minlength=256) / len(octets))
    return np.mean(shares, axis=0)


def even(values: bytes) -> Shares:
    """The same share for each of some values."""
    shares = np.zeros(256)
    shares[list(values)] = 1 / len(values)
    return shares


def models() -> tuple[Shares, Shares, Shares]:
    """Shares of ASCII text, of text in other scripts, and of binary cleartext; none is 0."""
    digits = b"0123456789"
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    ascii_text = of_captures("text", is_text=True)
    text = 0.5 * ascii_text + 0.2 * of_files(SOURCES) + 0.1 * even(letters + digits + b"+/")
    text += 0.05 * even(digits + b"abcdef") + 0.1 * even(bytes(range(32, 127)))
    text = 0.96 * text / text.sum() + 0.04 * UNIFORM
    binary = 0.75 * of_captures("binary", is_text=False) + 0.25 * of_files(PROGRAMS)
    return text, _other_scripts(ascii_text), 0.7 * binary + 0.3 * UNIFORM


def _other_scripts(ascii_text: Shares) -> Shares:
    """UTF-8 of scripts that are not Latin: bytes that continue, and those that begin a character (RFC 3629)."""
    shares = np.zeros(256)
    shares[0x80:0xC0] = 0.44 / 64
    shares[0xC3:0xF0] = 0.14 / 45
    shares[[0xD0, 0xD1]] += 0.1
    shares[[0xC3, 0xC4, 0xC5, 0xCE, 0xCF, 0xD8, 0xD9, 0xE0, 0xE3]] += 0.012
    shares[0xE4:0xEA] += 0.02
    shares[:128] += 0.2 * ascii_text[:128]
    return 0.95 * shares / shares.sum() + 0.05 * UNIFORM


def main() -> int:
    """Count and write the file."""
    scores = np.round(UNIT * np.log2(256 * np.stack(models(), axis=1))).astype(int).clip(-127, 127)
    lines, line = [], "   "
    for row in scores.tolist():
        item = f" {row},"
        if len(line) + len(item) > 99:
            lines.append(line)
            line = "   "
        line += item
    head = OUT.read_text(encoding="utf-8").split("= [\n")[0]
    OUT.write_text(head + "= [\n" + "\n".join([*lines, line]) + "\n];\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
