//! How long a text is, and how large a message, as Slack may count them.

use serde_json::Value;

/// `text`, not escaped, in at most `limit` characters after escaping. It ends in `…` where something was cut. Since
/// whole characters are cut before they are escaped, no entity is ever broken.
pub(super) fn fit(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let mut left = limit.saturating_sub(1);
    let is_in = |c: &char| {
        let fits = width(*c) <= left;
        left = left.saturating_sub(width(*c));
        fits
    };
    let kept: String = text.chars().take_while(is_in).collect();
    if limit == 0 { kept } else { format!("{}…", kept.trim_end()) }
}

/// `text` without anything that `mrkdwn` treats as a mention, a link or an entity.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The length of `text` after escaping, in UTF-16 code units: the longest of what Slack may mean by a character.
pub(super) fn length(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// The length of `blocks` as JSON in the longest form that Slack may measure: escaped, and with `\u1f600`-like forms
/// of everything that is not ASCII.
pub(super) fn size(blocks: &[Value]) -> usize {
    let json = |block: &Value| -> usize { block.to_string().chars().map(json_width).sum() };
    blocks.iter().map(json).sum()
}

fn width(c: char) -> usize {
    match c {
        '&' => 5,
        '<' | '>' => 4,
        _ => c.len_utf16(),
    }
}

fn json_width(c: char) -> usize {
    match c {
        '/' => 2,
        _ if c.is_ascii() => width(c),
        _ => 6 * c.len_utf16(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_never_breaks_an_entity() {
        for limit in 0..40 {
            let cut = escape(&fit("a && b <!channel> & c > d", limit));
            assert!(cut.encode_utf16().count() <= limit, "{cut:?} in {limit}");
            let entities =
                cut.matches("&amp;").count() + cut.matches("&lt;").count() + cut.matches("&gt;").count();
            assert_eq!(cut.matches('&').count(), entities, "{cut:?}");
        }
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        assert_eq!(fit("a & b", 9), "a & b");
        assert_eq!(fit("a & b", 7), "a…");
        assert_eq!(fit("😀😀", 4), "😀😀");
        assert_eq!(fit("😀😀", 3), "😀…");
    }
}
