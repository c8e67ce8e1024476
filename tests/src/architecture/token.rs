//! Rust text to words and marks, without comments: what stands in a string is kept apart and is never code.

/// What one token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier, a keyword or a number.
    Word(String),
    /// The content of a string literal.
    Text(String),
    /// `::`
    Join,
    /// Any other mark.
    Mark(char),
}

/// One token and its line, from 1.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
}

impl Token {
    /// The word, or nothing.
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            Kind::Text(_) | Kind::Join | Kind::Mark(_) => None,
        }
    }

    pub(super) fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// All tokens of one file.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1, tokens: Vec::new() };
    lexer.run();
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn run(&mut self) {
        while let Some(now) = self.peek(0) {
            match (now, self.peek(1)) {
                ('/', Some('/')) => self.skip_while(|char| char != '\n'),
                ('/', Some('*')) => self.block_comment(),
                (':', Some(':')) => {
                    self.push(Kind::Join);
                    self.step();
                    self.step();
                }
                ('"', _) => self.string(0, true),
                ('\'', _) => self.quote(),
                _ if now.is_whitespace() => self.step(),
                _ if now.is_alphanumeric() || now == '_' => self.word(),
                _ => {
                    self.push(Kind::Mark(now));
                    self.step();
                }
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn step(&mut self) {
        if self.peek(0) == Some('\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    fn push(&mut self, kind: Kind) {
        self.tokens.push(Token { kind, line: self.line });
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.step();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => return,
                _ => {
                    self.step();
                    continue;
                }
            }
            self.step();
            self.step();
            if depth == 0 {
                return;
            }
        }
    }

    /// From the opening quote to the closing one with as many `#`; a raw string knows no escapes.
    fn string(&mut self, hashes: usize, escapes: bool) {
        let line = self.line;
        self.step();
        let mut content = String::new();
        while let Some(now) = self.peek(0) {
            if now == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                break;
            }
            content.push(now);
            self.step();
            if now == '\\' && escapes {
                content.extend(self.peek(0));
                self.step();
            }
        }
        for _ in 0..=hashes {
            self.step();
        }
        self.tokens.push(Token { kind: Kind::Text(content), line });
    }

    /// A lifetime, a label or a character.
    fn quote(&mut self) {
        let named = self.peek(1).is_some_and(|char| char.is_alphabetic() || char == '_');
        if named && self.peek(2) != Some('\'') {
            self.step();
            self.skip_while(|char| char.is_alphanumeric() || char == '_');
            return;
        }
        self.step();
        while let Some(now) = self.peek(0) {
            self.step();
            match now {
                '\\' => self.step(),
                '\'' => return,
                _ => {}
            }
        }
    }

    /// A word, or the string that a prefix such as `br#` opens.
    fn word(&mut self) {
        let start = self.at;
        self.skip_while(|char| char.is_alphanumeric() || char == '_');
        let word: String = self.chars[start..self.at].iter().collect();
        let hashes =
            (0..=u8::MAX.into()).take_while(|ahead| self.peek(*ahead) == Some('#')).count();
        let raw = matches!(word.as_str(), "r" | "br" | "cr");
        if raw && self.peek(hashes) == Some('"') {
            self.at += hashes;
            self.string(hashes, false);
        } else if word == "r" && hashes == 1 {
            self.at += 1;
            self.word();
        } else {
            // `b"..."` and `c"..."` leave a stray word before the string, which harms nobody.
            self.push(Kind::Word(word));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, tokens};

    fn words(text: &str) -> String {
        let all = tokens(text);
        all.iter().filter_map(|token| token.word()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        let text =
            "a /* b /* c */ d */ e // f\n\"g \\\" h\" i r#\"j \" k\"# l br\"m\" 'n' '\\'' 'o: p";
        assert_eq!(words(text), "a e i l p");
    }

    #[test]
    fn a_raw_identifier_is_a_word_and_a_path_attribute_keeps_its_text() {
        assert_eq!(words("r#type x"), "type x");
        let all = tokens("#[path = \"a.rs\"]");
        assert!(all.iter().any(|token| token.kind == Kind::Text("a.rs".to_owned())));
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let all = tokens("\"\n\n\"/*\n*/x");
        assert_eq!(all.last().map(|token| token.line), Some(4));
    }
}
