//! The file of facts about an asset (`--facts FILE`): what no scan can see, own deadlines, rules that are followed.

use crate::commands::read_input;
use crate::exit::{Failure, warn};
use overlock_model::decision::Rule;
use overlock_model::facts::Facts;
use overlock_model::mitigation::Placed;
use overlock_model::vex::VexStatement;
use overlock_packages::vex;
use overlock_risk::{Policy, Rules};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

const FACTS_BYTES_MAX: u64 = 1 << 20;
const VEX_BYTES_MAX: u64 = 256 << 20;

/// What the file says; all of it may be unknown.
#[derive(Debug, Default)]
pub struct Given {
    /// Facts about the asset.
    pub facts: Facts,
    /// `[policy]`: own deadlines.
    pub policy: Policy,
    /// `rules = ["bod_26_04", …]`: which rules are followed; all when left out.
    pub rules: Rules,
    /// Statements of the VEX documents given.
    pub vex: Vec<VexStatement>,
    /// Measures that runs put in place on this host, where it is this host that is judged.
    pub mitigations: Vec<Placed>,
}

/// Reads the file; without one everything is unknown.
pub fn read(file: Option<&Path>, vex: &[PathBuf]) -> Result<Given, Failure> {
    let mut given = match file {
        None => Given::default(),
        Some(file) => {
            let bytes = read_input(file, FACTS_BYTES_MAX)?;
            parse(&bytes).map_err(|error| {
                Failure::input(
                    error.context(format!("cannot use the facts in `{}`", file.display())),
                )
                .hint(
                    "keys: criticality, exposure, environment, owner, business_impact, pci_scope, role, rules, [policy]",
                )
            })?
        }
    };
    for file in vex {
        let bytes = read_input(file, VEX_BYTES_MAX)?;
        let read = vex::read(&bytes).map_err(|error| {
            let hint = error.hint().map(str::to_owned);
            let error =
                anyhow::Error::new(error).context(format!("cannot use `{}`", file.display()));
            Failure {
                hint,
                ..Failure::input(error)
            }
        })?;
        if read.left_out > 0 {
            warn(&format!(
                "`{}`: {} statements name no vulnerability, product or status that is known",
                file.display(),
                read.left_out
            ));
        }
        given.vex.extend(read.statements);
    }
    Ok(given)
}

fn parse(bytes: &[u8]) -> anyhow::Result<Given> {
    let text = std::str::from_utf8(bytes)?;
    let mut table: toml::Table = toml::from_str(text)?;
    let policy = part(table.remove("policy"))?.unwrap_or_default();
    let rules: Option<Vec<Rule>> = part(table.remove("rules"))?;
    let facts = part(Some(toml::Value::Table(table)))?.unwrap_or_default();
    Ok(Given {
        facts,
        policy,
        rules: rules.map_or_else(Rules::default, Rules::only),
        vex: Vec::new(),
        mitigations: Vec::new(),
    })
}

fn part<T: DeserializeOwned>(value: Option<toml::Value>) -> anyhow::Result<Option<T>> {
    Ok(value.map(T::deserialize).transpose()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::facts::{Criticality, SystemExposure};

    #[test]
    fn facts_policy_and_rules_stand_in_one_file() {
        let given = parse(
            b"criticality = 'high'\nexposure = 'open'\nrules = ['ssvc']\n[policy]\nkev_days = 2\n",
        )
        .unwrap();
        assert_eq!(given.facts.criticality, Some(Criticality::High));
        assert_eq!(given.facts.exposure, Some(SystemExposure::Open));
        assert_eq!(given.policy.kev_days, Some(2));
        assert!(given.rules.has(Rule::Ssvc) && !given.rules.has(Rule::PciDss));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = format!("{:#}", parse(b"critical = 'high'").unwrap_err());
        assert!(error.contains("critical"), "{error}");
    }
}
