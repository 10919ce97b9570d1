//! Sources yield packets, and decide nothing.
//!
//! [`open`] takes capture files (pcap and pcapng, as they are or compressed with gzip, Zstandard
//! or LZ4; told by their bytes, never by their names), pipes and standard input. Whatever is
//! wrong with one becomes a [`Fault`] with one of the identifiers in [`id`]; the packets before
//! it are yielded.

mod compressed;
mod container;
mod fault_ids;
mod faults;
mod file;
mod merged;
mod opening;
mod pcap;
mod pcapng;
#[cfg(test)]
mod portions;
#[cfg(test)]
mod test_captures;

pub use fault_ids::id;
pub use opening::Input;

use crate::error::Fault;
use crate::packet::Chunk;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// Where packets come from: one file, a pipe, or many files merged by time.
pub trait Source: Send {
    /// Fill `chunk` (cleared first) with up to `max_packets` packets and return whether more may
    /// come. A chunk without packets and `true` means: nothing yet (a file being followed).
    ///
    /// Hand in the chunks of earlier calls as they are: what their bytes occupy is used again,
    /// and a buffer that was cleared has to be zeroed anew.
    fn fill(&mut self, chunk: &mut Chunk, max_packets: usize) -> bool;

    /// Whether reading may have to wait for somebody who writes into a pipe.
    fn may_wait(&self) -> bool {
        false
    }

    /// Faults met so far, in the order in which they were met; each is handed over once.
    fn take_faults(&mut self) -> Vec<Fault>;

    /// Bytes consumed so far of the input files as stored (compressed where they are), and their
    /// total where it is known: for a progress bar.
    fn progress(&self) -> (u64, Option<u64>);
}

/// How captures are to be read.
#[derive(Clone, Debug, Default)]
pub struct SourceSettings {
    /// Wait at the end of an uncompressed file for what may be written to it.
    pub follow: bool,
    /// Look for the next record after a broken one of a pcap file, instead of ending there.
    pub resync: bool,
    /// Set by another thread to end reading, or waiting, at the next opportunity.
    pub stop: Arc<AtomicBool>,
    /// Bytes that a compressed file may unpack to whatever its ratio, instead of
    /// [`crate::limits::DECOMPRESSED_GRACE_BYTES`].
    pub max_decompressed: Option<u64>,
}

impl SourceSettings {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A source of the packets of `inputs`: of several, as one stream in the order of time. Nothing
/// is opened before the first packet is asked for; what cannot be opened is a fault then.
#[must_use]
pub fn open(mut inputs: Vec<Input>, settings: SourceSettings) -> Box<dyn Source> {
    match (inputs.pop(), inputs.is_empty()) {
        (Some(only), true) => Box::new(file::FileSource::new(only, 0, settings)),
        (last, _) => {
            inputs.extend(last);
            Box::new(merged::Merged::new(inputs, settings))
        }
    }
}

/// A source of the packets in what `reader` yields, as if it were read from a pipe that is called
/// `name` in faults.
#[must_use]
pub fn of_reader(
    name: &str,
    reader: impl Read + Send + 'static,
    settings: SourceSettings,
) -> Box<dyn Source> {
    Box::new(file::FileSource::of_reader(name, Box::new(reader), settings))
}
