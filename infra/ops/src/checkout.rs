//! Where the template, the sample events and the configuration are: the repository around the current folder.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use watchkeeper_domain::config::Config;

use crate::cli::Place;

/// A checkout of the repository, and what the options say about it.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// The folder with `template.yaml`.
    pub root: PathBuf,
    /// The folder in which state is kept.
    pub state: PathBuf,
    /// The configuration file.
    pub config: PathBuf,
}

impl Checkout {
    /// Looks in the current folder and the ones above it.
    ///
    /// # Errors
    /// When none of them is the root of the repository.
    pub fn find(place: &Place) -> Result<Self> {
        let here = env::current_dir().context("could not tell the current folder")?;
        let root = here.ancestors().find(|dir| dir.join("template.yaml").is_file());
        let root = root.ok_or_else(|| {
            let here = here.display();
            anyhow!("no template.yaml in {here} or any folder above it: run this inside the repository")
        })?;
        Ok(Self {
            root: root.to_owned(),
            state: place.state.clone().unwrap_or_else(|| root.join(".watchkeeper")),
            config: place.config.clone().unwrap_or_else(|| root.join("infra/config/watchkeeper.toml")),
        })
    }

    /// The text of `template.yaml`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn template(&self) -> Result<String> {
        read(&self.root.join("template.yaml"))
    }

    /// The folder of the sample events.
    ///
    /// # Errors
    /// When there is none.
    pub fn events(&self) -> Result<PathBuf> {
        let events = self.root.join("events");
        let missing = || anyhow!("{} is missing: restore it with `git checkout events`", events.display());
        if events.is_dir() { Ok(events) } else { Err(missing()) }
    }

    /// The configuration.
    ///
    /// # Errors
    /// When it cannot be read, or every problem in it with its place.
    pub fn config(&self) -> Result<Config> {
        let path = shown(&self.config);
        Config::parse(&self.config_text()?).map_err(|problems| {
            let lines: Vec<_> = problems.iter().map(|problem| format!("  {path}:{problem}")).collect();
            anyhow!("the configuration has problems:\n{}", lines.join("\n"))
        })
    }

    /// The text of the configuration.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn config_text(&self) -> Result<String> {
        read(&self.config).context("no configuration: name one with --config FILE")
    }
}

/// `path` as seen from the current folder, where it is below that.
pub fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("could not read {}", shown(path)))
}
