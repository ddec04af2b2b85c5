//! The server: what it listens to, what it passes on, where it looks pages up.

use http::header::STRICT_TRANSPORT_SECURITY;
use larder_policy::published::KeyStyle;
use larder_policy::rule::HostPattern;
use larder_proxy::{PURGE_FIELDS, PURGE_METHODS};

use super::Text;
use crate::nginx_conf::hosts::split_port;
use crate::nginx_conf::kinds::Kind;
use crate::nginx_conf::plan::{Memcached, Plan};
use crate::nginx_conf::quote;

/// The first status that stands for a kind. nginx lets any from 300 to 599 have a place, and no standard has these.
const FIRST_STATUS: usize = 470;

pub(super) fn write(plan: &Plan, out: &mut Text) {
    if plan.memcached.as_ref().is_some_and(|memcached| hsts(memcached).is_some()) {
        out.say("", &["Said by https only."]);
        let value = plan.memcached.as_ref().and_then(hsts).unwrap_or_default();
        let table = [
            ("default".to_owned(), "\"\"".to_owned()),
            ("https".to_owned(), quote::value(&value, &format!("{}_dollar", plan.name))),
        ];
        out.map("$scheme", &format!("{}_hsts", plan.name), &table);
    }
    out.line("server {");
    listen(plan, out);
    refusals(plan, out);
    towards_larder(plan, out);
    locations(plan, out);
    out.line("}");
}

fn hsts(memcached: &Memcached) -> Option<String> {
    let listed = memcached.fields.iter().find(|(name, _)| name == STRICT_TRANSPORT_SECURITY);
    let value = listed.map(|(_, value)| value).or(memcached.hsts.as_ref())?;
    value.to_str().ok().map(str::to_owned)
}

fn listen(plan: &Plan, out: &mut Text) {
    out.line("    listen 80;");
    if let Some((certificate, key)) = &plan.tls {
        out.line("    listen 443 ssl http2;");
        out.line(&format!(
            "    ssl_certificate {};",
            quote::literal(&certificate.to_string_lossy())
        ));
        out.line(&format!("    ssl_certificate_key {};", quote::literal(&key.to_string_lossy())));
        out.line("    ssl_protocols TLSv1.2 TLSv1.3;");
    }
    let mut shown = Vec::new();
    for class in &plan.hosts.classes {
        let (host, star) = match &class.pattern {
            HostPattern::Exact(host) => (host, ""),
            HostPattern::Below(host) => (host, "*."),
        };
        let (name, _) = split_port(host);
        // Longer names do not fit the table that nginx keeps them in, unless `http` makes it wider.
        let name = match name.len() {
            0..=40 => format!("{star}{name}"),
            _ if star.is_empty() => format!("\"~^{}$\"", quote::in_expression(name)),
            _ => format!("\"~\\.{}$\"", quote::in_expression(name)),
        };
        if !shown.contains(&name) {
            shown.push(name);
        }
    }
    out.line(&format!("    server_name {};", shown.join(" ")));
    out.blank();
}

fn refusals(plan: &Plan, out: &mut Text) {
    out.say(
        "    ",
        &["Purges are for Larder's own listeners, not for everybody who comes this way."],
    );
    out.line(&format!(
        "    if ($request_method ~ \"^(?:{})$\") {{\n        return 405;\n    }}\n",
        PURGE_METHODS.join("|")
    ));
    if plan.passes_underscores {
        out.say("    ", &[
            "Some fields with an underscore are for the application, and Larder knows which (`underscores_pass`).",
            "nginx reads this of the default server of a port only: write it in `http` if that is another one.",
        ]);
        out.line("    underscores_in_headers on;");
    } else {
        out.say(
            "    ",
            &["Applications take X_Real_Name for X-Real-Name: fields with an underscore end here."],
        );
        out.line("    underscores_in_headers off;");
    }
    out.line("    ignore_invalid_headers on;");
    out.say("    ", &["How large an upload may be is the application's to say."]);
    out.line("    client_max_body_size 0;\n");
}

fn towards_larder(plan: &Plan, out: &mut Text) {
    out.say("    ", &["Everything that is asked of Larder. What visitors say of themselves in these fields counts for nothing."]);
    out.line("    proxy_http_version 1.1;");
    let scheme_field = plan.scheme_field.as_ref().map(|name| (name.as_str(), "$scheme"));
    let host = format!("${}_asked", plan.name);
    let connection = format!("${}_connection", plan.name);
    let fields = [
        ("Host", host.as_str()),
        ("Upgrade", "$http_upgrade"),
        ("Connection", connection.as_str()),
        ("X-Forwarded-For", "$remote_addr"),
        ("X-Forwarded-Host", host.as_str()),
        ("X-Forwarded-Port", "$server_port"),
        ("X-Forwarded-Proto", "$scheme"),
    ];
    let emptied = [
        "Forwarded",
        "Front-End-Https",
        "Larder-Identity",
        "Larder-Identity-Proof",
        "X-Forwarded-Protocol",
        "X-Forwarded-Scheme",
        "X-Forwarded-SSL",
        "X-Real-IP",
    ];
    for (name, value) in fields.into_iter().chain(scheme_field) {
        out.line(&format!("    proxy_set_header {name} {value};"));
    }
    for name in emptied.iter().chain(PURGE_FIELDS) {
        out.line(&format!("    proxy_set_header {} \"\";", quote::field_name(name)));
    }
    out.say("    ", &["Larder says itself when it has waited too long, and fields may be as large as it lets them be."]);
    out.line(&format!("    proxy_read_timeout {}s;", plan.wait_secs));
    out.line("    proxy_connect_timeout 2s;");
    out.line("    proxy_next_upstream error;");
    out.line(
        "    proxy_buffer_size 32k;\n    proxy_buffers 8 32k;\n    proxy_busy_buffers_size 64k;\n",
    );
}

fn locations(plan: &Plan, out: &mut Text) {
    let name = &plan.name;
    out.line("    location / {");
    if let Some(memcached) = &plan.memcached {
        for (number, _) in plan.kinds.kinds.iter().enumerate() {
            let status = FIRST_STATUS + number;
            out.line(&format!("        error_page {status} = @{name}_{};", number + 1));
            out.line(&format!(
                "        if (${name}_lookup = {}) {{\n            return {status};\n        }}",
                number + 1
            ));
        }
        out.line(&format!("        proxy_pass http://{name};\n    }}\n"));
        out.say(
            "    ",
            &["A page that is not in Memcached sends its request on from where it was looked up."],
        );
        out.line("    recursive_error_pages on;\n");
        for (number, kind) in plan.kinds.kinds.iter().enumerate() {
            location(plan, memcached, number, kind, out);
        }
        out.line(&format!("    location @{name} {{"));
    }
    out.line(&format!("        proxy_pass http://{name};\n    }}"));
}

fn location(plan: &Plan, memcached: &Memcached, number: usize, kind: &Kind, out: &mut Text) {
    let name = &plan.name;
    out.line(&format!("    location @{name}_{} {{", number + 1));
    let key = key(plan, memcached, kind);
    for line in key {
        out.line(&format!("        {line}"));
    }
    out.line(&format!("        memcached_pass {name}_memcached;"));
    out.line("        memcached_connect_timeout 100ms;\n        memcached_send_timeout 250ms;\n        memcached_read_timeout 250ms;");
    out.line("        memcached_next_upstream off;\n        memcached_buffer_size 16k;");
    out.line(&format!("        error_page 404 500 502 503 504 = @{name};"));
    out.line("        types { }");
    out.line(&format!("        default_type {};", kind.content_type.media()));
    match kind.content_type.charset() {
        Some(charset) => out.line(&format!("        charset {charset};\n        charset_types *;")),
        None => out.line("        charset off;"),
    }
    out.line("        gzip_vary on;\n        expires off;");
    for (name, value) in &kind.fields {
        out.line(&format!("        add_header {name} {};", quote::literal(value)));
    }
    let dollar = format!("{name}_dollar");
    for (field, value) in
        memcached.fields.iter().filter(|(name, _)| name != STRICT_TRANSPORT_SECURITY)
    {
        let value = value.to_str().unwrap_or_default();
        let field = quote::field_name(field.as_str());
        out.line(&format!("        add_header {field} {};", quote::value(value, &dollar)));
    }
    if hsts(memcached).is_some() {
        out.line(&format!("        add_header Strict-Transport-Security ${name}_hsts;"));
    }
    out.line("        add_header Cache-Status \"nginx-memcached; hit\";\n    }\n");
}

/// Sets the key, byte for byte as Larder makes it.
fn key(plan: &Plan, memcached: &Memcached, kind: &Kind) -> Vec<String> {
    let name = &plan.name;
    let keys = &memcached.keys;
    let (prefix, version, cookie) = (&keys.prefix, &keys.version, &keys.cookie);
    let page = format!("${{{name}_host}}$request_uri");
    let own = if kind.versioned { format!("${{{name}_version}}") } else { String::new() };
    match keys.style {
        KeyStyle::DjangoNginxMemcache => vec![
            format!("set_md5 ${name}_hash \"{page}&{cookie}={own}\";"),
            format!("set $memcached_key \"{prefix}:{version}:${name}_hash\";"),
        ],
        // A version has its colon already.
        KeyStyle::Larder => vec![format!("set $memcached_key \"{prefix}:{own}$scheme://{page}\";")],
    }
}
