fn main() { let l = std::net::TcpListener::bind("0.0.0.0:8080").unwrap(); println!("2026-11-30T08:00:01.120Z  INFO tide::http: listening on {}", l.local_addr().unwrap()); l.accept().unwrap(); }
