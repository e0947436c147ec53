//! apt.conf(5), as far as it decides what apt would install.

use super::files::{Extension, listed};
use crate::error::PackagesError;
use overlock_rootfs::Root;

const CONF_LIMIT_BYTES: u64 = 4 << 20;
const CONF_DEPTH_MAX: usize = 64;

/// The settings, in the order they were read; the last one of a name counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conf {
    entries: Vec<(String, String)>,
}

impl Conf {
    /// Reads `apt.conf.d/*`, then `apt.conf`, which apt reads last.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn read(root: &Root) -> Result<Self, PackagesError> {
        let mut conf = Self::default();
        let mut paths = listed(
            root,
            "etc/apt/apt.conf.d",
            &[Extension::None, Extension::Is("conf")],
        )?;
        paths.push("etc/apt/apt.conf".to_owned());
        for path in paths {
            let bytes = root
                .read_optional(&path, CONF_LIMIT_BYTES)
                .map_err(|error| PackagesError::read(&path, error))?;
            if let Some(bytes) = bytes {
                conf.add(&bytes);
            }
        }
        Ok(conf)
    }

    /// Adds the settings of one file's text. What cannot be understood is passed over, as its meaning is unknown.
    pub fn add(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let mut scope: Vec<String> = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        for token in tokens(&text) {
            match token {
                Token::Word(word) => words.push(word),
                Token::End => {
                    self.set(&scope, &words);
                    words.clear();
                }
                Token::Open if scope.len() < CONF_DEPTH_MAX => {
                    scope.push(
                        words
                            .first()
                            .map(|word| word.text.to_lowercase())
                            .unwrap_or_default(),
                    );
                    words.clear();
                }
                Token::Open => return,
                Token::Close => {
                    self.set(&scope, &words);
                    words.clear();
                    scope.pop();
                }
            }
        }
    }

    fn set(&mut self, scope: &[String], words: &[Word]) {
        let (tag, value) = match words {
            [value] if value.quoted => (String::new(), value.text.clone()),
            [tag, value] => (tag.text.to_lowercase(), value.text.clone()),
            _ => return,
        };
        let mut name = scope.join("::");
        if !name.is_empty() {
            name.push_str("::");
        }
        name.push_str(&tag);
        self.entries.push((name, value));
    }

    /// The last value of a name such as `APT::Default-Release`, if it is not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = &self
            .entries
            .iter()
            .rev()
            .find(|(entry, _)| entry.eq_ignore_ascii_case(name))?
            .1;
        (!value.is_empty()).then_some(value)
    }

    /// All values of a list such as `APT::Architectures`, in order.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&str> {
        let prefix = format!("{name}::");
        self.entries
            .iter()
            .filter(|(entry, _)| entry.eq_ignore_ascii_case(&prefix))
            .map(|(_, v)| v.as_str())
            .collect()
    }

    /// A switch by apt's words for yes and no; `None` when it is not set or says neither.
    #[must_use]
    pub fn switch(&self, name: &str) -> Option<bool> {
        switch(self.get(name)?)
    }
}

/// apt's words for yes and no.
pub(super) fn switch(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "yes" | "true" | "with" | "on" | "enable" => Some(true),
        "no" | "false" | "without" | "off" | "disable" => Some(false),
        number => number.parse::<i64>().ok().map(|number| number != 0),
    }
}

#[derive(Debug)]
struct Word {
    text: String,
    quoted: bool,
}

#[derive(Debug)]
enum Token {
    Word(Word),
    Open,
    Close,
    End,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skip_line = |rest: &str| {
            rest.find('\n')
                .map_or("", |end| rest.get(end..).unwrap_or_default())
                .len()
        };
        let left = match first {
            '{' | '}' | ';' => {
                tokens.push(match first {
                    '{' => Token::Open,
                    '}' => Token::Close,
                    _ => Token::End,
                });
                rest.len() - 1
            }
            '#' => skip_line(rest),
            _ if rest.starts_with("//") => skip_line(rest),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(0, |end| rest.len() - end - 2),
            '"' => {
                let inner = rest.get(1..).unwrap_or_default();
                let end = inner.find('"').unwrap_or(inner.len());
                let text = inner.get(..end).unwrap_or_default().to_owned();
                tokens.push(Token::Word(Word { text, quoted: true }));
                inner.len().saturating_sub(end + 1)
            }
            space if space.is_whitespace() => rest.len() - space.len_utf8(),
            _ => {
                let end = rest
                    .find(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '"'))
                    .unwrap_or(rest.len());
                let text = rest.get(..end).unwrap_or_default().to_owned();
                tokens.push(Token::Word(Word {
                    text,
                    quoted: false,
                }));
                rest.len() - end
            }
        };
        rest = rest.get(rest.len() - left..).unwrap_or_default();
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scopes_lists_comments_and_the_last_value_count() {
        let mut conf = Conf::default();
        conf.add(b"// c\nAPT { Default-Release \"stable\"; Architectures { \"amd64\"; \"i386\"; }; };\n/* x */ # y\n");
        conf.add(b"apt::default-release \"bookworm\";\nAPT::Get::Always-Include-Phased-Updates true;\nAPT::Architectures:: \"arm64\";");
        assert_eq!(conf.get("APT::Default-Release"), Some("bookworm"));
        assert_eq!(
            conf.switch("APT::Get::Always-Include-Phased-Updates"),
            Some(true)
        );
        assert_eq!(conf.list("APT::Architectures"), ["amd64", "i386", "arm64"]);
        assert_eq!(conf.get("APT::Nothing"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            Conf::default().add(&bytes);
        }
        #[test]
        fn any_soup_of_syntax_is_read(text in "[A:{};\"/*# \n]{0,80}") {
            Conf::default().add(text.as_bytes());
        }
    }
}
