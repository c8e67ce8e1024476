//! The workspace as the check sees it: packages from `cargo metadata`, sources from the folders.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// All packages.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Each with its sources.
    pub packages: Vec<Package>,
}

/// One package.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// Its name for Cargo.
    pub name: String,
    /// Where it lies below the workspace.
    pub folder: String,
    /// How code names its library.
    pub library: String,
    /// Names, for Cargo, of everything it depends on, in whatever way.
    pub dependencies: BTreeSet<String>,
    /// How code names those.
    pub crates: BTreeSet<String>,
    /// Its Cargo features; an optional dependency is one.
    pub features: BTreeSet<String>,
    /// Its Rust files.
    pub sources: Vec<Source>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Source {
    /// From the package's folder, with `/`.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

impl Tree {
    /// Reads the workspace at `root`.
    ///
    /// # Panics
    /// When Cargo or a file does not answer: the test then fails.
    pub fn read(root: &Path) -> Self {
        // Workspaces of their own: the fuzz targets are for another compiler, the disk defines functions of C.
        let manifests = ["Cargo.toml", "fuzz/Cargo.toml", "tests/disk/Cargo.toml"];
        Self { packages: manifests.iter().flat_map(|manifest| packages(root, manifest)).collect() }
    }
}

impl Package {
    fn read(package: &Value, root: &Path) -> Self {
        let manifest = Path::new(text(&package["manifest_path"]));
        let folder = manifest.parent().expect("a manifest lies in a folder");
        let mut sources = Vec::new();
        collect(folder, folder, &mut sources);
        sources.sort_by(|one, other| one.path.cmp(&other.path));
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        let called = |dependency: &Value| {
            text(
                dependency["rename"]
                    .as_str()
                    .map_or(&dependency["name"], |_| &dependency["rename"]),
            )
            .replace('-', "_")
        };
        let targets = package["targets"].as_array().expect("targets");
        let library = targets
            .iter()
            .find(|target| target["kind"][0] == "lib")
            .map_or("", |target| text(&target["name"]));
        Self {
            name: text(&package["name"]).to_owned(),
            folder: folder.strip_prefix(root).expect("inside the workspace").display().to_string(),
            library: library.replace('-', "_"),
            dependencies: dependencies.iter().map(|each| text(&each["name"]).to_owned()).collect(),
            crates: dependencies.iter().map(called).collect(),
            features: package["features"].as_object().expect("features").keys().cloned().collect(),
            sources,
        }
    }
}

fn packages(root: &Path, manifest: &str) -> Vec<Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
        "--manifest-path",
        manifest,
    ]);
    let output = command.current_dir(root).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().map(|package| Package::read(package, root)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() {
            // A package inside a package is judged by its own row.
            let own = path.join("Cargo.toml").exists();
            if !own && path.file_name().is_some_and(|name| name != "target") {
                collect(root, &path, sources);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let parts = path.strip_prefix(root).expect("below the package").iter();
            let joined: Vec<_> = parts.map(|part| part.to_string_lossy()).collect();
            let text = std::fs::read_to_string(&path).expect("a source is UTF-8");
            sources.push(Source { path: joined.join("/"), text });
        }
    }
}
