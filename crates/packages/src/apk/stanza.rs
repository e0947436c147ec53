//! Stanzas of `X:value` lines, parted by empty lines.

/// One stanza: its fields in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Stanza<'a> {
    fields: Vec<(char, &'a str)>,
}

impl<'a> Stanza<'a> {
    /// The first value of a field; empty counts as absent.
    pub(super) fn get(&self, field: char) -> Option<&'a str> {
        self.fields
            .iter()
            .find(|(name, _)| *name == field)
            .map(|(_, value)| *value)
            .filter(|value| !value.is_empty())
    }
}

/// All stanzas of a text. Only `fields` are kept: an installed package lists thousands of files.
pub(super) fn stanzas<'a>(text: &'a str, fields: &'static str) -> impl Iterator<Item = Stanza<'a>> {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        while lines.next_if(|line| line.trim().is_empty()).is_some() {}
        lines.peek()?;
        let mut stanza = Stanza::default();
        for line in lines.by_ref().take_while(|line| !line.trim().is_empty()) {
            let mut rest = line.chars();
            if let (Some(field), Some(':')) = (rest.next(), rest.next())
                && fields.contains(field)
                && stanza.get(field).is_none()
            {
                stanza.fields.push((field, rest.as_str().trim()));
            }
        }
        Some(stanza)
    })
}
