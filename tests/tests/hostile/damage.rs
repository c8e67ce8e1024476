//! A saved document that cannot be read any more: the entries are the truth, and the next edit works.

use crate::siege::{A_WHILE, Siege};
use reknit_core::client::{Answer, Command};
use reknit_core::crypto::{KeysFile, Unlock};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::id::DocumentId;
use reknit_core::store::{Batch, Row, Store, Table};
use reknit_e2e::random::Seeded;
use reknit_e2e::world::UNLOCK;

impl Siege {
    fn journal(&mut self, text: &str) -> DocumentId {
        let edit = Edit { text: Some(text.to_owned()), ..Edit::default() };
        let command = Command::NewDocument(DocumentKind::Journal, edit);
        let written = self.world.execute(self.phone, command);
        let Ok(Answer::Document(id)) = written else { panic!("{written:?}") };
        id
    }

    /// What stands is read, edited, read back after a restart, and read by the tablet.
    fn document_goes_on(&mut self, id: DocumentId, stands: &str) {
        assert_eq!(self.text(self.phone, id).as_deref(), Some(stands));
        let next = format!("{stands} And on.");
        self.edit(self.phone, id, &next);
        self.world.crash(self.phone);
        self.world.restart(self.phone);
        assert_eq!(self.text(self.phone, id).as_deref(), Some(next.as_str()));
        self.settle();
        assert_eq!(self.text(self.tablet, id).as_deref(), Some(next.as_str()));
    }
}

#[test]
fn f10_a_saved_document_that_a_disk_spoiled_is_made_again_from_its_entries() {
    let mut siege = Siege::new("spoiled");
    let agreed = siege.agreement(siege.phone, "Home by six.");
    let private = siege.journal("Alone.");
    siege.settle();
    siege.edit(siege.tablet, agreed, "Home by six. Or call.");
    siege.settle();
    siege.world.crash(siege.phone);
    for shared in [false, true] {
        let spoiled = siege.world.devices[siege.phone].disk.damage(shared, Table::Documents);
        assert_eq!(spoiled, 1);
    }
    siege.world.restart(siege.phone);
    siege.document_goes_on(agreed, "Home by six. Or call.");
    siege.document_goes_on(private, "Alone.");
    siege.life_goes_on();
}

#[test]
fn f10_a_saved_document_that_is_sealed_well_and_does_not_load_is_made_again_and_merges_what_comes()
{
    let mut siege = Siege::laid("unloadable", true);
    let agreed = siege.agreement(siege.phone, "Home by six.");
    siege.settle();
    siege.world.crash(siege.phone);
    let folder = siege.world.devices[siege.phone].folder.clone().unwrap();
    let keys = KeysFile::open(&std::fs::read(folder.join("keys")).unwrap(), Unlock::Key(&UNLOCK));
    let keys = keys.unwrap();
    let vault = keys.vault;
    let key = keys.all().unwrap().content.row_key(vault, Table::Documents.number());
    let mut store = Store::open(&folder.join("shared")).unwrap();
    let row = store.get(Table::Documents, agreed.as_bytes()).unwrap().unwrap();
    let body = key.seal(&row.id, 1, b"\x01\x02 no document", &mut Seeded::new(9));
    let mut batch = Batch::new();
    batch.put(Table::Documents, Row { body, ..row });
    store.commit(batch).unwrap();
    drop(store);
    // What the tablet wrote meanwhile is merged into what is made again.
    siege.edit(siege.tablet, agreed, "Home by six. Or call.");
    assert!(siege.world.run_until_idle(A_WHILE));
    siege.world.restart(siege.phone);
    assert_eq!(siege.text(siege.phone, agreed).as_deref(), Some("Home by six."));
    siege.settle();
    siege.document_goes_on(agreed, "Home by six. Or call.");
    siege.life_goes_on();
}
