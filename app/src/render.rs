//! What a text looks like on a terminal: whoever wrote it cannot move the cursor, turn the line around, or pile up
//! marks. Only the showing changes; what is stored stays as written.

/// Combining marks shown on one letter.
const MARKS_MAX: usize = 8;
/// Letters of an id that are shown; commands take them.
const SHORT: usize = 8;

/// The first letters of an id.
pub(crate) fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

/// Bytes as digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

/// One line of a text that may have several.
pub(crate) fn line(text: &str) -> String {
    visible(text).replace(['\n', '\t'], " ")
}

/// A text with every line moved to the right.
pub(crate) fn block(text: &str, indent: usize) -> String {
    let indent = " ".repeat(indent);
    let lines: Vec<String> = visible(text).lines().map(|line| format!("{indent}{line}")).collect();
    lines.join("\n")
}

/// Without what a terminal would obey.
fn visible(text: &str) -> String {
    let mut marks = 0_usize;
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_control() => shown.push('\u{fffd}'),
            c if is_bidirectional(c) || marks > MARKS_MAX => {}
            c => shown.push(c),
        }
    }
    shown
}

const fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b68_marks_are_capped_where_they_are_shown() {
        let piled = format!("a{}b", "\u{301}".repeat(200_000));
        assert_eq!(line(&piled), format!("a{}b", "\u{301}".repeat(MARKS_MAX)));
    }

    #[test]
    fn b68_nothing_written_commands_a_terminal_or_turns_a_line_around() {
        assert_eq!(
            line("\u{1b}[2Ja\u{9b}b\r\u{202e}c\0"),
            "\u{fffd}[2Ja\u{fffd}b\u{fffd}c\u{fffd}"
        );
    }

    #[test]
    fn lines_are_moved_together() {
        assert_eq!(block("a\nb", 2), "  a\n  b");
        assert_eq!(short("0123456789"), "01234567");
        assert_eq!(short("01"), "01");
    }
}
