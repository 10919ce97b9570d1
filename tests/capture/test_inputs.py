"""Which files are read: folders, lists, rotated sets, standard input, files that still grow."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_input.compressed_formats import gz, lz4, zst
from program import wiretropy
from wire import CLIENT, Connection, Datagrams, End, Packet, Wire, pcap_bytes, pcapng_bytes

from wiretropy.capture.inputs import expand
from wiretropy.capture.run import CaptureRun
from wiretropy.capture.settings import ScanSettings
from wiretropy.carve import carve
from wiretropy.errors import RefusedError
from wiretropy.flows import iter_flows, read_flows, trace_flows

PATIENCE_S = 30
"""How long a test waits for another thread before it calls it hung."""


def datagrams(count: int, port: int = 1_000) -> list[Packet]:
    """A flow of so many datagrams."""
    wire = Wire()
    talk = Datagrams(wire, End(CLIENT.ip, port))
    for number in range(count):
        talk.send("orig", b"datagram %d" % number)
    return wire.packets


def reused_ports(connections: int = 400) -> list[Packet]:
    """Connections of all lengths on few ports, each ended by the next one's SYN: flows that end at any time."""
    wire = Wire(step_ns=1_000)
    talks: dict[int, Connection] = {}
    for number in range(connections):
        port = 3_000 + number * number % 23
        talks[port] = Connection(wire, End(CLIENT.ip, port), isn=(number * 77_777_777 % 2**32, number)).open()
        for other in sorted(talks):
            talks[other].send("orig", b"more %d" % number)
        talks[port].send("resp", bytes(number)).close()
        if number % 3:
            del talks[port]
    return wire.packets


# Folders and lists.


def test_of_a_folder_the_captures_are_read_whatever_else_lies_there(tmp_path: Path) -> None:
    (tmp_path / "b.pcap").write_bytes(pcap_bytes(datagrams(2)))
    (tmp_path / "a.anything").write_bytes(pcapng_bytes(datagrams(2, 1_001)))
    (tmp_path / "c.gz").write_bytes(gz(pcap_bytes(datagrams(2, 1_002))))
    (tmp_path / "d").write_bytes(zst(pcap_bytes(datagrams(2, 1_003))))
    (tmp_path / "e").write_bytes(lz4(pcap_bytes(datagrams(2, 1_004))))
    (tmp_path / "notes.txt").write_text("no capture")
    (tmp_path / "empty.pcap").touch()
    (tmp_path / "folder.pcap").mkdir()
    assert [path.name for path in expand(tmp_path)] == ["a.anything", "b.pcap", "c.gz", "d", "e"]
    flows = read_flows(tmp_path)
    assert sorted(flows["orig_port"].tolist()) == [1_000, 1_001, 1_002, 1_003, 1_004]
    assert {Path(source).name for source in flows["source"]} == {"a.anything", "b.pcap", "c.gz", "d", "e"}


def test_a_flow_is_one_across_rotated_files_and_lies_where_it_began(tmp_path: Path) -> None:
    packets = datagrams(30)
    for number in range(3):
        (tmp_path / f"rotated.pcap{number}").write_bytes(pcap_bytes(packets[10 * number : 10 * number + 10]))
    flows = read_flows(tmp_path)
    [row] = flows.to_arrow().to_pylist()
    assert (row["orig_packets"], row["first_packet"]) == (30, 1)
    assert Path(row["source"]).name == "rotated.pcap0"


def test_a_crossing_names_the_file_and_packet_of_its_byte(tmp_path: Path) -> None:
    wire = Wire()
    talk = Datagrams(wire)
    for number in range(40):
        talk.send("orig", bytes(at * (number | 1) % 256 for at in range(100)))
    for number in range(4):
        (tmp_path / f"{number}.pcap").write_bytes(pcap_bytes(wire.packets[10 * number : 10 * number + 10]))
    [row] = read_flows(tmp_path, threshold=7.6).to_arrow().to_pylist()
    assert row["orig_crossing_offsets"]
    first = (row["orig_crossing_offsets"][0] - 1) // 100
    assert row["orig_crossing_packets"][0] == first % 10 + 1
    assert Path(row["orig_crossing_sources"][0]).name == f"{first // 10}.pcap"


def test_nothing_named_and_a_folder_without_captures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no capture was named"):
        read_flows([])
    with pytest.raises(RefusedError, match="holds no capture"):
        read_flows(tmp_path)
    with pytest.raises(RefusedError, match="named twice"):
        read_flows(["-", "-"])


def test_a_packet_that_is_cut_off_does_not_make_a_refused_capture_a_partial_one(tmp_path: Path) -> None:
    (tmp_path / "no.pcap").write_bytes(b"no capture at all, whatever it is called")
    whole = pcap_bytes([Packet(0, bytes(60))])
    (tmp_path / "cut.pcap").write_bytes(whole[:-1])
    done = wiretropy("scan", tmp_path / "no.pcap", tmp_path / "cut.pcap")
    assert done.returncode == 2, done.stderr


def test_folders_below_a_folder_are_not_searched_and_the_message_says_so(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.pcap").write_bytes(pcap_bytes(datagrams(1)))
    with pytest.raises(RefusedError, match="folders below it are not searched"):
        expand(tmp_path)


def test_stored_flows_named_as_captures_are_refused_and_the_message_says_what_opens_them(tmp_path: Path) -> None:
    capture = tmp_path / "a.pcap"
    capture.write_bytes(pcap_bytes(datagrams(1)))
    read_flows(capture).save(tmp_path / "stored")
    for named in (tmp_path / "stored", tmp_path / "stored" / "flows.parquet"):
        with pytest.raises(RefusedError, match=r"holds flows that a scan stored.*wiretropy plot.*Flows\.load"):
            read_flows([capture, named])


def test_an_absent_file_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"absent\.pcap"):
        read_flows(tmp_path / "absent.pcap")


def test_an_absent_file_among_others_is_a_fault_and_the_others_are_read(tmp_path: Path) -> None:
    there = tmp_path / "there.pcap"
    there.write_bytes(pcap_bytes(datagrams(2)))
    flows = read_flows([there, tmp_path / "absent.pcap"])
    assert len(flows) == 1
    [fault] = flows.summary.faults
    assert (fault.severity, Path(fault.path).name, fault.packets) == ("refused", "absent.pcap", 0)
    assert flows.summary.is_partial
    assert not flows.summary.is_refused


def test_more_files_than_can_be_open_at_once_are_read(tmp_path: Path) -> None:
    packets = datagrams(300)
    for number in range(150):
        (tmp_path / f"{number:03}.pcap").write_bytes(pcap_bytes(packets[2 * number : 2 * number + 2]))
    [row] = read_flows(tmp_path).to_arrow().to_pylist()
    assert row["orig_packets"] == 300


# Batches.


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("resync", [False, True])
@pytest.mark.parametrize("form", [pcap_bytes, pcapng_bytes], ids=["pcap", "pcapng"])
def test_a_packet_within_which_a_file_ends_is_counted_once_with_the_bytes_that_are_there(
    form: Any, resync: bool, threads: int, tmp_path: Path
) -> None:
    """Of three files read as one stream: one is whole, one ends in its last packet, one in its only one."""
    packets = datagrams(9)
    ends_with = 0 if form is pcap_bytes else 4 + -len(packets[5].frame) % 4
    whole, cut, only = form(packets[:3]), form(packets[3:6]), form(packets[6:7])
    for name, content in (("a", whole), ("b", cut[: -ends_with - 7]), ("c", only[: -ends_with - 7])):
        (tmp_path / name).write_bytes(content)
    summary = read_flows(tmp_path, resync=resync, threads=threads).summary
    assert (summary.packets.seen, summary.packets.decoded, summary.packets.undecoded) == (7, 5, {"truncated": 2})
    there = [len(packets[at].frame) - 7 for at in (5, 6)]
    assert summary.bytes.undecoded == {"truncated": sum(there)}
    assert summary.bytes.seen == sum(len(packet.frame) for packet in packets[:5]) + sum(there)


@pytest.mark.parametrize("pack", [gz, zst], ids=["gz", "zst"])
def test_a_packet_that_broken_compression_cuts_is_counted_too(pack: Any, tmp_path: Path) -> None:
    path, wire = tmp_path / "a.pcap", Wire()
    talk = Datagrams(wire, CLIENT)
    for number in range(300):
        talk.send("orig", random.Random(number).randbytes(1_400))
    path.write_bytes(pack(pcap_bytes(wire.packets))[:-200_000])
    summary = read_flows(path).summary
    [fault] = summary.faults
    assert (fault.id, fault.packets) == ("truncated-compression", summary.packets.decoded)
    assert summary.packets.undecoded == {"truncated": 1}
    assert summary.packets.seen == summary.packets.decoded + 1


def test_batches_together_are_the_whole(examples: Path) -> None:
    whole = read_flows(examples)
    batches = list(iter_flows(examples))
    assert [uid for batch in batches for uid in batch["uid"]] == whole["uid"].tolist()
    assert batches[-1].summary == whole.summary


def test_packet_rows_are_handed_out_while_a_single_flow_goes_on(tmp_path: Path) -> None:
    """A flow may have more packets than memory has room for rows."""
    [packet] = datagrams(1)
    path = tmp_path / "long.pcap"
    path.write_bytes(pcap_bytes([packet] * 200_000))
    sizes = [table.num_rows for table in trace_flows(path)]
    assert sum(sizes) == 200_000
    assert max(sizes) <= 100_000


def test_packet_rows_are_in_capture_order_and_end_where_the_flow_does(examples: Path) -> None:
    path = examples / "rtmp.pcap"
    row = read_flows(path).sort_by("orig_payload_bytes").to_arrow().to_pylist()[-1]
    [table] = trace_flows(path, [row["uid"]])
    numbers = table["number"].to_pylist()
    assert numbers == sorted(numbers)
    assert len(numbers) == row["orig_packets"] + row["resp_packets"]
    for side in ("orig", "resp"):
        assert table[f"{side}_offset"].to_pylist()[-1] == row[f"{side}_measured_bytes"]
        assert table[f"{side}_entropy"].to_pylist()[-1] == pytest.approx(row[f"{side}_entropy"], abs=1e-12)


def test_packet_rows_of_files_that_overlap_in_time_are_in_time_order(tmp_path: Path) -> None:
    packets = datagrams(20)
    paths = [tmp_path / "even.pcap", tmp_path / "odd.pcap"]
    for number, path in enumerate(paths):
        path.write_bytes(pcap_bytes(packets[number::2]))
    [table] = trace_flows(paths)
    times = table["ts_ns"].to_pylist()
    assert times == sorted(times)
    assert table["orig_offset"].to_pylist() == sorted(table["orig_offset"].to_pylist())


def test_only_the_flows_that_are_asked_for_are_traced(examples: Path) -> None:
    flows = read_flows(examples / "demo.pcap")
    uid = flows["uid"].tolist()[3]
    traced = [table["uid"].to_pylist() for table in trace_flows(examples / "demo.pcap", [uid])]
    assert {each for uids in traced for each in uids} == {uid}
    assert list(trace_flows(examples / "demo.pcap", [])) == []


# Standard input and growing files.


def scan_stdin(content: bytes, piece: int, pause_s: float, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Pipe bytes into `wiretropy scan -` in pieces."""
    program = "from wiretropy.cli import main; main()"
    command = [sys.executable, "-c", program, "scan", "-", "--json", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        written: list[bytes] = []
        reader = threading.Thread(target=lambda: written.append(process.stdout.read()))  # type: ignore[union-attr]
        reader.start()
        for at in range(0, len(content), piece):
            process.stdin.write(content[at : at + piece])
            process.stdin.flush()
            if pause_s and at // piece % 40 == 0:
                time.sleep(pause_s)
        process.stdin.close()
        errors = process.stderr.read()
        reader.join(PATIENCE_S)
        code = process.wait(PATIENCE_S)
    return subprocess.CompletedProcess(command, code, written[0], errors)


@pytest.mark.parametrize("packed", [bytes, gz, zst, lz4], ids=["plain", "gz", "zst", "lz4"])
def test_standard_input_is_read_like_a_file(packed: Any, tmp_path: Path) -> None:
    content = packed(pcap_bytes(reused_ports(60)))
    (tmp_path / "a.pcap").write_bytes(content)
    done = scan_stdin(content, len(content), 0)
    assert (done.returncode, done.stderr) == (0, b"")
    rows = read_flows(tmp_path / "a.pcap").to_arrow().to_pylist()
    assert done.stdout.count(b"\n") == len(rows)
    for row in rows:
        assert row["uid"].encode() in done.stdout


def test_the_pieces_in_which_a_pipe_is_filled_do_not_show_in_the_output() -> None:
    content = pcap_bytes(reused_ports())
    whole = scan_stdin(content, len(content), 0)
    pieces = scan_stdin(content, 7_001, 0.02)
    assert whole.returncode == pieces.returncode == 0
    assert sorted(whole.stdout.splitlines()) == sorted(pieces.stdout.splitlines())
    assert whole.stdout == pieces.stdout


@pytest.fixture
def run_in_thread() -> Iterator[Any]:
    """Runs a capture run in a thread of its own and stops it at the end."""
    runs: list[CaptureRun] = []
    threads: list[threading.Thread] = []

    def start(path: Path, **changes: Any) -> tuple[CaptureRun, threading.Thread, list[dict[str, Any]]]:
        run = CaptureRun(path, ScanSettings(follow=True, **changes))
        rows: list[dict[str, Any]] = []
        thread = threading.Thread(target=lambda: rows.extend(row for batch in run for row in batch.to_pylist()))
        runs.append(run)
        threads.append(thread)
        thread.start()
        return run, thread, rows

    yield start
    for run in runs:
        run.stop()
    for thread in threads:
        thread.join(PATIENCE_S)


def wait_until(claim: Any) -> None:
    """Wait until a claim holds."""
    end = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < end, "nothing came within the time"
        time.sleep(0.02)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("form", [pcap_bytes, pcapng_bytes], ids=["pcap", "pcapng"])
def test_a_growing_file_is_followed_until_the_run_is_stopped(
    form: Any, threads: int, tmp_path: Path, run_in_thread: Any
) -> None:
    packets = reused_ports(40)
    content = form(packets)
    path = tmp_path / "growing"
    path.write_bytes(content[:61])
    run, thread, rows = run_in_thread(path, threads=threads)
    with path.open("ab") as file:
        for at in range(61, len(content), 997):
            file.write(content[at : at + 997])
            file.flush()
    wait_until(lambda: run.summary.packets.seen == len(packets))
    run.stop()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    whole = tmp_path / "whole"
    os.link(path, whole)
    expected = read_flows(whole).to_arrow().to_pylist()
    assert sorted(row["uid"] for row in rows) == sorted(row["uid"] for row in expected)
    by_uid = {row["uid"]: row for row in rows}
    for row in expected:
        sources = {"source": "", "orig_segment_sources": [], "resp_segment_sources": []}
        assert by_uid[row["uid"]] | sources == row | sources
    assert [(fault.id, fault.severity) for fault in run.summary.faults] == [("stopped", "warning")]


def test_a_run_that_is_stopped_gives_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_bytes(datagrams(5)))
    run = CaptureRun(path, ScanSettings())
    run.stop()
    assert sum(batch.num_rows for batch in run) <= 1
    assert run.summary.packets.seen == run.summary.packets.decoded


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 0}, "depth must be a whole number from 1 to 9,223,372,036,854,775,807 bytes, or 'all'; got 0"),
        ({"depth": 2**63}, "depth .* got 9223372036854775808"),
        ({"depth": "most"}, "depth .* got 'most'"),
        ({"depth": 1.5}, "depth .* got 1.5"),
        ({"threshold": 8.1}, "threshold must lie between 0 and 8"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threads": 0}, "threads must be a whole number from 1 to 256; got 0"),
        ({"threads": 2**70}, f"threads must be a whole number from 1 to 256; got {2**70}"),
        ({"threads": "2"}, "threads .* got '2'"),
        ({"threads": True}, "threads .* got True"),
        ({"max_flows": 0}, "max_flows must be a whole number from 1 to 9,223,372,036,854,775,807; got 0"),
        ({"max_flows": 2**70}, f"max_flows .* got {2**70}"),
        ({"max_held_bytes": -1}, "max_held_bytes .* from 1 to .* got -1"),
        ({"max_decompressed": -1}, "max_decompressed .* from 0 to .* bytes, or None; got -1"),
        ({"threshold": "7.9"}, "threshold .* got '7.9'"),
        ({"tcp_timeout_s": None}, "tcp_timeout_s must be a positive number .* got None"),
        ({"tcp_timeout_s": 0}, "tcp_timeout_s must be a positive number"),
        ({"active_limit_s": float("inf")}, "active_limit_s must be a positive number"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_before_anything_is_read(changes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_flows("absent.pcap", **changes)


def test_settings_at_their_limits_and_of_numpy_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_bytes(datagrams(5)))
    largest = 2**63 - 1
    flows = read_flows(path, depth=largest, max_flows=largest, max_held_bytes=largest, max_decompressed=largest)
    assert len(flows) == 1
    assert len(read_flows(path, depth=np.int64(7), threads=np.uint8(2), threshold=np.float32(7.5))) == 1
    assert read_flows(path, depth=np.int64(1))["orig_measured_bytes"].tolist() == [1]


@pytest.mark.parametrize("function", [read_flows, iter_flows, trace_flows, carve])
def test_a_setting_that_is_none_is_told_with_the_function_and_the_settings(function: Any) -> None:
    more = {"out": "b.pcap", "uids": ["C"]} if function is carve else {}
    with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) has no setting 'dept'; the settings are depth, "):
        list(function("absent.pcap", dept=1, **more))


def test_time_outs_of_centuries_do_not_overflow(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_bytes(datagrams(5)))
    for seconds in (1e9, 9e9, 1e12, 1e300):
        try:
            flows = read_flows(path, tcp_timeout_s=seconds, other_timeout_s=seconds, closed_timeout_s=seconds)
        except ValueError as error:
            assert "timeout" in str(error)  # noqa: PT017 - either outcome is right, a traceback of another kind is not
            continue
        assert len(flows) == 1
