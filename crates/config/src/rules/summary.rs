//! What would this rule do, in one line?

use larder_policy::rule::HostPattern;
use larder_policy::{Action, Rule};

use crate::config::Config;
use crate::quantity::show_duration;

impl Config {
    /// Each rule in a line, in order: its place, what it matches, what follows.
    pub fn rule_lines(&self) -> impl ExactSizeIterator<Item = String> {
        self.policy.rules.iter().map(line)
    }
}

fn line(rule: &Rule) -> String {
    let mut text = format!("{}  {} {}", rule.place, rule.when.pattern.option(), rule.when.pattern);
    for (index, host) in rule.when.hosts.iter().enumerate() {
        text.push_str(if index == 0 { " at " } else { ", " });
        match host {
            HostPattern::Exact(name) => text.push_str(name),
            HostPattern::Below(name) => {
                text.push_str("*.");
                text.push_str(name);
            }
        }
    }
    for (index, method) in rule.when.methods.iter().enumerate() {
        text.push_str(if index == 0 { " for " } else { ", " });
        text.push_str(method.as_str());
    }
    text.push_str("  ");
    if let Some(scheme) = rule.scheme {
        text.push_str(&format!("by {} only, ", scheme.as_str()));
    }
    text.push_str(&action(&rule.action));
    text
}

fn action(action: &Action) -> String {
    match action {
        Action::Never => "never".to_owned(),
        Action::Pass => "pass".to_owned(),
        Action::Respect => "as the response says".to_owned(),
        Action::Share(share) => {
            let made = share.rework.words();
            match share.ttl {
                Some(ttl) => format!("{}, ttl {}{made}", share.audience.name(), show_duration(ttl)),
                None => format!("{}, as long as the response says{made}", share.audience.name()),
            }
        }
    }
}
