//! What must hold at the end of the demo, checked and said.

use crate::demo::cast::{BEN, Cast, NORA, Phone, TABLET};
use crate::demo::scan;
use crate::demo::story::{DRAFT_LINES, LINES, TEXTS, Trouble};
use crate::output::Output;
use reknit_core::client::Verification;
use reknit_core::membership::SpaceKind;
use reknit_core::model::id::DocumentId;
use std::path::Path;

/// Edits of one text made at the same time are all in it, on every device.
pub(super) fn merged(
    cast: &mut Cast,
    agreement: DocumentId,
    draft: DocumentId,
    out: Output,
) -> Result<(), Trouble> {
    out.say("")?;
    out.say("The agreement, as both read it now:")?;
    let (_, fields) = cast.phone(NORA)?.driver.node().session().document(agreement)?;
    for line in fields.text.lines() {
        out.say(&format!("    | {line}"))?;
    }
    check(LINES.iter().all(|line| fields.text.contains(line)), "both edits of the agreement")?;
    for device in [BEN, TABLET] {
        let (_, fields) = cast.phone(device)?.driver.node().session().document(draft)?;
        let whole = DRAFT_LINES.iter().all(|line| fields.text.contains(line));
        check(whole, "both edits of the private draft")?;
    }
    let nora = cast.phone(NORA)?.driver.node().session();
    check(nora.document(draft).is_err(), "Ben's draft stays out of Nora's phone")?;
    out.say("Ben's draft holds what both his devices wrote; Nora's phone does not have it.")?;
    Ok(())
}

/// Every device shows the same, byte for byte.
pub(super) fn equal(cast: &mut Cast, agreement: DocumentId, out: Output) -> Result<(), Trouble> {
    let mut shown = Vec::new();
    for device in [NORA, BEN, TABLET] {
        let session = cast.phone(device)?.driver.node().session();
        let timeline = serde_json::to_vec(&session.timeline()?).map_err(|_| Trouble::Story)?;
        let open = serde_json::to_vec(&session.open_list(None)?).map_err(|_| Trouble::Story)?;
        let (_, fields) = session.document(agreement)?;
        shown.push((timeline, open, fields.text));
    }
    let [nora, ben, tablet] = shown.as_slice() else { return Err(Trouble::Story) };
    check(nora == ben && ben == tablet, "equal views on three devices")?;
    let lines = cast.phone(NORA)?.driver.node().session().timeline()?.len();
    check(lines >= 2, "a timeline")?;
    out.say(&format!(
        "  ok  timeline ({lines} records, {} bytes), open list and agreement are the same bytes on 3 devices",
        nora.0.len()
    ))?;
    Ok(())
}

/// Every signature, link and order holds on every device, and the histories are equal.
pub(super) fn unbroken(cast: &mut Cast, out: Output) -> Result<(), Trouble> {
    let mut shared = Vec::new();
    let mut entries = 0;
    let mut chains = 0;
    for device in [NORA, BEN, TABLET] {
        let session = cast.phone(device)?.driver.node().session();
        check(session.incidents()?.is_empty(), "no incident")?;
        for space in session.verify()? {
            check(space.broken == 0, "every entry proved")?;
            entries += space.entries;
            chains += space.chains;
            if space.kind == SpaceKind::Shared {
                shared.push((space.history, space.view));
            }
        }
    }
    let equal = shared.len() == 3 && shared.windows(2).all(|two| two.first() == two.last());
    check(equal, "equal histories")?;
    let own = |cast: &mut Cast, device| -> Result<Option<Verification>, Trouble> {
        let proved = cast.phone(device)?.driver.node().session().verify()?;
        Ok(proved.into_iter().find(|space| space.kind == SpaceKind::Private))
    };
    let (phone, tablet) = (own(cast, BEN)?, own(cast, TABLET)?);
    let same = |a: &Verification, b: &Verification| a.history == b.history && a.view == b.view;
    let equal = phone.zip(tablet).is_some_and(|(phone, tablet)| same(&phone, &tablet));
    check(equal, "equal private histories of Ben's two devices")?;
    let (history, _) = shared.first().ok_or(Trouble::Story)?;
    let short: String = scan::hex(history).chars().take(16).collect();
    out.say(&format!(
        "  ok  every signature and link verified: {entries} entries in {chains} chains, no incident"
    ))?;
    out.say(&format!("  ok  the shared history has one hash on 3 devices: {short}..."))?;
    Ok(())
}

/// Nothing that was written is in what the relay received, or in its files. Gives the line of figures.
pub(super) fn unread(cast: &mut Cast, relay: &Path, out: Output) -> Result<String, Trouble> {
    let words = scan::words(TEXTS);
    let mut received = Vec::new();
    let mut frames = 0;
    for phone in &cast.0 {
        frames += phone.driver.sent().len();
        phone.driver.sent().iter().for_each(|frame| received.extend_from_slice(frame));
    }
    let planted: Vec<u8> = TEXTS.concat().into_bytes();
    check(scan::found(&words, &planted) == words.len(), "the scanner finds what is there")?;
    check(scan::found(&words, &received) == 0, "no word in what the relay received")?;
    out.say(&format!(
        "  ok  none of {} words in the {} bytes of {frames} frames that the relay received",
        words.len(),
        received.len()
    ))?;
    let stored = scan::files(relay)?.len();
    let entries: u64 = cast.0.iter().map(shared_entries).max().unwrap_or_default();
    Ok(format!(
        "figures: devices=3 shared_entries={entries} frames={frames} received_bytes={} relay_bytes={stored} words_sought={} words_found=0 incidents=0",
        received.len(),
        words.len()
    ))
}

/// The relay's files, after it stopped in order.
pub(super) fn unread_at_rest(relay: &Path, out: Output) -> Result<(), Trouble> {
    let words = scan::words(TEXTS);
    let files = scan::files(relay)?;
    check(!files.is_empty() && scan::found(&words, &files) == 0, "no word in the relay's files")?;
    out.say(&format!("  ok  none of them in the {} bytes of the relay's files", files.len()))?;
    Ok(())
}

fn shared_entries(phone: &Phone) -> u64 {
    let report = phone.driver.node().session().report().unwrap_or_default();
    let shared = report.iter().find(|space| space.kind == SpaceKind::Shared);
    shared.map_or(0, |space| space.entries)
}

fn check(holds: bool, what: &'static str) -> Result<(), Trouble> {
    if holds { Ok(()) } else { Err(Trouble::Check(what)) }
}
