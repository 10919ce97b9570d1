"""One class's stage: a network, a scratch folder, servers, clients and captures, all gone when it closes.

A class file gets a `Stage` and says what happens on it:

    stage.start(["nginx", ...], port=443)              a server, until the stage closes
    with stage.capture("https.pcap"):                  what the client's end of the cable sees
        with stage.session(TRUTH):                     flows that begin in here get this truth
            stage.run(["curl", ...])                   a client, to its end
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.manifest import Row, Truth
from lab.network import INTERFACE, Network, scratch_name
from lab.onset import RULES
from lab.pcap import TcpFlow, read_packets, tcp_flows

START_SECONDS = 15  # for a server to listen, or for tcpdump to be ready
RUN_SECONDS = 60  # for a client to end
SETTLE_SECONDS = 0.4  # for the last acknowledgements to cross the cable before the capture ends

# Programs see this and nothing else of the environment the lab runs in.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True)
class _Session:
    truth: Truth
    began_ns: int
    ended_ns: int


class Stage:
    """Everything one class needs to play its sessions.

    Parameters
    ----------
    client, server : str
        The two addresses.

    Attributes
    ----------
    rows : list of Row
        The truth about every flow captured so far.
    """

    def __init__(self, *, client: str, server: str) -> None:
        self.client, self.server = client, server
        self.rows: list[Row] = []
        self._sessions: list[_Session] = []
        self._closing = ExitStack()

    def __enter__(self) -> Stage:
        with ExitStack() as opening:
            folder = opening.enter_context(tempfile.TemporaryDirectory(prefix=scratch_name()))
            self.folder = Path(folder)
            self.folder.chmod(0o755)  # servers that drop privileges must be able to enter
            self.home = self.folder / "home"
            self.network = opening.enter_context(Network(self.client, self.server, self.home))
            self._closing = opening.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.__exit__(None, None, None)

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> Path:
        """Write a file under the scratch folder and return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def start(self, argv: Sequence[str], *, port: int, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a server and wait until it listens on `port`. It ends with the stage, or by `stop`."""
        process, log = self._spawn(self.network.server_space, argv, env)
        self._wait(lambda: is_listening(process.pid, port), process, log, f"{argv[0]} to listen on port {port}")
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End a server before the stage closes, to start another in its place."""
        _reap(process)

    def background(
        self,
        argv: Sequence[str],
        *,
        ready: Path | None = None,
        env: dict[str, str] | None = None,
        at_server: bool = False,
    ) -> None:
        """Start a program that a client or server needs, such as a display, and wait until the file `ready` exists."""
        space = self.network.server_space if at_server else self.network.client_space
        process, log = self._spawn(space, argv, env)
        if ready:
            self._wait(ready.exists, process, log, f"{argv[0]} to make {ready.name}")

    def run(
        self,
        argv: Sequence[str],
        *,
        env: dict[str, str] | None = None,
        typed: str = "",
        key_seconds: float = 0.05,
        exits: Sequence[int] = (0,),
    ) -> None:
        """Run a client to its end.

        `typed` is fed to its standard input one character every `key_seconds`, as a person would. Raises LabError if
        its exit status is not among `exits`, or if it takes more than `RUN_SECONDS`.
        """
        process, log = self._spawn(
            self.network.client_space, argv, env, stdin=subprocess.PIPE if typed else subprocess.DEVNULL
        )
        if process.stdin:
            _type(process.stdin.fileno(), typed, key_seconds)
            process.stdin.close()
        try:
            status = process.wait(RUN_SECONDS)
        except subprocess.TimeoutExpired:
            raise LabError(f"{argv[0]} still runs after {RUN_SECONDS} s; {_last_words(log)}") from None
        if status not in exits:
            raise LabError(f"{argv[0]} ended with status {status}, expected {exits}; {_last_words(log)}")

    @contextmanager
    def running(self, argv: Sequence[str], *, env: dict[str, str] | None = None) -> Iterator[None]:
        """Run a client that would not end by itself; stop it after the block. Raises LabError if it ends earlier."""
        process, log = self._spawn(self.network.client_space, argv, env)
        yield
        if process.poll() is not None:
            raise LabError(f"{argv[0]} ended with status {process.returncode} while it was needed; {_last_words(log)}")
        _reap(process)

    @contextmanager
    def session(self, truth: Truth) -> Iterator[None]:
        """Give `truth` to the flows that begin before the block ends."""
        began = time.time_ns()
        yield
        time.sleep(SETTLE_SECONDS)
        self._sessions.append(_Session(truth, began, time.time_ns()))

    @contextmanager
    def capture(self, name: str) -> Iterator[None]:
        """Capture the client's end of the cable into `name`, whole packets, and add its flows to `rows`."""
        path = self.folder / name
        argv = [*f"tcpdump -i {INTERFACE} -s 0 --immediate-mode -U -n -Z root -w".split(), str(path), "ip"]
        process, log = self._spawn(self.network.client_space, argv)
        self._wait(lambda: "listening on" in log.read_text(), process, log, "tcpdump to listen")
        yield
        time.sleep(SETTLE_SECONDS)
        process.send_signal(signal.SIGINT)
        process.wait(START_SECONDS)
        if "\n0 packets dropped by kernel" not in log.read_text():
            raise LabError(f"{name}: the capture is not whole; {_last_words(log)}")
        self._keep_truth(path)

    def deliver(self, out: Path) -> None:
        """Move the captures to `out`, once all of them are whole."""
        for name in dict.fromkeys(row.file for row in self.rows):
            shutil.move(self.folder / name, out / name)

    def _keep_truth(self, path: Path) -> None:
        flows = tcp_flows(read_packets(path))
        for session in self._sessions:
            own = [flow for flow in flows if session.began_ns <= flow.first_ns < session.ended_ns]
            if not own:
                raise LabError(f"{path.name}: no flow of {session.truth.client} to {session.truth.server} was captured")
            self.rows += [row_of(path.name, session.truth, flow) for flow in own]
        self._sessions.clear()

    def _spawn(
        self, space: str, argv: Sequence[str], env: dict[str, str] | None = None, stdin: int = subprocess.DEVNULL
    ) -> tuple[subprocess.Popen[bytes], Path]:
        number = len(list(self.folder.glob("log-*")))
        log = self.folder / f"log-{number}"
        with log.open("wb") as out:
            process = subprocess.Popen(
                self.network.command(space, argv),
                stdin=stdin,
                stdout=out,
                stderr=out,
                cwd=self.folder,
                env={**ENVIRONMENT, "HOME": str(self.home), **(env or {})},
                start_new_session=True,  # the lab's own Ctrl-C must not end servers before the sessions are over
            )
        self._closing.callback(_reap, process)
        return process, log

    def _wait(self, is_ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"waited in vain for {what}; {_last_words(log)}")
            time.sleep(0.05)


def row_of(name: str, truth: Truth, flow: TcpFlow) -> Row:
    """The manifest row of one captured flow."""
    rule = RULES[truth.onset] if truth.onset else lambda _payload: None
    orig_from, resp_from = (rule(flow.payload(side)) for side in (flow.orig, flow.resp))
    return Row(
        file=name,
        label=truth.label,
        orig=f"{flow.orig[0]}:{flow.orig[1]}",
        resp=f"{flow.resp[0]}:{flow.resp[1]}",
        client=truth.client,
        server=truth.server,
        settings=truth.settings,
        content=truth.content,
        orig_encrypted_from="" if orig_from is None else str(orig_from),
        resp_encrypted_from="" if resp_from is None else str(resp_from),
        note=truth.note,
    )


def is_listening(pid: int, port: int) -> bool:
    """True if a TCP socket listens on `port` in the network that process `pid` sees. No packet is sent to find out."""
    try:
        # A server that listens on IPv6's wildcard address takes IPv4 connections as well.
        tables = [Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    except OSError:  # the process has just ended
        return False
    sockets = (line.split() for table in tables for line in table)
    return any(state == "0A" and int(local.rpartition(":")[2], 16) == port for _, local, _, state, *_ in sockets)


def _type(descriptor: int, keys: str, key_seconds: float) -> None:
    for key in keys:
        time.sleep(key_seconds)
        try:
            os.write(descriptor, key.encode())
        except BrokenPipeError:  # the client has ended; its status says whether that was right
            return


def _last_words(log: Path) -> str:
    said = log.read_text(errors="replace").strip().splitlines()[-5:]
    return f"its last words: {' / '.join(said)}" if said else "it said nothing"


def _reap(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
