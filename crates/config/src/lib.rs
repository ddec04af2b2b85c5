//! What a site chose: `larder.toml` and the command line, checked as a whole.
//!
//! Three steps, kept apart: the file's tree with its places ([`ConfigBuilder::file`]), the checked
//! [`Config`] ([`ConfigBuilder::build`], pure but for what [`Machine`] tells and secrets read), and the things opened
//! from it, which are not this crate's: it binds no port, resolves no name, opens no log.
//!
//! Three names to know: [`Config`], the plain result; [`Problems`], everything that is wrong, each
//! with its place and a hint; [`OPTIONS`], the one table of options that checking, defaults, help
//! texts and `docs/configuration.md` are made of.
//!
//! ```
//! use larder_config::Config;
//!
//! let config = Config::from_toml("larder.toml", "upstream = 'http://127.0.0.1:8000'")?;
//! assert_eq!(config.listen[0].port(), 8080);
//!
//! let problems = Config::from_toml("larder.toml", "upsteam = 'http://127.0.0.1:8000'").unwrap_err();
//! assert!(problems.to_string().starts_with("larder.toml:1:1: unknown option `upsteam`"));
//! # Ok::<(), larder_config::Problems>(())
//! ```

#![forbid(unsafe_code)]

mod build;
mod certificates;
mod config;
mod contradictions;
mod csrf;
mod documentation;
mod file;
mod front;
mod kind;
mod limits;
mod lines;
mod machine;
mod options;
mod overrides;
mod parse;
mod problem;
mod publish;
mod purge;
mod quantity;
mod reload;
mod rules;
mod secret;
mod suggest;
#[cfg(feature = "tls")]
mod tls;
mod upstream;
#[cfg(feature = "tls")]
mod upstream_tls;
mod value;
#[cfg(not(feature = "tls"))]
mod without_tls;
mod words;

pub use build::ConfigBuilder;
pub use config::{
    AccessLog, CacheConfig, Config, Level, LimitConfig, LogConfig, PoolConfig, TimeoutConfig,
    WarmConfig,
};
pub use documentation::{help, markdown};
pub use kind::{Automatic, Flag, Kind, OptionSpec, Reload, Words};
pub use larder_memcached::{Address, Routing};
pub use machine::Machine;
pub use options::OPTIONS;
pub use overrides::Overrides;
pub use problem::{Place, Problem, Problems, Severity};
pub use publish::Published;
pub use quantity::{parse_rate, show_bytes, show_duration};
pub use rules::rule_keys;
pub use secret::{ReadSecret, SecretSource};
#[cfg(feature = "tls")]
pub use tls::TlsConfig;
pub use upstream::UpstreamUrl;
#[cfg(feature = "tls")]
pub use upstream_tls::UpstreamTls;
