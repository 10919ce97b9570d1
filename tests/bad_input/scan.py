"""Running the installed program on a case, as a user would, and what it said."""

import json
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SECONDS_FOR_ANY_INPUT = 60.0
SECONDS_PER_BYTE = 3 / 20e6
"""Far more than the rules allow (2 s and 1 s for 20 MB): a guard against hangs on a busy machine, no measurement."""

MOST_BYTES = 256 << 20
"""Resident memory that no input may make the program pass, whatever lengths it claims."""

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and those that reorder text on a screen."""


def program() -> str | None:
    """Path of the installed command, beside this interpreter or on the search path."""
    beside = Path(sysconfig.get_path("scripts")) / "wiretropy"
    return str(beside) if beside.exists() else shutil.which("wiretropy")


@dataclass(frozen=True)
class Scan:
    """What one run of `wiretropy scan` returned."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    summary_file: bytes | None
    peak_bytes: int

    @property
    def summary(self) -> dict[str, Any] | None:
        """The summary, if one was written."""
        return None if self.summary_file is None else json.loads(self.summary_file)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The flow records, in the order of their first packets."""
        records = [json.loads(line) for line in self.stdout.decode().splitlines()]
        return sorted(records, key=lambda record: (record["source"], record["first_packet"]))

    @property
    def text(self) -> str:
        """Everything that the run wrote, as it stands there; invalid bytes are shown as replacement characters."""
        return b"\n".join([self.stdout, self.stderr, self.summary_file or b""]).decode(errors="replace")


def scan(paths: list[Path], directory: Path, *options: str, seconds: float = 0.0) -> Scan:
    """Run `wiretropy scan` on paths, with the summary written into a directory.

    Raises `subprocess.TimeoutExpired` when it takes longer than any input of that
    size may; `seconds` are added for inputs that unpack to more than their size.
    """
    command = program()
    assert command is not None
    summary = directory / "summary.json"
    size = sum(path.stat().st_blocks * 512 for path in paths if path.is_file())
    arguments = [command, "scan", *map(str, paths), "--json", "--summary", str(summary), *options]
    limit = SECONDS_FOR_ANY_INPUT + SECONDS_PER_BYTE * size + seconds
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=directory,
            env={**os.environ, "NO_COLOR": "1"},
        )
        peak_bytes = _watch(process, limit)
        out, err = _content(stdout), _content(stderr)
    summary_file = summary.read_bytes() if summary.exists() else None
    return Scan(process.returncode, out, err, summary_file, peak_bytes)


def _watch(process: subprocess.Popen[bytes], limit: float) -> int:
    """Wait for a process, and return the most memory that it held, as far as the system tells."""
    deadline, peak_bytes = time.monotonic() + limit, 0
    while process.poll() is None:
        peak_bytes = max(peak_bytes, _held_bytes(process.pid))
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise subprocess.TimeoutExpired(process.args, limit)
        time.sleep(0.005)
    return peak_bytes


def _held_bytes(pid: int) -> int:
    """Peak resident memory of a running process; 0 where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _content(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read()


def check_rules(done: Scan) -> None:
    """Assert what holds for every input: no crash, bounded memory, inert valid output, accounts that add up."""
    assert done.exit_code in (0, 2, 3), done.stderr.decode(errors="replace")
    assert done.peak_bytes <= MOST_BYTES
    for stream in (done.stdout, done.stderr, done.summary_file or b""):
        text = stream.decode("utf-8")
        found = FORBIDDEN.search(text)
        assert found is None, f"{found!r} in {text[:500]!r}"
    for trace in ("Traceback", "panicked", "RUST_BACKTRACE"):
        assert trace not in done.text
    for record in done.records:
        check_record(record)
    if done.summary is not None:
        check_accounts(done.summary)


def check_record(record: dict[str, Any]) -> None:
    """Assert what holds for every flow record."""
    assert record["ts_last_ns"] >= record["ts_first_ns"]
    for side in ("orig", "resp", "both"):
        entropy = record[f"{side}_entropy"]
        assert entropy is None or 0 <= entropy <= 8
        assert (entropy is None) == (record[f"{side}_measured_bytes"] == 0)


def check_accounts(summary: dict[str, Any]) -> None:
    """Assert that everything seen is accounted for: packets, bytes, payload, flows."""
    for unit in ("packets", "bytes"):
        account = summary[unit]
        parts = account["decoded"] + sum(account["undecoded"].values()) + sum(account["skipped"].values())
        assert account["seen"] == parts, (unit, account)
    payload = summary["payload_bytes"]
    assert payload["seen"] == payload["measured"] + sum(payload["not_measured"].values())
    flows = summary["flows"]
    assert flows["emitted"] == sum(flows["by_end_reason"].values())
    for fault in summary["faults"]:
        assert fault["id"] == fault["id"].lower()
        assert fault["severity"] in ("warning", "partial", "refused")
        assert fault["offset"] >= 0
        assert fault["packets"] >= 0
        assert fault["message"]
