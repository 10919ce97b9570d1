"""Which flows a selection keeps, and what it says when it keeps none."""

import pyarrow as pa
import pytest
from plot_records import SCHEMA, flow, table

from wiretropy.plot.select import Selection, select


def picked(flows: pa.Table, selection: Selection) -> list[str]:
    """Ids of the selected flows."""
    return [flows.column("uid")[int(row)].as_py() for row in select(flows, selection)]


def test_flows_come_with_the_largest_payload_first(three_flows: pa.Table) -> None:
    assert picked(three_flows, Selection()) == ["Crandom", "Ctext", "Cshort"]


def test_unique_prefix_selects_a_flow_and_an_ambiguous_one_is_refused(three_flows: pa.Table) -> None:
    assert picked(three_flows, Selection(uids=["Ct"])) == ["Ctext"]
    with pytest.raises(ValueError, match=r"3 flow ids begin with 'C' .*give more characters"):
        select(three_flows, Selection(uids=["C"]))


def test_exact_id_wins_over_longer_ones_that_begin_with_it() -> None:
    flows = table([flow("C1"), flow("C12")])
    assert picked(flows, Selection(uids=["C1"])) == ["C1"]


def test_same_condition_widens_and_another_narrows(three_flows: pa.Table) -> None:
    assert set(picked(three_flows, Selection(ports=[53, 443]))) == {"Cshort", "Crandom"}
    assert picked(three_flows, Selection(ports=[53, 443], hosts=["192.0.2.0/24"])) == ["Crandom"]


def test_host_is_an_address_or_a_network_of_either_side(three_flows: pa.Table) -> None:
    assert set(picked(three_flows, Selection(hosts=["10.0.0.5"]))) == {"Ctext", "Crandom"}
    assert picked(three_flows, Selection(hosts=["fe80::/10"])) == ["Cshort"]
    with pytest.raises(ValueError, match=r"'10\.0\.0' is neither an address nor a network"):
        select(three_flows, Selection(hosts=["10.0.0"]))


def test_community_id_selects(three_flows: pa.Table) -> None:
    assert picked(three_flows, Selection(community_ids=["1:Ctext="])) == ["Ctext"]


def test_label_needs_the_column(three_flows: pa.Table) -> None:
    with pytest.raises(ValueError, match="no 'label' column"):
        select(three_flows, Selection(labels=["ssh"]))
    labelled = table([flow("a", label="ssh"), flow("b", label="rdp")])
    assert picked(labelled, Selection(labels=["rdp"])) == ["b"]


def test_empty_selection_says_what_there_is(three_flows: pa.Table) -> None:
    with pytest.raises(ValueError, match=r"no flow of 3 meets the selection; responder ports there are 443, 80, 53"):
        select(three_flows, Selection(ports=[22]))
    with pytest.raises(ValueError, match=r"no flow has the id 'X'; the ids are Cshort, Ctext, Crandom"):
        select(three_flows, Selection(uids=["X"]))


def test_empty_table_is_refused() -> None:
    with pytest.raises(ValueError, match="the input holds none"):
        select(SCHEMA.empty_table(), Selection())
