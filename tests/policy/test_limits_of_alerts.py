"""Exceptions hold until their day, and suppression and rate limits hold noisy hosts back, in packet time."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from policy_records import START_NS, Flow, Side, judged

from wiretropy import limits
from wiretropy.policy import gate
from wiretropy.policy.apply import PolicyRun, apply
from wiretropy.policy.model import Policy, RateLimit, RuleException, Suppression, Traffic

NS = limits.NS_PER_S
RELAPSE = Side(
    random.Random(3).randbytes(9_200), "encrypted", 0.99, segments=[(0, 9_000, "encrypted"), (9_000, 9_200, "text")]
)
EVERYONE = Traffic(ports=((0, 65_535),))
START_DAY = date(2023, 11, 14)
"""The day of `START_NS`, of which 6,400 seconds are left."""


def relapses(number: int, *, step_s: float = 0, **flow: Any) -> list[Flow]:
    """Flows that break a rule, one after the other."""
    times = [START_NS + round(i * step_s * NS) for i in range(number)]
    return [Flow(f"C{i}", RELAPSE, more={"ts_last_ns": ts}, **flow) for i, ts in enumerate(times)]


def told(policy: Policy, *batches: Iterable[Flow]) -> tuple[list[str], dict[str, int]]:
    """Flows of the alerts, and how many were held back."""
    run = PolicyRun(policy)
    return [alert.uid for flows in batches for alert in run.findings(judged(*flows)).alerts()], run.suppressed


@pytest.mark.parametrize(
    ("change", "alerts"),
    [
        ({}, 0),
        ({"until": date(2023, 11, 13)}, 1),
        ({"rules": ("coding_changed",)}, 1),
        ({"traffic": Traffic(ports=((1, 1),))}, 1),
    ],
)
def test_an_exception_holds_for_its_rules_and_traffic_until_its_last_day(change: Any, alerts: int) -> None:
    exception = RuleException(("relapse",), START_DAY, "because", EVERYONE)
    policy = Policy(exception=(replace(exception, **change),))
    assert len(apply(judged(*relapses(1)), policy)) == alerts


def test_an_exception_ends_with_its_day_in_packet_time() -> None:
    policy = Policy(exception=(RuleException(("relapse",), START_DAY, "because", EVERYONE),))
    assert told(policy, relapses(3, step_s=6_399))[0] == ["C2"]
    assert told(policy, relapses(2, step_s=6_400))[0] == ["C1"]


@pytest.mark.parametrize(("until", "alerts"), [(date(9999, 12, 31), 0), (date(1, 1, 1), 1)])
def test_the_first_and_the_last_day_that_there_is_are_days(until: date, alerts: int) -> None:
    policy = Policy(exception=(RuleException(("relapse",), until, "because", EVERYONE),))
    assert len(apply(judged(*relapses(1)), policy)) == alerts


def test_a_flow_that_goes_on_after_the_last_day_is_told_whenever_it_began() -> None:
    policy = Policy(exception=(RuleException(("relapse",), START_DAY, "because", EVERYONE),))
    month_s = 30 * 86_400
    begun = {"ts_first_ns": START_NS - month_s * NS}
    within, beyond = (Flow(uid, RELAPSE, more={**begun, "ts_last_ns": ts}) for uid, ts in (
        ("Ca", START_NS + 6_399 * NS), ("Cb", START_NS + 6_400 * NS)
    ))  # fmt: skip
    assert told(policy, [within, beyond])[0] == ["Cb"]


def test_a_pair_raises_so_many_alerts_of_a_rule_in_a_span_and_the_rest_is_counted() -> None:
    policy = Policy(suppression=Suppression("pair", 2, 60), rate_limit=RateLimit(0))
    assert told(policy, relapses(5, step_s=1)) == (["C0", "C1"], {"relapse": 3})
    assert told(policy, relapses(5, step_s=30)) == (["C0", "C1", "C2", "C3", "C4"], {})
    assert told(policy, relapses(2), relapses(2)) == (["C0", "C1"], {"relapse": 2})
    assert told(policy, relapses(2), relapses(2, resp_ip="192.0.2.9"))[1] == {}


def test_alerts_of_one_rule_hold_back_none_of_another() -> None:
    both = [replace(flow, resp=Side(b"x" * 200, "text", 1.0)) for flow in relapses(3)]
    policy = Policy(must_be_encrypted=(EVERYONE,), suppression=Suppression("pair", 1, 60), rate_limit=RateLimit(0))
    uids, suppressed = told(policy, both)
    assert uids == ["C0", "C0"]
    assert suppressed == {"plaintext_unexpected": 2, "relapse": 2}


def test_a_host_is_the_originator_whatever_its_peers() -> None:
    policy = Policy(suppression=Suppression("host", 2, 60), rate_limit=RateLimit(0))
    assert told(policy, relapses(2), relapses(2, resp_ip="192.0.2.9"))[1] == {"relapse": 2}
    assert told(policy, relapses(2), relapses(2, orig_ip="10.0.0.6"))[1] == {}


def test_the_rate_limit_counts_all_rules_of_a_host_together() -> None:
    both = [replace(flow, resp=replace(RELAPSE, verdict="text", probability=1.0)) for flow in relapses(3)]
    policy = Policy(must_be_encrypted=(EVERYONE,), suppression=Suppression(at_most=0), rate_limit=RateLimit(4, 60))
    uids, suppressed = told(policy, both)
    assert len(uids) == 4
    assert sum(suppressed.values()) == 5


def test_time_that_runs_back_a_little_begins_no_new_span() -> None:
    policy = Policy(suppression=Suppression("pair", 1, 60))
    assert told(policy, relapses(1), relapses(3, step_s=-10)) == (["C0"], {"relapse": 3})


def test_a_time_far_in_the_future_holds_nothing_back_for_good() -> None:
    spans = gate._Spans(1, 60)
    taken = [spans.takes("host", seconds * NS) for seconds in (4_000_000_000, 1_700_000_000, 1_700_007_200)]
    assert taken == [True, True, True]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_ALERT_SPANS", 3)
    spans = gate._Spans(1, 60)
    assert all(spans.takes(key, 0) for key in range(10))
    assert len(spans._spans) == 3
    assert not spans.takes(9, 0)
    assert spans.takes(0, 0), "the oldest is forgotten"


def test_ids_do_not_depend_on_what_is_held_back_or_on_other_flows() -> None:
    free = Policy(suppression=Suppression(at_most=0))
    alone = {alert.uid: alert.id for flow in relapses(4) for alert in apply(judged(flow), free)}
    together = {alert.uid: alert.id for alert in apply(judged(*reversed(relapses(4))), Policy())}
    assert together == alone
    assert len(set(alone.values())) == 4
