//! What is passed over in a pcapng file: large blocks that are not read, and zeros.

use super::{Pause, Pcapng, State, Window, FRAME_BYTES};
use crate::limits::MAX_PADDING_BYTES;
use crate::source::faults::{counted, grouped, id, FaultLog};

impl Pcapng {
    /// Pass over the rest of a block that is not read, and check its second length.
    pub(super) fn skip(
        &mut self,
        from: u64,
        length: u32,
        rest: u64,
        window: &Window,
        at: &mut usize,
        log: &mut FaultLog,
    ) -> Option<Pause> {
        let here = window.rest(*at);
        let step = rest.min(here as u64);
        *at += step as usize;
        let rest = rest - step;
        self.state = State::Skipping { from, length, rest };
        match window.array::<4>(*at) {
            Some(&second) if rest == 0 => {
                let second = self.order.u32(second);
                if second != length {
                    return self.mismatch(from, length, second, log);
                }
                *at += 4;
                self.state = State::Blocks;
                None
            }
            _ => {
                let there = (window.offset(*at) - from) as usize + window.rest(*at);
                self.tail(from, Some(length), there, window.is_last, None, log)
            }
        }
    }

    /// Pass over zeros where a block should be: padding if nothing follows them.
    pub(super) fn zeros(
        &mut self,
        from: u64,
        window: &Window,
        at: &mut usize,
        log: &mut FaultLog,
    ) -> Option<Pause> {
        let rest = window.data.get(*at..).unwrap_or_default();
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        *at += zeros;
        let count = window.offset(*at) - from;
        let place = grouped(from);
        if zeros < rest.len() {
            let text = format!("block at byte {place} claims 0 bytes; the least is {FRAME_BYTES}");
            return self.end(id::BAD_BLOCK_LENGTH, from, text, log);
        }
        let count_text = counted(count, "zero byte", "zero bytes");
        if count > MAX_PADDING_BYTES {
            let text = format!("{count_text} follow byte {place} and more follow them");
            return self.end(id::ZERO_PADDING, from, text, log);
        }
        if !window.is_last {
            return Some(Pause::NeedsBytes);
        }
        let text = format!("{count_text} from byte {place} to the end are padding");
        log.warn(id::ZERO_PADDING, from, text);
        self.state = State::Over;
        Some(Pause::Over)
    }
}
