"""Where captures and the lower bound come from: made once, kept in a cache, named after what made them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench import flowgen
from bench.measure import BenchError

KINDS = ("bulk", "small", "mix")
"""Captures of the generator: few large flows, many short ones, and everything."""

REPOSITORY = Path(__file__).resolve().parents[1]


def shared_bench() -> Path:
    """The folder of the capture generator and the lower bound.

    Raises
    ------
    BenchError
        If it is not there.
    """
    named = os.environ.get("WIRETROPY_SHARED")
    folder = (Path(named) if named else REPOSITORY.parent / "shared") / "bench"
    for name in ("gen.py", "floor.c"):
        if not (folder / name).is_file():
            raise BenchError(
                f"{folder / name} is not there. The benchmark needs the project's shared folder beside the "
                "repository, or its path in the environment variable WIRETROPY_SHARED."
            )
    return folder


def cache() -> Path:
    """The folder that keeps captures, made if need be."""
    named = os.environ.get("WIRETROPY_BENCH_DIR")
    folder = Path(named) if named else REPOSITORY / "bench" / ".cache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def generated(kind: str, scale: float) -> tuple[Path, Path]:
    """A capture of the generator and the truth about it, made if the cache has none of this scale.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    scale : float
        Share of the full number of flows, above 0.

    Returns
    -------
    capture, truth : Path
        A pcap file, and a table with one line a flow.
    """
    generator = shared_bench() / "gen.py"
    path = cache() / f"{kind}-{scale:g}-{_digest(generator)}.pcap"
    truth = path.with_suffix(".tsv")

    def make(partial: Path) -> None:
        command = [sys.executable, generator, kind, partial, "--scale", f"{scale:g}", "--truth", truth]
        done = subprocess.run([str(word) for word in command], stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise BenchError(f"the capture {kind} could not be made: {done.stderr.strip().splitlines()[-1:]}")

    return _once(path, make), truth


def open_flows(addresses: str, flows: int, payload_bytes: int) -> Path:
    """A capture of flows that are all open at once; see `flowgen`."""
    path = cache() / f"open-{addresses}-{flows}-{payload_bytes}-{_digest(Path(flowgen.__file__))}.pcap"
    return _once(path, lambda partial: flowgen.write_open_flows(partial, addresses, flows, payload_bytes))


def one_packet() -> Path:
    """A capture of one packet."""
    return _once(cache() / f"one-packet-{_digest(Path(flowgen.__file__))}.pcap", flowgen.write_one_packet)


def floor() -> Path:
    """The compiled lower bound.

    Raises
    ------
    BenchError
        If it cannot be compiled.
    """
    source = shared_bench() / "floor.c"
    if shutil.which("gcc") is None:
        raise BenchError("gcc is not installed; the lower bound is a C program.")

    def compile_it(partial: Path) -> None:
        # GCC warns of unused results in this program; only failure matters.
        command = ["gcc", "-O3", "-march=native", "-w", "-o", partial, source, "-lm"]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"floor.c does not compile: {done.stderr.strip().splitlines()[-1:]}")

    return _once(cache() / f"floor-{_digest(source)}", compile_it)


def warm(path: Path) -> None:
    """Read a file once, so that the page cache holds it."""
    buffer = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _once(path: Path, make: Callable[[Path], None]) -> Path:
    """Make a file unless it is there; under another name until it is whole."""
    if not path.exists():
        print(f"making {path.name}", file=sys.stderr, flush=True)
        partial = path.with_name(f"{path.name}.partial")
        make(partial)
        partial.rename(path)
        os.sync()  # or the disk would still be written to while something is measured
    return path


def _digest(source: Path) -> str:
    """Short name of a program's text: what another version made is not used again."""
    return hashlib.sha256(source.read_bytes()).hexdigest()[:8]
