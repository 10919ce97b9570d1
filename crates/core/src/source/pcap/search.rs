//! Finding the next pcap record after bytes that are none.
//!
//! A place is taken for a record only when its header is plausible and a second plausible header
//! (or the end of the file) stands where the first one says. In random bytes that happens once
//! in about 10^20 places.

use super::record::{Layout, Record, RECORD_BYTES};
use crate::limits::RESYNC_BYTES;
use crate::source::container::Window;
use crate::source::faults::{id, FaultLog};
use crate::source::pcapng::SECTION_MAGIC;

/// A search that began at a broken record, with the fault to report if it finds nothing.
#[derive(Debug)]
pub(crate) struct Search {
    id: &'static str,
    from: u64,
    text: String,
    /// Bytes that are there of a packet that the end of the file cuts.
    cut_packet: Option<u32>,
}

/// Where a search stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing in this window; more bytes may follow.
    Nothing,
    /// A record, at the position that was moved there.
    Record { is_big_endian: bool },
    /// The header of another capture, at the position that was moved there.
    Header { layout: Layout },
    /// Nothing to the end of the file, or as far as a search goes.
    End,
}

impl Search {
    pub fn new(id: &'static str, from: u64, text: String, cut_packet: Option<u32>) -> Self {
        Self { id, from, text, cut_packet }
    }

    /// Offset of the broken record.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// Move `at` to the next record. The place of the broken record counts too: it may be sound in
    /// the other byte order.
    pub fn advance(
        &self,
        layout: Layout,
        max_caplen: u32,
        window: &Window,
        at: &mut usize,
    ) -> Found {
        while let Some(header) = window.array::<RECORD_BYTES>(*at) {
            if window.offset(*at) - self.from > RESYNC_BYTES {
                return Found::End;
            }
            if let Some(layout) = file_header(*header) {
                return Found::Header { layout };
            }
            for is_big_endian in [layout.is_big_endian, !layout.is_big_endian] {
                let layout = Layout { is_big_endian, ..layout };
                match is_followed(header, layout, max_caplen, window, *at) {
                    Some(true) => return Found::Record { is_big_endian },
                    Some(false) => {}
                    None => return Found::Nothing,
                }
            }
            *at += 1;
        }
        if window.is_last {
            Found::End
        } else {
            Found::Nothing
        }
    }

    /// Report the fault that the search began with.
    pub fn report(self, log: &mut FaultLog) {
        if self.id == id::TRUNCATED_RECORD {
            log.truncated(self.from, self.text, self.cut_packet);
        } else {
            log.end(self.id, self.from, self.text);
        }
    }
}

/// Whether `header` (at `at`) and what follows its record are plausible; `None` if what follows
/// is not in the window yet.
fn is_followed(
    header: &[u8; RECORD_BYTES],
    layout: Layout,
    max_caplen: u32,
    window: &Window,
    at: usize,
) -> Option<bool> {
    let Some(record) = plausible(header, layout, max_caplen) else {
        return Some(false);
    };
    let next = at + RECORD_BYTES + record.caplen as usize;
    match window.array::<RECORD_BYTES>(next) {
        Some(second) => Some(plausible(second, layout, max_caplen).is_some()),
        None if window.is_last => Some(next == window.data.len()),
        None => None,
    }
}

/// The record whose header this is, if every field of it is one that a capture would hold.
fn plausible(header: &[u8; RECORD_BYTES], layout: Layout, max_caplen: u32) -> Option<Record> {
    let record = layout.record(header);
    let is_plausible = (1..=max_caplen).contains(&record.caplen)
        && (record.caplen..=max_caplen.max(1 << 18)).contains(&record.origlen)
        && record.fraction < layout.fractions()
        && record.has_likely_time();
    is_plausible.then_some(record)
}

/// The layout of another pcap file whose header stands where a record header should.
pub(crate) fn file_header(header: [u8; RECORD_BYTES]) -> Option<Layout> {
    let [m0, m1, m2, m3, v0, v1, v2, v3, ..] = header;
    let is_versioned = matches!([v0, v1, v2, v3], [2, 0, 4, 0] | [0, 2, 0, 4]);
    Layout::of([m0, m1, m2, m3]).filter(|_| is_versioned)
}

/// Whether a pcapng section stands where a record header should.
pub(crate) fn is_section_header(header: [u8; RECORD_BYTES]) -> bool {
    let [m0, m1, m2, m3, _, _, _, _, order @ .., _, _, _, _] = header;
    [m0, m1, m2, m3] == SECTION_MAGIC
        && (order == [0x1a, 0x2b, 0x3c, 0x4d] || order == [0x4d, 0x3c, 0x2b, 0x1a])
}
