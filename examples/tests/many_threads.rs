//! The layer in axum on a runtime of several threads: what holds on one holds there.

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use axum::Router;
    use axum::body::Body;
    use axum::extract::{Path, State};
    use axum::response::IntoResponse;
    use axum::routing::get;
    use http::Response;
    use http::header::CACHE_CONTROL;
    use larder_testkit::Client;
    use larder_tower::{CacheLayer, Rules};
    use tokio::net::TcpListener;
    use tower::ServiceBuilder;

    const CLIENTS: u64 = 6;
    const EACH: u64 = 400;

    /// The newest version of all pages, and how many were made.
    #[derive(Clone, Default)]
    struct Newest {
        version: Arc<AtomicU64>,
        made: Arc<AtomicU64>,
    }

    async fn page(State(newest): State<Newest>, Path(name): Path<String>) -> impl IntoResponse {
        newest.made.fetch_add(1, Ordering::Relaxed);
        let version = newest.version.load(Ordering::SeqCst);
        // Others have their turn while this page is made.
        tokio::task::yield_now().await;
        ([(CACHE_CONTROL, "max-age=3600")], format!("{name} {version}"))
    }

    /// Asks for three pages in turn, and looks what version of each came.
    fn ask(address: SocketAddr, first: u64, purged: &AtomicU64) {
        let mut client = Client::connect(address);
        for turn in 0..EACH {
            let name = format!("page-{}", (turn + first) % 3);
            let oldest = purged.load(Ordering::SeqCst);
            let text = client.get(&format!("/{name}")).text();
            let (got, version) = text.split_once(' ').expect("a name and a version");
            assert_eq!(got, name);
            let version: u64 = version.parse().expect("a version");
            assert!(version >= oldest, "{version} after {oldest} was purged");
        }
    }

    #[test]
    fn each_gets_the_page_asked_for_and_nobody_one_from_before_a_purge() {
        let newest = Newest::default();
        let cache = CacheLayer::new(&Rules::from_toml("rules", "").expect("rules"));
        let site = ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(cache.clone())
            .service(Router::new().route("/{name}", get(page)).with_state(newest.clone()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a listener");
        let address = listener.local_addr().expect("its address");
        runtime.spawn(async { axum::serve(listener, tower::make::Shared::new(site)).await });

        // What every purge that is over has done away with.
        let purged = AtomicU64::new(0);
        let purger = cache.purger();
        thread::scope(|scope| {
            for number in 0..CLIENTS {
                let purged = &purged;
                scope.spawn(move || ask(address, number, purged));
            }
            scope.spawn(|| {
                for version in 1..=50 {
                    newest.version.store(version, Ordering::SeqCst);
                    purger.all();
                    purged.store(version, Ordering::SeqCst);
                    thread::yield_now();
                }
            });
        });
        let made = newest.made.load(Ordering::Relaxed);
        assert!(made < CLIENTS * EACH, "{made} of {} were made: nothing was kept", CLIENTS * EACH);
    }
}
