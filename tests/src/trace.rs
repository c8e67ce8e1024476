//! What happened in a run, as one hash: equal seeds must come to equal ones, byte for byte.

use wire::hash::sha256;

/// A hash over everything that happens, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    hash: [u8; 32],
    notes: u64,
}

impl Trace {
    /// Nothing happened yet.
    pub const fn new() -> Self {
        Self { hash: [0; 32], notes: 0 }
    }

    /// Something happens: of what kind, and the bytes that tell it from all else.
    pub fn note(&mut self, kind: Kind, parts: &[&[u8]]) {
        self.notes += 1;
        let mut all: Vec<&[u8]> = vec![&self.hash];
        let head = [kind as u8];
        all.push(&head);
        all.extend(parts);
        self.hash = sha256(&all);
    }

    /// The hash so far, and how much it covers.
    pub const fn sum(&self) -> ([u8; 32], u64) {
        (self.hash, self.notes)
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

/// What is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A frame reached the relay.
    ToRelay = 1,
    /// A frame reached a device.
    ToDevice = 2,
    /// The relay's disk took a batch.
    Commit = 3,
    /// A person was shown something.
    Notice = 4,
    /// A command was carried out, or refused.
    Command = 5,
    /// A process died or began.
    Life = 6,
    /// What a device shows at the end.
    View = 7,
}
