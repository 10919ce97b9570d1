"""Other programs that do something near, each with the command line that comes nearest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import captures
from bench.measure import BenchError, Cost, Spread, attempt, ratio, run, spread

LIMIT_S = 60.0
"""Wall time of one run of another program; one that needs more is not waited for."""

PEER_RUNS = 3
"""Runs of each at most: these figures give the order of magnitude."""

_DPKT_SCRIPT = Path(__file__).with_name("peer_dpkt.py")
_VERSION = re.compile(rb"\d+\.\d+[.\w]*")


@dataclass(frozen=True, slots=True)
class Peer:
    """A program to compare with.

    Attributes
    ----------
    name : str
        As it is shown.
    does : str
        What its figures stand for.
    arguments : tuple of str
        Words after the program; FILE, OUT and SCRIPT stand for the capture, an empty folder and
        `peer_dpkt.py`. The first that the installed version accepts is used.
    version : str
        Words that make it tell its version.
    shares : mapping of str to float
        Share of each capture that it can read well within `LIMIT_S`.
    find : callable
        Gives the words that start it, or None where it is not installed.
    """

    name: str
    does: str
    arguments: tuple[str, ...]
    version: str
    shares: Mapping[str, float]
    find: Callable[[], list[str] | None]


def _on_path(name: str) -> Callable[[], list[str] | None]:
    """Search for a program, also where Debian puts those of the administrator."""

    def find() -> list[str] | None:
        program = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        return [program] if program else None

    return find


def _python_with_dpkt() -> list[str] | None:
    """The first Python that has both dpkt and NumPy: this one, or the system's."""
    for python in (sys.executable, shutil.which("python3"), "/usr/bin/python3"):
        if python and Path(python).exists():
            done = subprocess.run([python, "-c", "import dpkt, numpy"], capture_output=True, check=False)
            if done.returncode == 0:
                return [python]
    return None


def _shares(bulk: float, small: float, mix: float) -> dict[str, float]:
    return dict(zip(captures.KINDS, (bulk, small, mix), strict=True))


PEERS = (
    Peer(
        "dpkt + NumPy",
        "what a Python user writes today: first 64 KiB of each direction as they come, no reassembly",
        ("SCRIPT FILE",),
        "-c 'import dpkt; print(dpkt.__version__)'",
        _shares(0.2, 0.1, 0.2),
        _python_with_dpkt,
    ),
    Peer(
        "tshark",
        "dissection and conversation tables, no entropy",
        ("-n -r FILE -q -z conv,tcp -z conv,udp",),
        "--version",
        _shares(0.1, 0.05, 0.1),
        _on_path("tshark"),
    ),
    Peer(
        "suricata",
        "reassembly, protocol parsers, JSON; no rules, no entropy",
        ("-r FILE -l OUT -S /dev/null -k none --runmode single",),
        "-V",
        _shares(1, 0.5, 1),
        _on_path("suricata"),
    ),
    Peer(
        "ndpiReader",
        "protocol detection and flow statistics; with -F, where it has that, entropy of the first packets",
        ("-i FILE -q -F", "-i FILE -q"),
        "-h",
        _shares(0.5, 0.1, 0.2),
        _on_path("ndpiReader"),
    ),
    Peer(
        "argus",
        "flow records from headers, no payload",
        ("-X -r FILE -w OUT/argus",),
        "-h",
        _shares(1, 0.5, 1),
        _on_path("argus"),
    ),
    Peer(
        "tcpflow",
        "reassembles TCP and writes each direction to a file of its own",
        ("-r FILE -o OUT",),
        "-V",
        _shares(0.2, 0.01, 0.1),
        _on_path("tcpflow"),
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one program fared on one capture.

    Attributes
    ----------
    share : float
        Share of the capture that it read.
    cpu_s : Spread or None
        Seconds on that share; None if it did not finish.
    times_floor : Spread or None
        Against the lower bound on the same share.
    trouble : str
        Why there are no figures, else empty.
    """

    share: float
    cpu_s: Spread | None
    times_floor: Spread | None
    trouble: str = ""


def version(peer: Peer, program: list[str]) -> str:
    """What it says its version is; "unknown" if it says nothing like one."""
    words = ["-c", "import dpkt; print(dpkt.__version__)"] if program == _python_with_dpkt() else peer.version.split()
    done = subprocess.run(
        [*program, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=LIMIT_S
    )
    found = _VERSION.search(done.stdout)
    return found.group().decode("ascii", "replace").rstrip(".") if found else "unknown"


def accepted(peer: Peer, program: list[str]) -> str:
    """The first of its command lines with which it reads a capture of one packet; the last if it refuses all."""
    for arguments in peer.arguments[:-1]:
        cost, _ = _attempt(program, arguments, captures.one_packet())
        if not cost.exit_code:
            return arguments
    return peer.arguments[-1]


def _attempt(program: list[str], arguments: str, file: Path) -> tuple[Cost, str]:
    """Run a program on a capture with an empty folder for what it writes."""
    with tempfile.TemporaryDirectory(dir=captures.cache()) as out:
        places = {"SCRIPT": str(_DPKT_SCRIPT), "FILE": str(file), "OUT": out, "OUT/argus": f"{out}/argus"}
        return attempt([*program, *(places.get(word, word) for word in arguments.split())], limit_s=LIMIT_S)


def shown_command(arguments: str, program: list[str]) -> str:
    """The command line without the places of this machine."""
    words = [Path(program[0]).name, *arguments.replace("SCRIPT", f"bench/{_DPKT_SCRIPT.name}").split()]
    return " ".join(words)


def measure(peer: Peer, program: list[str], arguments: str, kind: str, *, scale: float, runs: int) -> Outcome:
    """Run a program and the lower bound in turn on its share of a capture.

    Parameters
    ----------
    peer : Peer
    program : list of str
        What `peer.find` gave.
    arguments : str
        What `accepted` gave.
    kind : str
        One of `captures.KINDS`.
    scale : float
        Share of the full captures that the whole benchmark reads.
    runs : int
        At most `PEER_RUNS` are made.
    """
    share = peer.shares[kind]
    file, _ = captures.generated(kind, share * scale)
    captures.warm(file)
    ours: list[float] = []
    base: list[float] = []
    for _ in range(min(runs, PEER_RUNS)):
        cost, last_words = _attempt(program, arguments, file)
        if cost.is_timed_out:
            return Outcome(share, None, None, f"more than {LIMIT_S:.0f} s")
        if cost.exit_code:
            print(f"{peer.name} on {kind}: exit code {cost.exit_code}: {last_words}", file=sys.stderr)
            return Outcome(share, None, None, f"failed (exit code {cost.exit_code})")
        ours.append(cost.cpu_s)
        base.append(run([captures.floor(), "flow64ks", file, "read"]).cpu_s)
    if min(base) <= 0:
        raise BenchError(f"the lower bound on {kind} took no measurable time; use a larger --scale")
    return Outcome(share, spread(ours), ratio(ours, base))
