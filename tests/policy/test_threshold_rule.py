"""Which flows crossed the threshold: read from list offsets, whatever array the records come in."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from wiretropy.policy.threshold import alert_id, unexpected_crossings, with_alert_ids

EXAMPLES = Path(__file__).parents[2] / "examples"
CROSSINGS = pa.array([[1_890, 2_000], [], [7], []], pa.list_(pa.uint64()))


def records(crossings: pa.Array) -> pa.RecordBatch:
    """Flow records with these crossings of the originator and none of the responder."""
    count = len(crossings)
    none = pa.array([[]] * count, pa.list_(pa.uint64()))
    ports = pa.array([22 + row for row in range(count)], pa.uint16())
    names = ["orig_crossing_offsets", "resp_crossing_offsets", "orig_port", "resp_port"]
    return pa.record_batch([crossings, none, ports, ports], names=names)


def test_each_direction_with_crossings_is_one_alert() -> None:
    batch = records(CROSSINGS)
    assert unexpected_crossings(batch, frozenset()).tolist() == [1, 0, 1, 0]
    both = batch.set_column(1, "resp_crossing_offsets", pa.array([[5], [6], [], []], pa.list_(pa.uint64())))
    assert unexpected_crossings(both, frozenset()).tolist() == [2, 1, 1, 0]


def test_expected_ports_raise_none() -> None:
    assert unexpected_crossings(records(CROSSINGS), frozenset({22})).tolist() == [0, 0, 1, 0]


def test_slices_and_chunks_count_from_where_they_begin() -> None:
    batch = records(CROSSINGS)
    assert unexpected_crossings(batch.slice(1, 2), frozenset()).tolist() == [0, 1]
    table = pa.Table.from_batches([batch, batch.slice(2)])
    assert unexpected_crossings(table, frozenset()).tolist() == [1, 0, 1, 0, 1, 0]
    assert unexpected_crossings(batch.slice(0, 0), frozenset()).tolist() == []
    assert unexpected_crossings(table.slice(0, 0), frozenset()).tolist() == []


def test_alert_ids_stand_where_alerts_are_and_depend_on_flow_side_and_first_byte() -> None:
    batch = records(CROSSINGS).append_column("uid", pa.array(["Ca", "Cb", "Cc", "Cd"]))
    named = with_alert_ids(batch, frozenset({22}))
    assert named.column("orig_alert_id").to_pylist() == [None, None, alert_id("Cc", "orig", 7), None]
    assert named.column("resp_alert_id").to_pylist() == [None] * 4
    assert with_alert_ids(batch.slice(2), frozenset()).column("orig_alert_id").to_pylist()[0] == alert_id(
        "Cc", "orig", 7
    )
    assert len({alert_id("Cc", "orig", 7), alert_id("Cc", "resp", 7), alert_id("Cc", "orig", 8)}) == 3


@pytest.mark.parametrize("more", [[], ["-q"], ["--json"]])
def test_a_scan_with_the_rule_does_not_load_pandas(tmp_path: Path, more: list[str]) -> None:
    capture = str(EXAMPLES / "http-plain.pcap")
    arguments = ["scan", capture, "--out", str(tmp_path), "--expected-ports", "22", *more]
    program = (
        "import sys\n"
        "from wiretropy.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
