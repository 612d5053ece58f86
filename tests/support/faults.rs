//! Peers that misbehave, each in one way.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What a faulty server does with a request that it has received.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It says nothing and keeps the connection open.
    Silence,
    /// It closes the connection.
    HangUp,
    /// It answers with this status and body.
    Answer(u16, &'static str),
}

/// A server that does the same wrong thing every time. It ends with the test.
#[derive(Clone, Debug)]
pub struct Faulty {
    /// Its address, for `endpoint_url`.
    pub endpoint: String,
    requests: Arc<AtomicUsize>,
}

impl Faulty {
    /// Starts it.
    pub async fn start(fault: Fault) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let requests = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, fault.clone(), Arc::clone(&seen)));
            }
        });
        Ok(Self { endpoint, requests })
    }

    /// How many requests have reached it.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

/// The address of a port on which nobody listens.
pub async fn nobody() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Ok(format!("http://{}", listener.local_addr()?))
}

async fn serve(mut connection: TcpStream, fault: Fault, requests: Arc<AtomicUsize>) -> io::Result<()> {
    read_request(&mut connection).await?;
    requests.fetch_add(1, Ordering::Relaxed);
    match fault {
        Fault::HangUp => Ok(()),
        // The rest of the connection: until the client gives up.
        Fault::Silence => connection.read_to_end(&mut Vec::new()).await.map(drop),
        Fault::Answer(status, body) => {
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            connection.write_all(head.as_bytes()).await?;
            connection.write_all(body.as_bytes()).await
        }
    }
}

/// Reads a request with a `content-length`, as the SDK sends them, to its end.
async fn read_request(connection: &mut TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    loop {
        if connection.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Ok(());
        }
    }
}
