"""Options that several commands share: how captures are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from wiretropy import schema

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Depth(click.ParamType["int | Literal['all']"]):
    """A number of bytes, or 'all'."""

    name = "BYTES|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | Literal["all"]:
        """Read ``65536`` or ``all``."""
        text = str(value)
        if text == "all":
            return "all"
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**63):
            self.fail(f"{value!r} is neither a number of bytes, at least 1, nor 'all'", param, ctx)
        return int(text)


def depth_option(command: _Command) -> _Command:
    """`--depth`: how much of each direction is measured."""
    return click.option(
        "--depth",
        type=Depth(),
        metavar="BYTES|all",
        default=schema.DEFAULT_DEPTH,
        show_default=True,
        help="Measure at most this many payload bytes of each direction; 'all' measures everything.",
    )(command)


def threshold_option(command: _Command) -> _Command:
    """`--threshold`: the entropy whose crossings are reported."""
    return click.option(
        "--threshold",
        type=click.FloatRange(0, 8),
        default=schema.DEFAULT_THRESHOLD,
        show_default=True,
        metavar="BITS",
        help="Report where cumulative entropy crosses this many bits per byte.",
    )(command)


def filter_option(command: _Command) -> _Command:
    """`-f`: which packets are read."""
    return click.option(
        "-f",
        "--filter",
        "bpf",
        metavar="BPF",
        help="Read only the packets that this tcpdump expression matches (needs libpcap).",
    )(command)


def reading_options(command: _Command) -> _Command:
    """Options of how captures are read that hold for every command."""
    options = (
        click.option(
            "--no-decap",
            "decap",
            flag_value=False,
            default=True,
            help="Look at tunnels from outside instead of opening them.",
        ),
        click.option(
            "--resync",
            is_flag=True,
            help="After a broken record, search for the next one instead of ending there.",
        ),
        click.option(
            "--verify-checksums",
            is_flag=True,
            help="Leave out packets with a wrong checksum. Off by default: hosts that leave checksums to their "
            "network card are captured with wrong ones.",
        ),
        click.option(
            "--tcp-timeout", "tcp_timeout_s", type=float, metavar="S", help="End open TCP after S idle seconds (300)."
        ),
        click.option(
            "--udp-timeout",
            "other_timeout_s",
            type=float,
            metavar="S",
            help="End UDP, ICMP and SCTP after S idle seconds (60).",
        ),
        click.option(
            "--active-limit",
            "active_limit_s",
            type=float,
            metavar="S",
            help="Cut flows that last longer than S seconds into several records (never).",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def changes(options: dict[str, Any]) -> dict[str, Any]:
    """The settings among options: those that were given."""
    return {name: value for name, value in options.items() if value is not None}
