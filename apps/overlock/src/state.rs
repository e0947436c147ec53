//! Where state lives, and what time it is.

use crate::exit::Failure;
use std::path::{Path, PathBuf};

/// The data directory, and whether we may write into it.
#[derive(Debug, Clone)]
pub struct State {
    /// `--data`, else the system's directory as root, else the user's. Absolute.
    pub data: PathBuf,
    /// Where compiled tables are read: `data`, or the system's when the user has none.
    pub tables: PathBuf,
    /// Time of judgement.
    pub now: jiff::Timestamp,
    /// The time was given: it does not pass.
    pub still: bool,
}

const SYSTEM: &str = "/var/lib/overlock";

impl State {
    pub fn find(given: Option<PathBuf>, now: Option<jiff::Timestamp>) -> Result<Self, Failure> {
        let still = now.is_some();
        let now = now.unwrap_or_else(jiff::Timestamp::now);
        if let Some(given) = given {
            // Timers start us in another working directory.
            let data = std::path::absolute(given).map_err(Failure::input)?;
            return Ok(Self {
                tables: data.clone(),
                data,
                now,
                still,
            });
        }
        if rustix::process::geteuid().is_root() {
            return Ok(Self {
                data: SYSTEM.into(),
                tables: SYSTEM.into(),
                now,
                still,
            });
        }
        let absolute = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let data = absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
            .map(|base| base.join("overlock"))
            .ok_or_else(|| {
                Failure::input(anyhow::anyhow!("no place for state is known"))
                    .hint("give --data DIR, or set HOME or XDG_DATA_HOME")
            })?;
        let has_tables = |folder: &Path| folder.join("index/current").is_file();
        let tables = if has_tables(&data) || !has_tables(Path::new(SYSTEM)) {
            data.clone()
        } else {
            SYSTEM.into()
        };
        Ok(Self {
            data,
            tables,
            now,
            still,
        })
    }

    /// What time it is by now.
    pub fn clock(&self) -> jiff::Timestamp {
        if self.still {
            self.now
        } else {
            jiff::Timestamp::now()
        }
    }

    /// Where caches may be written; `None` when nothing can be written there.
    pub fn cache(&self) -> Option<PathBuf> {
        let cache = self.data.join("cache");
        std::fs::create_dir_all(&cache).ok()?;
        Some(cache)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_means_the_same_folder_wherever_it_is_used_from() {
        let state = State::find(Some("state".into()), None).unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(state.data, here.join("state"));
        assert_eq!(state.tables, state.data);
    }
}
