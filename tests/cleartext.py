"""Cleartext of several kinds for tests of verdicts, and random bytes to put it between."""

from __future__ import annotations

import json
import struct

import numpy as np

HTTP = (
    b"GET /catalogue/spring?page=2&sort=price HTTP/1.1\r\nHost: shop.example.org\r\nUser-Agent: tester/1.0\r\n"
    b"Accept: text/html,application/xhtml+xml\r\nAccept-Language: en-GB,en;q=0.7\r\nConnection: keep-alive\r\n\r\n"
)
SQL = (
    b"SELECT customer.name, SUM(invoice.amount) AS total FROM invoice JOIN customer ON customer.id = invoice.customer "
    b"WHERE invoice.paid_on IS NULL GROUP BY customer.name ORDER BY total DESC LIMIT 50;"
)
JSON = json.dumps(
    [{"sensor": f"cellar-{n}", "temperature": 11.5 + n / 4, "humidity": 64 + n, "ok": n % 3 != 0} for n in range(12)]
).encode()
PROSE = (
    b"The ferry left the harbour shortly after nine, and nobody on the upper deck noticed that the church clock had "
    b"stopped. By the time they rounded the lighthouse the wind had turned, and the captain asked all to come in. "
)
ZEROS = bytes(512)
REQUESTS = b"".join(struct.pack(">HHIHHI", 0x0100 + n, 12, n, 3, 40_000 + n, 1_000 * n) for n in range(24))
"""Requests of a made-up binary protocol: kind, length, number, a count, an address and a time, big-endian."""


def random(length: int, seed: int = 0) -> bytes:
    """Bytes that look random, the same every time."""
    return np.random.default_rng((seed, length)).bytes(length)
