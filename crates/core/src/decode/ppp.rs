//! The point-to-point protocol (RFC 1661) in its framings: HDLC-like, PPPoE, Cisco's.

use super::ip;
use super::link;
use super::walk::{be16, Walk};
use super::{Outcome, Reason};

/// HDLC's "all stations" address and "unnumbered information" control (RFC 1662, section 3.1).
const ALL_STATIONS_UI: [u8; 2] = [0xFF, 0x03];

/// PPP with or without the address and control bytes of HDLC: a peer may compress them away.
pub(super) fn framed(w: &mut Walk, at: usize) -> Outcome {
    if w.fixed::<2>(at) == Some(&ALL_STATIONS_UI) {
        protocol(w, at + 2)
    } else {
        protocol(w, at)
    }
}

/// LINKTYPE_PPP_HDLC: PPP, or Cisco's HDLC when the address is unicast (0x0F) or broadcast (0x8F).
pub(super) fn serial(w: &mut Walk, at: usize) -> Outcome {
    match w.byte(at) {
        Some(0x0F | 0x8F) => cisco_hdlc(w, at),
        _ => framed(w, at),
    }
}

/// Cisco's HDLC: address, control, EtherType.
pub(super) fn cisco_hdlc(w: &mut Walk, at: usize) -> Outcome {
    match w.u16_at(at + 2) {
        Some(kind @ 0x0600..) => link::ethertype(w, at + 4, kind),
        Some(_) => Reason::NotIp.into(),
        None => Reason::ShortLink.into(),
    }
}

/// A PPPoE session packet (RFC 2516, section 4): version and type, code, session, length.
pub(super) fn pppoe(w: &mut Walk, at: usize) -> Outcome {
    let Some(header) = w.fixed::<6>(at) else {
        return Reason::ShortLink.into();
    };
    if header[0] != 0x11 || header[1] != 0 {
        return Reason::NotIp.into();
    }
    let next = at + 6;
    let end = next + usize::from(be16(header, 4));
    if end < w.end {
        w.narrow(end);
    }
    protocol(w, next)
}

/// The protocol number: 2 bytes, or 1 odd byte when compressed (RFC 1661, section 6.5).
fn protocol(w: &mut Walk, at: usize) -> Outcome {
    let Some(first) = w.byte(at) else {
        return Reason::ShortLink.into();
    };
    let (number, next) = if first & 1 == 1 {
        (u16::from(first), at + 1)
    } else {
        match w.u16_at(at) {
            Some(number) => (number, at + 2),
            None => return Reason::ShortLink.into(),
        }
    };
    match number {
        0x0021 => ip::ipv4(w, next),
        0x0057 => ip::ipv6(w, next),
        0x0281 | 0x0283 => link::mpls(w, next),
        _ => Reason::NotIp.into(),
    }
}
