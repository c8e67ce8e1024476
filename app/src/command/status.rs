//! Where things stand on this device, and the proof that nothing was changed.

use crate::command::evidence::{self, VerifyArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::render;
use crate::words;
use reknit_core::client::{Error, Rebuilding, SpaceReport, Verification};
use reknit_core::document::DocumentKind;
use reknit_core::entry::Incident;
use reknit_core::membership::SpaceKind;
use serde::Serialize;
use std::path::PathBuf;
use wire::address::AddressLine;

#[derive(Serialize)]
struct StatusRow {
    person: String,
    device: String,
    names: Vec<String>,
    paired: bool,
    spaces: Vec<SpaceRow>,
    unfinished: usize,
    rebuilding: Vec<RebuildingRow>,
    incidents: Vec<IncidentRow>,
}

#[derive(Serialize)]
struct SpaceRow {
    space: &'static str,
    relay: Option<String>,
    entries: u64,
    unsent: u64,
    waiting: u64,
    aside: u64,
    bulk: u64,
    own_devices: usize,
    epoch: u32,
    member: bool,
    incarnation: u16,
    held: bool,
    again: usize,
    rebuilding: bool,
}

#[derive(Serialize)]
struct RebuildingRow {
    space: &'static str,
    aside: Option<PathBuf>,
    entries: u64,
    drafts: u64,
    facts: u64,
}

#[derive(Serialize)]
struct IncidentRow {
    space: &'static str,
    code: &'static str,
    sentence: String,
}

#[derive(Serialize)]
struct VerifyRow {
    space: &'static str,
    control: u32,
    entries: usize,
    chains: usize,
    broken: usize,
    history: String,
    view: String,
}

/// Where things stand.
///
/// # Errors
/// What unlocking refuses.
pub(crate) fn status(context: &Context) -> Result<(), Failure> {
    let session = context.unlock()?;
    let names: Vec<String> = match session.names() {
        Ok(names) => names.persons().iter().map(|person| names.of(*person).to_owned()).collect(),
        Err(Error::NotPaired) => session.own_name()?.into_iter().collect(),
        Err(error) => return Err(error.into()),
    };
    let spaces = session.report()?;
    let incidents = session.incidents()?;
    let incidents: Vec<IncidentRow> = incidents
        .iter()
        .map(|(kind, incident)| IncidentRow {
            space: space_name(*kind),
            code: incident.code(),
            sentence: sentence(incident),
        })
        .collect();
    context.out.say(&words::who(&names, session.is_paired()))?;
    for report in &spaces {
        context.out.say(&words::space(report))?;
    }
    let drafts = session.drafts()?;
    let journal = drafts.iter().filter(|of| of.draft.kind == DocumentKind::Journal).count();
    for line in words::unfinished(journal, drafts.len().saturating_sub(journal)) {
        context.out.say(&line)?;
    }
    for incident in &incidents {
        context.out.say(&format!("{}: {}", incident.space, incident.sentence))?;
    }
    context.out.row(&StatusRow {
        person: session.person().hex(),
        device: session.device().hex(),
        names,
        paired: session.is_paired(),
        spaces: spaces.iter().map(space_row).collect(),
        unfinished: drafts.len(),
        rebuilding: session.rebuilding()?.into_iter().map(rebuilding_row).collect(),
        incidents,
    })
}

/// What an incident says, and what it counts.
fn sentence(incident: &Incident) -> String {
    let sentence = incident.sentence();
    let Incident::StoreDamaged { entries, drafts, facts } = *incident else {
        return sentence.to_owned();
    };
    match words::not_read(entries.into(), drafts.into(), facts.into()) {
        Some(lost) => format!("{sentence} {lost}"),
        None => sentence.to_owned(),
    }
}

/// Proves every stored entry again.
///
/// # Errors
/// [`Failure::Broken`] if one could not be proved.
pub(crate) fn verify(args: &VerifyArgs, context: &Context) -> Result<(), Failure> {
    let session = context.unlock()?;
    let mut broken = 0;
    for found in session.verify()? {
        let Verification { kind, control, entries, chains, .. } = found;
        broken += found.broken;
        let row = VerifyRow {
            space: space_name(kind),
            control,
            entries,
            chains,
            broken: found.broken,
            history: render::hex(&found.history),
            view: render::hex(&found.view),
        };
        context.out.say(&words::verified(&found, &row.history))?;
        context.out.row(&row)?;
    }
    evidence::show(args, &session, context)?;
    if broken == 0 { Ok(()) } else { Err(Failure::Broken) }
}

/// How a space is called.
pub(crate) const fn space_name(kind: SpaceKind) -> &'static str {
    match kind {
        SpaceKind::Private => "private",
        SpaceKind::Shared => "shared",
    }
}

fn rebuilding_row(of: Rebuilding) -> RebuildingRow {
    let Rebuilding { kind, aside, entries, drafts, facts } = of;
    RebuildingRow { space: space_name(kind), aside, entries, drafts, facts }
}

fn space_row(report: &SpaceReport) -> SpaceRow {
    SpaceRow {
        space: space_name(report.kind),
        relay: report.relay.as_ref().map(AddressLine::to_string),
        entries: report.entries,
        unsent: report.unsent,
        waiting: report.waiting,
        aside: report.aside,
        bulk: report.bulk,
        own_devices: report.own_devices,
        epoch: report.epoch,
        member: report.member,
        incarnation: report.incarnation,
        held: report.held,
        again: report.again,
        rebuilding: report.rebuilding,
    }
}
