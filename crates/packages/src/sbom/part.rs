//! One part of a bill of materials, in the words both formats share, and what packages it stands for.

use super::purl::{Purl, PurlForm};
use overlock_model::package::{Package, PackageType};

/// The role of a part that is the operating system itself.
pub(super) const OPERATING_SYSTEM: &str = "operating-system";
/// The type of a part that no Package URL names.
const GENERIC: &str = "generic";
/// Longest text taken, in bytes.
const WORD_BYTES_MAX: usize = 4096;

/// A component (CycloneDX) or package (SPDX) as written.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// CycloneDX `type`, or its like.
    pub role: String,
    pub group: Option<String>,
    pub name: Option<String>,
    pub version: Option<String>,
    pub purls: Vec<String>,
    /// What the producer's own properties say.
    pub source: Option<String>,
    pub source_version: Option<String>,
    source_release: Option<String>,
    source_epoch: Option<String>,
    epoch: Option<String>,
    arch: Option<String>,
    module: Option<String>,
    path: Option<String>,
}

/// A package with what its Package URL says of the distribution.
pub(super) struct Named {
    pub package: Package,
    pub purl: Option<Purl>,
    pub form: PurlForm,
}

impl Part {
    /// Takes a producer's own property; those of syft and trivy are known, the first of a name counts.
    pub fn property(&mut self, name: &str, value: String) {
        let target = match name {
            "aquasecurity:trivy:SrcName"
            | "syft:metadata:source"
            | "syft:metadata:originPackage"
            | "syft:metadata:sourceRpm" => &mut self.source,
            "aquasecurity:trivy:SrcVersion" | "syft:metadata:sourceVersion" => {
                &mut self.source_version
            }
            "aquasecurity:trivy:SrcRelease" => &mut self.source_release,
            "aquasecurity:trivy:SrcEpoch" => &mut self.source_epoch,
            "syft:metadata:epoch" => &mut self.epoch,
            "syft:metadata:architecture" => &mut self.arch,
            "aquasecurity:trivy:Modularitylabel" | "syft:metadata:modularityLabel" => {
                &mut self.module
            }
            "aquasecurity:trivy:FilePath" | "syft:location:0:path" | "sbomer:location:0:path" => {
                &mut self.path
            }
            _ => return,
        };
        target.get_or_insert(value);
    }

    /// Takes trivy's `sourceInfo` in SPDX: `built package from: NAME VERSION`.
    pub fn built_from(&mut self, text: &str) {
        let Some(built) = text.strip_prefix("built package from: ") else {
            return;
        };
        let mut words = built.split_whitespace();
        self.source = words.next().map(ToOwned::to_owned);
        self.source_version = words.next().map(ToOwned::to_owned);
    }

    /// Whether a text in it is longer than any real one.
    pub fn is_oversized(&self) -> bool {
        let words = [
            &self.group,
            &self.name,
            &self.version,
            &self.source,
            &self.source_version,
        ]
        .into_iter()
        .chain([
            &self.source_release,
            &self.source_epoch,
            &self.epoch,
            &self.arch,
            &self.module,
            &self.path,
        ])
        .flatten();
        words
            .chain(&self.purls)
            .any(|word| word.len() > WORD_BYTES_MAX)
    }

    /// The packages that this part stands for, one for each Package URL that can be read, and how many cannot.
    pub fn packages(&self) -> (Vec<Named>, u64) {
        let mut unreadable = 0;
        let mut packages = Vec::new();
        for text in &self.purls {
            match Purl::parse(text) {
                Some((purl, form)) => packages.push(self.by_purl(purl, form)),
                None => unreadable += 1,
            }
        }
        if packages.is_empty() {
            packages.extend(self.by_name());
        }
        (packages, unreadable)
    }

    fn by_name(&self) -> Option<Named> {
        let name = match (&self.group, self.name.as_ref()?) {
            (Some(group), name) if !name.starts_with(group.as_str()) => format!("{group}/{name}"),
            (_, name) => name.clone(),
        };
        let kind = PackageType::Other(GENERIC.to_owned());
        let mut package = Package::new(kind, name, self.version.clone().unwrap_or_default());
        package.path = self.place();
        Some(Named {
            package,
            purl: None,
            form: PurlForm::Valid,
        })
    }

    fn by_purl(&self, purl: Purl, form: PurlForm) -> Named {
        let kind = PackageType::from_word(&purl.kind);
        let version = purl
            .version
            .clone()
            .or_else(|| self.version.clone())
            .unwrap_or_default();
        let mut package = Package::new(kind.clone(), self.name_of(&purl), version);
        if kind.is_os() {
            package.arch = purl
                .qualifier("arch")
                .map(ToOwned::to_owned)
                .or_else(|| self.arch.clone());
            self.set_epoch(&mut package, &purl);
            self.set_source(&mut package, &purl);
            let label = purl
                .qualifier("rpmmod")
                .map(ToOwned::to_owned)
                .or_else(|| self.module.clone());
            package.module = label.filter(|_| kind == PackageType::Rpm);
        } else {
            package.path = self.place();
        }
        Named {
            package,
            purl: Some(purl),
            form,
        }
    }

    /// Package URLs write Go modules in lower case, and syft moves their last parts into the subpath; the part's own
    /// name is taken where it is the same but for that.
    fn name_of(&self, purl: &Purl) -> String {
        let full = purl.full_name();
        let Some(name) = &self.name else { return full };
        let with_subpath = purl
            .subpath
            .as_ref()
            .map(|subpath| format!("{full}/{subpath}"));
        let same = |full: &str| full.eq_ignore_ascii_case(name);
        if same(&full) || with_subpath.is_some_and(|full| same(&full)) {
            name.clone()
        } else {
            full
        }
    }

    /// The epoch stands in the version, in a qualifier, or in a property.
    fn set_epoch(&self, package: &mut Package, purl: &Purl) {
        if let Some((epoch, _)) = package.version.split_once(':') {
            package.epoch = epoch.parse().ok();
            return;
        }
        let stated = purl.qualifier("epoch").or(self.epoch.as_deref());
        let Some(epoch) = stated.and_then(|epoch| epoch.parse::<u32>().ok()) else {
            return;
        };
        package.epoch = Some(epoch);
        // dpkg writes no `0:`; for rpm a stated epoch of 0 is a fact of its own.
        if package.kind == PackageType::Rpm || package.kind == PackageType::Deb && epoch > 0 {
            package.version = format!("{epoch}:{}", package.version);
        }
    }

    /// `upstream=openssl@3.0.11` and `upstream=foo-1.2-3.src.rpm` (syft), `source=` and `origin=` (others), properties.
    fn set_source(&self, package: &mut Package, purl: &Purl) {
        let stated = ["upstream", "source", "origin"]
            .into_iter()
            .find_map(|key| purl.qualifier(key));
        let Some(stated) = stated.or(self.source.as_deref()) else {
            return;
        };
        // Several upstreams are separated by commas; the first is the one it was built from.
        let stated = stated.split(',').next().unwrap_or(stated);
        let (name, version) = match source_rpm(stated) {
            Some((name, version)) => (name, Some(version.to_owned())),
            None => match stated.rsplit_once('@').filter(|(name, _)| !name.is_empty()) {
                Some((name, version)) => (name, Some(version.to_owned())),
                None => (stated, self.source_evr()),
            },
        };
        package.source = Some(name.to_owned());
        package.source_version =
            version.filter(|version| !version.is_empty() && *version != package.version);
    }

    /// trivy's parts of a source version; for rpm without the epoch, as everywhere in the model.
    fn source_evr(&self) -> Option<String> {
        let mut version = self.source_version.clone()?;
        if let Some(release) = &self.source_release {
            version = format!("{version}-{release}");
        }
        match &self.source_epoch {
            Some(epoch) if epoch != "0" && !version.contains(':') => {
                Some(format!("{epoch}:{version}"))
            }
            _ => Some(version),
        }
    }

    fn place(&self) -> Option<String> {
        self.path
            .as_ref()
            .map(|path| path.trim_start_matches('/').to_owned())
    }
}

/// Name and version-release of a source package's file name.
fn source_rpm(file: &str) -> Option<(&str, &str)> {
    let stem = file
        .strip_suffix(".src.rpm")
        .or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, _) = stem.rsplit_once('-')?;
    let (name, _) = rest.rsplit_once('-')?;
    let version = stem.get(name.len() + 1..)?;
    (!name.is_empty()).then_some((name, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(purl: &str, properties: &[(&str, &str)]) -> Package {
        let mut part = Part {
            purls: vec![purl.to_owned()],
            ..Part::default()
        };
        for (name, value) in properties {
            part.property(name, (*value).to_owned());
        }
        part.packages().0.remove(0).package
    }

    #[test]
    fn epochs_are_found_in_version_qualifier_and_property() {
        let of = |purl, properties: &[_]| {
            let package = package(purl, properties);
            (package.epoch, package.version)
        };
        assert_eq!(
            of("pkg:deb/debian/a@2%3A1-1", &[]),
            (Some(2), "2:1-1".to_owned())
        );
        assert_eq!(
            of("pkg:deb/ubuntu/a@1-1?epoch=1", &[]),
            (Some(1), "1:1-1".to_owned())
        );
        assert_eq!(
            of("pkg:rpm/redhat/a@1-1.el9?epoch=1", &[]),
            (Some(1), "1:1-1.el9".to_owned())
        );
        assert_eq!(
            of("pkg:rpm/redhat/a@1-1", &[("syft:metadata:epoch", "0")]),
            (Some(0), "0:1-1".to_owned())
        );
        assert_eq!(
            of("pkg:rpm/redhat/a@1-1.el9", &[]),
            (None, "1-1.el9".to_owned())
        );
    }

    #[test]
    fn sources_are_found_in_every_producers_words() {
        let of = |purl, properties: &[_]| {
            let package = package(purl, properties);
            (
                package.source.unwrap_or_default(),
                package.source_version.unwrap_or_default(),
            )
        };
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(
            of(
                "pkg:deb/debian/libssl3@3.0.11-1?upstream=openssl%403.0.11-2",
                &[]
            ),
            pair("openssl", "3.0.11-2")
        );
        assert_eq!(
            of("pkg:deb/debian/libssl3@3.0.11-1?upstream=openssl", &[]),
            pair("openssl", "")
        );
        assert_eq!(
            of("pkg:rpm/a/b-libs@1-2?upstream=b-lib-1.2-3.el9.src.rpm", &[]),
            pair("b-lib", "1.2-3.el9")
        );
        assert_eq!(
            of("pkg:apk/alpine/libz@1?origin=zlib", &[]),
            pair("zlib", "")
        );
        assert_eq!(
            of(
                "pkg:deb/debian/a@1-2",
                &[
                    ("aquasecurity:trivy:SrcName", "s"),
                    ("aquasecurity:trivy:SrcVersion", "1"),
                    ("aquasecurity:trivy:SrcRelease", "3"),
                    ("aquasecurity:trivy:SrcEpoch", "4"),
                ]
            ),
            pair("s", "4:1-3")
        );
    }

    #[test]
    fn go_modules_keep_the_case_and_the_length_of_their_names() {
        let name = |purl: &str, name: &str| {
            let part = Part {
                name: Some(name.to_owned()),
                purls: vec![purl.to_owned()],
                ..Part::default()
            };
            part.packages().0.remove(0).package.name
        };
        assert_eq!(
            name(
                "pkg:golang/github.com/burntsushi/toml@v1",
                "github.com/BurntSushi/toml"
            ),
            "github.com/BurntSushi/toml"
        );
        assert_eq!(
            name("pkg:golang/github.com/a/b@v2.0.0#v2", "github.com/a/b/v2"),
            "github.com/a/b/v2"
        );
        assert_eq!(
            name("pkg:golang/github.com/a/b@v1#cmd", "tool"),
            "github.com/a/b"
        );
    }

    #[test]
    fn modularity_is_kept_for_rpm_only() {
        let label = [(
            "syft:metadata:modularityLabel",
            "nodejs:20:9040020240101:rhel9",
        )];
        assert_eq!(
            package("pkg:rpm/redhat/nodejs@1:20-1", &label)
                .module
                .as_deref(),
            Some("nodejs:20:9040020240101:rhel9")
        );
        assert_eq!(
            package("pkg:rpm/redhat/nodejs@20-1?rpmmod=nodejs:20", &[])
                .module
                .as_deref(),
            Some("nodejs:20")
        );
        assert_eq!(package("pkg:deb/debian/nodejs@20-1", &label).module, None);
    }
}
