//! The floor: what a hit costs a process that only reads a head, looks the target up and writes.
//! No server that answers over the same sockets can be below it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use crate::content::{Page, date_now};
use crate::httpd::{self, Answer, Piece};
use crate::origin::response;

/// Serves the two fixed pages from memory until killed.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: &TcpListener) -> io::Result<()> {
    httpd::serve(listener, Floor::new())
}

struct Floor(HashMap<Vec<u8>, Arc<[u8]>>);

impl Floor {
    fn new() -> Self {
        let date = date_now();
        let pages = [Page::Small, Page::Large].into_iter().map(|page| {
            let mut target = Vec::new();
            page.write_target(&mut target);
            (target, response(page, &date).into())
        });
        Self(pages.collect())
    }
}

impl Answer for Floor {
    fn answer(&mut self, target: &[u8], out: &mut VecDeque<Piece>) {
        out.push_back(match self.0.get(target) {
            Some(bytes) => Piece::Shared(Arc::clone(bytes)),
            None => Piece::Owned(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec()),
        });
    }
}
