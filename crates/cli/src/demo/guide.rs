//! What is there to try, and what does it show?

use std::net::SocketAddr;

/// What the demo prints: five commands, each with what to look at.
pub(super) fn text(
    plain: SocketAddr,
    https: Option<SocketAddr>,
    application: SocketAddr,
) -> String {
    let plain = format!("http://{}", reachable(plain));
    let Some(https) = https else { return commands(&plain, application) };
    let site = format!("https://{}", reachable(https));
    // Nobody vouches for the certificate: curl is told not to mind.
    let commands = commands(&site, application).replace("curl -", "curl -k");
    format!(
        "{commands}\n\nThe certificate was made for this run and nobody vouches for it: curl needs -k, a browser warns and\n\
         lets you through behind \"Advanced\". By http the same is at {plain}."
    )
}

fn commands(site: &str, application: SocketAddr) -> String {
    format!(
        "\
Larder is at {site}, in front of a small application at http://{application}.
Look at {site}/ with a browser, or try in another terminal:

1. A page that takes 300 ms to make. Run it twice:
     curl -si {site}/slow | grep -iE 'cache-status|made at'
   First `larder; fwd=uri-miss; stored`: made by the application, and kept. Then `larder; hit`: the same
   page at once, with ttl, the seconds it stays fresh, and detail, why it could be used.

2. Twenty visitors at the same moment, for a page nobody has asked for yet:
     seq 20 | xargs -P 20 -I{{}} curl -s \"{site}/slow?all-at-once\" | grep -o 'page number [0-9]*' | sort | uniq -c
   One number, twenty times: the application made the page once, and everybody got it.

3. A page in two languages:
     for l in de en de; do curl -si -H \"Accept-Language: $l\" {site}/hello | grep -iE 'cache-status|<h1>'; done
   Each language is made once; the third answer is a hit, and the right one.

4. A page for one person, behind a login:
     curl -s -o /dev/null -c jar -d name=Ada {site}/login; curl -si -b jar {site}/me | grep -iE 'cache-status|<h1>'
   Never stored, and nobody else's: run the second half as often as you like, the detail says why.

5. The application breaks. What was seen in 3 is stale after five seconds, and is still served:
     curl -s -o /dev/null -X POST {site}/switch; sleep 6; curl -si -H \"Accept-Language: de\" {site}/hello | grep -iE '^HTTP|cache-status'
   200 with the stale page instead of an error; its ttl is below zero. The same POST repairs it:
     curl -s -o /dev/null -X POST {site}/switch

Ctrl-C ends both."
    )
}

/// An address a client on this machine can use: one of all interfaces is not an address to call.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn commands_name_an_address_that_can_be_called() {
        let cases =
            [("0.0.0.0:81", "http://127.0.0.1:81/slow"), ("[::]:81", "http://[::1]:81/slow")];
        for (listen, expected) in cases {
            let text = text(listen.parse().unwrap(), None, "127.0.0.1:9".parse().unwrap());
            assert!(text.contains(expected), "{listen}: {text}");
        }
    }

    #[test]
    fn by_https_curl_is_told_not_to_mind_the_certificate() {
        let address = |text: &str| text.parse().unwrap();
        let https = Some(address("[::]:8443"));
        let text = text(address("127.0.0.1:8080"), https, address("127.0.0.1:9"));
        assert!(text.starts_with("Larder is at https://[::1]:8443,"), "{text}");
        assert_eq!(text.matches("curl ").count(), text.matches("curl -k").count() + 1, "{text}");
        assert!(text.ends_with("By http the same is at http://127.0.0.1:8080."), "{text}");
    }
}
