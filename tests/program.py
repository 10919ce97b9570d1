"""Running the programs in tests, and captures for them to read."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from click.testing import CliRunner
from wire import CLIENT, Connection, End, Packet, Wire

from wiretropy.cli import group

PROGRAM = "from wiretropy.cli import main; main()"


class Done(NamedTuple):
    """What a run of the program came to."""

    returncode: int
    stdout: str
    stderr: str


def script(path: Path) -> ModuleType:
    """A script outside of the package, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wiretropy(*arguments: str | Path, columns: int = 300) -> Done:
    """Run the program in this process; an exception that it does not turn into a message fails the test."""
    result = CliRunner().invoke(
        group,
        [os.fsdecode(each) for each in arguments],
        env={"NO_COLOR": "1", "COLUMNS": str(columns)},
        prog_name="wiretropy",
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def wiretropy_process(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the program in a process of its own, as a user would."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(os.fsdecode, arguments)],
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "300", **environment},
        timeout=120,
        check=False,
    )


def conversation(payload: bytes, *, port: int = 40_000, server_port: int = 80) -> list[Packet]:
    """A connection in which the responder sends a payload."""
    wire = Wire()
    talk = Connection(wire, End(CLIENT.ip, port), End("10.2.0.2", server_port)).open()
    talk.send("orig", b"GET / HTTP/1.1\r\n\r\n").send("resp", payload).close()
    return wire.packets


def random_bytes(length: int) -> bytes:
    """Bytes that look random, the same every time."""
    return random.Random(length).randbytes(length)


def pipeline(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in a folder, with both programs on its search path; all parts must end well."""
    for name, module in (("wiretropy", "wiretropy.cli"), ("net-entropy", "wiretropy.cli.net_entropy")):
        program = folder / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!{sys.executable}\nfrom {module} import main\nmain()\n")
        program.chmod(0o755)
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "300"},
        timeout=120,
        check=False,
    )
