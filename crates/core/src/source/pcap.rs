//! The classic pcap container (draft-ietf-opsawg-pcap): one header, then records.
//!
//! Enters: bytes of either byte order, with microseconds or nanoseconds. Leaves: packets.
//! Refuses by name: Kuznetzov's and other modified formats, whose record headers differ.
//!
//! The loop over records is the hot path of the whole reader. It reads a header of 16 bytes in
//! place and compares it with a few bounds at once; whatever is odd leaves it for slower code.

use super::container::{Container, Format, Pause, Sink, Window};
use super::faults::{counted, grouped, id, FaultLog, Oddity};
use super::pcap_search::{self, Search};
use crate::limits::{MAX_PADDING_BYTES, MAX_RECORD_BYTES, RESYNC_RECORD_BYTES};
use crate::packet::{LinkType, RawPacket};

/// Bytes of the file header.
pub(crate) const HEADER_BYTES: usize = 24;

/// Bytes of a record header.
pub(crate) const RECORD_BYTES: usize = 16;

/// Magic numbers of formats akin to pcap whose records are laid out differently.
const AKIN: &[(u32, &str)] = &[
    (0xa1b2_cd34, "Kuznetzov's modified pcap"),
    (0xa1b2_34cd, "Mesquita's modified pcap"),
    (0xa1e2_cb12, "Navtel's modified pcap"),
    (0xa1b2_c3cb, "Nokia's modified pcap"),
    (0x1c00_01ab, "Ixia's pcap with hardware times"),
    (0x1c00_01ac, "Ixia's pcap with software times"),
];

/// Byte order and unit of time of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub is_big_endian: bool,
    pub has_nanoseconds: bool,
}

impl Layout {
    /// The layout that a magic number stands for.
    pub fn of(magic: [u8; 4]) -> Option<Self> {
        let of = |number| match number {
            0xa1b2_c3d4_u32 => Some(false),
            0xa1b2_3c4d => Some(true),
            _ => None,
        };
        let little = of(u32::from_le_bytes(magic)).map(|has_nanoseconds| Self {
            is_big_endian: false,
            has_nanoseconds,
        });
        let big = of(u32::from_be_bytes(magic)).map(|has_nanoseconds| Self {
            is_big_endian: true,
            has_nanoseconds,
        });
        little.or(big)
    }

    /// Fractions that make a second.
    pub fn fractions(self) -> u32 {
        if self.has_nanoseconds {
            1_000_000_000
        } else {
            1_000_000
        }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.is_big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }
}

/// A record header, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub seconds: u32,
    pub fraction: u32,
    pub caplen: u32,
    pub origlen: u32,
}

impl Record {
    #[inline]
    pub fn read<const BIG: bool>(h: &[u8; RECORD_BYTES]) -> Self {
        let word = |bytes| {
            if BIG {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            }
        };
        Self {
            seconds: word([h[0], h[1], h[2], h[3]]),
            fraction: word([h[4], h[5], h[6], h[7]]),
            caplen: word([h[8], h[9], h[10], h[11]]),
            origlen: word([h[12], h[13], h[14], h[15]]),
        }
    }

    /// Whether the seconds are neither 0 nor beyond 2038.
    #[inline]
    pub fn has_likely_time(self) -> bool {
        self.seconds.wrapping_sub(1) < 0x7fff_ffff
    }

    fn is_zero(self) -> bool {
        self.seconds | self.fraction | self.caplen | self.origlen == 0
    }
}

/// What the parser is in the middle of.
#[derive(Debug)]
enum State {
    Header,
    Records,
    /// A run of zero records that began at `from`: padding, unless a record follows.
    Zeros {
        from: u64,
    },
    /// Zero records that turned out to be followed by a record, still to be yielded.
    Release {
        count: u64,
        from: u64,
    },
    /// Looking for the next record after something that is none.
    Searching(Search),
    Over,
}

/// A pcap file being parsed.
#[derive(Debug)]
pub(crate) struct Pcap {
    layout: Layout,
    link: LinkType,
    fcs_len: u8,
    /// Versions before 2.4 stored the two lengths in either order.
    may_swap_lengths: bool,
    snaplen: u32,
    /// Largest captured length that is taken for one.
    max_caplen: u32,
    /// Number of the last packet.
    number: u64,
    resync: bool,
    state: State,
}

impl Pcap {
    /// Tell a pcap file, or one akin, from its first bytes (at least 4).
    pub fn detect(data: &[u8], is_last: bool, resync: bool) -> Option<Format> {
        let magic = *data.first_chunk::<4>()?;
        let little = u32::from_le_bytes(magic);
        let big = u32::from_be_bytes(magic);
        if let Some((_, name)) = AKIN.iter().find(|(m, _)| *m == little || *m == big) {
            let text = format!("this is {name}: convert it with editcap");
            return Some(Format::Refused(id::UNSUPPORTED_FORMAT, text));
        }
        let layout = Layout::of(magic)?;
        Some(match (data.len() >= HEADER_BYTES, is_last) {
            (true, _) => Format::Container(Container::Pcap(Self::new(layout, resync))),
            (false, false) => Format::Unknown,
            (false, true) => {
                let length = data.len();
                let text = format!("a pcap header takes {HEADER_BYTES} bytes; {length} are there");
                Format::Refused(id::TRUNCATED_HEADER, text)
            }
        })
    }

    fn new(layout: Layout, resync: bool) -> Self {
        Self {
            layout,
            link: LinkType(0),
            fcs_len: 0,
            may_swap_lengths: false,
            snaplen: u32::MAX,
            max_caplen: 0,
            number: 0,
            resync,
            state: State::Header,
        }
    }

    /// Continue at `at`, which moves behind what was consumed.
    pub fn parse(&mut self, window: &Window, at: &mut usize, sink: &mut Sink) -> Pause {
        loop {
            let pause = match &mut self.state {
                State::Header => self.header(window, at, sink.log),
                State::Records if self.layout.is_big_endian => {
                    self.records::<true>(window, at, sink)
                }
                State::Records => self.records::<false>(window, at, sink),
                State::Zeros { from } => {
                    let from = *from;
                    self.zeros(from, window, at, sink.log)
                }
                State::Release { count, from } => {
                    let (count, from) = (*count, *from);
                    self.release(count, from, sink)
                }
                State::Searching(_) => self.search(window, at, sink.log),
                State::Over => Some(Pause::Over),
            };
            if let Some(pause) = pause {
                return pause;
            }
        }
    }

    /// Consume a file header, the first or (after a search) a later one.
    fn header(&mut self, window: &Window, at: &mut usize, log: &mut FaultLog) -> Option<Pause> {
        let Some(header) = window.array::<HEADER_BYTES>(*at) else {
            if !window.is_last {
                return Some(Pause::NeedsBytes);
            }
            let rest = window.rest(*at);
            let text = format!("a pcap header takes {HEADER_BYTES} bytes but {rest} remain");
            log.truncated(window.offset(*at), text);
            return self.over();
        };
        let offset = window.offset(*at);
        let word = |i: usize| {
            let bytes = header[i..].first_chunk().copied().unwrap_or_default();
            self.layout.u32(bytes)
        };
        let version = if self.layout.is_big_endian {
            (word(4) >> 16, word(4) & 0xffff)
        } else {
            (word(4) & 0xffff, word(4) >> 16)
        };
        let (snaplen, network) = (word(16), word(20));
        if version != (2, 4) {
            let text = format!("pcap version {}.{} is read as 2.4", version.0, version.1);
            log.warn(id::ODD_VERSION, offset, text);
        }
        self.may_swap_lengths = version < (2, 4);
        self.describe(snaplen, network, offset, log);
        *at += HEADER_BYTES;
        self.state = State::Records;
        None
    }

    fn describe(&mut self, snaplen: u32, network: u32, offset: u64, log: &mut FaultLog) {
        // Bits 0-15 are the link type. Bit 26 says that bits 28-31 count the 16-bit words of
        // the frame check sequence. The other bits are reserved.
        if network & 0x0bff_0000 != 0 {
            let text = format!("reserved bits of the link type {network:#010x} are set");
            log.warn(id::RESERVED_LINK_BITS, offset, text);
        }
        self.link = LinkType((network & 0xffff) as u16);
        self.fcs_len = match network & 0x0400_0000 {
            0 => 0,
            _ => (network >> 28) as u8 * 2,
        };
        // No snapshot length (0) and nonsense ones (2^31 and more) mean that there is no limit.
        self.snaplen = if snaplen == 0 { u32::MAX } else { snaplen };
        let limit = MAX_RECORD_BYTES as u32;
        self.max_caplen = match (self.resync, self.snaplen < limit) {
            (true, true) => self.snaplen.max(RESYNC_RECORD_BYTES),
            (true, false) => RESYNC_RECORD_BYTES,
            (false, _) => limit,
        };
    }

    /// Yield records until the window or the sink is exhausted, or something is no record.
    fn records<const BIG: bool>(
        &mut self,
        window: &Window,
        at: &mut usize,
        sink: &mut Sink,
    ) -> Option<Pause> {
        let fractions = self.layout.fractions();
        let ns_per_fraction = i64::from(1_000_000_000 / fractions);
        let usual_caplen = self.snaplen.min(self.max_caplen);
        let mut number = self.number;
        let mut position = *at;
        let mut outcome = Some(Pause::Full);
        while sink.packets.len() < sink.max {
            let Some(header) = window.array::<RECORD_BYTES>(position) else {
                outcome = self.tail(position, None, window, sink.log);
                break;
            };
            let mut record = Record::read::<BIG>(header);
            let is_odd = !record.has_likely_time()
                | (record.fraction >= fractions)
                | (record.caplen > record.origlen)
                | (record.caplen > usual_caplen)
                | (record.origlen == 0);
            if is_odd {
                record = self.straighten(record);
                if !self.is_record(record, *header, position, window, sink.log) {
                    outcome = None;
                    break;
                }
            }
            let start = position + RECORD_BYTES;
            let end = start + record.caplen as usize;
            if end > window.data.len() {
                outcome = self.tail(position, Some(record), window, sink.log);
                break;
            }
            number += 1;
            if is_odd {
                note_oddities(
                    record,
                    fractions,
                    self.snaplen,
                    window.offset(position),
                    sink.log,
                );
            }
            sink.push(RawPacket {
                ts_ns: i64::from(record.seconds) * 1_000_000_000
                    + i64::from(record.fraction) * ns_per_fraction,
                number,
                file: sink.file,
                start: start as u32,
                caplen: record.caplen,
                origlen: record.origlen,
                link: self.link,
                fcs_len: self.fcs_len,
            });
            position = end;
        }
        *at = position;
        self.number = number;
        outcome
    }

    /// Lengths in their order: versions before 2.4 had the other one.
    fn straighten(&self, mut record: Record) -> Record {
        if self.may_swap_lengths && record.caplen > record.origlen {
            std::mem::swap(&mut record.caplen, &mut record.origlen);
        }
        record
    }

    /// Whether an odd record is a record nevertheless; if not, the state is set accordingly.
    fn is_record(
        &mut self,
        record: Record,
        header: [u8; RECORD_BYTES],
        at: usize,
        window: &Window,
        log: &mut FaultLog,
    ) -> bool {
        let offset = window.offset(at);
        if record.is_zero() {
            self.state = State::Zeros { from: offset };
            return false;
        }
        let next = pcap_search::file_header(header);
        if next.is_some() || pcap_search::is_section_header(header) {
            self.meet_header(next, offset, log);
            return false;
        }
        if record.caplen <= self.max_caplen {
            return true;
        }
        let text = format!(
            "record at byte {} claims {}, more than the {} that a record may have",
            grouped(offset),
            counted(record.caplen.into(), "byte", "bytes"),
            grouped(self.max_caplen),
        );
        self.give_up(id::BAD_RECORD, offset, text, log);
        false
    }

    /// A capture header where a record should be: read on behind it where that was asked for,
    /// and where it is a pcap header (`next`).
    fn meet_header(&mut self, next: Option<Layout>, offset: u64, log: &mut FaultLog) {
        if let Some(layout) = next.filter(|_| self.resync) {
            log.note(Oddity::SecondHeader, offset);
            self.layout = layout;
            self.state = State::Header;
            return;
        }
        let place = grouped(offset);
        let text = format!("a second capture header stands at byte {place}");
        log.end(id::SECOND_HEADER, offset, text);
        self.state = State::Over;
    }

    /// The window ends within the record at `at` (whose header is there if it is given).
    fn tail(
        &mut self,
        at: usize,
        record: Option<Record>,
        window: &Window,
        log: &mut FaultLog,
    ) -> Option<Pause> {
        if !window.is_last {
            return Some(Pause::NeedsBytes);
        }
        let (rest, offset) = (window.rest(at), window.offset(at));
        if rest == 0 {
            return self.over();
        }
        let text = match record {
            None => format!(
                "record header at byte {} takes {RECORD_BYTES} bytes but {rest} remain",
                grouped(offset)
            ),
            Some(record) => format!(
                "record at byte {} claims {} but {} remain",
                grouped(offset),
                counted(record.caplen.into(), "byte", "bytes"),
                grouped((rest - RECORD_BYTES) as u64),
            ),
        };
        self.give_up(id::TRUNCATED_RECORD, offset, text, log);
        None
    }

    /// End with a fault, or look for the next record first where that was asked for.
    fn give_up(&mut self, id: &'static str, offset: u64, text: String, log: &mut FaultLog) {
        self.state = if self.resync {
            State::Searching(Search::new(id, offset, text))
        } else {
            pcap_search::report(id, offset, text, log);
            State::Over
        };
    }

    /// Pass over zero records, and decide what they were when they end.
    fn zeros(
        &mut self,
        from: u64,
        window: &Window,
        at: &mut usize,
        log: &mut FaultLog,
    ) -> Option<Pause> {
        while let Some(header) = window.array::<RECORD_BYTES>(*at) {
            if *header != [0; RECORD_BYTES] {
                return self.after_zeros(from, *header, *at, window, log);
            }
            *at += RECORD_BYTES;
            if window.offset(*at) - from > MAX_PADDING_BYTES {
                return self.padding(from, window.offset(*at), true, log);
            }
        }
        if !window.is_last {
            return Some(Pause::NeedsBytes);
        }
        let tail = window.data.get(*at..).unwrap_or_default();
        if tail.iter().all(|&b| b == 0) {
            *at = window.data.len();
            return self.padding(from, window.offset(*at), false, log);
        }
        self.zero_filled(from, window.offset(*at), log)
    }

    /// Zero records are followed by `header`: if that is a record, they were records too.
    fn after_zeros(
        &mut self,
        from: u64,
        header: [u8; RECORD_BYTES],
        at: usize,
        window: &Window,
        log: &mut FaultLog,
    ) -> Option<Pause> {
        if pcap_search::plausible(&header, self.layout, self.max_caplen).is_none() {
            return self.zero_filled(from, window.offset(at), log);
        }
        let count = (window.offset(at) - from) / RECORD_BYTES as u64;
        self.state = State::Release { count, from };
        None
    }

    fn padding(&mut self, from: u64, to: u64, goes_on: bool, log: &mut FaultLog) -> Option<Pause> {
        let count = counted(to - from, "zero byte", "zero bytes");
        let place = grouped(from);
        if goes_on {
            let text = format!("{count} follow byte {place} and more follow them");
            log.end(id::ZERO_PADDING, from, text);
        } else {
            let text = format!("{count} from byte {place} to the end are padding");
            log.warn(id::ZERO_PADDING, from, text);
        }
        self.over()
    }

    fn zero_filled(&mut self, from: u64, to: u64, log: &mut FaultLog) -> Option<Pause> {
        let text = format!(
            "{} stand at byte {} where a record should",
            counted(to - from, "zero byte", "zero bytes"),
            grouped(from)
        );
        self.give_up(id::ZERO_FILLED, from, text, log);
        None
    }

    /// Yield `count` records of zeros, which have no bytes.
    fn release(&mut self, mut count: u64, from: u64, sink: &mut Sink) -> Option<Pause> {
        while count > 0 && !sink.is_full() {
            count -= 1;
            self.number += 1;
            sink.log.note(Oddity::OddTimestamp, from);
            sink.push(RawPacket {
                ts_ns: 0,
                number: self.number,
                file: sink.file,
                start: 0,
                caplen: 0,
                origlen: 0,
                link: self.link,
                fcs_len: 0,
            });
        }
        if count > 0 {
            self.state = State::Release { count, from };
            return Some(Pause::Full);
        }
        self.state = State::Records;
        None
    }

    fn search(&mut self, window: &Window, at: &mut usize, log: &mut FaultLog) -> Option<Pause> {
        let State::Searching(search) = &mut self.state else {
            return None;
        };
        match search.advance(self.layout, self.max_caplen, window, at) {
            pcap_search::Found::Nothing => return Some(Pause::NeedsBytes),
            pcap_search::Found::Record { is_big_endian } => {
                self.layout.is_big_endian = is_big_endian;
                let skipped = window.offset(*at) - search.from();
                log.note_many(Oddity::SkippedBytes, skipped, search.from());
                self.state = State::Records;
            }
            pcap_search::Found::Header { layout } => {
                let (from, to) = (search.from(), window.offset(*at));
                log.note_many(Oddity::SkippedBytes, to - from, from);
                log.note(Oddity::SecondHeader, to);
                self.layout = layout;
                self.state = State::Header;
            }
            pcap_search::Found::End => {
                search.report(log);
                self.state = State::Over;
            }
        }
        None
    }

    fn over(&mut self) -> Option<Pause> {
        self.state = State::Over;
        Some(Pause::Over)
    }
}

fn note_oddities(record: Record, fractions: u32, snaplen: u32, offset: u64, log: &mut FaultLog) {
    if !record.has_likely_time() {
        log.note(Oddity::OddTimestamp, offset);
    }
    if record.fraction >= fractions {
        log.note(Oddity::FractionOverflow, offset);
    }
    if record.caplen > record.origlen {
        log.note(Oddity::CaplenAboveOriglen, offset);
    }
    if record.caplen > snaplen {
        log.note(Oddity::CaplenAboveSnaplen, offset);
    }
}
