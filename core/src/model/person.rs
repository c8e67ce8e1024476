//! A member: one of the two, under the name they chose.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Event;
use super::fold::{Case, Facts, Judged};
use super::text::Text;
use super::when::At;

/// Characters in a name.
pub const NAME_MAX: usize = 40;

/// "This is what I am called", said by oneself; the latest counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// When, by the author's clock.
    pub at: At,
    /// The name.
    pub name: Name,
}

/// What a person is called on both phones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRecord {
    /// The name they said last.
    pub name: Name,
}

/// A name that cannot pass for something else: visible, on one line, in one direction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(Text<NAME_MAX>);

/// Why a name is not taken. Holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("please use letters or numbers, at most {NAME_MAX}")]
pub struct NameError;

impl NameError {
    /// The dotted code that outer layers show.
    pub const fn code(self) -> &'static str {
        "name.form"
    }
}

impl Name {
    /// Takes what was typed, without the spaces around it.
    ///
    /// The rule needs no Unicode table that could differ between two phones: the ranges stand here.
    ///
    /// # Errors
    /// [`NameError`]: too long, a control or bidirectional character, nothing visible.
    pub fn new(typed: &str) -> Result<Self, NameError> {
        let text = Text::new(typed.trim()).map_err(|_| NameError)?;
        let refused = |c: char| c.is_control() || is_bidirectional(c);
        if text.as_str().chars().any(refused) || !text.as_str().chars().any(is_visible) {
            return Err(NameError);
        }
        Ok(Self(text))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether a hurried reader could take one name for the other: case, spaces, invisible characters, and the
    /// Cyrillic and Greek letters that look Latin make no difference.
    pub fn looks_like(&self, other: &Self) -> bool {
        let skeleton = |name: &Self| -> String {
            let visible = name.as_str().chars().filter(|&c| is_visible(c));
            let folded = visible.map(latin_look_alike).flat_map(char::to_lowercase);
            folded.map(latin_look_alike).collect()
        };
        skeleton(self) == skeleton(other)
    }
}

impl core::fmt::Debug for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Name(..)")
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::<NAME_MAX>::deserialize(deserializer)?;
        let name = Self::new(text.as_str()).map_err(serde::de::Error::custom)?;
        // A name with spaces around it would be a second way to write the same name.
        if name.0 == text { Ok(name) } else { Err(serde::de::Error::custom(NameError)) }
    }
}

pub(super) fn fold<'a>(case: &Case<'a>) -> Option<(Facts, Judged<'a>)> {
    let judged = case.judge(|_, _| Ok(()));
    let name = judged.counted.iter().rev().find_map(|told| {
        if let Event::Member(member) = told.event() { Some(member.name.clone()) } else { None }
    });
    Some((Facts::Member(MemberRecord { name: name? }), judged))
}

const fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Leaves a mark of its own: no white space, filler, joiner, selector, tag or combining mark.
fn is_visible(c: char) -> bool {
    let unseen = matches!(c,
        '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}');
    let combining = matches!(c,
        '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}');
    !unseen && !combining && !c.is_whitespace() && !c.is_control()
}

/// The Latin letter for which a Cyrillic or Greek one can pass.
const fn latin_look_alike(c: char) -> char {
    match c {
        'а' | 'А' | 'Α' | 'α' => 'a',
        'В' | 'Β' => 'b',
        'с' | 'С' | 'Ϲ' => 'c',
        'е' | 'Е' | 'Ε' => 'e',
        'һ' | 'Н' | 'Η' => 'h',
        'і' | 'І' | 'Ι' | 'l' | '1' | '|' => 'i',
        'ј' | 'Ј' => 'j',
        'К' | 'Κ' | 'к' | 'κ' => 'k',
        'М' | 'Μ' => 'm',
        'Ν' => 'n',
        'о' | 'О' | 'Ο' | 'ο' | '0' => 'o',
        'р' | 'Р' | 'Ρ' | 'ρ' => 'p',
        'ѕ' | 'Ѕ' => 's',
        'Т' | 'Τ' => 't',
        'ν' => 'v',
        'х' | 'Х' | 'Χ' => 'x',
        'у' | 'У' | 'Υ' => 'y',
        'Ζ' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b69_a_name_is_visible_on_one_line_and_in_one_direction() {
        let long = "a".repeat(41);
        let refused = [
            long.as_str(),
            "",
            "   ",
            "Be\nn",
            "Be\tn",
            "\u{202e}neB",
            "Ben\u{200f}",
            "\u{200b}\u{200d}\u{2060}",
            "\u{3164}",
            "\u{301}\u{302}",
            "\u{feff}",
            "\u{e000}",
        ];
        for name in refused {
            assert_eq!(Name::new(name), Err(NameError), "{}", name.escape_unicode());
        }
        for name in ["Ben", " Nora ", "Zoë", "李雷", "أحمد", "J.-P. 2", "👩‍🚀"] {
            assert_eq!(Name::new(name).unwrap().as_str(), name.trim());
        }
        assert_eq!(NameError.code(), "name.form");
    }

    #[test]
    fn b69_a_name_can_look_like_the_partners() {
        let name = |typed| Name::new(typed).unwrap();
        assert!(name("Nora").looks_like(&name("nоrа")));
        assert!(name("Nora").looks_like(&name("N\u{200b}ora")));
        assert!(!name("Nora").looks_like(&name("Ben")));
    }

    #[test]
    fn debug_does_not_show_a_name() {
        assert_eq!(format!("{:?}", Name::new("canary").unwrap()), "Name(..)");
    }
}
