"""Section of the report: ndpiReader's word on encryption beside our verdicts, flow by flow on captures.

    python -m bench.accuracy.ndpi      # print the section; writes nothing

Captures enter: those of examples/, whose truth is in manifest.csv, and of the public captures those of repositories
that most of our models saw nothing of, whose truth is in the corpus. ndpiReader (Debian: libndpi-bin) reads each twice,
with its guesses by port and without. What it prints of a flow is read here; the section says so where it is missing.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import wiretropy
from bench import report
from bench.accuracy import scores
from bench.accuracy.segments import REPOSITORY
from bench.report import Section, Table
from bench.verdict.public import corpus
from bench.verdict.traffic import TEST
from bench.verdict.train_flows import UNSURE
from wiretropy.errors import WiretropyError
from wiretropy.flows import read_flows

PROGRAM = "ndpiReader"

PATIENCE_S = 120
"""The largest capture takes a second; whatever takes two minutes hangs."""

LEAST_BYTES = 64
"""Payload of both sides together, below which a flow has little that could be told from its bytes."""

LEAST_FLOWS = 5
"""Flows of a label, below which it has no row of its own."""

RISK = "Suspicious Entropy"

End = tuple[str, int]
Key = tuple[str, frozenset[End]]
"""Transport, and both ends in any order: programs differ in who began a flow that was seen from its middle."""

_FLOW = re.compile(
    r"\t\d+\t(?P<proto>TCP|UDP) (?P<one>\S+):(?P<port>\d+) <?-> (?P<other>\S+):(?P<peer>\d+) (?P<rest>\[.*)"
)


@dataclass(frozen=True, slots=True)
class Named:
    """What ndpiReader says of a flow.

    Attributes
    ----------
    protocol : str
        Its name, with what stands behind a dot: ``TLS.Google``; ``Unknown`` if it has none.
    is_encrypted : bool
        That it takes the protocol for encrypted.
    is_random : bool
        That it found the entropy of the payload suspicious.
    """

    protocol: str
    is_encrypted: bool
    is_random: bool

    @property
    def says(self) -> bool | None:
        """Whether the flow is encrypted; None if it says nothing, since what is unknown is printed as cleartext."""
        if self.is_encrypted or self.is_random:
            return True
        return None if self.protocol == "Unknown" else False


@dataclass(frozen=True, slots=True)
class Judged:
    """A flow with its truth and what each method says of it: encrypted, not, or nothing.

    Attributes
    ----------
    group, label, capture : str
        Which captures it belongs to, what it is called there, and its capture.
    is_encrypted : bool
        The truth.
    said : tuple of bool or None
        In the order of `METHODS`.
    """

    group: str
    label: str
    capture: str
    is_encrypted: bool
    said: tuple[bool | None, ...]


METHODS = ("nDPI", "nDPI without guesses (-d)", "wiretropy")


def flows_of(printed: str) -> dict[Key, Named]:
    """The TCP and UDP flows that ``ndpiReader -v 2`` printed; of several with the same ends, one that says more."""
    found: dict[Key, Named] = {}
    for line in printed.splitlines():
        if match := _FLOW.match(line):
            ends = [(match["one"], match["port"]), (match["other"], match["peer"])]
            key = (match["proto"].lower(), frozenset((address.strip("[]"), int(port)) for address, port in ends))
            flow = _named(match["rest"])
            if key not in found or (found[key].says is not True and flow.says is not None):
                found[key] = flow
    return found


def _named(rest: str) -> Named:
    """Read the fields in brackets; behind the first ones may stand text of packets, so only risks are read there."""
    fields = re.findall(r"\[([^\]]*)\]", rest)
    at = next(number for number, text in enumerate(fields) if text.startswith("proto: "))
    risks = [text for text in fields if text.startswith("Risk: ** ")]
    return Named(
        fields[at].partition("/")[2],
        "Encrypted" in fields[at + 1 : at + 3],
        any(f"** {RISK} **" in text for text in risks),
    )


def run(capture: Path, *, guesses: bool) -> dict[Key, Named]:
    """What ndpiReader says of a capture; nothing if it cannot read it."""
    command = [PROGRAM, "-v", "2", *([] if guesses else ["-d"]), "-i", str(capture)]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    return flows_of(done.stdout.decode("utf-8", "replace"))


def ours(capture: Path) -> dict[Key, bool | None]:
    """Our verdicts: encrypted, something else, or undecided; of several flows with the same ends, the longest's."""
    found: dict[Key, bool | None] = {}
    try:
        rows = wiretropy.judge(read_flows(capture)).to_arrow().to_pylist()
    except WiretropyError:
        # Some captures hold nothing that can be read.
        return found
    for row in sorted(rows, key=_payload):
        if row["proto"] in ("tcp", "udp") and _payload(row) >= LEAST_BYTES:
            ends = frozenset(((row["orig_ip"], row["orig_port"]), (row["resp_ip"], row["resp_port"])))
            found[row["proto"], ends] = None if row["verdict"] == "undecided" else row["verdict"] == "encrypted"
    return found


def _payload(row: Mapping[str, int]) -> int:
    return row["orig_payload_bytes"] + row["resp_payload_bytes"]


Truth = dict[Path, dict[Key, tuple[str, bool]]]
"""By capture and flow: what it is called, and whether it is encrypted."""


def truth_of_examples() -> Truth:
    """Flows of examples/; demo.pcap repeats those of the others."""
    folder = REPOSITORY / "examples"
    found: Truth = {}
    with (folder / "manifest.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["file"] != "demo.pcap":
                ends = frozenset((each.rpartition(":")[0], int(each.rpartition(":")[2])) for each in _ends(row))
                truth = (f"{row['class']}: {row['content']}", row["content"] == "encrypted")
                found.setdefault(folder / row["file"], {})["tcp", ends] = truth
    return found


def _ends(row: Mapping[str, str]) -> tuple[str, str]:
    return row["orig"], row["resp"]


def truth_of_corpus() -> Truth:
    """Flows of the public captures of `TEST` whose label is sure."""
    found: Truth = {}
    path = corpus() / "flows.csv"
    if not path.is_file():
        return found
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if _is_sure(row):
                ends = frozenset((row[f"{end}_ip"], int(row[f"{end}_port"])) for end in ("client", "server"))
                truth = (row["label"], row["coarse"] == "encrypted")
                found.setdefault(corpus() / row["file"], {})[row["transport"].lower(), ends] = truth
    return found


def _is_sure(row: Mapping[str, str]) -> bool:
    """By the repository, by who says it, and by what it is; nDPI's own captures are none of `TEST`."""
    is_told = row["label_src"] not in ("ndpi", "filename") and row["agree"] != "0"
    is_one_kind = row["coarse"] in ("encrypted", "plaintext", "compressed-or-media") and row["label"] not in UNSURE
    return row["file"].split("/")[0] in TEST and is_told and is_one_kind and row["transport"] in ("TCP", "UDP")


def compare(group: str, truth: Truth) -> Iterator[Judged]:
    """The flows that have a truth and that both programs see."""
    for capture, flows in sorted(truth.items()):
        own = ours(capture)
        guessed, unguessed = (run(capture, guesses=guesses) for guesses in (True, False))
        for key, (label, is_encrypted) in flows.items():
            if key in own and key in guessed and key in unguessed:
                yield Judged(
                    group, label, capture.name, is_encrypted, (guessed[key].says, unguessed[key].says, own[key])
                )


def tally(flows: Sequence[Judged], method: int) -> str:
    """How many flows a method is right and wrong about, and says nothing of."""
    count = Counter("silent" if (said := flow.said[method]) is None else said == flow.is_encrypted for flow in flows)
    return f"{count[True]} / {count[False]} / {count['silent']}"


def share(flows: Sequence[Judged], method: int) -> str:
    """Percent of flows that a method is right about, with its interval over captures."""
    is_right = np.array([flow.said[method] is flow.is_encrypted for flow in flows])
    return str(scores.share(is_right, np.array([flow.capture for flow in flows])))


def section_of(flows: Sequence[Judged], version: str) -> Section:
    """The section of flows that were compared."""
    section = Section("ndpi", TITLE, [*TEXT, f"Compared with {version}."])
    groups: dict[tuple[str, str], list[Judged]] = {}
    names: dict[tuple[str, str, str], list[Judged]] = {}
    for flow in flows:
        truth = "encrypted" if flow.is_encrypted else "not encrypted"
        groups.setdefault((flow.group, truth), []).append(flow)
        names.setdefault((flow.group, flow.label, truth), []).append(flow)
    for what in (tally, share):
        rows = [[*key, *_cells(of_group, what)] for key, of_group in sorted(groups.items())]
        head = "flows right / wrong / silent" if what is tally else "right, percent"
        section.tables.append(Table((head, "truth", "flows", "captures", *METHODS), rows))
    rows = [
        [label, truth, *_cells(of_name, tally)]
        for (group, label, truth), of_name in sorted(names.items())
        if group == EXAMPLES or len(of_name) >= LEAST_FLOWS
    ]
    section.tables.append(Table(("kind", "truth", "flows", "captures", *METHODS), rows))
    return section


def _cells(flows: Sequence[Judged], what: Callable[[Sequence[Judged], int], str]) -> list[str]:
    counts = [str(len(flows)), str(len({flow.capture for flow in flows}))]
    return [*counts, *(what(flows, method) for method in range(len(METHODS)))]


TITLE = "Beside nDPI, on flows of captures"

EXAMPLES, PUBLIC = "examples", "public captures"

TEXT = (
    "Whether a flow is encrypted, by ndpiReader's mark `Encrypted` or its risk `Suspicious Entropy`, and by our "
    f"verdict, on the same flows: TCP and UDP of {LEAST_BYTES} bytes of payload and more that both programs see. "
    "Numbers are flows right / wrong / with nothing said: a protocol that nDPI does not know, a verdict of "
    "`undecided`.",
    "nDPI is made for another thing: it names protocols by their signatures, and takes ports and addresses where it "
    "is not told otherwise (-d). By name it knows that a protocol is encrypted as a rule, not whether this flow is; "
    "and it names hundreds of protocols, which wiretropy does not. The truth of the public captures is by name too, "
    "mostly tshark's, so that what signatures know is right by definition: SSH with the cipher `none`, of which there "
    "is a flow, counts as encrypted. They are those of repositories that are neither nDPI's nor seen by our models, "
    "but for the scores of single bytes that cut sides into segments, which were learnt from all public captures. "
    "Labels whose flows are of several kinds are left out. Flows of one capture are alike, so look at the number of "
    "captures: brackets are 95 % intervals over captures.",
    "The last table has every class of the examples, and labels of the public captures with "
    f"{LEAST_FLOWS} flows or more.",
)


def beside() -> Section:
    """Run both and compare."""
    if shutil.which(PROGRAM) is None:
        section = Section("ndpi", TITLE, list(TEXT))
        section.tables.append(Table(METHODS, [["not installed (Debian: libndpi-bin)"] * 2 + ["not compared"]]))
        return section
    help_text = subprocess.run([PROGRAM, "-h"], capture_output=True, text=True, check=False).stdout
    version = next((line.removeprefix("Welcome to ") for line in help_text.splitlines() if "Welcome" in line), PROGRAM)
    flows = [*compare(EXAMPLES, truth_of_examples()), *compare(PUBLIC, truth_of_corpus())]
    return section_of(flows, version)


if __name__ == "__main__":
    sys.stdout.write(report.document([beside()], [], title="nDPI"))
