"""`net-entropy -r FILE -s DIR -F -b -c CONF`: the old program's command line.

In: a capture, and a protospec file or a folder of them. Out: alarms as syslog lines, one ``.dat`` file a connection.
Refused with exit code 2: a capture that cannot be read, faults in protospec files (one line each, with file and line),
a folder that cannot be written, and no syslog service to send to.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wiretropy.cli.outcome import Program, exit_code, refusing, report_faults
from wiretropy.cli.progress import progress_bar

if TYPE_CHECKING:
    import pyarrow as pa

    from wiretropy.capture.run import ProgressHook
    from wiretropy.capture.summary import ScanSummary
    from wiretropy.netentropy.alarm import Kind
    from wiretropy.netentropy.connections import Connection
    from wiretropy.netentropy.statistics import StatisticsFolder
    from wiretropy.policy.protospec import Protospec


@click.command("net-entropy", cls=Program)
@click.option(
    "-r",
    "captures",
    metavar="FILE",
    multiple=True,
    required=True,
    type=click.Path(path_type=str),
    help="Read packets from this capture; more than one are read as one stream.",
)
@click.option(
    "-s",
    "statistics",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write one .dat file a connection here: byte offset and cumulative entropy, for gnuplot.",
)
@click.option(
    "-c",
    "configuration",
    metavar="CONF",
    type=click.Path(path_type=Path),
    help="Alarm when entropy leaves the ranges of this protospec file, or of the protospec files in this "
    "folder. Without it every TCP connection is tracked, without alarms.",
)
@click.option(
    "-F",
    "is_foreground",
    is_flag=True,
    help="Stay in the foreground: write log lines to stderr instead of the syslog socket. (The original "
    "meaning of -F is not documented where we could look.)",
)
@click.option(
    "-b",
    "counts_bytes",
    is_flag=True,
    help="Count in bytes, which is what happens anyway unless a protospec says 'RangeUnit: packets'. (The "
    "original meaning of -b is not documented where we could look.)",
)
def command(
    captures: Sequence[str],
    statistics: Path | None,
    configuration: Path | None,
    is_foreground: bool,
    counts_bytes: bool,
) -> None:
    """Watch the entropy of TCP connections and alarm when it leaves its protocol's ranges.

    Takes the command line of the program net-entropy and writes its log lines and statistics files. Only connections
    whose port a protospec names are tracked; lines come in the order of packet times.
    """
    del counts_bytes  # bytes are what offsets count; the option is accepted so that old scripts run
    with refusing():
        specs = _specs(configuration)
        send = _sender(is_foreground)
        with progress_bar() as on_progress:
            summary, records, found = _connections(captures, specs, on_progress)
        folder = None
        if statistics is not None:
            from wiretropy.netentropy.statistics import StatisticsFolder

            folder = StatisticsFolder(statistics, records, _inputs(captures, configuration))
        _run(found, folder, send)
    report_faults(summary)
    sys.exit(exit_code(summary))


def main() -> None:
    """Entry point of the console script ``net-entropy``."""
    command(prog_name="net-entropy")


def _specs(configuration: Path | None) -> list[Protospec] | None:
    """The protospecs asked for."""
    from wiretropy.policy.protospec import read

    return None if configuration is None else read(configuration)


def _sender(is_foreground: bool) -> Callable[[Kind, str], None]:
    """Where log lines go."""
    from wiretropy.netentropy.lines import SYSLOG_SOCKET, syslog, tag

    if is_foreground:
        before = tag()
        return lambda kind, text: click.echo(before + text, err=True)
    try:
        return syslog()
    except OSError:
        raise ValueError(f"no syslog service listens on {SYSLOG_SOCKET}; start one, or give -F for stderr") from None


def _connections(
    captures: Sequence[str], specs: list[Protospec] | None, on_progress: ProgressHook | None
) -> tuple[ScanSummary, pa.Table, Iterator[Connection]]:
    """Read the captures: once for the flows, once for the packets of those that are tracked.

    Totals, the records of the tracked flows, and their connections come out. Standard input can be read
    only once, with the packets of all flows.
    """
    from wiretropy.flows import read_flows, trace_flows
    from wiretropy.netentropy.connections import PayloadPackets, connections, needed_depth, tracked

    depth = needed_depth(specs or ())
    packets = PayloadPackets()
    is_once = "-" in captures
    flows = read_flows(captures, depth=depth, on_progress=on_progress, on_trace=packets.add if is_once else None)
    table = tracked(flows.to_arrow(), specs)
    if table.num_rows and not is_once:
        uids = [str(uid) for uid in table.column("uid").to_pylist()]
        for rows in trace_flows(captures, uids, depth=depth, on_progress=on_progress):
            packets.add(rows)
    return flows.summary, table, connections(table, packets, specs)


def _inputs(captures: Sequence[str], configuration: Path | None) -> list[Path]:
    """All files that are read."""
    from wiretropy.capture.inputs import expand

    described = [] if configuration is None else [configuration]
    if configuration is not None and configuration.is_dir():
        described = list(configuration.iterdir())
    return [*expand(captures), *described]


def _run(found: Iterator[Connection], folder: StatisticsFolder | None, send: Callable[[Kind, str], None]) -> None:
    """Write statistics, then all lines in the order of packet times."""
    from wiretropy.netentropy.alarm import track
    from wiretropy.netentropy.lines import line

    timed: list[tuple[int, Kind, str]] = []
    for connection in found:
        if folder is not None:
            folder.write(connection)
        timed.extend(
            (event.ts_ns, event.kind, line(event, connection.source, connection.destination))
            for event in track(connection.samples, connection.spec, end=connection.end)
        )
    for _, kind, text in sorted(timed, key=lambda item: item[0]):
        send(kind, text)
