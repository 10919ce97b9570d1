//! Finished flows on their way to batches of records.
//!
//! Flows are collected until they are worth a batch, and cut into groups of at most one batch, so
//! that the records of a million flows that end together never lie in memory at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::job::Job;
use super::summary::Summary;
use super::trace::TraceRow;
use crate::flow::Ended;
use crate::limits::{BATCH_ROWS, GROUP_FLOWS, GROUP_HELD_BYTES, TRACE_ROWS};

/// Flows that ended and wait until they are worth a batch.
#[derive(Default)]
pub struct Collected {
    /// Flows that ended in the current epoch. How a capture is cut into reads must not show in the
    /// order of rows, so they are sorted when the epoch ends.
    epoch: Vec<Ended>,
    ended: Vec<Ended>,
    held_bytes: usize,
    trace: Vec<TraceRow>,
    next_group: u64,
    /// What was counted so far.
    pub summary: Summary,
}

/// A share of finished work that becomes one or more outputs.
pub struct Group {
    /// Place among all groups, from 0.
    pub number: u64,
    /// Its flows, with the reasons for their ends.
    pub ended: Vec<Ended>,
    /// Packets of traced flows.
    pub trace: Vec<TraceRow>,
    /// Whether no group follows.
    pub is_last: bool,
}

impl Collected {
    /// Take over what a chunk ended; gives groups when there is enough for a batch, and at least
    /// one after the last chunk.
    pub fn take(&mut self, job: &mut Job) -> VecDeque<Group> {
        self.summary.add(&job.summary);
        self.held_bytes += job.ended.iter().map(|(flow, _)| flow.held_bytes()).sum::<usize>();
        self.epoch.append(&mut job.ended);
        self.trace.append(&mut job.trace);
        let is_last = job.ticket.is_last;
        if job.ticket.epoch_end.is_none() && !is_last {
            return VecDeque::new();
        }
        if job.ticket.epoch_end.is_some() {
            self.end_epoch();
        }
        if is_last {
            // Whether an epoch ends with the capture must not show.
            take_over(&mut self.epoch, &mut job.left);
            self.end_epoch();
        }
        let is_enough = self.ended.len() >= GROUP_FLOWS
            || self.held_bytes >= GROUP_HELD_BYTES
            || self.trace.len() >= TRACE_ROWS;
        if !is_enough && !is_last {
            return VecDeque::new();
        }
        self.cut(is_last)
    }

    fn end_epoch(&mut self) {
        self.epoch.sort_unstable_by_key(|(flow, _)| flow.index);
        take_over(&mut self.ended, &mut self.epoch);
    }

    fn cut(&mut self, is_last: bool) -> VecDeque<Group> {
        self.held_bytes = 0;
        let mut rest = std::mem::take(&mut self.ended).into_iter();
        let mut groups = VecDeque::new();
        loop {
            let ended: Vec<Ended> = rest.by_ref().take(BATCH_ROWS).collect();
            let is_end = rest.len() == 0;
            let trace = if is_end { std::mem::take(&mut self.trace) } else { vec![] };
            let number = self.next_group;
            self.next_group += 1;
            groups.push_back(Group { number, ended, trace, is_last: is_last && is_end });
            if is_end {
                return groups;
            }
        }
    }
}

/// Append `more` to `flows`, of which there may be millions, without a copy if that can be.
fn take_over(flows: &mut Vec<Ended>, more: &mut Vec<Ended>) {
    if flows.is_empty() {
        std::mem::swap(flows, more);
    } else {
        flows.append(more);
    }
}

/// The groups after the last chunk, for all workers to share.
#[derive(Default)]
pub struct Backlog {
    state: Mutex<BacklogState>,
    moved: Condvar,
}

#[derive(Default)]
struct BacklogState {
    groups: VecDeque<Group>,
    is_filled: bool,
}

impl Backlog {
    /// Put the last groups in.
    pub fn fill(&self, groups: VecDeque<Group>) {
        let mut state = self.lock();
        state.groups = groups;
        state.is_filled = true;
        drop(state);
        self.moved.notify_all();
    }

    /// The next group; waits for the last chunk to fill the backlog. None when all were taken, or
    /// if `stop` is raised.
    pub fn next(&self, stop: &AtomicBool) -> Option<Group> {
        let mut state = self.lock();
        while !stop.load(Ordering::Relaxed) {
            if state.is_filled {
                return state.groups.pop_front();
            }
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Wake everybody who waits, so that they see that they should stop.
    pub fn wake(&self) {
        drop(self.lock());
        self.moved.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, BacklogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
