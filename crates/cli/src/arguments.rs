//! What can be said on the command line?
//!
//! Values stay texts here: they are checked together with the file's, by the same table, so that one
//! run shows every problem. The help of a flag is the table's as well.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use larder_config::{Overrides, help, parse_rate};

use crate::doctor::limits::{RATE, RATES};

/// Keeps finished pages, so that a web application does not have to make them twice.
#[derive(Debug, Parser)]
#[command(name = "larder", version, flatten_help = true, after_help = AFTER)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER: &str = "\
Every response says in its Cache-Status field what was done with it and why.
SIGTERM lets requests in progress end, SIGHUP reads the configuration again.
All options: docs/configuration.md. Exit status: 0 done, 1 problems were found, 2 not started.

  larder demo                                 something to try, with five commands
  larder serve --to http://127.0.0.1:8000     in front of an application, at http://127.0.0.1:8080
  larder check larder.toml                    what is wrong with a file, all at once
  larder explain --config larder.toml --live https://example.com/   what happens to a request, and why
  larder doctor --config larder.toml --public https://example.com   what to change about the application
  larder purge --config larder.toml https://example.com/blog/        as if it had never been stored
  larder warm --config larder.toml --sitemap https://example.com/sitemap.xml   before anybody asks
  larder nginx-conf --config larder.toml                            nginx in front, with the pages that it may answer with";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Stands in front of an application: answers what it knows, lets everything else through.
    Serve(Serve),
    /// Starts a small application and Larder in front of it, and prints five commands to try.
    Demo(Demo),
    /// Reports everything that is wrong with configuration files, or what they would do.
    Check(Check),
    /// Says what happens to a request and why: by the rules alone, or by asking the application.
    Explain(Explain),
    /// Asks the application and the site for what a cache in front of them needs, and says what to change.
    Doctor(Doctor),
    /// Makes a running Larder forget pages, from the moment on that it returns.
    Purge(Purge),
    /// Has a running Larder fetch pages before anybody asks for them.
    Warm(Warm),
    /// Shows which pages are published and under which names, or forgets some.
    Lookup(LookupArguments),
    /// Prints a configuration for nginx in front of Larder, made from the rules: published pages are its own to answer with.
    NginxConf(NginxConf),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Configuration file; what the command line says wins over it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: OptionFlags,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Files to check
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) options: OptionFlags,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[arg(value_name = "URL", help = "What is asked for, as in https://example.com/blog/")]
    pub(crate) url: String,
    /// Configuration file; what the command line says wins over it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A field of the request, as in `-H 'Cookie: sessionid=abc'`; can be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// The request's method
    #[arg(short = 'X', long = "method", value_name = "METHOD", default_value = "GET")]
    pub(crate) method: String,
    /// By which scheme the visitor comes, if the URL does not say it
    #[arg(long, value_name = "SCHEME")]
    pub(crate) scheme: Option<SchemeWord>,
    /// The visitor's address, as the application is told it with --live
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) client: IpAddr,
    /// Asks the application, twice, over an empty cache, and says what its answer means
    #[arg(long)]
    pub(crate) live: bool,
    /// Writes JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) options: OptionFlags,
}

#[derive(Debug, Args)]
pub(crate) struct LookupArguments {
    /// What to do
    #[arg(value_enum)]
    pub(crate) what: LookupWhat,
    /// Pages of these URLs, whatever their query
    #[arg(value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// Configuration file: it says where the table and the servers are
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Pages whose URL begins so
    #[arg(long, value_name = "URL")]
    pub(crate) prefix: Option<String>,
    /// Pages of a host; beside --tag, only of this one
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Pages with a tag
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Pages of an identifier
    #[arg(long, value_name = "PARENT[/SUPPLEMENTARY]")]
    pub(crate) identifier: Option<String>,
    /// All pages
    #[arg(long)]
    pub(crate) all: bool,
    /// With forget: delete nothing from Memcached, for servers that are no more
    #[arg(long)]
    pub(crate) rows_only: bool,
    /// Most pages to show
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u32,
    /// Writes JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LookupWhat {
    /// One line for each page; all of them, if nothing else is said
    List,
    /// All that is known of pages
    Show,
    /// Deletes pages from Memcached and forgets them; no Larder's memory is reached
    Forget,
}

#[derive(Debug, Args)]
#[command(after_help = DOCTOR_AFTER)]
pub(crate) struct Doctor {
    /// Configuration file: its application and its rules
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[arg(long = "to", value_name = "URL", help = help("upstream"))]
    pub(crate) to: Vec<String>,
    #[arg(
        long,
        value_name = "URL",
        help = "The site as visitors reach it, as in https://example.com"
    )]
    pub(crate) public: Option<String>,
    /// The host that visitors ask for [default: that of --public, or the first of `hosts`]
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// A page to look at, as in /blog/; can be repeated
    #[arg(long = "path", value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    #[arg(
        long, value_name = "N", default_value_t = RATE, help = RATE_HELP,
        value_parser = clap::value_parser!(u32).range(RATES)
    )]
    pub(crate) rate: u32,
    /// Writes JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Lists the checks and what they mean, and asks nobody
    #[arg(long)]
    pub(crate) list: bool,
}

const RATE_HELP: &str = "Requests a second, from 1 to 20";

const DOCTOR_AFTER: &str = "\
Asks by GET and HEAD only, at most 60 times and for two minutes, at the named addresses and nowhere else.
Exit status: 0 no problem, 1 problems, 2 nothing was found out. Each check: docs/doctor.md.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Purge {
    #[command(flatten)]
    pub(crate) what: PurgeWhat,
    /// Of the URLs, purge only this very query, not the path with all its queries
    #[arg(long)]
    pub(crate) exact_query: bool,
    /// Make pages stale rather than gone: they answer as far as stale pages may while they are fetched anew
    #[arg(long)]
    pub(crate) soft: bool,
    /// Fetch the pages again, most asked first, at the rate of warm.rate
    #[arg(long)]
    pub(crate) warm: bool,
    /// Return as soon as the purge is in force, which is at once, with an estimate where there are many pages
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Do not ask before --all on a terminal
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) admin: AdminFlags,
    /// Writes JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which running Larder is spoken to.
#[derive(Debug, Args)]
pub(crate) struct AdminFlags {
    /// Where the admin listener is; without it what --config says, or 127.0.0.1:9180
    #[arg(long = "admin", value_name = "ADDR")]
    pub(crate) listener: Option<SocketAddr>,
    /// The file that the admin token is in; without it what --config says
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The configuration that the running Larder was started with: for its admin.listen and admin.token
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = WARM_AFTER)]
pub(crate) struct Warm {
    #[command(flatten)]
    pub(crate) what: WarmWhat,
    /// Fetch what is fresh, too
    #[arg(long)]
    pub(crate) renew: bool,
    /// Wait until each page lies in Memcached for nginx, too, and tell which do not and why
    #[arg(long)]
    pub(crate) publish: bool,
    /// How many pages are fetched a second (20/s), minute (100/m) or hour; the running Larder's warm.rate bounds it
    #[arg(long, value_name = "RATE", default_value = "20/s", value_parser = rate)]
    pub(crate) rate: Duration,
    /// How many pages are fetched at the same time; the running Larder's warm.concurrency bounds it
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(crate) concurrency: u16,
    /// Where it is written down which pages are done, so that the same command goes on after an interruption; removed at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) admin: AdminFlags,
    /// Writes JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is fetched.
#[derive(Debug, Args)]
pub(crate) struct WarmWhat {
    #[arg(value_name = "URL", help = "Whole URLs, as in https://example.com/blog/")]
    pub(crate) urls: Vec<String>,
    /// The pages of a sitemap or of an index of sitemaps, by URL or as a file, also gzipped; can be repeated
    #[arg(long = "sitemap", value_name = "URL|FILE")]
    pub(crate) sitemaps: Vec<String>,
    /// The URLs in a file, one a line; - is the standard input; can be repeated
    #[arg(long = "file", value_name = "LIST")]
    pub(crate) files: Vec<PathBuf>,
    /// The pages most asked for by an access log: Larder's in either form, or nginx's combined; also gzipped; can be repeated
    #[arg(long = "from-log", value_name = "FILE")]
    pub(crate) logs: Vec<PathBuf>,
    /// Of the logs, so many pages
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "logs")]
    pub(crate) top: usize,
    #[arg(
        long,
        value_name = "ORIGIN",
        help = "Whose pages those are that are named by their paths only, as in https://example.com"
    )]
    pub(crate) host: Option<String>,
}

const WARM_AFTER: &str = "\
Fetches by the running Larder's rules, as a visitor without cookies. Ctrl-C lets what is being fetched end; a second one ends at once.
Exit status: 0 all were tried and some are stored, 1 none is, or it was interrupted, refused, or nobody was there, 2 not started.";

fn rate(text: &str) -> Result<Duration, String> {
    parse_rate(text)
        .ok_or_else(|| "write a number and a span, as in 20/s, 100/m or 1000/h".to_owned())
}

/// What is purged.
#[derive(Debug, Args)]
pub(crate) struct PurgeWhat {
    #[arg(
        value_name = "URL",
        help = "Whole URLs, as in https://example.com/blog/; both schemes are purged"
    )]
    pub(crate) urls: Vec<String>,
    /// Every URL that begins so; a prefix that begins with / is of any host
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// Every page of a host; beside --tag, --regex or --content-type only those of it
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Every page with this tag; can be repeated, then with any of them
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Every page of --origin in this group (RFC 9875); can be repeated
    #[arg(long = "group", value_name = "GROUP", requires = "origin")]
    pub(crate) groups: Vec<String>,
    #[arg(
        long,
        value_name = "ORIGIN",
        requires = "groups",
        help = "Whose groups they are, as in https://example.com"
    )]
    pub(crate) origin: Option<String>,
    /// Every page whose path and query fit this regular expression, anywhere unless it is anchored
    #[arg(long, value_name = "REGEX")]
    pub(crate) regex: Option<String>,
    /// Every page whose Content-Type fits this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(crate) content_type: Option<String>,
    /// Every page
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = NGINX_AFTER)]
pub(crate) struct NginxConf {
    /// Configuration file of the Larder that nginx is to stand before; what the command line says wins over it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Speak TLS, too, with this certificate and its key: paths as nginx is to read them
    #[arg(long, num_args = 2, value_names = ["CERT", "KEY"])]
    pub(crate) tls: Option<Vec<PathBuf>>,
    /// While Larder is away, ask the application itself, which then has to be safe without it
    #[arg(long)]
    pub(crate) application: bool,
    /// With what names in nginx begin, so that several sites can be in one
    #[arg(long, value_name = "NAME", default_value = "larder")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) options: OptionFlags,
}

const NGINX_AFTER: &str = "\
What is printed belongs into a file that nginx includes in `http`, on Debian below /etc/nginx/conf.d/. It is made anew
whenever rules, hosts or [publish.memcached] change. docs/nginx.md says what it does and why.";

/// A visitor's scheme.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemeWord {
    Http,
    Https,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Address and port for clients; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Port for clients, in place of the one in --listen
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Also by https, with a certificate made for this run [address, if it is not said: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:8443")]
    pub(crate) https: Option<SocketAddr>,
}

/// The options with a flag of their own, and `--set` for all others.
#[derive(Debug, Args)]
pub(crate) struct OptionFlags {
    #[arg(long = "to", value_name = "URL", help = help("upstream"))]
    upstream: Vec<String>,
    #[arg(long, value_name = "ADDR", help = help("listen.http"))]
    listen: Vec<String>,
    #[arg(long, value_name = "N", help = help("listen.workers"))]
    workers: Option<String>,
    #[arg(long, value_name = "ADDR|off", help = help("admin.listen"))]
    admin: Option<String>,
    #[arg(long, value_name = "SIZE", help = help("cache.memory"))]
    memory: Option<String>,
    #[arg(long, value_name = "SIZE", help = help("cache.object_max"))]
    object_max: Option<String>,
    #[arg(long, value_name = "FORM", help = help("log.access"))]
    access_log: Option<String>,
    #[arg(long, value_name = "PATH", help = help("log.path"))]
    access_log_path: Option<String>,
    #[arg(long, value_name = "LEVEL", help = help("log.level"))]
    log_level: Option<String>,
    /// Any option of the file, as in `--set timeouts.first_byte=5m`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl OptionFlags {
    /// What was given, for checking.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::new();
        let lists = [("upstream", &self.upstream), ("listen.http", &self.listen)];
        for (key, values) in lists {
            for value in values {
                overrides.flag(key, value);
            }
        }
        let single = [
            ("listen.workers", &self.workers),
            ("admin.listen", &self.admin),
            ("cache.memory", &self.memory),
            ("cache.object_max", &self.object_max),
            ("log.access", &self.access_log),
            ("log.path", &self.access_log_path),
            ("log.level", &self.log_level),
        ];
        for (key, value) in single {
            if let Some(value) = value {
                overrides.flag(key, value);
            }
        }
        for assignment in &self.set {
            overrides.set(assignment);
        }
        overrides
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};
    use larder_config::OPTIONS;

    use super::{Arguments, Command};

    #[test]
    fn the_flags_of_the_table_are_the_flags_of_serve_and_check() {
        let command = Arguments::command();
        command.clone().debug_assert();
        for name in ["serve", "check"] {
            let sub = command.find_subcommand(name).expect(name);
            let mut flags: Vec<_> = OPTIONS.iter().filter_map(|option| option.flag).collect();
            for argument in sub.get_arguments().filter(|a| a.get_long().is_some()) {
                let long = format!("--{}", argument.get_long().unwrap_or_default());
                if let Some(index) = flags.iter().position(|flag| flag.name == long) {
                    let flag = flags.remove(index);
                    let values = argument.get_value_names().unwrap_or_default();
                    assert_eq!(values, [flag.value], "{name} {long}");
                } else {
                    assert!(["--config", "--set"].contains(&long.as_str()), "{name} {long}");
                }
            }
            assert!(flags.is_empty(), "{name} lacks {flags:?}");
        }
    }

    #[test]
    fn every_flag_reaches_the_option_it_is_named_after() {
        for option in OPTIONS.iter().filter(|option| option.key != "upstream") {
            let Some(flag) = option.flag else { continue };
            let value = option.example.trim_matches('"');
            let arguments =
                ["larder", "serve", "--to", "http://a", flag.name, value].map(str::to_owned);
            let parsed = Arguments::try_parse_from(arguments).expect(flag.name);
            let Command::Serve(serve) = parsed.command else { panic!("serve is serve") };
            let overrides = serve.options.overrides();
            let config = larder_config::ConfigBuilder::new().overrides(overrides.clone()).build();
            assert!(config.is_ok(), "{} {value}: {config:?}", flag.name);
            let debug = format!("{overrides:?}");
            assert!(debug.contains(&format!("{:?}", option.key)), "{}: {debug}", flag.name);
        }
    }
}
