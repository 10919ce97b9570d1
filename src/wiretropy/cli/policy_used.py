"""By which policy a command judges: that of a file, of the scan that stored the flows, or the threshold alone.

Paths, ports and thresholds as they were given go in. Refused: files that hold no policy, with every fault in them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from wiretropy.policy.model import Policy


def policy_of(path: Path | None, expected_ports: frozenset[int], threshold: float) -> Policy:
    """The policy of the file, or that of the threshold alone; expected ports may be encrypted in both."""
    from dataclasses import replace

    from wiretropy.policy.model import Traffic, without_file

    if path is None:
        policy = without_file(threshold)
    else:
        from wiretropy.policy.read import read_policy

        policy = read_policy(path)
    if expected_ports:
        ports = Traffic(ports=tuple((port, port) for port in sorted(expected_ports)))
        policy = replace(policy, may_be_encrypted=(*policy.may_be_encrypted, ports))
    return policy


def look_for_threshold(policy: Policy, options: dict[str, Any], words: list[str]) -> list[str]:
    """Let the scan look for the policy's first threshold, byte by byte; the words that tell other commands so."""
    if not policy.threshold or policy.threshold[0].bits_per_byte == options["threshold"]:
        return words
    options["threshold"] = policy.threshold[0].bits_per_byte
    return [*words, "--threshold", str(options["threshold"]).removesuffix(".0")]


def stored_policy(table: pa.Table, where: str) -> Policy | None:
    """The policy that the alerts of stored flows come from; None where they do not say it.

    Files of bands that it names are looked for from the current folder.
    """
    from wiretropy.policy.read import parse_policy
    from wiretropy.policy.show import POLICY_KEY

    text = (table.schema.metadata or {}).get(POLICY_KEY)
    if text is None:
        return None
    return parse_policy(text.decode("utf-8", "replace"), f"{where}: policy of the scan", Path())
