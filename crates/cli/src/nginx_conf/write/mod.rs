//! The text of nginx's configuration.
//!
//! Two halves: tables in `http` that say of a request whether its page is looked up ([`tables`]), and the server that does it
//! ([`server`]).

mod server;
mod tables;

use super::plan::Plan;

/// All of it.
pub(super) fn text(plan: &Plan) -> String {
    let mut out = Text::default();
    head(plan, &mut out);
    tables::write(plan, &mut out);
    server::write(plan, &mut out);
    out.0.trim_end().to_owned()
}

fn head(plan: &Plan, out: &mut Text) {
    out.line(&format!(
        "# nginx in front of Larder: made by `larder nginx-conf` from {}.",
        super::quote::comment(&plan.source)
    ));
    out.line("# Belongs into `http`: a file below /etc/nginx/conf.d/, say. Make it anew rather than change it, whenever rules, hosts or");
    out.line("# [publish.memcached] change: it has to agree with them about every key. For nginx 1.22 and later.");
    let needs_module = plan.memcached.as_ref().is_some_and(tables::needs_module);
    if needs_module {
        out.line("# Keys are MD5 sums, which nginx alone can't make: apt-get install libnginx-mod-http-set-misc");
    }
    out.blank();
}

/// Lines with their indentation.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.0.push('\n');
    }

    /// A comment above what follows.
    pub(super) fn say(&mut self, indent: &str, lines: &[&str]) {
        for line in lines {
            self.line(&format!("{indent}# {line}"));
        }
    }

    /// A `map`: what it reads, what it sets, its rows.
    pub(super) fn map(&mut self, source: &str, target: &str, rows: &[(String, String)]) {
        self.line(&format!("map {source} ${target} {{"));
        for (key, value) in rows {
            self.line(&format!("    {key} {value};"));
        }
        self.line("}");
        self.blank();
    }
}
