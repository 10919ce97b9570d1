"""xrdp, in the foreground, in front of a desktop served by Xvnc."""

from __future__ import annotations

import subprocess

from lab.displays import display_of
from lab.stage import Stage
from lab.versions import program

DESKTOP_PORT = 5910  # on the server's own loopback, where no capture looks

# A narrow login window without pictures keeps sessions to tens of kilobytes.
CONFIGURATION = """
[Globals]
ini_version=1
fork=true
port={port}
tcp_nodelay=true
security_layer={security}
crypt_level={level}
allow_channels=true
bitmap_cache=true
bitmap_compression=true
bulk_compression=true
max_bpp=16
new_cursors=true
use_fastpath=both
grey=dedede
ls_title=Log in
ls_top_window_bg_color=003057
ls_width=350
ls_height=200
ls_bg_color=dedede
ls_label_x_pos=30
ls_label_width=60
ls_input_x_pos=110
ls_input_width=210
ls_input_y_pos=60
ls_btn_ok_x_pos=150
ls_btn_ok_y_pos=150
ls_btn_ok_width=85
ls_btn_ok_height=30
ls_btn_cancel_x_pos=245
ls_btn_cancel_y_pos=150
ls_btn_cancel_width=85
ls_btn_cancel_height=30

[Logging]
LogFile={folder}/xrdp.log
LogLevel=INFO
EnableSyslog=false

[Channels]
rdpdr=true
rdpsnd=true
drdynvc=true
cliprdr=true

[Desktop]
name=Desktop
lib=libvnc.so
username=na
password=ask
ip=127.0.0.1
port={desktop_port}
"""


def version() -> str:
    """xrdp and its version, for the manifest."""
    return program("xrdp")


def start_desktop(stage: Stage, text: str) -> None:
    """Start the desktop that people who log in see: a terminal, in a folder that holds `text` as `minutes.txt`."""
    stage.write("home/minutes.txt", text)
    display = display_of("server")
    options = "-SecurityTypes None -localhost yes -geometry 640x480 -depth 16".split()
    stage.start(["Xtigervnc", display, "-rfbport", str(DESKTOP_PORT), *options], port=DESKTOP_PORT)
    terminal = ["xterm", "-geometry", "100x35+0+0", "-e", "sh", "-c", "cd ~ && PS1='ada@server:~$ ' exec sh"]
    stage.background(terminal, env={"DISPLAY": display}, at_server=True)


def start(stage: Stage, *, port: int, level: str, security: str = "rdp") -> subprocess.Popen[bytes]:
    """Listen on `port` with one security layer (`rdp`, `tls`) and, for `rdp`, one encryption level.

    `level` is none, low (encrypts from client to server only), medium, high or fips.
    """
    text = CONFIGURATION.format(
        port=port, level=level, security=security, folder=stage.folder, desktop_port=DESKTOP_PORT
    )
    configuration = stage.write(f"xrdp-{level}.ini", text)
    return stage.start(["xrdp", "-n", "-c", str(configuration)], port=port)
