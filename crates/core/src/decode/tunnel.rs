//! Tunnels straight over IP: GRE with what it may carry, ERSPAN, IPv4 and IPv6 in IP.

use super::ip;
use super::link;
use super::ppp;
use super::walk::{be16, Walk};
use super::{Outcome, Reason};

/// A kind of tunnel, as recorded in [`Decoded::tunnels`](super::Decoded::tunnels).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tunnel {
    /// GRE (RFC 2784, RFC 2890), whatever it carries.
    Gre,
    /// Enhanced GRE of PPTP (RFC 2637), with PPP inside.
    Pptp,
    /// Mirrored Ethernet in GRE, types I, II and III.
    Erspan,
    /// IPv4 in IPv4 or IPv6 (RFC 2003, RFC 2473).
    IpInIp,
    /// IPv6 in IPv4 or IPv6 (RFC 4213, RFC 2473).
    Ip6InIp,
    /// Ethernet in UDP (RFC 7348).
    Vxlan,
    /// Ethernet or IP in UDP (RFC 8926).
    Geneve,
    /// A mobile network's user plane (3GPP TS 29.281).
    Gtp,
    /// IPv6 in UDP (RFC 4380).
    Teredo,
}

/// Every kind with its stable name, in the order of the enumeration.
const NAMES: [(Tunnel, &str); Tunnel::Teredo as usize + 1] = [
    (Tunnel::Gre, "gre"),
    (Tunnel::Pptp, "pptp"),
    (Tunnel::Erspan, "erspan"),
    (Tunnel::IpInIp, "ip-in-ip"),
    (Tunnel::Ip6InIp, "ip6-in-ip"),
    (Tunnel::Vxlan, "vxlan"),
    (Tunnel::Geneve, "geneve"),
    (Tunnel::Gtp, "gtp"),
    (Tunnel::Teredo, "teredo"),
];

impl Tunnel {
    /// Its bit in a set of tunnels.
    #[must_use]
    pub const fn bit(self) -> u16 {
        1 << self as u8
    }

    /// Stable kebab-case name, meant for scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The kinds in a set of bits, in the order of their bits.
    pub fn in_bits(bits: u16) -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(tunnel, _)| *tunnel).filter(move |tunnel| bits & tunnel.bit() != 0)
    }
}

/// IPv4 inside IP.
pub(super) fn ip_in_ip(w: &mut Walk, at: usize) -> Outcome {
    match w.enter_tunnel(Tunnel::IpInIp) {
        Ok(()) => ip::ipv4(w, at),
        Err(reason) => reason.into(),
    }
}

/// IPv6 inside IP.
pub(super) fn ip6_in_ip(w: &mut Walk, at: usize) -> Outcome {
    match w.enter_tunnel(Tunnel::Ip6InIp) {
        Ok(()) => ip::ipv6(w, at),
        Err(reason) => reason.into(),
    }
}

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const VERSION: u16 = 0x0007;

/// GRE: 2 bytes flags and version, 2 bytes protocol type, optional fields of 4 bytes each.
pub(super) fn gre(w: &mut Walk, at: usize) -> Outcome {
    if let Err(reason) = w.enter_tunnel(Tunnel::Gre) {
        return reason.into();
    }
    let Some(header) = w.fixed::<4>(at) else {
        return Reason::BadTunnel.into();
    };
    let (flags, kind) = (be16(header, 0), be16(header, 2));
    match flags & VERSION {
        // Source routes have no length of their own to skip them by, and nobody sends them.
        0 if flags & ROUTING == 0 => {
            let fields = (flags & (CHECKSUM | KEY | SEQUENCE)).count_ones() as usize;
            gre_payload(w, at + 4 + 4 * fields, kind, flags & SEQUENCE != 0)
        }
        1 => pptp(w, at, flags, kind),
        _ => Reason::BadTunnel.into(),
    }
}

fn gre_payload(w: &mut Walk, at: usize, kind: u16, has_sequence: bool) -> Outcome {
    const ETHERNET: u16 = 0x6558;
    const ERSPAN: u16 = 0x88BE;
    const ERSPAN_III: u16 = 0x22EB;
    const WCCP: u16 = 0x883E;
    const KEEP_ALIVE: u16 = 0;
    match kind {
        _ if at > w.data.len() => Reason::BadTunnel.into(),
        KEEP_ALIVE => Reason::NoPayload.into(),
        ETHERNET => link::ethernet(w, at),
        // Type I has neither a sequence number nor a header of its own.
        ERSPAN if !has_sequence => {
            w.tunnels |= Tunnel::Erspan.bit();
            link::ethernet(w, at)
        }
        ERSPAN => erspan_ii(w, at),
        ERSPAN_III => erspan_iii(w, at),
        WCCP => wccp(w, at),
        0x0600.. => link::ethertype(w, at, kind),
        _ => Reason::NotIp.into(),
    }
}

/// ERSPAN type II: 8 bytes that begin with version 1.
fn erspan_ii(w: &mut Walk, at: usize) -> Outcome {
    w.tunnels |= Tunnel::Erspan.bit();
    match w.fixed::<8>(at) {
        Some(header) if header[0] >> 4 == 1 => link::ethernet(w, at + 8),
        _ => Reason::BadTunnel.into(),
    }
}

/// ERSPAN type III: 12 bytes that begin with version 2 and end with the frame type (0 Ethernet,
/// 2 IP) and a bit that announces 8 more.
fn erspan_iii(w: &mut Walk, at: usize) -> Outcome {
    w.tunnels |= Tunnel::Erspan.bit();
    let Some(header) = w.fixed::<12>(at).filter(|header| header[0] >> 4 == 2) else {
        return Reason::BadTunnel.into();
    };
    let length = if header[11] & 1 == 0 { 12 } else { 20 };
    match (header[10] >> 2) & 0x1F {
        0 => link::ethernet(w, at + length),
        2 => link::by_version(w, at + length),
        _ => Reason::NotIp.into(),
    }
}

/// Redirected web traffic: version 2 of WCCP puts 4 bytes before the IPv4 header, version 1 none;
/// Linux tells them apart by the version nibble as well.
fn wccp(w: &mut Walk, at: usize) -> Outcome {
    match w.byte(at).map(|byte| byte >> 4) {
        Some(4) => ip::ipv4(w, at),
        _ => ip::ipv4(w, at + 4),
    }
}

/// PPTP's GRE (RFC 2637, section 4.1): payload length and call identifier, then the optional
/// sequence and acknowledgement numbers. Without a sequence number there is no payload.
fn pptp(w: &mut Walk, at: usize, flags: u16, kind: u16) -> Outcome {
    const PPP: u16 = 0x880B;
    const ACKNOWLEDGEMENT: u16 = 0x0080;
    w.tunnels |= Tunnel::Pptp.bit();
    let Some(length) = w.u16_at(at + 4) else {
        return Reason::BadTunnel.into();
    };
    if kind != PPP || flags & (CHECKSUM | ROUTING | KEY) != KEY {
        return Reason::BadTunnel.into();
    }
    if flags & SEQUENCE == 0 || length == 0 {
        return Reason::NoPayload.into();
    }
    let fields = (flags & (SEQUENCE | ACKNOWLEDGEMENT)).count_ones() as usize;
    let start = at + 8 + 4 * fields;
    let end = start + usize::from(length);
    if end < w.end {
        w.narrow(end);
    }
    ppp::framed(w, start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tunnel_has_its_own_bit_and_name() {
        for (index, (tunnel, name)) in NAMES.iter().enumerate() {
            assert_eq!(tunnel.bit(), 1 << index);
            assert_eq!(tunnel.name(), *name);
        }
        assert_eq!(Tunnel::in_bits(u16::MAX).count(), NAMES.len());
    }
}
