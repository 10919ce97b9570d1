//! Memory of flows that have ended, for those that begin.
//!
//! Flows come and go by the million, each with a handful of small buffers; asking the allocator
//! for all of them again would cost a fifth of the run. Each kind is kept up to a cap.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Arrival, Flow};
use crate::limits::{KEPT_BLOCK_BYTES, POOLED_BLOCKS, POOLED_FLOW_BYTES, POOLED_METERS};
use crate::meter::{MeterSettings, Meters};

/// A piece of kept payload.
pub type Block = Box<[u8; KEPT_BLOCK_BYTES]>;

/// What can be used again.
pub struct Pool {
    settings: MeterSettings,
    flows: Mutex<PooledFlows>,
    meters: Mutex<Vec<Box<Meters>>>,
    blocks: Mutex<Vec<Block>>,
}

/// Flows that have ended, up to a cap on what they take.
#[derive(Default)]
struct PooledFlows {
    // Boxes, since flows pass in and out of the table as such.
    #[allow(clippy::vec_box)]
    flows: Vec<Box<Flow>>,
    bytes: usize,
}

#[allow(clippy::vec_box)]
impl PooledFlows {
    fn take(&mut self) -> Option<Box<Flow>> {
        let flow = self.flows.pop()?;
        self.bytes -= flow.allocated_bytes();
        Some(flow)
    }

    fn give(&mut self, flows: Vec<Box<Flow>>) {
        for flow in flows {
            let bytes = self.bytes + flow.allocated_bytes();
            if bytes > POOLED_FLOW_BYTES {
                return;
            }
            self.bytes = bytes;
            self.flows.push(flow);
        }
    }
}

impl Pool {
    /// An empty pool whose meters follow `settings`.
    #[must_use]
    pub fn new(settings: MeterSettings) -> Self {
        Self {
            settings,
            flows: Mutex::default(),
            meters: Mutex::default(),
            blocks: Mutex::default(),
        }
    }

    /// What its meters are told.
    #[must_use]
    pub fn settings(&self) -> MeterSettings {
        self.settings
    }

    /// A flow that begins with `arrival`.
    pub(super) fn flow(&self, arrival: &Arrival<'_>) -> Box<Flow> {
        let pooled = lock(&self.flows).take();
        match pooled {
            Some(mut flow) => {
                flow.begin(arrival);
                flow
            }
            None => Box::new(Flow::new(arrival)),
        }
    }

    /// Meters of originator, responder and both that have seen nothing.
    #[must_use]
    pub fn meters(&self) -> Box<Meters> {
        take(&self.meters).unwrap_or_else(|| Box::new(Meters::new(self.settings)))
    }

    /// A block with any content.
    pub(super) fn block(&self) -> Block {
        take(&self.blocks).unwrap_or_else(|| Box::new([0; KEPT_BLOCK_BYTES]))
    }

    /// Take back what flows held whose records are written.
    pub fn recycle(&self, flows: Vec<Box<Flow>>) {
        let mut kept = vec![];
        for mut flow in flows {
            if let Some(mut meters) = flow.payload.take_meters() {
                meters.clear();
                give(&self.meters, POOLED_METERS, [meters]);
            }
            give(&self.blocks, POOLED_BLOCKS, flow.payload.take_blocks());
            kept.push(flow);
        }
        lock(&self.flows).give(kept);
    }
}

fn take<T>(shelf: &Mutex<Vec<T>>) -> Option<T> {
    lock(shelf).pop()
}

fn give<T>(shelf: &Mutex<Vec<T>>, cap: usize, things: impl IntoIterator<Item = T>) {
    let mut shelf = lock(shelf);
    let room = cap.saturating_sub(shelf.len());
    shelf.extend(things.into_iter().take(room));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
