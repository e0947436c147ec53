//! Language packages: metadata files and what binaries embed, through the search that a scan makes.

use crate::Target;
use crate::parts::texts;
use crate::tree::Tree;
use overlock_packages::language::{Options, survey};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

const METADATA: &str = "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.2.3\nSummary: s\n x\nLicense: y\n\nName: not this\n";
const MANIFEST: &str =
    r#"{"name":"@a/b","version":"1.2.3","_id":"@a/b@1.2.3","dependencies":{"c":"^1"}}"#;
const AUDIT: &str = r#"{"packages":[{"name":"foo","version":"1.2.3","source":"registry","dependencies":[1]},{"name":"bar","version":"0.1.0","source":"local","root":true}]}"#;

/// A 64-bit little-endian program with one section of content.
fn elf(name: &str, content: &[u8]) -> Vec<u8> {
    let names = format!("\0{name}\0.shstrtab\0");
    let (content_at, names_at) = (128, 128 + content.len());
    let table_at = names_at + names.len();
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([2u16, 62].map(u16::to_le_bytes).concat());
    file.extend(1u32.to_le_bytes());
    file.extend([0, 64, table_at as u64].map(u64::to_le_bytes).concat());
    file.extend(0u32.to_le_bytes());
    file.extend([64u16, 56, 1, 64, 3, 2].map(u16::to_le_bytes).concat());
    file.extend([1u32, 6].map(u32::to_le_bytes).concat());
    let size = content.len() as u64;
    file.extend(
        [content_at as u64, 0x1000, 0x1000, size, size, 16]
            .map(u64::to_le_bytes)
            .concat(),
    );
    file.resize(content_at, 0);
    file.extend(content);
    file.extend(names.as_bytes());
    let second = name.len() as u32 + 2;
    for (name, kind, address, offset, size) in [
        (0u32, 0u32, 0, 0, 0),
        (1, 1, 0x1000, content_at, content.len()),
        (second, 3, 0, names_at, names.len()),
    ] {
        file.extend([name, kind].map(u32::to_le_bytes).concat());
        file.extend(
            [0, address, offset as u64, size as u64, 0, 1, 0]
                .map(u64::to_le_bytes)
                .concat(),
        );
    }
    file
}

fn go() -> Vec<u8> {
    let modules = "path\texample.org/x\nmod\texample.org/x\t(devel)\t\ndep\texample.org/y\tv1.2.3\th1:x=\n=>\texample.org/z\tv1.2.4\th1:y=\n";
    let marked = [&[b'a'; 16][..], modules.as_bytes(), &[b'b'; 16]].concat();
    let mut info = b"\xff Go buildinf:\x08\x02".to_vec();
    info.resize(32, 0);
    info.push(8);
    info.extend(b"go1.21.5");
    let length = marked.len();
    info.extend([(length & 0x7f) as u8 | 0x80, (length >> 7) as u8]);
    info.extend(marked);
    elf(".go.buildinfo", &info)
}

fn audited(json: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(json).unwrap();
    elf(".dep-v0", &writer.finish().unwrap())
}

thread_local! {
    static PYTHON: Tree = Tree::new(&[]);
    static NODE: Tree = Tree::new(&[]);
    static BINARY: Tree = Tree::new(&[]);
}

fn search(tree: &Tree, path: &str, input: &[u8]) {
    tree.put(path, input);
    fs::set_permissions(tree.path().join(path), Permissions::from_mode(0o755))
        .expect("a file of our own");
    let options = Options {
        search_roots: Some(vec!["opt".to_owned()]),
        ..Options::default()
    };
    let found = survey(tree.root(), &options).expect("a folder that is there");
    for package in found.packages {
        assert!(
            !package.name.is_empty() && !package.version.is_empty(),
            "{package:?}"
        );
    }
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "python_metadata",
        seeds: || texts(&[METADATA]),
        run: |input| PYTHON.with(|tree| search(tree, "opt/foo-1.dist-info/METADATA", input)),
    },
    Target {
        name: "node_manifest",
        seeds: || texts(&[MANIFEST]),
        run: |input| NODE.with(|tree| search(tree, "opt/node_modules/@a/b/package.json", input)),
    },
    Target {
        name: "elf_program",
        seeds: || vec![go(), audited(AUDIT.as_bytes())],
        run: |input| BINARY.with(|tree| search(tree, "opt/program", input)),
    },
    Target {
        name: "cargo_audit_data",
        seeds: || texts(&[AUDIT]),
        run: |input| BINARY.with(|tree| search(tree, "opt/program", &audited(input))),
    },
    Target {
        name: "go_build_info",
        seeds: || vec![go()[128..].to_vec()],
        run: |input| BINARY.with(|tree| search(tree, "opt/program", &elf(".go.buildinfo", input))),
    },
];
