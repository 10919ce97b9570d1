"""What a report keeps of flows and alerts, and what it counts."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from plot_records import crossing, flow, random_bytes, table

from wiretropy.limits import REPORT_ALERTS
from wiretropy.plot.report import Found, Gathering
from wiretropy.policy.alert import Alert
from wiretropy.policy.apply import apply
from wiretropy.policy.model import without_file


def alerts(flows: pa.Table, **severities: str) -> list[Alert]:
    """The threshold rule's alerts, each as severe as is said for its flow."""
    [batch] = flows.combine_chunks().to_batches()
    return [
        replace(alert, severity=severities.get(alert.uid, "medium"))  # type: ignore[arg-type]
        for alert in apply(batch, without_file())
    ]


def crossed(uid: str, payload: int, *sides: str) -> dict[str, object]:
    """A flow with payload whose sides crossed the threshold."""
    values = {name: value for side in sides for name, value in crossing(side, 1_900).items()}
    return flow(uid, b"", random_bytes(400), resp_payload_bytes=payload, **values)


def found(*tables: pa.Table, rows: int = 10, pictures: int = 10, **severities: str) -> Found:
    gathering = Gathering(rows=rows, pictures=pictures)
    for each in tables:
        gathering.add(each, alerts(each, **severities))
    return gathering.found(None)


def uids(flows: pa.Table) -> list[str]:
    return flows.column("uid").to_pylist()  # type: ignore[return-value]


def test_severe_alerts_come_before_large_payload_and_flows_without_alerts_last() -> None:
    flows = table([crossed("a", 9_000), crossed("b", 10, "resp"), crossed("c", 500, "resp"), crossed("d", 10, "orig")])
    told = found(flows, d="critical")
    assert uids(told.flows) == ["d", "c", "b", "a"]
    assert told.ranks.tolist() == [4, 2, 2, 0]
    assert [each.severity for each in told.drawn] == ["critical", "medium", "medium"]


def test_only_the_worst_flows_are_kept_whatever_batches_they_come_in() -> None:
    flows = table([crossed(f"f{n:02d}", n, *(["resp"] if n % 3 == 0 else [])) for n in range(40)])
    parts = [flows.slice(at, 3) for at in range(0, 40, 3)]
    whole, pieces = found(flows, rows=20, pictures=5), found(*parts, rows=20, pictures=5)
    assert uids(whole.flows)[:15] == [f"f{n:02d}" for n in (39, 36, 33, 30, 27, 24, 21, 18, 15, 12, 9, 6, 3, 0, 38)]
    assert whole.flows.equals(pieces.flows)
    assert [each.alerts for each in whole.drawn] == [each.alerts for each in pieces.drawn]


def test_what_is_not_kept_is_counted() -> None:
    flows = table([crossed(f"f{n}", 100, "orig", "resp") for n in range(7)])
    told = found(flows, rows=3, pictures=2)
    assert (told.all.flows, told.all.payload_bytes, told.alerted) == (7, 700, 7)
    assert (told.severities, told.rules) == ({"medium": 14}, {"threshold_crossed": 14})
    assert (told.flows.num_rows, len(told.drawn)) == (3, 2)


def test_both_sides_of_a_flow_are_drawn_together() -> None:
    [drawn] = found(table([crossed("a", 10, "orig", "resp")])).drawn
    assert [alert.side for alert in drawn.alerts] == ["orig", "resp"]


def test_missing_parts_of_flows_are_counted() -> None:
    flows = table(
        [
            flow("a", b"x" * 10, b"", is_midstream=True),
            flow("b", b"x" * 10, b"y", resp_missed_bytes=3),
            flow("c", b"x" * 10, b"", proto="udp"),
        ]
    )
    assert found(flows).incomplete == {"midstream": 1, "gap": 1, "one-sided": 1}


def test_time_spans_from_the_first_packet_to_the_last() -> None:
    told = found(table([flow("a", ts_first_ns=50, ts_last_ns=60)]), table([flow("b", ts_first_ns=20, ts_last_ns=30)]))
    assert (told.first_ns, told.last_ns) == (20, 60)
    assert (found().first_ns, found().flows.num_rows) == (None, 0)


def test_alerts_of_a_flow_beyond_the_cap_are_counted() -> None:
    flows = table([crossed("a", 10, "resp")])
    [alert] = alerts(flows)
    gathering = Gathering()
    gathering.add(flows, [replace(alert, offset=offset) for offset in range(REPORT_ALERTS + 3)])
    [drawn] = gathering.found(None).drawn
    assert ([each.offset for each in drawn.alerts], drawn.more) == (list(range(REPORT_ALERTS)), 3)
