"""The manifest keeps one row per flow, and recording a class again replaces only its own files' rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.manifest import COLUMNS, Row, Truth, read_manifest, replace_rows, write_manifest


def row(file: str, orig: str = "10.0.0.5:50000", note: str = "") -> Row:
    return Row(file, "ssh/ssh-2", orig, "203.0.113.9:22", "ssh 9.2", "sshd 9.2", "", "encrypted", "2665", "", note)


def test_written_rows_read_back_the_same(tmp_path: Path) -> None:
    rows = [row("a.pcap", note='a comma, a "quote"'), row("b.pcap")]
    write_manifest(tmp_path / "manifest.csv", rows)
    assert read_manifest(tmp_path / "manifest.csv") == rows


def test_header_names_the_label_class(tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest.csv", [])
    header = (tmp_path / "manifest.csv").read_text().strip()
    assert header == "file,class,orig,resp,client,server,settings,content,orig_encrypted_from,resp_encrypted_from,note"
    assert tuple(header.split(",")) == COLUMNS


def test_rows_are_sorted_by_file_and_keep_their_order_within_one(tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest.csv", [row("b.pcap"), row("a.pcap", "10.0.0.5:2"), row("a.pcap", "10.0.0.5:1")])
    assert [(one.file, one.orig[-1]) for one in read_manifest(tmp_path / "manifest.csv")] == [
        ("a.pcap", "2"),
        ("a.pcap", "1"),
        ("b.pcap", "0"),
    ]


def test_fresh_rows_replace_those_of_the_same_file_only(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    write_manifest(manifest, [row("a.pcap", note="old"), row("b.pcap", note="old")])
    replace_rows(manifest, [row("a.pcap", note="new")])
    assert [(one.file, one.note) for one in read_manifest(manifest)] == [("a.pcap", "new"), ("b.pcap", "old")]


def test_manifest_with_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("file,label\na.pcap,ssh\n")
    with pytest.raises(ValueError, match="columns file, label; expected file, class"):
        read_manifest(tmp_path / "manifest.csv")


def test_truth_with_an_unknown_content_is_refused() -> None:
    with pytest.raises(ValueError, match="content must be one of"):
        Truth("ssh/ssh-2", "ssh", "sshd", content="secret")
