"""`wiretropy carve CAPTURE... --flow ID`: take the packets of a flow away.

In: captures, and ids of flows or alerts. Out: a capture file with exactly their
packets, whose path is printed. Refused with exit code 2: ids that no flow has,
captures that cannot be read.
"""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePath
from typing import Any

import click

from wiretropy.cli.options import changes, reading_options
from wiretropy.cli.outcome import refusing
from wiretropy.cli.wording import counted
from wiretropy.inert import inert


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
    help="Format; pcapng has a comment with the entropy at each packet, which Wireshark shows (default: what OUT "
    "ends with, else pcapng).",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Write here (default: a name made of the capture's and the id).",
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
    options that scan was given, so that the ids mean the same flows.
    """
    with refusing():
        from wiretropy.carve import carve

        target = out or _default_out(paths[0], (*uids, *alerts, *community_ids), to or "pcapng")
        carved = carve(paths, target, uids=uids, community_ids=community_ids, alerts=alerts, to=to, **changes(options))
    if as_json:
        path = os.fsencode(carved.path).decode("utf-8", "backslashreplace")
        click.echo(json.dumps({"path": path, "packets": carved.packets, "flows": carved.flows}))
    else:
        click.echo(inert(str(carved.path)))
        click.echo(f"{counted(carved.packets, 'packet')} of {counted(carved.flows, 'flow')}", err=True)


def _default_out(path: Path, names: tuple[str, ...], kind: str) -> Path:
    """A name in the current folder made of the capture's and the first id."""
    name = PurePath(path.name)
    while name.suffix in (".gz", ".zst", ".lz4", ".pcap", ".pcapng", ".cap"):
        name = name.with_suffix("")
    first = "".join(each for each in (names[0] if names else "flow") if each.isalnum())
    return Path(f"{name}-{first[:20]}.{kind}")
