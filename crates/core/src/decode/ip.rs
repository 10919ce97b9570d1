//! IPv4 (RFC 791) and IPv6 (RFC 8200), extension headers, and what they carry.

use super::checksum;
use super::transport;
use super::tunnel;
use super::walk::{be16, be32, saturate, Walk};
use super::{Endpoints, Fragment, Outcome, Reason};
use crate::limits::{MAX_DATAGRAM_BYTES, MAX_EXTENSION_HEADERS};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// IPv4's flag "more fragments" and the fragment offset, in units of 8 bytes.
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET: u16 = 0x1FFF;

/// An IPv4 packet at `at`.
///
/// A total length of 0 is left by segmentation offload: the frame's end then counts. One that goes
/// beyond the frame is believed, so that cut payloads show as missing bytes.
#[inline]
pub(super) fn ipv4(w: &mut Walk, at: usize) -> Outcome {
    const MIN_HEADER: usize = 20;
    let Some(header) = w.fixed::<MIN_HEADER>(at) else {
        return Reason::ShortIp.into();
    };
    let header_len = usize::from(header[0] & 15) * 4;
    if header[0] >> 4 != 4 {
        return Reason::BadIpVersion.into();
    }
    if header_len < MIN_HEADER {
        return Reason::BadIhl.into();
    }
    match usize::from(be16(header, 2)) {
        0 => w.keep_end(at),
        total if total < header_len => return Reason::BadIpLength.into(),
        total => w.narrow(at + total),
    }
    let next = at + header_len;
    if next > w.data.len() {
        return Reason::ShortIp.into();
    }
    if w.verify_checksums && !checksum::is_header_right(w, at, next) {
        return Reason::BadChecksum.into();
    }
    let endpoints = ipv4_endpoints(header, w.endpoints.vlan);
    let fragment_field = be16(header, 6);
    if fragment_field & (MORE_FRAGMENTS | OFFSET) != 0 {
        w.endpoints = endpoints;
        let offset = u32::from(fragment_field & OFFSET) * 8;
        let has_more = fragment_field & MORE_FRAGMENTS != 0;
        return fragment(w, next, be16(header, 4).into(), offset, has_more);
    }
    match endpoints.proto {
        TCP => transport::tcp(w, next, endpoints),
        UDP => transport::udp(w, next, endpoints),
        proto => {
            w.endpoints = endpoints;
            upper(w, next, proto)
        }
    }
}

#[inline(always)]
fn ipv4_endpoints(header: &[u8; 20], vlan: [u16; 2]) -> Endpoints {
    let mut endpoints = Endpoints { proto: header[9], vlan, ..Endpoints::default() };
    endpoints.src[..4].copy_from_slice(&header[12..16]);
    endpoints.dst[..4].copy_from_slice(&header[16..20]);
    endpoints
}

/// An IPv6 packet at `at`. A payload length of 0 means a jumbogram (RFC 2675) or offload.
#[inline]
pub(super) fn ipv6(w: &mut Walk, at: usize) -> Outcome {
    const HEADER: usize = 40;
    let Some(header) = w.fixed::<HEADER>(at) else {
        return Reason::ShortIp.into();
    };
    if header[0] >> 4 != 6 {
        return Reason::BadIpVersion.into();
    }
    let next = at + HEADER;
    let proto = header[6];
    match usize::from(be16(header, 4)) {
        0 if proto == NO_NEXT_HEADER => w.narrow(next),
        0 => {
            w.keep_end(next);
            if let Some(length) = jumbo_length(w, next, proto) {
                let end = next.saturating_add(length);
                if end < w.end {
                    w.narrow(end);
                }
            }
        }
        length => w.narrow(next + length),
    }
    let mut endpoints =
        Endpoints { proto, is_v6: true, vlan: w.endpoints.vlan, ..Endpoints::default() };
    endpoints.src.copy_from_slice(&header[8..24]);
    endpoints.dst.copy_from_slice(&header[24..40]);
    match proto {
        TCP => transport::tcp(w, next, endpoints),
        UDP => transport::udp(w, next, endpoints),
        _ => {
            w.endpoints = endpoints;
            upper(w, next, proto)
        }
    }
}

/// Whether an IP header at `at` claims a length that fits into what encloses it.
pub(super) fn is_plausible(w: &Walk, at: usize) -> bool {
    w.fixed::<6>(at).is_some_and(|header| {
        let length = match header[0] {
            0x45..=0x4F => usize::from(be16(header, 2)).max(20),
            0x60..=0x6F => 40 + usize::from(be16(header, 4)),
            _ => return false,
        };
        at + length <= w.end
    })
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// The jumbo payload option of a hop-by-hop header at `at` (RFC 2675, section 2).
#[cold]
fn jumbo_length(w: &Walk, at: usize, proto: u8) -> Option<usize> {
    const PAD1: u8 = 0;
    const JUMBO: u8 = 0xC2;
    if proto != HOP_BY_HOP {
        return None;
    }
    let end = at + (usize::from(w.byte(at + 1)?) + 1) * 8;
    let mut options = w.data.get(at + 2..end)?;
    loop {
        match *options {
            [PAD1, ref rest @ ..] => options = rest,
            [JUMBO, 4, a, b, c, d, ..] => return Some(u32::from_be_bytes([a, b, c, d]) as usize),
            [_, length, ref rest @ ..] => options = rest.get(usize::from(length)..)?,
            _ => return None,
        }
    }
}

/// What an IP header announces as `proto`, at `at`: extension headers, transports, tunnels.
pub(super) fn upper(w: &mut Walk, mut at: usize, mut proto: u8) -> Outcome {
    for _ in 0..=MAX_EXTENSION_HEADERS {
        let step = match proto {
            FRAGMENT if w.endpoints.is_v6 => match fragment_header(w, at) {
                Ok(step) => step,
                Err(outcome) => return outcome,
            },
            AUTHENTICATION => extension(w, at, 4, 8),
            HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6 if w.endpoints.is_v6 => {
                extension(w, at, 8, 8)
            }
            _ => {
                w.endpoints.proto = proto;
                return carried(w, at, proto);
            }
        };
        match step {
            Some((next, next_proto)) => (at, proto) = (next, next_proto),
            None => return Reason::BadExtension.into(),
        }
    }
    Reason::TooManyExtensions.into()
}

/// Where the header behind the extension header at `at` lies, and its number.
///
/// The length field counts `unit` bytes beyond the first `base`: 8 and 8 for IPv6's own headers
/// (RFC 8200, section 4), 4 and 8 for authentication (RFC 4302, section 2.2).
fn extension(w: &Walk, at: usize, unit: usize, base: usize) -> Option<(usize, u8)> {
    let [proto, length] = *w.fixed::<2>(at)?;
    let next = at + base + usize::from(length) * unit;
    (next <= w.data.len()).then_some((next, proto))
}

/// IPv6's fragment header (RFC 8200, section 4.5). One that holds the whole datagram, an atomic
/// fragment (RFC 6946), is passed over.
fn fragment_header(w: &mut Walk, at: usize) -> Result<Option<(usize, u8)>, Outcome> {
    let Some(header) = w.fixed::<8>(at) else {
        return Ok(None);
    };
    let (proto, place, next) = (header[0], be16(header, 2), at + 8);
    let (offset, has_more) = (u32::from(place & 0xFFF8), place & 1 != 0);
    if offset == 0 && !has_more {
        return Ok(Some((next, proto)));
    }
    w.endpoints.proto = proto;
    Err(fragment(w, next, be32(header, 4), offset, has_more))
}

/// A piece of a datagram, checked for what can be known of it alone.
#[cold]
fn fragment(w: &Walk, start: usize, id: u32, offset: u32, has_more: bool) -> Outcome {
    let length = saturate(w.end.saturating_sub(start));
    if length == 0 || (has_more && length % 8 != 0) {
        return Reason::BadFragment.into();
    }
    if offset.saturating_add(length) > MAX_DATAGRAM_BYTES {
        return Reason::FragmentOverrun.into();
    }
    if w.data.len() < w.end {
        return Reason::FragmentCut.into();
    }
    Outcome::Fragment(Fragment {
        context: w.context(),
        id,
        offset,
        has_more,
        payload_start: saturate(start),
        payload_len: length,
    })
}

/// The transport or tunnel that IP carries.
fn carried(w: &mut Walk, at: usize, proto: u8) -> Outcome {
    const ICMP: u8 = 1;
    const IPV4: u8 = 4;
    const IPV6: u8 = 41;
    const GRE: u8 = 47;
    const ICMP6: u8 = 58;
    const SCTP: u8 = 132;
    match proto {
        TCP => transport::tcp(w, at, w.endpoints),
        UDP => transport::udp(w, at, w.endpoints),
        ICMP | ICMP6 => transport::icmp(w, at),
        SCTP => transport::sctp(w, at),
        IPV4 if w.decap => tunnel::ip_in_ip(w, at),
        IPV6 if w.decap => tunnel::ip6_in_ip(w, at),
        GRE if w.decap => tunnel::gre(w, at),
        NO_NEXT_HEADER => Reason::NoPayload.into(),
        _ => Reason::TransportOther.into(),
    }
}
