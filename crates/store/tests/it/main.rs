//! The store on SQLite, and on PostgreSQL where `ZHUPI_TEST_POSTGRES` says where one is.

mod databases;
mod people;
mod statements;
mod templates;
