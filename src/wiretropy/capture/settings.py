"""What can be set of one pass over captures; the only place that has the defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, Self, TypedDict

from wiretropy import limits, schema

_WITHOUT_EFFECT = frozenset({"threads", "follow"})
"""Settings on which no record depends: the same packets give the same records whatever they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanSettings:
    """Settings of one pass.

    Attributes
    ----------
    depth : int or 'all'
        Payload bytes measured of each direction, at least 1.
    threshold : float
        Bits per byte, in [0, 8], whose crossings are reported.
    bpf : str or None
        Capture filter in tcpdump's language; needs libpcap.
    decap : bool
        Whether tunnels are opened.
    verify_checksums : bool
        Whether packets with a wrong checksum are left out. Off by default: hosts
        that leave checksums to their network card are captured with wrong ones.
    threads : int
        Worker threads; the output does not depend on it.
    counts : bool
        Whether records carry the 256 byte counts.
    follow : bool
        Whether to wait for more at the end of a file that is still being written.
    resync : bool
        Whether to look for the next record after a broken one.
    max_flows, max_held_bytes : int
        Caps on flows open at once and on payload kept of them.
    max_decompressed : int or None
        Bytes that a compressed file may unpack to whatever its ratio.
    tcp_timeout_s, closed_timeout_s, other_timeout_s : float
        Seconds of packet time without a packet after which a flow ends.
    active_limit_s : float or None
        Seconds after which a flow is cut into another record; None never cuts.
    """

    depth: int | Literal["all"] = schema.DEFAULT_DEPTH
    threshold: float = schema.DEFAULT_THRESHOLD
    bpf: str | None = None
    decap: bool = True
    verify_checksums: bool = False
    threads: int = 1
    counts: bool = False
    follow: bool = False
    resync: bool = False
    max_flows: int = limits.MAX_FLOWS
    max_held_bytes: int = limits.MAX_HELD_BYTES
    max_decompressed: int | None = None
    tcp_timeout_s: float = limits.TCP_TIMEOUT_S
    closed_timeout_s: float = limits.CLOSED_TIMEOUT_S
    other_timeout_s: float = limits.OTHER_TIMEOUT_S
    active_limit_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant."""
        if self.depth != "all":
            _check_whole("depth", self.depth, 1, limits.MAX_COUNT, " bytes, or 'all'")
        _check_whole("threads", self.threads, 1, limits.MAX_THREADS)
        _check_whole("max_flows", self.max_flows, 1, limits.MAX_COUNT)
        _check_whole("max_held_bytes", self.max_held_bytes, 1, limits.MAX_COUNT)
        if self.max_decompressed is not None:
            _check_whole("max_decompressed", self.max_decompressed, 0, limits.MAX_COUNT, " bytes, or None")
        if not (isinstance(self.threshold, Real) and 0 <= self.threshold <= 8):
            raise ValueError(f"threshold must lie between 0 and 8 bits per byte; got {self.threshold!r}")
        for name in ("tcp_timeout_s", "closed_timeout_s", "other_timeout_s", "active_limit_s"):
            seconds = getattr(self, name)
            if name == "active_limit_s" and seconds is None:
                continue
            if not (isinstance(seconds, Real) and 0 < seconds <= limits.MAX_SECONDS):
                raise ValueError(
                    f"{name} must be a positive number of seconds, at most {limits.MAX_SECONDS:,}; got {seconds!r}"
                )

    @classmethod
    def of(cls, caller: str, changes: Mapping[str, Any]) -> Self:
        """Settings from the keyword arguments of a function, which a fault in their names is told for."""
        for name in changes:
            if name not in cls.__dataclass_fields__:
                raise TypeError(
                    f"{caller}() has no setting {name!r}; the settings are {', '.join(cls.__dataclass_fields__)}"
                )
        return cls(**changes)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Settings that `to_record` wrote; names of settings that came later are passed over."""
        return cls(**{name: value for name, value in record.items() if name in cls.__dataclass_fields__})

    def to_record(self) -> dict[str, int | float | str | None]:
        """What the flow records depend on, in values that JSON has."""
        names = [name for name in self.__dataclass_fields__ if name not in _WITHOUT_EFFECT]
        return {name: _plain(getattr(self, name)) for name in names}

    def to_core(
        self,
        filters: Mapping[int, Sequence[tuple[int, int, int, int]]] | None,
        trace: bool | Sequence[str],
    ) -> dict[str, Any]:
        """The settings as the measuring core takes them.

        Parameters
        ----------
        filters : mapping of link type to instructions, or None
            The compiled capture filter.
        trace : bool or sequence of str
            Whether the packets of every flow are reported, or of the flows with these uids.
        """
        return {
            "depth": None if self.depth == "all" else self.depth,
            "threshold": self.threshold,
            "decap": self.decap,
            "verify_checksums": self.verify_checksums,
            "filters": filters,
            "threads": self.threads,
            "counts": self.counts,
            "follow": self.follow,
            "resync": self.resync,
            "max_flows": self.max_flows,
            "max_held_bytes": self.max_held_bytes,
            "max_decompressed": self.max_decompressed,
            "tcp_timeout_ns": _ns(self.tcp_timeout_s),
            "closed_timeout_ns": _ns(self.closed_timeout_s),
            "other_timeout_ns": _ns(self.other_timeout_s),
            "active_limit_ns": None if self.active_limit_s is None else _ns(self.active_limit_s),
            "trace_all": trace is True,
            "trace_uids": [] if isinstance(trace, bool) else list(trace),
        }


class SettingChanges(TypedDict, total=False):
    """Keyword arguments that change a setting; see `ScanSettings`."""

    depth: int | Literal["all"]
    threshold: float
    bpf: str | None
    decap: bool
    verify_checksums: bool
    threads: int
    counts: bool
    follow: bool
    resync: bool
    max_flows: int
    max_held_bytes: int
    max_decompressed: int | None
    tcp_timeout_s: float
    closed_timeout_s: float
    other_timeout_s: float
    active_limit_s: float | None


def _check_whole(name: str, value: object, low: int, high: int, more: str = "") -> None:
    if isinstance(value, bool) or not (isinstance(value, Integral) and low <= int(value) <= high):
        raise ValueError(f"{name} must be a whole number from {low:,} to {high:,}{more}; got {value!r}")


def _plain(value: Any) -> int | float | str | None:
    """A setting without the number types of NumPy."""
    if value is None or isinstance(value, bool | str):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _ns(seconds: float) -> int:
    return round(seconds * limits.NS_PER_S)
