//! A connection that becomes another kind of connection (a web socket) behind the layers: they hand it on.

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::time::Duration;

    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::response::{IntoResponse as _, Response};
    use axum::routing::get;
    use http::StatusCode;
    use http::header::{CONNECTION, UPGRADE};
    use hyper_util::rt::TokioIo;
    use larder_tower::{CacheLayer, HygieneLayer, Rules};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tower::ServiceBuilder;

    /// Sends back four bytes of what is no longer HTTP.
    async fn echo(mut request: Request) -> Response {
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async {
            let mut connection = TokioIo::new(upgraded.await.expect("another connection"));
            let mut bytes = [0; 4];
            connection.read_exact(&mut bytes).await.expect("four bytes");
            connection.write_all(&bytes).await.expect("taken");
        });
        let fields = [(CONNECTION, "upgrade"), (UPGRADE, "echo")];
        (StatusCode::SWITCHING_PROTOCOLS, fields).into_response()
    }

    #[test]
    fn a_connection_that_is_upgraded_is_the_handlers() {
        let rules = "[[rule]]\npath = '/*'\naudience = 'all-users'\nttl = '1m'";
        for rules in ["", rules] {
            let rules = Rules::from_toml("rules", rules).expect("rules");
            let site = ServiceBuilder::new()
                .map_response(|response: Response<_>| response.map(Body::new))
                .layer(HygieneLayer::from(&rules))
                .layer(CacheLayer::new(&rules))
                .service(Router::new().route("/echo", get(echo)));
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a listener");
            let address = listener.local_addr().expect("its address");
            runtime.spawn(async { axum::serve(listener, tower::make::Shared::new(site)).await });

            let mut stream = TcpStream::connect(address).expect("a connection");
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
            let request = "GET /echo HTTP/1.1\r\nHost: site.test\r\n\
                           Connection: Upgrade\r\nUpgrade: echo\r\n\r\n";
            stream.write_all(request.as_bytes()).expect("sent");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("more of the head");
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
            assert!(head.starts_with("http/1.1 101 "), "{head}");
            assert!(head.contains("upgrade: echo"), "{head}");
            stream.write_all(b"jam!").expect("sent");
            let mut back = [0; 4];
            stream.read_exact(&mut back).expect("what was sent");
            assert_eq!(&back, b"jam!");
        }
    }
}
