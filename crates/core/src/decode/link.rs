//! Link layers down to an EtherType: Ethernet, Linux cooked, BSD loopback, raw IP, LLC, VLAN, MPLS.
//!
//! Numbers are those of <https://www.tcpdump.org/linktypes.html> and of IEEE's EtherType registry.

use super::ip;
use super::ppp;
use super::walk::{be16, be32, Walk};
use super::wireless;
use super::{Outcome, Reason};
use crate::packet::LinkType;

pub(super) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(super) const ETHERTYPE_IPV6: u16 = 0x86DD;

/// EtherTypes begin here; smaller numbers are 802.3 lengths (IEEE 802.3, section 3.2.6).
const FIRST_ETHERTYPE: u16 = 0x0600;
/// Largest 802.3 length.
const LAST_LENGTH: u16 = 1500;
const ETHERNET_HEADER: usize = 14;

/// The frame begins with any link layer but Ethernet.
pub(super) fn other(w: &mut Walk, link: LinkType) -> Outcome {
    match link.0 {
        0 => loopback(w),
        108 => open_loopback(w),
        12 | 14 | 101 => by_version(w, 0),
        228 => ip::ipv4(w, 0),
        229 => ip::ipv6(w, 0),
        9 => ppp::framed(w, 0),
        50 => ppp::serial(w, 0),
        51 => ppp::pppoe(w, 0),
        104 => ppp::cisco_hdlc(w, 0),
        105 => wireless::ieee80211(w, 0),
        119 => wireless::prism(w),
        127 => wireless::radiotap(w),
        163 => wireless::avs(w),
        113 => linux_cooked(w),
        239 => netfilter_log(w),
        276 => linux_cooked_v2(w),
        _ => Reason::LinkType.into(),
    }
}

/// An Ethernet frame at `at`: 6 bytes destination, 6 source, 2 EtherType or length.
#[inline]
pub(super) fn ethernet(w: &mut Walk, at: usize) -> Outcome {
    let Some(header) = w.fixed::<ETHERNET_HEADER>(at) else {
        return Reason::ShortEthernet.into();
    };
    let next = at + ETHERNET_HEADER;
    match be16(header, 12) {
        ETHERTYPE_IPV4 => ip::ipv4(w, next),
        ETHERTYPE_IPV6 => ip::ipv6(w, next),
        kind => ethertype(w, next, kind),
    }
}

/// What an EtherType announces, at `at`; numbers up to 1,500 are lengths of LLC frames.
pub(super) fn ethertype(w: &mut Walk, at: usize, kind: u16) -> Outcome {
    match kind {
        ETHERTYPE_IPV4 => ip::ipv4(w, at),
        ETHERTYPE_IPV6 => ip::ipv6(w, at),
        0x8100 | 0x88A8 | 0x9100 | 0x9200 => vlan(w, at),
        0x8847 | 0x8848 => mpls(w, at),
        0x8864 => ppp::pppoe(w, at),
        0x880B => ppp::framed(w, at),
        0x88E7 => bridged(w, at, 4),
        0x8903 => bridged(w, at, 2),
        0x8926 => vn_tag(w, at),
        0x88E5 => Reason::LinkEncrypted.into(),
        length @ 0..=LAST_LENGTH => {
            let end = at + usize::from(length);
            if end < w.end {
                w.narrow(end);
            }
            llc(w, at)
        }
        _ => Reason::NotIp.into(),
    }
}

/// IPv4 or IPv6, as the first nibble says.
pub(super) fn by_version(w: &mut Walk, at: usize) -> Outcome {
    match w.byte(at).map(|byte| byte >> 4) {
        Some(4) => ip::ipv4(w, at),
        Some(6) => ip::ipv6(w, at),
        Some(_) => Reason::BadIpVersion.into(),
        None => Reason::ShortIp.into(),
    }
}

/// One 802.1Q or 802.1ad tag: 2 bytes priority and identifier, 2 bytes EtherType.
fn vlan(w: &mut Walk, at: usize) -> Outcome {
    if let Err(reason) = w.enter_tag() {
        return reason.into();
    }
    let Some(tag) = w.fixed::<4>(at) else {
        return Reason::ShortLink.into();
    };
    let id = be16(tag, 0) & 0x0FFF;
    if id != 0 {
        if let Some(free) = w.endpoints.vlan.iter_mut().find(|slot| **slot == 0) {
            *free = id + 1;
        }
    }
    ethertype(w, at + 4, be16(tag, 2))
}

/// A VN-Tag (802.1Qbh): 4 bytes of virtual interfaces, then an EtherType.
fn vn_tag(w: &mut Walk, at: usize) -> Outcome {
    if let Err(reason) = w.enter_tag() {
        return reason.into();
    }
    match w.u16_at(at + 4) {
        Some(kind) => ethertype(w, at + 6, kind),
        None => Reason::ShortLink.into(),
    }
}

/// A service tag of a backbone (802.1ah, 4 bytes) or of Cisco's FabricPath (2 bytes), then the
/// customer's whole frame.
fn bridged(w: &mut Walk, at: usize, tag_len: usize) -> Outcome {
    match w.enter_tag() {
        Ok(()) => ethernet(w, at + tag_len),
        Err(reason) => reason.into(),
    }
}

/// A stack of MPLS labels (RFC 3032, section 2.1): 20 bits label, 3 class, 1 bottom, 8 TTL.
pub(super) fn mpls(w: &mut Walk, mut at: usize) -> Outcome {
    loop {
        if let Err(reason) = w.enter_tag() {
            return reason.into();
        }
        let Some(entry) = w.fixed::<4>(at).map(|bytes| be32(bytes, 0)) else {
            return Reason::ShortLink.into();
        };
        at += 4;
        if entry & 0x100 != 0 {
            return mpls_payload(w, at);
        }
    }
}

/// What lies under the labels is not said; the first bytes hint at it (RFC 4385, section 3).
fn mpls_payload(w: &mut Walk, at: usize) -> Outcome {
    const CONTROL_WORD: usize = 4;
    match w.fixed::<2>(at) {
        // Hardware addresses begin with these nibbles too: a length that fits tells them apart.
        Some([0x40..=0x6F, _]) if ip::is_plausible(w, at) => by_version(w, at),
        // The control word of an Ethernet pseudowire has 16 zero bits (RFC 4448, section 4.6).
        Some([0, 0]) => ethernet(w, at + CONTROL_WORD),
        // Associated channel: the network's own chatter.
        Some([0x10..=0x1F, _]) => Reason::NotIp.into(),
        Some(_) => ethernet(w, at),
        None => Reason::ShortLink.into(),
    }
}

/// Logical link control (IEEE 802.2), with SNAP or the number 6 that stands for IPv4.
pub(super) fn llc(w: &mut Walk, at: usize) -> Outcome {
    let Some(header) = w.fixed::<3>(at) else {
        return Reason::ShortLink.into();
    };
    match header {
        [0xAA, 0xAA, 3] => snap(w, at + 3),
        [6, 6, 3] => ip::ipv4(w, at + 3),
        _ => Reason::NotIp.into(),
    }
}

/// SNAP (RFC 1042): 3 bytes organisation, 2 bytes EtherType when the organisation is zero or
/// 0x0000F8, the bridge-tunnel encapsulation of 802.1H.
fn snap(w: &mut Walk, at: usize) -> Outcome {
    let Some(header) = w.fixed::<5>(at) else {
        return Reason::ShortLink.into();
    };
    match (&header[..3], be16(header, 3)) {
        // A length here would lead back to LLC, without end.
        ([0, 0, 0 | 0xF8], kind) if kind >= FIRST_ETHERTYPE => ethertype(w, at + 5, kind),
        _ => Reason::NotIp.into(),
    }
}

/// LINKTYPE_NULL: 4 bytes address family, in the byte order of the host that captured.
fn loopback(w: &mut Walk) -> Outcome {
    let Some(header) = w.fixed::<4>(0) else {
        return Reason::ShortLink.into();
    };
    let family = be32(header, 0);
    address_family(w, family.min(family.swap_bytes()))
}

/// LINKTYPE_LOOP: OpenBSD's, always big-endian.
fn open_loopback(w: &mut Walk) -> Outcome {
    match w.fixed::<4>(0).map(|header| be32(header, 0)) {
        Some(family) => address_family(w, family),
        None => Reason::ShortLink.into(),
    }
}

/// AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 23 on Windows, 24 on NetBSD and OpenBSD, 28 on
/// FreeBSD and 30 on macOS.
fn address_family(w: &mut Walk, family: u32) -> Outcome {
    match family {
        2 => ip::ipv4(w, 4),
        10 | 23 | 24 | 28 | 30 => ip::ipv6(w, 4),
        _ => Reason::NotIp.into(),
    }
}

/// LINKTYPE_LINUX_SLL: 16 bytes, the protocol in the last two.
fn linux_cooked(w: &mut Walk) -> Outcome {
    match w.fixed::<16>(0) {
        Some(header) => cooked(w, 16, be16(header, 14)),
        None => Reason::ShortLink.into(),
    }
}

/// LINKTYPE_LINUX_SLL2: 20 bytes, the protocol in the first two.
fn linux_cooked_v2(w: &mut Walk) -> Outcome {
    match w.fixed::<20>(0) {
        Some(header) => cooked(w, 20, be16(header, 0)),
        None => Reason::ShortLink.into(),
    }
}

/// The protocol of a cooked header is an EtherType, or one of Linux's own small numbers, of which
/// 4 (ETH_P_802_2) announces LLC.
fn cooked(w: &mut Walk, at: usize, protocol: u16) -> Outcome {
    match protocol {
        4 => llc(w, at),
        kind if kind >= FIRST_ETHERTYPE => ethertype(w, at, kind),
        _ => Reason::NotIp.into(),
    }
}

/// LINKTYPE_NFLOG: 4 bytes header, then attributes of 2 bytes length (header included), 2 bytes
/// type, and contents up to a multiple of 4. Numbers are in the byte order of the host that
/// captured; little-endian is taken for granted.
fn netfilter_log(w: &mut Walk) -> Outcome {
    const PAYLOAD: u16 = 9;
    const HEADER: usize = 4;
    let mut at = HEADER;
    // Every attribute moves on by at least its header, so the loop ends with the frame.
    while let Some([a, b, c, d]) = w.fixed::<4>(at) {
        let (length, kind) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
        let length = usize::from(length).max(HEADER);
        if kind == PAYLOAD {
            let end = at + length;
            if end < w.end {
                w.narrow(end);
            }
            return by_version(w, at + HEADER);
        }
        at += length.next_multiple_of(4);
    }
    Reason::ShortLink.into()
}
