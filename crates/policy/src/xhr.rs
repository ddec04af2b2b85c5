//! Requests that a script makes: `X-Requested-With: XMLHttpRequest` and its kin.
//!
//! What a script asked for is never answered with what a navigation was answered with, nor the other way round.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// How scripts' requests are known, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xhr {
    /// Whether they are never stored, and told so.
    pub never: bool,
    /// Signs of a script's request: one that is there is enough. At most [`Xhr::SIGNS_MAX`].
    pub signs: Vec<Sign>,
}

/// A sign: all of these fields. None at all is no sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign(pub Vec<(HeaderName, HeaderValue)>);

/// Which signs a request has, a bit for each. Zero is a navigation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct XhrClass(pub u16);

impl Xhr {
    /// Most signs: a bit each.
    pub const SIGNS_MAX: usize = 16;

    /// The signs where nothing else is configured, in the way of the rule file.
    pub const DEFAULT_SIGNS: [&str; 3] = [
        // jQuery and most libraries before `fetch`.
        "X-Requested-With: XMLHttpRequest",
        // htmx.
        "HX-Request: true",
        // `fetch` and `XMLHttpRequest` of browsers since 2023: Fetch Metadata Request Headers §2.
        "Sec-Fetch-Mode: cors, Sec-Fetch-Dest: empty",
    ];

    /// Which signs a request has. A field counts that is there exactly once with exactly the sign's value.
    #[must_use]
    pub fn classify(&self, request: &HeaderMap) -> XhrClass {
        // Most requests have no sign at all. Reading their lines once costs less than a look in the table for each sign;
        // nearly all values differ in length from what is looked for.
        let lengths = self
            .signs
            .iter()
            .filter_map(|sign| sign.0.first())
            .fold(0, |lengths, (_, value)| lengths | length_bit(value));
        let may_be = |(name, value): (&HeaderName, &HeaderValue)| {
            lengths & length_bit(value) != 0
                && self
                    .signs
                    .iter()
                    .filter_map(|sign| sign.0.first())
                    .any(|(wanted, wanted_value)| value == wanted_value && name == wanted)
        };
        if !request.iter().any(may_be) {
            return XhrClass::default();
        }
        let there = self.numbered().filter(|(_, sign)| sign.is_there(request));
        XhrClass(there.fold(0, |class, (bit, _)| class | bit))
    }

    /// Puts the fields of the signs of `class` on a request. It is then of that class, as far as any request can be: what
    /// else was on it and would make another class of it is taken off.
    pub fn write(&self, class: XhrClass, headers: &mut HeaderMap) {
        for (_, sign) in self.numbered().filter(|(bit, _)| class.0 & bit != 0) {
            for (name, value) in &sign.0 {
                headers.insert(name, value.clone());
            }
        }
        for (_, other) in self.numbered().filter(|(bit, _)| class.0 & bit == 0) {
            if other.is_there(headers) {
                for (name, _) in other.0.iter().filter(|(name, _)| !self.is_of(class, name)) {
                    headers.remove(name);
                }
            }
        }
    }

    /// The fields that any sign is made of. One that several signs are made of comes several times.
    pub fn fields(&self) -> impl Iterator<Item = &HeaderName> {
        self.signs.iter().flat_map(|sign| sign.0.iter().map(|(name, _)| name))
    }

    /// The fields that the signs of `class` are made of.
    pub fn fields_of(&self, class: XhrClass) -> impl Iterator<Item = &HeaderName> {
        let signs = self.numbered().filter(move |(bit, _)| class.0 & bit != 0);
        signs.flat_map(|(_, sign)| sign.0.iter().map(|(name, _)| name))
    }

    fn numbered(&self) -> impl Iterator<Item = (u16, &Sign)> {
        (0..u16::BITS).map(|place| 1 << place).zip(&self.signs)
    }

    fn is_of(&self, class: XhrClass, field: &HeaderName) -> bool {
        let mut signs = self.numbered().filter(|(bit, _)| class.0 & bit != 0);
        signs.any(|(_, sign)| sign.0.iter().any(|(name, _)| name == field))
    }
}

impl Default for Xhr {
    /// jQuery's and its kin's field, htmx's, and `fetch` of current browsers.
    fn default() -> Self {
        let signs = Self::DEFAULT_SIGNS.iter().filter_map(|text| Sign::parse(text).ok()).collect();
        Self { never: false, signs }
    }
}

impl Sign {
    /// A sign as the rule file writes it: `X-Requested-With: XMLHttpRequest`, or several fields with commas between them.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut fields: Vec<(HeaderName, HeaderValue)> = Vec::new();
        for part in text.split(',') {
            let (name, value) = field(part)?;
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(format!("the sign {text:?} names the field `{name}` twice"));
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    fn is_there(&self, request: &HeaderMap) -> bool {
        !self.0.is_empty() && self.0.iter().all(|(name, value)| is_exactly(request, name, value))
    }
}

/// A bit for the length of a value; those of 64 and more share them.
fn length_bit(value: &HeaderValue) -> u64 {
    1 << (value.len() & 63)
}

fn is_exactly(request: &HeaderMap, name: &HeaderName, value: &HeaderValue) -> bool {
    let mut lines = request.get_all(name).iter();
    lines.next() == Some(value) && lines.next().is_none()
}

fn field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let Some((name, value)) = text.split_once(':') else {
        return Err(format!(
            "{:?} is not a field with its value, such as `HX-Request: true`",
            text.trim()
        ));
    };
    let (name, value) = (name.trim(), value.trim());
    let Ok(field) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(format!("{name:?} is not the name of a field"));
    };
    if OTHERS_USE.contains(&field) {
        return Err(format!("`{field}` can't be a sign: it has another use"));
    }
    match HeaderValue::from_str(value) {
        Ok(value) if !value.is_empty() => Ok((field, value)),
        Ok(_) => Err(format!("`{field}` has no value: a sign is a field with a certain value")),
        Err(_) => Err(format!("the value of `{field}` can't be sent in a field")),
    }
}

/// Fields that frame a message or say whose it is: a sign is written onto requests, and these are not to be.
const OTHERS_USE: [HeaderName; 10] = [
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::COOKIE,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    crate::identity::field::LARDER_IDENTITY,
];

impl XhrClass {
    /// Whether a script made the request.
    #[must_use]
    pub const fn is_script(self) -> bool {
        self.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(fields: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn the_default_signs_are_all_read() {
        assert_eq!(Xhr::default().signs.len(), Xhr::DEFAULT_SIGNS.len());
        let names: Vec<_> = Xhr::default().fields().map(|name| name.as_str().to_owned()).collect();
        assert_eq!(names, ["x-requested-with", "hx-request", "sec-fetch-mode", "sec-fetch-dest"]);
        assert!(!Xhr::default().never);
    }

    #[test]
    fn a_sign_is_all_of_its_fields_once_with_exactly_their_values() {
        let jquery = ("x-requested-with", "XMLHttpRequest");
        let (mode, dest) = (("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"));
        let cases: [(&[(&str, &str)], u16); 14] = [
            (&[], 0),
            (&[jquery], 1),
            (&[("x-requested-with", "xmlhttprequest")], 0),
            (&[("x-requested-with", "XMLHttpRequest2")], 0),
            (&[("x-requested-with", "com.example.app")], 0),
            (&[("x-requested-with", "")], 0),
            (&[jquery, jquery], 0),
            (&[("hx-request", "true")], 2),
            (&[("hx-request", "false")], 0),
            (&[mode], 0),
            (&[dest], 0),
            (&[mode, dest], 4),
            (&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], 0),
            (&[mode, jquery, dest], 5),
        ];
        for (fields, expected) in cases {
            let class = Xhr::default().classify(&request(fields));
            assert_eq!(class, XhrClass(expected), "{fields:?}");
            assert_eq!(class.is_script(), expected != 0, "{fields:?}");
        }
    }

    #[test]
    fn signs_without_fields_and_more_than_there_are_bits_for_say_nothing() {
        let mut signs = vec![Sign(Vec::new()); Xhr::SIGNS_MAX];
        signs.push(Sign::parse("a: b").unwrap());
        let xhr = Xhr { never: false, signs };
        assert_eq!(xhr.classify(&request(&[("a", "b")])), XhrClass(0));
        let mut headers = HeaderMap::new();
        xhr.write(XhrClass(u16::MAX), &mut headers);
        assert!(headers.is_empty());
    }

    #[test]
    fn a_written_class_is_read_again_for_each_class_there_is() {
        let xhr = Xhr::default();
        for class in (0..8).map(XhrClass) {
            // An empty request, and one that has every sign already.
            let full = [
                ("x-requested-with", "XMLHttpRequest"),
                ("hx-request", "true"),
                ("sec-fetch-mode", "cors"),
                ("sec-fetch-dest", "empty"),
                ("accept", "*/*"),
            ];
            for before in [&[][..], &full[..]] {
                let mut headers = request(before);
                xhr.write(class, &mut headers);
                assert_eq!(xhr.classify(&headers), class, "{class:?} on {before:?}");
            }
        }
    }

    #[test]
    fn writing_leaves_fields_that_make_no_other_class() {
        let mut headers = request(&[("sec-fetch-mode", "navigate"), ("accept", "*/*")]);
        Xhr::default().write(XhrClass(1), &mut headers);
        let expected = [
            ("sec-fetch-mode", "navigate"),
            ("accept", "*/*"),
            ("x-requested-with", "XMLHttpRequest"),
        ];
        assert_eq!(headers, request(&expected));
    }

    #[test]
    fn a_sign_within_another_is_not_the_other() {
        let signs = ["a: 1", "a: 1, b: 2"].map(|text| Sign::parse(text).unwrap()).to_vec();
        let xhr = Xhr { never: true, signs };
        let mut headers = request(&[("b", "2")]);
        xhr.write(XhrClass(1), &mut headers);
        assert_eq!(xhr.classify(&headers), XhrClass(1));
    }

    #[test]
    fn signs_are_read_as_the_rule_file_writes_them() {
        let sign = Sign::parse("  Sec-Fetch-Mode :cors,Sec-Fetch-Dest: empty ").unwrap();
        let fields = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
        let expected =
            fields.map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)));
        assert_eq!(sign, Sign(expected.to_vec()));
        for bad in [
            "",
            "X",
            "X:",
            ": y",
            "X: a, b",
            "X: a, x: b",
            "a b: c",
            "Cookie: a=b",
            "X: a\u{7}",
            "Larder-Identity: class=authenticated",
            "X: a,",
        ] {
            assert!(Sign::parse(bad).is_err_and(|message| !message.is_empty()), "{bad:?}");
        }
    }

    fn fields() -> impl Strategy<Value = Vec<(u8, u8)>> {
        prop::collection::vec((0..4_u8, 0..3_u8), 0..6)
    }

    fn named((name, value): (u8, u8)) -> (HeaderName, HeaderValue) {
        let name = ["a", "b", "c", "d"].map(HeaderName::from_static)[usize::from(name)].clone();
        (name, HeaderValue::from_static(["0", "1", "2"][usize::from(value)]))
    }

    proptest! {
        #[test]
        fn the_class_of_a_request_can_be_written_onto_any_other(
            signs in prop::collection::vec(fields(), 0..5), one in fields(), other in fields(),
        ) {
            let signs = signs.into_iter().map(|sign| Sign(sign.into_iter().map(named).collect()));
            let xhr = Xhr { never: false, signs: signs.collect() };
            let one: HeaderMap = one.into_iter().map(named).collect();
            let class = xhr.classify(&one);
            for before in [HeaderMap::new(), other.into_iter().map(named).collect(), one] {
                let mut headers = before.clone();
                xhr.write(class, &mut headers);
                prop_assert_eq!(xhr.classify(&headers), class, "{:?}", before);
            }
        }
    }
}
