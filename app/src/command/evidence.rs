//! What should not have happened, with the evidence for it: for the person, and as a file for somebody else.

use crate::command::status::space_name;
use crate::context::Context;
use crate::failure::Failure;
use crate::render;
use clap::Args;
use reknit_core::client::{Exhibit, Session};
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The name and version of the file.
const FORMAT: &str = "reknit-evidence/1";

/// What `verify` takes.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Write what came to light, with its evidence and no word of what was written, to this new file
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

#[derive(Serialize)]
struct Evidence {
    format: &'static str,
    incidents: Vec<Incident>,
}

#[derive(Serialize)]
struct Incident {
    space: &'static str,
    code: &'static str,
    sentence: &'static str,
    proof: Option<String>,
    pieces: Vec<Piece>,
}

#[derive(Serialize)]
struct Piece {
    kind: &'static str,
    bytes: String,
}

#[derive(Serialize)]
struct Exported<'a> {
    done: &'static str,
    file: &'a Path,
    incidents: usize,
}

/// Says what came to light, and writes the file if one is asked for.
///
/// # Errors
/// The store cannot be read, or the file cannot be written: one that is there is not touched.
pub(crate) fn show(args: &VerifyArgs, session: &Session, context: &Context) -> Result<(), Failure> {
    let exhibits = session.evidence()?;
    for exhibit in &exhibits {
        let provable = if exhibit.proof.is_some() { " This can be proved to others." } else { "" };
        let space = space_name(exhibit.space);
        context.out.say(&format!("{space}: {}{provable}", exhibit.incident.sentence()))?;
    }
    let Some(path) = &args.export else { return Ok(()) };
    let incidents: Vec<_> = exhibits.iter().map(incident).collect();
    let evidence = Evidence { format: FORMAT, incidents };
    let text = serde_json::to_vec_pretty(&evidence).map_err(|_| Failure::Output)?;
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(|_| Failure::ExportFile)?;
    let written = file.write_all(&text).and_then(|()| file.sync_all());
    written.map_err(|_| Failure::ExportFile)?;
    context.out.say(&format!("{} written to {}", exhibits.len(), path.display()))?;
    context.out.row(&Exported { done: "verify.export", file: path, incidents: exhibits.len() })
}

fn incident(exhibit: &Exhibit) -> Incident {
    let pieces = exhibit.pieces.iter();
    let pieces = pieces.map(|(kind, bytes)| Piece { kind, bytes: render::hex(bytes) });
    Incident {
        space: space_name(exhibit.space),
        code: exhibit.incident.code(),
        sentence: exhibit.incident.sentence(),
        proof: exhibit.proof.as_deref().map(render::hex),
        pieces: pieces.collect(),
    }
}
