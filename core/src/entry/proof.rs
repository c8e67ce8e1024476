//! Proofs that anybody can check, with public data alone: two signed statements that one honest signer never makes.
//!
//! ```text
//! proof   ver u8 = 1 | kind u8 | 1: space_id 16 ‖ voice 32 ‖ seat 32 ‖ 2 x (var header ‖ signature 64)
//!                              | 2: relay_id 32 ‖ 2 x var receipt
//! ```
//!
//! A proof says which key signed two things; it does not say why. A copied phone does it, and so does a program that was
//! changed.

use super::header::Header;
use super::signed::Entry;
use crate::crypto::{Device, Signature, VerifyKey, device_id};
use crate::model::id::{ChainId, EntryId, SpaceId};
use wire::codec::{DecodeError, Reader, Writer};
use wire::hash;
use wire::id::{RelayId, SpaceHandle, StoreId};
use wire::receipt::{Receipt, ReceiptBody};

const VERSION: u8 = 1;
const FORK: u8 = 1;
const RELAY: u8 = 2;
/// Far above a header with all chains that a space can have.
const HEADER_BYTES_MAX: usize = 8_192;
/// Far above a receipt with all siblings.
const RECEIPT_BYTES_MAX: usize = 1_024;

/// What a proof proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// One device signed two entries for one place of one chain.
    Fork {
        /// In which space.
        space: SpaceId,
        /// Which chain.
        chain: ChainId,
        /// Which place.
        seq: u64,
        /// The one entry.
        one: EntryId,
        /// The other.
        two: EntryId,
    },
    /// One relay confirmed two different things at one place of one log.
    RelayFork {
        /// The relay.
        relay: RelayId,
        /// The space, as the relay knows it.
        sid: SpaceHandle,
        /// The relay's database.
        store: StoreId,
        /// The position, or the index of the control item.
        position: u64,
    },
}

/// Why bytes prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// They are not laid out as a proof.
    #[error("this is not a proof")]
    Form,
    /// It is of a later version, or of a kind that this program does not know.
    #[error("made by a newer app")]
    Version,
    /// A key is none, or is not the one that the statements name.
    #[error("the key is not the signer's")]
    Key,
    /// A signature does not hold.
    #[error("a signature does not hold")]
    Signature,
    /// Both hold, and an honest signer may well have signed both.
    #[error("the two statements do not contradict each other")]
    Harmless,
}

impl From<DecodeError> for ProofError {
    fn from(_: DecodeError) -> Self {
        Self::Form
    }
}

/// The proof that a device signed two entries for one place.
pub fn prove_fork(space: SpaceId, device: &Device, one: &Entry, two: &Entry) -> Vec<u8> {
    let mut w = Writer::new();
    w.u8(VERSION).u8(FORK).bytes(space.as_bytes());
    w.bytes(device.voice.as_bytes()).bytes(device.seat.as_bytes());
    for entry in [one, two] {
        w.var(&entry.header.encode()).bytes(entry.voice.as_bytes());
    }
    w.into_bytes()
}

/// The proof that a relay confirmed two things at one place.
pub fn prove_relay_fork(relay: RelayId, one: &Receipt, two: &Receipt) -> Vec<u8> {
    let mut w = Writer::new();
    w.u8(VERSION).u8(RELAY).bytes(relay.as_bytes());
    for receipt in [one, two] {
        let mut encoded = Writer::new();
        receipt.encode(&mut encoded);
        w.var(encoded.as_slice());
    }
    w.into_bytes()
}

/// Checks a proof. Needs nothing but its bytes.
///
/// # Errors
/// [`ProofError`] by cause.
pub fn verify_proof(bytes: &[u8]) -> Result<Proven, ProofError> {
    let mut r = Reader::new(bytes);
    if r.u8()? != VERSION {
        return Err(ProofError::Version);
    }
    match r.u8()? {
        FORK => verify_fork(r),
        RELAY => verify_relay(r),
        _ => Err(ProofError::Version),
    }
}

fn verify_fork(mut r: Reader<'_>) -> Result<Proven, ProofError> {
    let space = SpaceId::from_bytes(r.array()?);
    let voice = VerifyKey::check(r.array()?).map_err(|_| ProofError::Key)?;
    let seat = VerifyKey::check(r.array()?).map_err(|_| ProofError::Key)?;
    let mut headers = Vec::with_capacity(2);
    for _ in 0..2 {
        let bytes = r.var(HEADER_BYTES_MAX)?.to_vec();
        let signature = Signature(r.array()?);
        let mut inner = Reader::new(&bytes);
        let header = Header::decode(&mut inner).map_err(|_| ProofError::Form)?;
        inner.end()?;
        if header.chain.device != device_id(&voice, &seat) {
            return Err(ProofError::Key);
        }
        let signed: [&[u8]; 2] = [space.as_bytes(), &bytes];
        voice.verify(hash::ESIG, &signed, &signature).map_err(|_| ProofError::Signature)?;
        headers.push(header);
    }
    r.end()?;
    let [one, two] = headers.as_slice() else { return Err(ProofError::Form) };
    let (first, second) = (one.id(space), two.id(space));
    if (one.chain, one.seq) != (two.chain, two.seq) || first == second {
        return Err(ProofError::Harmless);
    }
    Ok(Proven::Fork { space, chain: one.chain, seq: one.seq, one: first, two: second })
}

fn verify_relay(mut r: Reader<'_>) -> Result<Proven, ProofError> {
    let relay = RelayId::from_bytes(r.array()?);
    let key = VerifyKey::check(relay.to_bytes()).map_err(|_| ProofError::Key)?;
    let mut bodies = Vec::with_capacity(2);
    for _ in 0..2 {
        let bytes = r.var(RECEIPT_BYTES_MAX)?.to_vec();
        let mut inner = Reader::new(&bytes);
        let receipt = Receipt::decode(&mut inner)?;
        inner.end()?;
        key.verify_bytes(&receipt.signed_bytes(relay), &Signature(receipt.signature))
            .map_err(|_| ProofError::Signature)?;
        bodies.push(receipt.body);
    }
    r.end()?;
    let [one, two] = bodies.as_slice() else { return Err(ProofError::Form) };
    if !contradict(one, two) {
        return Err(ProofError::Harmless);
    }
    Ok(Proven::RelayFork { relay, sid: one.sid, store: one.store, position: one.n })
}

/// Whether no honest relay states both: at one place of one log stands one thing, after one history.
pub fn contradict(one: &ReceiptBody, two: &ReceiptBody) -> bool {
    let place = |body: &ReceiptBody| (body.kind as u8, body.sid, body.store, body.n);
    place(one) == place(two) && (one.running, one.id) != (two.running, two.id)
}

#[cfg(test)]
mod tests {
    use super::super::replica::{Replica, SPACE, World};
    use super::*;
    use crate::crypto::{SeededRandom, SigningKey};
    use crate::model::id::PersonId;
    use wire::id::RunningHash;
    use wire::receipt::{ReceiptKind, ReceiptTree};
    use wire::time::Timestamp;

    const PERSON: PersonId = PersonId::from_bytes([6; 16]);

    /// A device, and three entries of it: two at one place, one behind.
    fn forked() -> (Device, [Entry; 3]) {
        let world = World::new(2);
        let mut replica = Replica::new();
        replica.write(&world, 0, 1);
        let mut copy = replica.clone();
        let one = replica.write(&world, 0, 2).into_inner();
        let two = copy.write(&world, 0, 3).into_inner();
        let later = copy.write(&world, 0, 4).into_inner();
        (world.keys[0].device(PERSON), [one, two, later])
    }

    #[test]
    fn e6_a_fork_is_proved_with_public_data_alone() {
        let (device, [one, two, later]) = forked();
        let proof = prove_fork(SPACE, &device, &one, &two);
        let chain = one.header.chain;
        let proven = Proven::Fork { space: SPACE, chain, seq: 2, one: one.id, two: two.id };
        assert_eq!(verify_proof(&proof), Ok(proven));
        for at in 0..proof.len() {
            let mut bad = proof.clone();
            bad[at] ^= 1;
            assert!(verify_proof(&bad).is_err(), "byte {at}");
            assert!(verify_proof(&proof[..at]).is_err(), "cut at {at}");
        }
        for (one, two) in [(&one, &one), (&two, &later)] {
            let harmless = prove_fork(SPACE, &device, one, two);
            assert_eq!(verify_proof(&harmless), Err(ProofError::Harmless));
        }
        let other = World::new(2).keys[1].device(PERSON);
        assert_eq!(verify_proof(&prove_fork(SPACE, &other, &one, &two)), Err(ProofError::Key));
        let long = [proof, vec![0]].concat();
        assert_eq!(verify_proof(&long), Err(ProofError::Form));
    }

    fn receipt(key: &SigningKey, n: u64, running: u8) -> Receipt {
        let body = ReceiptBody {
            kind: ReceiptKind::Data,
            sid: SpaceHandle::from_bytes([1; 16]),
            store: StoreId::from_bytes([2; 16]),
            n,
            running: RunningHash::from_bytes([running; 32]),
            id: [4; 32],
            relay_ms: Timestamp::from_millis(5),
        };
        let tree = ReceiptTree::new(vec![body.leaf()]);
        let siblings = tree.siblings(0);
        let mut receipt = Receipt { body, index: 0, count: 1, siblings, signature: [0; 64] };
        receipt.signature = key.sign_bytes(&receipt.signed_bytes(key.public().into())).0;
        receipt
    }

    #[test]
    fn e6_a_relay_that_confirms_two_histories_is_proved_with_public_data_alone() {
        let key = SigningKey::generate(&mut SeededRandom::new(1));
        let relay = RelayId::from(key.public());
        let (one, two) = (receipt(&key, 7, 1), receipt(&key, 7, 2));
        let proof = prove_relay_fork(relay, &one, &two);
        let (sid, store) = (one.body.sid, one.body.store);
        assert_eq!(verify_proof(&proof), Ok(Proven::RelayFork { relay, sid, store, position: 7 }));
        for at in 0..proof.len() {
            let mut bad = proof.clone();
            bad[at] ^= 1;
            assert!(verify_proof(&bad).is_err(), "byte {at}");
        }
        for harmless in [receipt(&key, 7, 1), receipt(&key, 8, 2)] {
            let proof = prove_relay_fork(relay, &one, &harmless);
            assert_eq!(verify_proof(&proof), Err(ProofError::Harmless));
        }
        assert_eq!(verify_proof(&[2, 1]), Err(ProofError::Version));
        assert_eq!(verify_proof(&[1, 9]), Err(ProofError::Version));
    }
}
