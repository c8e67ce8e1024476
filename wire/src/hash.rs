//! SHA-256 with a label in front: no hash of one purpose can pass for another.
//!
//! A label is exactly 16 bytes: `reknit/1 `, a name of at most 7 letters, zeros.

use crate::id::{EnvelopeId, ItemHash, RunningHash, SpaceHandle};
use ring::digest::{Context, SHA256};

/// A 16-byte domain separator. The closed list is the constants of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label([u8; 16]);

impl Label {
    #[expect(clippy::indexing_slicing, reason = "only runs while compiling, on constants")]
    const fn new(name: &str) -> Self {
        let prefix = b"reknit/1 ";
        let name = name.as_bytes();
        assert!(name.len() <= 7, "a label name has at most 7 letters");
        let mut bytes = [0; 16];
        let (mut i, mut j) = (0, 0);
        while i < prefix.len() {
            bytes[i] = prefix[i];
            i += 1;
        }
        while j < name.len() {
            bytes[i + j] = name[j];
            j += 1;
        }
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$doc])* pub const $constant: Label = Label::new($name);)*
        /// Every label, for the test that no two are alike and for `docs/crypto.md`.
        pub const LABELS: &[Label] = &[$($constant),*];
    };
}

labels! {
    /// Device id.
    DEV = "dev";
    /// Recovery id.
    REC = "rec";
    /// Entry id.
    EID = "eid";
    /// Control op id.
    OP = "op";
    /// Pairing transcript.
    TH = "th";
    /// Rendezvous id from digits.
    RID = "rid";
    /// Check value in an invitation.
    INV = "inv";
    /// Signature over an entry.
    ESIG = "esig";
    /// Signature over a control op.
    CSIG = "csig";
    /// Proof of possession of a device's keys.
    POP = "pop";
    /// Signature over a receipt root.
    RCPT = "rcpt";
    /// Sign-in at a relay.
    AUTH = "auth";
    /// Creation of a space at a relay.
    NEW = "new";
    /// Pairing welcome.
    WEL = "wel";
    /// Class key.
    CLASS = "class";
    /// Envelope keys.
    ENV = "env";
    /// Ladder keys.
    LADDER = "ladder";
    /// Epoch key commitment.
    KC = "kc";
    /// HPKE info of wraps.
    WRAP = "wrap";
    /// HPKE info of the welcome.
    WELK = "welk";
    /// Frontier root.
    FRONT = "front";
    /// Member table.
    STATE = "state";
    /// Automerge actor id.
    ACTOR = "actor";
    /// Change list.
    CHG = "chg";
    /// Payload.
    PAY = "pay";
    /// Relay running hash.
    RELAY = "relay";
    /// Receipt tree leaf.
    LEAF = "leaf";
    /// Receipt tree node.
    NODE = "node";
    /// Access key seed.
    ACC = "acc";
    /// Administration key seed.
    ADM = "adm";
    /// Recovery keys.
    PHRASE = "phrase";
    /// Background signing key.
    BGS = "bgs";
    /// Pairing commitment.
    COM = "com";
    /// Pairing MAC.
    PMAC = "pmac";
    /// Pairing numbers.
    SAS = "sas";
    /// Pairing channel.
    PCH = "pch";
    /// Sealed rows of a vault.
    ROW = "row";
    /// Sealed files of a vault.
    FILE = "file";
}

/// SHA-256 of the parts joined.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// SHA-256 of the label and the parts joined.
pub fn hash(label: Label, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(label.as_bytes());
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// The first 16 bytes of [`hash`].
pub fn id16(label: Label, parts: &[&[u8]]) -> [u8; 16] {
    let [a @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = hash(label, parts);
    a
}

/// The id of an envelope.
pub fn envelope_id(envelope: &[u8]) -> EnvelopeId {
    EnvelopeId::from_bytes(sha256(&[envelope]))
}

/// The hash of a control item as stored.
pub fn item_hash(item: &[u8]) -> ItemHash {
    ItemHash::from_bytes(sha256(&[item]))
}

/// `R_n` from `R_{n-1}`: what the relay has stored up to position `n`, in order. `R_0` is zero.
pub fn running_hash(sid: SpaceHandle, before: RunningHash, n: u64, id: EnvelopeId) -> RunningHash {
    RunningHash::from_bytes(hash(
        RELAY,
        &[sid.as_bytes(), before.as_bytes(), &n.to_be_bytes(), id.as_bytes()],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_serves_two_purposes() {
        for (i, a) in LABELS.iter().enumerate() {
            assert!(LABELS[i + 1..].iter().all(|b| a != b));
            assert!(a.as_bytes().starts_with(b"reknit/1 "));
        }
        assert_eq!(LABELS.len(), 38);
    }
}
