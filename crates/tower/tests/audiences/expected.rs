//! What has to be there: the simple cases in which a page must be used.

use http::Method;
use larder_policy::Action;

use crate::claims::Got;
use crate::judge::made;
use crate::reference as naive;
use crate::said::Record;
use crate::site::Site;

/// A page that the next one who asks for it has to get.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) number: usize,
    pub(crate) until: u64,
    pub(crate) selects: Vec<(String, Option<String>)>,
}

/// What a fill that went well leaves behind.
pub(crate) fn expected(sites: &[Site], record: &Record, got: &Got) -> Option<Expected> {
    let site = &sites[record.site];
    let rule = naive::rule(site, &Method::GET, &record.host, &record.target).0;
    let Some(Action::Share(share)) = rule else { return None };
    let terms = naive::terms(&record.said, record.status, Some(share));
    let told = record.told.clone().unwrap_or_default();
    let about_somebody = told.class.as_deref() == Some("authenticated")
        || told.user.is_some()
        || told.segment.is_some();
    let confirmed = !about_somebody || record.said.vary.contains(&"Larder-Identity");
    let simple = record.status == 200
        && made(&got.headers) == Some(record.number)
        && !record.disconnects
        && !record.breaks_off
        && confirmed
        && record.said.content_language.is_none()
        && naive::is_storable(&record.said, record.status, Some(share));
    if !simple || terms.lifetime <= record.said.age {
        return None;
    }
    let keyed = naive::keyed_headers(share);
    let varies = record.said.vary.iter().map(|name| name.to_lowercase());
    let sent = ["accept-language", "x-country", "user-agent", "x-tag"].map(str::to_owned);
    let sent = sent
        .into_iter()
        .filter(|name| record.fields.get(name.as_str()).is_some_and(|value| value != "Larder"));
    let mut names: Vec<String> = varies.chain(sent).collect();
    names.retain(|name| {
        !["cookie", "larder-identity", "host"].contains(&name.as_str()) && !keyed.contains(name)
    });
    names.sort_unstable();
    names.dedup();
    let select = |name: String| {
        let value = naive::normal(&name, &record.fields).filter(|value| value != "Larder");
        (name, value)
    };
    let until = record.at + terms.lifetime - record.said.age;
    Some(Expected {
        number: record.number,
        until,
        selects: names.into_iter().map(select).collect(),
    })
}
