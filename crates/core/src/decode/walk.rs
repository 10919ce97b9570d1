//! The window through which one packet is read, layer by layer.

use super::{Context, Decoded, Endpoints, Outcome, Reason, Tcp, Tunnel};
use crate::limits::{MAX_SUPER_PACKET_BYTES, MAX_TAGS, MAX_TUNNEL_DEPTH};

/// What is known of a packet so far, and the bytes that may still be read.
///
/// Layers are functions `fn layer(walk, at) -> Outcome`: each reads its header at offset `at`,
/// narrows the window to what the header claims, and ends by calling the next layer. Offsets
/// always count from the first byte given to the decoder, so that the payload can be found.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    /// Captured bytes, cut to what the headers so far claim.
    pub data: &'a [u8],
    /// Where the headers so far say that the packet ends; at least `data.len()`.
    pub end: usize,
    /// Of the innermost IP header so far.
    pub endpoints: Endpoints,
    /// Bits of [`Tunnel`].
    pub tunnels: u16,
    /// Tunnels entered.
    pub depth: u8,
    /// VLAN tags and MPLS labels passed, in the whole packet: work stays bounded by them.
    pub tags: u8,
    /// Whether tunnels are opened.
    pub decap: bool,
    /// Whether checksums are checked.
    pub verify_checksums: bool,
}

impl<'a> Walk<'a> {
    /// The `N` bytes at `at`, if they were captured.
    #[inline(always)]
    pub fn fixed<const N: usize>(&self, at: usize) -> Option<&'a [u8; N]> {
        self.data.get(at..)?.first_chunk()
    }

    /// The big-endian 16-bit number at `at`.
    #[inline(always)]
    pub fn u16_at(&self, at: usize) -> Option<u16> {
        self.fixed(at).map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// The byte at `at`.
    #[inline(always)]
    pub fn byte(&self, at: usize) -> Option<u8> {
        self.data.get(at).copied()
    }

    /// Take `end` for the packet's end, as a header claims; captured bytes behind it are padding.
    #[inline(always)]
    pub fn narrow(&mut self, end: usize) {
        if let Some(kept) = self.data.get(..end) {
            self.data = kept;
        }
        self.end = end;
    }

    /// Keep the enclosing layer's end for a packet at `at` that does not tell its own length.
    #[cold]
    pub fn keep_end(&mut self, at: usize) {
        let believed = self.data.len().max(at.saturating_add(MAX_SUPER_PACKET_BYTES));
        self.end = self.end.min(believed);
    }

    /// Count one VLAN tag or MPLS label.
    pub fn enter_tag(&mut self) -> Result<(), Reason> {
        if usize::from(self.tags) >= MAX_TAGS {
            return Err(Reason::TooDeep);
        }
        self.tags += 1;
        Ok(())
    }

    /// Count one tunnel; VLAN tags outside it say nothing of what is inside.
    pub fn enter_tunnel(&mut self, tunnel: Tunnel) -> Result<(), Reason> {
        if usize::from(self.depth) >= MAX_TUNNEL_DEPTH {
            return Err(Reason::TooDeep);
        }
        self.depth += 1;
        self.tunnels |= tunnel.bit();
        self.endpoints.vlan = [0; 2];
        Ok(())
    }

    /// What a later continuation needs to know.
    pub fn context(&self) -> Context {
        Context {
            endpoints: self.endpoints,
            tunnels: self.tunnels,
            depth: self.depth,
            tags: self.tags,
        }
    }

    /// The end of the walk: the payload begins at `start`, which may lie behind the captured bytes.
    #[inline(always)]
    pub fn transport(&self, endpoints: Endpoints, tcp: Tcp, start: usize) -> Outcome {
        let captured_start = start.min(self.data.len());
        let captured = self.data.len() - captured_start;
        let claimed = self.end.saturating_sub(start).max(captured);
        Outcome::Transport(Decoded {
            endpoints,
            tcp,
            payload_start: saturate(captured_start),
            payload_captured: saturate(captured),
            payload_claimed: saturate(claimed),
            tunnels: self.tunnels,
        })
    }
}

/// A length as the 32 bits that records use.
#[inline(always)]
pub(super) fn saturate(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The big-endian 16-bit number at `at` of a header whose size is known.
#[inline(always)]
pub(super) fn be16<const N: usize>(header: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([header[at], header[at + 1]])
}

/// The big-endian 32-bit number at `at` of a header whose size is known.
#[inline(always)]
pub(super) fn be32<const N: usize>(header: &[u8; N], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}
