//! The secret that opens a vault: from a file or from the terminal, never from an argument, which others could see.

use crate::failure::Failure;
use crate::output::Output;
use crate::words;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

/// More than the longest secret taken, so that one too long is told as that.
const FILE_BYTES_MAX: u64 = 4_096;

/// Reads the secret; a `new` one is asked for twice on a terminal. One line break at the end does not belong to it.
///
/// # Errors
/// [`Failure::NoSecret`], [`Failure::SecretFile`], [`Failure::SecretForm`], [`Failure::SecretsDiffer`].
pub(crate) fn read(
    file: Option<&Path>,
    new: bool,
    out: Output,
) -> Result<Zeroizing<String>, Failure> {
    if let Some(file) = file {
        return from_file(file);
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::NoSecret);
    }
    let typed = prompt(if new { words::NEW_SECRET } else { words::SECRET })?;
    if new && *prompt(words::SECRET_AGAIN)? != *typed {
        return Err(Failure::SecretsDiffer);
    }
    if new {
        out.remark("");
    }
    Ok(typed)
}

fn prompt(question: &str) -> Result<Zeroizing<String>, Failure> {
    let typed = rpassword::prompt_password(format!("{question} "));
    typed.map(Zeroizing::new).map_err(|_| Failure::NoSecret)
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(FILE_BYTES_MAX).unwrap_or(0)));
    let file = File::open(path).map_err(|_| Failure::SecretFile)?;
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(|_| Failure::SecretFile)?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match String::from_utf8(line.to_vec()) {
        Ok(secret) => Ok(Zeroizing::new(secret)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(Failure::SecretForm)
        }
    }
}
