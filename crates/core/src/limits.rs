//! Every cap, with the reason for its value.

/// Largest record or block that a container reader accepts. Wireshark's cap for Ethernet is
/// 262,144; 16 MiB leaves room for USB and jumbo super-packets while a lying length field
/// still cannot make us allocate more than this.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// Bytes that a source reads at a time: enough to amortise the system call, small enough that
/// two chunks stay in a second-level cache.
pub const READ_BYTES: usize = 1 << 20;

/// Packets in one epoch. Flows are expired, evicted and emitted at epoch ends only, so that the
/// result depends on packet numbers, never on how a container was cut into reads or on threads.
pub const EPOCH_PACKETS: usize = 8192;

/// Layers of encapsulation (tunnels) that are unwrapped; the same limit as Suricata's.
pub const MAX_TUNNEL_DEPTH: usize = 16;

/// VLAN tags and MPLS labels followed in one packet before it is called too deep.
pub const MAX_TAGS: usize = 16;

/// IPv6 extension headers followed in one packet.
pub const MAX_EXTENSION_HEADERS: usize = 16;

/// Extension headers of one GTP-U header that are followed: 3GPP TS 29.281 defines fewer than ten
/// kinds, and a G-PDU carries one or two.
pub const MAX_GTP_EXTENSIONS: usize = 8;

/// Largest packet believed when its IP header leaves the length out, as segmentation offload does
/// (total length 0): 8 times 65,535, the kernel's limit for offloaded super-packets. Without it a
/// record that claims 4 GiB on the wire would report a gap of 4 GiB.
pub const MAX_SUPER_PACKET_BYTES: usize = 8 * 65_535;

/// Longest IP datagram that fragments may add up to: IPv4's total length and IPv6's payload length
/// have 16 bits. A fragment that ends beyond it is the "ping of death".
pub const MAX_DATAGRAM_BYTES: u32 = 65_535;

/// How long, in packet time, the fragments of a datagram wait for the missing ones: Linux's
/// `ipfrag_time`, 30 s. Longer holding would join fragments of reused identifiers.
pub const FRAGMENT_TIMEOUT_NS: i64 = 30_000_000_000;

/// Datagrams that wait for fragments at a time. A full 16-bit identifier space of one pair of
/// hosts turns over far slower than this; at about 250 bytes each, 16,384 cost 4 MiB.
pub const MAX_FRAGMENTED_DATAGRAMS: usize = 16_384;

/// Bytes held for datagrams that wait for fragments, bookkeeping included: Suricata's default
/// (32 MiB), eight times Linux's.
pub const MAX_FRAGMENT_BYTES: usize = 32 << 20;

/// Instructions of one BPF program. The kernel takes 4,096; libpcap compiles longer ones (a list
/// of a thousand hosts needs some six instructions each), and 65,536 of them are 512 KiB.
pub const MAX_BPF_INSTRUCTIONS: usize = 65_536;
