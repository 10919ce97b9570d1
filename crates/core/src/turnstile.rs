//! State that workers visit one after the other, in the order of their tickets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// A value with a queue in front of it: ticket 0 enters first, then 1, 2, ...
///
/// This is how several threads give the result of one: whatever the order in which chunks are
/// decoded, each shard of the flow table sees them in capture order.
pub struct Turnstile<T> {
    state: Mutex<(u64, T)>,
    moved: Condvar,
}

impl<T> Turnstile<T> {
    /// A turnstile that waits for ticket 0.
    pub fn new(value: T) -> Self {
        Self { state: Mutex::new((0, value)), moved: Condvar::new() }
    }

    /// Wait until it is the turn of `ticket`, do `work`, and let the next one in.
    ///
    /// Returns none, with the turn not taken, if `stop` is raised while waiting.
    pub fn enter<R>(
        &self,
        ticket: u64,
        stop: &AtomicBool,
        work: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.0 != ticket {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let result = work(&mut state.1);
        state.0 += 1;
        drop(state);
        self.moved.notify_all();
        Some(result)
    }

    /// Look at the value, out of turn.
    pub fn peek<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// Wake everybody who waits, so that they see that they should stop.
    pub fn wake(&self) {
        // Taking the lock first closes the gap between their look at the flag and their sleep.
        drop(self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_enter_in_order_whatever_the_threads_do() {
        let turnstile = Turnstile::new(vec![]);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for ticket in (0..64).rev() {
                let (turnstile, stop) = (&turnstile, &stop);
                scope.spawn(move || turnstile.enter(ticket, stop, |seen| seen.push(ticket)));
            }
        });
        assert_eq!(turnstile.peek(|seen| seen.clone()), (0..64).collect::<Vec<_>>());
    }

    #[test]
    fn those_who_wait_leave_when_told_to_stop() {
        let turnstile = Turnstile::new(());
        let stop = AtomicBool::new(true);
        assert_eq!(turnstile.enter(5, &stop, |()| ()), None);
    }
}
