"""How often learned bands alarm on flows of their own kind, and how much cleartext inside of others they catch.

    python -m bench.policy.measure_bands [SESSIONS]

TLS sessions of Python's ssl module (OpenSSL; versions 1.2 and 1.3, texts and random contents of 256 bytes to 64 KB in
records of 500 bytes to 16 KB) are written into a capture and measured by the core. Bands are learned from one half.
The other half says how often they alarm; then each of its sessions of 4 KB and more gets 200 bytes of HTTP in the
clear somewhere behind its first 4 KB. Opaque segments stand for encrypted ones: bands look at cleartext alone.
"""

from __future__ import annotations

import contextlib
import random
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

REPOSITORY = Path(__file__).parents[2]
sys.path.append(str(REPOSITORY / "tests"))  # the writer of captures that the tests use

from wire import Connection, End, Wire, write_pcap  # noqa: E402

from wiretropy.flows import read_flows  # noqa: E402
from wiretropy.policy.apply import PolicyRun  # noqa: E402
from wiretropy.policy.learn import learn  # noqa: E402
from wiretropy.policy.model import BandEntry, Policy, RateLimit, Suppression  # noqa: E402
from wiretropy.policy.sessions import sessions_of  # noqa: E402

Session = tuple[bytes, bytes]
"""What the client and the server sent."""

TEXT = (REPOSITORY / "docs" / "random-bytes.md").read_bytes() * 4
BEHIND = 4_096
DEPTH = 65_536


def certificate(folder: Path) -> Path:
    """A self-signed certificate with its key."""
    path = folder / "cert.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=a.example -keyout"
    subprocess.run([*words.split(), str(path), "-out", str(folder / "c.pem")], check=True, capture_output=True)
    path.write_bytes((folder / "c.pem").read_bytes() + path.read_bytes())
    return path


def session(rng: random.Random, cert: Path) -> Session:
    """One TLS session between two ends in memory."""
    contexts = [ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER)]
    contexts[0].check_hostname, contexts[0].verify_mode = False, ssl.CERT_NONE
    contexts[1].load_cert_chain(cert)
    if rng.random() < 0.4:
        contexts[0].maximum_version = ssl.TLSVersion.TLSv1_2
    pipes = [ssl.MemoryBIO() for _ in range(4)]
    client = contexts[0].wrap_bio(pipes[0], pipes[1], server_hostname=rng.choice(["a.example", "longer.host.example"]))
    server = contexts[1].wrap_bio(pipes[2], pipes[3], server_side=True)
    sent = (bytearray(), bytearray())

    def move() -> None:
        for source, target, log in ((pipes[1], pipes[2], sent[0]), (pipes[3], pipes[0], sent[1])):
            part = source.read()
            target.write(part)
            log.extend(part)

    for _ in range(8):
        for end in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
            move()
    total, requests = int(2 ** rng.uniform(8, 16)), rng.randint(1, 12)
    for _ in range(requests):
        client.write(b"GET /%d HTTP/1.1\r\n\r\n" % rng.randrange(10 ** rng.randint(1, 60)))
        move()
        length = total // requests + rng.randint(1, 200)
        content = TEXT[:length] if rng.random() < 0.5 else rng.randbytes(length)
        step = rng.choice([500, 1_400, 4_096, 16_384])
        for at in range(0, length, step):
            server.write(content[at : at + step])
        move()
    return bytes(sent[0]), bytes(sent[1])


def with_cleartext(rng: random.Random, whole: Session) -> Session:
    """The same with 200 bytes of HTTP in what the server sent."""
    at = rng.randint(BEHIND, min(len(whole[1]), DEPTH - 200))
    http = b"GET /%d HTTP/1.1\r\nHost: in.example\r\nCookie: id=%d\r\nAccept: */*\r\n\r\n" % (rng.getrandbits(30), at)
    return whole[0], whole[1][:at] + (http * 4)[:200] + whole[1][at:]


def records(sessions: Iterable[Session], folder: Path) -> pa.RecordBatch:
    """Flow records of sessions, in their order, with segments."""
    wire = Wire()
    for i, (orig, resp) in enumerate(sessions):
        talk = Connection(wire, End("10.1.0.1", 10_000 + i), End("10.2.0.2", 443)).open()
        talk.send("orig", orig[:600]).send("resp", resp[:3_000])
        talk.send("orig", orig[600:]).send("resp", resp[3_000:]).close()
    table = read_flows(write_pcap(folder / "a.pcap", wire.packets)).to_arrow().sort_by("first_packet")
    return with_segments(table.combine_chunks().to_batches()[0])


def with_segments(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The column of segments that judged flows have."""
    kinds = {"opaque": "encrypted", "text": "text", "binary": "binary"}
    rows = []
    for row in batch.to_pylist():
        segments = []
        for side in ("orig", "resp"):
            start = 0
            columns = (row[f"{side}_segment_{what}"] for what in ("ends", "kinds", "packets", "sources"))
            for end, kind, packet, source in zip(*columns, strict=True):
                place = {"side": side, "start": start, "end": end, "packet": packet, "source": source}
                segments.append(place | {"kind": kinds[kind]})
                start = end
        rows.append(segments)
    names = {"side": pa.string(), "start": pa.uint64(), "end": pa.uint64(), "kind": pa.string()}
    kind = pa.list_(pa.struct([*names.items(), ("packet", pa.uint64()), ("source", pa.string())]))
    return batch.append_column("segments", pa.array(rows, kind))


def leaving(run: PolicyRun, batch: pa.RecordBatch) -> list[int]:
    """Rows that leave the bands."""
    only_bands = run.findings(batch).found
    return sorted({int(row) for row in only_bands["row"]})


def measure(count: int, folder: Path) -> None:
    """Print one line for each number of learned sessions, with and without segments."""
    rng, cert = random.Random(1), certificate(folder)
    sessions = [session(rng, cert) for _ in range(count)]
    base = records(sessions, folder)
    print("| learned from | flows compared | false alarms | cleartext put in | caught | caught by blocks alone |")
    print("|---|---|---|---|---|---|")
    for learned_from in (30, 60, 120, count // 2):
        order = np.random.default_rng(learned_from).permutation(count)
        mine, others = order[:learned_from], order[learned_from:]
        injected = [with_cleartext(rng, sessions[i]) for i in others if len(sessions[i][1]) >= BEHIND]
        batches = [base.take(pa.array(mine)), base.take(pa.array(others)), records(injected, folder)]
        whole = [len(found) for found in _compare(*batches)]
        blocks = [len(found) for found in _compare(*(each.drop_columns(["segments"]) for each in batches))]
        shares = [f"{whole[0]} ({whole[0] / len(others):.2%})", f"{len(injected)}", f"{whole[1] / len(injected):.1%}"]
        print(f"| {learned_from} | {len(others)} | {' | '.join(shares)} | {blocks[1] / len(injected):.1%} |")


def _compare(mine: pa.RecordBatch, others: pa.RecordBatch, injected: pa.RecordBatch) -> list[list[int]]:
    bands = learn(sessions_of([mine]), "tls", (443,)).bands
    policy = Policy(band=(BandEntry("", bands),), suppression=Suppression(at_most=0), rate_limit=RateLimit(at_most=0))
    rules = {name: replace(rule, enabled=name == "band_left") for name, rule in policy.rules.items()}
    run = PolicyRun(replace(policy, rules=rules))
    return [leaving(run, batch) for batch in (others, injected)]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else 600, Path(name))
