//! How are the options explained to people?
//!
//! The help of a flag and the whole of `docs/configuration.md`, both from the table.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::certificates::{CERTIFICATE_OPTIONS, CertificateOption};
use crate::kind::{Automatic, Kind, OptionSpec, Reload};
use crate::options::{self, OPTIONS, SECTIONS};
use crate::quantity::{show_bytes, show_duration};
use crate::rules::{AUDIENCE_OPTIONS, For, RULE_OPTIONS, RuleOption};

/// The help text of an option's flag: its line and its default. Empty for an unknown key.
#[must_use]
pub fn help(key: &str) -> String {
    let Some(option) = options::find(key) else { return String::new() };
    match default_text(&option.kind) {
        Some(default) => {
            format!("{} [default: {}]", option.summary, default.replace(['`', '"'], ""))
        }
        None => option.summary.to_owned(),
    }
}

/// The text of `docs/configuration.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(INTRODUCTION);
    for (section, line) in SECTIONS {
        let title = if section.is_empty() { "Top level".into() } else { format!("`[{section}]`") };
        push(&mut text, &format!("\n## {title}\n\n{line}\n"));
        for option in OPTIONS.iter().filter(|option| section_of(option.key) == *section) {
            describe(option, &mut text);
        }
        if *section == "tls" {
            certificates(&mut text);
        }
    }
    rules(&mut text);
    text
}

/// The chapters of what there may be many of.
fn rules(text: &mut String) {
    push(text, RULES);
    for option in RULE_OPTIONS {
        let RuleOption { key, kind, only, text: about, default, example } = option;
        push(text, &format!("\n### `{key}` of a rule\n\n{about}\n\n- Kind: {}\n", kind.name()));
        push(text, &format!("- Without it: {default}\n- Example: `{key} = {example}`\n"));
        if *only == For::Shared {
            push(text, "- Only beside `audience`\n");
        }
    }
    push(text, AUDIENCES);
    for option in AUDIENCE_OPTIONS {
        let (key, example) = (option.key, option.example);
        push(text, &format!("\n### `{key}` of an audience\n\n{}\n\n", option.text));
        push(
            text,
            &format!("- Kind: {}\n- Example: `{key} = {example}`\n", option.expected().what),
        );
    }
}

/// The chapter of certificates.
fn certificates(text: &mut String) {
    push(text, CERTIFICATES);
    for option in CERTIFICATE_OPTIONS {
        let CertificateOption { key, text: about, default, example, .. } = option;
        let kind = option.expected().what;
        push(text, &format!("\n### `{key}` of a certificate\n\n{about}\n\n- Kind: {kind}\n"));
        push(text, &format!("- Without it: {default}\n- Example: `{key} = {example}`\n"));
    }
}

const CERTIFICATES: &str = "
## `[[tls.certificate]]`

A certificate with its key; as many as the site needs. Who asks for a name is shown the certificate for exactly that name, else one
for a wildcard above it, else the first of the file. Of several for one name the first that the client can check is taken,
so an ECDSA certificate may stand before an RSA one. The files are read on SIGHUP, and by themselves within ten seconds when they
change.

```toml
[listen]
https = \"[::]:443\"

[[tls.certificate]]
chain = \"/etc/larder/example.com/fullchain.pem\"
key = \"/etc/larder/example.com/privkey.pem\"
```
";

const RULES: &str = "
## `[[rule]]`

What holds for some of the site's pages; as many as there are kinds of pages. The first rule that matches a request, in
the order of the file, is the one that counts. [rules.md](rules.md) explains them with examples. All of it takes effect on SIGHUP.

```toml
[[rule]]
path = \"/blog/*\"
audience = \"all-users\"
ttl = \"10m\"
browser_ttl = \"5s\"

[[rule]]
path = \"/account/*\"
never = true
```

`larder check` also warns of rules that no request comes to, because an earlier one takes them all, and of audiences that no
rule names. Warnings are no reason not to start.
";

const AUDIENCES: &str = "
## `[audience.NAME]`

A site's own audience: what tells the pages of one URL apart. NAME is of letters, digits, `-` and `_`, and is what a rule
says as its `audience`.

```toml
[audience.by-country]
key = [\"header:x-country\", \"class\"]
```
";

const INTRODUCTION: &str = "\
# Configuration

<!-- Generated from the tables of options (crates/config/src/options, crates/config/src/rules/table.rs,
     crates/config/src/certificates.rs). Change it there, then run
     LARDER_WRITE_DOCS=1 cargo test -p larder-config --test documentation -->

`larder serve --config larder.toml` reads one [TOML](https://toml.io) file. It may be empty or absent: only the
application has to be named, in the file or by `--to`. What the command line says wins over the file, and
`--set KEY=VALUE` sets any option (`--set timeouts.first_byte=5m`).

```toml
upstream = \"http://127.0.0.1:8000\"

[listen]
http = \"0.0.0.0:8080\"

[cache]
memory = \"1GiB\"
```

`larder check larder.toml` reports everything that is wrong with a file at once, each problem with its line, its
column and what to write instead. An unknown option is a problem, not a warning: what is misspelt would otherwise
silently be the default. SIGHUP makes a running Larder read the file again; a file with problems changes nothing.

- A **size** is a whole number and one of `B`, `KiB`, `MiB`, `GiB` (powers of 1024), `kB`, `MB`, `GB` (powers of
  1000): `\"256MiB\"`.
- A **duration** is a whole number and one of `ms`, `s`, `m`, `h`, `d`: `\"1500ms\"`, `\"1d\"`.
- An **address** is an IP address and a port: `\"127.0.0.1:8080\"`, `\"[::1]:8080\"`.
";

fn describe(option: &OptionSpec, text: &mut String) {
    push(text, &format!("\n### `{}`\n\n{}\n\n", option.key, option.text));
    push(text, &format!("- Kind: {}{}\n", option.kind.name(), bounds(&option.kind)));
    let default = default_text(&option.kind).unwrap_or_else(|| nothing(&option.kind).into());
    push(text, &format!("- Default: {default}\n"));
    push(text, &format!("- Example: `{} = {}`\n", leaf(option.key), option.example));
    if let Some(flag) = option.flag {
        push(text, &format!("- Command line: `{} {}`\n", flag.name, flag.value));
    }
    let when = match option.reload {
        Reload::Live => "on SIGHUP",
        Reload::Restart => "on the next start",
    };
    push(text, &format!("- A change takes effect: {when}\n"));
}

/// What counts when there is neither a fixed default nor a rule for one.
const fn nothing(kind: &Kind) -> &'static str {
    match kind {
        Kind::Upstreams { .. } => "none, it has to be given",
        Kind::Path { without, .. } => without,
        Kind::Text { .. } | Kind::Texts { .. } | Kind::Networks { .. } => "none",
        Kind::Bytes { .. }
        | Kind::Duration { .. }
        | Kind::Count { .. }
        | Kind::Percent { .. }
        | Kind::Switch { .. }
        | Kind::Addresses { .. }
        | Kind::AddressOrOff { .. }
        | Kind::Choice { .. } => "none",
    }
}

/// The default as it would be written in the file, in backticks, or a description.
fn default_text(kind: &Kind) -> Option<String> {
    let quoted = |value: &dyn std::fmt::Display| Some(format!("`\"{value}\"`"));
    match kind {
        Kind::Bytes { default: Automatic::Fixed(bytes), .. } => quoted(&show_bytes(*bytes)),
        Kind::Count { default: Automatic::Fixed(number), .. } => Some(format!("`{number}`")),
        Kind::Bytes { default: Automatic::From(rule), .. }
        | Kind::Count { default: Automatic::From(rule), .. } => Some((*rule).to_owned()),
        Kind::Duration { default, .. } => quoted(&show_duration(*default)),
        Kind::Percent { default, .. } => Some(format!("`{default}`")),
        Kind::Switch { default, .. } => Some(format!("`{default}`")),
        Kind::Addresses { default: Some(default), .. } | Kind::AddressOrOff { default, .. } => {
            quoted(&SocketAddr::from(*default))
        }
        Kind::Choice { names, default, .. } => names.get(*default).and_then(|name| quoted(name)),
        Kind::Text { default: "", .. } | Kind::Texts { default: [], .. } => None,
        Kind::Text { default, .. } => quoted(default),
        Kind::Texts { default, .. } => Some(format!("`[\"{}\"]`", default.join("\", \""))),
        Kind::Upstreams { .. }
        | Kind::Path { .. }
        | Kind::Networks { .. }
        | Kind::Addresses { default: None, .. } => None,
    }
}

/// What a value may be, where it is less than its kind allows.
fn bounds(kind: &Kind) -> String {
    match kind {
        Kind::Bytes { min, max: usize::MAX, .. } => format!(", at least {}", show_bytes(*min)),
        Kind::Bytes { min, max, .. } => format!(", {} to {}", show_bytes(*min), show_bytes(*max)),
        Kind::Duration { min, max, .. } => {
            format!(", {} to {}", show_duration(*min), show_duration(*max))
        }
        Kind::Count { min, max, .. } => format!(", {min} to {max}"),
        Kind::Choice { names, .. } => format!(": `\"{}\"`", names.join("\"`, `\"")),
        Kind::Percent { .. } => ", 0 to 100".into(),
        Kind::Switch { .. }
        | Kind::Addresses { .. }
        | Kind::AddressOrOff { .. }
        | Kind::Upstreams { .. }
        | Kind::Path { .. }
        | Kind::Text { .. }
        | Kind::Texts { .. }
        | Kind::Networks { .. } => String::new(),
    }
}

fn section_of(key: &str) -> &str {
    key.rsplit_once('.').map_or("", |(section, _)| section)
}

fn leaf(key: &str) -> &str {
    key.rsplit_once('.').map_or(key, |(_, leaf)| leaf)
}

/// Writing to a `String` cannot fail.
fn push(text: &mut String, more: &str) {
    let _infallible = text.write_str(more);
}
