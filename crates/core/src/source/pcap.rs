//! The classic pcap container (draft-ietf-opsawg-pcap): one header, then records.
//!
//! Enters: bytes of either byte order, with microseconds or nanoseconds. Leaves: packets.
//! Refuses by name: Kuznetzov's and other modified formats, whose record headers differ.
//!
//! The loop over records is the hot path of the whole reader. It reads a header of 16 bytes in
//! place and compares it with a few bounds at once; whatever is odd leaves it for slower code.

mod record;
mod search;
mod zeros;

use self::record::{Layout, Record, AKIN, HEADER_BYTES, RECORD_BYTES};
use self::search::{Found, Search};
use super::container::{Container, Format, Pause, Sink, Window};
use super::faults::{counted, grouped, id, FaultLog, Oddity};
use crate::limits::{MAX_RECORD_BYTES, RESYNC_RECORD_BYTES};
use crate::packet::{LinkType, RawPacket};

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
            log.truncated(window.offset(*at), text, None);
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
                record.note_oddities(fractions, self.snaplen, window.offset(position), sink.log);
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
        let next = search::file_header(header);
        if next.is_some() || search::is_section_header(header) {
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
        self.give_up(Search::new(id::BAD_RECORD, offset, text, None), log);
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
        let cut_packet = record.map(|_| (rest - RECORD_BYTES) as u32);
        self.give_up(Search::new(id::TRUNCATED_RECORD, offset, text, cut_packet), log);
        None
    }

    /// End with a fault, or look for the next record first where that was asked for.
    fn give_up(&mut self, search: Search, log: &mut FaultLog) {
        self.state = if self.resync {
            State::Searching(search)
        } else {
            search.report(log);
            State::Over
        };
    }

    fn search(&mut self, window: &Window, at: &mut usize, log: &mut FaultLog) -> Option<Pause> {
        let State::Searching(search) = &mut self.state else {
            return None;
        };
        match search.advance(self.layout, self.max_caplen, window, at) {
            Found::Nothing => return Some(Pause::NeedsBytes),
            Found::Record { is_big_endian } => {
                let (from, to) = (search.from(), window.offset(*at));
                if to > from {
                    log.note_many(Oddity::SkippedBytes, to - from, from);
                }
                if is_big_endian != self.layout.is_big_endian {
                    log.note(Oddity::ByteOrderChange, to);
                }
                self.layout.is_big_endian = is_big_endian;
                self.state = State::Records;
            }
            Found::Header { layout } => {
                let (from, to) = (search.from(), window.offset(*at));
                log.note_many(Oddity::SkippedBytes, to - from, from);
                log.note(Oddity::SecondHeader, to);
                self.layout = layout;
                self.state = State::Header;
            }
            Found::End => {
                if let State::Searching(search) = std::mem::replace(&mut self.state, State::Over) {
                    search.report(log);
                }
            }
        }
        None
    }

    fn over(&mut self) -> Option<Pause> {
        self.state = State::Over;
        Some(Pause::Over)
    }
}
