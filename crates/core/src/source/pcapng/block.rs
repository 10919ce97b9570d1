//! The fields inside pcapng blocks: interfaces with their clocks, and packets.

use crate::packet::LinkType;
use crate::source::faults::Oddity;

/// Byte order of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    /// The order in which the byte-order magic 0x1a2b3c4d was written.
    pub fn of_magic(magic: [u8; 4]) -> Option<Self> {
        match magic {
            [0x4d, 0x3c, 0x2b, 0x1a] => Some(Self::Little),
            [0x1a, 0x2b, 0x3c, 0x4d] => Some(Self::Big),
            _ => None,
        }
    }

    #[inline]
    pub fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    fn u16_at(self, body: &[u8], at: usize) -> Option<u16> {
        Some(self.u16(*body.get(at..)?.first_chunk()?))
    }

    #[inline]
    fn u32_at(self, body: &[u8], at: usize) -> Option<u32> {
        Some(self.u32(*body.get(at..)?.first_chunk()?))
    }
}

/// What a tick of an interface's clock is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tick {
    /// This many nanoseconds.
    Nanoseconds(u32),
    /// A nanosecond divided by this power of ten.
    TenthPower(u8),
    /// A second divided by this power of two.
    HalfPower(u8),
}

/// How the timestamps of an interface are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    tick: Tick,
    /// Seconds to add.
    offset: i64,
}

impl Clock {
    /// Ticks of a microsecond since 1970, unless the interface says otherwise.
    const DEFAULT: Self = Self { tick: Tick::Nanoseconds(1_000), offset: 0 };

    /// Nanoseconds since 1970, and whether they are exact; otherwise they are the nearest that
    /// 64 bits hold.
    #[inline]
    pub fn nanoseconds(self, ticks: u64) -> (i64, bool) {
        if let (Tick::Nanoseconds(each), 0) = (self.tick, self.offset) {
            let product = ticks.checked_mul(u64::from(each));
            return match product.and_then(|ns| i64::try_from(ns).ok()) {
                Some(ns) => (ns, true),
                None => (i64::MAX, false),
            };
        }
        self.nanoseconds_of_odd_clock(ticks)
    }

    fn nanoseconds_of_odd_clock(self, ticks: u64) -> (i64, bool) {
        let ticks = i128::from(ticks);
        // None of these can overflow: 2^64 * 10^9 is below 2^94, and an offset adds 2^93.
        let since = match self.tick {
            Tick::Nanoseconds(each) => ticks * i128::from(each),
            Tick::TenthPower(power) => match 10i128.checked_pow(power.into()) {
                Some(divisor) => ticks / divisor,
                None => 0,
            },
            Tick::HalfPower(power) => (ticks * 1_000_000_000) >> power,
        };
        let ns = since + i128::from(self.offset) * 1_000_000_000;
        match i64::try_from(ns) {
            Ok(ns) => (ns, true),
            Err(_) if ns > 0 => (i64::MAX, false),
            Err(_) => (i64::MIN, false),
        }
    }
}

/// The tick that `if_tsresol` stands for, and whether a clock could have it.
fn resolution(value: u8) -> (Tick, bool) {
    let power = value & 0x7f;
    if value & 0x80 != 0 {
        return (Tick::HalfPower(power), power < 60);
    }
    match power {
        0..=9 => {
            let each = 10u32.pow(9 - u32::from(power));
            (Tick::Nanoseconds(each), power > 0)
        }
        _ => (Tick::TenthPower(power - 9), power <= 18),
    }
}

/// What the packets of an interface have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub clock: Clock,
    /// Most bytes kept of a packet; 0 for all.
    pub snaplen: u32,
    pub link: u16,
    pub fcs_len: u8,
}

// As many as `MAX_INTERFACES` of them must stay small.
const _: () = assert!(std::mem::size_of::<Interface>() <= 32);

const IF_TSRESOL: u16 = 9;
const IF_FCSLEN: u16 = 13;
const IF_TSOFFSET: u16 = 14;

impl Interface {
    /// Stands for an interface that no block described.
    pub const UNKNOWN: Self =
        Self { clock: Clock::DEFAULT, snaplen: 0, link: LinkType::UNKNOWN.0, fcs_len: 0 };

    /// Read an interface description; what is odd about it comes second.
    pub fn read(body: &[u8], order: Order) -> (Self, [Option<Oddity>; 2]) {
        let mut interface = Self::UNKNOWN;
        let (Some(link), Some(snaplen)) = (order.u16_at(body, 0), order.u32_at(body, 4)) else {
            return (interface, [Some(Oddity::ShortBlock), None]);
        };
        interface.link = link;
        interface.snaplen = snaplen;
        let mut odd_resolution = None;
        let options = body.get(8..).unwrap_or_default();
        let is_sound = for_each_option(options, order, |code, value| match (code, value) {
            (IF_TSRESOL, [value, ..]) => {
                let (tick, is_likely) = resolution(*value);
                interface.clock.tick = tick;
                odd_resolution = (!is_likely).then_some(Oddity::OddResolution);
            }
            (IF_TSOFFSET, value) => {
                if let Some(&bytes) = value.first_chunk::<8>() {
                    interface.clock.offset = match order {
                        Order::Little => i64::from_le_bytes(bytes),
                        Order::Big => i64::from_be_bytes(bytes),
                    };
                }
            }
            (IF_FCSLEN, [value, ..]) => interface.fcs_len = fcs_bytes(*value),
            _ => {}
        });
        let bad_option = (!is_sound).then_some(Oddity::BadOption);
        (interface, [odd_resolution, bad_option])
    }
}

/// The draft says that the length is in bits and gives 4 as the example; writers follow either.
fn fcs_bytes(value: u8) -> u8 {
    match value {
        0..=8 => value,
        16 | 32 | 64 => value / 8,
        _ => 0,
    }
}

/// Call `each` with the code and value of every option; whether none overran the block.
fn for_each_option(options: &[u8], order: Order, mut each: impl FnMut(u16, &[u8])) -> bool {
    let mut rest = options;
    while let (Some(code), Some(length)) = (order.u16_at(rest, 0), order.u16_at(rest, 2)) {
        if code == 0 {
            return true;
        }
        let length = usize::from(length);
        let Some(value) = rest.get(4..4 + length) else {
            return false;
        };
        each(code, value);
        let padded = 4 + length.next_multiple_of(4);
        rest = rest.get(padded..).unwrap_or_default();
    }
    rest.is_empty()
}

const EPB_FLAGS: u16 = 2;

/// Bytes of frame check sequence that a packet states for itself (bits 5 to 8 of its flags).
pub(crate) fn fcs_of_packet(options: &[u8], order: Order) -> Option<u8> {
    let mut fcs_len = None;
    for_each_option(options, order, |code, value| {
        if let (EPB_FLAGS, Some(flags)) = (code, order.u32_at(value, 0)) {
            fcs_len = Some((flags >> 5 & 0xf) as u8);
        }
    });
    fcs_len.filter(|&length| length > 0)
}

/// The fixed fields of a packet block, of whichever kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PacketBlock {
    pub interface: u32,
    /// Time in ticks of the interface's clock, where the block has one.
    pub ticks: Option<u64>,
    pub caplen: u32,
    pub origlen: u32,
    /// First byte of the packet within the body of the block.
    pub data_at: usize,
}

impl PacketBlock {
    /// Read an enhanced packet block; `None` if it is too short for its fields.
    #[inline]
    pub fn enhanced(body: &[u8], order: Order) -> Option<Self> {
        let fields: &[u8; 20] = body.first_chunk()?;
        Some(Self {
            interface: order.u32_at(fields, 0)?,
            ticks: ticks(fields, order),
            caplen: order.u32_at(fields, 12)?,
            origlen: order.u32_at(fields, 16)?,
            data_at: 20,
        })
    }

    /// Read an obsolete packet block, which has 16 bits for the interface.
    pub fn obsolete(body: &[u8], order: Order) -> Option<Self> {
        let interface = order.u16_at(body, 0)?;
        Some(Self { interface: interface.into(), ..Self::enhanced(body, order)? })
    }

    /// Read a simple packet block: its interface is the first, and the captured length is what
    /// that one's snapshot length left of the length on the wire.
    pub fn simple(body: &[u8], order: Order, snaplen: u32) -> Option<Self> {
        let origlen = order.u32_at(body, 0)?;
        let caplen = if snaplen == 0 { origlen } else { origlen.min(snaplen) };
        Some(Self { interface: 0, ticks: None, caplen, origlen, data_at: 4 })
    }

    /// Where the options begin within the body: behind the packet, padded to 32 bits.
    pub fn options_at(&self) -> usize {
        self.data_at + (self.caplen as usize).next_multiple_of(4)
    }
}

#[inline]
fn ticks(fields: &[u8; 20], order: Order) -> Option<u64> {
    let high = order.u32_at(fields, 4)?;
    let low = order.u32_at(fields, 8)?;
    Some(u64::from(high) << 32 | u64::from(low))
}
