//! The members of an identity as text, in the field and in the marker: a dictionary of RFC 9651 §3.2, read strictly.
//!
//! Of a member that comes twice RFC 9651 §4.2.2 takes the last. Here such a dictionary counts as malformed: whoever can add
//! a member to another's must not be able to change who somebody is.

use super::{Class, VALUE_BYTES_MAX};
use sfv::visitor::{
    DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor, ParameterVisitor,
};
use sfv::{BareItemFromInput, KeyRef, Parser};
use std::{convert::Infallible, error::Error, fmt};

/// Two values of the greatest length with each character escaped, and the rest.
const TEXT_BYTES_MAX: usize = 4096;

/// Which members are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `class`, `user`, `segment`.
    Field,
    /// `session` and `expires` too.
    Marker,
}

/// What was there.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) class: Option<Class>,
    pub(super) user: Option<String>,
    pub(super) segment: Option<String>,
    pub(super) session: Option<String>,
    pub(super) expires: Option<u64>,
}

/// Reads a dictionary. `None`: malformed, a known member twice or with a value that it can't have.
pub(super) fn read(text: &[u8], form: Form) -> Option<Members> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let reader = Reader { form, found: Members::default() };
    Parser::new(text).parse_dictionary_with_visitor(reader).ok()
}

/// Writes the given parts, which may be none.
///
/// # Errors
/// What can't be written, for people.
pub(super) fn write(
    class: Option<Class>,
    user: Option<&str>,
    segment: Option<&str>,
) -> Result<String, String> {
    let mut text = String::new();
    if let Some(class) = class {
        text.push_str("class=");
        text.push_str(class.as_str());
    }
    for (name, value) in [("user", user), ("segment", segment)] {
        if let Some(value) = value {
            push(&mut text, name, value)?;
        }
    }
    Ok(text)
}

/// Adds `name="value"`.
///
/// # Errors
/// Why the value can't be written, for people.
pub(super) fn push(text: &mut String, name: &str, value: &str) -> Result<(), String> {
    if value.is_empty() || value.len() > VALUE_BYTES_MAX {
        return Err(format!(
            "the {name} must have 1 to {VALUE_BYTES_MAX} bytes, not {}",
            value.len()
        ));
    }
    // RFC 9651 §3.3.3: a string is of printable ASCII.
    if let Some(bad) = value.chars().find(|c| !matches!(c, ' '..='~')) {
        return Err(format!("the {name} has a {bad:?} in it, which is not printable ASCII"));
    }
    if !text.is_empty() {
        text.push_str(", ");
    }
    text.push_str(name);
    text.push_str("=\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    Ok(())
}

#[derive(Clone, Copy)]
enum Member {
    Class,
    User,
    Segment,
    Session,
    Expires,
}

impl Member {
    fn of(name: &str, form: Form) -> Option<Self> {
        match (name, form) {
            ("class", _) => Some(Self::Class),
            ("user", _) => Some(Self::User),
            ("segment", _) => Some(Self::Segment),
            ("session", Form::Marker) => Some(Self::Session),
            ("expires", Form::Marker) => Some(Self::Expires),
            (_, Form::Field | Form::Marker) => None,
        }
    }
}

/// Ends the reading.
#[derive(Debug)]
struct Wrong;

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member of the identity is repeated or has a value that it can't have")
    }
}

impl Error for Wrong {}

struct Reader {
    form: Form,
    found: Members,
}

struct Entry<'a> {
    member: Member,
    found: &'a mut Members,
}

impl<'de> DictionaryVisitor<'de> for Reader {
    type Out = Members;
    type Error = Infallible;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Infallible> {
        let member = Member::of(key.as_str(), self.form);
        Ok(member.map(|member| Entry { member, found: &mut self.found }))
    }

    fn finish(self) -> Result<Members, Infallible> {
        Ok(self.found)
    }
}

impl<'de> EntryVisitor<'de> for Entry<'_> {
    type Error = Wrong;

    fn item(self) -> Result<impl ItemVisitor<'de>, Wrong> {
        Ok(self)
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, Wrong> {
        Err::<Ignored, Wrong>(Wrong)
    }
}

impl<'de> ItemVisitor<'de> for Entry<'_> {
    type Out = ();
    type Error = Wrong;

    fn bare_item(
        self,
        value: BareItemFromInput<'de>,
    ) -> Result<impl ParameterVisitor<'de, Out = ()>, Wrong> {
        let found = self.found;
        match self.member {
            Member::Class => set(&mut found.class, class(&value)),
            Member::User => set(&mut found.user, text(&value)),
            Member::Segment => set(&mut found.segment, text(&value)),
            Member::Session => set(&mut found.session, text(&value)),
            Member::Expires => set(&mut found.expires, seconds(&value)),
        }?;
        // Parameters say nothing.
        Ok(Ignored)
    }
}

/// Once only, and only a value that it can have.
fn set<T>(place: &mut Option<T>, value: Option<T>) -> Result<(), Wrong> {
    if place.is_some() {
        return Err(Wrong);
    }
    *place = Some(value.ok_or(Wrong)?);
    Ok(())
}

fn class(value: &BareItemFromInput<'_>) -> Option<Class> {
    let word = match value {
        BareItemFromInput::Token(token) => token.as_str(),
        BareItemFromInput::String(string) => string.as_str(),
        BareItemFromInput::Integer(_)
        | BareItemFromInput::Decimal(_)
        | BareItemFromInput::ByteSequence(_)
        | BareItemFromInput::Boolean(_)
        | BareItemFromInput::Date(_)
        | BareItemFromInput::DisplayString(_) => return None,
    };
    [Class::Anonymous, Class::Authenticated].into_iter().find(|class| class.as_str() == word)
}

fn text(value: &BareItemFromInput<'_>) -> Option<String> {
    let text = match value {
        BareItemFromInput::Token(token) => token.as_str(),
        BareItemFromInput::String(string) => string.as_str(),
        BareItemFromInput::Integer(number) => return Some(i64::from(*number).to_string()),
        BareItemFromInput::Decimal(_)
        | BareItemFromInput::ByteSequence(_)
        | BareItemFromInput::Boolean(_)
        | BareItemFromInput::Date(_)
        | BareItemFromInput::DisplayString(_) => return None,
    };
    (1..=VALUE_BYTES_MAX).contains(&text.len()).then(|| text.to_owned())
}

fn seconds(value: &BareItemFromInput<'_>) -> Option<u64> {
    match value {
        BareItemFromInput::Integer(number) => u64::try_from(i64::from(*number)).ok(),
        BareItemFromInput::Token(_)
        | BareItemFromInput::String(_)
        | BareItemFromInput::Decimal(_)
        | BareItemFromInput::ByteSequence(_)
        | BareItemFromInput::Boolean(_)
        | BareItemFromInput::Date(_)
        | BareItemFromInput::DisplayString(_) => None,
    }
}
