//! The workspace's own order: which crate may know which, and what every source file looks like.
//!
//! The manifests are read as text, so that the test needs no build of what it judges.

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::{Path, PathBuf};

    /// Of our crates, what each may depend on. A new crate has to be put in here first.
    const DIRECTIONS: [(&str, &[&str]); 19] = [
        ("semantics", &[]),
        ("policy", &["semantics"]),
        ("store", &[]),
        ("tls", &[]),
        ("html", &[]),
        ("lookup", &[]),
        ("memcached", &[]),
        ("cache", &["html", "semantics", "policy", "store"]),
        // Its rules are read and checked as the proxy's are.
        ("tower", &["cache", "config", "html", "policy", "semantics", "store"]),
        ("upstream", &["semantics", "tls"]),
        ("config", &["lookup", "memcached", "policy", "semantics", "tls"]),
        ("publish", &["cache", "lookup", "memcached", "policy", "semantics"]),
        (
            "proxy",
            &[
                "publish",
                "tower",
                "cache",
                "store",
                "config",
                "policy",
                "semantics",
                "tls",
                "upstream",
            ],
        ),
        (
            "cli",
            &[
                "proxy",
                "publish",
                "lookup",
                "config",
                "cache",
                "tower",
                "store",
                "upstream",
                "policy",
                "semantics",
                "tls",
            ],
        ),
        // What a Python application is given: decisions, nothing that serves or stores.
        ("python", &["config", "html", "policy", "semantics"]),
        // Its clock speaks the cache's type of time; all else it reads for itself.
        ("testkit", &["semantics"]),
        // It signs the markers that its visitors carry, and fills a cache and a table of its own.
        ("bench", &["cache", "lookup", "policy", "semantics", "tower"]),
        // Applications: they see what everybody else's would.
        ("examples", &["tower"]),
        // What is fuzzed is pure; of the client of Memcached it is the parser.
        ("fuzz/targets", &["html", "memcached", "policy", "semantics"]),
    ];

    /// Files may grow to this before their tests.
    const LINES_MAX: usize = 600;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
    }

    /// The tables of a manifest: header -> the keys in it. `[dependencies.x]` counts as the key `x`.
    fn tables(manifest: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut tables = BTreeMap::<_, BTreeSet<_>>::new();
        let mut current = String::new();
        for line in manifest.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                current = header.to_owned();
                if let Some((table, key)) = header.rsplit_once("dependencies.") {
                    let table = format!("{table}dependencies");
                    tables.entry(table).or_default().insert(key.trim_matches('"').to_owned());
                }
            } else if let Some((key, _)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
                let key = key.trim().split('.').next().unwrap_or_default().trim_matches('"');
                tables.entry(current.clone()).or_default().insert(key.to_owned());
            }
        }
        tables
    }

    /// Our crates that a manifest names: those the crate itself needs, and those its tests need.
    fn named(manifest: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut needed, mut tested) = (BTreeSet::new(), BTreeSet::new());
        for (table, keys) in tables(manifest) {
            let list = match () {
                () if table.ends_with("dev-dependencies") => &mut tested,
                () if table.ends_with("dependencies") => &mut needed,
                () => continue,
            };
            list.extend(
                keys.iter().filter_map(|key| key.strip_prefix("larder-")).map(str::to_owned),
            );
        }
        (needed, tested)
    }

    /// The folders with a manifest, and that manifest.
    fn manifests() -> BTreeMap<String, String> {
        let root = root();
        let crates = fs::read_dir(root.join("crates")).expect("the crates");
        let mut folders: Vec<_> = crates.map(|entry| entry.expect("a crate").path()).collect();
        folders.extend(
            ["testkit", "bench", "examples", "fuzz/targets"].map(|folder| root.join(folder)),
        );
        let read = |folder: PathBuf| {
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
            let name = folder.strip_prefix(&root).expect("below the root").to_string_lossy();
            Some((name.trim_start_matches("crates/").to_owned(), manifest))
        };
        folders.into_iter().filter_map(read).collect()
    }

    #[test]
    fn crates_depend_only_in_the_permitted_directions() {
        let permitted: BTreeMap<_, _> = DIRECTIONS.into_iter().collect();
        let manifests = manifests();
        assert!(manifests.len() >= DIRECTIONS.len(), "{:?}", manifests.keys());
        let mut wrong = Vec::new();
        for (name, manifest) in &manifests {
            let (needed, tested) = named(manifest);
            let may = permitted.get(name.as_str()).copied().unwrap_or_default();
            wrong.extend(
                needed
                    .iter()
                    .filter(|other| !may.contains(&other.as_str()))
                    .map(|other| format!("{name} may not depend on {other}")),
            );
            let may_test = |other: &str| other == "testkit" || may.contains(&other);
            wrong.extend(
                tested
                    .iter()
                    .filter(|other| !may_test(other))
                    .map(|other| format!("{name}'s tests may not depend on {other}")),
            );
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn what_a_manifest_names_is_found_in_every_spelling() {
        let manifest = "[package]\nname = \"larder-x\"\n[dependencies]\nlarder-a.workspace = true\n\
            larder-b = { path = \"../b\" }\n# larder-no = 1\nbytes = \"1\"\n[dependencies.larder-c]\n\
            path = \"c\"\n[target.'cfg(unix)'.dependencies]\nlarder-d = \"1\"\n\
            [build-dependencies]\nlarder-e.workspace = true\n[dev-dependencies]\n\
            larder-testkit.workspace = true\n[dev-dependencies.larder-f]\npath = \"f\"\n";
        let (needed, tested) = named(manifest);
        assert_eq!(needed, ["a", "b", "c", "d", "e"].map(str::to_owned).into());
        assert_eq!(tested, ["f", "testkit"].map(str::to_owned).into());
    }

    /// Every `.rs` file below `folder`, what was built aside.
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let hidden = name.to_string_lossy().starts_with('.') || name == "target";
            if path.is_dir() && !hidden && name != "node_modules" {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    /// The lines before a file's own tests.
    fn lines_before_tests(source: &str) -> usize {
        let end = source.find("\n#[cfg(test)]\nmod ").unwrap_or(source.len());
        source.get(..end).unwrap_or_default().lines().count()
    }

    #[test]
    fn every_source_file_opens_with_its_question_and_is_no_monster() {
        let root = root();
        let mut found = Vec::new();
        for folder in ["crates", "testkit", "bench", "examples", "fuzz"] {
            sources(&root.join(folder), &mut found);
        }
        assert!(found.len() > 100, "the sources are where they are looked for: {}", found.len());
        let mut wrong = Vec::new();
        for path in found {
            let source = fs::read_to_string(&path).expect("a source file");
            let shown = path.strip_prefix(&root).unwrap_or(&path).display();
            if !source.starts_with("//!") {
                wrong.push(format!("{shown} does not open with //!"));
            }
            // A file below `tests/` is nothing but tests, but no less of a monster when it is long.
            let lines = lines_before_tests(&source);
            if lines > LINES_MAX {
                wrong.push(format!("{shown} has {lines} lines before its tests"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
