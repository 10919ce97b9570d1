//! Compressed captures: gzip, Zstandard and LZ4 frames, told by their first bytes.
//!
//! Enters: compressed bytes, of one or of several members one after another. Leaves: what they
//! unpack to. Refuses to go on where that becomes far more than captures unpack to. Damage is
//! reported after all that could be unpacked before it.

mod codec;
mod packed;

pub(crate) use self::packed::Packed;

use self::codec::{Gzip, MemberReader, Zstandard};
use super::faults::{counted, grouped, id};
use super::opening::reason;
use crate::error::Severity;
use crate::limits::{DECOMPRESSED_GRACE_BYTES, DECOMPRESSION_RATIO};
use lz4_flex::frame::FrameDecoder;
use std::io::{self, BufRead, Read};

/// A compression that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstandard,
    Lz4,
    /// A frame of other data, which Zstandard and LZ4 readers pass over.
    Skippable,
}

impl Compression {
    /// The compression whose magic number these bytes are.
    pub fn of(magic: [u8; 4]) -> Option<Self> {
        match (magic, u32::from_le_bytes(magic)) {
            ([0x1f, 0x8b, 8, _], _) => Some(Self::Gzip),
            (_, 0xfd2f_b528) => Some(Self::Zstandard),
            (_, 0x184d_2204) => Some(Self::Lz4),
            (_, 0x184d_2a50..=0x184d_2a5f) => Some(Self::Skippable),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstandard => "Zstandard",
            Self::Lz4 => "LZ4",
            Self::Skippable => "skippable",
        }
    }
}

/// Why no more bytes come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    pub id: &'static str,
    pub text: String,
    pub severity: Severity,
}

impl Stop {
    fn partial(id: &'static str, text: String) -> Self {
        Self { id, text, severity: Severity::Partial }
    }

    /// What an error of the input means.
    pub fn read_error(error: &io::Error) -> Self {
        Self::partial(id::READ_ERROR, format!("reading failed: {}", reason(error)))
    }
}

/// Where the unpacking stands; every variant owns the input.
enum Member {
    /// Before the magic number of a member.
    Between(Packed),
    Gzip(Box<MemberReader<Gzip>>),
    Zstandard(Box<MemberReader<Zstandard>>),
    Lz4(Box<FrameDecoder<Packed>>),
    /// Nothing more is to be read.
    Over,
}

/// Unpacks the members of a file one after another.
pub(crate) struct Decompressor {
    member: Member,
    /// Kind of the current member, or of the last one.
    kind: Compression,
    members: u64,
    /// Compressed bytes before the current member, or the last one.
    member_at: u64,
    /// Bytes unpacked so far.
    unpacked: u64,
    /// Bytes of buffers that members asked for so far.
    buffers: u64,
    /// Bytes that may be unpacked whatever the ratio.
    grace: u64,
}

impl Decompressor {
    /// Unpack `input`; beyond `grace` bytes (8 GiB if not given) the ratio is limited.
    pub fn new(input: Packed, grace: Option<u64>) -> Self {
        Self {
            member: Member::Between(input),
            kind: Compression::Gzip,
            members: 0,
            member_at: 0,
            unpacked: 0,
            buffers: 0,
            grace: grace.unwrap_or(DECOMPRESSED_GRACE_BYTES),
        }
    }

    /// Bytes unpacked into `into`; 0 at the end.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, Stop> {
        loop {
            let result = match &mut self.member {
                Member::Over => return Ok(0),
                Member::Between(_) => {
                    self.next_member()?;
                    continue;
                }
                Member::Gzip(decoder) => decoder.read(into),
                Member::Zstandard(decoder) => decoder.read(into),
                Member::Lz4(decoder) => decoder.read(into),
            };
            match result {
                Ok(0) => self.end_member()?,
                Ok(count) => return self.admit(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }

    /// Count what was unpacked, and refuse to be flooded.
    fn admit(&mut self, count: usize) -> Result<usize, Stop> {
        let before = self.unpacked;
        self.unpacked += count as u64;
        if self.unpacked <= self.grace || self.is_in_ratio(self.unpacked) {
            return Ok(count);
        }
        Err(self.refuse(&format!("unpack to more than {}", grouped(before))))
    }

    /// Count the buffer that a member asks for: clearing it is work, too, however little it holds.
    fn admit_buffer(&mut self, bytes: u64) -> Result<(), Stop> {
        self.buffers = self.buffers.saturating_add(bytes);
        if self.buffers <= DECOMPRESSED_GRACE_BYTES || self.is_in_ratio(self.buffers) {
            return Ok(());
        }
        let (members, buffers) = (grouped(self.members), grouped(self.buffers));
        Err(self.refuse(&format!("ask in {members} members for buffers of {buffers}")))
    }

    fn is_in_ratio(&self, bytes: u64) -> bool {
        bytes <= self.input().map_or(0, Packed::consumed).saturating_mul(DECOMPRESSION_RATIO)
    }

    fn refuse(&mut self, claim: &str) -> Stop {
        let packed = self.input().map_or(0, Packed::consumed);
        self.member = Member::Over;
        let packed = counted(packed, "compressed byte", "compressed bytes");
        let text = format!("{packed} {claim}, over {DECOMPRESSION_RATIO} times as many");
        Stop::partial(id::DECOMPRESSION_BOMB, text)
    }

    fn input(&self) -> Option<&Packed> {
        match &self.member {
            Member::Between(input) => Some(input),
            Member::Gzip(decoder) => Some(decoder.get_ref()),
            Member::Zstandard(decoder) => Some(decoder.get_ref()),
            Member::Lz4(decoder) => Some(decoder.get_ref()),
            Member::Over => None,
        }
    }

    /// Begin the next member, or find that there is none.
    fn next_member(&mut self) -> Result<(), Stop> {
        let Member::Between(mut input) = std::mem::replace(&mut self.member, Member::Over) else {
            return Ok(());
        };
        let place = input.consumed();
        let ahead = input.peek(4).map_err(|e| Stop::read_error(&e))?;
        if ahead.is_empty() {
            return Ok(());
        }
        let Some(kind) = ahead.first_chunk().and_then(|&m| Compression::of(m)) else {
            let count = self.members;
            return Err(Stop {
                id: id::TRAILING_GARBAGE,
                text: format!(
                    "bytes from compressed byte {} on are not compressed data; {} read before",
                    grouped(place),
                    counted(count, "member was", "members were"),
                ),
                severity: Severity::Warning,
            });
        };
        self.kind = kind;
        self.member_at = place;
        self.members += 1;
        let buffer = match kind {
            Compression::Lz4 => {
                lz4_block_bytes(input.peek(LZ4_HEAD_BYTES).map_err(|e| Stop::read_error(&e))?)
            }
            _ => 0,
        };
        self.member = match kind {
            Compression::Gzip => Member::Gzip(Box::new(MemberReader::new(input, Gzip::new()))),
            Compression::Lz4 => Member::Lz4(Box::new(FrameDecoder::new(input))),
            Compression::Zstandard => {
                let decoder = Zstandard::new().map_err(|error| self.broken(&error))?;
                Member::Zstandard(Box::new(MemberReader::new(input, decoder)))
            }
            Compression::Skippable => {
                skip_frame(&mut input).map_err(|error| self.broken(&error))?;
                Member::Between(input)
            }
        };
        self.admit_buffer(buffer)
    }

    /// The decoder of a member says that it is over.
    fn end_member(&mut self) -> Result<(), Stop> {
        let input = match std::mem::replace(&mut self.member, Member::Over) {
            Member::Between(input) => input,
            Member::Gzip(decoder) => decoder.into_inner(),
            Member::Zstandard(decoder) => decoder.into_inner(),
            Member::Lz4(decoder) => decoder.into_inner(),
            Member::Over => return Ok(()),
        };
        // The LZ4 decoder takes an end of the input between two blocks for the end of the frame.
        if self.kind == Compression::Lz4 && input.ran_dry() {
            return Err(self.broken(&io::ErrorKind::UnexpectedEof.into()));
        }
        self.member = Member::Between(input);
        Ok(())
    }

    /// Stop because of an error within a member.
    fn broken(&mut self, error: &io::Error) -> Stop {
        let input_error = self.input().and_then(Packed::error);
        self.member = Member::Over;
        if let Some(text) = input_error {
            return Stop::partial(id::READ_ERROR, format!("reading failed: {text}"));
        }
        let (name, place) = (self.kind.name(), grouped(self.member_at));
        if error.kind() == io::ErrorKind::UnexpectedEof {
            let text = format!("the {name} data from compressed byte {place} on end midway");
            return Stop::partial(id::TRUNCATED_COMPRESSION, text);
        }
        // The decoders name their errors in words only; tests pin these. They are not repeated,
        // since they may depend on the portions in which the data came.
        let words = error.to_string().to_ascii_lowercase();
        let says = |names: &[&str]| names.iter().any(|name| words.contains(name));
        let (id, fault) = if says(&["checksum", "data check", "length check"]) {
            (id::CHECKSUM_MISMATCH, "fail their checksum")
        } else if says(&["dictionary"]) {
            (id::CORRUPT_COMPRESSION, "need a dictionary, which is not supported")
        } else if says(&["too much memory"]) {
            (id::CORRUPT_COMPRESSION, "need a window of more than 128 MiB")
        } else {
            (id::CORRUPT_COMPRESSION, "are damaged")
        };
        Stop::partial(id, format!("the {name} data from compressed byte {place} on {fault}"))
    }
}

/// Bytes of an LZ4 frame up to the one that tells its block size.
const LZ4_HEAD_BYTES: usize = 6;

/// Largest block of an LZ4 frame, by its first bytes (frame format 1.6.3, "Block Maximum Size"): its
/// decoder clears a buffer of that size, however little the frame holds.
fn lz4_block_bytes(head: &[u8]) -> u64 {
    let size = head.get(LZ4_HEAD_BYTES - 1).map_or(0, |descriptor| (descriptor >> 4) & 7);
    1 << (8 + 2 * u64::from(size))
}

/// Pass over a skippable frame: magic number, length, that many bytes.
fn skip_frame(input: &mut Packed) -> io::Result<()> {
    let mut head = [0; 8];
    input.read_exact(&mut head)?;
    let [_, _, _, _, l0, l1, l2, l3] = head;
    let mut rest = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
    while rest > 0 {
        let here = input.fill_buf()?.len();
        if here == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let step = rest.min(here as u64);
        input.consume(step as usize);
        rest -= step;
    }
    Ok(())
}
