//! The dpkg status file: which packages are on this root, and in what state.
//!
//! An entry counts when its files are on disk. dpkg(1) knows seven states; `not-installed` and `config-files` leave
//! no code behind and are left out, `half-installed` and everything after it does and is kept, because unpacked but
//! unconfigured code can be run just the same. Each state other than `installed` is told in `notes`.

use super::control::{Field, Paragraph, paragraphs};
use crate::error::PackagesError;
use overlock_model::inventory::Unseen;
use overlock_model::package::{Hold, Package, PackageType};
use overlock_rootfs::Root;

/// Where dpkg keeps its list.
pub const STATUS: &str = "var/lib/dpkg/status";
/// Where images without dpkg keep one file for each package.
pub const STATUS_DIRECTORY: &str = "var/lib/dpkg/status.d";

/// The largest status file read; a full desktop has about 5 MB.
const STATUS_LIMIT_BYTES: u64 = 256 << 20;
/// The largest file of `status.d` read.
const STATUS_PART_LIMIT_BYTES: u64 = 4 << 20;
/// The most files of `status.d` read.
const STATUS_PARTS_MAX: usize = 20_000;

/// What dpkg's database says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// Packages whose files are on disk, in the order of the database.
    pub packages: Vec<Package>,
    /// Entries that were left out because no code of theirs is on disk.
    pub not_installed: u64,
    /// Entries with bytes that are not UTF-8 in a field we use; the bytes were replaced by U+FFFD.
    pub replaced_bytes: u64,
    /// The architecture dpkg itself was built for, which apt takes as the native one.
    pub native_arch: Option<String>,
    /// What is not as it should be: packages in an unfinished state, replaced bytes.
    pub notes: Vec<Unseen>,
}

/// Reads the dpkg database of `root`; `None` when it has none.
///
/// # Errors
/// When a file of the database cannot be read, is truncated or is not a dpkg database.
pub fn installed(root: &Root) -> Result<Option<Installed>, PackagesError> {
    let read = |path: &str, limit| {
        root.read_optional(path, limit)
            .map_err(|error| PackagesError::read(path, error))
    };
    let status = read(STATUS, STATUS_LIMIT_BYTES)?;
    let mut parts: Vec<String> = root
        .list_optional(STATUS_DIRECTORY, STATUS_PARTS_MAX)
        .map_err(|error| PackagesError::read(STATUS_DIRECTORY, error))?
        .into_iter()
        .filter(|entry| !entry.name.ends_with(".md5sums"))
        .map(|entry| format!("{STATUS_DIRECTORY}/{}", entry.name))
        .collect();
    parts.sort();
    if status.is_none() && parts.is_empty() {
        return Ok(None);
    }
    let mut all = Installed::default();
    if let Some(bytes) = status {
        all = parse_status(STATUS, &bytes)?;
    }
    for path in parts {
        let Some(bytes) = read(&path, STATUS_PART_LIMIT_BYTES)? else {
            continue;
        };
        let part = parse_part(&path, &bytes)?;
        all.native_arch = all.native_arch.take().or(part.native_arch);
        all.not_installed += part.not_installed;
        all.replaced_bytes += part.replaced_bytes;
        all.packages.extend(part.packages);
        all.notes.extend(part.notes);
    }
    if all.native_arch.is_none() {
        all.native_arch = all
            .packages
            .iter()
            .filter_map(|p| p.arch.clone())
            .find(|arch| arch != "all");
    }
    Ok(Some(all))
}

/// Parses the text of a status file; `path` is for messages only.
///
/// # Errors
/// At the first line that is no field, at an entry without the fields every entry has, and when the file ends in
/// the middle of a line.
pub fn parse_status(path: &str, bytes: &[u8]) -> Result<Installed, PackagesError> {
    if bytes.last().is_some_and(|&byte| byte != b'\n') {
        let line = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
        return Err(PackagesError::Format {
            path: path.to_owned(),
            line: Some(line),
            why: "the file ends in the middle of a line, so it was truncated".to_owned(),
            hint: Some(
                "dpkg keeps the previous file as `status-old` and dated copies under /var/backups",
            ),
        });
    }
    parse(path, bytes, StateField::Required)
}

/// As [`parse_status`] for one file of `status.d`: no `Status` field is needed, its presence is the state.
fn parse_part(path: &str, bytes: &[u8]) -> Result<Installed, PackagesError> {
    parse(path, bytes, StateField::Optional)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StateField {
    Required,
    Optional,
}

fn parse(path: &str, bytes: &[u8], state: StateField) -> Result<Installed, PackagesError> {
    let mut all = Installed::default();
    for paragraph in paragraphs(bytes) {
        let entry = Entry::read(path, &paragraph)?;
        entry.add_to(&mut all, path, state)?;
    }
    if all.replaced_bytes > 0 {
        all.notes.push(Unseen {
            what: path.to_owned(),
            why: format!(
                "{} entries with bytes that are not UTF-8",
                all.replaced_bytes
            ),
        });
    }
    Ok(all)
}

/// The fields of one entry that we use.
#[derive(Default)]
struct Entry<'a> {
    line: u64,
    package: Option<&'a [u8]>,
    status: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    arch: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
}

impl<'a> Entry<'a> {
    fn read(path: &str, paragraph: &Paragraph<'a>) -> Result<Self, PackagesError> {
        let mut entry = Self {
            line: paragraph.line,
            ..Self::default()
        };
        for field in paragraph.fields() {
            let field: Field<'a> = field.map_err(|malformed| {
                PackagesError::at(
                    path,
                    malformed.line,
                    "this line is neither `Name: value` nor a continuation",
                )
            })?;
            let slot = match field.name.len() {
                7 if field.is("Package") => &mut entry.package,
                6 if field.is("Status") => &mut entry.status,
                7 if field.is("Version") => &mut entry.version,
                12 if field.is("Architecture") => &mut entry.arch,
                6 if field.is("Source") => &mut entry.source,
                _ => continue,
            };
            slot.get_or_insert(field.value);
        }
        Ok(entry)
    }

    fn add_to(
        &self,
        all: &mut Installed,
        path: &str,
        state: StateField,
    ) -> Result<(), PackagesError> {
        let missing = |field: &str| {
            PackagesError::at(path, self.line, format!("the entry has no field `{field}`"))
        };
        let name = self
            .package
            .filter(|name| !name.is_empty())
            .ok_or_else(|| missing("Package"))?;
        let mut replaced = false;
        let mut text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                replaced = true;
                String::from_utf8_lossy(bytes).into_owned()
            }
        };
        let (want, now) = match (self.status, state) {
            (Some(status), _) => {
                let words: Vec<&[u8]> = status
                    .split(u8::is_ascii_whitespace)
                    .filter(|w| !w.is_empty())
                    .collect();
                let [want, _error, now] = words[..] else {
                    return Err(PackagesError::at(
                        path,
                        self.line,
                        "`Status` does not have three words",
                    ));
                };
                (want, now)
            }
            (None, StateField::Optional) => (&b"install"[..], &b"installed"[..]),
            (None, StateField::Required) => return Err(missing("Status")),
        };
        let name = text(name);
        match now {
            b"installed" => {}
            b"not-installed" | b"config-files" => {
                all.not_installed += 1;
                return Ok(());
            }
            b"half-installed" | b"unpacked" | b"half-configured" | b"triggers-awaited"
            | b"triggers-pending" => {
                let why = format!("in dpkg state `{}`; counted as installed", text(now));
                all.notes.push(Unseen {
                    what: format!("package {name}"),
                    why,
                });
            }
            other => {
                let why = format!("`{}` is not a dpkg state", text(other));
                return Err(PackagesError::at(path, self.line, why));
            }
        }
        let version = text(
            self.version
                .filter(|version| !version.is_empty())
                .ok_or_else(|| missing("Version"))?,
        );
        let mut package = Package::new(PackageType::Deb, name, version);
        package.epoch = Some(epoch(&package.version));
        package.arch = self.arch.map(&mut text);
        if let Some(source) = self.source {
            let (source, source_version) = split_source(&text(source));
            package.source = Some(source);
            package.source_version = source_version;
        }
        package.hold = (want == b"hold").then_some(Hold::Hold);
        if package.name == "dpkg" {
            all.native_arch = package.arch.clone();
        }
        all.replaced_bytes += u64::from(replaced);
        all.packages.push(package);
        Ok(())
    }
}

/// `Source: name (version)` in its two parts (Debian Policy 5.6.1).
pub(crate) fn split_source(source: &str) -> (String, Option<String>) {
    match source.split_once('(') {
        Some((name, version)) => {
            let version = version.trim_end().trim_end_matches(')').trim();
            (name.trim().to_owned(), Some(version.to_owned()))
        }
        None => (source.trim().to_owned(), None),
    }
}

/// The epoch of a version, 0 where none is written (deb-version(7)).
fn epoch(version: &str) -> u32 {
    version
        .split_once(':')
        .and_then(|(epoch, _)| epoch.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATUS_TEXT: &str = "\
Package: curl
Status: hold ok installed
Architecture: amd64
Version: 7.88.1-10+deb12u12

Package: libcurl4
Status: install ok half-configured
Architecture: amd64
Source: curl (7.88.1-10+deb12u12)
Version: 7.88.1-10+deb12u12+b1

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: vim
Status: install ok installed
Architecture: amd64
Version: 2:9.0.1378-2
";

    #[test]
    fn entries_without_code_on_disk_are_left_out() {
        let all = parse_status("status", STATUS_TEXT.as_bytes()).unwrap();
        let names: Vec<_> = all.packages.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["curl", "libcurl4", "vim"]);
        assert_eq!(all.not_installed, 1);
        assert_eq!(all.notes.len(), 1, "the half-configured one is told");
    }

    #[test]
    fn hold_source_and_epoch_are_facts_of_their_own() {
        let all = parse_status("status", STATUS_TEXT.as_bytes()).unwrap();
        assert_eq!(all.packages[0].hold, Some(Hold::Hold));
        assert_eq!(all.packages[1].source.as_deref(), Some("curl"));
        assert_eq!(
            all.packages[1].source_version.as_deref(),
            Some("7.88.1-10+deb12u12")
        );
        assert_eq!(all.packages[2].epoch, Some(2));
        assert_eq!(all.packages[0].epoch, Some(0));
    }

    #[test]
    fn garbage_is_refused_with_its_line() {
        let text = format!("{STATUS_TEXT}\n\u{0}\u{1}binary\n");
        let error = parse_status("status", text.as_bytes())
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "cannot understand `status` line 22: this line is neither `Name: value` nor a continuation"
        );
        let cut = &STATUS_TEXT[..STATUS_TEXT.len() - 4];
        let error = parse_status("status", cut.as_bytes()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("line 20: the file ends in the middle of a line"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("status-old"));
    }

    #[test]
    fn an_entry_cut_between_lines_lacks_its_version() {
        let cut = STATUS_TEXT.trim_end().rsplit_once('\n').unwrap().0;
        let error = parse_status("status", format!("{cut}\n").as_bytes())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 17: the entry has no field `Version`"),
            "{error}"
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_and_counted() {
        let mut text = STATUS_TEXT.as_bytes().to_vec();
        let at = text.windows(4).position(|w| w == b"vim\n").unwrap();
        text[at] = 0xff;
        let all = parse_status("status", &text).unwrap();
        assert_eq!(all.packages[2].name, "\u{fffd}im");
        assert_eq!(all.replaced_bytes, 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_status("status", &bytes);
        }
        #[test]
        fn a_damaged_file_is_read_or_refused(at in 0usize..400, byte in any::<u8>()) {
            let mut text = STATUS_TEXT.as_bytes().to_vec();
            let at = at % text.len();
            text[at] = byte;
            if let Ok(all) = parse_status("status", &text) {
                prop_assert!(all.packages.len() as u64 + all.not_installed <= 5);
            }
        }
    }
}
