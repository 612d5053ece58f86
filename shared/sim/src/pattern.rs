//! EventBridge event patterns, matched by `quamina`.
//!
//! `quamina` silently takes some patterns that EventBridge rejects, and silently understands some others differently.
//! So a pattern is checked first, and one that might not mean here what it means in AWS is refused:
//!
//! | in the pattern | in EventBridge | in quamina 0.7 |
//! |---|---|---|
//! | `exists` beside another value in one list | either of them | often neither matches |
//! | a dot in a field's name | the path of a nested field | never there |
//! | two operators in one object | rejected | the second is dropped |
//! | `null`, booleans or a mixture in `anything-but` | rejected | those are dropped |
//! | `numeric` with other than one bound, or a lower and an upper one | rejected | the last ones win |
//! | numbers beyond ±5 × 10⁹ | not numeric | rounded |
//! | `cidr` for IPv6 | any spelling of an address | not the short ones |
//! | `equals-ignore-case` beyond ASCII | Java's folding | its own folding |
//! | `$or` | either of them | rejected, or the name of a field |
//! | `shellstyle`, `regexp` | rejected | operators |
//! | an empty list or object, a list in a list | rejected | nothing, or no condition at all |
//!
//! Operators on top of operators (`anything-but` of a prefix, a prefix regardless of case) are refused by `quamina`.

use quamina::{Quamina, QuaminaError};
use serde_json::{Map, Value};

/// The largest number that EventBridge compares as one (Event Ruler, "Numeric matching").
const LARGEST: f64 = 5.0e9;

/// An event pattern.
pub struct Pattern {
    matcher: Box<Quamina<()>>,
    source: Value,
}

/// Why a pattern is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It would mean something else in AWS.
    #[error("at `{field}`: {reason}")]
    Unlike {
        /// The field, from the top.
        field: String,
        /// What about it.
        reason: &'static str,
    },
    /// `quamina` does not know it.
    #[error(transparent)]
    Unknown(#[from] QuaminaError),
}

impl Pattern {
    /// The pattern that `source` describes.
    ///
    /// # Errors
    /// A [`Refusal`] unless it certainly means here what it means in AWS.
    pub fn new(source: &Value) -> Result<Self, Refusal> {
        let Some(fields) = source.as_object() else { return Err(unlike("", "a pattern is an object")) };
        check_fields("", fields)?;
        let mut matcher = Quamina::new();
        matcher.add_pattern((), &source.to_string())?;
        Ok(Self { matcher: Box::new(matcher), source: source.clone() })
    }

    /// Whether `event` matches. What is not an object matches nothing.
    pub fn matches(&self, event: &Value) -> bool {
        // The only error there is, is one of syntax.
        event.is_object() && self.matcher.has_matches(event.to_string().as_bytes()).unwrap_or(false)
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &Value {
        &self.source
    }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

fn check_fields(path: &str, fields: &Map<String, Value>) -> Result<(), Refusal> {
    if fields.is_empty() {
        return Err(unlike(path, "an empty object"));
    }
    for (name, value) in fields {
        let field = if path.is_empty() { name.clone() } else { format!("{path} → {name}") };
        match name.as_str() {
            "$or" => return Err(unlike(&field, "`$or` is not known here: write two rules")),
            "Ref" => return Err(unlike(&field, "it is only known when it is deployed")),
            name if name.starts_with("Fn::") => {
                return Err(unlike(&field, "it is only known when it is deployed"));
            }
            name if name.contains(['.', '\n']) => return Err(unlike(&field, "a dot in a name")),
            _ => {}
        }
        if let Some(fields) = value.as_object() {
            check_fields(&field, fields)?;
        } else if let Some(values) = value.as_array() {
            check_values(&field, values)?;
        } else {
            return Err(unlike(&field, "neither a list nor an object"));
        }
    }
    Ok(())
}

fn check_values(field: &str, values: &[Value]) -> Result<(), Refusal> {
    if values.is_empty() {
        return Err(unlike(field, "an empty list"));
    }
    if values.len() > 1 && values.iter().any(|value| value.get("exists").is_some()) {
        return Err(unlike(field, "`exists` beside something else: write two rules"));
    }
    for value in values {
        if let Some(operator) = value.as_object() {
            check_operator(field, operator)?;
        } else if value.is_array() {
            return Err(unlike(field, "a list in a list"));
        } else {
            check_number(field, value)?;
        }
    }
    Ok(())
}

fn check_operator(field: &str, operator: &Map<String, Value>) -> Result<(), Refusal> {
    let mut operators = operator.iter();
    let (Some((name, operand)), None) = (operators.next(), operators.next()) else {
        return Err(unlike(field, "not exactly one operator"));
    };
    match name.as_str() {
        "exists" | "prefix" | "suffix" | "wildcard" => Ok(()),
        "anything-but" => check_anything_but(field, operand),
        "numeric" => check_numeric(field, operand),
        "cidr" if operand.as_str().is_some_and(|range| range.contains(':')) => {
            Err(unlike(field, "`cidr` for IPv6 is not known here"))
        }
        "cidr" => Ok(()),
        "equals-ignore-case" if operand.as_str().is_some_and(|text| !text.is_ascii()) => {
            Err(unlike(field, "`equals-ignore-case` is known here for ASCII only"))
        }
        "equals-ignore-case" => Ok(()),
        name if name == "Ref" || name.starts_with("Fn::") => {
            Err(unlike(field, "it is only known when it is deployed"))
        }
        _ => Err(unlike(field, "an operator that EventBridge does not know")),
    }
}

fn check_anything_but(field: &str, operand: &Value) -> Result<(), Refusal> {
    let Some(values) = operand.as_array() else { return check_number(field, operand) };
    if values.is_empty() || !(values.iter().all(Value::is_string) || values.iter().all(Value::is_number)) {
        return Err(unlike(field, "`anything-but` takes texts or numbers, not both and nothing else"));
    }
    values.iter().try_for_each(|value| check_number(field, value))
}

fn check_numeric(field: &str, operand: &Value) -> Result<(), Refusal> {
    let bounds = operand.as_array().map(Vec::as_slice);
    let (lower, upper) = match bounds {
        Some([operator, bound]) => ((operator, bound), None),
        Some([operator, bound, operator2, bound2]) => ((operator, bound), Some((operator2, bound2))),
        Some(_) | None => {
            return Err(unlike(field, "`numeric` takes one bound, or a lower and an upper one"));
        }
    };
    let (operator, bound) = lower;
    check_number(field, bound)?;
    let Some((operator2, bound2)) = upper else { return Ok(()) };
    check_number(field, bound2)?;
    let in_order =
        matches!(operator.as_str(), Some(">" | ">=")) && matches!(operator2.as_str(), Some("<" | "<="));
    if !in_order || bound.as_f64() >= bound2.as_f64() {
        return Err(unlike(field, "`numeric` takes the lower bound first, and then a higher one"));
    }
    Ok(())
}

fn check_number(field: &str, value: &Value) -> Result<(), Refusal> {
    if value.as_f64().is_some_and(|number| number.abs() > LARGEST) {
        return Err(unlike(field, "a number beyond ±5,000,000,000; write a text if it is an id"));
    }
    Ok(())
}

fn unlike(field: &str, reason: &'static str) -> Refusal {
    Refusal::Unlike { field: field.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(pattern: Value, event: Value) -> bool {
        Pattern::new(&pattern).unwrap().matches(&event)
    }

    #[test]
    fn what_every_rule_uses_means_what_it_means_in_eventbridge() {
        let event = json!({
            "source": "aws.health",
            "resources": ["arn:1", "arn:2"],
            "detail": {
                "statusCode": "open", "count": 5, "empty": null, "name": "a \"quoted\" é/\\ name", "ip": "10.0.0.33",
                "entities": [{ "id": "i-1", "status": "IMPAIRED" }, { "id": "i-2", "status": "RESOLVED" }],
            },
        });
        let yes = [
            json!({ "source": ["aws.other", "aws.health"], "resources": ["arn:2"] }),
            json!({ "detail": { "statusCode": [{ "prefix": "op" }, { "suffix": "x" }] } }),
            json!({ "detail": { "statusCode": [{ "anything-but": ["closed", "upcoming"] }] } }),
            json!({ "detail": { "statusCode": [{ "equals-ignore-case": "OPEN" }] } }),
            json!({ "detail": { "name": [{ "wildcard": "a *ed* é/\\\\ n*" }] } }),
            json!({ "detail": { "name": ["a \"quoted\" é/\\ name"] } }),
            json!({ "detail": { "count": [{ "numeric": [">", 0, "<=", 5] }] } }),
            json!({ "detail": { "ip": [{ "cidr": "10.0.0.0/24" }] } }),
            json!({ "detail": { "empty": [null] } }),
            json!({ "detail": { "empty": [{ "exists": true }], "absent": [{ "exists": false }] } }),
            json!({ "detail": { "entities": { "id": ["i-2"], "status": ["RESOLVED"] } } }),
        ];
        for pattern in yes {
            assert!(matches(pattern.clone(), event.clone()), "{pattern}");
        }
        let no = [
            json!({ "source": ["aws.health"], "region": ["eu-west-1"] }),
            json!({ "detail": { "entities": { "id": ["i-1"], "status": ["RESOLVED"] } } }),
            json!({ "detail": { "statusCode": [{ "anything-but": "open" }] } }),
            json!({ "detail": { "count": ["5"] } }),
            json!({ "detail": { "count": [{ "prefix": "5" }, { "wildcard": "*" }] } }),
            json!({ "detail": [{ "exists": true }] }),
            json!({ "detail": { "empty": [{ "exists": false }] } }),
        ];
        for pattern in no {
            assert!(!matches(pattern.clone(), event.clone()), "{pattern}");
        }
        assert!(!matches(json!({ "a": [{ "exists": false }] }), json!(["not an object"])));
    }

    /// Each of these is taken by `quamina`, or was, and would match other events than in AWS.
    #[test]
    fn a_pattern_that_would_mean_something_else_in_eventbridge_is_refused() {
        let unlike = [
            json!([]),
            json!({}),
            json!({ "a": ["x"], "b": {} }),
            json!({ "a": [] }),
            json!({ "a": [["x"]] }),
            json!({ "a": "x" }),
            json!({ "a.b": [{ "exists": false }] }),
            json!({ "a": ["x", { "exists": false }] }),
            json!({ "a": [{ "prefix": "x", "suffix": "y" }] }),
            json!({ "a": [{}] }),
            json!({ "$or": [{ "a": ["x"] }, { "b": ["x"] }] }),
            json!({ "a": [{ "shellstyle": "x*" }] }),
            json!({ "a": [{ "regexp": "x.*" }] }),
            json!({ "a": [{ "Ref": "AWS::AccountId" }] }),
            json!({ "a": { "Fn::If": ["Yes", ["x"], ["y"]] } }),
            json!({ "a": [{ "anything-but": ["x", null] }] }),
            json!({ "a": [{ "anything-but": ["x", 1] }] }),
            json!({ "a": [{ "numeric": [] }] }),
            json!({ "a": [{ "numeric": [">", 5, ">", 0] }] }),
            json!({ "a": [{ "numeric": [">", 5, "<", 0] }] }),
            json!({ "a": [{ "numeric": ["<", 6_000_000_000_u64] }] }),
            json!({ "account": [123_456_789_012_u64] }),
            json!({ "a": [{ "cidr": "2001:db8::/32" }] }),
            json!({ "a": [{ "equals-ignore-case": "straße" }] }),
        ];
        for pattern in unlike {
            assert!(matches!(Pattern::new(&pattern), Err(Refusal::Unlike { .. })), "{pattern}");
        }
    }

    /// When one of these is taken, the table at the top of this file needs another look.
    #[test]
    fn what_quamina_does_not_know_is_refused_and_not_mismatched() {
        let unknown = [
            json!({ "a": [{ "anything-but": { "prefix": "x" } }] }),
            json!({ "a": [{ "anything-but": { "equals-ignore-case": "x" } }] }),
            json!({ "a": [{ "anything-but": true }] }),
            json!({ "a": [{ "prefix": { "equals-ignore-case": "x" } }] }),
            json!({ "a": [{ "suffix": { "equals-ignore-case": "x" } }] }),
            json!({ "a": [{ "wildcard": "x**" }] }),
            json!({ "a": [{ "exists": "yes" }] }),
            json!({ "a": [{ "numeric": ["!=", 1] }] }),
            json!({ "a": [{ "cidr": "10.0.0.1" }] }),
        ];
        for pattern in unknown {
            assert!(matches!(Pattern::new(&pattern), Err(Refusal::Unknown(_))), "{pattern}");
        }
    }
}
