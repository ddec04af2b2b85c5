//! `NeverCacheLayer` alone: whose answers nobody keeps, and what the others say about it.

use http::HeaderMap;
use larder_tower::{NeverCacheLayer, Rules};
use tower::Layer as _;

use crate::world::{Fields, Seen, ask, field, request};

const NEVER: [&str; 3] = ["no-cache, no-store, must-revalidate", "no-cache", "0"];
const SIGNS: &str = "x-requested-with, hx-request, sec-fetch-mode, sec-fetch-dest";

async fn answer(layer: &NeverCacheLayer, line: &str, fields: Fields<'_>) -> HeaderMap {
    let page =
        [("answer-cache-control", "max-age=60"), ("answer-surrogate-control", "max-age=600")];
    let fields: Vec<_> = page.iter().chain(fields).copied().collect();
    ask(&layer.layer(Seen::default().service()), request(line, "", &fields)).await.1
}

fn is_never(headers: &HeaderMap) -> bool {
    let said = ["cache-control", "pragma", "expires"].map(|name| field(headers, name));
    let is_never = said == NEVER;
    assert!(is_never || said == ["max-age=60", "", ""], "{said:?}");
    assert_eq!(is_never, !headers.contains_key("surrogate-control"));
    is_never
}

fn vary(headers: &HeaderMap) -> String {
    let lines = headers.get_all("vary").iter();
    lines.map(|line| line.to_str().expect("text")).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn all_scripts_or_those_that_a_predicate_chooses() {
    let all = NeverCacheLayer::all();
    let scripts = NeverCacheLayer::scripts();
    let own = NeverCacheLayer::scripts_by(["X-Part: 1, X-Kind: a", "X-App: 2"]).expect("signs");
    let by_url = NeverCacheLayer::when(|head| head.uri.path().starts_with("/account/"));
    let cases: [(&NeverCacheLayer, &str, Fields<'_>, bool); 12] = [
        (&all, "/", &[], true),
        (&scripts, "/", &[], false),
        (&scripts, "/", &[("x-requested-with", "XMLHttpRequest")], true),
        (&scripts, "/", &[("x-requested-with", "com.android.browser")], false),
        (&scripts, "/", &[("hx-request", "true")], true),
        (&scripts, "/", &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")], true),
        (&scripts, "/", &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], false),
        (&own, "/", &[("hx-request", "true")], false),
        (&own, "/", &[("x-part", "1")], false),
        (&own, "/", &[("x-part", "1"), ("x-kind", "a")], true),
        (&by_url, "POST /account/x", &[], true),
        (&by_url, "/", &[], false),
    ];
    for (layer, line, fields, expected) in cases {
        let headers = answer(layer, line, fields).await;
        assert_eq!(is_never(&headers), expected, "{line} {fields:?}");
    }
}

#[tokio::test]
async fn where_fields_decide_answers_that_may_be_kept_say_by_which() {
    let scripts = NeverCacheLayer::scripts();
    assert_eq!(vary(&answer(&scripts, "/", &[]).await), SIGNS);
    assert_eq!(
        vary(&answer(&scripts, "/", &[("answer-vary", "Accept")]).await),
        format!("Accept, {SIGNS}")
    );
    assert_eq!(vary(&answer(&scripts, "/", &[("answer-vary", "*")]).await), "*");
    let script = [("hx-request", "true"), ("answer-vary", "Accept")];
    assert_eq!(vary(&answer(&scripts, "/", &script).await), "Accept", "nobody keeps it");
    assert_eq!(vary(&answer(&scripts.without_vary(), "/", &[]).await), "");
    assert_eq!(vary(&answer(&NeverCacheLayer::all(), "/", &[]).await), "");
    let preview = NeverCacheLayer::when(|head| head.headers.contains_key("x-preview"));
    assert_eq!(vary(&answer(&preview, "/", &[]).await), "", "nobody said what it looks at");
    let preview = preview.varying_by([http::HeaderName::from_static("x-preview")]);
    assert_eq!(vary(&answer(&preview, "/", &[]).await), "x-preview");
}

#[tokio::test]
async fn by_rules_it_does_what_they_say_of_scripts_and_otherwise_nothing() {
    let rules =
        |text| NeverCacheLayer::from(&Rules::from_toml("larder.toml", text).expect("sound"));
    let never = rules("[xhr]\nnever = true\nsigns = ['X-Part: 1']");
    let script = [("x-part", "1")];
    assert!(is_never(&answer(&never, "/", &script).await));
    assert_eq!(vary(&answer(&never, "/", &[]).await), "x-part");
    let nothing = rules("[xhr]\nsigns = ['X-Part: 1']");
    let headers = answer(&nothing, "/", &script).await;
    assert_eq!((is_never(&headers), vary(&headers)), (false, String::new()));
}

#[test]
fn what_is_no_sign_is_told() {
    for (signs, told) in [
        (vec!["X-Part"], "\"X-Part\" is not a field with its value"),
        (vec!["Cookie: a=b"], "`cookie` can't be a sign"),
        (vec!["X-A: 1"; 17], "no more than 16 signs"),
    ] {
        let wrong = NeverCacheLayer::scripts_by(signs).expect_err("no signs").to_string();
        assert!(wrong.starts_with(told), "{wrong}");
    }
}
