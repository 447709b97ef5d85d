//! Why a stream is no stream of frames.

/// What is wrong with a stream. Nothing after it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The checksum of a frame's lengths is another.
    PreludeChecksum,
    /// The checksum of a whole frame is another.
    Checksum,
    /// A frame says that it is longer than this, in bytes.
    TooLong(usize),
    /// The lengths that a frame states contradict each other.
    Lengths,
    /// A header runs over the end of the headers, has no name, or no text where there must be one.
    Header,
    /// A header has a type that there is none of.
    HeaderType(u8),
    /// A header occurs twice in a frame.
    HeaderTwice,
    /// What a frame carries is not what its event carries.
    Payload,
    /// The stream ended within a frame.
    Cut,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let says = match self {
            Self::PreludeChecksum => "the lengths of an event stream's frame do not match their checksum",
            Self::Checksum => "a frame of an event stream does not match its checksum",
            Self::TooLong(limit) => return write!(f, "a frame of an event stream exceeds {limit} bytes"),
            Self::Lengths => "the lengths of an event stream's frame contradict each other",
            Self::Header => "a header of an event stream's frame is malformed",
            Self::HeaderType(kind) => {
                return write!(f, "a header of an event stream's frame is of no known type ({kind})");
            }
            Self::HeaderTwice => "a header of an event stream's frame occurs twice",
            Self::Payload => "a frame of an event stream does not carry what its type says",
            Self::Cut => "the event stream ended within a frame",
        };
        f.write_str(says)
    }
}

impl std::error::Error for Fault {}
