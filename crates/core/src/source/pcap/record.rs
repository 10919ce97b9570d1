//! The fixed fields of pcap: magic numbers and record headers.

use crate::source::faults::{FaultLog, Oddity};

/// Bytes of the file header.
pub(crate) const HEADER_BYTES: usize = 24;

/// Bytes of a record header.
pub(crate) const RECORD_BYTES: usize = 16;

/// Magic numbers of formats akin to pcap whose records are laid out differently.
pub(crate) const AKIN: &[(u32, &str)] = &[
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
        let little = of(u32::from_le_bytes(magic))
            .map(|has_nanoseconds| Self { is_big_endian: false, has_nanoseconds });
        let big = of(u32::from_be_bytes(magic))
            .map(|has_nanoseconds| Self { is_big_endian: true, has_nanoseconds });
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

    /// The record header that `header` is in this layout.
    pub fn record(self, header: &[u8; RECORD_BYTES]) -> Record {
        if self.is_big_endian {
            Record::read::<true>(header)
        } else {
            Record::read::<false>(header)
        }
    }

    pub fn u32(self, bytes: [u8; 4]) -> u32 {
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

    pub fn is_zero(self) -> bool {
        self.seconds | self.fraction | self.caplen | self.origlen == 0
    }

    /// Count what is odd about a record of which `fractions` make a second.
    pub fn note_oddities(self, fractions: u32, snaplen: u32, offset: u64, log: &mut FaultLog) {
        if !self.has_likely_time() {
            log.note(Oddity::OddTimestamp, offset);
        }
        if self.fraction >= fractions {
            log.note(Oddity::FractionOverflow, offset);
        }
        if self.caplen > self.origlen {
            log.note(Oddity::CaplenAboveOriglen, offset);
        }
        if self.caplen > snaplen {
            log.note(Oddity::CaplenAboveSnaplen, offset);
        }
    }
}
