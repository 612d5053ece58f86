//! Our own experiment templates, by the names under which drills call them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use watchkeeper_domain::{
    drill::TemplateRef,
    fis::{Limits, Template},
};

use crate::{
    checkout::{Checkout, shown},
    lint,
};

/// Where they are.
pub(crate) const FOLDER: &str = "infra/fis";
/// What a file says that holds any.
const TYPE: &str = "AWS::FIS::ExperimentTemplate";

/// Every template of ours that may be started, by its name.
pub(crate) struct Ours(BTreeMap<String, Own>);

/// A template of ours.
pub(crate) struct Own {
    /// Its file, as seen from the current folder.
    pub(crate) file: PathBuf,
    /// What it is called in there.
    pub(crate) logical_id: String,
    /// What it does.
    pub(crate) template: Template,
}

impl Ours {
    /// Reads the folder. `None` when the checkout has none.
    ///
    /// # Errors
    /// A file in it that cannot be read.
    pub(crate) fn read(checkout: &Checkout) -> Result<Option<Self>> {
        let folder = checkout.root.join(FOLDER);
        if !folder.is_dir() {
            return Ok(None);
        }
        let mut ours = BTreeMap::new();
        for file in files(&folder).with_context(|| format!("could not read {}", shown(&folder)))? {
            let file = PathBuf::from(shown(&file));
            for judged in lint::judge(&file, &Limits::default())? {
                let name = judged.startable_name().map(str::to_owned);
                if let Some((name, template)) = name.zip(judged.template) {
                    ours.insert(name, Own { file: file.clone(), logical_id: judged.name, template });
                }
            }
        }
        Ok(Some(Self(ours)))
    }

    /// The one that is called `name`, or that there is none, and which there are.
    pub(crate) fn find(&self, name: &str) -> Result<&Own, String> {
        self.0.get(name).ok_or_else(|| {
            let known: Vec<_> = self.0.keys().map(String::as_str).collect();
            format!("no template in {FOLDER} is called `{name}`; known: {}", known.join(", "))
        })
    }

    /// The one that is meant, if it is called by its name and there is one.
    pub(crate) fn template(&self, template: &TemplateRef) -> Option<&Template> {
        match template {
            TemplateRef::Id(_) => None,
            TemplateRef::Name(name) => self.0.get(name).map(|own| &own.template),
        }
    }

    /// That none is called as `template` says, if that is a name.
    pub(crate) fn missing(&self, template: &TemplateRef) -> Option<String> {
        match template {
            TemplateRef::Id(_) => None,
            TemplateRef::Name(name) => self.find(name).err(),
        }
    }
}

/// The files in `folder` with a template in them.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_document = path.extension().is_some_and(|it| it == "yaml" || it == "yml" || it == "json");
        if is_document && fs::read_to_string(&path)?.contains(TYPE) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
