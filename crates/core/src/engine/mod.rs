//! The engine: captures in, batches of flow records out, by one thread or several.
//!
//! Work is cut into chunks. Each chunk is read (one at a time), decoded (in parallel), visits the
//! defragmenter and then every shard of the flow table in the order of its ticket, and the flows
//! that it ended are measured and turned into rows (in parallel again). One thread runs the very
//! same steps, so the number of threads cannot show in the output.

mod groups;
mod job;
mod pipeline;
mod summary;
mod trace;

use std::sync::Arc;
use std::thread::JoinHandle;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::bpf::Program;
use crate::decode::Decoder;
use crate::flow::ShardSettings;
use crate::packet::LinkType;
use crate::source::Source;
use pipeline::{Pipeline, Step};

pub use summary::{Account, Summary};
pub use trace::TraceRequest;

/// What an engine is told once.
pub struct EngineSettings {
    /// Flow table, time-outs, meters.
    pub shard: ShardSettings,
    /// Link layers and tunnels.
    pub decoder: Decoder,
    /// Capture filter for each link type; none to take every packet.
    pub filters: Option<Vec<(LinkType, Program)>>,
    /// Worker threads; with 1 the caller's thread does the work, unless it might have to wait for
    /// somebody who writes into a pipe: the caller must stay able to end that.
    pub threads: usize,
    /// Whether records carry the 256 byte counts.
    pub has_counts: bool,
    /// Flows whose packets are reported one by one.
    pub trace: TraceRequest,
    /// Names of the inputs, by file index.
    pub sources: Vec<String>,
}

/// What comes out of an engine.
pub enum Output {
    /// Rows of finished flows.
    Flows(RecordBatch),
    /// Rows of packets of traced flows.
    Trace(RecordBatch),
    /// Rows that could not be made, and why: a mistake in the core.
    Failed(ArrowError),
    /// Nothing yet: the work is not done, or the capture is still being written.
    Idle,
}

impl Output {
    fn of(batch: Result<RecordBatch, ArrowError>, kind: fn(RecordBatch) -> Self) -> Self {
        batch.map_or_else(Self::Failed, kind)
    }
}

/// Chunks processed before the caller is given a chance to look at signals and progress.
const STEPS_PER_CALL: usize = 32;

/// Runs captures through the measuring stages.
pub struct Engine {
    pipeline: Arc<Pipeline>,
    workers: Vec<JoinHandle<()>>,
    has_workers: bool,
    threads: usize,
    needs_workers: bool,
}

impl Engine {
    /// An engine that will read `source`.
    #[must_use]
    pub fn new(source: Box<dyn Source>, settings: EngineSettings) -> Self {
        let threads = settings.threads.max(1);
        let needs_workers = threads > 1 || source.may_wait();
        Self {
            pipeline: Arc::new(Pipeline::new(source, settings, needs_workers)),
            workers: vec![],
            has_workers: false,
            threads,
            needs_workers,
        }
    }

    /// The next output; none when everything was read and handed over.
    ///
    /// # Panics
    ///
    /// If a worker thread did, which would be a mistake in the core: its panic goes on here, as it
    /// would with one thread.
    pub fn next_output(&mut self) -> Option<Output> {
        if self.needs_workers {
            self.start_workers();
            let output = self.pipeline.wait_for_output();
            if output.is_none() {
                self.join_workers();
            }
            return output;
        }
        for _ in 0..STEPS_PER_CALL {
            if let Some(output) = self.pipeline.take_output() {
                return Some(output);
            }
            match self.pipeline.step() {
                Step::Worked => {}
                Step::Idle => return Some(Output::Idle),
                Step::Done => return self.pipeline.take_output(),
            }
        }
        Some(Output::Idle)
    }

    /// Bytes read of the inputs as stored, their total where known, and packets read.
    #[must_use]
    pub fn progress(&self) -> (u64, Option<u64>, u64) {
        self.pipeline.progress()
    }

    /// What was seen so far, and where it went; final after the last output.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.pipeline.summary()
    }

    fn start_workers(&mut self) {
        if self.has_workers {
            return;
        }
        self.has_workers = true;
        for _ in 0..self.threads {
            let pipeline = Arc::clone(&self.pipeline);
            self.workers.push(std::thread::spawn(move || pipeline.work()));
        }
    }

    fn join_workers(&mut self) {
        for worker in self.workers.drain(..) {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.pipeline.stop();
        for worker in self.workers.drain(..) {
            // A worker that panicked has nothing left to hand over.
            let _ = worker.join();
        }
    }
}
