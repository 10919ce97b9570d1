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

/// Bytes that a source reads at a time when it merges files that overlap in time: every file
/// then holds its own buffer, and 64 KiB still keeps system calls rare.
pub const MERGE_READ_BYTES: usize = 64 << 10;

/// Files that a merging source holds open at once. The usual limit of a process is 1,024, and
/// 64 buffers of [`MERGE_READ_BYTES`] (twice, for what is carried over) stay under 16 MiB.
pub const MAX_OPEN_FILES: usize = 64;

/// Interfaces of one pcapng section. Real captures have a handful; at 32 bytes at most, this many
/// cost 2 MiB.
pub const MAX_INTERFACES: usize = 65_536;

/// Bytes searched for a plausible record after a broken one: as far as the largest record
/// could have reached.
pub const RESYNC_BYTES: u64 = MAX_RECORD_BYTES as u64;

/// Largest record that is plausible where the search for one is on: tcpdump's largest snapshot
/// length.
pub const RESYNC_RECORD_BYTES: u32 = 262_144;

/// Zero bytes after the last record that are looked through before they are called padding
/// without having seen their end: a preallocated file is seldom larger, and a sparse file of a
/// terabyte must not keep us busy.
pub const MAX_PADDING_BYTES: u64 = 64 << 20;

/// Bytes that any compressed file may unpack to, whatever its ratio.
pub const DECOMPRESSED_GRACE_BYTES: u64 = 8 << 30;

/// Bytes that a file may unpack to for each compressed byte, beyond
/// [`DECOMPRESSED_GRACE_BYTES`]. Captures of plain text reach 20, captures of idle links 100.
pub const DECOMPRESSION_RATIO: u64 = 200;

/// Pause between two looks at a growing file, in milliseconds: short for a person, rare for a
/// processor.
pub const FOLLOW_POLL_MS: u64 = 100;
