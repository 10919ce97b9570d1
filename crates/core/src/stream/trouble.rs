//! What most streams never have: bytes that wait, gaps, repeats, conflicts.
//!
//! Kept apart from the stream, of which there can be millions.

use super::waiting::{Held, Waiting};
use super::Stream;
use crate::limits::MAX_GAPS;

/// The trouble of one direction.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    pub missed: u64,
    /// An acknowledgement of more than could have been sent.
    pub far_ack: Option<u64>,
    pub conflicts: u64,
    pub retransmitted: u64,
    /// Bytes delivered before each gap, and bytes missing there.
    pub gaps: Vec<(u64, u64)>,
    /// First stream offset that the gap list can no longer place; none while it is complete.
    unmapped_from: Option<u64>,
    pub waiting: Waiting,
}

impl Trouble {
    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.waiting.held_bytes() + size_of_val(self.gaps.as_slice())
    }

    /// Note that `missing` bytes from stream offset `next` on will not come.
    pub fn note_gap(&mut self, next: u64, missing: u64) {
        let delivered = next - self.missed;
        let has_room = self.gaps.len() < MAX_GAPS;
        match self.gaps.last_mut() {
            Some(last) if last.0 == delivered => last.1 += missing,
            _ if has_room => self.gaps.push((delivered, missing)),
            _ => {
                self.unmapped_from.get_or_insert(next);
            }
        }
        self.missed += missing;
    }
}

/// How the stream gets at its trouble, which may be none.
impl Stream {
    pub(super) fn trouble_mut(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }

    /// Whether bytes wait for others that precede them.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| !trouble.waiting.is_empty())
    }

    /// Stream offset behind the last waiting byte; 0 when nothing waits.
    pub(super) fn waiting_end(&self) -> u64 {
        self.trouble.as_ref().map_or(0, |trouble| trouble.waiting.end())
    }

    pub(super) fn take_waiting(&mut self) -> Option<Held> {
        self.trouble.as_mut()?.waiting.take_at(self.next)
    }

    pub(super) fn forget_far_ack(&mut self) {
        if let Some(trouble) = &mut self.trouble {
            trouble.far_ack = None;
        }
    }

    pub(super) fn unmapped_from(&self) -> Option<u64> {
        self.trouble.as_ref()?.unmapped_from
    }

    /// The parts of `bytes` at stream offset `start` that were delivered, each with its place
    /// among the delivered bytes.
    pub(super) fn seen_runs<'a>(&self, start: u64, bytes: &'a [u8]) -> Vec<(u64, &'a [u8])> {
        let end = start + bytes.len() as u64;
        let mut runs = vec![];
        let (mut run_start, mut skipped) = (0, 0);
        let gap_total: u64 = self.gaps().iter().map(|gap| gap.1).sum();
        let last = self.unmapped_from().unwrap_or(u64::MAX).saturating_sub(gap_total);
        for (delivered, missing) in self.gaps().iter().copied().chain([(last, 0)]) {
            let run_end = delivered.saturating_add(skipped);
            let (from, to) = (start.max(run_start), end.min(run_end));
            if from < to {
                let part = &bytes[(from - start) as usize..(to - start) as usize];
                runs.push((from - skipped, part));
            }
            skipped += missing;
            run_start = run_end.saturating_add(missing);
        }
        runs
    }
}
