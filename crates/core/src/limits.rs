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

/// Captured bytes with which an epoch ends early: full segments stay below it, and packets of 64 KB
/// must not hold hundreds of megabytes before the caps are looked at.
pub const EPOCH_BYTES: usize = 16 << 20;

/// Reminders that a queue of the flow table looks at when an epoch ends: twice as many as an epoch
/// can set, so that expiry catches up, and work grows with packets, not with open flows.
pub const REMINDERS_PER_EPOCH: usize = 2 * EPOCH_PACKETS;

/// Layers of encapsulation (tunnels) that are unwrapped; the same limit as Suricata's.
pub const MAX_TUNNEL_DEPTH: usize = 16;

/// VLAN tags and MPLS labels followed in one packet before it is called too deep.
pub const MAX_TAGS: usize = 16;

/// IPv6 extension headers followed in one packet.
pub const MAX_EXTENSION_HEADERS: usize = 16;

/// Threshold crossings kept of one trajectory. Random bytes flicker tens of times around a
/// threshold near their mean; more than these would be noise.
pub const MAX_CROSSINGS: usize = 256;

/// Packets whose bytes wait until the threshold is looked at; with more a look is taken at once.
pub const MAX_MARKS: usize = 128;

/// Gaps kept of one direction with their place; later ones only add to `missed_bytes`.
pub const MAX_GAPS: usize = 64;

/// Bytes behind a hole that are seen before the hole is given up: the largest receive window
/// that common systems open by default is a few megabytes, and a retransmission fills a hole
/// after about one round trip, that is within one window.
pub const REORDER_BYTES: u64 = 4 << 20;

/// The same where the receiver acknowledged the hole: only capture disorder can still fill it.
pub const REORDER_ACKED_BYTES: u64 = 64 << 10;

/// Pieces of one direction that wait for a hole to be filled: a 4 MiB window of full segments.
pub const MAX_WAITING_PIECES: usize = 4096;

/// The largest window that TCP can advertise (RFC 7323, section 2.3), used where the receiver is
/// not seen.
pub const UNSEEN_WINDOW_BYTES: u64 = 1 << 30;

/// Delivered payload kept of each TCP direction, to be measured at the end and to compare later
/// copies with: the default depth.
pub const KEPT_BYTES: usize = 65_536;

/// Payload kept of each direction where nothing can be repeated, to be measured at the end: less
/// than meters of its own would take.
pub const KEPT_DATAGRAM_BYTES: usize = 8192;

/// The first part of what is kept of a direction, which lies in one piece: most flows are shorter.
pub const KEPT_HEAD_BYTES: usize = 2048;

/// What the meters of one flow are reckoned to take, with their buffers at their fullest (a test
/// holds them to it).
pub const METERS_BYTES: usize = 80 << 10;

/// Runs of bytes remembered of a flow before it gets meters of its own: at 24 bytes each, half of
/// what those take.
pub const MAX_TURNS: usize = 512;

/// First payload bytes of a direction that its record keeps (`schema.py`, HEAD_BYTES).
pub const HEAD_BYTES: usize = 64;

/// Segments of one direction that are told; the last of them reaches to the end. Sessions change between cleartext and
/// ciphertext a few times; what changes more often is not a session.
pub const MAX_SEGMENTS: usize = 64;

/// Opaque bytes of each direction that are measured for how they are coded: with more, the verdict hardly gets better.
pub const OPAQUE_BYTES: usize = 8192;

/// Fewest opaque bytes that are measured for how they are coded: fewer say little, and flows with few are many.
pub const OPAQUE_LEAST_BYTES: usize = 256;

/// Bytes kept while it is not yet known that an opaque segment has begun, which three or four blocks decide.
pub const OPAQUE_WAITING_BYTES: usize = 256;

/// Payload-bearing packets of a flow whose sizes and times are kept (`schema.py`, FIRST_PACKETS).
pub const FIRST_PACKETS: usize = 64;

/// Parts that the flow table is split into, whatever the number of threads: caps apply to each
/// part, so results must not depend on how many workers share them.
pub const SHARDS: usize = 8;

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

/// How long a read from a pipe waits before it looks whether reading should end, in milliseconds.
pub const PIPE_PATIENCE_MS: u64 = 100;

/// Flows in one batch of records: enough to amortise the hand-over to Python, few enough that a
/// batch stays within a few megabytes.
pub const BATCH_ROWS: usize = 4096;

/// Trajectory points in one batch (8 bytes each, and as many block entropies).
pub const BATCH_POINTS: usize = 1 << 18;

/// Finished flows that are collected before they are measured and become rows.
pub const GROUP_FLOWS: usize = 4096;

/// Payload state of finished flows at which they are measured, however few.
pub const GROUP_HELD_BYTES: usize = 4 << 20;

/// Packet rows of traced flows in one batch.
pub const TRACE_ROWS: usize = 16_384;

/// Outputs that wait for their consumer before workers pause.
pub const MAX_WAITING_OUTPUTS: usize = 4;

/// Bytes in a block of kept payload beyond its head: small enough that the last,
/// half-filled one wastes little.
pub const KEPT_BLOCK_BYTES: usize = 2048;

/// Bytes of memory of ended flows that are kept for new ones: half a group of flows of 1 KB.
pub const POOLED_FLOW_BYTES: usize = 2 << 20;

/// Sets of meters kept for new flows (see [`METERS_BYTES`]).
pub const POOLED_METERS: usize = 64;

/// Blocks of payload kept for new flows: 2 MiB.
pub const POOLED_BLOCKS: usize = 1024;
