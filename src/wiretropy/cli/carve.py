"""`wiretropy carve CAPTURE... --flow ID`: take the packets of a flow away.

In: captures, and ids of flows or alerts. Out: a capture file with exactly their
packets, whose path is printed, or the capture itself on standard output. Refused with exit
code 2: ids that no flow has, captures that cannot be read, names that say no format.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from wiretropy.cli.options import changes, reading_options
from wiretropy.cli.outcome import exit_code, refusing, report_faults
from wiretropy.cli.progress import progress_bar
from wiretropy.inert import inert
from wiretropy.wording import counted

if TYPE_CHECKING:
    from wiretropy.carve import Carved


@click.command("carve")
@click.argument("paths", metavar="CAPTURE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--flow", "uids", multiple=True, metavar="ID", help="This flow: its id, or as much of it as no other has."
)
@click.option("--community-id", "community_ids", multiple=True, metavar="ID", help="The flows with this Community ID.")
@click.option("--alert", "alerts", multiple=True, metavar="ID", help="The flow of this alert of wiretropy scan.")
@click.option(
    "--to",
    type=click.Choice(("pcap", "pcapng")),
    help="Format; pcapng has a comment with the entropy at each packet, which Wireshark shows (default: what FILE "
    "ends with).",
)
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write here: pcap if the name ends with .pcap or .cap, pcapng if with .pcapng or without an ending; other "
    "endings need --to. '-' is standard output, which gets all packets or none (default: a name made of the capture's "
    "and the id).",
)
@click.option("--json", "as_json", is_flag=True, help="Print path and numbers as one JSON object instead of the path.")
@reading_options
def command(
    paths: tuple[Path, ...],
    uids: tuple[str, ...],
    community_ids: tuple[str, ...],
    alerts: tuple[str, ...],
    to: Any,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Write the packets of flows to a capture file of their own.

    The packets are copied byte for byte, fragments and tunnels included. Give the
    options that scan was given, so that the ids mean the same flows. Captures are
    read more than once, so standard input cannot be one of them; a folder stands
    for the captures in it, not for those of folders below it.
    """
    is_piped = out == Path("-")
    if is_piped and as_json:
        raise click.UsageError("--json and the capture cannot both go to standard output; name a file with -o")
    if is_piped and sys.stdout.isatty():
        raise click.UsageError("a capture would garble the terminal; name a file with -o, or pipe standard output")
    with refusing():
        from wiretropy.capture.inputs import expand
        from wiretropy.capture.outputs import refuse_overwriting
        from wiretropy.carve import carve

        target: Path | BinaryIO = out or _default_out(paths[0], (*uids, *alerts, *community_ids), to or "pcapng")
        if is_piped:
            refuse_overwriting(expand(paths), [Path("-")])
            target = sys.stdout.buffer
        with progress_bar(is_off=as_json) as on_progress:
            carved = carve(
                paths,
                target,
                uids=uids,
                community_ids=community_ids,
                alerts=alerts,
                to=to,
                on_progress=on_progress,
                **changes(options),
            )
    _tell(carved, as_json)
    report_faults(carved.summary)
    sys.exit(exit_code(carved.summary))


def _tell(carved: Carved, as_json: bool) -> None:
    """Say where the packets are, and how many."""
    if as_json and carved.path is not None:
        path = os.fsencode(carved.path).decode("utf-8", "backslashreplace")
        click.echo(json.dumps({"path": path, "packets": carved.packets, "flows": carved.flows}))
        return
    if carved.path is not None:
        click.echo(inert(str(carved.path)))
    click.echo(f"{counted(carved.packets, 'packet')} of {counted(carved.flows, 'flow')}", err=True)


def _default_out(path: Path, names: tuple[str, ...], kind: str) -> Path:
    """A name in the current folder made of the capture's and the first id."""
    name = PurePath(path.name)
    while name.suffix in (".gz", ".zst", ".lz4", ".pcap", ".pcapng", ".cap"):
        name = name.with_suffix("")
    first = "".join(each for each in (names[0] if names else "flow") if each.isalnum())
    return Path(f"{name}-{first[:20]}.{kind}")
