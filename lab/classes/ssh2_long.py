"""SSH-2, long: an OpenSSH session that carries more than the 65,536 bytes measured by default."""

from __future__ import annotations

from lab.manifest import Truth
from lab.servers import openssh
from lab.stage import Stage
from lab.versions import program
from lab.words import text

LABEL = "ssh/ssh-2"
PORT = 22
CLIENT = "10.0.0.7"

# More than 64 KB in one direction, together with what a login takes.
REPORT = 62_000


def record(stage: Stage) -> None:
    """Log in with a key, list the folder, print a long file, exit."""
    ssh = openssh.start(stage, port=PORT)
    stage.write("home/report.txt", text(REPORT, "long session"))
    truth = Truth(
        LABEL, client=program("ssh", "openssh-client"), server=openssh.version(), content="encrypted", onset="ssh-2"
    )
    cipher = "chacha20-poly1305@openssh.com"
    session = truth.but(settings=f"cipher={cipher} auth=publickey", note="ls; cat of a 62,000-byte text; exit")
    with stage.capture("ssh2-long.pcap"), stage.session(session):
        stage.run([*ssh[:-1], "-c", cipher, "-tt", ssh[-1]], typed="ls -l\ncat report.txt\nexit\n")
