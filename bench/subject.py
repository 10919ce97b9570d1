"""wiretropy as the benchmark runs it: the installed program, a fresh output folder, what it wrote."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import captures
from bench.measure import Cost, run

_MAIN = "import sys; sys.argv[0] = 'wiretropy'; from wiretropy.cli import main; main()"


def command() -> list[str]:
    """Words that start wiretropy: $WIRETROPY, or the program beside this Python, or the package that it imports."""
    named = os.environ.get("WIRETROPY")
    if named:
        return shlex.split(named)
    beside = Path(sys.executable).with_name("wiretropy")
    return [str(beside)] if beside.is_file() else [sys.executable, "-c", _MAIN]


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan that was run.

    Attributes
    ----------
    cost : Cost
    folder : Path
        Holds ``flows.parquet`` and ``summary.json`` until the next scan.
    """

    cost: Cost
    folder: Path

    @property
    def flows(self) -> Path:
        """The flow records."""
        return self.folder / "flows.parquet"

    def summary(self) -> dict[str, Any]:
        """The totals."""
        totals: dict[str, Any] = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
        return totals

    def digest(self) -> str:
        """SHA-256 of the flow records."""
        with self.flows.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def scan(capture: Path, *, threads: int | None = None) -> Scan:
    """Run ``wiretropy scan CAPTURE --out DIR`` into an empty folder.

    Parameters
    ----------
    capture : Path
    threads : int, optional
        Adds ``--threads``; the program's default is 1.
    """
    folder = captures.cache() / "out"
    shutil.rmtree(folder, ignore_errors=True)
    extra = [] if threads is None else ["--threads", str(threads)]
    return Scan(run([*command(), "scan", capture, "--out", folder, *extra]), folder)
