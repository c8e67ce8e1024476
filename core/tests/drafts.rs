//! What is typed is durable at once as one row of its document, and becomes one change in one entry.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

use reknit_core::client::{
    Answer, Command, Draft, Error, MemoryDisk, Node, Now, Place, Session, Unfinished,
};
use reknit_core::crypto::{Random, Unlock};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::id::DocumentId;
use reknit_core::store::{Store, Table};
use wire::time::{Moment, Timestamp};

const KEY: [u8; 32] = [7; 32];
const ID: DocumentId = DocumentId::from_bytes([5; 16]);

struct Stream(u64);

impl Random for Stream {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            let block = wire::hash::sha256(&[&self.0.to_be_bytes()]);
            chunk.iter_mut().zip(block).for_each(|(out, byte)| *out = byte);
        }
    }
}

struct Phone {
    disk: MemoryDisk,
    node: Option<Node>,
    random: Stream,
    minute: u64,
}

impl Phone {
    fn new(name: &str) -> Self {
        let disk = MemoryDisk::new(name);
        let mut random = Stream(1);
        let place = Place::Memory(disk.clone());
        let session = Session::create(place, &[Unlock::Key(&KEY)], &mut random).unwrap();
        Self { disk, node: Some(Node::new(session, 1, false).unwrap()), random, minute: 0 }
    }

    fn execute(&mut self, command: Command) -> Result<Answer, Error> {
        self.minute += 1;
        let now = Now {
            moment: Moment::ORIGIN,
            timestamp: Timestamp::from_millis(1_768_764_600_000 + self.minute * 60_000),
            zone: "Europe/London".to_owned(),
        };
        self.node.as_mut().unwrap().execute(command, &now, &mut self.random)
    }

    /// The process dies; all it knew is on the disk.
    fn crash(&mut self) {
        drop(self.node.take());
        let place = Place::Memory(self.disk.clone());
        let session = Session::open(place, Unlock::Key(&KEY), &mut self.random).unwrap();
        self.node = Some(Node::new(session, 2, false).unwrap());
    }

    fn session(&self) -> &Session {
        self.node.as_ref().unwrap().session()
    }

    fn new_document(&mut self, text: &str) -> DocumentId {
        let edit = Edit { text: Some(text.to_owned()), ..Edit::default() };
        let answer = self.execute(Command::NewDocument(DocumentKind::Journal, edit)).unwrap();
        let Answer::Document(id) = answer else { panic!("{answer:?}") };
        id
    }

    fn text(&self, id: DocumentId) -> String {
        self.session().document(id).unwrap().1.text
    }

    /// The rows as they lie on the disk.
    fn store(&self) -> Store {
        Store::memory(&self.disk.store_name(false)).unwrap()
    }
}

fn draft(before: &str, text: &str) -> Draft {
    let edit = Edit { text: Some(text.to_owned()), ..Edit::default() };
    Draft { kind: DocumentKind::Journal, before: before.to_owned(), edit }
}

#[test]
fn a_thousand_saves_of_a_text_are_one_row_and_then_one_entry() {
    let mut phone = Phone::new("draft-saves");
    let before = phone.store().count(Table::Entries).unwrap();
    for length in 1..=1_000 {
        phone.execute(Command::KeepDraft(ID, draft("", &"w".repeat(length)))).unwrap();
    }
    let store = phone.store();
    assert_eq!(store.count(Table::Drafts).unwrap(), 1);
    assert_eq!(store.count(Table::Entries).unwrap(), before, "nothing of it is said yet");
    phone.execute(Command::CloseDraft(ID, draft("", &"w".repeat(1_000)))).unwrap();
    assert_eq!(store.count(Table::Entries).unwrap(), before + 1);
    assert_eq!(store.count(Table::Drafts).unwrap(), 0);
    assert_eq!(phone.text(ID).len(), 1_000);
}

#[test]
fn a_crash_leaves_what_was_typed_last_with_all_that_belongs_to_it() {
    let mut phone = Phone::new("draft-crash");
    let edit = Edit {
        title: Some("Tonight".to_owned()),
        text: Some("I am on my own side".to_owned()),
        tags: Some(vec!["anger".to_owned()]),
        at_ms: Some(-5),
    };
    let whole = Draft { kind: DocumentKind::Journal, before: String::new(), edit };
    phone.execute(Command::KeepDraft(ID, draft("", "I am"))).unwrap();
    phone.execute(Command::KeepDraft(ID, whole.clone())).unwrap();
    phone.crash();
    let found = phone.session().drafts().unwrap();
    let [Unfinished { document: ID, is_new: true, draft, .. }] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(*draft == whole, "all of it is there");
    assert!(phone.session().documents(DocumentKind::Journal).unwrap().is_empty());
    phone.execute(Command::CloseDraft(ID, whole)).unwrap();
    phone.crash();
    assert_eq!(phone.session().draft(ID), Ok(None));
    assert_eq!(phone.text(ID), "I am on my own side");
}

/// A row that stayed would be offered as unfinished though it was said; one that went first would be lost in a crash.
#[test]
fn the_row_goes_in_the_commit_that_makes_the_entry() {
    let mut phone = Phone::new("draft-commit");
    phone.execute(Command::KeepDraft(ID, draft("", "kept"))).unwrap();
    let store = phone.store();
    let before = store.generation().unwrap();
    phone.execute(Command::CloseDraft(ID, draft("", "kept"))).unwrap();
    assert_eq!(store.generation().unwrap(), before + 1, "one commit");
    assert_eq!(store.count(Table::Drafts).unwrap(), 0);
}

#[test]
fn what_came_from_elsewhere_while_a_text_was_typed_stays() {
    let mut phone = Phone::new("draft-meanwhile");
    let id = phone.new_document("We talk at nine. We stop at ten.");
    let typed =
        draft("We talk at nine. We stop at ten.", "We talk at nine. We stop at ten, always.");
    phone.execute(Command::KeepDraft(id, typed.clone())).unwrap();
    let text = Some("We talk at eight. We stop at ten.".to_owned());
    phone.execute(Command::EditDocument(id, Edit { text, ..Edit::default() })).unwrap();
    assert_eq!(phone.session().draft(id), Ok(Some(typed.clone())), "another edit leaves it alone");
    assert!(!phone.session().drafts().unwrap()[0].is_new);
    phone.execute(Command::CloseDraft(id, typed)).unwrap();
    assert_eq!(phone.text(id), "We talk at eight. We stop at ten, always.");
}

#[test]
fn a_draft_that_changes_nothing_is_closed_without_an_entry() {
    let mut phone = Phone::new("draft-nothing");
    let id = phone.new_document("as it was");
    phone.execute(Command::KeepDraft(id, draft("as it was", "as it was, once"))).unwrap();
    let entries = phone.store().count(Table::Entries).unwrap();
    phone.execute(Command::CloseDraft(id, draft("as it was", "as it was"))).unwrap();
    assert_eq!(phone.store().count(Table::Entries).unwrap(), entries);
    assert_eq!(phone.session().draft(id), Ok(None));
}

#[test]
fn deleting_a_document_drops_its_draft_and_nothing_is_kept_of_it_again() {
    let mut phone = Phone::new("draft-deleted");
    let id = phone.new_document("gone soon");
    phone.execute(Command::KeepDraft(id, draft("gone soon", "gone soon?"))).unwrap();
    phone.execute(Command::DeleteDocument(id)).unwrap();
    assert_eq!(phone.session().drafts(), Ok(Vec::new()));
    let again = draft("gone soon", "not gone");
    assert_eq!(phone.execute(Command::KeepDraft(id, again.clone())), Err(Error::NotFound));
    assert_eq!(phone.execute(Command::CloseDraft(id, again)), Err(Error::NotFound));
    assert_eq!(phone.store().count(Table::Drafts).unwrap(), 0);
}

#[test]
fn a_draft_is_dropped_and_one_too_long_or_without_a_place_is_refused() {
    let mut phone = Phone::new("draft-refused");
    phone.execute(Command::KeepDraft(ID, draft("", "kept"))).unwrap();
    phone.execute(Command::DropDraft(ID)).unwrap();
    assert_eq!(phone.session().drafts(), Ok(Vec::new()));
    let long = phone.execute(Command::KeepDraft(ID, draft("", &"a".repeat(262_145))));
    assert_eq!(long.unwrap_err().code(), "text.long");
    let joint = Draft { kind: DocumentKind::Agreement, ..draft("", "we") };
    assert_eq!(phone.execute(Command::KeepDraft(ID, joint)), Err(Error::NotPaired));
    phone.execute(Command::KeepDraft(ID, draft("", "still works"))).unwrap();
}

#[test]
fn a_draft_lies_sealed_and_is_in_no_debug_output() {
    let mut phone = Phone::new("draft-sealed");
    phone.execute(Command::KeepDraft(ID, draft("", "a canary"))).unwrap();
    let row = phone.store().get(Table::Drafts, ID.as_bytes()).unwrap().unwrap();
    assert!(!row.body.windows(6).any(|part| part == b"canary"));
    let found = phone.session().drafts().unwrap();
    let shown =
        format!("{found:?} {:?} {:?}", found[0].draft, Command::KeepDraft(ID, draft("", "canary")));
    assert!(!shown.contains("canary"), "{shown}");
}
