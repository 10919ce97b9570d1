//! Runs of zeros where pcap records should be.
//!
//! A zero record is 16 zero bytes. At the end of a file a run of them is padding, and yields no
//! packets; before another record they were records; before anything else they are a hole.

use super::record::RECORD_BYTES;
use super::search::Search;
use super::{Pause, Pcap, Sink, State, Window};
use crate::limits::MAX_PADDING_BYTES;
use crate::packet::RawPacket;
use crate::source::faults::{counted, grouped, id, FaultLog, Oddity};

impl Pcap {
    /// Pass over zero records, and decide what they were when they end.
    pub(super) fn zeros(
        &mut self,
        from: u64,
        window: &Window,
        at: &mut usize,
        log: &mut FaultLog,
    ) -> Option<Pause> {
        while let Some(header) = window.array::<RECORD_BYTES>(*at) {
            if *header != [0; RECORD_BYTES] {
                return self.after_zeros(from, *header, *at, window, log);
            }
            *at += RECORD_BYTES;
            if window.offset(*at) - from > MAX_PADDING_BYTES {
                return self.padding(from, window.offset(*at), true, log);
            }
        }
        if !window.is_last {
            return Some(Pause::NeedsBytes);
        }
        let tail = window.data.get(*at..).unwrap_or_default();
        if tail.iter().all(|&b| b == 0) {
            *at = window.data.len();
            return self.padding(from, window.offset(*at), false, log);
        }
        self.zero_filled(from, window.offset(*at), log)
    }

    /// Zero records are followed by `header`: if that is a record, they were records too.
    fn after_zeros(
        &mut self,
        from: u64,
        header: [u8; RECORD_BYTES],
        at: usize,
        window: &Window,
        log: &mut FaultLog,
    ) -> Option<Pause> {
        if self.layout.record(&header).caplen > self.max_caplen {
            return self.zero_filled(from, window.offset(at), log);
        }
        let count = (window.offset(at) - from) / RECORD_BYTES as u64;
        self.state = State::Release { count, from };
        None
    }

    fn padding(&mut self, from: u64, to: u64, goes_on: bool, log: &mut FaultLog) -> Option<Pause> {
        let count = counted(to - from, "zero byte", "zero bytes");
        let place = grouped(from);
        if goes_on {
            let text = format!("{count} follow byte {place} and more follow them");
            log.end(id::ZERO_PADDING, from, text);
        } else {
            let text = format!("{count} from byte {place} to the end are padding");
            log.warn(id::ZERO_PADDING, from, text);
        }
        self.over()
    }

    fn zero_filled(&mut self, from: u64, to: u64, log: &mut FaultLog) -> Option<Pause> {
        let text = format!(
            "{} stand at byte {} where a record should",
            counted(to - from, "zero byte", "zero bytes"),
            grouped(from)
        );
        self.give_up(Search::new(id::ZERO_FILLED, from, text, None), log);
        None
    }

    /// Yield `count` records of zeros, which have no bytes.
    pub(super) fn release(&mut self, mut count: u64, from: u64, sink: &mut Sink) -> Option<Pause> {
        while count > 0 && !sink.is_full() {
            count -= 1;
            self.number += 1;
            sink.log.note(Oddity::OddTimestamp, from);
            sink.push(RawPacket {
                ts_ns: 0,
                number: self.number,
                file: sink.file,
                start: 0,
                caplen: 0,
                origlen: 0,
                link: self.link,
                fcs_len: 0,
            });
        }
        if count > 0 {
            self.state = State::Release { count, from };
            return Some(Pause::Full);
        }
        self.state = State::Records;
        None
    }
}
