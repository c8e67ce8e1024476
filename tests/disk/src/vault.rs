//! A whole vault, with its keys, its sealed rows and real commands, while the power goes.

use crate::birth::{KEY, now};
use crate::cut::Mode;
use crate::disk::{Plan, is_alive};
use crate::machine::Machine;
use crate::random::Random;
use crate::tally::Tally;
use reknit_core::client::{Answer, Command, Node, Place, Session};
use reknit_core::crypto::Unlock;
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::id::DocumentId;
use reknit_core::store::last_set_aside;
use std::collections::BTreeMap;
use std::path::Path;

/// Power cuts in one schedule.
const CUTS: u64 = 4;
/// Commands between two cuts, at most.
const COMMANDS: u64 = 10;
/// Changes after which the power goes, at most.
const CHANGES: u64 = 110;

/// The texts that were said to be saved, and what was asked for and not answered.
#[derive(Debug, Default)]
struct Kept {
    texts: BTreeMap<DocumentId, String>,
    doubt: Option<(Option<DocumentId>, Option<String>)>,
}

/// Runs a schedule: four power cuts, and all texts read again after each.
///
/// # Panics
/// When a promise is broken; the message says which.
pub fn run(seed: u64) -> Tally {
    let mut random = Random::new(seed);
    let (mut machine, mut kept, mut tally) = (Machine::new(), Kept::default(), Tally::default());
    let folder = machine.boot(Plan::default());
    let vault = Place::Folder(folder.join("vault"));
    drop(Session::create(vault, &[Unlock::Key(&KEY)], &mut random).expect("a vault"));
    machine.kill();
    machine.cut(Mode::Dropped, &mut random);
    for cut in 0..=CUTS {
        let at = (cut < CUTS).then(|| random.below(CHANGES));
        let folder = machine.boot(Plan { cut: at, ..Plan::default() });
        let opened = work(&folder, &mut kept, &mut tally, &mut random);
        assert!(opened || at.is_some(), "after the last cut it opens");
        machine.kill();
        let mode = if at.is_some() { *random.pick(&Mode::ALL) } else { Mode::Kept };
        machine.cut(mode, &mut random);
        if at.is_some() {
            tally.in_recovery += u64::from(cut > 0 && !opened);
            tally.cut(mode);
        }
    }
    tally
}

fn work(folder: &Path, kept: &mut Kept, tally: &mut Tally, random: &mut Random) -> bool {
    let place = Place::Folder(folder.join("vault"));
    let opened = Session::open(place, Unlock::Key(&KEY), random).and_then(|session| {
        for store in ["private", "shared"] {
            let aside = last_set_aside(&folder.join("vault").join(store))?;
            assert_eq!(aside, None, "a power cut damages nothing");
        }
        let texts = texts(&session)?;
        Ok((Node::new(session, 1, false)?, texts))
    });
    let (mut node, found) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            assert!(!is_alive(), "a vault opens after a power cut: {error}");
            return false;
        }
    };
    look(found, kept, tally);
    for _ in 0..random.below(COMMANDS) {
        command(&mut node, kept, random);
        if !is_alive() {
            break;
        }
    }
    true
}

fn texts(session: &Session) -> Result<BTreeMap<DocumentId, String>, reknit_core::client::Error> {
    let mut texts = BTreeMap::new();
    for card in session.documents(DocumentKind::Journal)? {
        texts.insert(card.id, session.document(card.id)?.1.text);
    }
    Ok(texts)
}

fn look(found: BTreeMap<DocumentId, String>, kept: &mut Kept, tally: &mut Tally) {
    tally.checked += kept.texts.len() as u64;
    if let Some((id, text)) = kept.doubt.take() {
        tally.in_doubt += 1;
        let new = found.keys().find(|id| !kept.texts.contains_key(*id)).copied();
        let mut after = kept.texts.clone();
        match (id.or(new), text) {
            (Some(id), Some(text)) => drop(after.insert(id, text)),
            (Some(id), None) => drop(after.remove(&id)),
            (None, _) => {}
        }
        if found == after {
            kept.texts = after;
        }
    }
    let lost = kept.texts.iter().filter(|(id, text)| found.get(*id) != Some(*text)).count();
    tally.lost += lost as u64;
    assert!(found == kept.texts, "{lost} texts are lost or changed, or one is there half");
}

fn command(node: &mut Node, kept: &mut Kept, random: &mut Random) {
    let some = kept.texts.keys().nth(random.index(kept.texts.len().max(1))).copied();
    let len = 1 + random.index(400);
    let text: String = (0..len).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
    let edit = Edit { text: Some(text.clone()), ..Edit::default() };
    let (id, after, command) = match (some, random.below(6)) {
        (Some(id), 0) => (some, None, Command::DeleteDocument(id)),
        (Some(id), 1..=3) => (some, Some(text), Command::EditDocument(id, edit)),
        (_, _) => (None, Some(text), Command::NewDocument(DocumentKind::Journal, edit)),
    };
    match (node.execute(command, &now(), random), after) {
        (Ok(Answer::Document(id)), Some(text)) => drop(kept.texts.insert(id, text)),
        (Ok(Answer::Document(id)), None) => drop(kept.texts.remove(&id)),
        (Ok(_), _) => panic!("a document is answered with its id"),
        (Err(error), after) => {
            assert!(!is_alive(), "a sound disk takes a command: {error}");
            kept.doubt = Some((id, after));
        }
    }
}
