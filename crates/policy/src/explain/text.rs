//! An explanation for people: a screen, or one line for `Cache-Status`.

use super::{
    DoorLine, Explanation, Lifetimes, Outcome, Rows, Sent, Standing, VisitorLine, show_span,
};
use std::fmt;
use std::time::Duration;

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} {}", self.method, self.url)?;
        self.rows().fmt(out)
    }
}

impl Explanation {
    /// All but the first line.
    fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        if self.counts_as != self.url {
            rows.push("counts as", &self.counts_as);
        }
        match &self.rule {
            Some(rule) => {
                rows.push("rule", format!("{}  {}: {}", rule.place, rule.matches, rule.follows));
            }
            None if self.door.is_some() => {}
            None => rows.push("rule", "none: the response decides (RFC 9111)"),
        }
        if let Some(nearest) = &self.nearest {
            rows.push("nearest", format!("{}  {}", nearest.rule.place, nearest.but));
        }
        if self.door.is_none() {
            rows.push("visitor", self.visitor.text());
        }
        rows.push("what happens", self.happens());
        if let Some(because) = &self.because {
            let clause = because.clause.map(|clause| format!(" ({clause})")).unwrap_or_default();
            rows.push("because", format!("{}: {}{clause}", because.reason, because.text));
            rows.push("to change it", because.advice);
        }
        rows.list(
            "key",
            self.key.iter().map(|line| match line.values.as_slice() {
                [] => format!("{}: none", line.name),
                values => format!("{} = {}", line.name, values.join(", ")),
            }),
        );
        if self.door.is_none() {
            rows.list("sent", self.sent.lines());
        }
        let left_out = &self.sent.left_out;
        let named = [
            ("fields", &left_out.fields),
            ("cookies", &left_out.cookies),
            ("parameters", &left_out.parameters),
        ];
        rows.list(
            "not sent",
            named
                .iter()
                .filter(|(_, names)| !names.is_empty())
                .map(|(kind, names)| format!("{kind}: {}", names.join(", "))),
        );
        rows.list("taken off", self.sent.taken_off());
        if let Some(lifetimes) = &self.lifetimes {
            rows.list("kept", lifetimes.lines());
        }
        rows.list("visitor sees", self.sees());
        rows.list("note", self.notes.iter().cloned());
        rows
    }

    fn happens(&self) -> String {
        if let Some(DoorLine { status, location }) = &self.door {
            let to = location.as_ref().map(|location| format!(", to {location}"));
            return format!("Larder answers {status} itself{}", to.unwrap_or_default());
        }
        match self.outcome {
            Outcome::ResponseDecides => {
                "from the cache if it is there; stored if the response allows it"
            }
            Outcome::Shared => "from the cache if it is there; else made for all who share it",
            Outcome::Pass => "to the application with all that it came with; nothing is stored",
            Outcome::Never => {
                "to the application; nothing is stored, and the response says so to everybody"
            }
            Outcome::LookUp => "the application is asked first who the visitor is",
            Outcome::AtTheDoor => "Larder answers itself",
        }
        .to_owned()
    }

    fn sees(&self) -> Vec<String> {
        let mut lines: Vec<_> = self
            .seen
            .fields
            .iter()
            .map(|field| format!("{}: {}", field.name, field.value))
            .collect();
        if let Some(first) = lines.first_mut() {
            let own = self.lifetimes.as_ref().is_some_and(|kept| kept.browser_ttl_secs.is_some());
            if own {
                first.push_str(" (and the page's age is added)");
            } else if !self.seen.replaces {
                first.push_str(" (where the application sends none)");
            }
        }
        lines
    }

    /// One line: the rule, its audience, how the visitor is known (not who they are), what is not sent.
    #[must_use]
    pub fn brief(&self) -> String {
        let mut text = self.rule.as_ref().map_or_else(
            || "no rule".to_owned(),
            |rule| {
                let name = rule.audience.as_ref().unwrap_or(&rule.follows);
                format!("{} {name}", rule.place)
            },
        );
        let visitor = &self.visitor;
        let known = match (visitor.standing, visitor.class) {
            (Standing::Verified, Some(class)) => format!("verified {class}"),
            (Standing::Anonymous, _) => "anonymous".to_owned(),
            _ if !visitor.matters => "with a session".to_owned(),
            (Standing::Verified | Standing::Unverified, _) => "unverified".to_owned(),
            (Standing::ToBeAsked, _) => "to be asked".to_owned(),
        };
        text.push_str(&format!("; visitor {known}"));
        if let Some(doubt) = visitor.doubt.filter(|_| visitor.matters) {
            text.push_str(&format!(" ({doubt})"));
        }
        let left_out = &self.sent.left_out;
        let named = [
            ("fields", &left_out.fields),
            ("cookies", &left_out.cookies),
            ("parameters", &left_out.parameters),
        ];
        for (kind, names) in named.iter().filter(|(_, names)| !names.is_empty()) {
            text.push_str(&format!("; {kind} not sent: {}", names.join(", ")));
        }
        let removed = &self.sent.removed;
        if !removed.is_empty() {
            let removed: Vec<_> =
                removed.iter().map(|it| format!("{} ({})", it.field, it.why)).collect();
            text.push_str(&format!("; taken off: {}", removed.join(", ")));
        }
        text
    }
}

impl VisitorLine {
    fn text(&self) -> String {
        let mut text = match self.standing {
            Standing::Anonymous => "anonymous: no session cookie".to_owned(),
            Standing::Verified => format!("verified: {}", self.class.unwrap_or("unknown")),
            Standing::Unverified | Standing::ToBeAsked if !self.matters => {
                "with a session; whose it is does not matter here".to_owned()
            }
            Standing::Unverified => format!("unverified: {}", self.doubt.unwrap_or("no proof")),
            Standing::ToBeAsked => "not known yet: the application has to be asked".to_owned(),
        };
        for (name, value) in [("user", &self.user), ("segment", &self.segment)] {
            if let Some(value) = value {
                text.push_str(&format!(", {name} {value}"));
            }
        }
        if !self.session_cookies.is_empty() {
            text.push_str(&format!(" (session cookie: {})", self.session_cookies.join(", ")));
        }
        text
    }
}

impl Sent {
    fn lines(&self) -> Vec<String> {
        if self.as_it_came {
            return vec![format!("{}, the visitor's own request", self.target)];
        }
        let mut lines = vec![self.target.clone()];
        lines.extend(self.fields.iter().map(|field| format!("{}: {}", field.name, field.value)));
        if !self.cookies.is_empty() {
            let cookies: Vec<_> = self
                .cookies
                .iter()
                .map(|field| format!("{}={}", field.name, field.value))
                .collect();
            lines.push(format!("cookie: {}", cookies.join("; ")));
        }
        lines
    }
}

impl Sent {
    /// A line for each reason.
    fn taken_off(&self) -> Vec<String> {
        let by_reason = self.removed.chunk_by(|one, other| one.why == other.why);
        let lines = by_reason.filter_map(|same| {
            let names: Vec<_> = same.iter().map(|it| it.field.as_str()).collect();
            Some(format!("{} ({})", names.join(", "), same.first()?.text))
        });
        lines.collect()
    }
}

impl Lifetimes {
    fn lines(&self) -> Vec<String> {
        let span = |secs| show_span(Duration::from_secs(secs));
        let mut first = match self.ttl_secs {
            Some(secs) => format!("{} in Larder", span(secs)),
            None => "as long as the response says".to_owned(),
        };
        let more = [
            ("in browsers", self.browser_ttl_secs),
            ("in caches between", self.cdn_ttl_secs),
            ("longer while it is made anew", self.grace_secs),
            ("longer while the application fails", self.stale_if_error_secs),
        ];
        for (what, secs) in more {
            if let Some(secs) = secs {
                first.push_str(&format!(", {} {what}", span(secs)));
            }
        }
        let statuses: Vec<_> = self.statuses.iter().map(ToString::to_string).collect();
        let mut only = format!("if the status is {}", statuses.join(" or "));
        if !self.content_types.is_empty() {
            only.push_str(&format!(" and the type {}", self.content_types.join(" or ")));
        }
        if self.respect_origin {
            only.push_str("; a lifetime that the response states wins");
        }
        if self.override_no_store {
            only.push_str("; no-store, private and no-cache of the response are overridden");
        }
        vec![first, only]
    }
}
