fn main() -> Result<(), Box<dyn std::error::Error>> { println!("config"); let t = std::fs::read_to_string("config/tide.toml")?; println!("{t}"); Ok(()) }
