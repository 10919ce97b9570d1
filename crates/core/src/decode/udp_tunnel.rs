//! Tunnels over UDP, known by their port and believed only when their inside decodes: VXLAN,
//! Geneve, GTP-U, Teredo. What does not decode stays a UDP flow of its own.

use super::ip;
use super::link::{self, ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use super::walk::{be16, Walk};
use super::{Outcome, Reason, Tunnel};
use crate::limits::MAX_GTP_EXTENSIONS;

const GTP_USER: u16 = 2152;
const TEREDO: u16 = 3544;
const VXLAN: u16 = 4789;
/// Linux's choice before VXLAN had a number, still its default.
const VXLAN_LINUX: u16 = 8472;
const GENEVE: u16 = 6081;

/// Whether a packet between these ports may be a tunnel.
///
/// VXLAN and Geneve draw the source port from the inner flow, so only the destination counts;
/// Teredo and GTP-U answer from their own port.
#[inline(always)]
pub(super) fn is_tunnel_port(sport: u16, dport: u16) -> bool {
    matches!(dport, GTP_USER | TEREDO | VXLAN | VXLAN_LINUX | GENEVE)
        || matches!(sport, GTP_USER | TEREDO)
}

/// Open the tunnel at `at`; `None`, with the walk as it was, if there is no sound one.
///
/// A tunnel in too many others stays an error: its outer layer would otherwise look like a flow.
#[inline(never)]
pub(super) fn open(w: &mut Walk, at: usize, sport: u16, dport: u16) -> Option<Outcome> {
    let outer = *w;
    let inside = match (sport, dport) {
        (_, VXLAN | VXLAN_LINUX) => vxlan(w, at),
        (_, GENEVE) => geneve(w, at),
        (_, GTP_USER) | (GTP_USER, _) => gtp(w, at),
        _ => teredo(w, at),
    };
    match inside {
        Some(Outcome::Undecoded(reason)) if reason != Reason::TooDeep => {}
        Some(outcome) => return Some(outcome),
        None => {}
    }
    // Tags stay counted, so that failed attempts cannot multiply the work.
    *w = Walk { tags: w.tags, ..outer };
    None
}

fn enter(w: &mut Walk, tunnel: Tunnel, inside: impl FnOnce(&mut Walk) -> Outcome) -> Outcome {
    match w.enter_tunnel(tunnel) {
        Ok(()) => inside(w),
        Err(reason) => reason.into(),
    }
}

/// VXLAN (RFC 7348, section 5): a flag that says that the network identifier is valid, reserved
/// zeros; with the group policy extension the middle bytes hold a group.
fn vxlan(w: &mut Walk, at: usize) -> Option<Outcome> {
    match w.fixed::<8>(at)? {
        [0x08, 0, 0, 0, _, _, _, 0] | [0x88, _, _, _, _, _, _, 0] => {
            Some(enter(w, Tunnel::Vxlan, |w| link::ethernet(w, at + 8)))
        }
        _ => None,
    }
}

/// Geneve (RFC 8926, section 3.4): version 0 and options' length in words, flags, protocol type,
/// network identifier, a reserved zero.
fn geneve(w: &mut Walk, at: usize) -> Option<Outcome> {
    const ETHERNET: u16 = 0x6558;
    let header = w.fixed::<8>(at)?;
    if header[0] >> 6 != 0 || header[1] & 0x3F != 0 || header[7] != 0 {
        return None;
    }
    let next = at + 8 + usize::from(header[0] & 0x3F) * 4;
    match be16(header, 2) {
        ETHERNET => Some(enter(w, Tunnel::Geneve, |w| link::ethernet(w, next))),
        ETHERTYPE_IPV4 => Some(enter(w, Tunnel::Geneve, |w| ip::ipv4(w, next))),
        ETHERTYPE_IPV6 => Some(enter(w, Tunnel::Geneve, |w| ip::ipv6(w, next))),
        _ => None,
    }
}

/// GTP-U (3GPP TS 29.281, section 5): version 1, type 255 (a user's packet), length, tunnel
/// endpoint; 4 more bytes when any of the extension, sequence and N-PDU flags is set.
fn gtp(w: &mut Walk, at: usize) -> Option<Outcome> {
    const USER_PACKET: u8 = 255;
    const EXTENSION: u8 = 4;
    const ANY_OPTION: u8 = 7;
    let header = w.fixed::<8>(at)?;
    if header[0] & 0xF0 != 0x30 || header[1] != USER_PACKET {
        return None;
    }
    let mut next = at + 8;
    let end = next + usize::from(be16(header, 2));
    if end > w.end {
        return None;
    }
    w.narrow(end);
    if header[0] & ANY_OPTION != 0 {
        let mut extension = *w.fixed::<4>(next)?.last()?;
        next += 4;
        if header[0] & EXTENSION == 0 {
            extension = 0;
        }
        next = gtp_extensions(w, next, extension)?;
    }
    ip::is_plausible(w, next).then(|| enter(w, Tunnel::Gtp, |w| link::by_version(w, next)))
}

/// Pass over extension headers: length in words, contents, the next one's type (0 for none).
fn gtp_extensions(w: &Walk, mut at: usize, mut kind: u8) -> Option<usize> {
    for _ in 0..MAX_GTP_EXTENSIONS {
        if kind == 0 {
            return Some(at);
        }
        let length = usize::from(w.byte(at)?) * 4;
        at += length;
        kind = w.byte(at.checked_sub(1).filter(|_| length > 0)?)?;
    }
    (kind == 0).then_some(at)
}

/// Teredo (RFC 4380, section 5.1.1): optional authentication and origin indications, then an IPv6
/// packet that fills the rest.
fn teredo(w: &mut Walk, mut at: usize) -> Option<Outcome> {
    if let Some([0, 1, client, auth]) = w.fixed::<4>(at) {
        // Client identifier, authentication value, 8 bytes nonce, 1 confirmation.
        at += 4 + usize::from(*client) + usize::from(*auth) + 9;
    }
    if let Some([0, 0]) = w.fixed::<2>(at) {
        at += 8;
    }
    let header = w.fixed::<40>(at)?;
    let end = at + 40 + usize::from(be16(header, 4));
    (header[0] >> 4 == 6 && end == w.end).then(|| enter(w, Tunnel::Teredo, |w| ip::ipv6(w, at)))
}
