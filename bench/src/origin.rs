//! The application behind the caches: answers [`Page`]s from a thread of ours and counts, so that a
//! hit can be told from a miss by what the origin did not see.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::content::{HUGE_BYTES, Huge, Page, date_now};
use crate::httpd::{self, Answer, Piece};
use crate::sys;

/// A running origin. Lives until the process ends.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Where it listens.
    pub address: SocketAddr,
    asked: Arc<AtomicU64>,
}

impl Origin {
    /// Starts one on a port of the kernel's choice, on `core` when given.
    ///
    /// # Errors
    /// When no socket can be opened.
    pub fn start(core: Option<usize>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let asked = Arc::new(AtomicU64::new(0));
        let answers = Application::new(Arc::clone(&asked));
        thread::Builder::new().name("origin".into()).spawn(move || {
            if let Some(core) = core {
                sys::pin_to_core(core)?;
            }
            httpd::serve(&listener, answers)
        })?;
        Ok(Self { address, asked })
    }

    /// How many requests have arrived so far.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The bytes of a whole response.
#[must_use]
pub fn response(page: Page, date: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    page.write_head(date, &mut bytes);
    page.write_body(&mut bytes);
    bytes
}

struct Application {
    asked: Arc<AtomicU64>,
    date: String,
    fixed: HashMap<Vec<u8>, Arc<[u8]>>,
    filler: Arc<[u8]>,
}

const CHUNK_BYTES: usize = 1 << 16;

impl Application {
    fn new(asked: Arc<AtomicU64>) -> Self {
        let date = date_now();
        let fixed = [Page::Small, Page::Large].into_iter().map(|page| {
            let mut target = Vec::new();
            page.write_target(&mut target);
            (target, response(page, &date).into())
        });
        Self { asked, fixed: fixed.collect(), filler: vec![b'x'; CHUNK_BYTES].into(), date }
    }

    fn huge(&self, huge: Huge, out: &mut VecDeque<Piece>) {
        let mut head = Vec::new();
        Page::Huge(huge).write_head(&self.date, &mut head);
        out.push_back(Piece::Owned(head));
        match huge {
            Huge::Uncacheable | Huge::Sized => {
                out.push_back(Piece::Repeat { block: Arc::clone(&self.filler), bytes: HUGE_BYTES });
            }
            Huge::Chunked => {
                let mut chunk = format!("{CHUNK_BYTES:x}\r\n").into_bytes();
                chunk.extend_from_slice(&self.filler);
                chunk.extend_from_slice(b"\r\n");
                let bytes = HUGE_BYTES / (CHUNK_BYTES as u64) * (chunk.len() as u64);
                out.push_back(Piece::Repeat { block: chunk.into(), bytes });
                out.push_back(Piece::Owned(b"0\r\n\r\n".to_vec()));
            }
        }
    }
}

impl Answer for Application {
    fn answer(&mut self, target: &[u8], out: &mut VecDeque<Piece>) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(bytes) = self.fixed.get(target) {
            out.push_back(Piece::Shared(Arc::clone(bytes)));
            return;
        }
        match Page::of(target) {
            Some(Page::Huge(huge)) => self.huge(huge, out),
            Some(page) => out.push_back(Piece::Owned(response(page, &self.date))),
            None => out.push_back(Piece::Owned(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\r\n"
                    .to_vec(),
            )),
        }
    }
}
