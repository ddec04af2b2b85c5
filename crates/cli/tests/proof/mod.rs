//! An application that is told for whom a page is made, and whether that is proven to it.

use std::fs;
use std::path::Path;

use larder_cache::{Clock as _, SystemClock};
use larder_policy::identity::{Key, Keys};
use larder_testkit::Origin;

const SECRET: &str = "a secret of thirty-two bytes or more";

/// Rules by which `/plans` is made for a class of visitors. The key lies in `folder`.
pub(crate) fn rules(folder: &Path) -> String {
    let file = folder.join("marker.key");
    fs::write(&file, SECRET).expect("a key");
    format!(
        "[identity]\nsession_cookies = ['sessionid']\nmarker_keys = ['k1=file:{}']\n\
         [audience.plan]\nkey = ['class']\n\
         [[rule]]\npath = '/plans'\naudience = 'plan'\nttl = '10m'\n",
        file.display()
    )
}

/// The proofs of the requests that said for whom they were, each of which has to count.
pub(crate) fn proofs(origin: &Origin) -> Vec<String> {
    let key = Key::new("k1", SECRET.as_bytes()).expect("a key");
    let keys = Keys::new(vec![key]).expect("one key");
    let mut proofs = Vec::new();
    for request in origin.requests() {
        let Some(told) = request.field("larder-identity") else { continue };
        let proof = request.field("larder-identity-proof").expect("a proof");
        assert_eq!(keys.check(told.as_bytes(), proof.as_bytes(), SystemClock.now()), Ok(()));
        proofs.push(proof.to_owned());
    }
    proofs
}
