//! Why a packet was not assigned to a flow.

use std::fmt;

/// The one reason for which a packet (or its part of a datagram) belongs to no flow.
///
/// Every packet that a source yields, or ends within, is either decoded to its transport or counted
/// under exactly one of these, so that the summary adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// The capture's link type is not one that we read.
    LinkType,
    /// Fewer bytes than an Ethernet header.
    ShortEthernet,
    /// A header between the link layer and IP (SLL, VLAN, MPLS, PPP, LLC, 802.11 ...) is cut off.
    ShortLink,
    /// A whole frame that carries something other than IP: ARP, spanning tree, LLDP, beacons.
    NotIp,
    /// The link layer encrypted the frame (WEP, WPA, MACsec).
    LinkEncrypted,
    /// A fragment of an 802.11 frame; these are not put together.
    LinkFragment,
    /// Several frames aggregated into one 802.11 frame; these are not taken apart.
    AMsdu,
    /// More VLAN tags, MPLS labels or tunnels than `limits` allows.
    TooDeep,
    /// An IP header is cut off, its options included.
    ShortIp,
    /// The IP version is not the one that the layer below announced.
    BadIpVersion,
    /// IPv4 header length below 5 words (RFC 791, section 3.1).
    BadIhl,
    /// IPv4 total length shorter than the header.
    BadIpLength,
    /// An IPv6 extension or authentication header is cut off.
    BadExtension,
    /// More extension headers than `limits` allows.
    TooManyExtensions,
    /// A checksum is wrong, and checking was asked for.
    BadChecksum,
    /// IP that carries nothing: IPv6 "no next header", a tunnel's keep-alive or acknowledgement.
    NoPayload,
    /// A transport that makes no flows here: ESP, OSPF, IGMP, and tunnels when they stay closed.
    TransportOther,
    /// Fewer bytes than a TCP header.
    ShortTcp,
    /// TCP data offset below 5 words or beyond the packet.
    BadTcpOffset,
    /// Fewer bytes than a UDP header.
    ShortUdp,
    /// Fewer bytes than type, code and checksum of ICMP.
    ShortIcmp,
    /// Fewer bytes than SCTP's common header.
    ShortSctp,
    /// A tunnel header that is cut off, unknown or refused (GRE source routing).
    BadTunnel,
    /// A fragment with an impossible length or end (teardrop, length not a multiple of 8).
    BadFragment,
    /// A fragment that the capture did not keep whole.
    FragmentCut,
    /// A fragment that ends beyond 65,535 bytes ("ping of death").
    FragmentOverrun,
    /// A fragment inside a datagram that was itself put together from fragments.
    NestedFragment,
    /// The other fragments of the datagram did not come in time.
    FragmentIncomplete,
    /// The fragments were dropped because more were waiting than `limits` allows.
    FragmentEvicted,
    /// The capture ends within the packet, so that it is counted and not looked at.
    Truncated,
}

/// Every reason with its stable name, in the order of the enumeration.
const NAMES: [(Reason, &str); Reason::COUNT] = [
    (Reason::LinkType, "link-type"),
    (Reason::ShortEthernet, "short-ethernet"),
    (Reason::ShortLink, "short-link"),
    (Reason::NotIp, "not-ip"),
    (Reason::LinkEncrypted, "link-encrypted"),
    (Reason::LinkFragment, "link-fragment"),
    (Reason::AMsdu, "a-msdu"),
    (Reason::TooDeep, "too-deep"),
    (Reason::ShortIp, "short-ip"),
    (Reason::BadIpVersion, "bad-ip-version"),
    (Reason::BadIhl, "bad-ihl"),
    (Reason::BadIpLength, "bad-ip-length"),
    (Reason::BadExtension, "bad-extension"),
    (Reason::TooManyExtensions, "too-many-extensions"),
    (Reason::BadChecksum, "bad-checksum"),
    (Reason::NoPayload, "no-payload"),
    (Reason::TransportOther, "transport-other"),
    (Reason::ShortTcp, "short-tcp"),
    (Reason::BadTcpOffset, "bad-tcp-offset"),
    (Reason::ShortUdp, "short-udp"),
    (Reason::ShortIcmp, "short-icmp"),
    (Reason::ShortSctp, "short-sctp"),
    (Reason::BadTunnel, "bad-tunnel"),
    (Reason::BadFragment, "bad-fragment"),
    (Reason::FragmentCut, "fragment-cut"),
    (Reason::FragmentOverrun, "fragment-overrun"),
    (Reason::NestedFragment, "nested-fragment"),
    (Reason::FragmentIncomplete, "fragment-incomplete"),
    (Reason::FragmentEvicted, "fragment-evicted"),
    (Reason::Truncated, "truncated"),
];

impl Reason {
    /// How many reasons there are; `reason as usize` is below it, so an array can count them.
    pub const COUNT: usize = Self::Truncated as usize + 1;

    /// Stable kebab-case name, meant for scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// Every reason, in the order of `reason as usize`.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(reason, _)| *reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_name_and_index() {
        for (index, reason) in Reason::all().enumerate() {
            assert_eq!(reason as usize, index);
            assert_eq!(Reason::all().filter(|r| r.name() == reason.name()).count(), 1);
        }
    }
}
