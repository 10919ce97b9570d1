//! Meters: what is measured of the payload of one direction, or of both together.
//!
//! Bytes enter in stream order, in pieces of any size; what comes out depends on the bytes alone,
//! never on the pieces. Work is done block by block between the points of the [`grid`]: the
//! block's own counts give its local entropy, and added to the running counts they give the
//! cumulative one.

mod counts;
pub mod grid;
mod series;
mod tables;

pub use counts::{Counts, Scalars};
pub use series::{Crossing, Meter, MeterSettings};

/// Which packet of which input file a byte came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct PacketRef {
    /// Index of the file among the inputs.
    pub file: u32,
    /// Position in that file, from 1.
    pub number: u64,
}

/// Meters of originator, responder and both together.
pub type Meters = [Meter; 3];
