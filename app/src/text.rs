//! Where the words of a command come from: an argument, a file, standard input, or an editor.

use crate::context::Context;
use crate::editor;
use crate::failure::Failure;
use clap::Args;
use reknit_core::model::{TEXT_BYTES_MAX, Text, TextError};
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// The words of a command.
#[derive(Debug, Args)]
pub(crate) struct TextArgs {
    /// The words; `-` reads standard input
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// Read the words from a file
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    file: Option<PathBuf>,
    /// Write the words in $VISUAL or $EDITOR
    #[arg(long, conflicts_with_all = ["text", "file"])]
    editor: bool,
}

impl TextArgs {
    /// Whether words were given, or an editor was asked for.
    const fn is_given(&self) -> bool {
        self.text.is_some() || self.file.is_some() || self.editor
    }

    /// Whether an editor is to open: it was asked for, or there is `nothing_else` to do.
    pub(crate) const fn wants_editor(&self, nothing_else: bool) -> bool {
        self.editor || (nothing_else && !self.is_given())
    }

    /// The words, if any were given.
    ///
    /// # Errors
    /// Too long, not a text, or not to be read.
    pub(crate) fn optional<const N: usize>(
        &self,
        context: &Context,
    ) -> Result<Option<Text<N>>, Failure> {
        if !self.is_given() {
            return Ok(None);
        }
        self.required(context).map(Some)
    }

    /// The words; where none were given an editor opens.
    ///
    /// # Errors
    /// As [`TextArgs::optional`]; [`Failure::NoText`] if there is no editor.
    pub(crate) fn required<const N: usize>(&self, context: &Context) -> Result<Text<N>, Failure> {
        match self.without_editor()? {
            Some(text) => Ok(text),
            None => editor::write(context, "", &mut |_| true),
        }
    }

    /// The words, unless an editor is to be opened for them.
    ///
    /// # Errors
    /// As [`TextArgs::optional`].
    pub(crate) fn without_editor<const N: usize>(&self) -> Result<Option<Text<N>>, Failure> {
        if let Some(text) = self.text.as_deref().filter(|text| *text != "-") {
            return Ok(Some(Text::new(text)?));
        }
        if self.text.is_some() {
            return Ok(Some(Text::new(read(io::stdin().lock())?)?));
        }
        let Some(file) = &self.file else { return Ok(None) };
        Ok(Some(Text::new(read(File::open(file).map_err(|_| Failure::TextFile)?)?)?))
    }
}

/// Reads a text to its end, which may not be far. The last line break does not belong to it; those of other systems
/// become ours.
///
/// # Errors
/// Too long, not UTF-8, or not to be read.
pub(crate) fn read(input: impl Read) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let bound = u64::try_from(TEXT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    input.take(bound).read_to_end(&mut bytes).map_err(|_| Failure::TextFile)?;
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(TextError::Bytes.into());
    }
    let text = String::from_utf8(bytes).map_err(|_| Failure::TextForm)?;
    let text = text.replace("\r\n", "\n");
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b68_a_text_of_five_megabytes_is_refused_after_256_kib() {
        let long = vec![b'a'; 5 * 1024 * 1024];
        let mut input = long.as_slice();
        assert_eq!(read(&mut input).unwrap_err().code(), "text.long");
        assert_eq!(input.len(), long.len() - TEXT_BYTES_MAX - 1, "the rest was not read");
    }

    #[test]
    fn b68_bytes_that_are_no_text_are_refused() {
        assert_eq!(read([0xed, 0xa0, 0x80].as_slice()).unwrap_err().code(), "text.form");
    }

    #[test]
    fn a_text_is_kept_as_it_is_but_for_its_last_line_break() {
        assert_eq!(read(b" a\r\n\nb \n\n".as_slice()).unwrap(), " a\n\nb \n");
        assert_eq!(read(b"".as_slice()).unwrap(), "");
    }
}
