//! The crate's behaviour through its public face.
