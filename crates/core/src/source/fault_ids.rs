//! What may be wrong with a capture: one stable identifier for each, with its explanation.

macro_rules! fault_ids {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal;)+) => {
        /// Stable identifiers of what may be wrong with a capture.
        pub mod id {
            $($(#[doc = $doc])+ pub const $name: &str = $id;)+

            /// Every identifier with its explanation.
            pub const ALL: &[(&str, &str)] = &[$(($id, concat!($($doc),+))),+];
        }
    };
}

fault_ids! {
    /// The file cannot be opened: it is missing, or reading it is not permitted.
    CANNOT_OPEN = "cannot-open";
    /// The name is that of a directory, a device or a socket, not of a file or pipe.
    NOT_A_FILE = "not-a-file";
    /// Reading failed midway: the medium or the network file system returned an error.
    READ_ERROR = "read-error";
    /// The file holds no bytes.
    EMPTY_FILE = "empty-file";
    /// The file ends within its first header.
    TRUNCATED_HEADER = "truncated-header";
    /// The first bytes are not those of a capture that can be read.
    UNKNOWN_FORMAT = "unknown-format";
    /// The first bytes are those of a known format that is not read; the text names it.
    UNSUPPORTED_FORMAT = "unsupported-format";
    /// The pcap version is not 2.4; read as if it were.
    ODD_VERSION = "odd-version";
    /// Reserved bits of the pcap link type are set; ignored.
    RESERVED_LINK_BITS = "reserved-link-bits";
    /// The file ends within a packet record or block.
    TRUNCATED_RECORD = "truncated-record";
    /// A packet record cannot be one: its length is beyond every limit.
    BAD_RECORD = "bad-record";
    /// A second capture header stands where a packet record should: two files were joined.
    SECOND_HEADER = "second-header";
    /// From some packet record on the byte order is the other one; read in that order, as asked.
    BYTE_ORDER_CHANGE = "byte-order-change";
    /// Bytes between packet records that are not records were skipped, as asked.
    SKIPPED_BYTES = "skipped-bytes";
    /// Zero bytes follow the last record; taken as padding.
    ZERO_PADDING = "zero-padding";
    /// Zero bytes stand where a packet record should, and other bytes follow.
    ZERO_FILLED = "zero-filled";
    /// A captured length exceeds the length on the wire; the captured length is used.
    CAPLEN_ABOVE_ORIGLEN = "caplen-above-origlen";
    /// A captured length exceeds the snapshot length; the packet is kept.
    CAPLEN_ABOVE_SNAPLEN = "caplen-above-snaplen";
    /// A fraction of a second is a second or more; carried over to the seconds.
    FRACTION_OVERFLOW = "fraction-overflow";
    /// A timestamp is zero, or beyond the year 2038 in pcap or 2262 in pcapng.
    ODD_TIMESTAMP = "odd-timestamp";
    /// Packets without a timestamp (simple packet blocks) are given time 0.
    NO_TIMESTAMP = "no-timestamp";
    /// A pcapng block has a length that no block can have.
    BAD_BLOCK_LENGTH = "bad-block-length";
    /// The two lengths of a pcapng block, before and after its body, differ.
    BLOCK_LENGTH_MISMATCH = "block-length-mismatch";
    /// A pcapng block is too short for its own fields; it was skipped.
    SHORT_BLOCK = "short-block";
    /// A pcapng packet claims more bytes than its block holds; it was skipped.
    PACKET_OVERRUNS_BLOCK = "packet-overruns-block";
    /// A pcapng packet names an interface that was not described; it cannot be decoded.
    UNKNOWN_INTERFACE = "unknown-interface";
    /// A pcapng section describes more interfaces than are kept.
    TOO_MANY_INTERFACES = "too-many-interfaces";
    /// The options of a pcapng block overrun it; the rest of them were ignored.
    BAD_OPTION = "bad-option";
    /// A pcapng interface states a timestamp resolution that no clock has.
    ODD_RESOLUTION = "odd-resolution";
    /// A pcapng section has another major version than 1, or no valid byte-order magic.
    UNSUPPORTED_SECTION = "unsupported-section";
    /// The compressed data end midway.
    TRUNCATED_COMPRESSION = "truncated-compression";
    /// The compressed data are damaged.
    CORRUPT_COMPRESSION = "corrupt-compression";
    /// What was unpacked does not have the checksum that was stored with it.
    CHECKSUM_MISMATCH = "checksum-mismatch";
    /// Bytes that are not compressed data follow the compressed data; ignored.
    TRAILING_GARBAGE = "trailing-garbage";
    /// The compressed file holds a compressed file.
    NESTED_COMPRESSION = "nested-compression";
    /// The compressed data unpack to far more than captures do.
    DECOMPRESSION_BOMB = "decompression-bomb";
    /// A compressed file cannot be followed as it grows; it was read as it is.
    CANNOT_FOLLOW = "cannot-follow";
    /// The file became shorter while it was followed.
    FILE_SHRANK = "file-shrank";
    /// Reading was stopped on request before the end.
    STOPPED = "stopped";
    /// More files overlap in time than are held open; some packets may be out of order.
    TOO_MANY_OVERLAPS = "too-many-overlaps";
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn identifiers_are_unique_and_in_kebab_case() {
        for (place, (id, text)) in id::ALL.iter().enumerate() {
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
            assert!(!text.trim().is_empty());
            assert!(id::ALL[..place].iter().all(|(other, _)| other != id));
        }
    }
}
