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
