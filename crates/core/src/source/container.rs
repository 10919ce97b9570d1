//! Containers of packets, without input or output: bytes in, packets out.
//!
//! A parser is shown a window of the file and a position in it. It yields the packets that lie
//! whole in the window, moves the position behind them, and says what it needs next. Showing it
//! the same bytes in other portions yields the same packets and the same faults.

use super::faults::{id, FaultLog};
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use crate::packet::RawPacket;

/// The bytes of a container that lie in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    pub data: &'a [u8],
    /// Offset in the file of the first byte of `data`.
    pub base: u64,
    /// Whether the file ends where `data` does.
    pub is_last: bool,
}

impl Window<'_> {
    /// The `N` bytes at `at`, if all of them are here.
    pub fn array<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        self.data.get(at..)?.first_chunk()
    }

    /// Bytes from `at` to the end of the window.
    pub fn rest(&self, at: usize) -> usize {
        self.data.len().saturating_sub(at)
    }

    /// Offset in the file of the byte at `at`.
    pub fn offset(&self, at: usize) -> u64 {
        self.base + at as u64
    }
}

/// Where a parser puts what it finds.
pub(crate) struct Sink<'a> {
    pub packets: &'a mut Vec<RawPacket>,
    /// Packets after which the parser is to pause.
    pub max: usize,
    pub file: u32,
    pub log: &'a mut FaultLog,
}

impl Sink<'_> {
    pub fn is_full(&self) -> bool {
        self.packets.len() >= self.max
    }

    /// Yield `packet`.
    pub fn push(&mut self, packet: RawPacket) {
        self.packets.push(packet);
        self.log.packets += 1;
    }
}

/// Why a parser paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// It needs bytes beyond the window (never when the window is the last).
    NeedsBytes,
    /// The sink is full.
    Full,
    /// The container is over, or cannot be read any further.
    Over,
}

/// A container whose format is known.
#[derive(Debug)]
pub(crate) enum Container {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Container {
    /// Continue at `at`, which moves behind what was consumed.
    pub fn parse(&mut self, window: &Window, at: &mut usize, sink: &mut Sink) -> Pause {
        match self {
            Self::Pcap(pcap) => pcap.parse(window, at, sink),
            Self::Pcapng(pcapng) => pcapng.parse(window, at, sink),
        }
    }
}

/// What the first bytes of a file turn out to be.
#[derive(Debug)]
pub(crate) enum Format {
    /// Too few bytes to tell.
    Unknown,
    /// A container of packets, with its header still to be consumed.
    Container(Container),
    /// One of the compressions that are read.
    Compressed,
    /// Nothing that is read, and why.
    Refused(&'static str, String),
}

/// Bytes that tell every format apart; a tar archive says so at byte 257.
const TELLING_BYTES: usize = 262;

/// First bytes of formats that are refused by name.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"\xfd7zXZ\0", "an xz-compressed file: unpack it first"),
    (b"BZh", "a bzip2-compressed file: unpack it first"),
    (b"\x02\x21\x4c\x18", "a file of the legacy lz4 format: compress it anew, or unpack it first"),
    (b"\x1f\x9d", "a file packed by `compress`: unpack it first"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (b"Rar!", "a rar archive: unpack it first"),
    (b"snoop\0\0\0", "a snoop capture: convert it with editcap"),
    (b"TRSNIFF data", "a Sniffer capture: convert it with editcap"),
    (b"XCP\0", "a NetXRay capture: convert it with editcap"),
    (b"GMBU", "a Network Monitor capture: convert it with editcap"),
    (b"RTSS", "a Network Monitor 1 capture: convert it with editcap"),
];

/// Find out what a file is from its first bytes, `data`; `is_last` if there are no more.
pub(crate) fn detect(data: &[u8], is_last: bool, resync: bool) -> Format {
    let Some(magic) = data.first_chunk::<4>() else {
        return match (is_last, data.len()) {
            (false, _) => Format::Unknown,
            (true, 0) => Format::Refused(id::EMPTY_FILE, "the file is empty".into()),
            (true, length) => Format::Refused(
                id::TRUNCATED_HEADER,
                format!("{length} bytes are too few for a capture"),
            ),
        };
    };
    if super::compressed::Compression::of(*magic).is_some() {
        return Format::Compressed;
    }
    if *magic == super::pcapng::SECTION_MAGIC {
        return Format::Container(Container::Pcapng(Pcapng::new()));
    }
    if let Some(format) = Pcap::detect(data, is_last, resync) {
        return format;
    }
    detect_foreign(data, is_last)
}

fn detect_foreign(data: &[u8], is_last: bool) -> Format {
    for (magic, name) in FOREIGN {
        if data.starts_with(magic) {
            return Format::Refused(id::UNSUPPORTED_FORMAT, format!("this is {name}"));
        }
    }
    if data.len() < TELLING_BYTES && !is_last {
        return Format::Unknown;
    }
    if data.get(257..TELLING_BYTES) == Some(b"ustar") {
        let text = "this is a tar archive: unpack it first";
        return Format::Refused(id::UNSUPPORTED_FORMAT, text.into());
    }
    let first: Vec<String> = data.iter().take(4).map(|b| format!("{b:02x}")).collect();
    Format::Refused(
        id::UNKNOWN_FORMAT,
        format!("the first bytes ({}) are those of no capture", first.join(" ")),
    )
}
