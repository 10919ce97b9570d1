"""Sessions of a protocol like SSH, in bytes: greeting, key exchange in the clear, ciphertext in packets of any size."""

from __future__ import annotations

import random
from collections.abc import Callable

from policy_records import Flow, Segment, Side

ALGORITHMS = b"curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256,aes128-ctr,aes256-gcm@openssh.com,"
TEXT = b"root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nsync:x:4:65534:sync:/bin\n"


def session(rng: random.Random, uid: str, *, injected: Callable[[random.Random, int], int] | None = None) -> Flow:
    """One session; `injected` says where in the responder's ciphertext of a length 200 bytes of cleartext lie."""
    orig, _ = _stream(rng, b"OpenSSH_", rng.randint(2_000, 9_000))
    resp, clear = _stream(rng, b"OpenSSH_for_", rng.randint(6_000, 40_000))
    segments: list[Segment] = [(0, clear, "text"), (clear, len(resp), "encrypted")]
    if injected is not None:
        at = injected(rng, len(resp))
        resp = resp[:at] + (TEXT * 2)[:200] + resp[at:]
        segments = [
            (0, clear, "text"),
            (clear, at, "encrypted"),
            (at, at + 200, "text"),
            (at + 200, len(resp), "encrypted"),
        ]
    return Flow(
        uid, Side(orig, segments=[(0, 700, "text"), (700, len(orig), "encrypted")]), Side(resp, segments=segments), 22
    )


def _stream(rng: random.Random, program: bytes, length: int) -> tuple[bytes, int]:
    """Bytes of one side, and where its cleartext ends."""
    version = b"%d.%dp%d" % (rng.randint(5, 9), rng.randint(0, 9), rng.randint(1, 2))
    clear = b"SSH-2.0-" + program + version + b"\r\n" + rng.randbytes(22)
    clear += ALGORITHMS * rng.randint(3, 8) + bytes(rng.randint(5, 20))
    cipher = b""
    while len(clear) + len(cipher) < length:
        # The length of a packet is in the clear with some ciphers, as with AES-GCM (RFC 5647).
        packet = rng.choice([52, 516, 1_028, 8_196])
        cipher += packet.to_bytes(4) + rng.randbytes(packet)
    return clear + cipher, len(clear)
