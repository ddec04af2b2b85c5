//! What the site decided about the names of fields: which with an underscore go on, which overrides.

use super::clean::{is_of_connection, tells_of_client};
use super::overrides::{Route, override_of};
use crate::forwarded_style::is_reserved;
use http::{HeaderMap, HeaderName, Method};

/// `underscores` and `danger.override_fields` of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldRules {
    /// What becomes of names with an underscore.
    pub underscores: Underscores,
    /// Override fields that the application gets on every route.
    pub overrides: Box<[HeaderName]>,
}

/// What becomes of fields with an underscore in their name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Underscores {
    /// They are taken off.
    #[default]
    Drop,
    /// The request is refused.
    Reject,
    /// They are taken off, except these.
    Pass(Passed),
}

/// Names with an underscore that may go on: none that an application could take for one that somebody else answers for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed(Box<[HeaderName]>);

/// Why a name can't be let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collision {
    /// It has no underscore, and goes on in any case.
    NoUnderscore,
    /// An application could take it for a field that Larder writes or trusts, or that belongs to HTTP or to the visitor's session.
    Taken,
}

impl Passed {
    /// These; `own` are the fields that the site has Larder write or believe besides the usual ones.
    ///
    /// # Errors
    /// The first name that can't be let through.
    pub fn new(names: &[HeaderName], own: &[HeaderName]) -> Result<Self, (HeaderName, Collision)> {
        for name in names {
            if let Some(collision) = collision(name, own) {
                return Err((name.clone(), collision));
            }
        }
        Ok(Self(names.into()))
    }

    /// Them.
    #[must_use]
    pub fn names(&self) -> &[HeaderName] {
        &self.0
    }
}

/// What an application that tells dashes and underscores not apart could take a name for, in the spelling with dashes.
#[must_use]
pub fn with_dashes(name: &HeaderName) -> String {
    name.as_str().replace('_', "-")
}

/// Why this name can't be let through, if it can't.
#[must_use]
pub fn collision(name: &HeaderName, own: &[HeaderName]) -> Option<Collision> {
    if !name.as_str().contains('_') {
        return Some(Collision::NoUnderscore);
    }
    // Fields that pages differ by, and CGI's own variables, which some servers take from fields of these names.
    const MORE: [&str; 6] =
        ["accept-language", "origin", "referer", "user-agent", "script-name", "path-info"];
    let dashed = with_dashes(name);
    let is_taken = is_reserved(&dashed)
        || is_of_connection(&dashed)
        || tells_of_client(&dashed)
        || override_of(&dashed).is_some()
        || MORE.contains(&dashed.as_str())
        || own.iter().any(|own| own.as_str() == dashed);
    is_taken.then_some(Collision::Taken)
}

impl FieldRules {
    /// Whether a name with an underscore goes on.
    pub(super) fn passes(&self, name: &HeaderName) -> bool {
        match &self.underscores {
            Underscores::Drop | Underscores::Reject => false,
            Underscores::Pass(passed) => passed.0.contains(name),
        }
    }

    /// Whether a field changes the meaning of a request on a route where it may not.
    pub(super) fn is_unwanted_override(&self, name: &HeaderName, route: Route) -> bool {
        let changes = override_of(name.as_str()).filter(|changes| !route.lets(*changes));
        changes.is_some() && !self.overrides.contains(name)
    }

    /// Whether requests with these fields are refused for their names.
    #[must_use]
    pub fn refuses(&self, headers: &HeaderMap) -> bool {
        self.underscores == Underscores::Reject
            && headers.keys().any(|name| name.as_str().contains('_'))
    }

    /// The names that go on although they have an underscore.
    #[must_use]
    pub fn passed(&self) -> &[HeaderName] {
        match &self.underscores {
            Underscores::Drop | Underscores::Reject => &[],
            Underscores::Pass(passed) => passed.names(),
        }
    }

    /// Why a field of a client's does not reach the application, apart from what `Connection` lists.
    #[must_use]
    pub fn removal(&self, name: &HeaderName, route: Route) -> Option<Removal> {
        let text = name.as_str();
        if text.contains('_') {
            (!self.passes(name)).then_some(Removal::Underscore)
        } else if tells_of_client(text) {
            Some(Removal::Forwarded)
        } else if is_of_connection(text) {
            Some(Removal::Connection)
        } else if self.is_unwanted_override(name, route) {
            Some(Removal::Override)
        } else {
            None
        }
    }
}

/// Why a field does not reach the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Removal {
    /// Its name has an underscore.
    Underscore,
    /// It tells of the visitor, which only Larder does.
    Forwarded,
    /// It asks for something else than the method and the URL say.
    Override,
    /// It belongs to the connection, or `Connection` lists it.
    Connection,
}

impl Removal {
    /// Its stable name.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Underscore => "underscore",
            Self::Forwarded => "forwarded",
            Self::Override => "override",
            Self::Connection => "connection",
        }
    }

    /// One line for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Underscore => "an underscore: applications take it for the name with dashes",
            Self::Forwarded => {
                "about the visitor: only `trusted_proxies` are believed, and Larder writes it anew"
            }
            Self::Override => "asks for something else than the method and the URL say",
            Self::Connection => "of this connection only",
        }
    }
}

/// The route of a request: whether a rule stores nothing, or what its method says.
#[must_use]
pub fn route(stores_nothing: Option<&crate::rule::Action>, method: &Method) -> Route {
    use crate::rule::Action;
    match stores_nothing {
        Some(Action::Pass | Action::Never) => Route::Passed,
        Some(Action::Respect | Action::Share(_)) | None => Route::of(method),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_goes_on_that_could_be_taken_for_somebody_elses() {
        let extra = [HeaderName::from_static("x-edge")];
        let cases = [
            ("x_real_name", None),
            ("sm_user", None),
            ("x-real_name", None),
            ("x-real-name", Some(Collision::NoUnderscore)),
            ("x_forwarded_for", Some(Collision::Taken)),
            ("x-forwarded_proto", Some(Collision::Taken)),
            ("x_forwarded_anything", Some(Collision::Taken)),
            ("x_real_ip", Some(Collision::Taken)),
            ("front_end_https", Some(Collision::Taken)),
            ("x_edge", Some(Collision::Taken)),
            ("content_length", Some(Collision::Taken)),
            ("content_type", Some(Collision::Taken)),
            ("transfer_encoding", Some(Collision::Taken)),
            ("proxy_connection", Some(Collision::Taken)),
            ("if_none_match", Some(Collision::Taken)),
            ("larder_identity", Some(Collision::Taken)),
            ("x_http_method_override", Some(Collision::Taken)),
            ("x_original_url", Some(Collision::Taken)),
            ("script_name", Some(Collision::Taken)),
        ];
        for (name, expected) in cases {
            let name = HeaderName::from_static(name);
            assert_eq!(collision(&name, &extra), expected, "{name}");
            assert_eq!(Passed::new(&[name], &extra).is_ok(), expected.is_none());
        }
    }
}
