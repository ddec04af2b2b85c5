//! Does an application read the same file as the proxy, without needing what only the proxy needs?

#[cfg(test)]
mod tests {
    use larder_config::{Config, ConfigBuilder, Problems, SecretSource};

    fn builder(text: &str) -> ConfigBuilder {
        ConfigBuilder::new().file("larder.toml", text).secrets(|source| {
            let is_there = *source == SecretSource::Variable("HERE".to_owned());
            is_there.then(|| vec![b'x'; 32]).ok_or_else(|| format!("nobody may read {source:?}"))
        })
    }

    fn application(text: &str) -> Result<Config, Problems> {
        builder(text).for_application().build()
    }

    fn told(text: &str) -> String {
        application(text)
            .map_or_else(|wrong| wrong.to_string(), |config| config.warnings.to_string())
    }

    /// Everything that the proxy opens, and nothing of it there.
    const PROXYS: &str = r#"
        lookup = "postgres://larder:secret@db.internal/pages"
        [listen]
        http = []
        https = "[::]:443"
        [admin]
        listen = "127.0.0.1:80"
        token = "file:/nowhere/token"
        [purge]
        token = "env:NOT_SET"
        [upstream_tls]
        ca = "/nowhere/ca.pem"
        [publish.memcached]
        servers = ["10.0.0.1:11211"]
        [[tls.certificate]]
        chain = "/nowhere/fullchain.pem"
        key = "/nowhere/privkey.pem"
        [[rule]]
        path = "/*"
        audience = "all-users"
        publish = "nginx"
        content_type = "text/html"
        publish_type = "text/html; charset=utf-8"
        ttl = "1m"
    "#;

    #[test]
    fn what_only_the_proxy_needs_is_neither_opened_nor_required() {
        assert_eq!(told(""), "");
        assert_eq!(told(PROXYS), "");
        let proxys = builder(PROXYS).build().expect_err("nothing of it is there").to_string();
        let tls = if cfg!(feature = "tls") { "/nowhere/fullchain.pem" } else { "speaks no TLS" };
        for needed in ["no application is named", "/nowhere/token", "$NOT_SET", tls] {
            assert!(proxys.contains(needed), "{needed}: {proxys}");
        }
    }

    #[test]
    fn what_is_misspelt_is_wrong_here_too() {
        for (text, said) in [
            ("upsteam = 'http://a:1'", "unknown option `upsteam`"),
            ("upstream = 'a:1'", "has no scheme"),
            ("lookup = 'mysql://x'", "`mysql` is no engine"),
            ("[admin]\ntoken = 'hush'", "neither the file nor the variable"),
            ("[tls]\nmin_version = '1.1'", "not known here"),
            ("[[tls.certificate]]\nchain = 'a'", "a certificate without `key`"),
            ("[[tls.certificate]]\nchain = 'a'\nkey = 'b'\nhosts = 'a:1'", "not for ports"),
            ("[upstream_tls]\nname = 'a b'", "no certificate is for"),
            ("[publish.memcached]\nservers = 'a:0'", "a port is 1 to 65535"),
            ("[[rule]]\npath = '/a'\nttl = '1m'", "nobody shares these"),
        ] {
            let told = application(text).expect_err(text).to_string();
            assert!(told.contains(said), "{text}: {told}");
        }
    }

    #[test]
    fn keys_of_the_marker_are_needed_and_read() {
        let keys = |source| {
            format!("[identity]\nsession_cookies = ['sid']\nmarker_keys = ['k1={source}']")
        };
        let config = application(&keys("env:HERE")).expect("it is there");
        assert!(config.policy.identity.marker.is_some());
        assert!(told(&keys("env:ELSEWHERE")).contains("the key k1 can't be read from $ELSEWHERE"));
    }

    #[test]
    fn who_ends_tls_may_be_the_application_itself() {
        let text = "[https]\nredirect = true";
        let config = application(text).expect("a warning only");
        assert!(config.front.https.redirect);
        let told = config.warnings.to_string();
        assert!(
            told.contains("no proxy is named that may say that a request came by https"),
            "{told}"
        );
        assert!(builder(&format!("upstream = 'http://a:1'\n{text}")).build().is_err());
    }
}
