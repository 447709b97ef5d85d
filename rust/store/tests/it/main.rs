//! The store over SQLite and over a real PostgreSQL, which this binary starts for itself.

mod audit;
mod bounds;
mod failure;
mod hostile;
mod jobs;
mod keys;
mod kill;
mod migration;
mod postgres;
mod search;
mod ship;
mod support;
mod usage;
