//! Requests of the EC2 Query protocol: flat parameters of a form, with numbers for the places in lists.

use std::{collections::BTreeMap, str::FromStr};

use wildmatch::WildMatch;

use super::refusal::Refusal;

/// The parameters that nobody has looked at yet.
pub(super) struct Query {
    parameters: BTreeMap<String, String>,
}

impl Query {
    pub fn parse(body: &[u8]) -> Self {
        Self { parameters: form_urlencoded::parse(body).into_owned().collect() }
    }

    pub fn take(&mut self, name: &str) -> Option<String> {
        self.parameters.remove(name)
    }

    pub fn required(&mut self, name: &str) -> Result<String, Refusal> {
        self.take(name).ok_or_else(|| Refusal::new("MissingParameter", format!("{name} is missing")))
    }

    pub fn number<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, Refusal> {
        let number = self.take(name).map(|text| text.parse());
        number.transpose().map_err(|_| Refusal::parameter(format!("{name} is no number")))
    }

    /// `name` with `.1`, `.2`, and so on.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        (1..).map_while(|place| self.take(&format!("{name}.{place}"))).collect()
    }

    /// The filter by a tag: its key, and its value with wildcards. No other filter is known here.
    pub fn tag_filter(&mut self) -> Result<Option<(String, WildMatch)>, Refusal> {
        let Some(name) = self.take("Filter.1.Name") else { return Ok(None) };
        let key =
            name.strip_prefix("tag:").ok_or_else(|| Refusal::unsupported("a filter by something else"))?;
        let value = self.required("Filter.1.Value.1")?;
        Ok(Some((key.to_owned(), WildMatch::new(&value))))
    }

    /// The tags of what is made, which is a `resource`.
    pub fn tags(&mut self, resource: &str) -> Result<BTreeMap<String, String>, Refusal> {
        let Some(of) = self.take("TagSpecification.1.ResourceType") else { return Ok(BTreeMap::new()) };
        if of != resource {
            return Err(Refusal::parameter(format!("'{of}' is not a valid taggable resource type here")));
        }
        let tag = |place: usize| {
            let key = self.take(&format!("TagSpecification.1.Tag.{place}.Key"))?;
            Some((key, self.take(&format!("TagSpecification.1.Tag.{place}.Value")).unwrap_or_default()))
        };
        Ok((1..).map_while(tag).collect())
    }

    /// Refuses what nobody has looked at.
    pub fn end(self) -> Result<(), Refusal> {
        match self.parameters.into_keys().next() {
            Some(name) => {
                Err(Refusal::new("UnknownParameter", format!("The parameter {name} is not recognized")))
            }
            None => Ok(()),
        }
    }
}
