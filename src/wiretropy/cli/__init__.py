"""The command line: one file a command, each loaded when it is asked for."""

from __future__ import annotations

import os
from importlib import import_module

import click

from wiretropy.cli.outcome import Program

_COMMANDS = {
    "scan": "read captures and list their flows with the entropy of each side",
    "plot": "draw entropy trajectories",
    "report": "write one page with what was found and the evidence",
    "carve": "take the packets of a flow away",
    "judge": "measure raw bytes",
    "policy": "check and show a policy, learn what is normal for a protocol",
}
"""Commands in the order of the help, with the line that it shows."""


class _LazyGroup(Program, click.Group):
    """Commands by module name, so that `--help` loads none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, the most used first."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"wiretropy.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wiretropy")
def group() -> None:
    """Watch the randomness of network payloads.

    Reads captures, rebuilds each conversation, and measures how its byte entropy
    grows with every byte.

    \b
      wiretropy scan office.pcap                 which flows there are, and how random
      wiretropy plot office.pcap --port 22       draw their trajectories
      wiretropy report office.pcap               one page: what was found, the evidence
      wiretropy carve office.pcap --flow ID      take the packets of one away

    Exit codes: 0 all was read; 1 findings (with --exit-code); 2 refused or wrong
    usage; 3 a usable part was read, and the reason given on stderr, whether there
    are findings or not; 130 Ctrl-C; 141 the reader of the output went away.
    """


def main() -> None:
    """Entry point of the console script ``wiretropy``."""
    # NumPy's linear algebra is not used, but its idle threads spin for a tenth of a second at the start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Arrow's own allocator keeps a tenth of what a scan takes for later; the system's gives it back.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    group(prog_name="wiretropy")
