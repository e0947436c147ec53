//! The part of `cargo metadata` that the checks read.

use crate::command;
use anyhow::{Context, Result};
use serde::Deserialize;

/// Packages of the whole dependency graph.
#[derive(Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
}

/// A package, ours or foreign.
#[derive(Deserialize)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// Absent for our own.
    pub source: Option<String>,
    pub license: Option<String>,
    pub manifest_path: String,
    pub dependencies: Vec<Dependency>,
}

/// A line of a manifest.
#[derive(Deserialize)]
pub struct Dependency {
    pub name: String,
    /// `None` for a normal one, `dev` or `build`.
    pub kind: Option<String>,
    pub features: Vec<String>,
    pub uses_default_features: bool,
}

impl Metadata {
    /// The packages of this workspace.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| package.source.is_none())
    }
}

impl Package {
    /// The crate's word in DESIGN: `model` for `overlock-model`.
    pub fn word(&self) -> &str {
        self.name.strip_prefix("overlock-").unwrap_or(&self.name)
    }

    /// What the product is built with; dependencies of tests are free.
    pub fn shipped_dependencies(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies
            .iter()
            .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
    }
}

/// Asks cargo. Only this platform: what Windows would link is not ours.
pub fn read() -> Result<Metadata> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = command::cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        &platform,
    ]);
    serde_json::from_str(&command::output(&mut cargo)?).context("cargo's metadata has another form")
}

#[cfg(test)]
impl Package {
    /// A member with normal dependencies.
    pub fn member(name: &str, dependencies: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            source: None,
            license: None,
            manifest_path: String::new(),
            dependencies: dependencies
                .iter()
                .map(|name| Dependency::normal(name))
                .collect(),
        }
    }
}

#[cfg(test)]
impl Dependency {
    pub fn normal(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: None,
            features: Vec::new(),
            uses_default_features: false,
        }
    }
}
