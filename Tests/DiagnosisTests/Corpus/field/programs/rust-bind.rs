fn main() { println!("bind"); let l = std::net::TcpListener::bind("0.0.0.0:7860").expect("cannot bind"); l.accept().unwrap(); }
