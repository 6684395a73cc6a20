//! The product over HTTP: a server process of its own, and clients that keep their connections. The client speaks just
//! enough HTTP/1.1 to cost next to nothing beside the server it shares the processors with.

use crate::recipe::{Recipe, Ticket};
use crate::world::Failure;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

const PATIENCE: Duration = Duration::from_secs(120);

/// A server process; stopped when dropped.
pub struct Server {
    child: Child,
    address: String,
    /// From the start of the process to the first good answer of `/readyz`.
    pub ready_after: Duration,
}

impl Server {
    /// With the rows of a recipe, whose key file it needs.
    pub async fn start(
        program: &Path,
        database: &str,
        data: &Path,
        key_file: &Path,
    ) -> Result<Self, Failure> {
        Self::spawn(Command::new(program).env("ZHUPI_KEY_FILE", key_file), database, data).await
    }

    /// With demo data.
    pub async fn start_demo(program: &Path, database: &str, data: &Path) -> Result<Self, Failure> {
        Self::spawn(Command::new(program).env("ZHUPI_DEMO", "true"), database, data).await
    }

    async fn spawn(command: &mut Command, database: &str, data: &Path) -> Result<Self, Failure> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let started = Instant::now();
        let child = command
            .args(["serve", "--listen", &address, "--database", database, "--data"])
            .arg(data)
            .env("ZHUPI_LOG", "error")
            .env("ZHUPI_REQUESTS_PER_MINUTE", "0")
            .env("ZHUPI_ADDRESS_REQUESTS_PER_MINUTE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let mut server = Self { child, address, ready_after: Duration::ZERO };
        server.wait_until_ready(started).await?;
        Ok(server)
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    async fn wait_until_ready(&mut self, started: Instant) -> Result<(), Failure> {
        let ask = format!("GET /readyz HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        while started.elapsed() < PATIENCE {
            if let Ok(mut connection) = Connection::open(&self.address).await
                && connection.ask(ask.as_bytes()).await.is_ok_and(|(status, _)| status == 200)
            {
                self.ready_after = started.elapsed();
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the server ended at once: {status}").into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Err("the server did not become ready".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked politely first, so that it closes its database; whatever goes wrong here only ends the process sooner.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if asked.is_err() {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

/// Clients with a connection each.
pub struct Clients {
    server: Server,
    recipe: Arc<Recipe>,
    connections: Vec<Mutex<Option<Connection>>>,
}

impl Clients {
    pub fn new(server: Server, recipe: Arc<Recipe>, clients: usize) -> Self {
        let connections = (0..clients).map(|_| Mutex::new(None)).collect();
        Self { server, recipe, connections }
    }

    pub fn server(&self) -> u32 {
        self.server.process()
    }

    pub async fn act(&self, client: usize, ticket: Ticket) -> Result<(), String> {
        let approval = self.recipe.approvals.get(ticket.level).ok_or("no such level")?;
        let mut kept = self.connections.get(client).ok_or("no such client")?.lock().await;
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(&self.server.address).await.map_err(|error| error.to_string())?,
        };
        let ask = format!(
            "POST /v1/tasks/{}.{}/approve HTTP/1.1\r\nhost: {}\r\n{}content-type: application/json\r\n\
             content-length: 14\r\n\r\n{{\"comment\":\"\"}}",
            ticket.instance, approval.slot, self.server.address, approval.session
        );
        let (status, body) = connection.ask(ask.as_bytes()).await.map_err(|error| error.to_string())?;
        if status == 200 {
            *kept = Some(connection);
            return Ok(());
        }
        Err(format!("{status}: {}", String::from_utf8_lossy(&body)))
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 << 10) })
    }

    /// Sends a request and reads the whole answer: its status and its body.
    async fn ask(&mut self, request: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n") {
                break end + 4;
            }
            self.read_more().await?;
        };
        let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default()).to_ascii_lowercase();
        let status = text.split_whitespace().nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
        let length =
            text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let end = head + length.unwrap_or(0);
        while self.buffer.len() < end {
            self.read_more().await?;
        }
        Ok((status, self.buffer.get(head..end).unwrap_or_default().to_vec()))
    }

    async fn read_more(&mut self) -> std::io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
