//! A TOML text read key by key: values go to their places, problems are gathered with their line, and what nobody asked
//! for is an error that names the nearest known key.

use super::money;
use crate::args::duration;
use mce_market::Money;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A whole file.
pub struct Document<'t> {
    text: &'t str,
    root: DeTable<'t>,
    known: Vec<&'static str>,
    /// Where, and what.
    problems: Vec<(usize, String)>,
}

impl<'t> Document<'t> {
    pub fn parse(text: &'t str) -> Result<Self, Vec<String>> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Document {
                text,
                root: root.into_inner(),
                known: Vec::new(),
                problems: Vec::new(),
            }),
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, span.start));
                Err(vec![format!("line {line}: {}", error.message())])
            }
        }
    }

    /// Reads a section; `read` sees it even when it is not there, and then finds no key.
    pub fn section(&mut self, name: &'static str, read: impl FnOnce(&mut Section<'_>)) {
        self.known.push(name);
        let empty = DeTable::new();
        let table = match self.root.iter().find(|(key, _)| key.get_ref() == name) {
            None => &empty,
            Some((_, value)) => match value.get_ref() {
                DeValue::Table(table) => table,
                other => {
                    let what = format!("expected a section [{name}], got a {}", other.type_str());
                    self.problems.push((value.span().start, what));
                    return;
                }
            },
        };
        let mut section = Section {
            name,
            table,
            known: Vec::new(),
            problems: &mut self.problems,
        };
        read(&mut section);
        section.finish();
    }

    /// All problems in the order of the text.
    pub fn finish(mut self) -> Result<(), Vec<String>> {
        for (key, _) in &self.root {
            if !self.known.iter().any(|known| known == key.get_ref()) {
                let name = key.get_ref();
                let what = format!("unknown section [{name}]{}", nearest(name, &self.known));
                self.problems.push((key.span().start, what));
            }
        }
        self.problems.sort();
        if self.problems.is_empty() {
            return Ok(());
        }
        let at = |(start, what): &(usize, String)| {
            format!("line {}: {what}", line_of(self.text, *start))
        };
        Err(self.problems.iter().map(at).collect())
    }
}

/// One section.
pub struct Section<'d> {
    name: &'static str,
    table: &'d DeTable<'d>,
    known: Vec<&'static str>,
    problems: &'d mut Vec<(usize, String)>,
}

impl Section<'_> {
    fn find(&mut self, key: &'static str) -> Option<&Spanned<DeValue<'_>>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table
            .iter()
            .find(|(k, _)| k.get_ref() == key)
            .map(|(_, value)| value)
    }

    /// Notes a problem with a key's value.
    pub fn problem(&mut self, key: &'static str, what: &str) {
        let start = self.find(key).map_or(0, |value| value.span().start);
        self.problems
            .push((start, format!("{}.{key}: {what}", self.name)));
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        convert: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.find(key)?;
        let (span, converted) = (value.span(), convert(value.get_ref()));
        if converted.is_none() {
            let Range { start, .. } = span;
            let what = format!("{}.{key}: expected {expected}", self.name);
            self.problems.push((start, what));
        }
        converted
    }

    pub fn number(&mut self, key: &'static str, to: &mut f64) {
        let convert = |value: &DeValue<'_>| match value {
            DeValue::Float(number) => number.as_str().parse().ok().filter(|x: &f64| x.is_finite()),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        if let Some(number) = self.read(key, "a number such as 0.2", convert) {
            *to = number;
        }
    }

    pub fn whole(&mut self, key: &'static str, to: &mut u32) {
        let convert = |value: &DeValue<'_>| match value {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if let Some(number) = self.read(key, "a whole number from 0 to 4294967295", convert) {
            *to = number;
        }
    }

    pub fn flag(&mut self, key: &'static str, to: &mut bool) {
        if let Some(flag) = self.read(key, "true or false", |value| value.as_bool()) {
            *to = flag;
        }
    }

    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.read(key, "a text in quotes", |value| {
            value.as_str().map(String::from)
        })
    }

    pub fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.read(
            key,
            "a list of texts such as [\"a\", \"b\"], not empty",
            |value| {
                let items = value.as_array()?;
                let texts: Option<Vec<String>> = items
                    .iter()
                    .map(|item| item.get_ref().as_str().map(String::from))
                    .collect();
                texts.filter(|texts| !texts.is_empty())
            },
        )
    }

    pub fn duration(&mut self, key: &'static str, to: &mut Duration) {
        let convert = |value: &DeValue<'_>| duration(value.as_str()?).ok();
        if let Some(length) = self.read(
            key,
            "a duration in quotes such as \"5s\" or \"250ms\"",
            convert,
        ) {
            *to = length;
        }
    }

    pub fn money(&mut self, key: &'static str, to: &mut Money) {
        let convert = |value: &DeValue<'_>| money(value.as_str()?);
        if let Some(amount) = self.read(
            key,
            "an amount in quotes such as \"100000\" or \"0.5\"",
            convert,
        ) {
            *to = amount;
        }
    }

    fn finish(self) {
        for (key, _) in self.table {
            let name = key.get_ref();
            if !self.known.iter().any(|known| known == name) {
                let what = format!(
                    "unknown key {}.{name}{}",
                    self.name,
                    nearest(name, &self.known)
                );
                self.problems.push((key.span().start, what));
            }
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())]
        .iter()
        .filter(|b| **b == b'\n')
        .count()
}

/// What was probably meant, as the end of a message.
fn nearest(name: &str, known: &[&'static str]) -> String {
    known
        .iter()
        .map(|known| (distance(name, known), known))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map_or_else(
            || format!("; known: {}", known.join(", ")),
            |(_, known)| format!("; did you mean {known}?"),
        )
}

/// Edits from one text to another (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replace = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
