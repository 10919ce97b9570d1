//! What went wrong with an input: what, where, how much was claimed, how much was there.

use std::fmt;

/// A fault of an input file, or of how it was asked for.
///
/// A fault never hides what was read before it: readers yield the packets first and the fault
/// after. `id` is stable and meant for scripts; the text is meant for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable identifier in kebab-case, such as `truncated-record`.
    pub id: &'static str,
    /// Index of the file among the inputs.
    pub file: u32,
    /// Name of the file as given (may hold any bytes; shown escaped).
    pub path: String,
    /// Byte offset in the (decompressed) file where the fault lies.
    pub offset: u64,
    /// Packets of this file that were read before it.
    pub packets: u64,
    /// One sentence: what was claimed and what was there.
    pub message: String,
    /// Whether reading could go on after it (a warning) or ended here.
    pub severity: Severity,
    /// Bytes that are there of the packet in which reading ended, where it did: such a packet is
    /// counted, but not yielded.
    pub cut_packet: Option<u32>,
}

/// How much a fault costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Odd but harmless: nothing was lost.
    Warning,
    /// A usable prefix was read; the rest of this file was not.
    Partial,
    /// Nothing of this file could be read.
    Refused,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}
