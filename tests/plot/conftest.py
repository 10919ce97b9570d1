"""Flow tables that several drawing tests share."""

import pyarrow as pa
import pytest
from plot_records import flow, random_bytes, table


@pytest.fixture
def three_flows() -> pa.Table:
    """Random over TLS's port, text over HTTP's, a short flow over UDP; in ascending order of payload."""
    return table(
        [
            flow(
                "Cshort", b"query", b"answer" * 9, proto="udp", resp_port=53, resp_ip="198.51.100.7", orig_ip="fe80::1"
            ),
            flow("Ctext", b"GET / HTTP/1.1\r\n" * 4, b"<p>hello</p>\n" * 200, resp_port=80),
            flow("Crandom", random_bytes(600, 2), random_bytes(5_000, 3), resp_port=443),
        ]
    )
