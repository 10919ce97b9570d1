"""Section of the report on opaque or clear, from the first bytes of a direction."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

import wiretropy
from bench.accuracy import scores
from bench.accuracy.coding import percent
from bench.report import Check, Section, Table
from bench.verdict import openings, traffic, train_opaque

TARGETS = {8: 0.985, 16: 0.993, 32: 0.996}
"""Balanced accuracy that is asked for, by the number of first bytes."""

SHOWN = 4

LEAST_FIRST = 64
OPAQUE_FIRST, CLEAR_FIRST = 0.995, 0.999
"""Bytes of first packets that are asked about, and the shares of ciphertext and of cleartext to be right."""

RANDOM_PACKETS = 4000
SEED = 79


def opaque() -> Section:
    """Leave whole sources out in turn, as `train_opaque --evaluate` does."""
    section = Section("early", "Opaque or clear, from the first bytes")
    section.text.append(
        "Clear: first bytes of plaintext directions of the corpus, each once, judged by tables of "
        "other sources. Opaque: random bytes. "
        "Balanced is the mean of both shares, in percent; the interval is over sources. Every answer counts."
    )
    heads = list(train_opaque.clear_heads(train_opaque.corpus()))
    lines = []
    for length in train_opaque.opaque.HEAD_LENGTHS:
        one = train_opaque.judged(heads, length)
        clear = scores.share(one.is_right, one.sources.astype(str))
        ends = [(value + one.random_right) / 2 for value in (clear.value, clear.low, clear.high)]
        balanced = scores.Share(*ends)
        wrong = Counter(label for label, right in zip(one.labels, one.is_right, strict=True) if not right)
        worst = ", ".join(f"{label} {count}" for label, count in wrong.most_common(SHOWN))
        sources = len(np.unique(one.sources))
        lines.append(
            [
                str(length),
                str(len(one.labels)),
                str(sources),
                str(clear),
                percent(one.random_right, 2),
                str(balanced),
                worst,
            ]
        )
        if length in TARGETS:
            target = TARGETS[length]
            section.checks.append(
                Check(
                    f"opaque or clear at {length} bytes",
                    f"{balanced} %",
                    f"at least {100 * target:g} %",
                    balanced.value >= target,
                )
            )
    header = ("bytes", "clear heads", "sources", "clear right", "random right", "balanced", "most often wrong")
    section.tables.append(Table(header, lines))
    _first_packets(section)
    return section


def _first_packets(section: Section) -> None:
    """Judge whole first packets, by the model of payloads."""
    clear = [
        one
        for one in openings.ordinary()
        if len(one.octets) >= LEAST_FIRST and one.source in traffic.TEST and one.is_sure
    ]
    draw = np.random.default_rng(SEED)
    random = [draw.bytes(int(draw.integers(LEAST_FIRST, openings.PACKET_BYTES + 1))) for _ in range(RANDOM_PACKETS)]
    is_clear = ~_is_opaque([one.octets for one in clear])
    found = scores.share(is_clear, np.array([one.source for one in clear]))
    opaque_share = float(_is_opaque(random).mean())
    wrong = Counter(one.label for one, right in zip(clear, is_clear, strict=True) if not right)
    section.text.append(
        f"First payload packets of {LEAST_FIRST} bytes and more, by `wiretropy.judge_payloads`: {len(clear)} of "
        f"ordinary traffic of repositories that training did not see, handshakes of encrypted protocols among them; "
        f"wrong: {', '.join(f'{label} {count}' for label, count in wrong.most_common()) or 'none'}. Left out are "
        "protocols whose messages hold tickets, hashes or ciphertext now and then, such as Kerberos and SNMP 3."
    )
    section.checks += [
        Check(
            "first packets of 64 bytes and more: ciphertext is opaque",
            f"{percent(opaque_share, 2)} %",
            f"at least {100 * OPAQUE_FIRST:g} %",
            opaque_share >= OPAQUE_FIRST,
        ),
        Check(
            "first packets of 64 bytes and more: cleartext is not",
            f"{found} %",
            f"at least {100 * CLEAR_FIRST:g} %",
            found.value >= CLEAR_FIRST,
        ),
    ]


def _is_opaque(payloads: list[bytes]) -> NDArray[np.bool_]:
    return np.isin([one.verdict for one in wiretropy.judge_payloads(payloads)], ("encrypted", "compressed"))
