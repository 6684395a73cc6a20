//! `zhupi openapi`: print the description of the API.

pub fn print() -> Result<(), String> {
    let document = serde_json::to_value(zhupi_server::api::openapi()).map_err(|error| error.to_string())?;
    println!("{document:#}");
    Ok(())
}
