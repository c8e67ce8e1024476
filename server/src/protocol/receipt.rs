//! The relay's key and the receipts it signs: one signature for a group commit, over the root of its leaves.

use crate::job::{Append, Committed, Outcome, What};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use wire::id::{RelayId, StoreId};
use wire::limit::RECEIPT_LEAVES_MAX;
use wire::receipt::{Receipt, ReceiptBody, ReceiptKind, ReceiptTree, root_bytes};

/// The 32 bytes are no Ed25519 seed that ring takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the relay's key cannot be used")]
pub struct BadKey;

/// The key that is the relay's name, proves it in TLS and signs receipts.
pub struct RelayKey {
    pair: Ed25519KeyPair,
    id: RelayId,
}

impl RelayKey {
    /// Derives the key from its seed.
    ///
    /// # Errors
    /// [`BadKey`] if ring refuses the seed.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, BadKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadKey)?;
        let id = RelayId::from_slice(pair.public_key().as_ref()).ok_or(BadKey)?;
        Ok(Self { pair, id })
    }

    /// The public key.
    pub const fn id(&self) -> RelayId {
        self.id
    }

    /// Receipts for what a commit made durable or found durable, one place for each append; `None` where there is none.
    pub(super) fn receipts(&self, store: StoreId, committed: &Committed) -> Vec<Option<Receipt>> {
        let appends = committed.batch.appends.iter().zip(&committed.outcomes);
        let bodies: Vec<_> =
            appends.map(|(append, outcome)| body(store, append, *outcome)).collect();
        let mut receipts = Vec::with_capacity(bodies.len());
        for part in bodies.chunks(RECEIPT_LEAVES_MAX) {
            receipts.extend(self.sign(part));
        }
        receipts
    }

    fn sign(&self, bodies: &[Option<ReceiptBody>]) -> Vec<Option<Receipt>> {
        let leaves: Vec<_> = bodies.iter().flatten().map(ReceiptBody::leaf).collect();
        let Ok(count) = u16::try_from(leaves.len()) else { return Vec::new() };
        if count == 0 {
            return vec![None; bodies.len()];
        }
        let tree = ReceiptTree::new(leaves);
        let signed = self.pair.sign(&root_bytes(self.id, &tree.root(), count));
        let signature = <[u8; 64]>::try_from(signed.as_ref()).unwrap_or([0; 64]);
        let mut index = 0_u16;
        let mut receipts = Vec::with_capacity(bodies.len());
        for body in bodies {
            receipts.push(body.map(|body| {
                let siblings = tree.siblings(usize::from(index));
                let receipt = Receipt { body, index, count, siblings, signature };
                index += 1;
                receipt
            }));
        }
        receipts
    }
}

impl core::fmt::Debug for RelayKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RelayKey(..)")
    }
}

fn body(store: StoreId, append: &Append, outcome: Outcome) -> Option<ReceiptBody> {
    let Outcome::Stored(place) = outcome else { return None };
    let (kind, id) = match &append.what {
        What::Data { id, .. } => (ReceiptKind::Data, id.to_bytes()),
        What::Control { hash, .. } | What::Create { hash, .. } => {
            (ReceiptKind::Control, hash.to_bytes())
        }
    };
    let (sid, n, running, relay_ms) = (append.sid, place.n, place.running, place.at);
    Some(ReceiptBody { kind, sid, store, n, running, id, relay_ms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Batch, Bounds, Place};
    use crate::protocol::Limits;
    use ring::signature::{ED25519, UnparsedPublicKey};
    use wire::id::{EnvelopeId, RunningHash, SpaceHandle};
    use wire::time::Timestamp;

    const BOUNDS: fn() -> Bounds = || Limits::default().storage;

    fn committed(outcomes: Vec<Outcome>) -> Committed {
        let append = |i: usize| Append {
            lane: 0,
            sid: SpaceHandle::ZERO,
            slot: 0,
            what: What::Data {
                id: EnvelopeId::from_bytes([u8::try_from(i % 256).unwrap(); 32]),
                epoch: Some(0),
                envelope: Vec::new(),
            },
        };
        let appends = (0..outcomes.len()).map(append).collect();
        let batch = Batch { appends, bounds: BOUNDS(), at: Timestamp::from_millis(5) };
        Committed { batch, outcomes }
    }

    fn stored(n: u64) -> Outcome {
        let (running, at) = (RunningHash::ZERO, Timestamp::from_millis(5));
        Outcome::Stored(Place { n, running, at, fresh: true })
    }

    #[test]
    fn one_signature_covers_a_commit_and_each_receipt_proves_itself() {
        let key = RelayKey::from_seed(&[7; 32]).unwrap();
        let store = StoreId::from_bytes([1; 16]);
        let outcomes = vec![stored(1), Outcome::Behind, stored(2), stored(3), Outcome::Unknown];
        let receipts = key.receipts(store, &committed(outcomes));
        assert_eq!(
            receipts.iter().map(Option::is_some).collect::<Vec<_>>(),
            [true, false, true, true, false]
        );
        let signatures: Vec<_> = receipts.iter().flatten().map(|r| r.signature).collect();
        assert!(signatures.windows(2).all(|two| two[0] == two[1]));
        for receipt in receipts.iter().flatten() {
            let public = UnparsedPublicKey::new(&ED25519, key.id().to_bytes());
            public.verify(&receipt.signed_bytes(key.id()), &receipt.signature).unwrap();
            assert_eq!((receipt.count, receipt.body.store), (3, store));
        }
    }

    #[test]
    fn a_commit_that_stored_nothing_is_not_signed() {
        let key = RelayKey::from_seed(&[7; 32]).unwrap();
        assert_eq!(
            key.receipts(StoreId::ZERO, &committed(vec![Outcome::Behind; 3])),
            vec![None; 3]
        );
        assert_eq!(key.receipts(StoreId::ZERO, &committed(Vec::new())), Vec::new());
    }

    #[test]
    fn the_key_never_prints_itself() {
        assert_eq!(format!("{:?}", RelayKey::from_seed(&[7; 32]).unwrap()), "RelayKey(..)");
    }
}
