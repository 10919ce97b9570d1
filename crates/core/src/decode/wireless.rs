//! IEEE 802.11 data frames, bare or behind the headers that drivers add: radiotap, Prism, AVS.
//!
//! Encrypted frames, fragments and aggregates (A-MSDU) are refused, each with its reason.

use super::link;
use super::walk::{be32, Walk};
use super::{Outcome, Reason};

/// Bits of the second byte of frame control (IEEE 802.11, section 9.2.4.1).
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

/// A frame that begins with 802.11's frame control.
pub(super) fn ieee80211(w: &mut Walk, at: usize) -> Outcome {
    ieee80211_padded(w, at, false)
}

/// As `ieee80211`; `is_padded` says that the driver filled the header up to a multiple of 4 bytes.
fn ieee80211_padded(w: &mut Walk, at: usize, is_padded: bool) -> Outcome {
    let Some(header) = w.fixed::<24>(at) else {
        // Control frames are short: an acknowledgement has 10 bytes.
        return match w.byte(at) {
            Some(control) if control & 0x0C != 0x08 => Reason::NotIp.into(),
            _ => Reason::ShortLink.into(),
        };
    };
    let (control, flags) = (header[0], header[1]);
    let is_data = control & 0x0C == 0x08;
    let has_no_data = control & 0x40 != 0;
    if !is_data || has_no_data || control & 3 != 0 {
        return Reason::NotIp.into();
    }
    if flags & PROTECTED != 0 {
        return Reason::LinkEncrypted.into();
    }
    let fragment_number = header[22] & 15;
    if flags & MORE_FRAGMENTS != 0 || fragment_number != 0 {
        return Reason::LinkFragment.into();
    }
    let has_fourth_address = flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS;
    let mut length = if has_fourth_address { 30 } else { 24 };
    if control & 0x80 != 0 {
        match w.byte(at + length) {
            Some(qos) if qos & 0x80 != 0 => return Reason::AMsdu.into(),
            Some(_) => {}
            None => return Reason::ShortLink.into(),
        }
        length += 2;
        // In a QoS frame the order bit announces 4 bytes of HT control.
        if flags & ORDER != 0 {
            length += 4;
        }
    }
    if is_padded {
        length = length.next_multiple_of(4);
    }
    link::llc(w, at + length)
}

/// Radiotap (<https://www.radiotap.org>): version, pad, little-endian length, presence words,
/// fields. Of the fields only the flags matter here, which say whether a checksum follows the frame.
pub(super) fn radiotap(w: &mut Walk) -> Outcome {
    const FLAG_HAS_FCS: u8 = 0x10;
    const FLAG_IS_PADDED: u8 = 0x20;
    let Some(header) = w.fixed::<8>(0) else {
        return Reason::ShortLink.into();
    };
    let length = usize::from(u16::from_le_bytes([header[2], header[3]]));
    if header[0] != 0 || length < 8 {
        return Reason::ShortLink.into();
    }
    let flags = radiotap_flags(w, length).unwrap_or(0);
    if flags & FLAG_HAS_FCS != 0 {
        w.narrow(w.end.saturating_sub(4));
    }
    ieee80211_padded(w, length, flags & FLAG_IS_PADDED != 0)
}

/// The flags field: behind the presence words and, if present, the 8 bytes of a timer.
fn radiotap_flags(w: &Walk, length: usize) -> Option<u8> {
    const HAS_TIMER: u32 = 1;
    const HAS_FLAGS: u32 = 2;
    const HAS_MORE_WORDS: u32 = 1 << 31;
    let word = |at: usize| w.fixed::<4>(at).map(|bytes| u32::from_le_bytes(*bytes));
    let first = word(4)?;
    if first & HAS_FLAGS == 0 {
        return None;
    }
    let mut at = 8;
    let mut last = first;
    while last & HAS_MORE_WORDS != 0 && at < length {
        last = word(at)?;
        at += 4;
    }
    if first & HAS_TIMER != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    if at < length {
        w.byte(at)
    } else {
        None
    }
}

/// Prism's monitoring header; its length stands at byte 4, in the byte order of the host that
/// captured. Some drivers write the AVS header under this link type.
pub(super) fn prism(w: &mut Walk) -> Outcome {
    let Some(header) = w.fixed::<8>(0) else {
        return Reason::ShortLink.into();
    };
    const AVS_MAGIC: u32 = 0x8021_1000;
    if be32(header, 0) & 0xFFFF_F000 == AVS_MAGIC & 0xFFFF_F000 {
        return avs(w);
    }
    let length = be32(header, 4);
    behind(w, length.min(length.swap_bytes()))
}

/// The AVS header: magic and length, big-endian.
pub(super) fn avs(w: &mut Walk) -> Outcome {
    match w.fixed::<8>(0) {
        Some(header) => behind(w, be32(header, 4)),
        None => Reason::ShortLink.into(),
    }
}

fn behind(w: &mut Walk, length: u32) -> Outcome {
    let length = length as usize;
    if length < 8 || length > w.data.len() {
        return Reason::ShortLink.into();
    }
    ieee80211(w, length)
}
