//! The faults of captures: their stable identifiers, and the log that a reader writes them to.
//!
//! What a file has once (a truncated end) is reported at once. What it may have a million times
//! (a captured length above the snapshot length) is counted, and reported once per file with the
//! place of the first.

use crate::error::{Fault, Severity};
use std::fmt::Write as _;

macro_rules! fault_ids {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal;)+) => {
        /// Stable identifiers of what may be wrong with a capture.
        pub mod id {
            $($(#[doc = $doc])+ pub const $name: &str = $id;)+

            /// Every identifier with its explanation.
            pub const ALL: &[(&str, &str)] = &[$(($id, concat!($($doc),+))),+];
        }
    };
}

fault_ids! {
    /// The file cannot be opened: it is missing, or reading it is not permitted.
    CANNOT_OPEN = "cannot-open";
    /// The name is that of a directory, a device or a socket, not of a file or pipe.
    NOT_A_FILE = "not-a-file";
    /// Reading failed midway: the medium or the network file system returned an error.
    READ_ERROR = "read-error";
    /// The file holds no bytes.
    EMPTY_FILE = "empty-file";
    /// The file ends within its first header.
    TRUNCATED_HEADER = "truncated-header";
    /// The first bytes are not those of a capture that can be read.
    UNKNOWN_FORMAT = "unknown-format";
    /// The first bytes are those of a known format that is not read; the text names it.
    UNSUPPORTED_FORMAT = "unsupported-format";
    /// The pcap version is not 2.4; read as if it were.
    ODD_VERSION = "odd-version";
    /// Reserved bits of the pcap link type are set; ignored.
    RESERVED_LINK_BITS = "reserved-link-bits";
    /// The file ends within a packet record or block.
    TRUNCATED_RECORD = "truncated-record";
    /// A packet record cannot be one: its length is beyond every limit.
    BAD_RECORD = "bad-record";
    /// A second capture header stands where a packet record should: two files were joined.
    SECOND_HEADER = "second-header";
    /// Bytes between packet records that are not records were skipped, as asked.
    SKIPPED_BYTES = "skipped-bytes";
    /// Zero bytes follow the last record; taken as padding.
    ZERO_PADDING = "zero-padding";
    /// Zero bytes stand where a packet record should, and other bytes follow.
    ZERO_FILLED = "zero-filled";
    /// A captured length exceeds the length on the wire; the captured length is used.
    CAPLEN_ABOVE_ORIGLEN = "caplen-above-origlen";
    /// A captured length exceeds the snapshot length; the packet is kept.
    CAPLEN_ABOVE_SNAPLEN = "caplen-above-snaplen";
    /// A fraction of a second is a second or more; carried over to the seconds.
    FRACTION_OVERFLOW = "fraction-overflow";
    /// A timestamp is zero, or beyond the year 2038 in pcap or 2262 in pcapng.
    ODD_TIMESTAMP = "odd-timestamp";
    /// Packets without a timestamp (simple packet blocks) are given time 0.
    NO_TIMESTAMP = "no-timestamp";
    /// A pcapng block has a length that no block can have.
    BAD_BLOCK_LENGTH = "bad-block-length";
    /// The two lengths of a pcapng block, before and after its body, differ.
    BLOCK_LENGTH_MISMATCH = "block-length-mismatch";
    /// A pcapng block is too short for its own fields; it was skipped.
    SHORT_BLOCK = "short-block";
    /// A pcapng packet claims more bytes than its block holds; it was skipped.
    PACKET_OVERRUNS_BLOCK = "packet-overruns-block";
    /// A pcapng packet names an interface that was not described; it cannot be decoded.
    UNKNOWN_INTERFACE = "unknown-interface";
    /// A pcapng section describes more interfaces than are kept.
    TOO_MANY_INTERFACES = "too-many-interfaces";
    /// The options of a pcapng block overrun it; the rest of them were ignored.
    BAD_OPTION = "bad-option";
    /// A pcapng interface states a timestamp resolution that no clock has.
    ODD_RESOLUTION = "odd-resolution";
    /// A pcapng section has another major version than 1, or no valid byte-order magic.
    UNSUPPORTED_SECTION = "unsupported-section";
    /// The compressed data end midway.
    TRUNCATED_COMPRESSION = "truncated-compression";
    /// The compressed data are damaged.
    CORRUPT_COMPRESSION = "corrupt-compression";
    /// What was unpacked does not have the checksum that was stored with it.
    CHECKSUM_MISMATCH = "checksum-mismatch";
    /// Bytes that are not compressed data follow the compressed data; ignored.
    TRAILING_GARBAGE = "trailing-garbage";
    /// The compressed file holds a compressed file.
    NESTED_COMPRESSION = "nested-compression";
    /// The compressed data unpack to far more than captures do.
    DECOMPRESSION_BOMB = "decompression-bomb";
    /// A compressed file cannot be followed as it grows; it was read as it is.
    CANNOT_FOLLOW = "cannot-follow";
    /// The file became shorter while it was followed.
    FILE_SHRANK = "file-shrank";
    /// Reading was stopped on request before the end.
    STOPPED = "stopped";
    /// More files overlap in time than are held open; some packets may be out of order.
    TOO_MANY_OVERLAPS = "too-many-overlaps";
}

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
    UnsupportedSection,
}

impl Oddity {
    /// Identifier, severity, and the words around the count: `{count} {what}`.
    fn wording(self) -> (&'static str, Severity, &'static str, &'static str) {
        use Severity::{Partial, Warning};
        match self {
            Self::CaplenAboveOriglen => (
                id::CAPLEN_ABOVE_ORIGLEN,
                Warning,
                "packet captured longer than it was on the wire",
                "packets captured longer than they were on the wire",
            ),
            Self::CaplenAboveSnaplen => (
                id::CAPLEN_ABOVE_SNAPLEN,
                Warning,
                "packet longer than the snapshot length",
                "packets longer than the snapshot length",
            ),
            Self::FractionOverflow => (
                id::FRACTION_OVERFLOW,
                Warning,
                "packet with a fraction of a second that is not below one second",
                "packets with a fraction of a second that is not below one second",
            ),
            Self::OddTimestamp => (
                id::ODD_TIMESTAMP,
                Warning,
                "packet with an improbable timestamp",
                "packets with an improbable timestamp",
            ),
            Self::NoTimestamp => (
                id::NO_TIMESTAMP,
                Warning,
                "packet without a timestamp",
                "packets without a timestamp",
            ),
            Self::ShortBlock => (
                id::SHORT_BLOCK,
                Partial,
                "block too short for its own fields was skipped",
                "blocks too short for their own fields were skipped",
            ),
            Self::PacketOverrunsBlock => (
                id::PACKET_OVERRUNS_BLOCK,
                Partial,
                "packet that claims more bytes than its block holds was skipped",
                "packets that claim more bytes than their blocks hold were skipped",
            ),
            Self::UnknownInterface => (
                id::UNKNOWN_INTERFACE,
                Partial,
                "packet of an interface that was not described cannot be decoded",
                "packets of interfaces that were not described cannot be decoded",
            ),
            Self::BadOption => (
                id::BAD_OPTION,
                Warning,
                "block with options that overrun it",
                "blocks with options that overrun them",
            ),
            Self::OddResolution => (
                id::ODD_RESOLUTION,
                Warning,
                "interface with a timestamp resolution that no clock has",
                "interfaces with a timestamp resolution that no clock has",
            ),
            Self::SecondHeader => (
                id::SECOND_HEADER,
                Warning,
                "more capture header was found and read",
                "more capture headers were found and read",
            ),
            Self::UnsupportedSection => (
                id::UNSUPPORTED_SECTION,
                Partial,
                "section of another major version than 1 was skipped",
                "sections of another major version than 1 were skipped",
            ),
            Self::SkippedBytes => (
                id::SKIPPED_BYTES,
                Partial,
                "byte that is no record was skipped",
                "bytes that are no records were skipped",
            ),
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

    /// Report a record that is cut by the end of the file.
    pub fn truncated(&mut self, offset: u64, message: impl Into<String>) {
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
            None => self.tallies.push(Tally {
                oddity,
                count,
                first_offset: offset,
                packets,
            }),
        }
    }

    /// Turn the counts into faults, and put what is ready in the order of the file: it is over.
    pub fn close(&mut self) {
        for tally in std::mem::take(&mut self.tallies) {
            let (id, mut severity, one, many) = tally.oddity.wording();
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
        for (number, text) in [
            (0u64, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
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

    #[test]
    fn identifiers_are_unique_and_in_kebab_case() {
        for (place, (id, text)) in id::ALL.iter().enumerate() {
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
            assert!(!text.trim().is_empty());
            assert!(id::ALL[..place].iter().all(|(other, _)| other != id));
        }
    }
}
