//! The relay's key file: who the relay is. Made at the first start, never printed, never taken as an argument.
//!
//! 64 hexadecimal digits and a line end. Who holds it can pose as this relay, so only its owner may read it; who
//! loses it has another relay, and every client must be told the new address line.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use crate::Random;

/// The file's name in the data folder.
pub const KEY_FILE: &str = "relay.key";
/// Where it is written before it is whole.
const UNFINISHED: &str = "relay.key.new";
const SEED_BYTES: usize = 32;
const FILE_BYTES: usize = 2 * SEED_BYTES + 1;

/// Why the key cannot be used. Never holds key text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Others on this machine can read it.
    #[error("relay.key can be read by others. Run: chmod 600 relay.key")]
    Exposed,
    /// Empty, cut, edited, with other line ends, or another kind of key.
    #[error("relay.key is not a key that this relay wrote: 64 hexadecimal digits and a line end")]
    Form,
    /// The system refused to read or write it.
    #[error("relay.key cannot be read or written in the data folder")]
    Access,
}

/// Reads the key's seed, or makes one.
///
/// # Errors
/// `Exposed` and `Form`: the file is there and wrong; it is left as it is. `Access`: the folder does not allow it.
pub(crate) fn load_or_create(folder: &Path, random: &mut Random) -> Result<[u8; 32], KeyError> {
    match File::open(folder.join(KEY_FILE)) {
        Ok(file) => read(file),
        Err(error) if error.kind() == ErrorKind::NotFound => create(folder, random),
        Err(_) => Err(KeyError::Access),
    }
}

fn read(file: File) -> Result<[u8; 32], KeyError> {
    let facts = file.metadata().map_err(|_| KeyError::Access)?;
    if facts.mode() & 0o077 != 0 {
        return Err(KeyError::Exposed);
    }
    let mut text = Vec::with_capacity(FILE_BYTES + 1);
    file.take(FILE_BYTES as u64 + 1).read_to_end(&mut text).map_err(|_| KeyError::Access)?;
    let digits = text.strip_suffix(b"\n").ok_or(KeyError::Form)?;
    let mut seed = [0; SEED_BYTES];
    if digits.len() != 2 * SEED_BYTES {
        return Err(KeyError::Form);
    }
    for (byte, pair) in seed.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return Err(KeyError::Form) };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Ok(seed)
}

/// One way to write it: lower case.
fn digit(char: u8) -> Result<u8, KeyError> {
    match char {
        b'0'..=b'9' => Ok(char - b'0'),
        b'a'..=b'f' => Ok(char - b'a' + 10),
        _ => Err(KeyError::Form),
    }
}

/// Written aside, made durable, then renamed: a power cut leaves the whole key or none.
fn create(folder: &Path, random: &mut Random) -> Result<[u8; 32], KeyError> {
    let mut seed = [0; SEED_BYTES];
    random(&mut seed);
    let mut text = String::with_capacity(FILE_BYTES);
    for byte in seed {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text.push('\n');
    let aside = folder.join(UNFINISHED);
    drop(fs::remove_file(&aside)); // What a power cut left.
    write_durably(folder, &aside, text.as_bytes()).map_err(|_| KeyError::Access)?;
    Ok(seed)
}

fn write_durably(folder: &Path, aside: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(aside, folder.join(KEY_FILE))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn counting() -> Random {
        let mut next = 0u8;
        Box::new(move |out| {
            out.fill_with(|| {
                next = next.wrapping_add(1);
                next
            });
        })
    }

    #[test]
    fn the_key_is_made_once_and_read_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let mut random = counting();
        let made = load_or_create(folder.path(), &mut random).unwrap();
        assert_eq!(load_or_create(folder.path(), &mut random).unwrap(), made);
        let facts = fs::metadata(folder.path().join(KEY_FILE)).unwrap();
        assert_eq!(facts.mode() & 0o777, 0o600);
        assert!(!folder.path().join(UNFINISHED).exists());
    }

    #[test]
    fn b77_a_key_file_that_is_wrong_is_named_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KEY_FILE);
        load_or_create(folder.path(), &mut counting()).unwrap();
        let good = fs::read(&path).unwrap();
        let crlf = [good.strip_suffix(b"\n").unwrap(), b"\r\n"].concat();
        let upper = good.to_ascii_uppercase();
        let pem: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
        for wrong in [b"".as_slice(), b"\n", &crlf, &upper, &good[1..], pem, &[0xff; 65]] {
            fs::write(&path, wrong).unwrap();
            assert_eq!(load_or_create(folder.path(), &mut counting()), Err(KeyError::Form));
            assert_eq!(fs::read(&path).unwrap(), wrong);
        }
        fs::write(&path, &good).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(load_or_create(folder.path(), &mut counting()), Err(KeyError::Exposed));
        assert!(
            !KeyError::Exposed.to_string().contains(std::str::from_utf8(&good).unwrap().trim())
        );
    }
}
