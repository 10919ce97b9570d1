//! Putting IP datagrams together from their fragments (RFC 791, section 3.2; RFC 8200, section 4.5).
//!
//! In: fragments in any order. Out: the datagram's payload and the packets that made it, once
//! nothing is missing. Where fragments overlap, the bytes that came first stay, and the overlap is
//! counted, apart from those that contradict what was there.
//!
//! State is bounded in datagrams and bytes; at a bound the datagram that began first is dropped,
//! as is one that waits too long. Every packet given in comes out once: refused at once, named by
//! the datagram it completed, or among the dropped ones.

use std::collections::HashMap;

use super::datagram::{Datagram, Key, NONE};
use super::{Context, Fragment, Reason};
use crate::limits::{FRAGMENT_TIMEOUT_NS, MAX_FRAGMENTED_DATAGRAMS, MAX_FRAGMENT_BYTES};

/// What became of one fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FragmentOutcome {
    /// It waits for the others.
    Held,
    /// It was the last one missing.
    Complete {
        /// The datagram's payload, for [`Decoder::resume`](super::Decoder::resume).
        bytes: Vec<u8>,
        /// What the layers around the first fragment said.
        context: Context,
        /// The references of its packets, in the order in which they came.
        packets: Vec<u64>,
    },
    /// It cannot belong to a datagram, and was not kept.
    Refused(Reason),
}

/// What happened to datagrams so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentCounters {
    /// Datagrams put together.
    pub completed: u64,
    /// Datagrams dropped because their fragments did not come in time.
    pub expired: u64,
    /// Datagrams dropped because more waited than the limits allow.
    pub evicted: u64,
    /// Fragments that repeated bytes of others.
    pub overlaps: u64,
    /// Those of them whose bytes contradicted the ones that were there.
    pub conflicting_overlaps: u64,
}

/// Datagrams that wait for fragments.
pub struct Defragmenter {
    /// Keyed by a random hash: chosen identifiers cannot make it slow.
    index: HashMap<Key, u32>,
    slots: Vec<Option<Datagram>>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    held_bytes: usize,
    max_datagrams: usize,
    max_bytes: usize,
    dropped: Vec<(u64, Reason)>,
    counters: FragmentCounters,
}

impl Default for Defragmenter {
    fn default() -> Self {
        Self::with_limits(MAX_FRAGMENTED_DATAGRAMS, MAX_FRAGMENT_BYTES)
    }
}

impl Defragmenter {
    /// Room for `max_datagrams` (at least 1) and about `max_bytes` of memory.
    #[must_use]
    pub fn with_limits(max_datagrams: usize, max_bytes: usize) -> Self {
        Self {
            index: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            held_bytes: 0,
            max_datagrams: max_datagrams.clamp(1, NONE as usize),
            max_bytes,
            dropped: Vec::new(),
            counters: FragmentCounters::default(),
        }
    }

    /// Add a fragment with its bytes (`fragment.payload(frame)`), its time and a reference to its
    /// packet, which comes back when the datagram is complete or dropped.
    pub fn insert(
        &mut self,
        fragment: &Fragment,
        payload: &[u8],
        ts_ns: i64,
        packet: u64,
    ) -> FragmentOutcome {
        if payload.is_empty() || payload.len() != fragment.payload_len as usize {
            return FragmentOutcome::Refused(Reason::BadFragment);
        }
        let Some(end) = fragment
            .offset
            .checked_add(fragment.payload_len)
            .filter(|end| *end <= crate::limits::MAX_DATAGRAM_BYTES)
        else {
            return FragmentOutcome::Refused(Reason::FragmentOverrun);
        };
        let slot = self.slot_of(fragment, ts_ns);
        let Some(datagram) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return FragmentOutcome::Refused(Reason::BadFragment);
        };
        if !datagram.admits(fragment, end) {
            return FragmentOutcome::Refused(Reason::BadFragment);
        }
        let memory = datagram.memory();
        let overlap = datagram.add(fragment, payload);
        datagram.packets.push(packet);
        self.held_bytes = self.held_bytes - memory + datagram.memory();
        self.counters.overlaps += u64::from(overlap.is_present);
        self.counters.conflicting_overlaps += u64::from(overlap.is_conflicting);
        if datagram.is_whole() {
            return self.complete(slot);
        }
        self.shrink_to_limits();
        FragmentOutcome::Held
    }

    /// Drop the datagrams that began longer ago than the timeout; returns how many.
    ///
    /// Order is that of beginning, so one whose time lies ahead of the others' holds them back until
    /// its own turn or the limits come; a fragment never joins a datagram that is too old.
    pub fn expire(&mut self, now_ns: i64) -> u64 {
        let before = self.counters.expired;
        while let Some(datagram) = self.peek_oldest() {
            if !is_timed_out(datagram.began_ns, now_ns) {
                break;
            }
            self.drop_datagram(self.oldest, Reason::FragmentIncomplete);
        }
        self.counters.expired - before
    }

    /// Drop everything that waits, at the end of the input; returns how many datagrams.
    pub fn flush(&mut self) -> u64 {
        let before = self.counters.expired;
        while self.oldest != NONE {
            self.drop_datagram(self.oldest, Reason::FragmentIncomplete);
        }
        self.counters.expired - before
    }

    /// Take the packets of dropped datagrams, each with its reason. Call it as often as `expire`:
    /// they are kept until then.
    pub fn take_dropped(&mut self) -> Vec<(u64, Reason)> {
        std::mem::take(&mut self.dropped)
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> FragmentCounters {
        self.counters
    }

    /// Datagrams that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes of memory held by what waits.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// The slot of the fragment's datagram, begun anew if there is none or it is too old.
    fn slot_of(&mut self, fragment: &Fragment, ts_ns: i64) -> u32 {
        let key = Key::of(fragment);
        if let Some(&slot) = self.index.get(&key) {
            let began_ns = self.get(slot).map_or(ts_ns, |datagram| datagram.began_ns);
            if !is_timed_out(began_ns, ts_ns) {
                return slot;
            }
            self.drop_datagram(slot, Reason::FragmentIncomplete);
        }
        while self.index.len() >= self.max_datagrams {
            self.drop_datagram(self.oldest, Reason::FragmentEvicted);
        }
        self.begin(Datagram::new(key, fragment.context, ts_ns))
    }

    fn begin(&mut self, mut datagram: Datagram) -> u32 {
        datagram.older = self.newest;
        self.held_bytes += datagram.memory();
        let key = datagram.key;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(datagram);
                slot
            }
            None => {
                self.slots.push(Some(datagram));
                self.slots.len() as u32 - 1
            }
        };
        match self.get_mut(self.newest) {
            Some(previous) => previous.newer = slot,
            None => self.oldest = slot,
        }
        self.newest = slot;
        self.index.insert(key, slot);
        slot
    }

    fn get(&self, slot: u32) -> Option<&Datagram> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn get_mut(&mut self, slot: u32) -> Option<&mut Datagram> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    fn peek_oldest(&self) -> Option<&Datagram> {
        self.get(self.oldest)
    }

    /// Take a datagram out, from the order and the index too.
    fn remove(&mut self, slot: u32) -> Option<Datagram> {
        let datagram = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.index.remove(&datagram.key);
        self.held_bytes -= datagram.memory();
        match self.get_mut(datagram.older) {
            Some(older) => older.newer = datagram.newer,
            None => self.oldest = datagram.newer,
        }
        match self.get_mut(datagram.newer) {
            Some(newer) => newer.older = datagram.older,
            None => self.newest = datagram.older,
        }
        Some(datagram)
    }

    fn complete(&mut self, slot: u32) -> FragmentOutcome {
        match self.remove(slot) {
            Some(datagram) => {
                self.counters.completed += 1;
                FragmentOutcome::Complete {
                    bytes: datagram.payload(),
                    context: datagram.context,
                    packets: datagram.packets,
                }
            }
            None => FragmentOutcome::Held,
        }
    }

    fn drop_datagram(&mut self, slot: u32, reason: Reason) {
        let Some(datagram) = self.remove(slot) else {
            return;
        };
        if reason == Reason::FragmentEvicted {
            self.counters.evicted += 1;
        } else {
            self.counters.expired += 1;
        }
        let packets = datagram.packets.into_iter();
        self.dropped.extend(packets.map(|packet| (packet, reason)));
    }

    fn shrink_to_limits(&mut self) {
        while self.held_bytes > self.max_bytes && self.oldest != NONE {
            self.drop_datagram(self.oldest, Reason::FragmentEvicted);
        }
    }
}

fn is_timed_out(began_ns: i64, now_ns: i64) -> bool {
    now_ns.saturating_sub(began_ns) > FRAGMENT_TIMEOUT_NS
}
