//! Looks for words in bytes, in the forms in which they could hide.

use std::fs;
use std::io;
use std::path::Path;

/// The words of a text that are long enough to tell something.
const WORD_CHARS_MIN: usize = 6;

/// Bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

/// The forms of a word: as written, in UTF-16, in hexadecimal, in base64 at each of its three phases.
pub(super) fn forms(word: &str) -> Vec<Vec<u8>> {
    let bytes = word.as_bytes();
    let hex = hex(bytes);
    let wide = |order: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(order).collect();
    let mut forms = vec![
        bytes.to_vec(),
        wide(u16::to_le_bytes),
        wide(u16::to_be_bytes),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
    ];
    forms.extend((0..3).map(|phase| base64_inside(bytes, phase)));
    forms
}

/// The letters of base64 that stand for `bytes` wherever they begin at a byte of this phase.
fn base64_inside(bytes: &[u8], phase: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let skip = (3 - phase) % 3;
    let whole = bytes.get(skip..).unwrap_or_default();
    whole
        .chunks_exact(3)
        .flat_map(|three| {
            let joined = three.iter().fold(0_u32, |joined, byte| joined << 8 | u32::from(*byte));
            [18, 12, 6, 0].map(|shift| {
                let index = usize::try_from(joined >> shift & 63).unwrap_or_default();
                LETTERS.get(index).copied().unwrap_or_default()
            })
        })
        .collect()
}

/// The telling words of texts.
pub(super) fn words(texts: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = texts
        .iter()
        .flat_map(|text| text.split(|letter: char| !letter.is_alphabetic()))
        .filter(|word| word.chars().count() >= WORD_CHARS_MIN)
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

/// How many of the words occur in the bytes, in any form.
pub(super) fn found(words: &[String], bytes: &[u8]) -> usize {
    let occurs = |word: &&String| {
        forms(word).iter().any(|form| {
            !form.is_empty() && bytes.windows(form.len()).any(|window| window == form.as_slice())
        })
    };
    words.iter().filter(occurs).count()
}

/// All bytes of all files below a folder.
///
/// # Errors
/// A file cannot be read.
pub(super) fn files(folder: &Path) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    for item in fs::read_dir(folder)? {
        let item = item?;
        if item.file_type()?.is_dir() {
            all.extend(files(&item.path())?);
        } else {
            all.extend(fs::read(item.path())?);
        }
    }
    Ok(all)
}
