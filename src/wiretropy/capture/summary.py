"""What a scan saw and where it went: the numbers that must add up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from wiretropy.capture.inputs import source_name
from wiretropy.errors import RefusedError
from wiretropy.inert import inert


@dataclass(frozen=True, slots=True)
class Fault:
    """What was wrong with an input.

    Attributes
    ----------
    id : str
        Stable name, such as ``truncated-record``.
    severity : str
        ``warning`` (nothing was lost), ``partial`` (a prefix was read) or
        ``refused`` (nothing could be read).
    path : str
        The file as it was named.
    offset : int
        Byte offset in the decompressed file.
    packets : int
        Packets of the file that were read before it.
    message : str
        One sentence: what was claimed and what was there.
    """

    def __str__(self) -> str:
        return f"{source_name(self.path)}: {inert(self.message)}"

    id: str
    severity: str
    path: str
    offset: int
    packets: int
    message: str


def faults_from_json(text: str) -> list[Fault]:
    """Parse a list of faults as the core says it."""
    return [Fault(**fault) for fault in json.loads(text)]


@dataclass(frozen=True, slots=True)
class Account:
    """Packets or bytes: `seen` is the sum of all others."""

    seen: int
    decoded: int
    undecoded: Mapping[str, int]
    skipped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """The totals of one scan.

    Attributes
    ----------
    packets, bytes : Account
        Packets and captured bytes: seen, in flows, and not, by reason.
    payload_seen, payload_measured : int
        Payload bytes of packets in flows, and those that were measured.
    payload_not_measured : mapping of str to int
        The rest, by reason.
    flows : int
        Flows found.
    end_reasons, weirds : mapping of str to int
        Flows by the reason that they ended, and flows that showed each oddity.
    faults : tuple of Fault
        What was wrong with the inputs.
    text : str
        All of it as JSON.
    """

    packets: Account
    bytes: Account
    payload_seen: int
    payload_measured: int
    payload_not_measured: Mapping[str, int]
    flows: int
    end_reasons: Mapping[str, int]
    weirds: Mapping[str, int]
    faults: tuple[Fault, ...]
    text: str

    @classmethod
    def from_json(cls, text: str) -> ScanSummary:
        """Parse what the core, or a file written by a scan, says."""
        parsed: dict[str, Any] = json.loads(text)
        payload = parsed["payload_bytes"]
        return cls(
            packets=Account(**parsed["packets"]),
            bytes=Account(**parsed["bytes"]),
            payload_seen=payload["seen"],
            payload_measured=payload["measured"],
            payload_not_measured=payload["not_measured"],
            flows=parsed["flows"]["emitted"],
            end_reasons=parsed["flows"]["by_end_reason"],
            weirds=parsed["weirds"],
            faults=tuple(Fault(**fault) for fault in parsed["faults"]),
            text=text,
        )

    def with_faults(self, more: Iterable[Fault]) -> ScanSummary:
        """The same totals with what other passes over the captures found wrong with them; each fault once."""
        faults = tuple(dict.fromkeys([*self.faults, *more]))
        text = json.dumps({**json.loads(self.text), "faults": [asdict(fault) for fault in faults]})
        return replace(self, faults=faults, text=text)

    @property
    def is_partial(self) -> bool:
        """Whether some input was not read to its end."""
        return any(fault.severity != "warning" for fault in self.faults)

    @property
    def is_refused(self) -> bool:
        """Whether nothing at all could be read."""
        whole = self.packets.seen - self.packets.undecoded.get("truncated", 0)
        return whole == 0 and any(fault.severity == "refused" for fault in self.faults)

    def raise_if_refused(self) -> None:
        """Raise `RefusedError` with all faults if nothing at all could be read."""
        if self.is_refused:
            raise RefusedError("; ".join(map(str, self.faults)))
