//! From a frame to its transport payload: link layers, VLAN, MPLS, PPPoE, IP, tunnels, TCP, UDP.
//!
//! In: the bytes of one captured packet and its link type. Out: an [`Outcome`]: the five-tuple and
//! the place of the payload, or a fragment for the [`Defragmenter`], or the [`Reason`] why the
//! packet belongs to no flow. Decoding keeps what parsed and says where it stopped; it allocates
//! nothing, reads each header once and follows at most `limits` layers.
//!
//! It refuses what it cannot place: unknown links, broken headers, nested fragments. It is lenient
//! where real captures are odd: lengths left to offload, payloads cut by the snap length, padding.

mod checksum;
mod datagram;
mod fragments;
mod ip;
mod link;
mod ppp;
mod reason;
mod transport;
mod tunnel;
mod udp_tunnel;
mod walk;
mod wireless;

pub use fragments::{Defragmenter, FragmentCounters, FragmentOutcome};
pub use reason::Reason;
pub use tunnel::Tunnel;

use crate::packet::LinkType;
use walk::Walk;

/// Addresses, ports and VLAN of one packet, as its sender sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Endpoints {
    /// Source address; IPv4 in the first 4 bytes, the rest zero.
    pub src: [u8; 16],
    /// Destination address, likewise.
    pub dst: [u8; 16],
    /// Source port; for ICMP the number that Community ID v1 puts there.
    pub sport: u16,
    /// Destination port, likewise.
    pub dport: u16,
    /// IP protocol number (6 TCP, 17 UDP, 132 SCTP, 1 ICMP, 58 ICMPv6).
    pub proto: u8,
    /// Whether the addresses are IPv6.
    pub is_v6: bool,
    /// ICMP without a reply type: Community ID v1 does not order its endpoints.
    pub is_one_way: bool,
    /// Outer and inner VLAN identifier plus 1, of the innermost frame that has any; 0 where there
    /// is no tag. A priority tag (identifier 0) names no VLAN (IEEE 802.1Q, section 9.6) and counts
    /// as none.
    pub vlan: [u16; 2],
}

impl Endpoints {
    /// Those of an answer.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { src: self.dst, dst: self.src, sport: self.dport, dport: self.sport, ..*self }
    }
}

/// What TCP says in its header, of what later stages need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// Sequence number of the first payload byte (of the SYN, where there is one).
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub flags: u8,
    /// Window as in the header, unscaled.
    pub window: u16,
    /// Window scale option, present on SYN only; at most 14 (RFC 7323, section 2.3).
    pub window_scale: Option<u8>,
}

/// One packet, decoded as deep as the settings allow.
///
/// Payload is what follows the transport header: for ICMP the bytes after the first 8, for SCTP
/// all chunks (what follows the 12-byte common header), since the data of several chunks does not
/// lie in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Addresses and ports of the innermost layer.
    pub endpoints: Endpoints,
    /// TCP header fields; all zero for other protocols.
    pub tcp: Tcp,
    /// First payload byte within the decoded bytes: the frame, or the bytes given to `resume`.
    pub payload_start: u32,
    /// Payload bytes that were captured.
    pub payload_captured: u32,
    /// Payload bytes that the headers say were sent; at least `payload_captured`.
    pub payload_claimed: u32,
    /// Tunnels that were unwrapped, as bits of [`Tunnel`].
    pub tunnels: u16,
}

impl Decoded {
    /// The captured payload; `bytes` must be what was decoded.
    #[must_use]
    #[inline]
    pub fn payload<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        part(bytes, self.payload_start, self.payload_captured)
    }
}

/// What was known of a packet when decoding stopped at a fragment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Addresses and protocol of the fragment's IP header; ports are zero.
    pub endpoints: Endpoints,
    /// Tunnels that were unwrapped so far.
    pub tunnels: u16,
    /// How many of them.
    pub depth: u8,
    /// VLAN tags and MPLS labels passed so far.
    pub tags: u8,
}

/// A piece of an IP datagram, for the [`Defragmenter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// What the outer layers said; [`Decoder::resume`] goes on from it.
    pub context: Context,
    /// Identification: 16 bits for IPv4, 32 for IPv6.
    pub id: u32,
    /// First byte's place in the datagram's payload.
    pub offset: u32,
    /// Whether more fragments follow.
    pub has_more: bool,
    /// First payload byte within the decoded bytes.
    pub payload_start: u32,
    /// Payload bytes, all of them captured.
    pub payload_len: u32,
}

impl Fragment {
    /// The fragment's bytes; `bytes` must be what was decoded.
    #[must_use]
    pub fn payload<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        part(bytes, self.payload_start, self.payload_len)
    }
}

fn part(bytes: &[u8], start: u32, length: u32) -> &[u8] {
    let start = start as usize;
    bytes.get(start..start.saturating_add(length as usize)).unwrap_or(&[])
}

/// What became of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It belongs to a flow.
    Transport(Decoded),
    /// It is a piece of a datagram, to be given to the [`Defragmenter`].
    Fragment(Fragment),
    /// It belongs to no flow, for this reason.
    Undecoded(Reason),
}

impl From<Reason> for Outcome {
    fn from(reason: Reason) -> Self {
        Self::Undecoded(reason)
    }
}

/// Settings of decoding; one serves any number of packets and threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoder {
    /// Whether tunnels are opened. If not, UDP tunnels are flows of their own, and packets of
    /// tunnels straight over IP (GRE, IP in IP) count as [`Reason::TransportOther`].
    pub decap: bool,
    /// Whether packets with a wrong IPv4, TCP, UDP or ICMP checksum are refused. Off by default:
    /// hosts that leave checksums to their network card are captured with wrong ones. On, decoys
    /// that the receiver would drop do not reach the streams.
    pub verify_checksums: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { decap: true, verify_checksums: false }
    }
}

impl Decoder {
    /// Decode one captured frame.
    ///
    /// `fcs_len` is how many bytes of frame check sequence the frame had on the wire, `origlen` how
    /// long it was there (taken as the captured length when less).
    #[must_use]
    #[inline]
    pub fn decode(&self, link: LinkType, fcs_len: u8, frame: &[u8], origlen: u32) -> Outcome {
        let wire_len = frame.len().max(origlen as usize);
        let mut walk = self.walk(frame, wire_len);
        if fcs_len != 0 {
            walk.narrow(wire_len.saturating_sub(usize::from(fcs_len)));
        }
        if link == LinkType::ETHERNET {
            link::ethernet(&mut walk, 0)
        } else {
            link::other(&mut walk, link)
        }
    }

    /// Go on decoding a datagram that the [`Defragmenter`] put together.
    ///
    /// A fragment inside it is refused: the packets of one datagram would then wait for another.
    #[must_use]
    pub fn resume(&self, context: &Context, bytes: &[u8]) -> Outcome {
        let mut walk = Walk {
            endpoints: context.endpoints,
            tunnels: context.tunnels,
            depth: context.depth,
            tags: context.tags,
            ..self.walk(bytes, bytes.len())
        };
        let proto = context.endpoints.proto;
        match ip::upper(&mut walk, 0, proto) {
            Outcome::Fragment(_) => Reason::NestedFragment.into(),
            outcome => outcome,
        }
    }

    #[inline]
    fn walk<'a>(&self, data: &'a [u8], end: usize) -> Walk<'a> {
        Walk {
            data,
            end,
            endpoints: Endpoints::default(),
            tunnels: 0,
            depth: 0,
            tags: 0,
            decap: self.decap,
            verify_checksums: self.verify_checksums,
        }
    }
}

/// Link types that are decoded; packets of others count as [`Reason::LinkType`].
#[must_use]
pub fn link_types() -> &'static [LinkType] {
    const DECODED: [LinkType; 19] = [
        LinkType::ETHERNET,
        LinkType(0),
        LinkType(9),
        LinkType(12),
        LinkType(14),
        LinkType(50),
        LinkType(51),
        LinkType(101),
        LinkType(104),
        LinkType(105),
        LinkType(108),
        LinkType(113),
        LinkType(119),
        LinkType(127),
        LinkType(163),
        LinkType(228),
        LinkType(229),
        LinkType(239),
        LinkType(276),
    ];
    &DECODED
}
