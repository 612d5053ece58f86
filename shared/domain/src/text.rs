//! Cleaning and cutting text that somebody else wrote.

use sha2::{Digest, Sha256};

/// `text` in at most `limit` characters, ending in `…` where something was cut.
pub fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// `text` with real newlines, without control characters or bidirectional overrides, without runs of blank lines.
///
/// AWS Health sends newlines in three forms: real ones, a literal `\n` and a literal `\\n`.
pub fn clean(text: &str) -> String {
    let text = text.replace("\\\\n", "\n").replace("\\n", "\n").replace("\r\n", "\n");
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let line: String = line.chars().filter(|c| !is_unprintable(*c)).collect();
        let line = line.trim_end();
        if line.is_empty() && (out.is_empty() || out.ends_with("\n\n")) {
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

/// [`clean`], on one line.
pub fn line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first 32 hexadecimal digits of the SHA-256 of `parts`, each ended by a zero byte: an id that is the same on
/// every run and every machine.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// `count` and `noun`, in the plural where it is due: `1 resource`, `3 resources`.
pub fn count(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn is_unprintable(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_newline_forms_become_real_newlines() {
        assert_eq!(clean("a\\\\nb\\nc\nd\r\ne"), "a\nb\nc\nd\ne");
    }

    #[test]
    fn control_and_direction_characters_are_dropped_and_blank_lines_folded() {
        assert_eq!(clean("\\n\\n\\nx\u{7}\u{202e}y\\n\\n\\n\\nz  \\n"), "xy\n\nz");
    }

    #[test]
    fn a_cut_counts_characters_and_shows_itself() {
        assert_eq!(cut("žluťoučký", 5), "žluť…");
        assert_eq!(cut("abc", 3), "abc");
    }

    #[test]
    fn a_fingerprint_keeps_its_parts_apart() {
        assert_ne!(fingerprint(["ab", "c"]), fingerprint(["a", "bc"]));
        assert_eq!(fingerprint(["a"]).len(), 32);
    }
}
