fn main() { println!("index"); let v: Vec<u8> = Vec::with_capacity(2_000_000_000); println!("{}", v.capacity()); }
