//! How many of the selected pods are hit.

use serde_json::Value;

use super::super::Limits;

/// `mode` and `value` of a Chaos Mesh resource.
///
/// Source: Chaos Mesh, `api/v1alpha1/selector.go` (`SelectorMode`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// `one`: a random one.
    One,
    /// `all`: each that the selector matches.
    All,
    /// `fixed`: so many.
    Fixed(u64),
    /// `fixed-percent`: such a share.
    FixedPercent(u64),
    /// `random-max-percent`: a share of up to that much.
    RandomMaxPercent(u64),
}

impl Mode {
    /// Reads `mode` and `value` of `spec`.
    ///
    /// # Errors
    /// What is wrong, and the mend.
    pub fn read(spec: &Value) -> Result<Self, String> {
        let name = spec.get("mode").and_then(Value::as_str).ok_or("missing: write `\"mode\": \"one\"`")?;
        let value = || {
            let value = spec.get("value").and_then(|value| match value {
                Value::String(text) => text.parse().ok(),
                Value::Number(number) => number.as_u64(),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
            });
            value.ok_or_else(|| format!("`{name}` needs a `value`: a whole number in quotes"))
        };
        match name {
            "one" => Ok(Self::One),
            "all" => Ok(Self::All),
            "fixed" => value().map(Self::Fixed),
            "fixed-percent" => value().map(Self::FixedPercent),
            "random-max-percent" => value().map(Self::RandomMaxPercent),
            other => Err(format!(
                "`{other}` is unknown; there are one, all, fixed, fixed-percent and random-max-percent"
            )),
        }
    }

    /// Why this is more than `limits` allow, and the mend.
    pub fn excess(self, limits: &Limits) -> Option<String> {
        let (count, percent) = (limits.max_count, limits.max_percent);
        let (said, is_too_much) = match self {
            Self::One => return None,
            Self::All => ("`all` pods".to_owned(), percent < 100),
            Self::Fixed(value) => (format!("{value} pods"), value > count),
            Self::FixedPercent(value) | Self::RandomMaxPercent(value) => {
                (format!("{value} percent of the pods"), value > percent)
            }
        };
        let mend =
            format!("hit one, at most {count} (`fixed`), or at most {percent} percent (`fixed-percent`)");
        is_too_much.then(|| format!("{said} would be hit at once: {mend}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_mode_is_read_with_its_value() {
        let read = |mode: &str| Mode::read(&json!({ "mode": mode, "value": "30" }));
        assert_eq!(read("one"), Ok(Mode::One));
        assert_eq!(read("all"), Ok(Mode::All));
        assert_eq!(read("fixed"), Ok(Mode::Fixed(30)));
        assert_eq!(read("fixed-percent"), Ok(Mode::FixedPercent(30)));
        assert_eq!(read("random-max-percent"), Ok(Mode::RandomMaxPercent(30)));
        assert!(read("most").unwrap_err().contains("unknown"));
        assert!(Mode::read(&json!({ "mode": "fixed", "value": "30%" })).unwrap_err().contains("`value`"));
        assert!(Mode::read(&json!({})).unwrap_err().contains("missing"));
    }

    #[test]
    fn more_than_the_limits_is_too_much() {
        let limits = Limits { max_count: 2, max_percent: 20, ..Limits::default() };
        let too_much = [Mode::All, Mode::Fixed(3), Mode::FixedPercent(21), Mode::RandomMaxPercent(21)];
        let fine = [Mode::One, Mode::Fixed(2), Mode::FixedPercent(20), Mode::RandomMaxPercent(20)];
        assert!(too_much.iter().all(|mode| mode.excess(&limits).is_some()));
        assert!(fine.iter().all(|mode| mode.excess(&limits).is_none()));
        assert_eq!(Mode::All.excess(&Limits { max_percent: 100, ..limits }), None);
    }
}
