"""The generators themselves, against programs that read the same formats."""

import shutil
import subprocess
from pathlib import Path

import pytest

from .case import WHOLE, Case
from .cases import CASES
from .compressed_formats import gz, gz_zeros, lz4, xxh32, zst, zst_zeros
from .containers import pcap, write
from .evasion import SESSIONS

COUNTED_OTHERWISE = {
    "34-resolution-0xff": "Wireshark refuses clocks finer than 10^-19 s or 2^-63 s",
    "34-resolution-0x7f": "Wireshark refuses clocks finer than 10^-19 s or 2^-63 s",
    "36-sixty-thousand-interfaces": "capinfos takes seconds for 60,000 interfaces",
    "45-fifty-thousand-sections": "capinfos takes minutes for 50,000 sections",
    "44-secrets-of-4-gib": "Wireshark refuses blocks of 4 GiB",
    "21-trailing-zeros": "capinfos counts padding as packets of no bytes",
    "21-trailing-zeros-odd-length": "capinfos counts padding as packets of no bytes",
    "17-link-type-reserved-bits": "Wireshark refuses reserved bits",
    "33-interface-option-past-block": "Wireshark refuses options that overrun their block",
    "33-packet-option-past-block": "Wireshark refuses options that overrun their block",
    "43-names-malformed": "Wireshark stops at a name record that overruns its block",
    "51-gz-garbage-tail": "Wireshark reads the garbage as packets",
    "16-link-type-unknown": "Wireshark refuses link types that it does not know",
}
"""Cases whose packets capinfos does not count as the list requires, and why."""


def countable(case: Case) -> bool:
    """Whether an ordinary reader would read all packets of a case."""
    return case.exit_code == WHOLE and bool(case.packets_seen) and case.number < 68 and case.number not in (48, 52, 55)


def installed(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"the program {name} is not installed")


@installed("capinfos")
@pytest.mark.parametrize("case", [case for case in CASES if countable(case)], ids=str)
def test_capinfos_counts_the_packets_that_the_case_states(case: Case, tmp_path: Path) -> None:
    if str(case) in COUNTED_OTHERWISE:
        pytest.skip(COUNTED_OTHERWISE[str(case)])
    path = case.build(tmp_path)
    done = subprocess.run(["capinfos", "-c", "-M", "-r", "-T", path], capture_output=True, text=True, check=False)  # type: ignore[list-item]
    assert done.stdout.split("\t")[1].strip() == str(case.packets_seen), done.stderr


@installed("tshark")
def test_tshark_finds_every_session_well_formed(tmp_path: Path) -> None:
    frames = [frame for session in SESSIONS for frame in session.frames]
    path = write(tmp_path, "evasion.pcap", pcap(frames))
    options = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields", "-e", "frame.number"]
    wrong = "tcp.checksum.status == 0 || ip.checksum.status == 0 || _ws.malformed"
    bad = subprocess.run(["tshark", "-r", path, *options, "-Y", wrong], capture_output=True, text=True, check=True)
    assert bad.stdout == ""
    streams = ["-T", "fields", "-e", "tcp.stream"]
    seen = subprocess.run(["tshark", "-r", path, *streams], capture_output=True, text=True, check=True).stdout.split()
    assert len(seen) == len(frames)
    assert len(set(seen)) >= len(SESSIONS)


@pytest.mark.parametrize(("data", "value"), [(b"", 0x02CC5D05), (b"abc", 0x32D153FF), (b"0123456789abcdef" * 4, None)])
def test_xxh32_has_the_published_values(data: bytes, value: int | None) -> None:
    assert value is None or xxh32(data) == value


@installed("zstd")
def test_zstd_unpacks_the_frames(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1500
    packed = write(tmp_path, "packed.zst", zst(data[:77]) + zst(data) + zst_zeros(3))
    done = subprocess.run(["zstd", "-dc", packed], capture_output=True, check=True)
    assert done.stdout == data[:77] + data + bytes(3 * 131_072)


@installed("lz4")
@pytest.mark.parametrize("has_checksum", [False, True])
def test_lz4_unpacks_the_frames(tmp_path: Path, has_checksum: bool) -> None:
    data = bytes(range(256)) * 1500
    packed = write(tmp_path, "packed.lz4", lz4(data[:77]) + lz4(data, has_checksum=has_checksum))
    done = subprocess.run(["lz4", "-dc", packed], capture_output=True, check=True)
    assert done.stdout == data[:77] + data


@installed("lz4")
def test_lz4_refuses_the_wrong_checksum(tmp_path: Path) -> None:
    packed = write(tmp_path, "packed.lz4", lz4(b"data" * 99, has_checksum=True, wrong_checksum=True))
    assert subprocess.run(["lz4", "-dc", packed], capture_output=True, check=False).returncode != 0


def test_zeros_shrink_a_thousandfold() -> None:
    assert len(gz_zeros(8)) < 8 * (1 << 20) / 900
    assert len(gz(b"")) == 20


def test_every_small_case_is_the_same_each_time(tmp_path: Path) -> None:
    for number, case in enumerate(c for c in CASES if c.number not in (11, 36, 44, 45, 48, 54, 55, 60)):
        for turn in "ab":
            (tmp_path / f"{number}{turn}").mkdir()
        first, second = (case.build(tmp_path / f"{number}{turn}") for turn in "ab")
        assert isinstance(first, Path)
        assert isinstance(second, Path)
        assert first.read_bytes() == second.read_bytes()
