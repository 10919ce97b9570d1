"""The progress bar: on a terminal only, and on standard error only."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = {
    "scan": ("wiretropy.cli", ["scan", "demo.pcap"]),
    "plot": ("wiretropy.cli", ["plot", "demo.pcap", "-o", "OUT.html"]),
    "carve": ("wiretropy.cli", ["carve", "demo.pcap", "--flow", "CyX9", "-o", "OUT.pcapng"]),
    "net-entropy": ("wiretropy.cli.net_entropy", ["-r", "demo.pcap", "-F"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_gets_a_progress_bar_that_counts_packets(name: str, tmp_path: Path, examples: Path) -> None:
    module, arguments = COMMANDS[name]
    words = [word.replace("OUT", str(tmp_path / "a")) for word in arguments]
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {module} import main; main()", *words],
        cwd=examples,
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(terminal)
    shown = b""
    try:
        while chunk := os.read(main, 4_096):
            shown += chunk
    except OSError:
        pass  # the program closed the terminal
    out, _ = process.communicate(timeout=60)
    os.close(main)
    assert process.returncode == 0
    assert b"reading" in shown
    assert b"788 packets" in shown
    assert b"reading" not in out
