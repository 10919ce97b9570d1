"""Run one program and print as JSON what it cost; standard library only, and little of that.

    python -I -S launch.py LIMIT_S STDERR_FILE PROGRAM [ARGUMENT...]

This is a process of its own because Linux hands the peak memory of whoever starts a program down to that
program: started from a benchmark that holds large arrays, every program would seem large. What this process
needs (about 10 MB) is the least that can be measured.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from types import FrameType

_INTERRUPTED = 130


def launch(limit_s: float, stderr_file: str, command: list[str]) -> dict[str, float | int | bool]:
    """Start a program without input or output, wait for it, and kill its process group at the limit.

    Returns
    -------
    dict
        ``cpu_s`` (user and system, waited-for children included), ``wall_s``, ``peak_bytes`` (largest resident
        set), ``exit_code`` (negative: ended by that signal), ``is_timed_out``.
    """
    is_timed_out = False
    pid = 0

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal is_timed_out
        if pid:
            os.killpg(pid, signal.SIGKILL)
        if number != signal.SIGALRM:
            sys.exit(_INTERRUPTED)
        is_timed_out = True

    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, stderr_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
    ]
    started = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=files, setpgroup=0)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    _, status, usage = os.wait4(pid, 0)
    wall_s = time.perf_counter() - started
    signal.setitimer(signal.ITIMER_REAL, 0)
    return {
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": wall_s,
        "peak_bytes": usage.ru_maxrss * 1024,
        "exit_code": os.waitstatus_to_exitcode(status),
        "is_timed_out": is_timed_out,
    }


if __name__ == "__main__":
    print(json.dumps(launch(float(sys.argv[1]), sys.argv[2], sys.argv[3:])))
