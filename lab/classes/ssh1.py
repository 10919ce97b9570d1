"""SSH-1: plink and OpenSSH's ssh1 with PuTTY's test server, three ciphers, several ways to log in."""

from __future__ import annotations

from lab.manifest import Truth
from lab.network import USER
from lab.servers import uppity
from lab.stage import Stage
from lab.versions import program
from lab.words import text

LABEL = "ssh/ssh-1"
PORT = 22
CLIENT = "10.0.0.9"
SERVER = "203.0.113.22"

# SSH-1's ciphers are old enough that OpenSSL 3 keeps them apart.
LEGACY_OPENSSL = """
openssl_conf = openssl_init
[openssl_init]
providers = providers
[providers]
default = active
legacy = active
[active]
activate = 1
"""

REFUSED_BY_PLINK = 1


def record(stage: Stage) -> None:
    """Eight sessions: every cipher, both clients, both ways to log in, a compressed one and a refused password."""
    uppity.make_keys(stage)
    uppity.start(stage, port=PORT)
    stage.write("home/minutes.txt", text(8_000, "minutes"))
    plink, ssh1 = Plink(stage), Ssh1(stage)
    with stage.capture("ssh1.pcap"):
        plink.play("3des", "password", command="uname -s")
        plink.play("blowfish", "rsa", typed="pwd\ncat minutes.txt\nexit\n")
        plink.play("des", "password", typed="date -u +%Y\nexit\n")
        plink.play("3des", "password", command="cat minutes.txt", compression=True)
        plink.play("3des", "password", password="not-it", exits=(REFUSED_BY_PLINK,))
        ssh1.play("3des", "password", typed="pwd\nexit\n")
        ssh1.play("3des", "rsa", command="cat minutes.txt")
        ssh1.play("des", "rsa", command="uname -s")


def truth(client: str, *, cipher: str, auth: str, compression: bool = False, note: str) -> Truth:
    """The truth of one SSH-1 session."""
    settings = f"cipher={cipher} auth={auth} compression={'yes' if compression else 'no'}"
    return Truth(LABEL, client, uppity.version(), content="encrypted", onset="ssh-1", settings=settings, note=note)


def deed(command: str, typed: str) -> str:
    """What a session did, for the manifest."""
    return f"runs `{command}`" if command else "types " + ", ".join(f"`{line}`" for line in typed.split("\n") if line)


class Plink:
    """PuTTY's command-line client. It takes the cipher from a saved session only."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.host = stage, uppity.fingerprint(stage)

    def play(
        self,
        cipher: str,
        auth: str,
        *,
        command: str = "",
        typed: str = "",
        password: str = uppity.PASSWORD,
        compression: bool = False,
        exits: tuple[int, ...] = (0,),
    ) -> None:
        """Log in, run `command` or type `typed`, log out."""
        # Ciphers behind WARN make plink ask first; DES stands there by default.
        self.stage.write(
            f"home/.putty/sessions/{cipher}", f"Cipher={cipher},WARN\nSshProt=0\nCompression={int(compression)}\n"
        )
        login = ["-pw", password] if auth == "password" else ["-i", str(self.stage.folder / "user_rsa1"), "-noagent"]
        argv = [*f"plink -batch -load {cipher} -ssh -1 -P {PORT} -hostkey {self.host} -l {USER}".split(), *login]
        argv += [self.stage.server] if typed or not command else [self.stage.server, command]
        note = "password refused" if exits != (0,) else deed(command, typed)
        with self.stage.session(
            truth(program("plink", "putty-tools"), cipher=cipher, auth=auth, compression=compression, note=note)
        ):
            self.stage.run(argv, typed=typed, exits=exits)


class Ssh1:
    """OpenSSH 7.5's client, the last that spoke SSH-1. Its Blowfish crashes on OpenSSL 3; 3DES and DES work."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        ask = stage.write("askpass-ssh1", f"#!/bin/sh\necho {uppity.PASSWORD}\n", mode=0o755)
        legacy = stage.write("legacy-openssl.cnf", LEGACY_OPENSSL)
        # It asks by a program only where it believes to be on a desktop, which DISPLAY tells it.
        self.env = {"OPENSSL_CONF": str(legacy), "SSH_ASKPASS": str(ask), "DISPLAY": ":0"}

    def play(self, cipher: str, auth: str, *, command: str = "", typed: str = "") -> None:
        """Log in, run `command` or type `typed`, log out."""
        host_key = "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no"
        argv = f"ssh1 -F /dev/null -1 -c {cipher} {host_key} -o NumberOfPasswordPrompts=1 -p {PORT} -l {USER}".split()
        argv += ["-i", str(self.stage.folder / "user_rsa1")] if auth == "rsa" else ["-o", "RSAAuthentication=no"]
        argv += ["-tt", self.stage.server] if typed else [self.stage.server, command]
        with self.stage.session(
            truth(program("ssh1", "openssh-client-ssh1"), cipher=cipher, auth=auth, note=deed(command, typed))
        ):
            self.stage.run(argv, env=self.env, typed=typed)
