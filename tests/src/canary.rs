//! A scanner for words that must be nowhere: it knows each in every form that software writes text in.
//!
//! A word is 24 letters, one of them not ASCII, so that the normal forms and encodings of text differ from each other.

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// What the two say in each kind of record, each with a word of its own.
pub const NAMES: [&str; 16] = [
    "member",
    "moment",
    "echo",
    "reach",
    "reply",
    "preset",
    "return",
    "outcome",
    "question",
    "answer",
    "decline",
    "journal title",
    "journal text",
    "journal tag",
    "agreement title",
    "agreement text",
];

/// The words of [`NAMES`]; `first` is the number of the first.
pub fn words(first: u64) -> Vec<(&'static str, String)> {
    (first..).zip(NAMES).map(|(number, name)| (name, word(number))).collect()
}

/// The word with this name among them.
///
/// # Panics
/// No name is like this.
pub fn said(first: u64, name: &str) -> String {
    words(first).into_iter().find(|(of, _)| *of == name).expect("a name of the list").1
}

/// What is inflated of one compressed member.
const INFLATED_MAX: u64 = 4 << 20;
/// How much of a process is read at a time; pieces overlap by the longest form.
const PIECE: usize = 4 << 20;
const OVERLAP: usize = 512;

/// A word in a form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What was searched: the name given with the word.
    pub name: String,
    /// The form in which it was found.
    pub form: &'static str,
    /// In which file or part.
    pub place: String,
}

#[derive(Debug)]
struct Form {
    name: String,
    kind: &'static str,
    bytes: Vec<u8>,
}

/// Searches many words at once.
#[derive(Debug)]
pub struct Scanner {
    forms: Vec<Form>,
    /// The forms by their first two bytes.
    heads: BTreeMap<[u8; 2], Vec<usize>>,
    is_head: Vec<bool>,
}

/// A word of its own for each number.
pub fn word(number: u64) -> String {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5ca1_ab1e_0ddb_a115;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + u8::try_from(state % 26).unwrap_or(0))
    };
    let mut word: String = (0..11).map(|_| letter()).collect();
    word.push('é');
    word.extend((0..12).map(|_| letter()));
    word
}

impl Scanner {
    /// For these words, each with a name.
    pub fn new(words: &[(&str, String)]) -> Self {
        let forms = words.iter().flat_map(|(name, word)| {
            let name = (*name).to_owned();
            forms_of(word).into_iter().map(move |(kind, bytes)| (name.clone(), kind, bytes))
        });
        Self::of(forms.map(|(name, kind, bytes)| Form { name, kind, bytes }).collect())
    }

    /// For these bytes, as they are: keys.
    pub fn of_bytes(secrets: &[(String, Vec<u8>)]) -> Self {
        let form = |(name, bytes): &(String, Vec<u8>)| Form {
            name: name.clone(),
            kind: "bytes",
            bytes: bytes.clone(),
        };
        Self::of(secrets.iter().map(form).collect())
    }

    fn of(forms: Vec<Form>) -> Self {
        let mut heads: BTreeMap<[u8; 2], Vec<usize>> = BTreeMap::new();
        let mut is_head = vec![false; 1 << 16];
        for (at, form) in forms.iter().enumerate() {
            let head = [form.bytes[0], form.bytes[1]];
            heads.entry(head).or_default().push(at);
            is_head[usize::from(u16::from_be_bytes(head))] = true;
        }
        Self { forms, heads, is_head }
    }

    /// Searches bytes, and what is compressed in them.
    pub fn find(&self, place: &str, bytes: &[u8]) -> Vec<Finding> {
        let mut found = self.find_plain(place, bytes);
        for at in 0..bytes.len().saturating_sub(8) {
            if let Some(inflated) = inflate(&bytes[at..]) {
                found.extend(self.find_plain(&format!("{place}, compressed at {at}"), &inflated));
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// Searches bytes as they are.
    pub fn find_plain(&self, place: &str, bytes: &[u8]) -> Vec<Finding> {
        let mut found = Vec::new();
        for at in 0..bytes.len().saturating_sub(1) {
            let head = [bytes[at], bytes[at + 1]];
            if !self.is_head[usize::from(u16::from_be_bytes(head))] {
                continue;
            }
            for form in &self.heads[&head] {
                let Form { name, kind: form, bytes: wanted } = &self.forms[*form];
                if bytes[at..].starts_with(wanted) {
                    found.push(Finding { name: name.clone(), form, place: place.to_owned() });
                }
            }
        }
        found
    }

    /// Searches a folder and all below it: names and contents.
    pub fn find_below(&self, folder: &Path) -> io::Result<Vec<Finding>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let place = path.display().to_string();
            let name = path.file_name().unwrap_or_default();
            found.extend(self.find(&format!("the name of {place}"), name.as_encoded_bytes()));
            if path.is_dir() {
                found.extend(self.find_below(&path)?);
            } else if path.is_file() {
                found.extend(self.find(&place, &std::fs::read(&path)?));
            }
        }
        Ok(found)
    }

    /// Searches the memory of a running process. Gives also how many bytes were read.
    pub fn find_in_process(&self, process: u32) -> io::Result<(Vec<Finding>, u64)> {
        let maps = BufReader::new(File::open(format!("/proc/{process}/maps"))?);
        let mut memory = File::open(format!("/proc/{process}/mem"))?;
        let (mut found, mut read) = (Vec::new(), 0);
        for line in maps.lines() {
            let line = line?;
            let Some((from, to)) = writable(&line) else { continue };
            let (mut at, mut piece) = (from, vec![0; PIECE]);
            while at < to {
                let want = usize::try_from(to - at).unwrap_or(PIECE).min(PIECE);
                // A region may be gone, or be of a kind that cannot be read.
                if memory.seek(SeekFrom::Start(at)).is_err() {
                    break;
                }
                let Ok(got) = memory.read(&mut piece[..want]) else { break };
                found.extend(self.find_plain(&line, &piece[..got]));
                read += got as u64;
                if got == 0 || got == usize::try_from(to - at).unwrap_or(PIECE) {
                    break;
                }
                at += got.saturating_sub(OVERLAP).max(1) as u64;
            }
        }
        found.sort();
        found.dedup();
        Ok((found, read))
    }
}

/// A region that a program writes to.
fn writable(line: &str) -> Option<(u64, u64)> {
    let (range, rest) = line.split_once(' ')?;
    let (from, to) = range.split_once('-')?;
    let number = |hex| u64::from_str_radix(hex, 16).ok();
    rest.starts_with("rw").then_some((number(from)?, number(to)?))
}

/// What a zlib or gzip member that begins here holds.
fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match bytes {
        [0x1f, 0x8b, 8, ..] => {
            drop(MultiGzDecoder::new(bytes).take(INFLATED_MAX).read_to_end(&mut out));
        }
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
            drop(ZlibDecoder::new(bytes).take(INFLATED_MAX).read_to_end(&mut out));
        }
        _ => return None,
    }
    Some(out).filter(|out| !out.is_empty())
}

/// Every form of a word.
pub fn forms_of(word: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf8 = word.as_bytes();
    let units: Vec<u16> = word.encode_utf16().collect();
    let hex = |upper: bool| {
        let digits = utf8.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
        let text: String = digits.collect();
        if upper { text.to_uppercase() } else { text }.into_bytes()
    };
    let escaped: String = word
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) })
        .collect();
    let mut forms = vec![
        ("utf-8", utf8.to_vec()),
        ("utf-16le", units.iter().flat_map(|unit| unit.to_le_bytes()).collect()),
        ("utf-16be", units.iter().flat_map(|unit| unit.to_be_bytes()).collect()),
        ("hex", hex(false)),
        ("hex, upper case", hex(true)),
        ("percent", percent(word, false)),
        ("percent, lower case", percent(word, true)),
        ("nfd", word.replace('é', "e\u{301}").into_bytes()),
        ("json escape", escaped.into_bytes()),
    ];
    for (form, phase, url) in [
        ("base64, phase 0", 0, false),
        ("base64, phase 1", 1, false),
        ("base64, phase 2", 2, false),
        ("base64url, phase 0", 0, true),
        ("base64url, phase 1", 1, true),
        ("base64url, phase 2", 2, true),
    ] {
        forms.push((form, base64(utf8, phase, url)));
    }
    forms
}

fn percent(word: &str, lower: bool) -> Vec<u8> {
    let mut out = String::new();
    for byte in word.bytes() {
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
        if byte.is_ascii_alphanumeric() {
            out.push(byte.into());
        } else {
            let pair = [digit(byte >> 4), digit(byte & 15)];
            let pair = pair.map(|it| if lower { it } else { it.to_ascii_uppercase() });
            out.extend(['%', pair[0], pair[1]]);
        }
    }
    out.into_bytes()
}

/// The letters that are the same whatever stands before and after the word: it begins `phase` bytes behind a group.
fn base64(bytes: &[u8], phase: usize, url: bool) -> Vec<u8> {
    let alphabet: &[u8; 64] = if url {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    } else {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    };
    let bit = |at: usize| {
        let at = at.checked_sub(phase * 8)?;
        Some(bytes.get(at / 8)? >> (7 - at % 8) & 1)
    };
    let letters = (phase * 8).div_ceil(6)..(phase + bytes.len()) * 8 / 6;
    letters
        .filter_map(|letter| {
            let mut bits = (0..6).map(|at| bit(letter * 6 + at));
            let index = bits.try_fold(0_usize, |sum, bit| Some(sum * 2 + usize::from(bit?)))?;
            Some(alphabet[index])
        })
        .collect()
}
