//! A vault of which a page was spoiled while the machine was off: set aside as it is, rebuilt from what can be read.

use crate::birth::{KEY, now};
use crate::cut::Mode;
use crate::disk::{Plan, is_alive};
use crate::machine::Machine;
use crate::random::Random;
use crate::tree::{ROOT, Tree};
use reknit_core::client::{Command, Error, Node, Place, Session};
use reknit_core::crypto::Unlock;
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::entry::Incident;
use reknit_core::store::last_set_aside;
use std::collections::BTreeSet;
use std::path::Path;

const PAGE: usize = 4_096;
const TEXTS: usize = 24;
const STORE: &str = "/vault/private/rows.db";
const ASIDE: &str = "/vault/private.aside-1/rows.db";

/// What was tried, and what came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Pages that were spoiled, one at a time.
    pub pages: u64,
    /// Stores that were set aside; the other pages held nothing.
    pub set_aside: u64,
    /// Texts that are there again, of so many.
    pub texts: (u64, u64),
    /// Pages over which a text was lost, and the incident that says so was written down.
    pub lost: u64,
    /// Power cuts in the rebuilding.
    pub cuts: u64,
}

/// A vault with some texts, none of which any relay has.
fn written(machine: &mut Machine, random: &mut Random) -> BTreeSet<String> {
    let folder = machine.boot(Plan::default());
    let place = Place::Folder(folder.join("vault"));
    let session = Session::create(place, &[Unlock::Key(&KEY)], random).expect("a vault");
    let mut node = Node::new(session, 1, false).expect("a device");
    let texts: BTreeSet<String> =
        (0..TEXTS).map(|n| format!("{n} {}", "word ".repeat(60))).collect();
    for text in &texts {
        let edit = Edit { text: Some(text.clone()), ..Edit::default() };
        let new = Command::NewDocument(DocumentKind::Journal, edit);
        node.execute(new, &now(), random).expect("it is saved");
    }
    drop(node);
    machine.kill();
    machine.cut(Mode::Kept, random);
    texts
}

fn bytes(tree: &Tree, path: &str) -> Vec<u8> {
    tree.paths(ROOT, "").get(path).copied().flatten().expect("a file").to_vec()
}

fn spoil(tree: &mut Tree, page: usize) {
    let whole = bytes(tree, STORE);
    tree.replace(b"rows.db", |file| {
        let mut file = file.to_vec();
        if file == whole {
            file[page * PAGE..(page + 1) * PAGE].fill(0xa5);
        }
        Some(file)
    });
}

/// What is there after an opening.
struct Opened {
    set_aside: bool,
    /// An incident says that the store was damaged.
    said: bool,
    texts: BTreeSet<String>,
}

/// Opens, reads all, writes one text more. Nothing if the power went.
fn open(folder: &Path, random: &mut Random) -> Option<Opened> {
    let vault = folder.join("vault");
    let place = Place::Folder(vault.clone());
    let read = Session::open(place, Unlock::Key(&KEY), random).and_then(|session| {
        let cards = session.documents(DocumentKind::Journal)?;
        let texts = cards.iter().map(|card| Ok(session.document(card.id)?.1.text));
        let mut texts = texts.collect::<Result<BTreeSet<_>, Error>>()?;
        let incidents = session.incidents()?;
        let said = incidents.iter().any(|(_, it)| matches!(it, Incident::StoreDamaged { .. }));
        let set_aside = last_set_aside(&vault.join("private"))?.is_some();
        let mut node = Node::new(session, 1, false)?;
        // What is said again is written with whatever happens next.
        let edit = Edit { text: Some("and on".to_owned()), ..Edit::default() };
        node.execute(Command::NewDocument(DocumentKind::Journal, edit), &now(), random)?;
        for card in node.session().documents(DocumentKind::Journal)? {
            texts.insert(node.session().document(card.id)?.1.text);
        }
        Ok(Opened { set_aside, said, texts })
    });
    match read {
        Ok(read) => Some(read),
        Err(error) => {
            assert!(!is_alive(), "a spoiled vault opens: {error}");
            None
        }
    }
}

/// Each page of the private store in turn.
///
/// # Panics
/// When a vault does not open, shows what nobody wrote, or changes what was set aside.
pub fn each_page() -> Found {
    let mut random = Random::new(3);
    let mut machine = Machine::new();
    let texts = written(&mut machine, &mut random);
    let whole = machine.tree().clone();
    let mut found = Found::default();
    for page in 0..bytes(&whole, STORE).len() / PAGE {
        *machine.tree_mut() = whole.clone();
        spoil(machine.tree_mut(), page);
        let spoiled = bytes(machine.tree(), STORE);
        let folder = machine.boot(Plan::default());
        let opened = open(&folder, &mut random).expect("there is power");
        machine.kill();
        machine.cut(Mode::Kept, &mut random);
        let back = texts.intersection(&opened.texts).count();
        assert_eq!(opened.texts.len(), back + 1, "page {page}: nothing is shown that nobody wrote");
        if opened.set_aside {
            assert!(bytes(machine.tree(), ASIDE) == spoiled, "page {page}: it stays as it was");
        }
        assert!(opened.said || back == texts.len(), "page {page}: nothing is lost without a word");
        found.pages += 1;
        found.set_aside += u64::from(opened.set_aside);
        found.lost += u64::from(back < texts.len());
        found.texts.0 += back as u64;
        found.texts.1 += texts.len() as u64;
    }
    found
}

/// The power goes before each change of a rebuilding, or every so many, and nothing more is lost by that.
///
/// # Panics
/// When something is.
pub fn cut_everywhere(step: usize) -> Found {
    let mut random = Random::new(4);
    let mut machine = Machine::new();
    written(&mut machine, &mut random);
    let page = bytes(machine.tree(), STORE).len() / PAGE / 2;
    spoil(machine.tree_mut(), page);
    let (whole, spoiled) = (machine.tree().clone(), bytes(machine.tree(), STORE));
    let folder = machine.boot(Plan::default());
    let expected = open(&folder, &mut random).expect("there is power").texts;
    machine.kill();
    machine.cut(Mode::Kept, &mut random);
    let mut found = Found::default();
    for at in (0..).step_by(step) {
        *machine.tree_mut() = whole.clone();
        let folder = machine.boot(Plan { cut: Some(at), ..Plan::default() });
        let done = open(&folder, &mut random).is_some();
        machine.kill();
        machine.cut(Mode::ALL[at as usize % Mode::ALL.len()], &mut random);
        found.cuts += 1;
        let folder = machine.boot(Plan::default());
        let read = open(&folder, &mut random).expect("there is power").texts;
        machine.kill();
        machine.cut(Mode::Kept, &mut random);
        assert!(read.is_superset(&expected), "cut {at}: {} of {}", read.len(), expected.len());
        assert!(bytes(machine.tree(), ASIDE) == spoiled, "cut {at}: it stays as it was");
        if done {
            return found;
        }
    }
    found
}
