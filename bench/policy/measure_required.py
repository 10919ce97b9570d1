"""What rules about required encryption find: false alarms on encrypted flows, and which weak encryption is seen.

    python -m bench.policy.measure_required [SESSIONS]

Everything must be encrypted here. The flows of the public captures that are TLS, SSH and the like say how often
`plaintext_unexpected` and `weak_encryption` alarm on what is encrypted as it should be; so do generated TLS sessions of
Python's ssl module, and random bytes. Payloads made here, of text, binaries and drawings, are enciphered
with repeated keys, block by block (AES-ECB) and as they should be (AES-CBC), in one direction of a TCP flow each.
Sessions that were taken over, text behind random bytes, say from how much ciphertext on `relapse` sees it.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.policy.measure_bands import REPOSITORY, Session, certificate, session
from bench.verdict.public import corpus, labels_of_flows
from wiretropy.errors import WiretropyError
from wiretropy.flows import read_flows
from wiretropy.policy.apply import apply
from wiretropy.policy.model import Policy, RateLimit, Suppression, Traffic
from wiretropy.policy.verdict_rules import unevenness_of
from wiretropy.verdict import judge

sys.path.append(str(REPOSITORY / "tests"))  # the writer of captures that the tests use

from wire import Connection, End, Wire, write_pcap

MUST = Policy(
    must_be_encrypted=(Traffic(ports=((0, 65_535),)),),
    suppression=Suppression(at_most=0),
    rate_limit=RateLimit(at_most=0),
)
MAY = replace(MUST, must_be_encrypted=(), may_be_encrypted=MUST.must_be_encrypted)
RULES = ("plaintext_unexpected", "weak_encryption", "relapse")

ENCRYPTED = ("TLS", "DTLS", "QUIC", "SSH-1", "SSH-2", "RDP", "OPENVPN", "WIREGUARD", "IPSEC")
"""Labels of the corpus for what is encrypted, behind a handshake in the clear."""

SIZES = (1_200, 2_048, 8_192, 32_768)
BEFORE = (300, 600, 800, 1_200, 1_800, 2_500, 6_000)
"""Bytes of ciphertext before text."""

EACH = 40
"""Payloads of each kind and size."""

Maker = Callable[[random.Random, int], bytes]

_TEXT = b"".join(path.read_bytes() for path in sorted((REPOSITORY / "docs").glob("*.md")))
_BINARY = Path(sys.executable).resolve().read_bytes() + next((REPOSITORY / "src").glob("**/*.so")).read_bytes()


def text(rng: random.Random, length: int) -> bytes:
    """English with Markdown."""
    at = rng.randrange(len(_TEXT) - length)
    return _TEXT[at : at + length]


def binary(rng: random.Random, length: int) -> bytes:
    """Machine code and tables."""
    at = rng.randrange(len(_BINARY) - length)
    return _BINARY[at : at + length]


def drawing(rng: random.Random, length: int) -> bytes:
    """Pixels of 16 bits in runs of six colours, as on a screen."""
    colours, pixels = [rng.randbytes(2) for _ in range(6)], bytearray()
    while len(pixels) < length:
        pixels += rng.choice(colours) * rng.randint(4, 200)
    return bytes(pixels[:length])


def repeated_key(plain: Maker, key_bytes: int) -> Maker:
    """XOR with a key that is repeated."""

    def make(rng: random.Random, length: int) -> bytes:
        key = rng.randbytes(key_bytes) * (length // key_bytes + 1)
        return bytes(a ^ b for a, b in zip(plain(rng, length), key, strict=False))

    return make


def aes(plain: Maker, mode: str) -> Maker:
    """AES with a key of 128 bits, by openssl."""

    def make(rng: random.Random, length: int) -> bytes:
        words = ["openssl", "enc", f"-aes-128-{mode}", "-K", rng.randbytes(16).hex()]
        words += [] if mode == "ecb" else ["-iv", rng.randbytes(16).hex()]
        return subprocess.run(words, input=plain(rng, length), capture_output=True, check=True).stdout[:length]

    return make


def deflated(rng: random.Random, length: int) -> bytes:
    """Compressed text, which is not encrypted at all."""
    return zlib.compress(text(rng, min(6 * length, len(_TEXT) - 1)), 6)[2 : length + 2]


KINDS: dict[str, Maker] = {
    **{f"text, XOR with {n} bytes": repeated_key(text, n) for n in (4, 8, 16, 64, 256)},
    "binary, XOR with 8 bytes": repeated_key(binary, 8),
    "drawing, AES-ECB": aes(drawing, "ecb"),
    "binary, AES-ECB": aes(binary, "ecb"),
    "text, AES-ECB": aes(text, "ecb"),
    "text, AES-CBC": aes(text, "cbc"),
    "text, deflate": deflated,
}


def judged(sessions: Iterable[Session], folder: Path) -> pa.RecordBatch:
    """Judged flows of what client and server sent, in this order."""
    wire = Wire()
    for i, (orig, resp) in enumerate(sessions):
        talk = Connection(wire, End("10.1.0.1", 1_024 + i), End("10.2.0.2", 443)).open()
        talk.send("orig", orig[:600]).send("resp", resp[:3_000])
        talk.send("orig", orig[600:]).send("resp", resp[3_000:]).close()
    table = judge(read_flows(write_pcap(folder / "a.pcap", wire.packets))).to_arrow()
    return table.sort_by("first_packet").combine_chunks().to_batches()[0]


def sides_alarmed(batch: pa.RecordBatch, policy: Policy = MUST) -> Counter[str]:
    """Sides with an alert, by rule."""
    return Counter(rule for _, rule, _ in {(a.uid, a.rule, a.side) for a in apply(batch, policy) if a.rule in RULES})


def of_corpus() -> Iterator[tuple[str, pa.RecordBatch]]:
    """Encrypted flows of the public captures with their label."""
    for name, labels in labels_of_flows().items():
        try:
            flows = judge(read_flows(corpus() / name)).to_arrow().combine_chunks()
        except WiretropyError:
            # Some captures hold nothing that can be read.
            continue
        for batch in flows.to_batches():
            for number, row in enumerate(batch.select(["orig_ip", "orig_port", "resp_ip", "resp_port"]).to_pylist()):
                label: dict[str, str] = labels.get(tuple(map(str, row.values())), {})
                if label.get("label", "").upper() in ENCRYPTED:
                    yield label["label"].upper(), batch.slice(number, 1)


def tell_corpus() -> None:
    """One line for each label."""
    sides: Counter[str] = Counter()
    long: Counter[str] = Counter()
    most: dict[str, float] = dict.fromkeys(ENCRYPTED, 0.0)
    alarms: dict[str, Counter[str]] = {label: Counter() for label in ENCRYPTED}
    for label, flow in of_corpus():
        for side in ("orig", "resp"):
            sides[label] += flow[f"{side}_measured_bytes"][0].as_py() > 0
            if flow[f"{side}_coding_bytes"][0].as_py() >= 1_024:
                long[label] += 1
                most[label] = max(most[label], float(unevenness_of(flow, side)[0]))
        alarms[label] += sides_alarmed(flow)
    print(f"| public captures | sides | with 1,024 opaque bytes | most uneven of these | {' | '.join(RULES)} |")
    print("|---|---|---|---|---|---|---|")
    for label in ENCRYPTED:
        print(f"| {label} | {sides[label]} | {long[label]} | {most[label]:.2f} | {_cells(alarms[label])} |")
    total: Counter[str] = sum(alarms.values(), Counter())
    print(f"| all | {sides.total()} | {long.total()} | {max(most.values()):.2f} | {_cells(total)} |\n")


def _cells(alarms: Counter[str]) -> str:
    return " | ".join(str(alarms[rule]) for rule in RULES)


def tell_sessions(rng: random.Random, count: int, folder: Path) -> None:
    """False alarms on generated sessions and on random bytes."""
    cert = certificate(folder)
    made: dict[str, Callable[[], Any]] = {
        "TLS 1.2 and 1.3 of OpenSSL": lambda: session(rng, cert),
        "random bytes, 1 to 64 KB": lambda: tuple(rng.randbytes(int(2 ** rng.uniform(10, 16))) for _ in range(2)),
    }
    print(f"| generated | sides | {' | '.join(RULES)} |\n|---|---|---|---|---|")
    for name, make in made.items():
        alarms = sides_alarmed(judged((make() for _ in range(count)), folder))
        print(f"| {name} | {2 * count} | {_cells(alarms)} |")
    print()


def tell_kinds(rng: random.Random, folder: Path) -> None:
    """Share of sides that `weak_encryption` reports, by kind and size."""
    print(f"| `weak_encryption` reports, percent | {' | '.join(f'{size:,} bytes' for size in SIZES)} |")
    print(f"|---{'|---' * len(SIZES)}|")
    for name, make in KINDS.items():
        found = []
        for size in SIZES:
            batch = judged(((b"", make(rng, size)) for _ in range(EACH)), folder)
            found.append(f"{100 * sides_alarmed(batch)['weak_encryption'] / EACH:.0f}")
        print(f"| {name} | {' | '.join(found)} |")


def taken_over(rng: random.Random, opaque: int, clear: int) -> Session:
    """A handshake of 300 bytes in the clear, ciphertext, and text to the end."""
    return b"", text(rng, 300) + rng.randbytes(opaque) + text(rng, clear)


def tell_relapses(rng: random.Random, folder: Path) -> None:
    """Share of sessions that end in text that `relapse` reports, by the ciphertext before."""
    print(f"| `relapse` reports, percent | {' | '.join(f'behind {opaque:,}' for opaque in BEFORE)} |")
    print(f"|---{'|---' * len(BEFORE)}|")
    for policy, name in ((MAY, "may"), (MUST, "must")):
        for clear in (64, 256, 4_000):
            found = []
            for opaque in BEFORE:
                batch = judged((taken_over(rng, opaque, clear) for _ in range(EACH)), folder)
                found.append(f"{100 * sides_alarmed(batch, policy)['relapse'] / EACH:.0f}")
            print(f"| {clear:,} bytes of text where encryption {name} be | {' | '.join(found)} |")


def measure(count: int, folder: Path) -> None:
    """Print all tables."""
    rng = random.Random(11)
    tell_corpus()
    tell_sessions(rng, count, folder)
    tell_kinds(rng, folder)
    print()
    tell_relapses(rng, folder)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else 300, Path(name))
