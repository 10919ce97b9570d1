"""SSH-2, short: one command and out, a login that is refused, a few keys typed at a prompt."""

from __future__ import annotations

from lab.manifest import Truth
from lab.network import PASSWORD, USER
from lab.servers import openssh
from lab.stage import Stage
from lab.versions import program

LABEL = "ssh/ssh-2"
PORT = 22
ODD_PORT = 8443  # where one would expect a web server; one of the sessions goes there
CLIENT = "10.0.0.8"

REFUSED = 255  # ssh's exit status when it could not log in


def record(stage: Stage) -> None:
    """Four sessions, none of which reaches the 7.9 bits per byte of an alarm with a fixed threshold for long."""
    ssh = openssh.start(stage, port=PORT, lines=f"Port {ODD_PORT}")
    truth = Truth(
        LABEL, client=program("ssh", "openssh-client"), server=openssh.version(), content="encrypted", onset="ssh-2"
    )
    with stage.capture("ssh2-short.pcap"):
        with stage.session(truth.but(settings="cipher=aes128-ctr auth=publickey", note="one command, exit")):
            stage.run([*ssh[:-1], "-c", "aes128-ctr", ssh[-1], "uname -s"])
        for word, outcome, exits, port in (
            ("not-the-password", "refused", (REFUSED,), PORT),
            (PASSWORD, "accepted", (0,), ODD_PORT),
        ):
            with stage.session(truth.but(settings="cipher=default auth=password", note=f"password {outcome}")):
                stage.run([*by_password(ssh, port), "true"], env=answering(stage, word), exits=exits)
        with stage.session(
            truth.but(settings="cipher=aes256-gcm@openssh.com auth=publickey pty=yes", note="typed at a prompt")
        ):
            stage.run(
                [*ssh[:-1], "-c", "aes256-gcm@openssh.com", "-tt", ssh[-1]], typed="pwd\nexit\n", key_seconds=0.15
            )


def by_password(ssh: list[str], port: int) -> list[str]:
    """The command line of an `ssh` that offers one password and no key, to `port`."""
    # Of an option given twice, ssh takes the first.
    options = ["-p", str(port), "-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1"]
    return ["ssh", *options, *ssh[1:]]


def answering(stage: Stage, word: str) -> dict[str, str]:
    """The environment that makes `ssh` take `word` as the password without a terminal."""
    program_path = stage.write(f"askpass-{USER}", f"#!/bin/sh\necho '{word}'\n", mode=0o755)
    return {"SSH_ASKPASS": str(program_path), "SSH_ASKPASS_REQUIRE": "force"}
