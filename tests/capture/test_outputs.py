"""No command writes onto what it reads, whatever the file is called; what was read stays as it was."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from program import conversation, pipeline, wiretropy
from wire import Packet, write_pcap

from wiretropy.capture.outputs import refuse_overwriting
from wiretropy.carve import carve
from wiretropy.cli import net_entropy
from wiretropy.errors import RefusedError
from wiretropy.flows import read_flows


@pytest.fixture
def folder(examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a capture under several names, and a stored scan of it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(examples / "ssh2-long.pcap", "a.pcap")
    Path("link.svg").symlink_to("a.pcap")
    Path("hard.pcapng").hardlink_to("a.pcap")
    shutil.copy("a.pcap", "curve-001-resp.dat")
    read_flows("a.pcap").save("stored")
    shutil.copy("stored/flows.parquet", "flows.parquet")
    shutil.copy("a.pcap", ".x.pcap.partial")
    Path("old").mkdir()
    shutil.copy("a.pcap", "old/.flows.parquet.partial")
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """Every file with the hash of what is in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    "arguments",
    [
        "scan a.pcap --summary a.pcap",
        "scan . --summary hard.pcapng",
        "scan a.pcap --json --summary ./stored/../link.svg",
        "plot a.pcap --to png -o a.pcap",
        "plot a.pcap -o link.svg",
        "plot hard.pcapng --to html -o a.pcap",
        "plot a.pcap curve-001-resp.dat --to dat -o .",
        "plot stored --to svg -o stored/flows.parquet",
        "plot stored/flows.parquet --to svg -o stored/flows.parquet",
        "plot stored --to svg -o stored/summary.json",
        "carve a.pcap --flow C -o a.pcap",
        "carve a.pcap --flow C -o hard.pcapng",
        "carve .x.pcap.partial --flow C -o x.pcap",
        "scan old/.flows.parquet.partial --out old",
    ],
)
def test_an_output_that_is_an_input_is_refused_and_nothing_is_written(arguments: str, folder: Path) -> None:
    before = contents(folder)
    done = wiretropy(*arguments.split())
    assert done.returncode == 2
    assert "would be overwritten; choose another name" in done.stderr
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("plot - --to svg -o link.svg < a.pcap", "is read (standard input) and would be overwritten"),
        ("scan - --summary hard.pcapng < a.pcap", "is read (standard input) and would be overwritten"),
        ("carve a.pcap --flow C -o - >> a.pcap", "standard output: is read"),
        ("scan hard.pcapng --json >> a.pcap", "standard output: is read"),
    ],
)
def test_a_redirection_is_the_file_that_it_names(line: str, refusal: str, folder: Path) -> None:
    before = contents(folder)
    done = pipeline(f"wiretropy {line}", folder)
    assert done.returncode == 2
    assert refusal in done.stderr
    shutil.rmtree(folder / "bin")
    assert contents(folder) == before


def test_totals_are_not_written_onto_the_flows(folder: Path) -> None:
    done = wiretropy("scan", "a.pcap", "--out", "new", "--summary", "new/../new/flows.parquet")
    assert done.returncode == 2
    assert "is where --out writes the flows" in done.stderr
    assert not (folder / "new").exists()


def test_a_scan_stored_onto_a_capture_of_that_name_is_refused(folder: Path) -> None:
    (folder / "odd").mkdir()
    shutil.copy("a.pcap", "odd/summary.json")
    before = contents(folder)
    assert wiretropy("scan", "odd", "--out", "odd").returncode == 2
    assert contents(folder) == before


@pytest.mark.parametrize("reads", ["capture", "protospec"])
def test_a_statistics_file_does_not_replace_what_net_entropy_reads(reads: str, folder: Path) -> None:
    words = ["-r", "a.pcap", "-s", "stats", "-F"]
    assert CliRunner().invoke(net_entropy.command, words).exit_code == 0
    [written] = (folder / "stats").iterdir()
    if reads == "capture":
        shutil.copy("a.pcap", written)
        words[1] = str(written)
    else:
        shutil.copy(Path(__file__).parents[1] / "netentropy/ssh.protospec", written)
        words += ["-c", "stats"]
    before = contents(folder)
    done = CliRunner().invoke(net_entropy.command, words)
    assert done.exit_code == 2
    assert "would be overwritten" in done.stderr
    assert contents(folder) == before


@pytest.mark.parametrize("is_twin", [False, True], ids=["last name", "numbered name"])
def test_net_entropy_writes_no_statistics_when_any_of_them_would_replace_an_input(is_twin: bool, folder: Path) -> None:
    """The one that would is the last; of two connections alike but for their VLAN, it is the numbered one."""
    frames = [packet.frame for packet in conversation(b"text")]
    tagged = [[frame[:12] + b"\x81\0\0" + bytes([vlan]) + frame[12:] for frame in frames] for vlan in (2, 3)]
    packets = [
        Packet(10**18 + at * 1_000 * (not is_twin), frame, len(frame))
        for at, frame in enumerate([*tagged[0], *tagged[1]])
    ]
    write_pcap(folder / "twins.pcap", packets)
    words = ["-r", "twins.pcap", "-s", "stats", "-F"]
    assert CliRunner().invoke(net_entropy.command, words).exit_code == 0
    first, last = sorted((folder / "stats").iterdir(), key=lambda path: (len(path.name), path.name))
    assert last.stem.endswith("-2") == is_twin
    first.unlink()
    shutil.copy("twins.pcap", last)
    before = contents(folder)
    words[1] = str(last)
    done = CliRunner().invoke(net_entropy.command, words)
    assert done.exit_code == 2
    assert f"{last.relative_to(folder)}: is read" in done.stderr
    assert contents(folder) == before


def test_the_function_refuses_as_the_command_does(folder: Path) -> None:
    uid = str(read_flows("a.pcap")["uid"][0])
    with pytest.raises(RefusedError, match="would be overwritten"):
        carve("a.pcap", "hard.pcapng", uids=[uid])
    assert [path.name for path in folder.glob("*.partial")] == [".x.pcap.partial"]


@pytest.mark.usefixtures("folder")
def test_other_files_may_be_written_whether_they_exist_or_not() -> None:
    refuse_overwriting([Path("a.pcap"), Path("absent.pcap")], [Path("flows.parquet"), Path("new"), Path("absent.pcap")])
    assert wiretropy("plot", "a.pcap", "-o", "flows.svg").returncode == 0
    assert wiretropy("plot", "a.pcap", "--to", "dat", "-o", ".").returncode == 0
    assert wiretropy("scan", "a.pcap", "--out", "stored", "--summary", "stored/summary.json").returncode == 0
