//! What a source hands to the engine: chunks of raw packets.

/// A pcap link type (`LINKTYPE_` number, <https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// Ethernet, possibly with a trailing frame check sequence.
    pub const ETHERNET: Self = Self(1);

    /// Stands for the link type of a packet whose interface the capture does not describe.
    pub const UNKNOWN: Self = Self(u16::MAX);
}

/// One captured packet: where its bytes lie in a [`Chunk`] and what the capture says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawPacket {
    /// Nanoseconds since 1970, as the capture claims; never checked against a clock.
    pub ts_ns: i64,
    /// Position in its file, counted from 1 as Wireshark does.
    pub number: u64,
    /// Index of its file among the inputs.
    pub file: u32,
    /// First byte in [`Chunk::data`].
    pub start: u32,
    /// Captured bytes (caplen), frame check sequence included where there is one.
    pub caplen: u32,
    /// Bytes that were on the wire (origlen); may be less than `caplen` in odd files.
    pub origlen: u32,
    /// How the first byte is to be read.
    pub link: LinkType,
    /// Bytes of frame check sequence at the end of the frame on the wire (0 or 4).
    pub fcs_len: u8,
}

/// A run of packets in capture order, with the bytes that they point into.
#[derive(Default, Debug)]
pub struct Chunk {
    /// Backing bytes; may hold record headers and other matter between packets.
    pub data: Vec<u8>,
    /// The packets, in the order in which they are to be processed.
    pub packets: Vec<RawPacket>,
}

impl Chunk {
    /// The captured bytes of `packet`, which must belong to this chunk; empty if it does not.
    #[must_use]
    pub fn bytes(&self, packet: &RawPacket) -> &[u8] {
        let start = packet.start as usize;
        self.data.get(start..start.saturating_add(packet.caplen as usize)).unwrap_or(&[])
    }

    /// Forget all packets and bytes, keep the allocations.
    pub fn clear(&mut self) {
        self.data.clear();
        self.packets.clear();
    }
}
