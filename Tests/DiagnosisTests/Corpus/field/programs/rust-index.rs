fn main() { println!("rows"); let v: Vec<u8> = std::env::args().map(|_| 1u8).collect(); println!("{}", v[v.len() + 4]); }
