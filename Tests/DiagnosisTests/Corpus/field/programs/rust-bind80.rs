fn main() { println!("bind"); let l = std::net::TcpListener::bind("0.0.0.0:80").expect("cannot bind"); l.accept().unwrap(); }
