//! What an application takes along with the layers: neither a database, nor TLS, nor a client of Memcached.
//!
//! Cargo is asked, because it is the features that decide, and any crate on the way can turn one on.

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// What the crates that applications build in may not bring along, by the beginnings of packages' names.
    const HEAVY: [&str; 12] = [
        "aws-lc",
        "h2",
        "hyper",
        "larder-proxy",
        "larder-publish",
        "larder-tls",
        "larder-upstream",
        "libsqlite3",
        "owo-colors",
        "ring",
        "rustls",
        "sqlx",
    ];

    /// Everything that a crate needs, as `cargo tree` names it.
    fn needed(package: &str) -> Vec<String> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none"]);
        cargo.args(["--format", "{p} {f}", "--package", package]);
        let told = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8(told.stdout).expect("text").lines().map(str::to_owned).collect()
    }

    fn heavy(packages: &[String]) -> Vec<&String> {
        packages.iter().filter(|line| HEAVY.iter().any(|name| line.starts_with(name))).collect()
    }

    #[test]
    fn applications_take_along_nothing_that_only_the_proxy_needs() {
        for package in ["larder-tower", "larder-python"] {
            let packages = needed(package);
            let is_there = |name: &str| packages.iter().any(|line| line.starts_with(name));
            assert!(is_there("larder-config v") && is_there("toml v"), "{packages:?}");
            assert!(heavy(&packages).is_empty(), "{package}: {:#?}", heavy(&packages));
            // Where a table or a server is can be read without what opens it.
            for (part, feature) in
                [("larder-lookup v", "database"), ("larder-memcached v", "client")]
            {
                let is_whole = |line: &String| line.starts_with(part) && line.contains(feature);
                assert!(!packages.iter().any(is_whole), "{package}: {packages:#?}");
            }
        }
    }

    #[test]
    fn what_is_looked_for_is_found_where_it_is() {
        let found = needed("larder-proxy");
        let found: Vec<_> = heavy(&found).into_iter().map(String::as_str).collect();
        for there in ["aws-lc", "rustls", "sqlx", "larder-tls"] {
            assert!(found.iter().any(|line| line.starts_with(there)), "{there}: {found:?}");
        }
    }
}
