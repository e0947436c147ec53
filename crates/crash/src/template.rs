//! Hosts with a plan that waits to be applied: the two reference sets.
//!
//! A template is a folder of changes over a base root of the lab. It holds packages of the former versions, repositories
//! with both versions as files, `overlock`, and a plan made by `overlock plan`. Every trial begins on it.

use crate::scene::{self, Disk, Scene, succeed};
use crate::trial::Fault;
use anyhow::{Context, Result, ensure};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use overlock_lab::corpus::{self, Release};
use overlock_lab::{Recipe, Root, real_security_updates};
use overlock_model::plan::Digest;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the plan is.
pub const PLAN: &str = "/root/plan.json";
/// Where the program is.
pub const OVERLOCK: &str = "/usr/local/bin/overlock";
/// The packages, as a flat repository of files: no network.
const REPOSITORY: &str = "srv/repository";

/// Real updates of set B, as far as they are pending: libraries that much depends on, apt itself, a service, scripts.
/// Left out are large ones with files by the thousand (perl, python, tzdata), which would only add time.
const REAL: [&str; 18] = [
    "apt",
    "bind9-host",
    "libapt-pkg6.0",
    "libbrotli1",
    "libexpat1",
    "liblzma5",
    "libpcre2-8-0",
    "libsasl2-2",
    "libsasl2-modules-db",
    "libssh2-1",
    "libssl3",
    "libxml2",
    "nginx-light",
    "openssl",
    "rsync",
    "sudo",
    "wget",
    "curl",
];

/// What the package with a trigger does.
const SEEN: &str = "mkdir -p /var/lib/lab-trigger\n\
                    cat /usr/share/lab-trigger/* >/var/lib/lab-trigger/seen.new\n\
                    mv /var/lib/lab-trigger/seen.new /var/lib/lab-trigger/seen\n";

/// Which packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// Our own, each difficult in one way: an edited configuration file, a trigger, a diversion, a service, a pair that
    /// moves together. Artifacts are not fetched yet.
    Own,
    /// Real security updates of Debian. Artifacts are fetched, so that most events are of the installation.
    Real,
}

/// A host to begin on.
#[derive(Debug, Clone)]
pub struct Template {
    /// Uppermost first.
    pub layers: Vec<PathBuf>,
    /// How many packages the plan changes.
    pub packages: usize,
    /// All layers as one ext4, for disks that lose their power.
    image: Option<PathBuf>,
}

impl Template {
    /// Makes one in `folder`, which must be within the mounts of this thread; `overlock` is the program to try.
    ///
    /// # Errors
    /// When a tool fails.
    pub fn new(set: Set, folder: &Path, overlock: &Path) -> Result<Self> {
        let recipe = match set {
            Set::Own => Recipe::small(),
            Set::Real => Recipe::server(),
        };
        let base = Root::of(&recipe)?;
        let scene = Scene::new(
            &folder.join("template"),
            &[base.path().to_owned()],
            Disk::Memory(4 << 10),
        )?;
        let making = Making {
            scene: &scene,
            debs: folder.join("debs"),
        };
        fs::create_dir_all(&making.debs)?;
        fs::create_dir_all(scene.root().join(REPOSITORY))?;
        devices(&scene)?;
        fs::write(
            scene.root().join("etc/apt/sources.list"),
            format!("deb [trusted=yes] file:/{REPOSITORY} ./\n"),
        )?;
        let program = scene.root().join(OVERLOCK.trim_start_matches('/'));
        fs::copy(overlock, program)
            .with_context(|| format!("cannot take `{}`", overlock.display()))?;
        let names = match set {
            Set::Own => making.own()?,
            Set::Real => making.real(&base)?,
        };
        scene.succeed(&[
            OVERLOCK,
            "plan",
            "--offline",
            // Nobody is there who could log in.
            "--confirm",
            "never",
            "--only",
            &names.join(","),
            "--out",
            PLAN,
        ])?;
        let packages = making.packages_of_plan()?;
        // The layer stays where it is; only the mounts over it go.
        let kept = folder.join("layer");
        succeed(Command::new("cp").arg("-a").arg(scene.changes()).arg(&kept))?;
        Ok(Self {
            layers: vec![kept, base.path().to_owned()],
            packages,
            image: None,
        })
    }

    /// With an image of its layers, made in `folder`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn with_image(self, folder: &Path) -> Result<Self> {
        let image = Some(scene::image(&self.layers, 256, folder)?);
        Ok(Self { image, ..self })
    }

    /// The disk for a fault.
    ///
    /// # Errors
    /// When it needs an image and there is none.
    pub fn disk(&self, fault: Fault) -> Result<Disk> {
        Ok(match fault {
            Fault::Kill => Disk::Memory(2 << 10),
            // Not more than it must be: it is filled in memory.
            Fault::FullDisk => Disk::Memory(384),
            Fault::PowerCut => Disk::Ext4(self.image.clone().context("there is no image")?),
        })
    }
}

struct Making<'a> {
    scene: &'a Scene,
    debs: PathBuf,
}

impl Making<'_> {
    fn own(&self) -> Result<Vec<&'static str>> {
        let names = vec![
            "lab-plain",
            "lab-diversion",
            "lab-conffile",
            "lab-trigger",
            "lab-triggering",
            "liblab-pair",
            "lab-pair",
            "lab-service",
        ];
        self.publish(&self.build(Release::First)?)?;
        self.scene
            .succeed(&[&["apt-get", "-qq", "-y", "install"], names.as_slice()].concat())?;
        let configuration = self.scene.root().join("etc/lab-conffile.conf");
        let text = fs::read_to_string(&configuration)?;
        fs::write(configuration, format!("# ours\n{text}"))?;
        self.publish(&self.build(Release::Second)?)?;
        Ok(names)
    }

    fn build(&self, release: Release) -> Result<Vec<PathBuf>> {
        let mut debs = vec![
            // With a file that nobody diverts: dpkg lets a package go that has none left.
            corpus::plain(release).file("/usr/share/doc/lab-plain/changelog", release.version()),
            corpus::diversion(release),
            corpus::conffile(release),
            corpus::service(release),
        ];
        // Its script writes again whenever it is configured: dpkg calls it that way after a trigger that failed.
        let [waiting, triggering] = corpus::trigger(release);
        debs.extend([waiting.script("postinst", SEEN), triggering]);
        debs.extend(corpus::pair(release));
        debs.iter().map(|deb| deb.build(&self.debs)).collect()
    }

    fn real(&self, base: &Root) -> Result<Vec<&'static str>> {
        let updates = real_security_updates(base, &[])?;
        let names: Vec<&str> = REAL
            .into_iter()
            .filter(|name| {
                updates
                    .all
                    .iter()
                    .any(|one| one.package == *name && one.from.is_some())
            })
            .collect();
        ensure!(
            names.len() >= 10,
            "only {} of the real updates are pending",
            names.len()
        );
        let files: Vec<PathBuf> = updates
            .former()
            .into_iter()
            .chain(updates.latest())
            .map(Path::to_owned)
            .collect();
        self.publish(&files)?;
        let artifacts = self.scene.root().join("var/lib/overlock/artifacts");
        fs::create_dir_all(&artifacts)?;
        for file in files {
            let bytes = fs::read(file)?;
            fs::write(artifacts.join(format!("{}.deb", Digest::of(&bytes))), bytes)?;
        }
        Ok(names)
    }

    fn publish(&self, files: &[PathBuf]) -> Result<()> {
        let repository = self.scene.root().join(REPOSITORY);
        for file in files {
            let name = file.file_name().context("a package has no name")?;
            fs::copy(file, repository.join(name))?;
        }
        let mut index = Command::new("apt-ftparchive");
        let index = succeed(index.args(["-q", "packages", "."]).current_dir(&repository))?;
        fs::write(repository.join("Packages"), index)?;
        // apt takes a list of the same second for the one it has.
        self.scene.succeed(&["rm", "-rf", "/var/lib/apt/lists"])?;
        self.scene.succeed(&["apt-get", "-qq", "update"])?;
        Ok(())
    }

    fn packages_of_plan(&self) -> Result<usize> {
        let text = fs::read(self.scene.root().join(PLAN.trim_start_matches('/')))?;
        let plan: serde_json::Value = serde_json::from_slice(&text)?;
        let changes = plan
            .pointer("/closures/0/changes")
            .and_then(|it| it.as_array());
        Ok(changes.context("the plan has no changes")?.len())
    }
}

/// Those that every program takes to be there, as nodes of the disk itself.
fn devices(scene: &Scene) -> Result<()> {
    for (name, minor) in [
        ("null", 3),
        ("zero", 5),
        ("full", 7),
        ("random", 8),
        ("urandom", 9),
    ] {
        let path = scene.root().join("dev").join(name);
        if path.symlink_metadata().is_ok() {
            fs::remove_file(&path)?;
        }
        mknod(
            &path,
            SFlag::S_IFCHR,
            Mode::from_bits_truncate(0o666),
            makedev(1, minor),
        )
        .with_context(|| format!("cannot make `{}`", path.display()))?;
        succeed(Command::new("chmod").arg("666").arg(&path))?;
    }
    Ok(())
}
