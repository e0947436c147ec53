//! Files made from code: `cargo xtask generate` writes them, `cargo xtask check` proves that they are current.

use crate::command;
use crate::workspace;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A generated file.
pub struct Generated {
    /// Relative to the root.
    pub path: String,
    /// Content.
    pub text: String,
}

/// Everything that is generated.
pub fn all() -> Result<Vec<Generated>> {
    let mut files = schemas()?;
    files.push(Generated {
        path: "docs/cli.md".to_owned(),
        text: cli_reference()?,
    });
    // After the command line, whose build is this program's too.
    files.push(Generated {
        path: "docs/openapi.json".to_owned(),
        text: api_reference()?,
    });
    Ok(files)
}

/// Writes what has changed.
pub fn write() -> Result<()> {
    for file in all()? {
        let path = workspace::root().join(&file.path);
        if fs::read_to_string(&path).is_ok_and(|text| text == file.text) {
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, file.text)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        println!("wrote {}", file.path);
    }
    Ok(())
}

/// Differences between what is there and what would be generated, one line each.
pub fn drift() -> Result<Vec<String>> {
    let generated = all()?;
    let mut drift = Vec::new();
    for file in &generated {
        match fs::read_to_string(workspace::root().join(&file.path)) {
            Ok(text) if text == file.text => {}
            Ok(_) => drift.push(format!("{}: not what the code says now", file.path)),
            Err(_) => drift.push(format!("{}: missing", file.path)),
        }
    }
    for entry in fs::read_dir(workspace::root().join("docs/schemas"))? {
        let path = format!("docs/schemas/{}", entry?.file_name().to_string_lossy());
        if Path::new(&path)
            .extension()
            .is_some_and(|extension| extension == "json")
            && !generated.iter().any(|file| file.path == path)
        {
            drift.push(format!("{path}: no code makes this schema any more"));
        }
    }
    Ok(drift)
}

fn schemas() -> Result<Vec<Generated>> {
    overlock_report::schemas()
        .into_iter()
        .map(|(name, schema)| {
            let text = format!("{}\n", serde_json::to_string_pretty(&schema)?);
            Ok(Generated {
                path: format!("docs/schemas/{name}"),
                text,
            })
        })
        .collect()
}

/// The help of the program and of each of its commands.
fn cli_reference() -> Result<String> {
    // With the tests and not `-p overlock`: the same features of all dependencies, so that the test command, which
    // follows in CI, finds everything built.
    command::succeed(&mut command::cargo(&[
        "build",
        "--locked",
        "--workspace",
        "--bins",
        "--tests",
    ]))?;
    let mut page = String::from(
        "# Command line\n\nMade from the program's own help by `cargo xtask generate`; do not edit.\n",
    );
    let program = workspace::target().join("debug/overlock");
    add_help(&mut page, &[&program.to_string_lossy()], &mut Vec::new())?;
    Ok(page)
}

/// The description of the API, as a server with all its routes gives it.
fn api_reference() -> Result<String> {
    let program = workspace::target().join("debug/overlock-openapi");
    command::output(&mut command::command(&program.to_string_lossy(), &[]))
}

/// Adds the help of one command, then of those below it.
fn add_help(page: &mut String, program: &[&str], words: &mut Vec<String>) -> Result<()> {
    let (first, rest) = program.split_first().context("no program")?;
    let mut help = command::command(first, rest);
    // The help shows values from the environment, and colours on some terminals: neither belongs on the page.
    help.args(&words[..]).arg("--help").env_clear();
    let help = command::output(&mut help)?;
    let title = ["overlock"]
        .into_iter()
        .chain(words.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(" ");
    write!(
        page,
        "\n## `{title}`\n\n```text\n{}\n```\n",
        help.trim_end()
    )?;
    for name in commands_in(&help) {
        words.push(name);
        add_help(page, program, words)?;
        words.pop();
    }
    Ok(())
}

/// Names below `Commands:`, two spaces in; `help` repeats the others.
fn commands_in(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with("  "))
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_the_help() {
        let help = "Usage: x\n\nCommands:\n  scan     What is wrong\n           and more\n  feeds    Data\n  help     Print\n\nOptions:\n  -h, --help  Print\n";
        assert_eq!(commands_in(help), ["scan", "feeds"]);
        assert_eq!(
            commands_in("Usage: x scan\n\nOptions:\n  -h, --help\n"),
            [""; 0]
        );
    }

    #[test]
    fn every_command_has_its_help_on_the_page_and_the_environment_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        let script = "case \"$*\" in\n\
            --help) printf 'Usage: x\\n\\nCommands:\\n  feeds  Data\\n  help   Print\\n' ;;\n\
            'feeds --help') printf 'Usage: feeds\\n\\nCommands:\\n  sync  Fetch\\n' ;;\n\
            'feeds sync --help') echo \"Usage: sync [$HOME]\" ;;\n*) exit 2 ;;\nesac\n";
        fs::write(&program, script).unwrap();
        let mut page = String::new();
        // By `sh`: a file that was just written cannot always be executed while other tests start programs.
        let program = program.to_string_lossy();
        add_help(&mut page, &["sh", &program], &mut Vec::new()).unwrap();
        let titles: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(
            titles,
            [
                "## `overlock`",
                "## `overlock feeds`",
                "## `overlock feeds sync`"
            ]
        );
        assert!(page.contains("Usage: sync []"), "{page}");
    }

    #[test]
    fn every_schema_is_a_json_file_of_its_own_name() {
        let files = schemas().unwrap();
        assert!(files.len() >= 2);
        assert!(
            files
                .iter()
                .all(|file| file.path.starts_with("docs/schemas/") && file.path.ends_with(".json"))
        );
    }
}
