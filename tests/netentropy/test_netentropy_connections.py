"""From packet rows and flow records to samples, statistics files and the command."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from program import pipeline

from wiretropy.cli import net_entropy
from wiretropy.errors import RefusedError
from wiretropy.netentropy.connections import PayloadPackets, connections, needed_depth, tracked
from wiretropy.netentropy.statistics import StatisticsFolder, file_name, text
from wiretropy.policy.protospec import Protospec, Range, read

SSH = Path(__file__).with_name("ssh.protospec")


def record(uid: str = "C1", **values: Any) -> dict[str, Any]:
    """The columns of a flow record that net-entropy needs."""
    made: dict[str, Any] = {
        "uid": uid, "proto": "tcp", "end_reason": "fin",
        "ts_first_ns": 1_700_000_000_250_000_000, "ts_last_ns": 1_700_000_009_000_000_000,
        "orig_ip": "10.0.0.5", "orig_port": 40_000, "resp_ip": "192.0.2.1", "resp_port": 22,
        "orig_payload_bytes": 100, "resp_payload_bytes": 9_000, "orig_packets": 4, "resp_packets": 8,
        "both_measured_bytes": 9_100, "both_block_entropy": [3.0, 4.0],
    }  # fmt: skip
    return made | values


def flow_table(*records: dict[str, Any]) -> pa.Table:
    """Records with the schema's types where they matter."""
    flows = pa.Table.from_pylist(list(records))
    for name in ("orig_port", "resp_port"):
        flows = flows.set_column(flows.column_names.index(name), name, flows.column(name).cast(pa.uint16()))
    return flows


def packet(uid: str, is_orig: bool, orig: int, resp: int, entropy: float | None, second: int = 1) -> dict[str, Any]:
    """One packet row."""
    return {
        "uid": uid, "source": "x.pcap", "number": 1, "ts_ns": 1_700_000_000_000_000_000 + second * 1_000_000_000,
        "is_orig": is_orig, "payload_bytes": 0, "orig_offset": orig, "resp_offset": resp,
        "orig_entropy": entropy, "resp_entropy": entropy, "both_entropy": entropy,
    }  # fmt: skip


ROWS = [
    packet("C1", True, 0, 0, None, 1),
    packet("C1", False, 0, 0, None, 2),
    packet("C1", True, 40, 0, 4.1, 3),
    packet("C2", True, 7, 0, 1.0, 3),
    packet("C1", False, 40, 0, 4.1, 4),
    packet("C1", False, 40, 3_000, 7.7, 5),
    packet("C1", False, 40, 9_000, 7.5, 6),
    packet("C1", True, 40, 9_000, 7.5, 7),
    packet("C1", True, 41, 9_000, 7.9, 8),
]


def trace(sizes: Sequence[int] = (9,)) -> Iterator[pa.Table]:
    """The rows in tables of these sizes."""
    whole = pa.Table.from_pylist(ROWS)
    start = 0
    for size in sizes:
        yield whole.slice(start, size)
        start += size


def packets(sizes: Sequence[int] = (9,)) -> PayloadPackets:
    """The rows as they are kept."""
    kept = PayloadPackets()
    for table in trace(sizes):
        kept.add(table)
    return kept


def test_packets_with_new_payload_are_samples_and_all_packets_count() -> None:
    (made,) = connections(flow_table(record()), packets(), None)
    assert made.samples.offsets.tolist() == [40, 3_040, 9_040, 9_041]
    assert made.samples.packets.tolist() == [3, 5, 6, 8]
    assert made.samples.entropy.tolist() == [4.1, 7.7, 7.5, 7.9]
    assert (made.end.offset, made.end.packets, made.end.reason) == (9_100, 12, "fin")


@pytest.mark.parametrize("sizes", [(1,) * 9, (4, 5), (2, 0, 7)])
def test_cutting_the_rows_into_tables_changes_nothing(sizes: Sequence[int]) -> None:
    (made,) = connections(flow_table(record()), packets(sizes), None)
    assert made.samples.offsets.tolist() == [40, 3_040, 9_040, 9_041]
    assert made.samples.packets.tolist() == [3, 5, 6, 8]


def test_one_direction_counts_its_own_bytes_and_packets() -> None:
    spec = Protospec("p", (22,), (Range(1, 9, 0, 8),), direction="dst")
    (made,) = connections(flow_table(record()), packets(), [spec])
    assert made.samples.offsets.tolist() == [3_000, 9_000]
    assert made.samples.packets.tolist() == [3, 4]
    assert (made.end.offset, made.end.packets) == (9_000, 8)


def test_blocks_are_compared_when_the_protospec_is_not_cumulative() -> None:
    spec = Protospec("p", (22,), (Range(1, 9, 0, 8),), is_cumulative=False)
    (made,) = connections(flow_table(record()), packets(), [spec])
    assert made.samples.offsets.tolist() == [32, 64]
    assert made.samples.entropy.tolist() == [3.0, 4.0]
    assert made.samples.packets.tolist() == [3, 5]


def test_flow_without_packet_rows_has_no_samples() -> None:
    (made,) = connections(flow_table(record("C9")), packets(), None)
    assert made.samples.offsets.size == 0


def test_only_tcp_and_the_protospecs_ports_are_tracked() -> None:
    flows = flow_table(
        record("a"), record("b", proto="udp"), record("c", resp_port=80), record("d", orig_port=22, resp_port=9)
    )
    assert tracked(flows, None).column("uid").to_pylist() == ["a", "c", "d"]
    assert tracked(flows, read(SSH)).column("uid").to_pylist() == ["a", "d"]


def test_depth_reaches_one_byte_past_the_last_range() -> None:
    assert needed_depth(read(SSH)) == 65_537
    assert needed_depth([]) == 65_536
    assert needed_depth([Protospec("p", (1,), (Range(1, 2, 0, 8),), unit="packets")]) == "all"


def test_statistics_file_is_named_by_time_and_endpoints_and_holds_two_columns(tmp_path: Path) -> None:
    (made,) = connections(flow_table(record()), packets(), None)
    path = StatisticsFolder(tmp_path / "new").write(made)
    assert path is not None
    assert path.name == "1700000000.250000-10.0.0.5-40000-192.0.2.1-22.dat"
    assert path.read_text() == (
        "# 10.0.0.5:40000 -> 192.0.2.1:22\n"
        "# flow C1, direction both\n"
        "# offset_bytes entropy_bits_per_byte\n"
        "40 4.10000000\n3040 7.70000000\n9040 7.50000000\n9041 7.90000000\n"
    )


def test_statistics_file_names_have_no_colon_and_never_collide(tmp_path: Path) -> None:
    (made,) = connections(flow_table(record(orig_ip="2001:db8::1")), packets(), None)
    assert file_name(made) == "1700000000.250000-2001_db8__1-40000-192.0.2.1-22.dat"
    folder = StatisticsFolder(tmp_path)
    first, second = folder.write(made), folder.write(made)
    assert first != second
    assert len(list(tmp_path.iterdir())) == 2


def test_connection_without_payload_has_no_file(tmp_path: Path) -> None:
    (made,) = connections(flow_table(record("C9")), packets(), None)
    assert StatisticsFolder(tmp_path).write(made) is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_is_needed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stats.dat").touch()
    with pytest.raises(RefusedError, match=r"stats\.dat: statistics files need a folder, but this is a file"):
        StatisticsFolder(tmp_path / "stats.dat")


@pytest.mark.skipif(shutil.which("gnuplot") is None, reason="gnuplot is not installed")
def test_real_gnuplot_draws_the_statistics_file(tmp_path: Path) -> None:
    (made,) = connections(flow_table(record()), packets(), None)
    (tmp_path / "it.dat").write_text(text(made))
    command = ["gnuplot", "-e", "set terminal dumb; plot 'it.dat'"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr == ""
    assert done.stdout.count("A") >= 3


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for the measuring engine: two connections, the rows above."""
    made = SimpleNamespace(summary=SimpleNamespace(faults=[], is_partial=False), depths=[])
    made.to_arrow = lambda: flow_table(record(), record("C2", resp_port=80, orig_port=1))

    def read_flows(_captures: Sequence[str], *, depth: int | str, **_hooks: None) -> SimpleNamespace:
        made.depths.append(depth)
        return made

    def trace_flows(
        _captures: Sequence[str], uids: Sequence[str], *, depth: int | str, **_hooks: None
    ) -> Iterator[pa.Table]:
        made.depths.append(depth)
        assert set(uids) <= {"C1", "C2"}
        return trace()

    monkeypatch.setattr("wiretropy.flows.read_flows", read_flows)
    monkeypatch.setattr("wiretropy.flows.trace_flows", trace_flows)
    monkeypatch.setattr("os.getpid", lambda: 77)
    return made


def test_foreground_writes_the_lines_to_stderr_in_order_of_time(engine: SimpleNamespace, tmp_path: Path) -> None:
    run = CliRunner().invoke(
        net_entropy.command, ["-r", "x.pcap", "-c", str(SSH), "-s", str(tmp_path / "s"), "-F", "-b"]
    )
    assert run.exit_code == 0, run.output
    where = "10.0.0.5:40000 -> 192.0.2.1:22"
    assert run.stderr.splitlines() == [
        f"net-entropy[77]: RISING ALARM on {where} offset=9040 packets=6 entropy=7.50000000",
        f"net-entropy[77]: Falling alarm on {where} offset=9041 packets=8 entropy=7.90000000",
        f"net-entropy[77]: End of connection {where} offset=9100 packets=12 (fin)",
    ]
    assert run.stdout == ""
    assert len(list((tmp_path / "s").iterdir())) == 1
    assert engine.depths == [65_537, 65_537]


@pytest.mark.usefixtures("engine")
def test_without_configuration_every_connection_is_tracked_without_alarms(tmp_path: Path) -> None:
    run = CliRunner().invoke(net_entropy.command, ["-r", "x.pcap", "-s", str(tmp_path), "-F"])
    assert run.exit_code == 0, run.output
    assert [line.split()[1] for line in run.stderr.splitlines()] == ["End", "End"]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.usefixtures("engine")
def test_absent_syslog_socket_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    absent = str(tmp_path / "no-log")
    monkeypatch.setattr("wiretropy.netentropy.lines.SYSLOG_SOCKET", absent)
    run = CliRunner().invoke(net_entropy.command, ["-r", "x.pcap"])
    assert run.exit_code == 2
    assert run.stderr == f"Error: no syslog service listens on {absent}; start one, or give -F for stderr\n"


@pytest.mark.usefixtures("engine")
def test_faults_of_a_protospec_are_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("Port: x\nRange: 1\n")
    run = CliRunner().invoke(net_entropy.command, ["-r", "x.pcap", "-F", "-c", str(tmp_path / "p")])
    assert run.exit_code == 2
    assert [line.rsplit("p:", 1)[1][:2] for line in run.stderr.splitlines()] == ["1:", "2:"]


def test_help_says_that_two_options_are_guesses() -> None:
    run = CliRunner().invoke(net_entropy.command, ["--help"])
    assert " ".join(run.output.split()).count("is not documented where we could look") == 2


def test_short_ssh_sessions_of_the_examples_leave_the_ssh_bands(tmp_path: Path) -> None:
    capture = str(Path(__file__).parents[2] / "examples" / "ssh2-short.pcap")
    run = CliRunner().invoke(net_entropy.command, ["-r", capture, "-s", str(tmp_path), "-F", "-b", "-c", str(SSH)])
    assert run.exit_code == 0, run.output
    lines = [line.split(": ", 1)[1] for line in run.stderr.splitlines()]
    assert sum(line.startswith("End of connection") for line in lines) == len(list(tmp_path.iterdir())) == 3
    for path in tmp_path.iterdir():
        rows = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
        assert all(int(a[0]) < int(b[0]) for a, b in pairwise(rows))
        end = next(line for line in lines if line.startswith("End") and f":{path.name.split('-')[2]} " in line)
        assert f"offset={rows[-1][0]} " in end


def test_standard_input_gives_what_the_file_gives(tmp_path: Path) -> None:
    """It is read once, with the packets of all flows, of which the protospec's are kept."""
    shutil.copy(Path(__file__).parents[2] / "examples" / "demo.pcap", tmp_path / "a.pcap")
    options = f"-F -c '{SSH}'"
    file = pipeline(f"net-entropy -r a.pcap -s file {options}", tmp_path)
    piped = pipeline(f"cat a.pcap | net-entropy -r - -s piped {options}", tmp_path)
    assert (file.returncode, piped.returncode) == (0, 0), file.stderr + piped.stderr
    lines = [[line.split(": ", 1)[1] for line in done.stderr.splitlines()] for done in (file, piped)]
    assert lines[0] == lines[1]
    assert len(lines[0]) >= 4
    contents = [{p.name: p.read_text() for p in (tmp_path / name).iterdir()} for name in ("file", "piped")]
    assert contents[0] == contents[1]
    assert len(contents[0]) >= 2


def test_what_may_not_be_replaced_needs_the_names_of_what_may_be_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs the records"):
        StatisticsFolder(tmp_path / "new", inputs=[tmp_path / "a.pcap"])
    assert not (tmp_path / "new").exists()
