//! A server that answers whatever a test wants: what no sandbox, which obeys the API, would answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::Value;

/// The server. Its thread ends with the test's process.
pub struct Stub {
    address: String,
}

impl Stub {
    /// Answers every request with 200 and what `answer` makes of its method and path.
    pub fn start(answer: impl Fn(&str, &str) -> Value + Send + 'static) -> Stub {
        Stub::raw(move |method, path| {
            let body = answer(method, path).to_string();
            Stub::answer(200, "content-type: application/json\r\n", &body)
        })
    }

    /// Answers every request with the very bytes that `answer` makes of its method and path.
    pub fn raw(answer: impl Fn(&str, &str) -> String + Send + 'static) -> Stub {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for connection in socket.incoming() {
                // A client that went away is its own test's business.
                let _ = serve(connection.unwrap(), &answer);
            }
        });
        Stub { address }
    }

    /// The bytes of an answer. Each of the headers ends its line.
    pub fn answer(status: u16, headers: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    /// Settings that have the binary take it for a tenant.
    pub fn settings(&self) -> [(&'static str, String); 3] {
        let secret = "the-application-s-own-secret";
        [
            ("AUTH0_DOMAIN", self.url()),
            ("AUTH0_CLIENT_ID", "an-application".to_owned()),
            ("AUTH0_CLIENT_SECRET", secret.to_owned()),
        ]
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(connection: TcpStream, answer: &impl Fn(&str, &str) -> String) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let mut words = first.split(' ');
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    reader.get_mut().write_all(answer(method, path).as_bytes())
}
