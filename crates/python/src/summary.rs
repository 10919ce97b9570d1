//! The summary of a run as JSON text.

use std::collections::BTreeMap;

use serde_json::{json, Map, Value};
use wiretropy_core::engine::{Account, Summary};
use wiretropy_core::error::{Fault, Severity};
use wiretropy_core::flow::EndReason;

/// The summary as JSON text.
pub fn to_json(summary: &Summary) -> String {
    let payload = &summary.payload;
    let emitted: u64 = summary.ended.values().sum();
    let ended = EndReason::ALL.iter().map(|reason| {
        let count = summary.ended.get(reason).copied().unwrap_or(0);
        (reason.name().to_owned(), json!(count))
    });
    let value = json!({
        "packets": account(&summary.packets),
        "bytes": account(&summary.bytes),
        "payload_bytes": {
            "seen": payload.seen,
            "measured": payload.measured,
            "not_measured": {
                "beyond-depth": payload.beyond_depth,
                "repeated": payload.repeated,
                "before-start": payload.before_start,
                "out-of-window": payload.out_of_window,
                "late": payload.late,
            },
        },
        "flows": {
            "created": summary.created,
            "emitted": emitted,
            "by_end_reason": ended.collect::<Map<_, _>>(),
        },
        "weirds": counts(&summary.weirds),
        "fragments": {
            "completed": summary.fragments.completed,
            "expired": summary.fragments.expired,
            "evicted": summary.fragments.evicted,
            "overlaps": summary.fragments.overlaps,
            "conflicting_overlaps": summary.fragments.conflicting_overlaps,
        },
        "faults": faults(&summary.faults),
        "sources": summary.sources,
    });
    value.to_string()
}

/// Faults as JSON text, as they are in a summary.
pub fn faults_to_json(all: &[Fault]) -> String {
    faults(all).to_string()
}

fn account(account: &Account) -> Value {
    json!({
        "seen": account.seen,
        "decoded": account.decoded,
        "undecoded": counts(&account.undecoded),
        "skipped": counts(&account.skipped),
    })
}

fn counts(counts: &BTreeMap<&'static str, u64>) -> Value {
    let entries = counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count)));
    Value::Object(entries.collect())
}

fn faults(all: &[Fault]) -> Value {
    all.iter().map(fault).collect()
}

fn fault(fault: &Fault) -> Value {
    let severity = match fault.severity {
        Severity::Warning => "warning",
        Severity::Partial => "partial",
        Severity::Refused => "refused",
    };
    json!({
        "id": fault.id,
        "severity": severity,
        "path": fault.path,
        "offset": fault.offset,
        "packets": fault.packets,
        "message": fault.message,
    })
}
