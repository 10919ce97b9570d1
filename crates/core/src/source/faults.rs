//! The log that a reader writes the faults of its file to.
//!
//! What a file has once (a truncated end) is reported at once. What it may have a million times
//! (a captured length above the snapshot length) is counted, and reported once per file with the
//! place of the first.

pub(crate) use super::fault_ids::id;
use crate::error::{Fault, Severity};
use std::fmt::Write as _;

/// What a file may have many times over: counted, and reported once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    CaplenAboveOriglen,
    CaplenAboveSnaplen,
    FractionOverflow,
    OddTimestamp,
    NoTimestamp,
    ShortBlock,
    PacketOverrunsBlock,
    UnknownInterface,
    BadOption,
    OddResolution,
    SecondHeader,
    SkippedBytes,
    ByteOrderChange,
    UnsupportedSection,
}

impl Oddity {
    fn id_and_severity(self) -> (&'static str, Severity) {
        use Severity::{Partial, Warning};
        match self {
            Self::CaplenAboveOriglen => (id::CAPLEN_ABOVE_ORIGLEN, Warning),
            Self::CaplenAboveSnaplen => (id::CAPLEN_ABOVE_SNAPLEN, Warning),
            Self::FractionOverflow => (id::FRACTION_OVERFLOW, Warning),
            Self::OddTimestamp => (id::ODD_TIMESTAMP, Warning),
            Self::NoTimestamp => (id::NO_TIMESTAMP, Warning),
            Self::ShortBlock => (id::SHORT_BLOCK, Partial),
            Self::PacketOverrunsBlock => (id::PACKET_OVERRUNS_BLOCK, Partial),
            Self::UnknownInterface => (id::UNKNOWN_INTERFACE, Partial),
            Self::BadOption => (id::BAD_OPTION, Warning),
            Self::OddResolution => (id::ODD_RESOLUTION, Warning),
            Self::SecondHeader => (id::SECOND_HEADER, Warning),
            Self::ByteOrderChange => (id::BYTE_ORDER_CHANGE, Warning),
            Self::UnsupportedSection => (id::UNSUPPORTED_SECTION, Partial),
            Self::SkippedBytes => (id::SKIPPED_BYTES, Partial),
        }
    }

    /// The words behind the count, for one and for many.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::CaplenAboveOriglen => (
                "packet captured longer than it was on the wire",
                "packets captured longer than they were on the wire",
            ),
            Self::CaplenAboveSnaplen => (
                "packet longer than the snapshot length",
                "packets longer than the snapshot length",
            ),
            Self::FractionOverflow => (
                "packet with a fraction of a second that is not below one second",
                "packets with a fraction of a second that is not below one second",
            ),
            Self::OddTimestamp => {
                ("packet with an improbable timestamp", "packets with an improbable timestamp")
            }
            Self::NoTimestamp => ("packet without a timestamp", "packets without a timestamp"),
            Self::ShortBlock => (
                "block too short for its own fields was skipped",
                "blocks too short for their own fields were skipped",
            ),
            Self::PacketOverrunsBlock => (
                "packet that claims more bytes than its block holds was skipped",
                "packets that claim more bytes than their blocks hold were skipped",
            ),
            Self::UnknownInterface => (
                "packet of an interface that was not described cannot be decoded",
                "packets of interfaces that were not described cannot be decoded",
            ),
            Self::BadOption => {
                ("block with options that overrun it", "blocks with options that overrun them")
            }
            Self::OddResolution => (
                "interface with a timestamp resolution that no clock has",
                "interfaces with a timestamp resolution that no clock has",
            ),
            Self::SecondHeader => (
                "more capture header was found and read",
                "more capture headers were found and read",
            ),
            Self::ByteOrderChange => {
                ("change of byte order was followed", "changes of byte order were followed")
            }
            Self::UnsupportedSection => (
                "section of another major version than 1 was skipped",
                "sections of another major version than 1 were skipped",
            ),
            Self::SkippedBytes => {
                ("byte that is no record was skipped", "bytes that are no records were skipped")
            }
        }
    }
}

/// How often an oddity was met, and where first.
#[derive(Debug)]
struct Tally {
    oddity: Oddity,
    count: u64,
    first_offset: u64,
    packets: u64,
}

/// The faults of one file as they are met.
#[derive(Debug)]
pub(crate) struct FaultLog {
    file: u32,
    path: String,
    ready: Vec<Fault>,
    tallies: Vec<Tally>,
    /// Packets of this file that were yielded so far; kept by the reader.
    pub packets: u64,
    /// Set when the bytes ended because of a fault that is reported itself: the record that is
    /// cut by it is then no second fault.
    pub is_cut: bool,
    /// Bytes that are there of the packet that the end cut, until a fault tells it.
    cut_packet: Option<u32>,
}

impl FaultLog {
    pub fn new(file: u32, path: String) -> Self {
        Self {
            file,
            path,
            ready: Vec::new(),
            tallies: Vec::new(),
            packets: 0,
            is_cut: false,
            cut_packet: None,
        }
    }

    /// Report something harmless.
    pub fn warn(&mut self, id: &'static str, offset: u64, message: impl Into<String>) {
        self.push(id, offset, message.into(), Severity::Warning);
    }

    /// Report why nothing of the file can be read.
    pub fn refuse(&mut self, id: &'static str, offset: u64, message: impl Into<String>) {
        self.push(id, offset, message.into(), Severity::Refused);
    }

    /// Report why reading ended; `message` is followed by how many packets came before.
    pub fn end(&mut self, id: &'static str, offset: u64, message: impl Into<String>) {
        let mut message = message.into();
        message.push_str("; ");
        message.push_str(&packets_before(self.packets));
        self.push(id, offset, message, Severity::Partial);
    }

    /// Report a record that is cut by the end of the file, and with it `cut_packet` bytes of a
    /// packet if the record holds one.
    pub fn truncated(&mut self, offset: u64, message: impl Into<String>, cut_packet: Option<u32>) {
        self.cut_packet = cut_packet;
        if !self.is_cut {
            self.end(id::TRUNCATED_RECORD, offset, message);
        }
    }

    /// Count an oddity, at `offset`.
    pub fn note(&mut self, oddity: Oddity, offset: u64) {
        self.note_many(oddity, 1, offset);
    }

    /// Count `count` oddities, the first of them at `offset`.
    pub fn note_many(&mut self, oddity: Oddity, count: u64, offset: u64) {
        let packets = self.packets;
        match self.tallies.iter_mut().find(|t| t.oddity == oddity) {
            Some(tally) => tally.count = tally.count.saturating_add(count),
            None => self.tallies.push(Tally { oddity, count, first_offset: offset, packets }),
        }
    }

    /// Turn the counts into faults, and put what is ready in the order of the file: it is over.
    pub fn close(&mut self) {
        for tally in std::mem::take(&mut self.tallies) {
            let (id, mut severity) = tally.oddity.id_and_severity();
            let (one, many) = tally.oddity.words();
            if tally.oddity == Oddity::UnsupportedSection && self.packets == 0 {
                severity = Severity::Refused;
            }
            let message = format!(
                "{} {}; the first is at byte {}, {}",
                grouped(tally.count),
                if tally.count == 1 { one } else { many },
                grouped(tally.first_offset),
                after_packets(tally.packets),
            );
            let fault = Fault {
                id,
                file: self.file,
                path: self.path.clone(),
                offset: tally.first_offset,
                packets: tally.packets,
                message,
                severity,
                cut_packet: None,
            };
            self.ready.push(fault);
        }
        self.ready.sort_by_key(|fault| fault.offset);
    }

    pub fn take(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.ready)
    }

    fn push(&mut self, id: &'static str, offset: u64, message: String, severity: Severity) {
        self.ready.push(Fault {
            id,
            file: self.file,
            path: self.path.clone(),
            offset,
            packets: self.packets,
            message,
            severity,
            cut_packet: if severity == Severity::Partial { self.cut_packet.take() } else { None },
        });
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1,203 packets`, `1 packet`: a count with its noun.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    let mut text = grouped(count);
    let _ = write!(text, " {}", if count == 1 { one } else { many });
    text
}

fn packets_before(packets: u64) -> String {
    match packets {
        0 => "no packet comes before it".into(),
        1 => "the 1 packet before it was read".into(),
        many => format!("the {} packets before it were read", grouped(many)),
    }
}

fn after_packets(packets: u64) -> String {
    match packets {
        0 => "before any packet".into(),
        many => format!("after {}", counted(many, "packet", "packets")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in
            [(0u64, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn an_oddity_is_reported_once_with_its_count_and_first_place() {
        let mut log = FaultLog::new(3, "office.pcap".into());
        log.packets = 2;
        log.note(Oddity::CaplenAboveSnaplen, 1_000);
        log.packets = 9;
        log.note(Oddity::CaplenAboveSnaplen, 2_000);
        log.close();
        let faults = log.take();
        assert_eq!(faults.len(), 1);
        assert_eq!((faults[0].offset, faults[0].packets), (1_000, 2));
        assert_eq!(
            faults[0].to_string(),
            "office.pcap: 2 packets longer than the snapshot length; \
             the first is at byte 1,000, after 2 packets"
        );
    }
}
