//! The pcapng container (draft-ietf-opsawg-pcapng): sections of blocks.
//!
//! Enters: bytes of any number of sections, each in its own byte order. Leaves: the packets of
//! enhanced, simple and obsolete packet blocks. Everything else (names, statistics, decryption
//! secrets, custom and unknown blocks) is skipped unread. Refuses sections of another major
//! version than 1.
//!
//! The lengths that frame a block are checked, and nothing inside a block can move the reader:
//! a lying packet costs that packet. The length of a section is not believed at all.

mod block;
mod skipped;

use self::block::{Interface, Order, PacketBlock};
use super::container::{Pause, Sink, Window};
use super::faults::{counted, grouped, id, FaultLog, Oddity};
use crate::limits::{MAX_INTERFACES, MAX_RECORD_BYTES};
use crate::packet::{LinkType, RawPacket};

/// First bytes of a section header block, the same in both byte orders.
pub(crate) const SECTION_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Bytes of a block around its body: type, length, length again.
const FRAME_BYTES: usize = 12;

/// What the parser is in the middle of.
#[derive(Debug)]
enum State {
    /// At the start of a block.
    Blocks,
    /// Within the body of a block that is not read, which began at `from`; `rest` bytes remain
    /// before its second length.
    Skipping {
        from: u64,
        length: u32,
        rest: u64,
    },
    /// In a run of zeros that began at `from`, where a block should.
    Zeros {
        from: u64,
    },
    Over,
}

/// A pcapng file being parsed.
#[derive(Debug)]
pub(crate) struct Pcapng {
    order: Order,
    /// Whether this section can be read (major version 1).
    is_readable: bool,
    interfaces: Vec<Interface>,
    /// Number of the last packet.
    number: u64,
    state: State,
}

/// A block that lies whole in the window.
struct Block<'a> {
    kind: u32,
    body: &'a [u8],
    /// Position of the body in the window.
    at: usize,
    /// Offset in the file of the block.
    offset: u64,
}

impl Pcapng {
    pub fn new() -> Self {
        Self {
            order: Order::Little,
            is_readable: true,
            interfaces: Vec::new(),
            number: 0,
            state: State::Blocks,
        }
    }

    /// Continue at `at`, which moves behind what was consumed.
    pub fn parse(&mut self, window: &Window, at: &mut usize, sink: &mut Sink) -> Pause {
        loop {
            let pause = match self.state {
                State::Blocks if sink.is_full() => Some(Pause::Full),
                State::Blocks => self.next_block(window, at, sink),
                State::Skipping { from, length, rest } => {
                    self.skip(from, length, rest, window, at, sink.log)
                }
                State::Zeros { from } => self.zeros(from, window, at, sink.log),
                State::Over => Some(Pause::Over),
            };
            if let Some(pause) = pause {
                return pause;
            }
        }
    }

    /// Consume one block, or begin to skip it.
    fn next_block(&mut self, window: &Window, at: &mut usize, sink: &mut Sink) -> Option<Pause> {
        let offset = window.offset(*at);
        let Some(&head) = window.array::<FRAME_BYTES>(*at) else {
            return self.tail(offset, None, window.rest(*at), window.is_last, None, sink.log);
        };
        let [k0, k1, k2, k3, l0, l1, l2, l3, b0, b1, b2, b3] = head;
        if [k0, k1, k2, k3] == SECTION_MAGIC {
            match Order::of_magic([b0, b1, b2, b3]) {
                Some(order) => self.order = order,
                None => {
                    let text = format!(
                        "section at byte {} has no valid byte-order magic",
                        grouped(offset)
                    );
                    return self.end(id::UNSUPPORTED_SECTION, offset, text, sink.log);
                }
            }
        }
        let kind = self.order.u32([k0, k1, k2, k3]);
        let length = self.order.u32([l0, l1, l2, l3]);
        if kind == 0 && length == 0 {
            self.state = State::Zeros { from: offset };
            return None;
        }
        if let Some(text) = implausible_length(kind, length, offset) {
            return self.end(id::BAD_BLOCK_LENGTH, offset, text, sink.log);
        }
        let whole = length as usize;
        if window.rest(*at) < whole {
            if is_read(kind) || window.is_last {
                let rest = window.rest(*at);
                let body = window.data.get(*at + 8..).unwrap_or_default();
                let cut = self.cut_packet(kind, body);
                return self.tail(offset, Some(length), rest, window.is_last, cut, sink.log);
            }
            *at += 8;
            self.state = State::Skipping {
                from: offset,
                length,
                rest: u64::from(length) - FRAME_BYTES as u64,
            };
            return None;
        }
        let second = window.array::<4>(*at + whole - 4);
        let second = self.order.u32(second.copied().unwrap_or_default());
        if second != length {
            return self.mismatch(offset, length, second, sink.log);
        }
        let body = window.data.get(*at + 8..*at + whole - 4);
        let block = Block { kind, body: body.unwrap_or_default(), at: *at + 8, offset };
        *at += whole;
        self.read(&block, sink)
    }

    /// Bytes that are there of the packet of a block whose body ends early, if its fields are there.
    fn cut_packet(&self, kind: u32, body: &[u8]) -> Option<u32> {
        let packet = self.packet_of(kind, body)?;
        Some(packet.caplen.min((body.len() - packet.data_at) as u32))
    }

    /// The window ends within a block, of which `rest` bytes are there, and `cut_packet` bytes of
    /// its packet if it has one.
    fn tail(
        &mut self,
        offset: u64,
        length: Option<u32>,
        rest: usize,
        is_last: bool,
        cut_packet: Option<u32>,
        log: &mut FaultLog,
    ) -> Option<Pause> {
        if !is_last {
            return Some(Pause::NeedsBytes);
        }
        self.state = State::Over;
        if rest > 0 {
            let claimed = length.map_or("takes 12 or more bytes".into(), |length| {
                format!("claims {}", counted(length.into(), "byte", "bytes"))
            });
            let (place, rest) = (grouped(offset), grouped(rest as u64));
            let text = format!("block at byte {place} {claimed} but {rest} remain");
            log.truncated(offset, text, cut_packet);
        }
        Some(Pause::Over)
    }

    fn end(
        &mut self,
        id: &'static str,
        offset: u64,
        text: String,
        log: &mut FaultLog,
    ) -> Option<Pause> {
        log.end(id, offset, text);
        self.state = State::Over;
        Some(Pause::Over)
    }

    fn mismatch(
        &mut self,
        offset: u64,
        first: u32,
        second: u32,
        log: &mut FaultLog,
    ) -> Option<Pause> {
        let text = format!(
            "block at byte {} claims {} before its body and {} after it",
            grouped(offset),
            counted(first.into(), "byte", "bytes"),
            grouped(second)
        );
        self.end(id::BLOCK_LENGTH_MISMATCH, offset, text, log)
    }

    fn read(&mut self, block: &Block, sink: &mut Sink) -> Option<Pause> {
        match block.kind {
            SECTION => return self.section(block, sink.log),
            _ if !self.is_readable => {}
            INTERFACE => return self.interface(block, sink.log),
            ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET => {
                self.packet(self.packet_of(block.kind, block.body), block, sink);
            }
            _ => {}
        }
        None
    }

    /// The fixed fields of a block of a kind that holds packets; none if they are not there, or
    /// the section cannot be read.
    #[inline]
    fn packet_of(&self, kind: u32, body: &[u8]) -> Option<PacketBlock> {
        match kind {
            _ if !self.is_readable => None,
            ENHANCED_PACKET => PacketBlock::enhanced(body, self.order),
            OBSOLETE_PACKET => PacketBlock::obsolete(body, self.order),
            SIMPLE_PACKET => {
                let snaplen = self.interfaces.first().map_or(0, |i| i.snaplen);
                PacketBlock::simple(body, self.order, snaplen)
            }
            _ => None,
        }
    }

    /// A new section: it has its own interfaces.
    fn section(&mut self, block: &Block, log: &mut FaultLog) -> Option<Pause> {
        self.interfaces.clear();
        let field = |at: usize| {
            let bytes = block.body.get(at..).and_then(|b| b.first_chunk());
            bytes.map(|&bytes| self.order.u16(bytes))
        };
        let Some(major) = field(4) else {
            let text = format!("section header at byte {} is too short", grouped(block.offset));
            return self.end(id::BAD_BLOCK_LENGTH, block.offset, text, log);
        };
        self.is_readable = major == 1;
        if !self.is_readable {
            log.note(Oddity::UnsupportedSection, block.offset);
        }
        None
    }

    fn interface(&mut self, block: &Block, log: &mut FaultLog) -> Option<Pause> {
        if self.interfaces.len() >= MAX_INTERFACES {
            let text = format!(
                "interface at byte {} is one more than the {} of a section that are kept",
                grouped(block.offset),
                grouped(MAX_INTERFACES as u64)
            );
            return self.end(id::TOO_MANY_INTERFACES, block.offset, text, log);
        }
        // A block too short for its fields still takes a number, so that the interfaces after
        // it keep theirs.
        let (interface, oddities) = Interface::read(block.body, self.order);
        for oddity in oddities.into_iter().flatten() {
            log.note(oddity, block.offset);
        }
        self.interfaces.push(interface);
        None
    }

    /// Yield the packet of a block, unless it claims more than the block holds.
    fn packet(&mut self, packet: Option<PacketBlock>, block: &Block, sink: &mut Sink) {
        let Some(packet) = packet else {
            sink.log.note(Oddity::ShortBlock, block.offset);
            return;
        };
        self.number += 1;
        let end = (packet.data_at as u64) + u64::from(packet.caplen);
        if end > block.body.len() as u64 {
            sink.log.note(Oddity::PacketOverrunsBlock, block.offset);
            return;
        }
        let interface = match self.interfaces.get(packet.interface as usize) {
            Some(interface) => *interface,
            None => {
                sink.log.note(Oddity::UnknownInterface, block.offset);
                Interface::UNKNOWN
            }
        };
        let ts_ns = self.time(&packet, &interface, block.offset, sink.log);
        if packet.caplen > packet.origlen {
            sink.log.note(Oddity::CaplenAboveOriglen, block.offset);
        }
        if interface.snaplen != 0 && packet.caplen > interface.snaplen {
            sink.log.note(Oddity::CaplenAboveSnaplen, block.offset);
        }
        let options = block.body.get(packet.options_at()..).unwrap_or_default();
        let fcs_len = match options {
            [] => interface.fcs_len,
            options => block::fcs_of_packet(options, self.order).unwrap_or(interface.fcs_len),
        };
        sink.push(RawPacket {
            ts_ns,
            number: self.number,
            file: sink.file,
            start: (block.at + packet.data_at) as u32,
            caplen: packet.caplen,
            origlen: packet.origlen,
            link: LinkType(interface.link),
            fcs_len,
        });
    }

    fn time(
        &self,
        packet: &PacketBlock,
        interface: &Interface,
        offset: u64,
        log: &mut FaultLog,
    ) -> i64 {
        let Some(ticks) = packet.ticks else {
            log.note(Oddity::NoTimestamp, offset);
            return 0;
        };
        let (ts_ns, is_exact) = interface.clock.nanoseconds(ticks);
        if !is_exact || ticks == 0 {
            log.note(Oddity::OddTimestamp, offset);
        }
        ts_ns
    }
}

/// Whether blocks of this kind are looked into, and so must lie whole in memory.
fn is_read(kind: u32) -> bool {
    matches!(kind, SECTION | INTERFACE | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET)
}

/// Why no block can have this length, if none can.
fn implausible_length(kind: u32, length: u32, offset: u64) -> Option<String> {
    let claim = || {
        format!(
            "block at byte {} claims {}",
            grouped(offset),
            counted(length.into(), "byte", "bytes")
        )
    };
    if (length as usize) < FRAME_BYTES {
        return Some(format!("{}; the least is {FRAME_BYTES}", claim()));
    }
    if length % 4 != 0 {
        return Some(format!("{}, not a multiple of 4", claim()));
    }
    if is_read(kind) && length as usize > MAX_RECORD_BYTES {
        let most = grouped(MAX_RECORD_BYTES as u64);
        return Some(format!("{}; the most that is read is {most}", claim()));
    }
    None
}
