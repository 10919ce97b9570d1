"""Two network namespaces, client and server, joined by one virtual cable.

Inside a namespace a program sees its own network, its own `/run` and `/var/log`, and one more user, `ada`, who can log
in; the machine outside sees none of these. Everything made here carries the lab's process id in its name, so a later
run can tell what a killed one left behind (`sweep`) and never touches what others made.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lab.errors import LabError

PREFIX = "wtlab"
INTERFACE = "eth0"

USER = "ada"
PASSWORD = "correct-horse-7"  # opens nothing but the lab's own servers
USER_ID = 7001

# `ip netns exec` binds the files of this folder over those in /etc, for the processes of one namespace only.
ETC_NETNS = Path("/etc/netns")

# With any of these on, the kernel hands over merged segments of up to 64 KB and leaves checksums to hardware that
# is not there, and a capture shows packets that never crossed a wire.
OFFLOADS = ("tx", "rx", "tso", "gso", "gro")

# Each process gets an empty /run and /var/log: servers that insist on their usual folders find them, and neither
# login records nor logs of the machine outside change.
PRIVATE_FOLDERS = (
    'mount -t tmpfs lab /run && mount -t tmpfs lab /var/log && mkdir -p /run/sshd /run/xrdp /var/log/nginx && exec "$@"'
)


class Network:
    """A client and a server namespace, made on entry and taken away on exit with every process in them.

    Parameters
    ----------
    client, server : str
        IPv4 address of each side. They need no common network: each has a route to the other and to nothing else.
    home : Path
        Home folder of the user `ada`; made when missing.
    """

    def __init__(self, client: str, server: str, home: Path) -> None:
        self.client, self.server, self.home = client, server, home
        self.client_space = f"{PREFIX}-{os.getpid()}-client"
        self.server_space = f"{PREFIX}-{os.getpid()}-server"

    def __enter__(self) -> Network:
        try:
            self._add_user()
            self._lay_cable()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        for space in (self.client_space, self.server_space):
            remove_namespace(space)

    def command(self, space: str, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` inside `space`."""
        return ["ip", "netns", "exec", space, "sh", "-c", PRIVATE_FOLDERS, "lab", *argv]

    def _add_user(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        os.chown(self.home, USER_ID, USER_ID)
        digest = _output(["openssl", "passwd", "-6", PASSWORD]).strip()
        passwd = Path("/etc/passwd").read_text()
        names = [line.split(":")[0] for line in passwd.splitlines() if line]
        for space in (self.client_space, self.server_space):
            etc = ETC_NETNS / space
            etc.mkdir(parents=True)
            (etc / "passwd").write_text(f"{passwd}{USER}:x:{USER_ID}:{USER_ID}:Ada:{self.home}:/bin/sh\n")
            (etc / "group").write_text(f"{Path('/etc/group').read_text()}{USER}:x:{USER_ID}:\n")
            # Nobody but ada has a password in there, whatever the machine's own file says.
            shadow = [f"{name}:*:19000::::::" for name in names] + [f"{USER}:{digest}:19000::::::"]
            (etc / "shadow").touch(mode=0o600)
            (etc / "shadow").write_text("\n".join(shadow) + "\n")
            (etc / "hosts").write_text(f"127.0.0.1 localhost\n{self.client} desk\n{self.server} server\n")

    def _lay_cable(self) -> None:
        here, there = self.client_space, self.server_space
        for space in (here, there):
            _output(["ip", "netns", "add", space])
            _output(["ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])
        _output(
            ["ip", "link", "add", INTERFACE, "netns", here, "type", "veth", "peer", "name", INTERFACE, "netns", there]
        )
        for space, own, other in ((here, self.client, self.server), (there, self.server, self.client)):
            switches = [word for offload in OFFLOADS for word in (offload, "off")]
            _output(["ip", "netns", "exec", space, "ethtool", "-K", INTERFACE, *switches])
            _output(["ip", "-n", space, "link", "set", "lo", "up"])
            _output(["ip", "-n", space, "link", "set", INTERFACE, "up"])
            _output(["ip", "-n", space, "address", "add", f"{own}/32", "dev", INTERFACE])
            _output(["ip", "-n", space, "route", "add", f"{other}/32", "dev", INTERFACE, "src", own])


def remove_namespace(space: str) -> None:
    """End every process inside one namespace, by its id, then remove the namespace and its files."""
    for sig in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 3
        for pid in _processes_in(space):
            _send(pid, sig)
        while _processes_in(space) and time.monotonic() < deadline:
            time.sleep(0.05)
    subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)
    shutil.rmtree(ETC_NETNS / space, ignore_errors=True)


def scratch_name() -> str:
    """How the names of this run's scratch folders begin."""
    return f"{PREFIX}-{os.getpid()}-"


def sweep() -> list[str]:
    """Remove the namespaces and scratch folders of lab runs that were killed before they could; return their names."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    spaces = {line.split()[0] for line in listed.splitlines() if line}
    if ETC_NETNS.is_dir():
        spaces |= {path.name for path in ETC_NETNS.iterdir()}
    left = sorted(space for space in spaces if is_abandoned(space))
    for space in left:
        remove_namespace(space)
    folders = [path for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}-*") if is_abandoned(path.name)]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return left + [folder.name for folder in folders]


def is_abandoned(name: str) -> bool:
    """True if a namespace or folder called `name` is named after a lab run whose process is gone."""
    prefix, _, rest = name.partition("-")
    owner = rest.partition("-")[0]
    return prefix == PREFIX and owner.isdigit() and not Path(f"/proc/{owner}").exists()


def _processes_in(space: str) -> list[int]:
    found = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def _send(pid: int, sig: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it may have ended by itself in the meantime
        os.kill(pid, sig)


def _output(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"`{' '.join(argv)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
