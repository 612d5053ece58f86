//! Which experiment template a drill starts: one by its id, or one of ours by its name.

use std::{collections::BTreeMap, fmt};

/// The tag whose value is the name of a template. It is also what the FIS console calls it.
pub const NAME_TAG: &str = "Name";
/// The tag of what may be started, and its value: `chaos-trigger` may start nothing without it (`template.yaml`).
pub const STARTABLE_TAG: (&str, &str) = ("watchkeeper", "drill");

/// How many characters the id of a template has at most (AWS FIS API Reference, `StartExperiment`).
const LONGEST_ID: usize = 64;

/// `template` of a `[[drill]]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TemplateRef {
    /// The id that FIS has given it: `EXT…`.
    Id(String),
    /// What a template is called that carries [`STARTABLE_TAG`], as those of `infra/fis` do: `network-partition`.
    Name(String),
}

/// A template, as a list shows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ListedTemplate {
    /// Its id.
    pub id: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl TemplateRef {
    /// Its id, where that needs no looking up.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Name(_) => None,
        }
    }

    /// Its id, by all templates of the account and Region. None of a name, and several, are no ground for a guess.
    ///
    /// # Errors
    /// Why there is not exactly one of the name, and the mend.
    pub fn among(&self, listed: &[ListedTemplate]) -> Result<String, String> {
        let name = match self {
            Self::Id(id) => return Ok(id.clone()),
            Self::Name(name) => name,
        };
        let (key, value) = STARTABLE_TAG;
        let tags = format!("the tags {NAME_TAG}={name} and {key}={value}");
        let called =
            |it: &&ListedTemplate| startable_name(|tag| it.tags.get(tag).map(String::as_str)) == Some(name);
        let mut ids: Vec<_> = listed.iter().filter(called).map(|it| it.id.as_str()).collect();
        ids.sort_unstable();
        match ids.as_slice() {
            [id] => Ok((*id).to_owned()),
            [] => Err(format!(
                "no experiment template of this account and Region has {tags}: deploy infra/fis, with the stack \
                 (EnableDrillTemplates=true) or by itself"
            )),
            several => Err(format!(
                "{} experiment templates have {tags}: {}; name the one that is meant by its id",
                several.len(),
                several.join(", ")
            )),
        }
    }
}

/// What a template is called, if it may be started; `tag` gives the value of a tag.
pub fn startable_name<'t>(tag: impl Fn(&str) -> Option<&'t str>) -> Option<&'t str> {
    let (key, value) = STARTABLE_TAG;
    tag(NAME_TAG).filter(|_| tag(key) == Some(value))
}

impl From<&str> for TemplateRef {
    /// What looks like an id is one.
    fn from(text: &str) -> Self {
        let is_id = text.len() <= LONGEST_ID
            && text
                .strip_prefix("EXT")
                .is_some_and(|id| !id.is_empty() && id.bytes().all(|it| it.is_ascii_alphanumeric()));
        if is_id { Self::Id(text.to_owned()) } else { Self::Name(text.to_owned()) }
    }
}

impl fmt::Display for TemplateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(text) | Self::Name(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(id: &str, tags: &[(&str, &str)]) -> ListedTemplate {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        ListedTemplate { id: id.to_owned(), tags }
    }

    fn ours(id: &str, name: &str) -> ListedTemplate {
        listed(id, &[("Name", name), ("watchkeeper", "drill"), ("Team", "shop")])
    }

    #[test]
    fn what_looks_like_an_id_is_one_and_needs_no_list() {
        for id in ["EXT1", "EXT1a2B3c4D5e6F7"] {
            assert_eq!(TemplateRef::from(id), TemplateRef::Id(id.to_owned()));
            assert_eq!(TemplateRef::from(id).among(&[]), Ok(id.to_owned()));
        }
        for name in ["network-partition", "EXT", "EXT-1", "ext1", &format!("EXT{}", "1".repeat(62))] {
            assert_eq!(TemplateRef::from(name).id(), None, "{name}");
        }
    }

    #[test]
    fn a_name_is_that_of_the_one_template_that_may_be_started() {
        let all = [
            listed("EXT1", &[("Name", "cpu-stress")]),
            listed("EXT2", &[("Name", "cpu-stress"), ("watchkeeper", "no")]),
            ours("EXT3", "cpu-stress-2"),
            ours("EXT4", "cpu-stress"),
            listed("EXT5", &[("watchkeeper", "drill")]),
        ];
        assert_eq!(TemplateRef::from("cpu-stress").among(&all), Ok("EXT4".to_owned()));
    }

    #[test]
    fn none_and_several_of_a_name_are_no_ground_for_a_guess() {
        let name = TemplateRef::from("cpu-stress");
        let none = name.among(&[ours("EXT1", "pod-delete")]).unwrap_err();
        assert!(
            none.contains("has the tags Name=cpu-stress and watchkeeper=drill: deploy infra/fis"),
            "{none}"
        );
        assert!(none.contains("EnableDrillTemplates=true"), "{none}");
        let two = name.among(&[ours("EXT9", "cpu-stress"), ours("EXT1", "cpu-stress")]).unwrap_err();
        assert!(two.starts_with("2 experiment templates have ") && two.contains(": EXT1, EXT9; "), "{two}");
        assert!(two.ends_with("by its id"), "{two}");
    }
}
