"""RDP with its own ("standard") security: rdesktop and xfreerdp with xrdp, at several encryption levels.

Level `low` encrypts from client to server only; `none` encrypts nothing; `fips` is Triple DES, the others are RC4.
rdesktop knows neither `none` nor `fips`, and this server finds fault with the digests that xfreerdp sends at the RC4
levels: those handshakes break off, and two of them are kept, labelled as such.
"""

from __future__ import annotations

import time

from lab.displays import start_screen, type_line
from lab.manifest import Truth
from lab.servers import xrdp
from lab.stage import Stage
from lab.versions import program
from lab.words import text

LABEL = "rdp/standard"
PORT = 3389
CLIENT = "10.0.0.11"
SERVER = "203.0.113.89"

LOGIN_SECONDS = 2.0  # from the start of a client to the desktop

# Levels at which a client gets to the desktop (rdesktop knows `medium` as well), and pairs that
# cannot agree, with the client's exit status.
WORKING_LEVELS = {"rdesktop": ("low", "high"), "xfreerdp": ("none", "fips")}
BREAKING_OFF = (("xfreerdp", "high", 131), ("rdesktop", "none", 76))


def record(stage: Stage) -> None:
    """Two sessions at a desktop with each client, a capture each, and two handshakes that break off in another."""
    xrdp.start_desktop(stage, text(300, "desktop"))
    screen = start_screen(stage)
    for client, levels in WORKING_LEVELS.items():
        with stage.capture(f"rdp-{client}.pcap"):
            for level in levels:
                server = xrdp.start(stage, port=PORT, level=level)
                deed = truth(client, level, "logs in, types `cat minutes.txt` in a terminal")
                with stage.session(deed), stage.running(command(client, stage), env=screen):
                    time.sleep(LOGIN_SECONDS)
                    type_line(stage, screen, "cat minutes.txt")
                stage.stop(server)
    with stage.capture("rdp-broken-off.pcap"):
        for client, level, status in BREAKING_OFF:
            server = xrdp.start(stage, port=PORT, level=level)
            with stage.session(truth(client, level, "handshake breaks off")):
                stage.run(command(client, stage), env=screen, exits=(status,))
            stage.stop(server)


def truth(client: str, level: str, note: str) -> Truth:
    """The truth of one session. Without encryption it carries pictures, most of them run-length coded."""
    version = program(client, "freerdp2-x11" if client == "xfreerdp" else client)
    shown = Truth(
        LABEL, version, xrdp.version(), content="binary", settings=f"security=rdp level={level} depth=16", note=note
    )
    if level == "none":
        return shown
    return shown.but(
        content="encrypted", onset="rdp", note=f"{note}; server to client in the clear" if level == "low" else note
    )


def command(client: str, stage: Stage) -> list[str]:
    """The client's command line: log in as `ada` at once, on a small screen of 16 bits a pixel."""
    if client == "rdesktop":
        # -m: without it, rdesktop and the server send each other the pointer's place without end.
        options = "-u ada -p none -g 640x480 -a 16 -n desk-7 -m -r sound:off -r clipboard:off".split()
        return ["rdesktop", *options, f"{stage.server}:{PORT}"]
    options = "/u:ada /p:none /size:640x480 /bpp:16 /sec:rdp /cert:ignore /client-hostname:desk-7".split()
    return ["xfreerdp", f"/v:{stage.server}:{PORT}", *options]
