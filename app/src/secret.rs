//! What opens a vault: a secret, from a file or from the terminal, or a key, from a file. Never from an argument, which
//! others could see.

use crate::failure::Failure;
use crate::output::Output;
use crate::words;
use core::fmt;
use reknit_core::crypto::Unlock;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

/// More than the longest secret taken, so that one too long is told as that.
const FILE_BYTES_MAX: u64 = 4_096;

/// The digits of a key, a line break, and one more, so that one too long is told as that.
const KEY_FILE_BYTES_MAX: u64 = 67;

/// What opens a vault.
pub(crate) enum Opener {
    /// Words of a person.
    Secret(Zeroizing<String>),
    /// A key that another program keeps.
    Key(Zeroizing<[u8; 32]>),
}

impl Opener {
    /// As the library wants it.
    pub(crate) fn unlock(&self) -> Unlock<'_> {
        match self {
            Self::Secret(text) => Unlock::Secret(text),
            Self::Key(key) => Unlock::Key(key),
        }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener(..)")
    }
}

/// Reads a key: 64 hexadecimal digits, drawn by a machine. Nothing is stretched: there is nothing to guess.
///
/// # Errors
/// [`Failure::KeyFile`], [`Failure::KeyForm`].
pub(crate) fn read_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let file = File::open(path).map_err(|_| Failure::KeyFile)?;
    let digits = read_at_once(file, KEY_FILE_BYTES_MAX).map_err(|_| Failure::KeyFile)?;
    let mut key = Zeroizing::new([0; 32]);
    let (pairs, rest) = line_of(&digits).as_chunks::<2>();
    if pairs.len() != key.len() || !rest.is_empty() {
        return Err(Failure::KeyForm);
    }
    for (byte, [high, low]) in key.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Ok(key)
}

fn digit(letter: u8) -> Result<u8, Failure> {
    match letter {
        b'0'..=b'9' => Ok(letter - b'0'),
        b'a'..=b'f' => Ok(letter - b'a' + 10),
        b'A'..=b'F' => Ok(letter - b'A' + 10),
        _ => Err(Failure::KeyForm),
    }
}

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
    let file = File::open(path).map_err(|_| Failure::SecretFile)?;
    let bytes = read_at_once(file, FILE_BYTES_MAX).map_err(|_| Failure::SecretFile)?;
    match String::from_utf8(line_of(&bytes).to_vec()) {
        Ok(secret) => Ok(Zeroizing::new(secret)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(Failure::SecretForm)
        }
    }
}

/// With room for all of it from the start: a buffer that grows leaves copies behind.
fn read_at_once(file: File, bytes_max: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(bytes_max).unwrap_or(0)));
    file.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Without the one line break at the end.
fn line_of(bytes: &[u8]) -> &[u8] {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}
