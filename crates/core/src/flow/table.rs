//! The flow table: finds the flow of each packet, and ends flows when their time has come.
//!
//! The table is split into shards by endpoints. Flows end on the arrival of a packet that cannot
//! belong to them (pure packet time), or at the end of an epoch, when all packets up to a certain
//! number have been seen: expiry by time-out and eviction happen there only, so that the outcome
//! depends on the packets alone, not on threads or on how the capture was cut into reads.
//!
//! A SYN that cannot belong to an open connection may begin the next one between the same
//! endpoints, or be forged to make an observer forget the connection. Both are then followed as
//! flows, the newer as the *rival* of the older, and each packet goes to the one that it fits. The
//! older ends when the responder acknowledges the newer.

use std::collections::VecDeque;

use hashbrown::HashTable;

use super::tcp::Relation;
use super::{Arrival, EndReason, Flow, PayloadTally, Pool, Weird};
use crate::decode::Endpoints;
use crate::limits::{EPOCH_PACKETS, REMINDERS_PER_EPOCH, SHARDS};
use crate::meter::MeterSettings;
use std::sync::Arc;

/// Nanoseconds of packet time without a packet after which a flow ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP that is not closed.
    pub tcp_ns: i64,
    /// TCP after both FINs or a RST: long enough for the last acknowledgement and its repeats.
    pub closed_ns: i64,
    /// UDP, ICMP and all else.
    pub other_ns: i64,
    /// Longest life of a flow; a longer one is cut into several records. None for no limit.
    pub active_ns: Option<i64>,
}

/// Settings of a shard.
#[derive(Clone, Copy, Debug)]
pub struct ShardSettings {
    /// What the meters are told.
    pub meter: MeterSettings,
    /// When flows end.
    pub timeouts: Timeouts,
    /// Flows kept open in all shards together.
    pub max_flows: usize,
    /// Bytes of payload state kept in all shards together.
    pub max_held_bytes: usize,
}

/// A flow that has ended, with the reason.
pub type Ended = (Box<Flow>, EndReason);

/// A flow with its hash, so that most lookups that lead nowhere end in the table.
struct Entry {
    hash: u64,
    flow: Box<Flow>,
}

impl Entry {
    fn has(&self, hash: u64, endpoints: &Endpoints, is_rival: bool) -> bool {
        let is_asked = (self.flow.seat.standing == Standing::Rival) == is_rival;
        self.hash == hash && is_asked && self.flow.is_between(endpoints)
    }
}

/// What the table keeps of a flow in the flow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seat {
    /// Bytes that the flow held after its latest packet.
    held_bytes: usize,
    /// Queues that hold a reminder of the flow, as bits; a flow that is closed and opened by
    /// turns must not fill them.
    queues: u8,
    standing: Standing,
}

/// Whether a flow shares its endpoints with another, and it is not known yet which will go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    /// It does not.
    #[default]
    Alone,
    /// It does, and is the older.
    Rivalled,
    /// It does, and is the newer.
    Rival,
}

// The queues of reminders.
const CLOSED: usize = 0;
const OTHER: usize = 1;
const TCP: usize = 2;

/// A promise to look at a flow again.
struct Reminder {
    hash: u64,
    index: u64,
    set_ns: i64,
}

/// One part of the flow table.
pub struct Shard {
    settings: ShardSettings,
    pool: Arc<Pool>,
    table: HashTable<Entry>,
    /// Reminders in the order in which they were set: of closed TCP, other flows, open TCP.
    reminders: [VecDeque<Reminder>; 3],
    held_bytes: usize,
    /// Flows in the table that are rivals.
    rivals: usize,
    /// Where payload bytes went so far.
    pub tally: PayloadTally,
    /// Flows begun so far.
    pub created: u64,
    ended: Vec<Ended>,
}

impl Shard {
    /// An empty shard whose flows take their memory from `pool`.
    #[must_use]
    pub fn new(settings: ShardSettings, pool: Arc<Pool>) -> Self {
        Self {
            settings,
            pool,
            table: HashTable::new(),
            reminders: Default::default(),
            held_bytes: 0,
            rivals: 0,
            tally: PayloadTally::default(),
            created: 0,
            ended: vec![],
        }
    }

    /// Put a packet into its flow, and return the flow with whether its originator sent it.
    ///
    /// `wants_trace` is asked once for each new flow.
    pub fn take(
        &mut self,
        hash: u64,
        arrival: &Arrival<'_>,
        wants_trace: impl Fn(&Flow) -> bool,
    ) -> (&Flow, bool) {
        let (timeouts, endpoints) = (self.settings.timeouts, &arrival.decoded.endpoints);
        let to_rival = self.rivals > 0 && self.goes_to_rival(hash, arrival);
        let pool = &*self.pool;
        let begin = |standing| {
            let mut flow = pool.flow(arrival);
            if wants_trace(&flow) {
                flow.is_traced = true;
                flow.payload.measure_at_once(pool);
            }
            flow.seat = Seat { standing, ..Seat::default() };
            Entry { hash, flow }
        };
        let found = self.table.find_entry(hash, |entry| entry.has(hash, endpoints, to_rival));
        let mut is_new = true;
        let entry = match found {
            Ok(mut found) => match timeouts.fate(&found.get().flow, arrival) {
                Fate::GoesOn => {
                    is_new = false;
                    found.into_mut()
                }
                Fate::Ends(reason) => {
                    // Two that share their endpoints were told apart above.
                    debug_assert_eq!(found.get().flow.seat.standing, Standing::Alone);
                    let (ended, vacant) = found.remove();
                    self.held_bytes = self.held_bytes.saturating_sub(ended.flow.seat.held_bytes);
                    self.ended.push((ended.flow, reason));
                    vacant.insert(begin(Standing::Alone)).into_mut()
                }
                Fate::IsRivalled => {
                    let older = &mut found.get_mut().flow;
                    debug_assert_eq!(older.seat.standing, Standing::Alone);
                    older.weirds.note(Weird::SynInConnection);
                    older.seat.standing = Standing::Rivalled;
                    self.rivals += 1;
                    found
                        .into_table()
                        .insert_unique(hash, begin(Standing::Rival), |entry| entry.hash)
                        .into_mut()
                }
            },
            Err(absent) => {
                let table = absent.into_table();
                table.insert_unique(hash, begin(Standing::Alone), |entry| entry.hash).into_mut()
            }
        };
        let flow = &mut *entry.flow;
        if arrival.ts_ns < flow.ts_last_ns {
            flow.weirds.note(Weird::TimeBackwards);
        }
        let is_orig = flow.take(arrival, pool, &mut self.tally);
        let held_bytes = flow.held_bytes();
        self.held_bytes = (self.held_bytes + held_bytes).saturating_sub(flow.seat.held_bytes);
        flow.seat.held_bytes = held_bytes;
        self.created += u64::from(is_new);
        let queue = queue_of(flow);
        if flow.seat.queues & (1 << queue) == 0 {
            flow.seat.queues |= 1 << queue;
            let reminder = Reminder { hash, index: flow.index, set_ns: flow.ts_last_ns };
            self.reminders[queue].push_back(reminder);
        }
        (flow, is_orig)
    }

    /// The end of an epoch: all packets so far were seen, the earliest of the epoch at `now_ns`.
    pub fn end_epoch(&mut self, now_ns: i64) {
        for queue in 0..self.reminders.len() {
            self.expire(queue, now_ns);
        }
        self.evict();
        self.forget_ended();
    }

    /// End every flow: the capture is over.
    pub fn end_all(&mut self) {
        // The table goes with its flows: records need memory now.
        for entry in std::mem::take(&mut self.table) {
            let reason = entry.flow.own_end_reason().unwrap_or(EndReason::EndOfCapture);
            self.ended.push((entry.flow, reason));
        }
        self.reminders = Default::default();
        self.held_bytes = 0;
        self.rivals = 0;
    }

    /// Flows that ended since the last call, in no particular order.
    pub fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    /// Open flows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no flow is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    fn end(&mut self, hash: u64, index: u64, reason: EndReason) {
        if let Ok(found) = self.table.find_entry(hash, |entry| entry.flow.index == index) {
            let (entry, _) = found.remove();
            self.held_bytes = self.held_bytes.saturating_sub(entry.flow.seat.held_bytes);
            if entry.flow.seat.standing != Standing::Alone {
                self.rivals -= 1;
                self.leave_alone(hash, &entry.flow.endpoints);
            }
            self.ended.push((entry.flow, reason));
        }
    }

    /// Of two flows that shared their endpoints one has ended; the other goes on.
    fn leave_alone(&mut self, hash: u64, endpoints: &Endpoints) {
        let is_left = |entry: &Entry| entry.hash == hash && entry.flow.is_between(endpoints);
        if let Some(left) = self.table.find_mut(hash, is_left) {
            left.flow.seat.standing = Standing::Alone;
        }
    }

    /// Whether a packet belongs to the rival of the flow that has its endpoints. Ends either of them
    /// if the packet shows that it is over.
    fn goes_to_rival(&mut self, hash: u64, arrival: &Arrival<'_>) -> bool {
        let endpoints = &arrival.decoded.endpoints;
        let find = |is_rival| {
            let found = self.table.find(hash, |entry| entry.has(hash, endpoints, is_rival));
            found.map(|entry| &*entry.flow)
        };
        let older = find(false).filter(|flow| flow.seat.standing == Standing::Rivalled);
        let Some((older, rival)) = older.and_then(|older| Some((older, find(true)?))) else {
            return false;
        };
        let fate = |flow| self.settings.timeouts.fate(flow, arrival);
        let relation = older.relation(arrival);
        let (ended, reason) = if let Fate::Ends(reason) = fate(rival) {
            (rival.index, reason)
        } else if let Fate::Ends(reason) = fate(older) {
            let (index, rest) = (older.index, rival.index);
            if !rival.fits(arrival) {
                // What goes on is a third conversation, or the older one after a long silence.
                self.end(hash, rest, EndReason::Reuse);
            }
            self.end(hash, index, reason);
            return false;
        } else if relation != Relation::Member
            && (!rival.has_talked() || rival.is_begun_by(arrival))
        {
            // One more SYN: which of them counts, the answer will show.
            return true;
        } else if relation == Relation::Rival {
            (rival.index, EndReason::Reuse)
        } else if rival.is_answered_by(arrival) && !older.is_answered_by(arrival) {
            (older.index, older.own_end_reason().unwrap_or(EndReason::Reuse))
        } else {
            return rival.begins_with(arrival) && !older.accepts(arrival);
        };
        self.end(hash, ended, reason);
        false
    }

    /// Look at the flows whose reminders are due: end them or remind again.
    ///
    /// A flow is looked at when its time-out has passed since the reminder was set, so each is
    /// visited about once per time-out, however many packets it has. A reminder from far ahead,
    /// set before time went back, is due as well: it would hold up all behind it. The number of
    /// looks is bounded, so that a clock that jumps to and fro cannot have all flows visited again
    /// and again.
    fn expire(&mut self, queue: usize, now_ns: i64) {
        let timeout = self.settings.timeouts.of_queue(queue);
        for _ in 0..REMINDERS_PER_EPOCH {
            let is_due = |first: &&Reminder| {
                let since = now_ns.saturating_sub(first.set_ns);
                since > timeout || since < timeout.saturating_neg()
            };
            if self.reminders[queue].front().filter(is_due).is_none() {
                return;
            }
            let Some(entry) = self.take_reminded(queue) else {
                continue;
            };
            let (hash, index) = (entry.hash, entry.flow.index);
            if now_ns.saturating_sub(entry.flow.ts_last_ns) > timeout {
                let reason = entry.flow.own_end_reason().unwrap_or(EndReason::Idle);
                self.end(hash, index, reason);
            } else {
                entry.flow.seat.queues |= 1 << queue;
                self.reminders[queue].push_back(Reminder { hash, index, set_ns: now_ns });
            }
        }
    }

    /// Take the first reminder of a queue, and find its flow unless that has ended or belongs into
    /// another queue by now.
    fn take_reminded(&mut self, queue: usize) -> Option<&mut Entry> {
        let Reminder { hash, index, .. } = self.reminders[queue].pop_front()?;
        let entry = self.table.find_mut(hash, |entry| entry.flow.index == index)?;
        entry.flow.seat.queues &= !(1 << queue);
        (queue_of(&entry.flow) == queue).then_some(entry)
    }

    /// Make room: closed flows first, then those that were silent longest, by their reminders.
    fn evict(&mut self) {
        let max_flows = (self.settings.max_flows / SHARDS).max(1);
        let max_held = self.settings.max_held_bytes / SHARDS;
        while self.table.len() > max_flows || self.held_bytes > max_held {
            let set_ns = |queue: usize| self.reminders[queue].front().map(|first| first.set_ns);
            let queue = match (set_ns(CLOSED), set_ns(OTHER), set_ns(TCP)) {
                (Some(_), ..) => CLOSED,
                (None, Some(other), Some(tcp)) if other > tcp => TCP,
                (None, Some(_), _) => OTHER,
                (None, None, Some(_)) => TCP,
                (None, None, None) => return,
            };
            let set_then = set_ns(queue);
            let Some(entry) = self.take_reminded(queue) else {
                continue;
            };
            let (hash, index, set_ns) = (entry.hash, entry.flow.index, entry.flow.ts_last_ns);
            // Each packet can spare its flow once.
            if queue != CLOSED && set_then < Some(set_ns) {
                entry.flow.seat.queues |= 1 << queue;
                self.reminders[queue].push_back(Reminder { hash, index, set_ns });
            } else {
                self.end(hash, index, EndReason::Evicted);
            }
        }
    }

    /// Drop the reminders of flows that ended otherwise, once they are the greater part: with
    /// ports used again at every packet they would pile up until their time-out.
    fn forget_ended(&mut self) {
        let table = &self.table;
        let is_open = |reminder: &Reminder| {
            table.find(reminder.hash, |entry| entry.flow.index == reminder.index).is_some()
        };
        for queue in &mut self.reminders {
            if queue.len() > 2 * table.len() + EPOCH_PACKETS {
                queue.retain(is_open);
            }
        }
    }
}

/// What a packet does to the flow that has its endpoints.
enum Fate {
    /// The packet belongs to it.
    GoesOn,
    /// The packet begins the flow after it.
    Ends(EndReason),
    /// The packet begins another flow beside it.
    IsRivalled,
}

impl Timeouts {
    fn fate(&self, flow: &Flow, arrival: &Arrival<'_>) -> Fate {
        let idle = arrival.ts_ns.saturating_sub(flow.ts_last_ns);
        let age = arrival.ts_ns.saturating_sub(flow.ts_first_ns);
        if idle > self.of_queue(queue_of(flow)) {
            return Fate::Ends(flow.own_end_reason().unwrap_or(EndReason::Idle));
        }
        if self.active_ns.is_some_and(|limit| age > limit) {
            return Fate::Ends(EndReason::ActiveLimit);
        }
        if arrival.decoded.endpoints.proto != 6 {
            return Fate::GoesOn;
        }
        match flow.relation(arrival) {
            Relation::Member => Fate::GoesOn,
            Relation::Successor => Fate::Ends(flow.own_end_reason().unwrap_or(EndReason::Reuse)),
            Relation::Rival => Fate::IsRivalled,
        }
    }

    fn of_queue(&self, queue: usize) -> i64 {
        match queue {
            CLOSED => self.closed_ns,
            OTHER => self.other_ns,
            _ => self.tcp_ns,
        }
    }
}

fn queue_of(flow: &Flow) -> usize {
    match flow.endpoints.proto {
        6 if flow.is_closed() => CLOSED,
        6 => TCP,
        _ => OTHER,
    }
}
