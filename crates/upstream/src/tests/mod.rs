//! Exchanges with scripted servers over real sockets.
