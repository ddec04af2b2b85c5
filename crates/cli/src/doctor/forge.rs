//! What is asked that no honest visitor asks? Each under a URL of its own, and not to be kept: who is deceived by it must not show
//! it to others.

use http::header::{CACHE_CONTROL, FORWARDED, HeaderMap, HeaderValue};
use larder_policy::Scheme;

use super::ask::{Asker, put};
use super::finding::Side;
use super::probe::{Forgery, Why};

impl Asker {
    /// A forged request, under a URL of its own and not to be kept by anybody.
    pub(super) async fn forge(&mut self, base: usize, forgery: Forgery, target: &str) {
        let target = self.seen.canary.apart(target);
        if self.seen.probe(base, Why::Honest).is_none() {
            let fields = self.apart(self.honest(base));
            self.get(base, Why::Honest, &target, fields).await;
        }
        let fields = self.forged(base, forgery);
        self.get(base, Why::Forged(forgery), &target, self.apart(fields)).await;
    }

    pub(super) fn apart(&self, mut fields: HeaderMap) -> HeaderMap {
        // RFC 9111 §5.2.1.5
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields
    }

    fn forged(&self, base: usize, forgery: Forgery) -> HeaderMap {
        let canary = &self.seen.canary;
        let mut fields = match forgery {
            Forgery::Underscores => self.fields(base, None),
            Forgery::WrongScheme
            | Forgery::NoScheme
            | Forgery::ForwardedHost
            | Forgery::Host
            | Forgery::Url => self.honest(base),
        };
        let scheme = self.seen.base(base).map_or(Scheme::Http, |base| base.scheme);
        let (wrong, on) = match scheme {
            Scheme::Http => ("https", "on"),
            Scheme::Https => ("http", "off"),
        };
        match forgery {
            Forgery::WrongScheme => {
                put(&mut fields, "x-forwarded-proto", wrong);
                put(&mut fields, "x-forwarded-ssl", on);
                put(&mut fields, "forwarded", &format!("proto={wrong}"));
            }
            Forgery::NoScheme => put(&mut fields, "x-forwarded-proto", &canary.scheme()),
            Forgery::ForwardedHost => {
                put(&mut fields, "x-forwarded-host", &canary.host());
                let proto = self.seen.scheme.as_str();
                let line = format!("host={};proto={proto}", canary.host());
                put(&mut fields, FORWARDED.as_str(), &line);
            }
            Forgery::Host => {
                put(&mut fields, "host", &canary.host());
                // A visitor's made-up host would be told to the application like any other.
                if self.seen.base(base).is_some_and(|base| base.side == Side::Application) {
                    self.seen.site.told(self.seen.scheme, &canary.host(), &mut fields);
                }
            }
            Forgery::Url => {
                for name in ["x-original-url", "x-rewrite-url"] {
                    put(&mut fields, name, &canary.path());
                }
            }
            Forgery::Underscores => {
                put(&mut fields, "x_forwarded_proto", wrong);
                put(&mut fields, "x_forwarded_host", &canary.host());
            }
        }
        fields
    }

    /// What the public address does with forged fields, by each scheme. As the main address it has been asked most of it.
    pub(super) async fn public(&mut self) {
        let main = self.seen.main();
        for base in 0..self.seen.site.bases.len() {
            let is_public = self.seen.base(base).is_some_and(|base| base.side == Side::Public);
            if !is_public || !self.seen.is_there(base) {
                continue;
            }
            self.forge(base, Forgery::WrongScheme, "/").await;
            if base != main && Some(base) == self.seen.front() {
                let rest = [
                    Forgery::ForwardedHost,
                    Forgery::Host,
                    Forgery::NoScheme,
                    Forgery::Underscores,
                    Forgery::Url,
                ];
                for forgery in rest {
                    self.forge(base, forgery, "/").await;
                }
            }
        }
    }
}
