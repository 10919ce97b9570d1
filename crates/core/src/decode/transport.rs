//! Transport headers: TCP, UDP, ICMP and ICMPv6, SCTP.
//!
//! TCP and UDP take the endpoints by value: what IP has just read then stays in registers, where a
//! copy through the walk would wait for its own small stores.

use super::checksum;
use super::udp_tunnel;
use super::walk::{be16, be32, Walk};
use super::{Endpoints, Outcome, Reason, Tcp};

const SYN: u8 = 2;

/// TCP (RFC 9293, section 3.1). Options cut by the snap length cost the payload, not the packet.
#[inline(always)]
pub(super) fn tcp(w: &mut Walk, at: usize, endpoints: Endpoints) -> Outcome {
    const MIN_HEADER: usize = 20;
    let Some(header) = w.fixed::<MIN_HEADER>(at) else {
        return Reason::ShortTcp.into();
    };
    let start = at + usize::from(header[12] >> 4) * 4;
    if start < at + MIN_HEADER || start > w.end {
        return Reason::BadTcpOffset.into();
    }
    if w.verify_checksums && !checksum::is_transport_right(w, at, endpoints) {
        return Reason::BadChecksum.into();
    }
    let flags = header[13];
    let window_scale =
        if flags & SYN != 0 { window_scale(w, at + MIN_HEADER, start) } else { None };
    let tcp = Tcp {
        seq: be32(header, 4),
        ack: be32(header, 8),
        flags,
        window: be16(header, 14),
        window_scale,
    };
    let (sport, dport) = (be16(header, 0), be16(header, 2));
    w.transport(Endpoints { sport, dport, ..endpoints }, tcp, start)
}

/// The window scale among the options in `at..end` (RFC 7323, section 2.2); reading stops at the
/// first option whose length is impossible.
#[inline(never)]
fn window_scale(w: &Walk, at: usize, end: usize) -> Option<u8> {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    const WINDOW_SCALE: u8 = 3;
    const MAX_SHIFT: u8 = 14;
    let mut options = w.data.get(at..end.min(w.data.len()))?;
    loop {
        match *options {
            [] | [END, ..] => return None,
            [NOTHING, ref rest @ ..] => options = rest,
            [WINDOW_SCALE, 3, shift, ..] => return Some(shift.min(MAX_SHIFT)),
            [_, length, ..] if length >= 2 => options = options.get(usize::from(length)..)?,
            _ => return None,
        }
    }
}

/// UDP (RFC 768). A length of 0 (jumbograms, offload), below the header's own 8 or beyond the
/// packet is not believed: IP's length then counts.
#[inline(always)]
pub(super) fn udp(w: &mut Walk, at: usize, endpoints: Endpoints) -> Outcome {
    const HEADER: usize = 8;
    let Some(header) = w.fixed::<HEADER>(at) else {
        return Reason::ShortUdp.into();
    };
    let length = usize::from(be16(header, 4));
    if length >= HEADER && at + length < w.end {
        w.narrow(at + length);
    }
    if w.verify_checksums && !checksum::is_transport_right(w, at, endpoints) {
        return Reason::BadChecksum.into();
    }
    let (sport, dport) = (be16(header, 0), be16(header, 2));
    let start = at + HEADER;
    if w.decap && udp_tunnel::is_tunnel_port(sport, dport) {
        if let Some(inside) = udp_tunnel::open(w, start, sport, dport) {
            return inside;
        }
    }
    w.transport(Endpoints { sport, dport, ..endpoints }, Tcp::default(), start)
}

/// ICMP (RFC 792) and ICMPv6 (RFC 4443): type, code, checksum, 4 more header bytes, payload. The
/// ports are the type and the type that answers it, or type and code where there is no answer.
pub(super) fn icmp(w: &mut Walk, at: usize) -> Outcome {
    let Some(header) = w.fixed::<4>(at) else {
        return Reason::ShortIcmp.into();
    };
    if w.verify_checksums && !checksum::is_transport_right(w, at, w.endpoints) {
        return Reason::BadChecksum.into();
    }
    let (kind, code) = (header[0], header[1]);
    let answer =
        if w.endpoints.proto == 1 { icmp_counterpart(kind) } else { icmp6_counterpart(kind) };
    let endpoints = Endpoints {
        sport: kind.into(),
        dport: answer.unwrap_or(code).into(),
        is_one_way: answer.is_none(),
        ..w.endpoints
    };
    w.transport(endpoints, Tcp::default(), at + 8)
}

/// The ICMP type that answers `kind`, as Community ID v1 lists them.
fn icmp_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        8 => 0,   // echo
        0 => 8,   // echo reply
        13 => 14, // timestamp
        14 => 13,
        15 => 16, // information
        16 => 15,
        10 => 9,  // router solicitation
        9 => 10,  // router advertisement
        17 => 18, // address mask
        18 => 17,
        _ => return None,
    })
}

/// The ICMPv6 type that answers `kind`, as Community ID v1 lists them.
fn icmp6_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        128 => 129, // echo
        129 => 128,
        130 => 131, // multicast listener query, report
        131 => 130,
        133 => 134, // router solicitation, advertisement
        134 => 133,
        135 => 136, // neighbour solicitation, advertisement
        136 => 135,
        139 => 140, // node information query, reply
        140 => 139,
        144 => 145, // home agent address discovery
        145 => 144,
        _ => return None,
    })
}

/// SCTP (RFC 9260, section 3.1): ports, tag, checksum; the chunks that follow count as payload.
pub(super) fn sctp(w: &mut Walk, at: usize) -> Outcome {
    const HEADER: usize = 12;
    match w.fixed::<HEADER>(at) {
        Some(header) => {
            let (sport, dport) = (be16(header, 0), be16(header, 2));
            w.transport(Endpoints { sport, dport, ..w.endpoints }, Tcp::default(), at + HEADER)
        }
        None => Reason::ShortSctp.into(),
    }
}
