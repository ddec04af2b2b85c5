//! What is printed, apart from what a real nginx makes of it: that is in `tests/django/test_nginx_conf.py`.

use clap::Parser as _;
use larder_config::Config;

use super::{plan, write};
use crate::arguments::{Arguments, Command};

const SITE: &str =
    "upstream = 'http://127.0.0.1:8000'\nhosts = ['a.test']\ntrusted_proxies = ['127.0.0.1']\n";

fn printed(toml: &str, flags: &[&str]) -> Result<String, String> {
    let config = Config::from_toml("larder.toml", toml).map_err(|problems| problems.to_string())?;
    let line = ["larder", "nginx-conf"].iter().chain(flags);
    let Command::NginxConf(arguments) = Arguments::try_parse_from(line).expect("flags").command
    else {
        panic!("another command");
    };
    plan::plan(&config, &arguments).map(|plan| write::text(&plan))
}

#[test]
fn without_published_pages_everything_is_passed_on() {
    let text = printed(SITE, &[]).unwrap();
    for word in ["memcached_pass", "error_page", "$larder_lookup", "X-Forwarded-Host \"\""] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    assert!(text.contains("proxy_set_header X-Forwarded-For $remote_addr;"), "{text}");
}

#[test]
fn what_can_not_be_printed_is_told_with_a_remedy() {
    let two = "[publish.memcached]\nservers = ['a:1', 'b:1']\nrouting = 'ketama'\n[[rule]]\npath = '/*'\n\
               audience = 'all-users'\nttl = '1m'\npublish = 'nginx'\n";
    let cases: [(String, &[&str], &str); 6] = [
        (SITE.replace("hosts = ['a.test']", ""), &[], "hosts = ["),
        (SITE.replace("a.test", "[::1]"), &[], "name a host"),
        (SITE.to_owned(), &["--name", "a-b"], "letters, digits"),
        (SITE.replace("http:", "https:"), &["--application"], "leave out --application"),
        (format!("{SITE}listen.proxy_protocol = ['127.0.0.1:8080']\n"), &[], "plain HTTP"),
        (format!("{SITE}{two}"), &[], "routing = \"nginx\""),
    ];
    for (toml, flags, expected) in cases {
        let said = printed(&toml, flags).expect_err(expected);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_rule_behind_the_last_published_one_is_not_printed_and_one_for_posts_neither() {
    let rules = "[publish.memcached]\nservers = ['a:1']\n[[rule]]\npath = '/form'\nmethods = ['POST']\npass = true\n[[rule]]\npath = '/a'\n\
                 audience = 'all-users'\nttl = '1m'\npublish = 'nginx'\n[[rule]]\npath = '/b'\npass = true\n";
    let text = printed(&format!("{SITE}{rules}"), &[]).unwrap();
    assert!(
        text.contains("path /a") && !text.contains("path /form") && !text.contains("path /b"),
        "{text}"
    );
}
