//! The application's side: connection pool, balancing, time limits, retries.
