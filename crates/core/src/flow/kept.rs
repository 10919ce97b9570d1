//! The first delivered bytes of one direction, kept to be measured or compared with.

use super::pool::{Block, Pool};
use crate::limits::{KEPT_BLOCK_BYTES, KEPT_HEAD_BYTES};

/// Bytes of a direction: the first in one piece, later ones in blocks.
#[derive(Default)]
pub struct Kept {
    head: Vec<u8>,
    /// What most flows never have, of which there can be millions.
    tail: Option<Box<Tail>>,
}

#[derive(Default)]
struct Tail {
    blocks: Vec<Block>,
    length: usize,
}

impl Kept {
    /// How many bytes are kept.
    #[must_use]
    pub fn length(&self) -> usize {
        self.head.len() + self.tail.as_ref().map_or(0, |tail| tail.length)
    }

    /// Bytes of memory that what is kept takes.
    ///
    /// Not what is allocated: the head may come from another flow, and what a flow counts against
    /// the caps must be the same in every run.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let tail = self.tail.as_ref().map_or(0, |_| size_of::<Tail>());
        self.head.len() + tail + self.blocks().len() * (KEPT_BLOCK_BYTES + size_of::<Block>())
    }

    /// Bytes that are allocated for the first piece.
    #[must_use]
    pub fn head_capacity(&self) -> usize {
        self.head.capacity()
    }

    /// The kept bytes from place `from` to `to`, piece by piece.
    pub fn pieces(&self, mut from: usize, to: usize) -> impl Iterator<Item = &[u8]> {
        let to = to.min(self.length());
        std::iter::from_fn(move || {
            let there = self.run_from(from);
            let piece = &there[..there.len().min(to.saturating_sub(from))];
            from += piece.len();
            (!piece.is_empty()).then_some(piece)
        })
    }

    /// Keep more.
    pub fn extend(&mut self, bytes: &[u8], pool: &Pool) {
        let room = (KEPT_HEAD_BYTES - self.head.len()).min(bytes.len());
        let (front, rest) = bytes.split_at(room);
        self.head.extend_from_slice(front);
        if !rest.is_empty() {
            self.tail.get_or_insert_default().extend(rest, pool);
        }
    }

    /// Whether `bytes` differ from those kept from place `at` on; what was not kept does not.
    #[must_use]
    pub fn differs(&self, at: u64, bytes: &[u8]) -> bool {
        let Ok(at) = usize::try_from(at) else {
            return false;
        };
        let mut rest = &bytes[..bytes.len().min(self.length().saturating_sub(at))];
        for piece in self.pieces(at, at + rest.len()) {
            let (now, later) = rest.split_at(piece.len());
            if now != piece {
                return true;
            }
            rest = later;
        }
        false
    }

    /// Forget everything, keep the memory of the head.
    pub fn clear(&mut self) {
        self.head.clear();
        self.tail = None;
    }

    /// Hand the blocks over.
    pub fn take_blocks(&mut self) -> Vec<Block> {
        self.tail.take().map(|tail| tail.blocks).unwrap_or_default()
    }

    fn blocks(&self) -> &[Block] {
        self.tail.as_ref().map_or(&[], |tail| &tail.blocks)
    }

    /// Kept bytes from `at` to the end of their piece.
    fn run_from(&self, at: usize) -> &[u8] {
        let Some(behind) = at.checked_sub(KEPT_HEAD_BYTES) else {
            return self.head.get(at..).unwrap_or(&[]);
        };
        let block = self.blocks().get(behind / KEPT_BLOCK_BYTES);
        let run = block.and_then(|block| block.get(behind % KEPT_BLOCK_BYTES..));
        run.unwrap_or(&[])
    }
}

impl Tail {
    fn extend(&mut self, mut bytes: &[u8], pool: &Pool) {
        while !bytes.is_empty() {
            let at = self.length % KEPT_BLOCK_BYTES;
            if at == 0 {
                self.blocks.push(pool.block());
            }
            let Some(block) = self.blocks.last_mut() else {
                return;
            };
            let count = bytes.len().min(KEPT_BLOCK_BYTES - at);
            let (now, later) = bytes.split_at(count);
            block[at..at + count].copy_from_slice(now);
            self.length += count;
            bytes = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::MeterSettings;

    #[test]
    fn differences_are_found_in_every_piece_and_nothing_else_is() {
        let pool = Pool::new(MeterSettings { depth: None, threshold: 7.9 });
        let bytes: Vec<u8> = (0..20_000_u32).map(|i| (i * 31 / 7) as u8).collect();
        let mut kept = Kept::default();
        for part in bytes.chunks(777) {
            kept.extend(part, &pool);
        }
        assert_eq!(kept.length(), bytes.len());
        for at in (0..19_000).step_by(509) {
            let mut copy = bytes[at..at + 900].to_vec();
            assert!(!kept.differs(at as u64, &copy), "at {at}");
            copy[899] ^= 1;
            assert!(kept.differs(at as u64, &copy), "at {at}");
        }
        assert!(!kept.differs(20_000, b"beyond"));
        assert!(!kept.differs(u64::MAX, b"beyond"));
    }
}
