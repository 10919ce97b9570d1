"""X displays for programs with windows, one at each end, and a person's hands for the client's."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lab.stage import Stage

SCREEN = "640x480x16"

# A display's socket lies in the machine's /tmp, so its number must be nobody else's: it is taken from the lab's process
# id, above the low numbers that people use.
FIRST_DISPLAY, DISPLAYS = 100, 20_000


def display_of(side: str) -> str:
    """The name of the X display at one side, `client` or `server`."""
    number = FIRST_DISPLAY + 2 * (os.getpid() % DISPLAYS) + (side == "server")
    return f":{number}"


def start_screen(stage: Stage) -> dict[str, str]:
    """Give the client's side a screen; return the environment that makes programs draw on it."""
    display = display_of("client")
    stage.background(
        ["Xvfb", display, "-screen", "0", SCREEN, "-nolisten", "tcp"], ready=Path(f"/tmp/.X11-unix/X{display[1:]}")
    )
    return {"DISPLAY": display}


def type_line(stage: Stage, screen: dict[str, str], line: str) -> None:
    """Point at the middle of the client's screen, type a line and press Return, at the speed of a quick typist."""
    stage.run(["xdotool", "mousemove", "300", "200", "sleep", "0.2", "type", "--delay", "60", line], env=screen)
    stage.run(["xdotool", "key", "Return"], env=screen)
    time.sleep(0.7)
