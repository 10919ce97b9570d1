"""Uppity, PuTTY's SSH test server, speaking SSH-1; `lab/install.sh` builds it.

It serves one connection on its standard input and output, so socat listens and starts one uppity each. It accepts the
password `weasel` and the RSA key it is told of, whoever the user says to be, and runs the shell of whoever started it.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lab.errors import LabError
from lab.stage import Stage

FOLDER = Path(os.environ.get("WIRETROPY_LAB_PREFIX", "/usr/local/lib/wiretropy-lab"))
PASSWORD = "weasel"
HOST_KEY_BITS = 1024  # what SSH-1 servers used; the server key then has 768


def version() -> str:
    """uppity and its version, for the manifest."""
    try:
        return f"uppity {(FOLDER / 'uppity.version').read_text().strip()}"
    except OSError:
        raise LabError(f"{FOLDER}/uppity.version is missing; lab/install.sh builds uppity") from None


def make_keys(stage: Stage) -> None:
    """Make the host's and the user's RSA key for SSH-1, `host_rsa1` and `user_rsa1`, in the scratch folder."""
    blank = stage.write("no-passphrase", "")
    for name in ("host_rsa1", "user_rsa1"):
        path = str(stage.folder / name)
        stage.run(
            [
                "puttygen",
                "-q",
                "-t",
                "rsa1",
                "-b",
                str(HOST_KEY_BITS),
                "-C",
                name,
                "--new-passphrase",
                str(blank),
                "-o",
                path,
            ]
        )
        stage.run(["puttygen", path, "-O", "public", "-o", f"{path}.pub"])


def fingerprint(stage: Stage) -> str:
    """The host key's MD5 fingerprint, which plink takes as proof of the host."""
    listed = subprocess.run(
        ["puttygen", "-l", str(stage.folder / "host_rsa1")], capture_output=True, text=True, check=True
    )
    return next(word for word in listed.stdout.split() if word.count(":") == 15)


def start(stage: Stage, *, port: int, ciphers: str = "3des,blowfish,des") -> None:
    """Listen on `port` with SSH-1 only, offering `ciphers`."""
    keys = f"--hostkey {stage.folder}/host_rsa1 --userkey {stage.folder}/user_rsa1.pub"
    server = f"{FOLDER}/uppity {keys} --ssh1-ciphers {ciphers}".replace(",", "\\,")
    stage.start(
        ["socat", f"TCP-LISTEN:{port},fork,reuseaddr,nodelay", f"EXEC:{server}"], port=port, env={"SHELL": "/bin/sh"}
    )
