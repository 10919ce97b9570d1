//! Protocol oddities: counted, never fatal.

/// An oddity of one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Weird {
    /// A second copy of a byte differed from the first.
    ConflictingOverlap,
    /// A segment outside what its receiver could accept.
    OutOfWindow,
    /// Payload before the first byte of the stream.
    BeforeStart,
    /// Payload that filled a hole after that had been given up.
    LateSegment,
    /// A RST that its receiver would ignore (RFC 5961, section 3.2).
    BadRst,
    /// A FIN that cannot be the end of the stream.
    BadFin,
    /// A SYN inside an established connection (RFC 5961, section 4.2).
    SynInConnection,
    /// A repeated SYN with another sequence number before the handshake was complete.
    SynChanged,
    /// Both sides opened at once (RFC 9293, section 3.5, figure 7).
    SimultaneousOpen,
    /// SYN with FIN or RST.
    SynWithEnd,
    /// No flag at all.
    NullFlags,
    /// Payload in the SYN.
    SynData,
    /// Payload after the stream's FIN.
    DataAfterFin,
    /// Packets after a RST that was believed.
    DataAfterRst,
    /// Source and destination are the same.
    Land,
    /// Payload cut by the snap length.
    Snapped,
    /// The packet's time is before that of an earlier packet.
    TimeBackwards,
    /// An acknowledgement of more than could have been sent, going by what was seen.
    FarAck,
}

impl Weird {
    /// All oddities, in the order of their bits.
    pub const ALL: [Self; 18] = [
        Self::ConflictingOverlap,
        Self::OutOfWindow,
        Self::BeforeStart,
        Self::LateSegment,
        Self::BadRst,
        Self::BadFin,
        Self::SynInConnection,
        Self::SynChanged,
        Self::SimultaneousOpen,
        Self::SynWithEnd,
        Self::NullFlags,
        Self::SynData,
        Self::DataAfterFin,
        Self::DataAfterRst,
        Self::Land,
        Self::Snapped,
        Self::TimeBackwards,
        Self::FarAck,
    ];

    /// The name used in records and in the summary.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConflictingOverlap => "conflicting-overlap",
            Self::OutOfWindow => "out-of-window",
            Self::BeforeStart => "before-start",
            Self::LateSegment => "late-segment",
            Self::BadRst => "bad-rst",
            Self::BadFin => "bad-fin",
            Self::SynInConnection => "syn-in-connection",
            Self::SynChanged => "syn-changed",
            Self::SimultaneousOpen => "simultaneous-open",
            Self::SynWithEnd => "syn-with-end",
            Self::NullFlags => "null-flags",
            Self::SynData => "syn-data",
            Self::DataAfterFin => "data-after-fin",
            Self::DataAfterRst => "data-after-rst",
            Self::Land => "land",
            Self::Snapped => "snapped",
            Self::TimeBackwards => "time-backwards",
            Self::FarAck => "far-ack",
        }
    }
}

/// A set of oddities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weirds(u32);

impl Weirds {
    /// Add one.
    pub fn note(&mut self, weird: Weird) {
        self.0 |= 1 << weird as u8;
    }

    /// Those in the set.
    pub fn iter(self) -> impl Iterator<Item = Weird> {
        Weird::ALL.into_iter().filter(move |&weird| self.0 & (1 << weird as u8) != 0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}
