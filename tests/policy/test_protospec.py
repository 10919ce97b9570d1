"""Protospec files: what they say, and every way in which they can be wrong."""

from pathlib import Path

import pytest

from wiretropy.policy.protospec import ProtospecError, Range, parse, read

SSH = Path(__file__).parents[1] / "netentropy" / "ssh.protospec"


def faults(text: str) -> tuple[str, ...]:
    """What is wrong with a text."""
    with pytest.raises(ProtospecError) as caught:
        parse(text, "f")
    return caught.value.faults


def test_ssh_protospec_is_read_whole() -> None:
    (spec,) = read(SSH)
    assert (spec.ports, spec.direction, spec.is_cumulative, spec.unit) == ((22,), "both", True, "bytes")
    assert len(spec.ranges) == 11
    assert spec.ranges[0] == Range(1, 63, 0.0, 4.38105154)
    assert spec.ranges[-1] == Range(8_192, 65_536, 7.82608652, 7.99687433)


def test_defaults_are_both_directions_cumulative_in_bytes() -> None:
    spec = parse("port 22, 2222\nRANGE: 0 1 0 8 # all", "f")
    assert (spec.ports, spec.direction, spec.is_cumulative, spec.unit) == ((22, 2_222), "both", True, "bytes")


def test_words_other_than_the_defaults_are_understood() -> None:
    spec = parse("Port:1\nDirection: SRC\r\nCumulative: No\nRangeUnit: packets\nRange: 1 2 3 4", "f")
    assert (spec.direction, spec.is_cumulative, spec.unit) == ("src", False, "packets")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("Prot: 22", "f:3: unknown directive 'Prot'; expected Port, Direction, Cumulative, RangeUnit or Range"),
        ("Port: 0", "f:3: Port needs numbers from 1 to 65535; got '0'"),
        ("Port: 65536", "f:3: Port needs numbers from 1 to 65535; got '65536'"),
        ("Port: \u0662\u0662", "f:3: Port needs numbers from 1 to 65535; got '\\u0662\\u0662'"),
        ("Port:", "f:3: Port needs a number from 1 to 65535; got nothing"),
        ("Direction: up", "f:3: Direction is one of src, dst, both; got 'up'"),
        ("Cumulative:", "f:3: Cumulative is one of yes, no; got nothing"),
        ("RangeUnit: bits", "f:3: RangeUnit is one of bytes, packets; got 'bits'"),
        ("Range: 1 2 3", "f:3: Range needs start, end, min_ent and max_ent; got 3 values"),
        ("Range: 20 x 3 4", "f:3: Range needs whole start and end below 2^63; got '20' 'x'"),
        ("Range: 20 30 3 9", "f:3: Range needs entropies from 0 to 8 bits per byte; got '3' '9'"),
        ("Range: 20 30 nan 4", "f:3: Range needs entropies from 0 to 8 bits per byte; got 'nan' '4'"),
        ("Range: 30 20 3 4", "f:3: Range must not end before it starts; got 30 to 20"),
        ("Range: 20 30 5 4", "f:3: Range needs min_ent up to max_ent; got 5 above 4"),
        ("Range: 10 30 3 4", "f:3: Range starts at 10, but the one before it ends at 10"),
        ("\x1b[2J", "f:3: unknown directive '\\x1b[2J'; expected Port, Direction, Cumulative, RangeUnit or Range"),
    ],
)
def test_fault_names_file_line_and_what_was_expected(line: str, fault: str) -> None:
    assert faults(f"Port: 22\nRange: 1 10 0 4\n{line}\n") == (fault,)


def test_every_fault_is_reported_at_once() -> None:
    assert [fault[:4] for fault in faults("Port: x\nDirection: up\nRange: 1\n")] == ["f:1:", "f:2:", "f:3:"]


def test_directive_given_twice_names_the_first() -> None:
    text = "Port: 1\nDirection: src\nDirection: dst\nRange: 1 2 3 4"
    assert faults(text) == ("f:3: Direction is given twice; the first is on line 2",)


def test_missing_directives_are_faults() -> None:
    assert faults("# nothing") == (
        "f:1: no Port directive; add one such as 'Port: 22'",
        "f:1: no Range directive; add one such as 'Range: 1 63 0 4.4'",
    )


def test_folder_is_read_in_name_order_without_hidden_and_backup_files(tmp_path: Path) -> None:
    for port, name in enumerate(("b", "a", ".hidden", "a~"), 1):
        (tmp_path / name).write_text(f"Port: {port}\nRange: 1 2 3 4\n")
    assert [spec.ports for spec in read(tmp_path)] == [(2,), (1,)]


def test_port_of_two_files_is_a_fault(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("Port: 22\nRange: 1 2 3 4\n")
    with pytest.raises(ProtospecError, match=r"b:1: port 22 is already described by .*a$"):
        read(tmp_path)


def test_empty_folder_and_binary_file_are_faults(tmp_path: Path) -> None:
    with pytest.raises(ProtospecError, match="holds no protospec file"):
        read(tmp_path)
    (tmp_path / "x").write_bytes(b"Port: 22\n\xff\xfe")
    with pytest.raises(ProtospecError, match="x:2: byte 0xff is not UTF-8 text"):
        read(tmp_path)
    (tmp_path / "x").write_bytes(b"#" * (1 << 21))
    with pytest.raises(ProtospecError, match="larger than 1,048,576 bytes"):
        read(tmp_path)
