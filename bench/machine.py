"""What the figures were measured on, and with."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from bench.captures import REPOSITORY

BUSY_LOAD = 0.5
"""Load average above which another program may have disturbed the figures."""


def load() -> float:
    """Load average of the last minute."""
    return os.getloadavg()[0]


def describe() -> str:
    """One line: processor, cores, memory, kernel."""
    model = _field(Path("/proc/cpuinfo"), "model name") or platform.machine()
    memory = int((_field(Path("/proc/meminfo"), "MemTotal") or "0").split()[0]) * 1024
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {memory / 1e9:.1f} GB of memory, {platform.system()} {platform.release()}"


def tools() -> str:
    """One line: what compiled the lower bound and what runs wiretropy."""
    gcc = _first_line(["gcc", "-dumpfullversion"]) or "?"
    rustc = (_first_line(["rustc", "--version"]) or "rustc ?").split()[1]
    return f"Python {platform.python_version()}, gcc {gcc} (-O3 -march=native), rustc {rustc}"


def packages() -> str:
    """One line: versions of what a scan loads; pandas too, because pyarrow loads it where it is installed."""
    found = []
    for name in ("wiretropy", "numpy", "pyarrow", "pandas"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join(found)


def revision() -> str:
    """Short id of the commit that is checked out, with "+ changes" if the measured code differs from it."""
    if not (REPOSITORY / ".git").exists():
        return "unknown"
    git = ["git", "-C", str(REPOSITORY)]
    commit = _first_line([*git, "rev-parse", "--short=10", "HEAD"])
    changes = _first_line([*git, "status", "--porcelain", "--untracked-files=no", "--", "crates", "src", "Cargo.lock"])
    return (commit or "unknown") + (" + changes" if changes else "")


def today() -> str:
    """The day, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d")


def _field(path: Path, name: str) -> str:
    """Value of the first line `name: value`; empty if there is none."""
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == name:
                return value.strip()
    return ""


def _first_line(command: list[str]) -> str:
    """First line that a program prints; empty if it prints none or is not there."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or [""])[0]
