//! The layer: whose answers nobody is to keep, for all the services that it makes.

use std::fmt;
use std::sync::Arc;

use http::Request;
use http::header::{HeaderMap, HeaderName, HeaderValue, VARY};
use http::request::Parts;
use larder_policy::dress;
use larder_policy::xhr::{Sign, Xhr};
use tower_layer::Layer;

use super::NeverCacheService;
use crate::Rules;

/// Tells every cache not to keep answers. The module says what becomes of `Vary`.
///
/// ```
/// use http::{Request, Response};
/// use larder_tower::NeverCacheLayer;
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # futures_util::future::FutureExt::now_or_never(async {
/// let never = NeverCacheLayer::scripts_by(["HX-Request: true"])?;
/// let service = never.layer(service_fn(|_: Request<String>| async {
///     let response = Response::builder().header("cache-control", "max-age=60");
///     Ok::<_, std::convert::Infallible>(response.body(String::new()).unwrap())
/// }));
///
/// let script = Request::get("/").header("hx-request", "true").body(String::new()).unwrap();
/// let answer = service.clone().oneshot(script).await.unwrap();
/// assert_eq!(answer.headers()["cache-control"], "no-cache, no-store, must-revalidate");
///
/// let page = Request::get("/").body(String::new()).unwrap();
/// let answer = service.oneshot(page).await.unwrap();
/// assert_eq!(answer.headers()["cache-control"], "max-age=60");
/// assert_eq!(answer.headers()["vary"], "hx-request");
/// # Ok::<(), larder_tower::SignError>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct NeverCacheLayer {
    chooses: Arc<Chooses>,
    /// What the other answers vary by.
    vary: Arc<[HeaderName]>,
}

/// Whose answers are kept by nobody.
enum Chooses {
    All,
    None,
    Scripts(Xhr),
    When(Box<dyn Fn(&Parts) -> bool + Send + Sync>),
}

impl fmt::Debug for Chooses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("All"),
            Self::None => f.write_str("None"),
            Self::Scripts(signs) => f.debug_tuple("Scripts").field(signs).finish(),
            Self::When(_) => f.write_str("When"),
        }
    }
}

/// Something that is no sign of a script's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignError(String);

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SignError {}

/// What becomes of a response.
#[derive(Clone, Debug)]
pub(super) enum Marks {
    /// Nobody keeps it.
    Never,
    /// Who keeps it tells these apart.
    Varies(Arc<[HeaderName]>),
    Nothing,
}

impl NeverCacheLayer {
    /// All answers.
    #[must_use]
    pub fn all() -> Self {
        Self::made(Chooses::All)
    }

    /// Answers to scripts: requests with `X-Requested-With: XMLHttpRequest`, with `HX-Request: true`, or with `Sec-Fetch-Mode: cors`
    /// and `Sec-Fetch-Dest: empty`, as current browsers send them for `fetch`.
    #[must_use]
    pub fn scripts() -> Self {
        Self::by(Xhr::default())
    }

    /// Answers to requests with any of these signs. A sign is a field with its value, as `HX-Request: true`, or several with commas
    /// between them, all of which have to be there.
    ///
    /// # Errors
    /// The first that is no sign, or that there are more than sixteen.
    pub fn scripts_by<T: AsRef<str>>(
        signs: impl IntoIterator<Item = T>,
    ) -> Result<Self, SignError> {
        let signs: Result<Vec<Sign>, String> =
            signs.into_iter().map(|sign| Sign::parse(sign.as_ref())).collect();
        let signs = signs.map_err(SignError)?;
        if signs.len() > Xhr::SIGNS_MAX {
            return Err(SignError(format!("no more than {} signs are told apart", Xhr::SIGNS_MAX)));
        }
        Ok(Self::by(Xhr { never: true, signs }))
    }

    /// Answers to requests that are chosen by their head.
    ///
    /// ```
    /// use larder_tower::NeverCacheLayer;
    ///
    /// let by_url = NeverCacheLayer::when(|head| head.uri.path().starts_with("/account/"));
    /// let by_field = NeverCacheLayer::when(|head| head.headers.contains_key("x-preview"))
    ///     .varying_by([http::HeaderName::from_static("x-preview")]);
    /// ```
    #[must_use]
    pub fn when(chooses: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        Self::made(Chooses::When(Box::new(chooses)))
    }

    /// The fields that the choice looks at: answers that are not chosen vary by them.
    #[must_use]
    pub fn varying_by(mut self, fields: impl IntoIterator<Item = HeaderName>) -> Self {
        self.vary = fields.into_iter().collect();
        self
    }

    /// Leaves `Vary` as it is. For scripts that have URLs of their own.
    #[must_use]
    pub fn without_vary(self) -> Self {
        self.varying_by([])
    }

    fn made(chooses: Chooses) -> Self {
        Self { chooses: Arc::new(chooses), vary: Arc::default() }
    }

    fn by(signs: Xhr) -> Self {
        let mut fields: Vec<HeaderName> = Vec::new();
        for field in signs.fields() {
            if !fields.contains(field) {
                fields.push(field.clone());
            }
        }
        Self::made(Chooses::Scripts(signs)).varying_by(fields)
    }

    /// What becomes of the answer to a request, which comes back as it was.
    pub(super) fn choose<B>(&self, request: Request<B>) -> (Request<B>, Marks) {
        let (request, is_chosen) = match &*self.chooses {
            Chooses::All => (request, true),
            Chooses::None => (request, false),
            Chooses::Scripts(signs) => {
                let is_script = signs.classify(request.headers()).is_script();
                (request, is_script)
            }
            Chooses::When(chooses) => {
                let (head, body) = request.into_parts();
                let is_chosen = chooses(&head);
                (Request::from_parts(head, body), is_chosen)
            }
        };
        let marks = match () {
            () if is_chosen => Marks::Never,
            () if self.vary.is_empty() => Marks::Nothing,
            () => Marks::Varies(Arc::clone(&self.vary)),
        };
        (request, marks)
    }
}

impl From<&Rules> for NeverCacheLayer {
    /// Scripts' answers, by the signs of `[xhr]`, where it says `never = true`. Otherwise the layer does nothing.
    fn from(rules: &Rules) -> Self {
        let signs = &rules.policy.xhr;
        if signs.never { Self::by(signs.clone()) } else { Self::made(Chooses::None) }
    }
}

impl Marks {
    pub(super) fn put(&self, headers: &mut HeaderMap) {
        match self {
            Self::Never => dress::never(headers),
            Self::Varies(fields) => {
                for field in &**fields {
                    add_to_vary(headers, field);
                }
            }
            Self::Nothing => {}
        }
    }
}

/// Merges a member into `Vary` (RFC 9110 §12.5.5), unless it is there.
fn add_to_vary(headers: &mut HeaderMap, field: &HeaderName) {
    let is_there = headers
        .get_all(VARY)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii))
        .any(|member| member == b"*" || member.eq_ignore_ascii_case(field.as_str().as_bytes()));
    if !is_there {
        let _too_full = headers.try_append(VARY, HeaderValue::from(field.clone()));
    }
}

impl<S> Layer<S> for NeverCacheLayer {
    type Service = NeverCacheService<S>;

    fn layer(&self, inner: S) -> NeverCacheService<S> {
        NeverCacheService::new(inner, self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vary_is_merged_and_never_repeated() {
        let cases: [(&[&str], &[&str]); 5] = [
            (&[], &["hx-request"]),
            (&["Accept"], &["Accept", "hx-request"]),
            (&["accept, HX-Request"], &["accept, HX-Request"]),
            (&["*"], &["*"]),
            (&["accept", "hx-requested"], &["accept", "hx-requested", "hx-request"]),
        ];
        for (before, after) in cases {
            let mut headers: HeaderMap =
                before.iter().map(|line| (VARY, HeaderValue::from_static(line))).collect();
            let fields = Arc::new([HeaderName::from_static("hx-request")]);
            Marks::Varies(fields).put(&mut headers);
            assert_eq!(headers.get_all(VARY).iter().collect::<Vec<_>>(), after, "{before:?}");
        }
    }
}
