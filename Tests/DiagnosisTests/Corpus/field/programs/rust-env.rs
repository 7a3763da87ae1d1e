fn main() { println!("tide 0.3"); let k = std::env::var("TIDE_API_KEY").expect("TIDE_API_KEY must be set"); println!("{}", k.len()); }
