//! What does the blog know? Posts with comments, in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use larder_tower::Purger;

use crate::sessions::Sessions;

/// Everything that handlers share.
#[derive(Clone)]
pub(crate) struct Site(Arc<Inside>);

struct Inside {
    posts: Mutex<BTreeMap<String, Post>>,
    pages_made: AtomicU64,
    purger: Purger,
    sessions: Sessions,
}

/// A post with what was said about it.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) comments: Vec<Comment>,
}

#[derive(Clone)]
pub(crate) struct Comment {
    pub(crate) author: String,
    pub(crate) text: String,
}

impl Site {
    pub(crate) fn new(purger: Purger, sessions: Sessions) -> Self {
        let post = |title, text| Post { title, text, comments: Vec::new() };
        let posts = [
            ("bread", post("On bread", "Nothing is as good as bread on the day it was baked.")),
            ("jam", post("On jam", "Plums need less sugar than people think.")),
        ];
        let posts = posts.map(|(slug, post)| (slug.to_owned(), post)).into();
        let posts = Mutex::new(posts);
        Self(Arc::new(Inside { posts, pages_made: AtomicU64::new(0), purger, sessions }))
    }

    pub(crate) fn posts(&self) -> BTreeMap<String, Post> {
        self.0.posts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a comment, and takes away the pages on which it is missing. `None`: there is no such post.
    pub(crate) fn comment(&self, slug: &str, comment: Comment) -> Option<()> {
        let mut posts = self.0.posts.lock().unwrap_or_else(PoisonError::into_inner);
        posts.get_mut(slug)?.comments.push(comment);
        drop(posts);
        // In force when it returns: the visitor who is sent back to the post sees the comment, and so does everybody else.
        self.0.purger.tags([tag(slug)]);
        Some(())
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Which page this is of all that were made: so that one can see what was not made again.
    pub(crate) fn page_number(&self) -> u64 {
        self.0.pages_made.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What pages that show a post, or how many comments it has, are tagged with.
pub(crate) fn tag(slug: &str) -> String {
    format!("post:{slug}")
}
