"""OpenSSH's sshd, in the foreground, with host keys and a configuration of the lab's own."""

from __future__ import annotations

from lab.network import USER
from lab.stage import Stage
from lab.versions import program

CONFIGURATION = """
Port {port}
HostKey {folder}/host_ed25519
PidFile none
UsePAM no
StrictModes no
UseDNS no
PrintLastLog no
PasswordAuthentication yes
KbdInteractiveAuthentication no
AuthorizedKeysFile {folder}/authorized_keys
Subsystem sftp internal-sftp
{lines}
"""


def version() -> str:
    """sshd and its version, for the manifest."""
    return program("sshd", "openssh-server")


def start(stage: Stage, *, port: int, lines: str = "") -> list[str]:
    """Start sshd and return the command line of an `ssh` that may log in to it as `ada` with a key.

    `lines` are added to the server's configuration.
    """
    folder = stage.folder
    for name in ("host_ed25519", "user_ed25519"):
        stage.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)])
    stage.write("authorized_keys", (folder / "user_ed25519.pub").read_bytes())
    configuration = stage.write("sshd_config", CONFIGURATION.format(port=port, folder=folder, lines=lines))
    stage.start(["/usr/sbin/sshd", "-D", "-e", "-f", str(configuration)], port=port)
    options = ["UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=no", "LogLevel=ERROR", f"Port={port}"]
    flags = [word for option in options for word in ("-o", option)]
    return ["ssh", "-F", "/dev/null", *flags, "-l", USER, "-i", str(folder / "user_ed25519"), stage.server]
