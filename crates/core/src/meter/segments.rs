//! Where what a direction sends changes between cleartext and bytes that look random.
//!
//! Bytes enter in stream order; segments leave, and the first opaque bytes, cut free from the cleartext before and
//! between them. Blocks of 16 bytes are scored against random bytes by the share that each byte value has in text and
//! in binary cleartext. A change is believed when the evidence for another kind, summed since it last spoke against it,
//! passes [`CHANGE`] (Page, "Continuous inspection schemes", 1954); it is dated back to that place.
//! In random bytes a sum reaches h bits at fewer than one block in 2^h (Wald), so false changes are known to be rare.

use super::segment_scores::SCORES;
use super::PacketRef;
use crate::limits::{MAX_SEGMENTS, OPAQUE_BYTES, OPAQUE_WAITING_BYTES};

/// Bytes that are scored together: boundaries lie at multiples of it.
const BLOCK: usize = 16;

/// Units of [`SCORES`] to a bit.
const BIT: i32 = 16;

/// Evidence for a change. 2^-28 for each of three kinds and 62.5 million blocks in a GB: below one false change a GB.
const CHANGE: i32 = 28 * BIT;

/// Evidence for the kind of the first segment, over each other kind: random sides begin wrongly once in 2^20 or less.
const FIRST: i32 = 20 * BIT;

/// Blocks after which the first segment is of the likeliest kind, however likely the others are: as many bytes as wait.
const FIRST_BLOCKS: usize = OPAQUE_WAITING_BYTES / BLOCK;

/// What four bytes in a row can say for binary cleartext.
const MOST_OF_FOUR: i32 = 3 * BIT;

/// What bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Like random bytes.
    Opaque,
    /// Mostly text.
    Text,
    /// Neither: cleartext of binary protocols and formats.
    Binary,
}

impl Kind {
    /// The name of the kind in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

/// Models of bytes: random, ASCII text, text of other scripts, binary.
const MODELS: [Kind; 4] = [Kind::Opaque, Kind::Text, Kind::Text, Kind::Binary];
const OPAQUE: usize = 0;

/// A stretch of like bytes; it ends where the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Bytes before it.
    pub start: u64,
    /// What its bytes look like.
    pub kind: Kind,
    /// The packet that carried its first byte.
    pub packet: PacketRef,
}

/// Where the evidence for another model begins.
#[derive(Clone, Copy, Default)]
struct Mark {
    start: u64,
    packet: PacketRef,
    /// Opaque bytes of the run before it.
    run_bytes: u64,
}

/// Finds the segments of one direction.
#[derive(Default)]
pub struct Segments {
    found: Vec<Segment>,
    /// The first bytes of the longest opaque run, and how long that is.
    opaque: Vec<u8>,
    opaque_bytes: u64,
    /// The same of the run that has not ended.
    run: Vec<u8>,
    run_bytes: u64,
    /// Bytes since `marks[OPAQUE]`, while another model holds.
    waiting: Vec<u8>,
    /// The model that holds; none until one has been chosen.
    model: Option<usize>,
    /// Evidence for each model: against random bytes before one was chosen, then against the one that holds.
    sums: [i32; MODELS.len()],
    marks: [Mark; MODELS.len()],
    block: [u8; BLOCK],
    filled: usize,
    /// The packet that carried the first byte of the block.
    packet: PacketRef,
    /// Bytes in whole blocks.
    done: u64,
}

impl Segments {
    /// Forget everything, keep the allocations.
    pub fn clear(&mut self) {
        let mut found = std::mem::take(&mut self.found);
        let [mut opaque, mut run, mut waiting] =
            [&mut self.opaque, &mut self.run, &mut self.waiting].map(std::mem::take);
        found.clear();
        [&mut opaque, &mut run, &mut waiting].into_iter().for_each(Vec::clear);
        *self = Self { found, opaque, run, waiting, ..Self::default() };
    }

    /// Segments in order, of which the first begins at 0; complete after [`Segments::finish`].
    #[must_use]
    pub fn found(&self) -> &[Segment] {
        &self.found
    }

    /// The first bytes of the longest opaque segment; what is shorter may be keys and signatures.
    #[must_use]
    pub fn opaque(&self) -> &[u8] {
        &self.opaque
    }

    /// Take the next bytes.
    pub fn update(&mut self, mut bytes: &[u8], packet: PacketRef) {
        if self.filled > 0 {
            let room = (BLOCK - self.filled).min(bytes.len());
            self.block[self.filled..self.filled + room].copy_from_slice(&bytes[..room]);
            self.filled += room;
            bytes = &bytes[room..];
            if self.filled < BLOCK {
                return;
            }
            let block = self.block;
            self.score(&block);
            self.filled = 0;
        }
        self.packet = packet;
        let blocks = bytes.chunks_exact(BLOCK);
        let rest = blocks.remainder();
        blocks.for_each(|block| self.score(block));
        self.block[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    /// Judge what is left. Call once, after the last byte.
    pub fn finish(&mut self) {
        let (block, filled) = (self.block, self.filled);
        if filled > 0 {
            self.score(&block[..filled]);
        }
        if self.model.is_none() && self.done > 0 {
            self.enter(self.best());
        }
        self.end_run(self.run_bytes);
    }

    fn score(&mut self, block: &[u8]) {
        // Of a known length the loops come undone.
        let scores = match <&[u8; BLOCK]>::try_from(block) {
            Ok(whole) => scores_of(whole),
            Err(_) => scores_of(block),
        };
        let here = Mark { start: self.done, packet: self.packet, run_bytes: self.run_bytes };
        self.keep(block);
        self.done += block.len() as u64;
        match self.model {
            None => self.weigh_first(scores, here),
            Some(model) => self.weigh(scores, model, here),
        }
    }

    /// Keep bytes that are opaque, or may turn out to be.
    fn keep(&mut self, block: &[u8]) {
        if self.model == Some(OPAQUE) {
            self.keep_opaque(block);
        } else {
            if self.model.is_some() && self.sums[OPAQUE] == 0 {
                self.waiting.clear();
            }
            let room = OPAQUE_WAITING_BYTES - self.waiting.len();
            self.waiting.extend_from_slice(&block[..block.len().min(room)]);
        }
    }

    fn keep_opaque(&mut self, block: &[u8]) {
        let room = OPAQUE_BYTES - self.run.len();
        self.run.extend_from_slice(&block[..block.len().min(room)]);
        self.run_bytes += block.len() as u64;
    }

    /// Keep the opaque run that ends here, at `bytes` of it, if it is the longest; of equals the last.
    fn end_run(&mut self, bytes: u64) {
        if bytes >= self.opaque_bytes {
            let kept = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.run.len());
            self.run.truncate(kept);
            std::mem::swap(&mut self.opaque, &mut self.run);
            self.opaque_bytes = bytes;
        }
        self.run.clear();
        self.run_bytes = 0;
    }

    fn weigh_first(&mut self, scores: [i32; MODELS.len()], here: Mark) {
        if here.start == 0 {
            self.marks = [here; MODELS.len()];
        }
        for (sum, score) in self.sums.iter_mut().zip(scores) {
            // Of FIRST_BLOCKS blocks at most.
            *sum = sum.wrapping_add(score);
        }
        let best = self.best();
        let is_clear = |model| model == best || self.sums[best] - self.sums[model] >= FIRST;
        if (0..MODELS.len()).all(is_clear) || self.done >= (FIRST_BLOCKS * BLOCK) as u64 {
            self.enter(best);
        }
    }

    fn weigh(&mut self, scores: [i32; MODELS.len()], model: usize, here: Mark) {
        let mut has_changed = false;
        for (other, score) in scores.into_iter().enumerate() {
            let sum = &mut self.sums[other];
            let before = *sum;
            // Below CHANGE before, and scores of a block have 12 bits.
            *sum = before.wrapping_add(score).wrapping_sub(scores[model]).max(0);
            if before == 0 && *sum > 0 {
                // Evidence begins here.
                self.marks[other] = here;
            }
            has_changed |= *sum > CHANGE;
        }
        if has_changed {
            self.enter(self.best());
        }
    }

    /// The model with the most evidence; of equals the first.
    fn best(&self) -> usize {
        (1..MODELS.len())
            .fold(0, |best, model| if self.sums[model] > self.sums[best] { model } else { best })
    }

    fn enter(&mut self, model: usize) {
        let Mark { start, packet, run_bytes } = self.marks[model];
        let kind = MODELS[model];
        if self.model == Some(OPAQUE) {
            self.end_run(run_bytes);
        }
        if model == OPAQUE {
            let waiting = std::mem::take(&mut self.waiting);
            self.keep_opaque(&waiting);
            self.waiting = waiting;
        }
        self.waiting.clear();
        // Beyond the cap, changes still decide which bytes are opaque.
        let is_new = self.found.last().is_none_or(|last| last.kind != kind);
        if is_new && self.found.len() < MAX_SEGMENTS {
            self.found.push(Segment { start, kind, packet });
        }
        self.model = Some(model);
        self.sums = [0; MODELS.len()];
    }
}

/// What is added to every score so that it is positive where several are packed.
pub(super) const RAISED: i32 = 128;

/// Sums of raised scores for ASCII text, other text and binary cleartext, of at most 16 bytes: 16 bits each, from the lowest.
#[inline(always)]
pub(super) fn packed_scores(bytes: &[u8]) -> u64 {
    const PACKED: [u64; 256] = {
        let mut packed = [0; 256];
        let mut value = 0;
        while value < 256 {
            let [text, other, binary] = SCORES[value];
            packed[value] = (text as i32 + RAISED) as u64
                | ((other as i32 + RAISED) as u64) << 16
                | ((binary as i32 + RAISED) as u64) << 32;
            value += 1;
        }
        packed
    };
    bytes.iter().fold(0, |sum, &byte| sum.wrapping_add(PACKED[usize::from(byte)]))
}

/// Evidence of a block for each model against random bytes.
///
/// Ciphertext is framed by lengths and types, which look like binary cleartext. So that a few such bytes do not outweigh
/// the rest of a block, four bytes in a row speak for binary cleartext by [`MOST_OF_FOUR`] at most.
#[inline(always)]
fn scores_of(block: &[u8]) -> [i32; MODELS.len()] {
    // Sums of at most 16 scores of 8 bits: nothing wraps.
    let (mut sum, mut binary) = (0_u64, 0_i32);
    for four in block.chunks(4) {
        let packed = packed_scores(four);
        let of_four = ((packed >> 32) as i32).wrapping_sub(RAISED.wrapping_mul(four.len() as i32));
        sum = sum.wrapping_add(packed);
        binary = binary.wrapping_add(of_four.min(MOST_OF_FOUR));
    }
    let raised = RAISED.wrapping_mul(block.len() as i32);
    let score = |shift: u32| ((sum >> shift & 0xffff) as i32).wrapping_sub(raised);
    [0, score(0), score(16), binary]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(count: usize, seed: u64) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ seed;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        (0..count).map(|_| next()).collect()
    }

    fn packet(number: u64) -> PacketRef {
        PacketRef { file: 0, number }
    }

    fn found(bytes: &[u8]) -> Vec<(u64, Kind)> {
        let mut segments = Segments::default();
        segments.update(bytes, packet(1));
        segments.finish();
        segments.found().iter().map(|segment| (segment.start, segment.kind)).collect()
    }

    const TEXT: &[u8] =
        b"GET /index.html HTTP/1.1\r\nHost: example.org\r\nAccept: text/html\r\n\r\n";

    #[test]
    fn random_bytes_are_one_opaque_segment() {
        assert_eq!(found(&random(1 << 20, 1)), [(0, Kind::Opaque)]);
    }

    #[test]
    fn a_few_bytes_are_what_is_likelier() {
        assert_eq!(found(b"GET /"), [(0, Kind::Text)]);
        assert_eq!(found(&[0, 0, 0, 4]), [(0, Kind::Binary)]);
        assert_eq!(found(&random(16, 3)), [(0, Kind::Opaque)]);
        assert_eq!(found(b""), []);
    }

    #[test]
    fn cleartext_within_ciphertext_is_found_within_64_bytes() {
        for seed in 0..200 {
            let start = 4096 + seed as usize * 7;
            let mut bytes = random(start, seed);
            bytes.extend_from_slice(&TEXT[..64]);
            let segments = found(&bytes);
            assert_eq!(segments.len(), 2, "seed {seed}: {segments:?}");
            assert!(segments[1].0.abs_diff(start as u64) <= 32, "seed {seed}: {segments:?}");
            assert_eq!(segments[1].1, Kind::Text);
        }
    }

    #[test]
    fn the_longest_opaque_segment_is_kept_free_of_cleartext() {
        let (first, second, third) = (random(1008, 1), random(3008, 2), random(512, 3));
        let bytes =
            [&TEXT[..64], &first[..], &TEXT[..64], &second[..], &TEXT[..64], &third[..]].concat();
        let mut segments = Segments::default();
        segments.update(&bytes, packet(1));
        segments.finish();
        assert_eq!(segments.found().len(), 6);
        let kept = segments.opaque();
        let at = second.windows(64).position(|part| part == &kept[64..128]);
        assert!(at.is_some_and(|at| at <= 128), "{at:?}");
        assert!(kept.len().abs_diff(second.len()) <= 64, "{}", kept.len());
        let text = |part: &[u8]| part.windows(20).any(|part| part.iter().all(u8::is_ascii_graphic));
        assert!(!text(kept));
    }

    #[test]
    fn of_a_long_segment_the_first_bytes_are_kept() {
        let bytes = random(40_000, 5);
        let mut segments = Segments::default();
        segments.update(&bytes, packet(1));
        segments.finish();
        assert_eq!(segments.opaque(), &bytes[..OPAQUE_BYTES]);
    }

    #[test]
    fn segments_do_not_depend_on_how_bytes_are_cut() {
        let bytes = [TEXT, &random(700, 1), &[0; 100], TEXT, &random(300, 2)].concat();
        for size in [1, 3, 15, 16, 17, 64, 1000] {
            let mut segments = Segments::default();
            for (number, part) in bytes.chunks(size).enumerate() {
                segments.update(part, packet(number as u64));
            }
            segments.finish();
            let starts: Vec<_> = segments.found().iter().map(|one| (one.start, one.kind)).collect();
            assert_eq!(starts, found(&bytes), "parts of {size}");
            for segment in segments.found() {
                assert_eq!(segment.packet.number, segment.start / size as u64, "parts of {size}");
            }
        }
    }

    #[test]
    fn bytes_that_fit_two_kinds_alike_are_told_to_be_one_of_them() {
        // Scores of these four bytes are 0 for random bytes and for binary ones.
        assert_eq!(found(&[7, 7, 7, 14].repeat(8 << 20)).len(), 1);
    }

    #[test]
    fn segments_are_bounded() {
        let bytes: Vec<u8> =
            (0..200).flat_map(|seed| [random(64, seed), TEXT.to_vec()]).flatten().collect();
        assert_eq!(found(&bytes).len(), MAX_SEGMENTS);
    }

    #[test]
    fn a_cleared_meter_is_as_new() {
        let mut segments = Segments::default();
        segments.update(TEXT, packet(1));
        segments.finish();
        segments.clear();
        segments.update(&random(100, 1), packet(2));
        segments.finish();
        assert_eq!(segments.found(), [Segment { start: 0, kind: Kind::Opaque, packet: packet(2) }]);
        assert_eq!(segments.opaque(), random(100, 1));
    }
}
