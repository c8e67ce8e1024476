//! One person, one device, no relay: everything private works.

use reknit_core::client::{
    Answer, Command, Error, MemoryDisk, Node, Now, Output, Place, Session, Whom,
};
use reknit_core::crypto::{Random, Unlock};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::membership::SpaceKind;
use reknit_core::model::id::DocumentId;
use reknit_core::store::{Batch, Direction, Store, Table};
use wire::address::{AddressLine, RelayAddress};
use wire::frame::{Channel, Frame};
use wire::id::{RelayId, StoreId};
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
    assert_eq!(session.search("YET").unwrap().count(), 1);
    assert_eq!(session.search("truth").unwrap().count(), 0);
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

/// The mailbox requests that a node sends now.
fn mail(node: &mut Node) -> Vec<(Channel, Frame)> {
    let outputs = std::iter::from_fn(|| node.poll_output());
    let sent = outputs.filter_map(|output| match output {
        Output::Send { channel, frame, .. } => Some((channel, frame)),
        Output::Dial { .. } | Output::Cancel { .. } | Output::Hangup { .. } | Output::Notice(_) => {
            None
        }
    });
    sent.filter(|(_, frame)| matches!(frame, Frame::MailPut { .. } | Frame::MailGet { .. }))
        .collect()
}

/// Two requests are two streams, and the second one may come first: then the box would not be there yet.
#[test]
fn an_invitation_looks_into_its_box_only_once_the_box_is_there() {
    let mut random = Stream(9);
    let place = Place::Memory(MemoryDisk::new("inviting"));
    let session = Session::create(place, &[Unlock::Key(&KEY)], &mut random).unwrap();
    let mut node = Node::new(session, 1, true).unwrap();
    let relay = RelayId::from_bytes([3; 32]);
    let address = RelayAddress::parse("127.0.0.1:4433").unwrap();
    let line = AddressLine { address, relay };
    node.execute(Command::UseRelay(SpaceKind::Private, line), &now(0), &mut random).unwrap();
    node.want_online(&now(0), &mut random).unwrap();
    node.handle_connected(relay, [5; 32], &now(0), &mut random).unwrap();
    let welcome = Frame::Welcome { version: 1, store: StoreId::from_bytes([1; 16]) };
    node.handle_frame(relay, (Channel::Control, welcome), &now(0), &mut random).unwrap();
    let invite = Command::Invite { whom: Whom::Partner, digits: false };
    node.execute(invite, &now(0), &mut random).unwrap();
    let asked = mail(&mut node);
    let [(channel, Frame::MailPut { idx: 0, .. })] = asked[..] else { panic!("{asked:?}") };
    let stored = Frame::MailStored { idx: 0 };
    node.handle_frame(relay, (channel, stored), &now(0), &mut random).unwrap();
    let asked = mail(&mut node);
    assert!(matches!(asked[..], [(_, Frame::MailGet { .. })]), "{asked:?}");
}

/// Everything sorts by the order key of its row: one that was moved is not what its entry says.
#[test]
fn verify_finds_an_entry_that_is_filed_under_another_order_key() {
    let disk = MemoryDisk::new("moved");
    let mut random = Stream(3);
    let place = Place::Memory(disk.clone());
    let session = Session::create(place, &[Unlock::Key(&KEY)], &mut random).unwrap();
    let mut node = Node::new(session, 1, false).unwrap();
    for title in ["Sunday", "Monday"] {
        write(&mut node, &mut random, title, "as it was");
    }
    assert_eq!(node.session().verify().unwrap()[0].broken, 0);
    let mut store = Store::memory(&disk.store_name(false)).unwrap();
    let mut newest = store.page(Table::Entries, None, 1, Direction::Descending).unwrap().remove(0);
    newest.order = (u128::from_be_bytes(newest.order) + 1).to_be_bytes();
    let mut batch = Batch::new();
    batch.put(Table::Entries, newest);
    store.commit(batch).unwrap();
    let proved = node.session().verify().unwrap();
    assert_eq!((proved[0].entries, proved[0].broken), (1, 1));
}
