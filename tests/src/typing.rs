//! What people type and do not close: a second account of it, kept beside each device, of what its disk must hold.
//!
//! A save that a person saw succeed is there after any crash; one that failed left what was there, or is there whole.
//! What was given or dropped is gone. A text deleted on another own device takes its draft along.

use crate::device::Device;
use crate::world::{DeviceIndex, World};
use reknit_core::client::{Answer, Command, Draft, Error, Session};
use reknit_core::model::id::DocumentId;
use std::collections::{BTreeMap, BTreeSet};

/// What a disk may hold of each draft: one thing, or two where a command failed in the middle.
pub type Typed = BTreeMap<DocumentId, Vec<Option<Draft>>>;

/// What a command does to a draft, if it succeeds.
#[derive(Debug)]
pub(crate) struct Typing {
    document: DocumentId,
    draft: Option<Draft>,
    /// The text that must stand there then, where nobody else changed it meanwhile.
    given: Option<String>,
    closes: bool,
}

impl Typing {
    /// What this command does to a draft, given on a device that shows this.
    pub(crate) fn of(command: &Command, session: &Session) -> Option<Self> {
        let closes = matches!(command, Command::CloseDraft(..));
        let (document, draft, given) = match command {
            Command::KeepDraft(document, draft) => (*document, Some(draft.clone()), None),
            Command::CloseDraft(document, draft) => {
                let alone = text_of(session, *document) == draft.before;
                (*document, None, draft.edit.text.clone().filter(|_| alone))
            }
            Command::DropDraft(document) | Command::DeleteDocument(document) => {
                (*document, None, None)
            }
            Command::SetName(_)
            | Command::UseRelay(..)
            | Command::Tell(_)
            | Command::NewDocument(..)
            | Command::EditDocument(..)
            | Command::Invite { .. }
            | Command::Join(_)
            | Command::TypeNumber(_)
            | Command::StopPairing
            | Command::Check(..)
            | Command::TakeAll => return None,
        };
        Some(Self { document, draft, given, closes })
    }
}

impl World {
    /// A command that is about a draft was answered.
    pub(crate) fn typed(
        &mut self,
        device: DeviceIndex,
        typing: Typing,
        done: Result<&Answer, &Error>,
    ) {
        let Typing { document, draft, given, closes } = typing;
        let Device { typed, .. } = &mut self.devices[device];
        match done {
            Ok(_) => {
                self.tally.drafts += u64::from(draft.is_some());
                self.tally.drafts_given += u64::from(closes);
                typed.insert(document, vec![draft]);
            }
            Err(Error::Storage) => {
                let before = typed.entry(document).or_insert_with(|| vec![None]);
                before.push(draft);
            }
            Err(_) => {}
        }
        // Of a copied phone it may be taken back at once, and told again in a new chain.
        let given = given.filter(|_| !self.devices[device].copied);
        if let (Ok(_), Some(given)) = (done, given) {
            let text = text_of(self.node(device).session(), document);
            assert_eq!(text, given, "D1: what was given is not what was typed");
        }
    }

    /// D1: what was typed is on the disk, and nothing else. From then on it is known which of two ways a command that
    /// failed went.
    pub(crate) fn check_typed(&self, device: DeviceIndex, session: &Session) {
        let found = typed_in(session);
        let known = &self.devices[device].typed;
        let documents: BTreeSet<&DocumentId> = found.keys().chain(known.keys()).collect();
        for document in documents {
            let held = found.get(document);
            let may = known.get(document).map_or([None].as_slice(), Vec::as_slice);
            let as_told = may.iter().any(|it| it.as_ref() == held);
            let deleted = held.is_none() && self.deleted.contains(document);
            assert!(as_told || deleted, "D1: a draft on {device} is not what was typed last");
        }
    }

    /// What is on a disk now is what is known of it.
    pub(crate) fn settle_typed(&mut self, device: DeviceIndex, session: &Session) {
        let found = typed_in(session);
        self.tally.drafts_found += found.len() as u64;
        let found = found.into_iter().map(|(document, draft)| (document, vec![Some(draft)]));
        self.devices[device].typed = found.collect();
    }
}

fn text_of(session: &Session, document: DocumentId) -> String {
    session.document(document).map_or_else(|_| String::new(), |(_, fields)| fields.text)
}

fn typed_in(session: &Session) -> BTreeMap<DocumentId, Draft> {
    let drafts = session.drafts().expect("drafts");
    drafts.into_iter().map(|draft| (draft.document, draft.draft)).collect()
}
