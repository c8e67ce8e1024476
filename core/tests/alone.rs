//! One person, one device, no relay: everything private works.

use reknit_core::client::{Answer, Command, Error, MemoryDisk, Node, Now, Place, Session};
use reknit_core::crypto::{Random, Unlock};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::id::DocumentId;
use wire::time::{Moment, Timestamp};

const KEY: [u8; 32] = [7; 32];

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

fn now(minute: u64) -> Now {
    Now {
        moment: Moment::ORIGIN,
        timestamp: Timestamp::from_millis(1_768_764_600_000 + minute * 60_000),
        zone: "Europe/London".to_owned(),
    }
}

fn edit(title: &str, text: &str) -> Edit {
    Edit { title: Some(title.to_owned()), text: Some(text.to_owned()), ..Edit::default() }
}

fn write(node: &mut Node, random: &mut Stream, title: &str, text: &str) -> DocumentId {
    let command = Command::NewDocument(DocumentKind::Journal, edit(title, text));
    let answer = node.execute(command, &now(0), random);
    node.session().documents(DocumentKind::Journal).map_or(DocumentId::ZERO, |listed| {
        assert!(answer.is_ok(), "the entry is written");
        let new = listed.iter().find(|card| answer == Ok(Answer::Document(card.id)));
        new.map_or(DocumentId::ZERO, |card| card.id)
    })
}

#[test]
fn a_journal_is_written_changed_searched_deleted_and_read_again_after_a_restart() {
    let disk = MemoryDisk::new("alone");
    let mut random = Stream(1);
    let session =
        Session::create(Place::Memory(disk.clone()), &[Unlock::Key(&KEY)], &mut random).unwrap();
    let mut node = Node::new(session, 1, false).unwrap();
    let first = write(&mut node, &mut random, "Sunday", "I do not know if I am staying.");
    let second = write(&mut node, &mut random, "Monday", "I want the truth either way.");
    let change =
        Edit { text: Some("I do not know yet if I am staying.".to_owned()), ..Edit::default() };
    node.execute(Command::EditDocument(first, change), &now(1), &mut random).unwrap();
    node.execute(Command::DeleteDocument(second), &now(2), &mut random).unwrap();
    drop(node);

    let session = Session::open(Place::Memory(disk), Unlock::Key(&KEY), &mut random).unwrap();
    let listed = session.documents(DocumentKind::Journal).unwrap();
    assert_eq!(listed.iter().map(|card| card.title.as_str()).collect::<Vec<_>>(), ["Sunday"]);
    let (_, fields) = session.document(first).unwrap();
    assert_eq!(fields.text, "I do not know yet if I am staying.");
    assert_eq!(session.document(second), Err(Error::NotFound));
    assert_eq!(session.search("YET").unwrap().len(), 1);
    assert!(session.search("truth").unwrap().is_empty());
    let proved = session.verify().unwrap();
    assert_eq!((proved[0].entries, proved[0].broken, proved[0].control), (4, 0, 1));
    assert!(session.incidents().unwrap().is_empty());
}

#[test]
fn a_vault_does_not_open_with_another_key() {
    let disk = MemoryDisk::new("locked");
    let mut random = Stream(2);
    let place = Place::Memory(disk);
    drop(Session::create(place.clone(), &[Unlock::Key(&KEY)], &mut random).unwrap());
    let opened = Session::open(place.clone(), Unlock::Key(&[8; 32]), &mut random);
    assert_eq!(opened.err(), Some(Error::WrongSecret));
    let again = Session::create(place, &[Unlock::Key(&KEY)], &mut random);
    assert_eq!(again.err(), Some(Error::Exists));
}
