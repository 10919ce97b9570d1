"""Options that several commands share: how captures are read, what is expected of them, how a command ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click
from click.core import ParameterSource

from wiretropy import limits, schema

if TYPE_CHECKING:
    from wiretropy.capture.settings import ScanSettings

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


class Number(click.ParamType["float"]):
    """A finite number within bounds, which the message names.

    Parameters
    ----------
    what : str
        What it must be.
    low, high : float
        Bounds, both included.
    """

    name = "NUMBER"

    def __init__(self, what: str, low: float, high: float) -> None:
        self._what, self._low, self._high = what, low, high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read ``7.9``."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        # NaN lies within no bounds.
        if not self._low <= number <= self._high:
            self.fail(f"{value!r} is not {self._what}", param, ctx)
        return number


class Ports(click.ParamType["frozenset[int]"]):
    """Port numbers and ranges with commas between them."""

    name = "PORTS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[int]:
        """Read ``22,443,8000-8010`` as the set of these ports."""
        if isinstance(value, frozenset):
            return value
        ports: set[int] = set()
        for part in filter(None, (each.strip() for each in str(value).split(","))):
            first, dash, last = part.partition("-")
            if not (first.isdecimal() and (last.isdecimal() or not dash)):
                self.fail(f"{part!r} is no port; write them as 22,443,8000-8010", param, ctx)
            low, high = int(first), int(last or first)
            if not 0 <= low <= high <= 65_535:
                self.fail(f"{part!r} is not within 0 to 65535", param, ctx)
            ports.update(range(low, high + 1))
        return frozenset(ports)


class _ReadingOption(click.Option):
    """An option on which it depends which flows there are, and what is measured of them."""


_BITS_PER_BYTE = Number("a number of bits per byte from 0 to 8", 0, 8)
_SECONDS = Number(
    f"a positive number of seconds, at most {limits.MAX_SECONDS:,}", 1 / limits.NS_PER_S, limits.MAX_SECONDS
)


def reading_options(command: _Command) -> _Command:
    """Options of how captures are read that hold for every command."""
    option = partial(click.option, cls=_ReadingOption)
    seconds = partial(option, type=_SECONDS, metavar="S")
    options = (
        option(
            "--threshold",
            type=_BITS_PER_BYTE,
            default=schema.DEFAULT_THRESHOLD,
            show_default=True,
            metavar="BITS",
            help="Report where cumulative entropy crosses this many bits per byte.",
        ),
        option(
            "--depth",
            type=Depth(),
            metavar="BYTES|all",
            default=schema.DEFAULT_DEPTH,
            show_default=True,
            help="Measure at most this many payload bytes of each direction; 'all' measures everything.",
        ),
        option(
            "-f",
            "--filter",
            "bpf",
            metavar="BPF",
            help="Read only the packets that this tcpdump expression matches (needs libpcap).",
        ),
        option(
            "--no-decap",
            "decap",
            flag_value=False,
            default=True,
            help="Look at tunnels from outside instead of opening them.",
        ),
        option(
            "--resync",
            is_flag=True,
            help="After a broken record, search for the next one instead of ending there.",
        ),
        option(
            "--verify-checksums",
            is_flag=True,
            help="Leave out packets with a wrong checksum. Off by default: hosts that leave checksums to their "
            "network card are captured with wrong ones.",
        ),
        seconds(
            "--tcp-timeout",
            "tcp_timeout_s",
            help=f"End open TCP after S idle seconds (default: {limits.TCP_TIMEOUT_S:g} s).",
        ),
        seconds(
            "--udp-timeout",
            "other_timeout_s",
            help=f"End UDP, ICMP and SCTP after S idle seconds (default: {limits.OTHER_TIMEOUT_S:g} s).",
        ),
        seconds(
            "--active-limit",
            "active_limit_s",
            help="Cut flows that last longer than S seconds into several records (default: never).",
        ),
    )
    for each in reversed(options):
        command = each(command)
    return command


def expectation_options(
    *, no_ports: frozenset[int] | None, ports_default: str, policy_default: str
) -> Callable[[_Command], _Command]:
    """Options that say what is expected of the traffic, for commands that raise alerts.

    Parameters
    ----------
    no_ports : frozenset of int or None
        What the command gets where no ports are given.
    ports_default, policy_default : str
        What holds where the option is not given, for the help.
    """

    def decorate(command: _Command) -> _Command:
        command = click.option(
            "--policy",
            "policy_path",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Raise the alerts of this policy (see wiretropy policy); expected ports are added to what may be "
            f"encrypted there (default: {policy_default}).",
        )(command)
        return click.option(
            "--expected-ports",
            type=Ports(),
            default=no_ports,
            help="Raise no alert for flows with one of these ports, whose protocols are meant to be encrypted: "
            f"22,443,990-995 (default: {ports_default}).",
        )(command)

    return decorate


def exit_code_option(command: _Command) -> _Command:
    """The option with which alerts are told by the exit code."""
    return click.option(
        "--exit-code",
        "wants_findings",
        is_flag=True,
        help="End with exit code 1 if there are alerts, unless only a part of the input could be read: that is 3 "
        "with alerts or without.",
    )(command)


def given_reading_options() -> list[click.Option]:
    """The reading options that the running command was given."""
    context = click.get_current_context()
    return [
        option
        for option in context.command.params
        if isinstance(option, _ReadingOption)
        and context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    ]


def reading_words() -> list[str]:
    """The reading options that the running command was given, as words that give them to another command."""
    values, words = click.get_current_context().params, []
    for option in given_reading_options():
        words += option.opts[:1] if option.is_flag else [option.opts[0], str(values[option.name or ""])]
    return words


def words_of(settings: ScanSettings) -> list[str]:
    """Settings that differ from their defaults, as words that give them to another command with reading options."""
    from wiretropy.capture.settings import ScanSettings

    usual, words = ScanSettings(), []
    for option in click.get_current_context().command.params:
        name = option.name or ""
        if isinstance(option, _ReadingOption) and getattr(settings, name) != getattr(usual, name):
            words += option.opts[:1] if option.is_flag else [option.opts[0], str(getattr(settings, name))]
    return words


def changes(options: dict[str, Any]) -> dict[str, Any]:
    """The settings among options: those that were given."""
    return {name: value for name, value in options.items() if value is not None}
