//! Every kind of incident, as a row and in words.

use super::*;
use std::collections::BTreeSet;

fn one_of_each() -> Vec<Incident> {
    let chain = ChainId { device: DeviceId::from_bytes([1; 16]), inc: 2 };
    let (entry, two) = (EntryId::from_bytes([3; 32]), EntryId::from_bytes([4; 32]));
    let (envelope, seq, position, idx) = (EnvelopeId::from_bytes([5; 32]), 6, 7, 8);
    let store = StoreId::from_bytes([9; 16]);
    let person = PersonId::from_bytes([10; 16]);
    vec![
        Incident::Fork { chain, seq, one: entry, two },
        Incident::FrontierMismatch { chain, seq, entry },
        Incident::RefusedEntry { position, envelope, error: EntryError::Hash },
        Incident::UnreadableEnvelope { position, envelope },
        Incident::WaitingRoomFull { person, position, count: 11 },
        Incident::MissingEntry { chain, seq, id: [12; 16], by: chain },
        Incident::VoidOp { idx, reason: 13 },
        Incident::StateMismatch { idx },
        Incident::BadWrap { idx },
        Incident::RefusedChange { entry, document: DocumentId::from_bytes([14; 16]) },
        Incident::RelayReceipt { position },
        Incident::RelayHistory { store, position },
        Incident::RelayForgot { before: store, after: StoreId::from_bytes([15; 16]) },
        Incident::RelayFork { store, position },
        Incident::CheckDiffers { chain, seq },
        Incident::RelayPrincipals,
        Incident::RefusedEvent { entry },
        Incident::Poison { entry, document: DocumentId::from_bytes([16; 16]) },
        Incident::DeviceRestored { chain },
        Incident::DeviceCopied { chain },
        Incident::StoreDamaged { entries: 21, drafts: 22, facts: 23 },
        Incident::DocumentFull { entry, document: DocumentId::from_bytes([17; 16]) },
        Incident::RecordFull { entry },
        Incident::Bulk { person, position, count: 18 },
        Incident::AsideFull { position, count: 19 },
        Incident::Unlisted { count: 20 },
    ]
}

#[test]
fn an_incident_is_kept_as_it_was_and_accuses_nobody() {
    let all = one_of_each();
    for incident in &all {
        let bytes = incident.encode();
        assert_eq!(Incident::decode(&bytes), Ok(*incident));
        assert!(Incident::decode(&bytes[..bytes.len() - 1]).is_err());
        let sentence = incident.sentence();
        assert!(sentence.ends_with('.') && !sentence.contains("lied"));
    }
    let codes: BTreeSet<_> = all.iter().map(Incident::code).collect();
    assert_eq!(codes.len(), all.len(), "each kind has its own code");
    assert_eq!(Incident::decode(&[99]), Err(DecodeError::Version));
}

#[test]
fn every_incident_is_told_in_the_pages_on_evidence() {
    let page = include_str!("../../../docs/evidence.md");
    for incident in one_of_each() {
        let refused = matches!(incident, Incident::RefusedEntry { .. });
        let row = format!("| `{}` | {} |", incident.code(), incident.sentence());
        assert!(refused || page.contains(&row), "{row}");
    }
    for error in EntryError::ALL {
        assert!(page.contains(&format!("`{}`", error.code())), "{}", error.code());
    }
}

#[test]
fn a_full_waiting_room_is_one_incident_per_person() {
    let full = |person, count| {
        let person = PersonId::from_bytes([person; 16]);
        Incident::WaitingRoomFull { person, position: 1, count }.key()
    };
    assert_eq!(full(1, 1), full(1, 2));
    assert_ne!(full(1, 1), full(2, 1));
}
