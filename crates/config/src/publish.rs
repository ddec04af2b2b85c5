//! What is published where, and what is remembered of it? `lookup`, `[publish.memcached]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use larder_lookup::Place as Table;
use larder_memcached::{Address, Routing};
use larder_policy::published::{KeyScheme, KeyStyle, Publishing, is_obeyed};

use crate::build::Places;
use crate::config::Config;
use crate::parse::Fault;
use crate::problem::Problem;
use crate::rules::Entries;

/// What is chosen about publishing, before it is put together.
#[derive(Clone, Debug, Default)]
pub(crate) struct PublishOptions {
    /// Empty: the default, where it is needed.
    pub(crate) lookup: String,
    pub(crate) servers: Vec<String>,
    /// Among [`Routing::ALL`].
    pub(crate) routing: usize,
    pub(crate) keys: KeyScheme,
    /// As they were written.
    pub(crate) fields: Vec<String>,
    pub(crate) body_bytes_max: usize,
    pub(crate) timeout: Duration,
    pub(crate) trusts_page_versions: bool,
}

/// The names of [`Routing`].
pub(crate) const ROUTINGS: [&str; Routing::ALL.len()] = {
    let mut names = [""; Routing::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = Routing::ALL[index].name();
        index += 1;
    }
    names
};

/// The names of [`KeyStyle`], in the order of [`STYLES_OF`].
pub(crate) const STYLES: [&str; 2] = ["larder", "django-nginx-memcache"];

/// What they stand for.
pub(crate) const STYLES_OF: [KeyStyle; 2] = [KeyStyle::Larder, KeyStyle::DjangoNginxMemcache];

/// Where finished pages are laid down, and where that is remembered.
#[derive(Clone, Debug)]
pub struct Published {
    /// The table that remembers them.
    pub lookup: Table,
    /// The file of purges that could not be completed yet.
    pub outbox: PathBuf,
    /// The Memcached servers, in the order of the file.
    pub servers: Vec<Address>,
    /// How it is known which of them has a page.
    pub routing: Routing,
    /// Which pages may be published, and under which keys.
    pub publishing: Publishing,
    /// How long a server is waited for.
    pub timeout: Duration,
}

impl Config {
    /// Which pages may be published, and under which keys; the defaults where none is.
    #[must_use]
    pub fn publishing(&self) -> Publishing {
        self.published.as_ref().map(|published| published.publishing.clone()).unwrap_or_default()
    }

    /// Takes over what is in force of publishing, which changes with a restart only.
    pub fn keep_published(&mut self, in_force: &Self) {
        self.published.clone_from(&in_force.published);
        self.publish_options = in_force.publish_options.clone();
    }
}

const SERVERS: &str = "publish.memcached.servers";

/// Fills [`Config::published`], when [`Config::front`] is there. `name` is that of the file, whose folder relative paths count from.
pub(crate) fn compile(
    config: &mut Config,
    name: &str,
    entries: &Entries,
    places: &Places,
    problems: &mut Vec<Problem>,
) {
    let options = &config.publish_options;
    let hsts = config.front.https.hsts.clone();
    let rules = || entries.rules.iter().filter_map(|rule| rule.publish.as_ref());
    if !places.sound(&[SERVERS, "lookup"]) {
        return;
    }
    let Some(first) = rules().next() else {
        for (key, what) in [(SERVERS, "pages are published"), ("lookup", "pages are remembered")] {
            if let Some(place) = places.of(key) {
                let problem =
                    Problem::warning(place.clone(), format!("no {what}: no rule says so"));
                problems.push(problem.hint(
                    "add publish = \"nginx\" to the rules whose pages nginx may answer with",
                ));
            }
        }
        // Pages that were published before are to be purged as long as the table is named.
        if places.of(SERVERS).is_some() {
            config.published = Some(put_together(options, hsts, name));
        }
        return;
    };
    if options.servers.is_empty() {
        let problem =
            Problem::new(first.place.clone(), "pages are to be published, but no server is named");
        problems.push(
            problem.hint("add [publish.memcached], and below it servers = [\"127.0.0.1:11211\"]"),
        );
        return;
    }
    config.published = Some(put_together(options, hsts, name));
}

fn put_together(options: &PublishOptions, hsts: Option<HeaderValue>, name: &str) -> Published {
    let folder = Path::new(name).parent().unwrap_or_else(|| Path::new(""));
    let lookup = match options.lookup.parse() {
        Ok(Table::Sqlite(path)) => Table::Sqlite(folder.join(path)),
        Ok(place @ Table::Postgres(_)) => place,
        // It was checked where it was read; empty is not set.
        Err(_) => Table::Sqlite(folder.join("larder.db")),
    };
    let outbox = match &lookup {
        Table::Sqlite(path) => path.with_extension("outbox"),
        Table::Postgres(_) => folder.join("larder.outbox"),
    };
    let sound = |text: &String| text.parse().ok();
    Published {
        lookup,
        outbox,
        servers: options.servers.iter().filter_map(sound).collect(),
        routing: Routing::ALL.get(options.routing).copied().unwrap_or(Routing::Nginx),
        publishing: Publishing {
            keys: options.keys.clone(),
            body_bytes_max: options.body_bytes_max as u64,
            fields: options.fields.iter().filter_map(|text| field(text).ok()).collect(),
            hsts,
            trusts_page_versions: options.trusts_page_versions,
        },
        timeout: options.timeout,
    }
}

/// A field with its value, as nginx sends it with every published page.
pub(crate) fn field(text: &str) -> Result<(HeaderName, HeaderValue), Fault> {
    const HINT: &str = "as in \"X-Content-Type-Options: nosniff\"";
    let wrong = || Fault::new(format!("{text:?} is not a field with a value"), HINT);
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
    let value: HeaderValue = value.trim().parse().map_err(|_| wrong())?;
    if value.is_empty() {
        return Err(wrong());
    }
    if !is_obeyed(&name) {
        let message = format!("{name} is not a field that has to be the same on all pages");
        let hint =
            "leave it out: only what browsers obey has to be, such as Content-Security-Policy";
        return Err(Fault::new(message, hint));
    }
    Ok((name, value))
}
