//! The cache inside an application, through the public interface only: rules from text, a small service, axum.

#[cfg(test)]
mod axum_router;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod explained;
#[cfg(test)]
mod failing;
#[cfg(test)]
mod hits;
#[cfg(test)]
mod leaving;
#[cfg(test)]
mod purged;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod world;
