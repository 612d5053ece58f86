//! Where things are in `watchkeeper.toml`.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Line and column, both from 1.
pub type Place = (usize, usize);

/// Where each `[[name]]` of `text` begins, in order. Empty when `text` is not TOML.
pub fn tables(text: &str, name: &str) -> Vec<Place> {
    find(text, name, |table| Some(table.span()))
}

/// Where the value of `key` is in each `[[name]]` of `text` that has one, in order.
pub fn values(text: &str, name: &str, key: &str) -> Vec<Place> {
    find(text, name, |table| Some(table.get_ref().as_table()?.get(key)?.span()))
}

fn find(text: &str, name: &str, span: impl Fn(&Spanned<DeValue<'_>>) -> Option<Range<usize>>) -> Vec<Place> {
    let (root, _) = DeTable::parse_recoverable(text);
    let tables = root.get_ref().get(name).and_then(|value| value.get_ref().as_array());
    tables.into_iter().flat_map(|tables| tables.iter()).filter_map(span).map(|it| place(text, it)).collect()
}

fn place(text: &str, span: Range<usize>) -> Place {
    let before = text.get(..span.start).unwrap_or(text);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_values_are_found_where_a_person_sees_them() {
        let text =
            "# [[route]]\n[[route]]\nchannels = [\"a\"]\n\n  [[route]]\nquiet = 1\nchannels = [\"b\"]\n";
        assert_eq!(tables(text, "route"), [(2, 1), (5, 3)]);
        assert_eq!(values(text, "route", "channels"), [(3, 12), (7, 12)]);
        assert_eq!(values(text, "route", "quiet"), [(6, 9)]);
        assert_eq!(tables(text, "channel"), []);
    }
}
