//! From a frame to its transport payload: link layers, VLAN, MPLS, PPPoE, IP, tunnels, TCP, UDP.
//!
//! Decoding keeps what parsed and says where it stopped.

/// Addresses, ports and VLAN of one packet, as its sender sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Outer and inner VLAN identifier plus 1; 0 where there is no tag.
    pub vlan: [u16; 2],
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
    /// Window scale option, present on SYN only.
    pub window_scale: Option<u8>,
}

/// One packet, decoded as deep as the settings allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Addresses and ports of the innermost layer.
    pub endpoints: Endpoints,
    /// TCP header fields; all zero for other protocols.
    pub tcp: Tcp,
    /// First payload byte within the decoded bytes.
    pub payload_start: u32,
    /// Payload bytes that were captured.
    pub payload_captured: u32,
    /// Payload bytes that the headers say were sent; at least `payload_captured`.
    pub payload_claimed: u32,
    /// Tunnels that were unwrapped, outermost first, as bits of [`Tunnel`]; see `record.rs`.
    pub tunnels: u16,
}
