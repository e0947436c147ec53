//! Names of records inside the publishers' archives.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A file of an archive.
pub struct Entry {
    pub name: String,
    pub content: Vec<u8>,
}

/// OSV: `ID.json` at the top of `all.zip`, the record as it is.
pub fn osv(line: &[u8]) -> Result<Entry> {
    #[derive(Deserialize)]
    struct Record<'a> {
        #[serde(borrow)]
        id: &'a str,
    }
    let Record { id } = serde_json::from_slice(line)?;
    Ok(Entry {
        name: format!("{}.json", plain(id)?),
        content: line.to_vec(),
    })
}

/// Vulnrichment: `YEAR/NNxxx/CVE-YEAR-NNNNN.json`, in folders of a thousand.
pub fn cve(line: &[u8]) -> Result<Entry> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Record<'a> {
        #[serde(borrow)]
        cve_metadata: Metadata<'a>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata<'a> {
        #[serde(borrow)]
        cve_id: &'a str,
    }
    let record: Record<'_> = serde_json::from_slice(line)?;
    let id = plain(record.cve_metadata.cve_id)?;
    let (year, number) = id
        .strip_prefix("CVE-")
        .and_then(|rest| rest.split_once('-'))
        .with_context(|| format!("`{id}` is no CVE number"))?;
    let thousand = number
        .len()
        .checked_sub(3)
        .and_then(|digits| number.get(..digits))
        .unwrap_or("");
    Ok(Entry {
        name: format!("vulnrichment-develop/{year}/{thousand}xxx/{id}.json"),
        content: line.to_vec(),
    })
}

/// Node.js packages: `vuln/npm/N.json`; the record without the path that the collector added.
pub fn npm(line: &[u8]) -> Result<Entry> {
    let mut record: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line)?;
    let path = record.remove("_path").context("no `_path`")?;
    let path = path.as_str().context("`_path` is no text")?;
    let name = path
        .strip_prefix("vuln/npm/")
        .and_then(|name| name.strip_suffix(".json"));
    let name = plain(name.with_context(|| format!("`{path}` is not below `vuln/npm`"))?)?;
    Ok(Entry {
        name: format!("security-wg-main/vuln/npm/{name}.json"),
        content: serde_json::to_vec_pretty(&record)?,
    })
}

/// Node.js itself: `vuln/core/N.json`, from one file that holds all of them by number.
pub fn nodejs_core(all: &str) -> Result<Vec<Entry>> {
    let records: std::collections::BTreeMap<String, serde_json::Value> = serde_json::from_str(all)?;
    records
        .into_iter()
        .map(|(number, record)| {
            let name = format!("security-wg-main/vuln/core/{}.json", plain(&number)?);
            Ok(Entry {
                name,
                content: serde_json::to_vec_pretty(&record)?,
            })
        })
        .collect()
}

/// Refuses a name that would leave its folder: these files are made from data, and extracted by others.
pub fn plain(name: &str) -> Result<&str> {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.');
    ensure!(
        !name.is_empty() && !name.starts_with('.') && name.bytes().all(allowed),
        "`{name}` cannot be the name of a file"
    );
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_publishers() {
        assert_eq!(
            osv(br#"{"id":"ALSA-2025:10073"}"#).unwrap().name,
            "ALSA-2025:10073.json"
        );
        let name = |id: &str| {
            cve(format!(r#"{{"cveMetadata":{{"cveId":"{id}"}}}}"#).as_bytes())
                .map(|entry| entry.name)
        };
        assert_eq!(
            name("CVE-2024-35195").unwrap(),
            "vulnrichment-develop/2024/35xxx/CVE-2024-35195.json"
        );
        assert_eq!(
            name("CVE-1999-0006").unwrap(),
            "vulnrichment-develop/1999/0xxx/CVE-1999-0006.json"
        );
        let npm = npm(br#"{"id":1,"_path":"vuln/npm/1.json"}"#).unwrap();
        assert_eq!(npm.name, "security-wg-main/vuln/npm/1.json");
        assert!(!String::from_utf8(npm.content).unwrap().contains("_path"));
    }

    #[test]
    fn name_that_leaves_the_folder_is_refused() {
        assert!(osv(br#"{"id":"../../etc/passwd"}"#).is_err());
        assert!(osv(br#"{"id":""}"#).is_err());
        assert!(osv(b"not json").is_err());
    }
}
