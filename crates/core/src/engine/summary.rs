//! What was seen and where it went: the numbers that must add up.

use std::collections::BTreeMap;

use crate::decode::{FragmentCounters, Reason};
use crate::error::Fault;
use crate::flow::{EndReason, PayloadTally, Weird};

/// Packets or bytes: seen is the sum of the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// All that the source yielded, and what it ended within.
    pub seen: u64,
    /// Of packets that belong to flows.
    pub decoded: u64,
    /// Of packets that belong to no flow, by reason.
    pub undecoded: BTreeMap<&'static str, u64>,
    /// Left out on purpose, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
}

impl Account {
    fn add(&mut self, other: &Self) {
        self.seen += other.seen;
        self.decoded += other.decoded;
        for (sums, more) in
            [(&mut self.undecoded, &other.undecoded), (&mut self.skipped, &other.skipped)]
        {
            for (name, count) in more {
                *sums.entry(name).or_default() += count;
            }
        }
    }
}

/// Everything countable of one run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Packets.
    pub packets: Account,
    /// Captured bytes.
    pub bytes: Account,
    /// Payload bytes of packets that belong to flows.
    pub payload: PayloadTally,
    /// Flows begun.
    pub created: u64,
    /// Flows handed over, by the reason that they ended.
    pub ended: BTreeMap<EndReason, u64>,
    /// Flows that showed each oddity.
    pub weirds: BTreeMap<&'static str, u64>,
    /// What the defragmenter did.
    pub fragments: FragmentCounters,
    /// Faults of the inputs, by file and offset.
    pub faults: Vec<Fault>,
    /// Names of the inputs.
    pub sources: Vec<String>,
}

impl Summary {
    /// Add what one chunk contributed.
    pub fn add(&mut self, other: &Self) {
        self.packets.add(&other.packets);
        self.bytes.add(&other.bytes);
        self.payload.add(&other.payload);
        self.created += other.created;
        for (&reason, count) in &other.ended {
            *self.ended.entry(reason).or_default() += count;
        }
        for (name, count) in &other.weirds {
            *self.weirds.entry(name).or_default() += count;
        }
    }

    /// Note a packet that belongs to no flow.
    pub fn note_undecoded(&mut self, reason: &'static str, caplen: u32) {
        *self.packets.undecoded.entry(reason).or_default() += 1;
        *self.bytes.undecoded.entry(reason).or_default() += u64::from(caplen);
    }

    /// Note the faults of the inputs, and the packets that they cut.
    pub fn note_faults(&mut self, mut faults: Vec<Fault>) {
        // Some warnings are counted first and told later, so that the order in which a source tells
        // them depends on how the capture came in.
        faults.sort_by_key(|fault| (fault.file, fault.offset, fault.id));
        for caplen in faults.iter().filter_map(|fault| fault.cut_packet) {
            self.packets.seen += 1;
            self.bytes.seen += u64::from(caplen);
            self.note_undecoded(Reason::Truncated.name(), caplen);
        }
        self.faults = faults;
    }

    /// Note a packet that was left out on purpose.
    pub fn note_skipped(&mut self, reason: &'static str, caplen: u32) {
        *self.packets.skipped.entry(reason).or_default() += 1;
        *self.bytes.skipped.entry(reason).or_default() += u64::from(caplen);
    }

    /// Note packets that belong to a flow.
    pub fn note_decoded(&mut self, packets: u64, caplen: u64) {
        self.packets.decoded += packets;
        self.bytes.decoded += caplen;
    }

    /// Note the end of a flow.
    pub fn note_end(&mut self, reason: EndReason, weirds: impl Iterator<Item = Weird>) {
        *self.ended.entry(reason).or_default() += 1;
        for weird in weirds {
            *self.weirds.entry(weird.name()).or_default() += 1;
        }
    }
}
