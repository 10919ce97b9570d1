//! The stages between reading and records, and the turnstiles that keep their order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::groups::{Backlog, Collected, Group};
use super::job::{Fragments, Job, Ticket};
use super::summary::Summary;
use super::trace;
use super::{EngineSettings, Output};
use crate::error::Fault;
use crate::flow::{KeyHasher, Pool, Shard};
use crate::limits::{EPOCH_BYTES, EPOCH_PACKETS, MAX_WAITING_OUTPUTS, SHARDS};
use crate::meter::Meters;
use crate::packet::{Chunk, RawPacket};
use crate::record::Records;
use crate::source::Source;
use crate::turnstile::Turnstile;

/// How long a caller waits before it may look at signals and progress.
const PATIENCE: Duration = Duration::from_millis(100);

/// What one step of work came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A chunk was processed.
    Worked,
    /// The source had nothing yet.
    Idle,
    /// There is nothing left to do.
    Done,
}

/// The reader's side: what was handed out so far.
struct Reader {
    source: Box<dyn Source>,
    has_more: bool,
    /// Packets that were read and belong to the next epoch.
    ahead: Chunk,
    epoch: Epoch,
    next_ticket: u64,
    packets: u64,
    is_done: bool,
}

/// What was handed out of the current epoch.
struct Epoch {
    packets: usize,
    bytes: usize,
    earliest_ns: i64,
}

impl Default for Epoch {
    fn default() -> Self {
        Self { packets: 0, bytes: 0, earliest_ns: i64::MAX }
    }
}

impl Epoch {
    /// Take a packet in; returns whether the epoch ends with it.
    fn ends_with(&mut self, packet: &RawPacket) -> bool {
        self.packets += 1;
        self.bytes += packet.caplen as usize;
        self.earliest_ns = self.earliest_ns.min(packet.ts_ns);
        self.packets >= EPOCH_PACKETS || self.bytes >= EPOCH_BYTES
    }
}

impl Reader {
    /// Fill the chunk with packets of one epoch; if that ends with them, its earliest time.
    fn fill(&mut self, chunk: &mut Chunk) -> Option<i64> {
        if self.ahead.packets.is_empty() {
            self.has_more = self.source.fill(chunk, EPOCH_PACKETS - self.epoch.packets);
        } else {
            std::mem::swap(chunk, &mut self.ahead);
            self.ahead.clear();
        }
        let last = chunk.packets.iter().position(|packet| self.epoch.ends_with(packet))?;
        if last + 1 < chunk.packets.len() {
            self.ahead.packets = chunk.packets.split_off(last + 1);
            self.ahead.data.clone_from(&chunk.data);
        }
        Some(std::mem::take(&mut self.epoch).earliest_ns)
    }
}

/// What can be asked while the reader waits for a writer.
#[derive(Default)]
struct Told {
    /// Bytes read, total where known, packets read.
    progress: (u64, Option<u64>, u64),
    faults: Vec<Fault>,
}

#[derive(Default)]
struct Queue {
    outputs: VecDeque<Output>,
    is_done: bool,
}

/// The stages that all workers share.
pub struct Pipeline {
    settings: EngineSettings,
    has_workers: bool,
    pool: Arc<Pool>,
    hasher: KeyHasher,
    reader: Mutex<Reader>,
    told: Mutex<Told>,
    fragments: Turnstile<Fragments>,
    shards: [Turnstile<Shard>; SHARDS],
    collected: Turnstile<Collected>,
    backlog: Backlog,
    delivery: Turnstile<()>,
    queue: Mutex<Queue>,
    queue_moved: Condvar,
    /// Working memory of the caller's thread, where that does the work.
    own: Mutex<Worker>,
    stop: AtomicBool,
}

/// Memory of one worker.
struct Worker {
    job: Job,
    scratch: Box<Meters>,
}

impl Pipeline {
    /// Stages that have seen nothing.
    ///
    /// With `has_workers` other threads than the consumer's do the work.
    pub fn new(source: Box<dyn Source>, settings: EngineSettings, has_workers: bool) -> Self {
        let shard = settings.shard;
        let pool = Arc::new(Pool::new(shard.meter));
        Self {
            hasher: KeyHasher::default(),
            reader: Mutex::new(Reader {
                source,
                has_more: true,
                ahead: Chunk::default(),
                epoch: Epoch::default(),
                next_ticket: 0,
                packets: 0,
                is_done: false,
            }),
            told: Mutex::default(),
            fragments: Turnstile::new(Fragments::default()),
            shards: std::array::from_fn(|_| Turnstile::new(Shard::new(shard, Arc::clone(&pool)))),
            collected: Turnstile::new(Collected::default()),
            backlog: Backlog::default(),
            delivery: Turnstile::new(()),
            queue: Mutex::default(),
            queue_moved: Condvar::new(),
            own: Mutex::new(Worker { job: Job::default(), scratch: pool.meters() }),
            stop: AtomicBool::new(false),
            pool,
            settings,
            has_workers,
        }
    }

    /// Process one chunk in the caller's thread.
    pub fn step(&self) -> Step {
        let mut own = lock(&self.own);
        self.process_next(&mut own)
    }

    /// Process chunks until there are none; the body of a worker thread.
    ///
    /// A panic, which would be a mistake in the core, ends the run: see [`Alarm`].
    pub fn work(&self) {
        let _alarm = Alarm(self);
        let job = Job::default();
        let mut worker = Worker { job, scratch: self.pool.meters() };
        loop {
            match self.process_next(&mut worker) {
                Step::Worked => {}
                Step::Idle => self.push(Output::Idle),
                Step::Done => return,
            }
        }
    }

    fn process_next(&self, worker: &mut Worker) -> Step {
        let job = &mut worker.job;
        job.clear();
        let Some(has_packets) = self.read(job) else {
            return self.help_out(worker);
        };
        let Some(groups) = self.process(job) else {
            return Step::Done;
        };
        if job.ticket.is_last {
            self.backlog.fill(groups);
            return Step::Worked;
        }
        for group in groups {
            if self.deliver(group, &mut worker.scratch).is_none() {
                return Step::Done;
            }
        }
        if has_packets {
            Step::Worked
        } else {
            Step::Idle
        }
    }

    /// Everything was read: measure what is left of the flows that ended with the capture.
    fn help_out(&self, worker: &mut Worker) -> Step {
        let group = self.backlog.next(&self.stop);
        match group.and_then(|group| self.deliver(group, &mut worker.scratch)) {
            Some(()) => Step::Worked,
            None => Step::Done,
        }
    }

    /// Read the next chunk and draw its ticket; none when everything was read.
    fn read(&self, job: &mut Job) -> Option<bool> {
        let mut reader = lock(&self.reader);
        if reader.is_done || self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let epoch_end = reader.fill(&mut job.chunk);
        let count = job.chunk.packets.len();
        let is_last = !reader.has_more && reader.ahead.packets.is_empty();
        let (number, first_index) = (reader.next_ticket, reader.packets);
        job.ticket = Ticket { number, first_index, epoch_end, is_last };
        reader.next_ticket += 1;
        reader.packets += count as u64;
        reader.is_done = is_last;
        let (read, total) = reader.source.progress();
        let faults = reader.source.take_faults();
        let mut told = lock(&self.told);
        told.progress = (read, total, reader.packets);
        told.faults.extend(faults);
        Some(count > 0)
    }

    /// Take one chunk through the stages. None if the engine was stopped meanwhile.
    fn process(&self, job: &mut Job) -> Option<VecDeque<Group>> {
        job.decode(&self.settings, &self.hasher);
        let ticket = job.ticket.number;
        self.fragments.enter(ticket, &self.stop, |waiting| {
            job.defragment(&self.settings, &self.hasher, waiting);
        })?;
        for (number, shard) in self.shards.iter().enumerate() {
            shard.enter(ticket, &self.stop, |shard| {
                job.visit(number, shard, &self.settings.trace)
            })?;
        }
        job.trace.sort_by_key(|row| row.index);
        self.collected.enter(ticket, &self.stop, |collected| collected.take(job))
    }

    /// Turn a group of finished flows into outputs, and hand them over in order.
    fn deliver(&self, group: Group, scratch: &mut Meters) -> Option<()> {
        let (number, is_last) = (group.number, group.is_last);
        let (outputs, summary) = self.measure(group, scratch);
        self.delivery.enter(number, &self.stop, |()| {
            self.collected.peek(|collected| collected.summary.add(&summary));
            outputs.into_iter().for_each(|output| self.push(output));
            if is_last {
                lock(&self.queue).is_done = true;
                self.queue_moved.notify_all();
            }
        })
    }

    /// Finish the meters of a group and write its rows.
    fn measure(&self, group: Group, scratch: &mut Meters) -> (Vec<Output>, Summary) {
        let mut summary = Summary::default();
        let mut outputs = vec![];
        let mut records = Records::new(self.settings.has_counts);
        let mut done = Vec::with_capacity(group.ended.len());
        for (mut flow, reason) in group.ended {
            flow.close(&self.pool, &mut summary.payload);
            summary.note_end(reason, flow.weirds.iter());
            let mut payload = std::mem::take(&mut flow.payload);
            records.push(&flow, reason, payload.finish(scratch), &self.settings.sources);
            flow.payload = payload;
            done.push(flow);
            if records.is_full() {
                let full = std::mem::replace(&mut records, Records::new(self.settings.has_counts));
                outputs.push(Output::of(full.finish(), Output::Flows));
            }
        }
        self.pool.recycle(done);
        if !records.is_empty() {
            outputs.push(Output::of(records.finish(), Output::Flows));
        }
        if !group.trace.is_empty() {
            let batch = trace::batch(&group.trace, &self.settings.sources);
            outputs.push(Output::of(batch, Output::Trace));
        }
        (outputs, summary)
    }

    /// Queue an output; workers wait while they are ahead of their consumer.
    fn push(&self, output: Output) {
        let mut queue = lock(&self.queue);
        while self.has_workers && queue.outputs.len() >= MAX_WAITING_OUTPUTS {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            queue = self.queue_moved.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.outputs.push_back(output);
        drop(queue);
        self.queue_moved.notify_all();
    }

    /// An output if one waits.
    pub fn take_output(&self) -> Option<Output> {
        let output = lock(&self.queue).outputs.pop_front();
        self.queue_moved.notify_all();
        output
    }

    /// The next output, once workers made it; none when they are done.
    pub fn wait_for_output(&self) -> Option<Output> {
        let mut queue = lock(&self.queue);
        if queue.outputs.is_empty() && !queue.is_done {
            let waited = self.queue_moved.wait_timeout(queue, PATIENCE);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let output = queue.outputs.pop_front();
        let is_done = queue.is_done;
        drop(queue);
        self.queue_moved.notify_all();
        output.or((!is_done).then_some(Output::Idle))
    }

    /// Bytes read, total where known, packets read.
    pub fn progress(&self) -> (u64, Option<u64>, u64) {
        lock(&self.told).progress
    }

    /// Everything counted so far.
    pub fn summary(&self) -> Summary {
        let mut summary = self.collected.peek(|collected| collected.summary.clone());
        summary.fragments = self.fragments.peek(|waiting| waiting.defragmenter.counters());
        summary.note_faults(lock(&self.told).faults.clone());
        summary.sources.clone_from(&self.settings.sources);
        summary
    }

    /// Tell all workers to leave.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        // The queue first: who waits for room in it stands inside the delivery turnstile.
        drop(lock(&self.queue));
        self.queue_moved.notify_all();
        self.fragments.wake();
        self.shards.iter().for_each(Turnstile::wake);
        self.collected.wake();
        self.backlog.wake();
        self.delivery.wake();
    }
}

/// Ends the run when the worker that holds it panics: nobody waits for the turn that will not
/// come, and the consumer is told that it was the last output.
struct Alarm<'a>(&'a Pipeline);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.0.queue).is_done = true;
            self.0.stop();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A poisoned lock means that another worker panicked; its state is still the best there is.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
