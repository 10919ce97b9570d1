//! Sources yield packets, and decide nothing.

use crate::error::Fault;
use crate::packet::Chunk;

/// Where packets come from: one file, a pipe, or many files merged by time.
pub trait Source: Send {
    /// Fill `chunk` (cleared first) with up to `max_packets` packets and return whether more may
    /// come. A chunk without packets and `true` means: nothing yet (a file being followed).
    fn fill(&mut self, chunk: &mut Chunk, max_packets: usize) -> bool;

    /// Faults met so far, in the order in which they were met; each is handed over once.
    fn take_faults(&mut self) -> Vec<Fault>;

    /// Bytes consumed so far of the input files as stored (compressed where they are), and their
    /// total where it is known: for a progress bar.
    fn progress(&self) -> (u64, Option<u64>);
}
