"""Sections of the report on verdicts as users get them: `wiretropy.judge_payloads` on all kinds of material."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

import wiretropy
from bench.accuracy import scores, tested
from bench.accuracy.coding import named, percent
from bench.coding import formats
from bench.report import Check, Section, Table
from bench.verdict import openings, samples
from bench.verdict.samples import Fragment
from wiretropy.verdict.full_encryption import is_fully_encrypted, published_rule
from wiretropy.verdict.raw import PRINTABLE

LENGTHS = (64, 128, 256, 512, 2048, 8192, 65_536)

CLASSES = ("encrypted", "compressed", "encoded", "text", "binary", "undecided")

PER_KIND = 40
"""Fragments of each kind of clear material at each length."""

SEED = 78


def judged(payloads: Sequence[bytes]) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """Verdicts and their probabilities; NaN where there is none."""
    verdicts = wiretropy.judge_payloads(list(payloads))
    chances = [np.nan if one.verdict_probability is None else one.verdict_probability for one in verdicts]
    return np.array([one.verdict for one in verdicts]), np.array(chances, float)


def everything(scale: float) -> Section:
    """Which verdict each kind of material gets, by length."""
    section = Section("verdicts", "Verdicts on payloads of all kinds")
    section.text.append(
        "`wiretropy.judge_payloads` on fragments cut at random offsets, of sources that training did "
        "not see: shares in percent "
        "of each verdict. Ciphertext plain; compressed is the mean of the 17 formats; text, binary "
        "and encoded the mean of their kinds."
    )
    kinds: dict[str, list[str]] = {}
    stated, found, weights = [], [], []
    for length in LENGTHS:
        fragments = _all_classes(length, scale)
        verdicts, chances = judged([one.octets for one in fragments])
        truth = np.array([one.format for one in fragments])
        kind = np.array([f"{one.format}: {one.encoder}" for one in fragments])
        section.tables.append(_confusion(length, truth, kind, verdicts))
        told = verdicts != "undecided"
        stated.append(chances[told])
        found.append((verdicts == truth)[told])
        weights.append(_even(truth, kind)[told])
        for name in np.unique(kind[truth != "compressed"]):
            row = kinds.setdefault(str(name), [""] * len(LENGTHS))
            row[LENGTHS.index(length)] = percent(float((verdicts == truth)[kind == name].mean()))
    lines = [[name, *row] for name, row in sorted(kinds.items())]
    section.tables.append(Table(("right by kind", *map(named, LENGTHS)), lines))
    error = _calibration_error(*map(np.concatenate, (stated, found, weights)))
    section.checks.append(
        Check(
            "calibration error of all verdicts, classes alike", f"{percent(error, 2)} %", "at most 2 %", error <= 0.02
        )
    )
    return section


def _even(truth: NDArray[np.str_], kind: NDArray[np.str_]) -> NDArray[np.float64]:
    """Classes alike, and in each the kinds."""
    given = np.zeros(len(truth))
    for verdict in np.unique(truth):
        names, places, counts = np.unique(kind[truth == verdict], return_inverse=True, return_counts=True)
        given[truth == verdict] = 1 / counts[places] / len(names)
    return given


def _all_classes(length: int, scale: float) -> list[Fragment]:
    draw = np.random.default_rng([SEED, length, 1])
    per_kind = max(8, int(PER_KIND * scale))
    found = list(samples.clear(("text", "binary", "encoded"), per_kind, draw, is_test=True, length=length))
    found += samples.messages(
        [replace(one, octets=one.octets[:length]) for one in openings.ordinary()], is_test=True, least=length
    )
    plain = tested.plain(length, scale).fragments if length >= 128 else tested.short(length, scale)
    # Streams in PDFs of one encoder are Ascii85, and what is between them text: nothing of these is compressed bytes.
    coded = [one for one in plain if one.format in formats.BASE and not _is_printable(one.octets)]
    chosen = draw.permutation(len(coded))[: int(3400 * scale)]
    found += [
        Fragment(coded[at].octets, True, "plain", "compressed", coded[at].format, coded[at].source) for at in chosen
    ]
    encrypted = [one for one in plain if one.format == "encrypted"][: int(2000 * scale)]
    found += [Fragment(one.octets, False, "plain", "encrypted", "ciphertext", one.source) for one in encrypted]
    return found


def _is_printable(octets: bytes) -> bool:
    return bool(PRINTABLE[np.frombuffer(octets, np.uint8)].all())


def _confusion(
    length: int, truth: NDArray[np.str_], kind: NDArray[np.str_], verdicts: NDArray[np.str_]
) -> Table:  # fmt: skip
    lines = []
    for name in CLASSES[:-1]:
        kinds = [kind == one for one in np.unique(kind[truth == name])]
        shares = [np.mean([(verdicts[of_kind] == verdict).mean() for of_kind in kinds]) for verdict in CLASSES]
        lines.append([name, *(percent(float(value)) for value in shares)])
    return Table((f"{named(length)}, truth", *CLASSES), lines)


def _calibration_error(
    stated: NDArray[np.float64], is_right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> float:  # fmt: skip
    place = np.minimum((stated * 20).astype(int), 19)
    error = 0.0
    for number in np.unique(place):
        inside = place == number
        w = weights[inside]
        gap = np.average(stated[inside], weights=w) - np.average(is_right[inside], weights=w)
        error += w.sum() / weights.sum() * abs(gap)
    return float(error)


def first_packets(scale: float) -> Section:
    """Full-encryption heuristic: what it finds, and what it hits besides."""
    section = Section("first", "Fully encrypted first packets")
    section.text.append(
        "Flagged is what `wiretropy.verdict.is_fully_encrypted` says, beside the published rule of Wu et al. on the "
        "same packets. Random bytes "
        "stand for the first packets of Shadowsocks, VMess and obfs4; compressed are fragments of "
        "the 17 formats; ordinary are the "
        "first packets of plaintext flows and of cleartext handshakes of the corpus, equal ones "
        "once. Shares in percent."
    )
    packets = openings.ordinary()
    ordinary = [one.octets for one in packets]
    coded = {
        n: [one for one in tested.plain(n, scale).fragments if one.format in formats.BASE] for n in (1024, 1448, 2048)
    }
    together = [one for found in coded.values() for one in found]
    groups: dict[str, tuple[list[bytes], NDArray[np.str_]]] = {
        "fully encrypted, 64 to 1,460 bytes": (found := openings.fully_encrypted(int(20_000 * scale), SEED),
                                               np.arange(len(found)).astype(str)),
        "compressed, 1 to 2 KB": ([one.octets for one in together], np.array([one.source for one in together])),
        "ordinary": (ordinary, openings.sources(packets)),
        "ordinary of 64 bytes and more": (
            [one for one in ordinary if len(one) >= 64], openings.sources([p for p in packets if len(p.octets) >= 64])),
    }  # fmt: skip
    lines = []
    for name, (payloads, sources) in groups.items():
        ours = scores.share(is_fully_encrypted(payloads), sources)
        theirs = scores.share(published_rule(payloads), sources)
        lines.append([name, str(len(payloads)), str(ours), str(theirs)])
        section.checks.append(_first_check(name, ours))
    section.tables.append(Table(("first packets", "number", "flagged", "the published rule"), lines))
    return section


def _first_check(name: str, flagged: scores.Share) -> Check:
    if name.startswith("fully"):
        return Check(f"{name}: flagged", f"{flagged} %", "at least 99 %", flagged.value >= 0.99)
    most = 0.1 if name.startswith("compressed") else 0.001
    return Check(f"{name}: flagged", f"{flagged} %", f"at most {100 * most:g} %", flagged.value <= most)
