"""Fragments of streams and of ciphertext, cut at random offsets.

Streams of `streams` enter; arrays of fragments of one length leave, with what each is. Sources take turns within a
format, then encoders are drawn evenly, so that no source or encoder outweighs others by its number of streams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.coding import fetch, formats

SEED = 14
"""Seed of all cuts, together with length and side."""

CIPHERS = ("aes-ctr", "aes-gcm", "chacha20", "rc4", "3des-cbc")

ENCRYPTED = "encrypted"
"""Stands for the format of ciphertext."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A file of one format."""

    path: Path
    source: str
    format: str
    encoder: str
    size: int


@dataclass(frozen=True, slots=True)
class Fragments:
    """Fragments of one length and what they are.

    Attributes
    ----------
    octets : ndarray of shape (count, n), uint8
    formats, sources, encoders : ndarray of shape (count,), str
        For ciphertext: `ENCRYPTED`, the source of the plaintext, and the cipher.
    """

    octets: NDArray[np.uint8]
    formats: NDArray[np.str_]
    sources: NDArray[np.str_]
    encoders: NDArray[np.str_]


def streams(*, is_test: bool) -> list[Stream]:
    """All streams of one side of the split, those of held-out encoders on the test side only."""
    found = []
    for path in sorted(fetch.folder("streams").glob("*/*~*~*")):
        source, (format_, encoder, _) = path.parent.name, path.name.split("~")
        held_out = (format_, encoder) in formats.HELD_OUT
        if source in (fetch.TEST if is_test else fetch.TRAIN) and (is_test or not held_out):
            found.append(Stream(path, source, format_, encoder, path.stat().st_size))
    return found


def cut(among: Sequence[Stream], length: int, per_format: int, *, at_start: bool = False) -> Fragments:
    """Cut fragments of every format.

    Parameters
    ----------
    among : sequence of Stream
    length : int
        Bytes of each fragment; shorter streams are left out, and formats that have no longer one.
    per_format : int
    at_start : bool
        Cut at offset 0, headers included, in place of a random offset.
    """
    draw = np.random.default_rng([SEED, length, len(among)])
    chosen = []
    for format_ in (*formats.BASE, *formats.HARD, *formats.EXTRA):
        by_source: dict[str, dict[str, list[Stream]]] = {}
        for stream in among:
            if stream.format == format_ and stream.size >= length:
                by_source.setdefault(stream.source, {}).setdefault(stream.encoder, []).append(stream)
        sources = sorted(by_source)
        for number in range(per_format if sources else 0):
            encoders = by_source[sources[number % len(sources)]]
            of_encoder = encoders[sorted(encoders)[draw.integers(len(encoders))]]
            chosen.append(of_encoder[draw.integers(len(of_encoder))])
    offsets = [0 if at_start else int(draw.integers(stream.size - length + 1)) for stream in chosen]
    parts = [_read(stream.path, offset, length) for stream, offset in zip(chosen, offsets, strict=True)]
    return _fragments(parts, length, [(stream.format, stream.source, stream.encoder) for stream in chosen])


def encrypted(length: int, count: int, *, is_test: bool) -> Fragments:
    """Ciphertext of random files of one side's contents, each fragment under a key of its own, the ciphers in turn."""
    draw = np.random.default_rng([SEED, length, count, is_test])
    names = sorted(fetch.TEST if is_test else fetch.TRAIN)
    files = [
        path for name in names for path in sorted((fetch.folder("contents") / name).rglob("*"))
        if path.is_file() and not path.is_symlink() and path.stat().st_size > 30_000
    ]  # fmt: skip
    parts, labels = [], []
    for number in range(count):
        path = files[draw.integers(len(files))]
        plain = _read(path, int(draw.integers(max(1, path.stat().st_size - length))), length)
        plain = (plain * (length // len(plain) + 1))[:length]
        cipher = CIPHERS[number % len(CIPHERS)]
        parts.append(_encrypt(cipher, plain, draw))
        labels.append((ENCRYPTED, path.relative_to(fetch.folder("contents")).parts[0], cipher))
    return _fragments(parts, length, labels)


def joined(first: Fragments, second: Fragments) -> Fragments:
    """Both, one after the other."""
    return Fragments(
        np.concatenate([first.octets, second.octets]),
        np.concatenate([first.formats, second.formats]),
        np.concatenate([first.sources, second.sources]),
        np.concatenate([first.encoders, second.encoders]),
    )


def _encrypt(cipher: str, plain: bytes, draw: np.random.Generator) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = draw.bytes(32)
    if cipher == "aes-ctr":
        method = Cipher(algorithms.AES(key), modes.CTR(draw.bytes(16)))
    elif cipher == "aes-gcm":
        method = Cipher(algorithms.AES(key[:16]), modes.GCM(draw.bytes(12)))
    elif cipher == "chacha20":
        method = Cipher(algorithms.ChaCha20(key, draw.bytes(16)), None)
    elif cipher == "rc4":
        method = Cipher(ARC4(key[:16]), None)
    else:
        method = Cipher(TripleDES(key[:24]), modes.CBC(draw.bytes(8)))
    # A block cipher gives whole blocks only.
    return bytes(method.encryptor().update(plain + bytes(-len(plain) % 8)))[: len(plain)]


def _read(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _fragments(parts: Sequence[bytes], length: int, labels: Sequence[tuple[str, str, str]]) -> Fragments:
    octets = np.frombuffer(b"".join(parts), np.uint8).reshape(len(parts), length)
    columns = np.array(labels, np.str_).reshape(len(parts), 3).T
    return Fragments(octets, columns[0], columns[1], columns[2])
