"""Flows survive being written, and what is no whole file of flows is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from program import wiretropy

from wiretropy import schema
from wiretropy.capture.settings import ScanSettings
from wiretropy.errors import MissingDependencyError, RefusedError
from wiretropy.flows import Flows, iter_flows, read_flows
from wiretropy.policy.read import parse_policy
from wiretropy.policy.show import POLICY_KEY
from wiretropy.store.parquet import FlowWriter
from wiretropy.tables import SETTINGS_KEY, VERSION_KEY


@pytest.fixture(scope="module")
def demo(examples: Path) -> Flows:
    return read_flows(examples / "demo.pcap")


# Written and read back.


def test_flows_come_back_as_they_were_saved(demo: Flows, tmp_path: Path) -> None:
    path = demo.save(tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "flows.parquet"
    for named in (path, path.parent):
        loaded = Flows.load(named)
        assert loaded.to_arrow().equals(demo.to_arrow())
        assert loaded.summary.packets == demo.summary.packets
        assert loaded.summary.faults == demo.summary.faults
        assert json.loads(loaded.summary.text) == json.loads(demo.summary.text)


def test_flows_with_byte_counts_come_back_as_they_were_saved(examples: Path, tmp_path: Path) -> None:
    flows = read_flows(examples / "https.pcap", counts=True)
    flows.save(tmp_path)
    assert Flows.load(tmp_path).to_arrow().equals(flows.to_arrow())


def test_chosen_flows_come_back_as_they_were_saved(demo: Flows, tmp_path: Path) -> None:
    some = demo.filter(demo["resp_port"] == 443)
    assert 0 < len(some) < len(demo)
    some.save(tmp_path)
    assert Flows.load(tmp_path).to_arrow().equals(some.to_arrow())


def test_no_flows_at_all_come_back_as_none(demo: Flows, tmp_path: Path) -> None:
    none = demo.filter(np.zeros(len(demo), bool))
    none.save(tmp_path)
    loaded = Flows.load(tmp_path)
    assert len(loaded) == 0
    assert loaded.columns == demo.columns


def test_a_folder_whose_name_looks_like_a_partition_adds_no_column(demo: Flows, tmp_path: Path) -> None:
    demo.save(tmp_path / "label=ssh")
    assert Flows.load(tmp_path / "label=ssh").columns == demo.columns


def test_loaded_flows_can_be_saved_again(demo: Flows, tmp_path: Path) -> None:
    demo.save(tmp_path / "a")
    Flows.load(tmp_path / "a").save(tmp_path / "b")
    assert (tmp_path / "a" / "flows.parquet").read_bytes() == (tmp_path / "b" / "flows.parquet").read_bytes()


def test_flows_saved_onto_themselves_stay_whole(demo: Flows, tmp_path: Path) -> None:
    demo.save(tmp_path)
    Flows.load(tmp_path).save(tmp_path)
    assert Flows.load(tmp_path).to_arrow().equals(demo.to_arrow())


def test_the_file_carries_the_version_of_the_schema(demo: Flows, tmp_path: Path) -> None:
    metadata = pq.read_schema(demo.save(tmp_path)).metadata
    assert metadata[VERSION_KEY] == str(schema.SCHEMA_VERSION).encode()


def test_flows_keep_the_settings_of_their_scan_whatever_becomes_of_them(examples: Path, tmp_path: Path) -> None:
    changes: Any = {"threshold": np.float64(7.5), "depth": np.int64(3_000), "bpf": None, "tcp_timeout_s": 7}
    flows = read_flows(examples / "ssh1.pcap", threads=2, **changes)
    expected = ScanSettings(threshold=7.5, depth=3_000, tcp_timeout_s=7.0)
    flows.save(tmp_path)
    [batch] = iter_flows(examples / "ssh1.pcap", **changes)
    for each in (flows, flows.sort_by("uid").filter(np.ones(len(flows), bool)).take([0]), Flows.load(tmp_path), batch):
        assert each.settings == expected
    assert json.loads(pq.read_schema(tmp_path / "flows.parquet").metadata[SETTINGS_KEY])["threshold"] == 7.5


def test_flows_of_tables_that_do_not_say_their_settings_have_none(demo: Flows) -> None:
    bare = demo.to_arrow().replace_schema_metadata(None)
    assert Flows(bare).settings is None
    later = {SETTINGS_KEY: b'{"threshold": 7.25, "a_setting_that_comes_later": 1}'}
    assert Flows(bare.replace_schema_metadata(later)).settings == ScanSettings(threshold=7.25)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"7", b'{"threshold": 9}', b'{"depth": "deep"}', b"\xff"])
def test_damaged_settings_are_refused_and_named(text: bytes, demo: Flows, tmp_path: Path) -> None:
    metadata = {VERSION_KEY: str(schema.SCHEMA_VERSION).encode(), SETTINGS_KEY: text}
    pq.write_table(demo.to_arrow().replace_schema_metadata(metadata), tmp_path / "flows.parquet")
    with pytest.raises(RefusedError, match=r"flows\.parquet: the metadata wiretropy\.settings holds no settings"):
        Flows.load(tmp_path)


def test_flows_without_a_summary_say_so(demo: Flows, tmp_path: Path) -> None:
    Flows(demo.to_arrow()).save(tmp_path)
    with pytest.raises(ValueError, match="no summary"):
        _ = Flows.load(tmp_path).summary


# Refused.


def parquet_with(path: Path, metadata: dict[bytes, bytes] | None) -> Path:
    """A Parquet file of one foreign column with this metadata."""
    table = pa.table({"x": [1]}).replace_schema_metadata(metadata)
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize("version", [schema.SCHEMA_VERSION + 1, 10**30])
def test_a_newer_version_is_refused_with_both_versions(version: int, tmp_path: Path) -> None:
    path = parquet_with(tmp_path / "flows.parquet", {VERSION_KEY: str(version).encode()})
    with pytest.raises(RefusedError, match=rf"schema version {version}, .*up to {schema.SCHEMA_VERSION}; upgrade"):
        Flows.load(path)


@pytest.mark.parametrize("metadata", [None, {VERSION_KEY: b""}, {VERSION_KEY: b"-1"}, {VERSION_KEY: b"\xff"}])
def test_a_parquet_file_without_a_version_is_refused(metadata: dict[bytes, bytes] | None, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="holds no flow records"):
        Flows.load(parquet_with(tmp_path / "flows.parquet", metadata))


def test_a_file_that_claims_the_version_but_lacks_the_columns_is_refused(tmp_path: Path) -> None:
    path = parquet_with(tmp_path / "flows.parquet", {VERSION_KEY: str(schema.SCHEMA_VERSION).encode()})
    with pytest.raises(RefusedError):
        Flows.load(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_file_is_refused_and_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "flows.parquet"
    path.write_bytes(content)
    with pytest.raises(RefusedError, match=r"flows\.parquet: not a readable Parquet file"):
        Flows.load(path)


def test_a_file_cut_anywhere_is_refused(demo: Flows, tmp_path: Path) -> None:
    content = demo.save(tmp_path).read_bytes()
    cut = tmp_path / "cut.parquet"
    for end in range(0, len(content), max(1, len(content) // 40)):
        cut.write_bytes(content[:end])
        with pytest.raises(RefusedError):
            Flows.load(cut)


def test_an_absent_file_is_refused_and_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"no such file; make one with wiretropy scan CAPTURE --out DIR"):
        Flows.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"packets": 1}', "\xff"])
def test_a_damaged_summary_is_refused_and_named(text: str, demo: Flows, tmp_path: Path) -> None:
    demo.save(tmp_path)
    (tmp_path / "summary.json").write_text(text, encoding="latin-1")
    with pytest.raises(RefusedError, match=r"summary\.json"):
        Flows.load(tmp_path)


def test_a_writer_that_fails_leaves_nothing_and_keeps_what_was_there(demo: Flows, tmp_path: Path) -> None:
    before = demo.save(tmp_path).read_bytes()

    def fail() -> None:
        with FlowWriter(tmp_path, demo.to_arrow().schema) as writer:
            writer.write(demo.to_arrow().to_batches()[0])
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert {path.name for path in tmp_path.iterdir()} == {"flows.parquet", "summary.json"}
    assert (tmp_path / "flows.parquet").read_bytes() == before


def test_a_writer_that_is_not_finished_leaves_nothing(demo: Flows, tmp_path: Path) -> None:
    with FlowWriter(tmp_path / "new", demo.to_arrow().schema) as writer:
        writer.write(demo.to_arrow().to_batches()[0])
    assert list((tmp_path / "new").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused(demo: Flows, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RefusedError, match="flows cannot be written there"):
        demo.save(tmp_path / "file" / "below")


# Columns in other hands.


def test_filter_take_and_sort_give_the_rows_that_they_name(demo: Flows) -> None:
    ports = demo["resp_port"]
    assert demo.filter(ports == 443)["resp_port"].tolist() == [443] * int((ports == 443).sum())
    assert demo.filter((ports == 443).tolist())["uid"].tolist() == demo["uid"][ports == 443].tolist()
    assert demo.take([2, 0, 2])["uid"].tolist() == demo["uid"][[2, 0, 2]].tolist()
    rising = demo.sort_by("orig_payload_bytes")["orig_payload_bytes"]
    assert rising.tolist() == sorted(demo["orig_payload_bytes"].tolist())
    assert demo.sort_by("uid", descending=True)["uid"].tolist() == sorted(demo["uid"].tolist(), reverse=True)
    assert demo.take(np.array([1])).summary is demo.summary


def test_iterating_gives_each_flow_as_a_dictionary(demo: Flows) -> None:
    rows = list(demo)
    assert rows == demo.to_arrow().to_pylist()
    assert [row["uid"] for row in demo] == demo["uid"].tolist()
    assert list(demo.take([])) == []


@pytest.mark.parametrize("rows", [[9], [0, -10], [0.5]])
def test_a_row_that_does_not_exist_cannot_be_taken(rows: Any, demo: Flows) -> None:
    assert len(demo) == 9
    with pytest.raises(IndexError) as caught:
        demo.take(rows)
    assert not isinstance(caught.value, pa.ArrowException)


def test_negative_rows_count_from_the_end(demo: Flows) -> None:
    assert demo.take([-1])["uid"].tolist() == demo["uid"].tolist()[-1:]


@pytest.mark.parametrize("mask", [[True], [], [1] * 9, ["yes"] * 9, [None] * 9, np.ones((9, 1), bool)])
def test_a_mask_that_has_not_one_truth_value_a_flow_is_refused(mask: Any, demo: Flows) -> None:
    with pytest.raises(ValueError, match="a mask needs one truth value a flow, 9 in all; got") as caught:
        demo.filter(mask)
    assert not isinstance(caught.value, pa.ArrowException)


def test_flows_are_not_sorted_by_what_has_no_order(demo: Flows) -> None:
    with pytest.raises(KeyError, match="no column 'size'; the columns are uid, "):
        demo.sort_by("size")
    with pytest.raises(ValueError, match="cannot be sorted by 'weirds', whose values are lists"):
        demo.sort_by("weirds")


def test_a_flow_and_flows_are_named_as_many_as_they_are(demo: Flows) -> None:
    assert repr(demo.take([0])) == "<Flows: 1 flow, 85 columns>"
    assert repr(demo.take([])) == "<Flows: 0 flows, 85 columns>"


def test_an_unknown_column_names_those_that_exist(demo: Flows) -> None:
    with pytest.raises(KeyError, match="no column 'entropy'; the columns are uid, community_id"):
        demo["entropy"]


def by_duckdb(flows: Flows, names: list[str]) -> Any:  # noqa: ARG001 - duckdb finds it by its name
    """Rows of some columns, by DuckDB's replacement scan of a local variable."""
    relation = duckdb.sql(f"select {', '.join(names)} from flows")
    assert relation is not None
    return relation.fetchall()


def frames_of(demo: Flows) -> dict[str, Callable[[], Any]]:
    """The same flows in every library, each as a function that gives rows of three columns."""
    names = ["uid", "orig_payload_bytes", "resp_entropy"]
    table = demo.to_arrow()
    return {
        "arrow": lambda: list(zip(*(table[name].to_pylist() for name in names), strict=True)),
        "polars": lambda: demo.to_polars().select(names).rows(),
        "polars-by-capsule": lambda: polars.DataFrame(demo).select(names).rows(),
        "pyarrow-by-capsule": lambda: [tuple(row[name] for name in names) for row in pa.table(demo).to_pylist()],
        "duckdb": lambda: by_duckdb(demo, names),
        "pandas": lambda: [
            tuple(None if value != value else value for value in row)
            for row in demo.to_pandas()[names].itertuples(index=False, name=None)
        ],
    }


@pytest.mark.parametrize("library", ["polars", "polars-by-capsule", "pyarrow-by-capsule", "duckdb", "pandas"])
def test_every_library_sees_the_same_values(library: str, demo: Flows) -> None:
    frames = frames_of(demo)
    assert frames[library]() == frames["arrow"]()


def test_duckdb_reads_the_saved_file(demo: Flows, tmp_path: Path) -> None:
    relation = duckdb.sql(f"select uid, len(orig_trajectory) from '{demo.save(tmp_path)}'")
    assert relation is not None
    found = relation.fetchall()
    assert sorted(found) == sorted(zip(demo["uid"], map(len, demo["orig_trajectory"]), strict=True))


def test_numpy_gets_arrays_of_the_columns_types(demo: Flows) -> None:
    arrays = demo.to_numpy(["ts_first_ns", "orig_port", "orig_entropy", "orig_trajectory"])
    assert [arrays[name].dtype for name in ("ts_first_ns", "orig_port", "orig_entropy")] == [
        np.int64,
        np.uint16,
        np.float64,
    ]
    assert all(each.dtype == np.float64 for each in arrays["orig_trajectory"])
    assert set(demo.to_numpy()) == set(demo.columns)
    assert len(demo["uid"]) == len(demo)


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_without_the_library_the_error_names_what_to_install(
    library: str, demo: Flows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, library, None)
    with pytest.raises(MissingDependencyError, match=rf"pip install 'wiretropy\[{library}\]'"):
        getattr(demo, f"to_{library}")()


@pytest.mark.parametrize(("words", "ports"), [((), []), (("--expected-ports", "443,22"), [22, 443])])
def test_stored_alert_ids_come_with_the_policy_that_they_are_of(
    words: tuple[str, ...], ports: list[int], examples: Path, tmp_path: Path
) -> None:
    assert wiretropy("scan", examples / "demo.pcap", *words, "--out", tmp_path).returncode == 0
    table = pq.read_table(tmp_path / "flows.parquet")
    policy = parse_policy(table.schema.metadata[POLICY_KEY].decode(), "stored", tmp_path)
    assert [port for traffic in policy.may_be_encrypted for port, _ in traffic.ports] == ports
    assert [threshold.bits_per_byte for threshold in policy.threshold] == [7.9]
    for row in table.to_pylist():
        has_alert = bool(row["resp_crossing_offsets"]) and not {row["orig_port"], row["resp_port"]} & set(ports)
        assert (row["resp_alert_id"] is not None) == has_alert
